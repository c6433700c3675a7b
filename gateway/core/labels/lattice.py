"""Which of two labels is the more restrictive: the order that no operator can switch off.

`dominates(high, low)` holds when whoever may read `high` may read `low`: within one vocabulary the level is as high,
every RESTRICTIVE value of `low` is there, and each PERMISSIVE tag admits nobody that `low` does not. INFORMATIVE tags
are ignored. Labels of two vocabularies are never comparable here, not even of two versions of one policy.

Absence follows the vocabulary: of a restrictive tag it demands nothing; of a permissive one it admits nobody but the
owner (the narrowest) or everybody (the widest). An empty permissive set has no spelling, so two labels whose audiences
do not meet have no join unless absence can say "nobody but the owner"; `join` then answers None, and a caller treats
None as: no label fits, no release.

The joins of national banners (a roll-up that marks NOFORN, or drops a tag) are other functions and must not share this
one. Source: SPEC.md section 9; the acceptance rule is that of ADatP-4774.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.labels.label import Label, spell
from gateway.core.labels.vocabulary import Absence, Tag, TagKind, Vocabulary
from gateway.core.suite.numbers import MAX_LABEL_BYTES


def dominates(high: Label, low: Label) -> bool:
    """Whether `high` is at least as restrictive as `low`; False when they cannot be compared."""
    if high.defined_by != low.defined_by or high.rank < low.rank:
        return False
    for tag in high.defined_by.tags.values():
        if tag.kind is TagKind.RESTRICTIVE:
            if not _values(high, tag) >= _values(low, tag):
                return False
        elif tag.kind is TagKind.PERMISSIVE and not _is_within(_audience(high, tag), _audience(low, tag)):
            return False
    return True


def below_floor(label: Label, floor: Label) -> bool:
    """Whether `label` is refused by a guide whose floor this is.

    Below are: a lower level, a missing restrictive value, a wider audience, and whatever cannot be compared.
    """
    return not dominates(label, floor)


def join(one: Label, other: Label) -> Label | None:
    """The least restrictive label that dominates both, without what only one informs; None if there is none."""
    if one.defined_by != other.defined_by:
        return None
    tags: dict[str, frozenset[str]] = {}
    for code, tag in one.defined_by.tags.items():
        if tag.kind is TagKind.RESTRICTIVE:
            tags[code] = _values(one, tag) | _values(other, tag)
        elif tag.kind is TagKind.INFORMATIVE:
            tags[code] = _values(one, tag) & _values(other, tag)
        else:
            audience = _common(_audience(one, tag), _audience(other, tag))
            if audience is not None:
                if not audience and tag.absent is Absence.UNRESTRICTED:
                    return None
                tags[code] = audience
    return _label(one.defined_by, max(one.rank, other.rank), tags)


def meet(one: Label, other: Label) -> Label | None:
    """The most restrictive label that both dominate, without what only one informs; None if there is none."""
    if one.defined_by != other.defined_by:
        return None
    tags: dict[str, frozenset[str]] = {}
    for code, tag in one.defined_by.tags.items():
        if tag.kind is TagKind.PERMISSIVE:
            here, there = _audience(one, tag), _audience(other, tag)
            if here is not None and there is not None:
                tags[code] = here | there
        else:
            tags[code] = _values(one, tag) & _values(other, tag)
    return _label(one.defined_by, min(one.rank, other.rank), tags)


def _values(label: Label, tag: Tag) -> frozenset[str]:
    return frozenset(label.tags.get(tag.code, ()))


def _audience(label: Label, tag: Tag) -> frozenset[str] | None:
    """Who a permissive tag admits beside the owner; None is everybody."""
    if tag.code not in label.tags and tag.absent is Absence.UNRESTRICTED:
        return None
    return _values(label, tag)


def _is_within(narrow: frozenset[str] | None, wide: frozenset[str] | None) -> bool:
    return wide is None or (narrow is not None and narrow <= wide)


def _common(here: frozenset[str] | None, there: frozenset[str] | None) -> frozenset[str] | None:
    if here is None:
        return there
    return here if there is None else here & there


def _label(vocabulary: Vocabulary, rank: int, tags: Mapping[str, frozenset[str]]) -> Label | None:
    level = vocabulary.levels[rank]
    ordered = {code: tuple(sorted(values)) for code, values in tags.items() if values}
    text = spell(vocabulary, level, ordered)
    return Label(text, vocabulary, level, ordered) if len(text) <= MAX_LABEL_BYTES else None
