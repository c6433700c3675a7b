"""One label: a level of one vocabulary and the values of its tags, in the one spelling there is.

    UKR.1 DSK//REL DEU,GBR,USA        policy UKR, level DSK, releasable to three nations beside Ukraine
    UKR.1 T                           policy UKR, level T, releasable to nobody but Ukraine

The text is the label: it is what a source signs and what a decision is cached by. So parsing refuses everything but
the canonical text (code `label`): a second spelling of one meaning would be a second key, and a lenient reader would
see what a strict one does not. Parsing costs a few microseconds; callers keep the result by its text.
A refusal never quotes the text, which may itself be marked above the reader. Source: SPEC.md section 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.core.errors import Refused
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import MAX_LABEL_BYTES


@dataclass(frozen=True, slots=True)
class Label:
    """A label that its vocabulary understands; equal exactly when text and vocabulary are.

    text: canonical, ASCII, at most 512 bytes.
    tags: tag code to its values, both ascending; never an empty list.
    """

    text: str
    defined_by: Vocabulary = field(repr=False)
    level: str = field(compare=False)
    tags: Mapping[str, tuple[str, ...]] = field(compare=False)

    @property
    def policy(self) -> str:
        """Whose rules apply: `UKR`."""
        return self.defined_by.policy

    @property
    def vocabulary(self) -> str:
        """Name of the vocabulary: `UKR.1`."""
        return self.defined_by.name

    @property
    def rank(self) -> int:
        """Place of the level in its vocabulary, 0 the lowest."""
        return self.defined_by.rank(self.level)

    @classmethod
    def parse(cls, text: str | bytes, vocabularies: Mapping[str, Vocabulary]) -> Label:
        """The label that `text` spells; `vocabularies` by name. Refuses `label` on anything else."""
        spelled = _ascii(text)
        name, _, rest = spelled.partition(" ")
        vocabulary = vocabularies.get(name)
        if vocabulary is None:
            raise _refused("a vocabulary in force")
        level, *parts = rest.split("//")
        tags: dict[str, tuple[str, ...]] = {}
        previous = ""
        for part in parts:
            tag, _, listed = part.partition(" ")
            if tag <= previous:
                raise _refused("its tags once each, ascending")
            values = tuple(listed.split(","))
            if any(left >= right for left, right in pairwise(values)):
                raise _refused("the values of a tag once each, ascending")
            tags[tag] = values
            previous = tag
        _check(vocabulary, level, tags)
        return cls(spelled, vocabulary, level, tags)

    @classmethod
    def expand(cls, short: str, vocabulary: Vocabulary) -> Label:
        """The label that `short` spells where the vocabulary is given: `DSK//REL DEU,GBR,USA`. Refuses `label`."""
        return cls.parse(f"{vocabulary.name} {short}", {vocabulary.name: vocabulary})

    @classmethod
    def of(cls, vocabulary: Vocabulary, level: str, tags: Mapping[str, Iterable[str]]) -> Label:
        """The label of these parts, in whatever order they come; refuses `label` like `parse`."""
        ordered = {tag: tuple(sorted(set(tags[tag]))) for tag in sorted(tags)}
        _check(vocabulary, level, ordered)
        spelled = spell(vocabulary, level, ordered)
        return cls(_ascii(spelled), vocabulary, level, ordered)


def spell(vocabulary: Vocabulary, level: str, tags: Mapping[str, tuple[str, ...]]) -> str:
    """Canonical text of ordered parts; checks nothing."""
    return "".join(
        (f"{vocabulary.name} {level}", *(f"//{tag} {','.join(values)}" for tag, values in tags.items())),
    )


def _refused(expected: str) -> Refused:
    return Refused("label", f"the text of a label must have {expected}, something else came", at="label")


def _ascii(text: str | bytes) -> str:
    # The length is checked first, so that nothing is decoded or split that is longer than a label can be.
    if len(text) > MAX_LABEL_BYTES or not text.isascii():
        raise _refused(f"at most {MAX_LABEL_BYTES} ASCII characters")
    return text if isinstance(text, str) else text.decode("ascii")


def _check(vocabulary: Vocabulary, level: str, tags: Mapping[str, tuple[str, ...]]) -> None:
    if level not in vocabulary.levels:
        raise _refused("a level of its vocabulary")
    for code, values in tags.items():
        tag = vocabulary.tags.get(code)
        if tag is None:
            raise _refused("tags of its vocabulary only")
        # An empty permissive set would mean nobody at all, not even the owner: it has no spelling.
        if not values or not all(tag.permits(value) for value in values):
            raise _refused("one or more values that its vocabulary permits for each tag")
