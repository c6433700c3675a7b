"""Labels, vocabularies and clearances: who may read one portion. SPEC.md section 9."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from . import texts
from .octets import Refusal, require

_CODE, _VALUE = "[A-Z][A-Z0-9-]{0,31}", "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
LABEL_TEXT = re.compile(
    rf"(?=.{{1,512}}$)([A-Z]{{3,8}}\.[1-9][0-9]{{0,3}}) ({_CODE})((?://{_CODE} {_VALUE}(?:,{_VALUE})*)*)", re.ASCII
)
# What the file of a vocabulary may be written in (9.2).
_SHOWN = re.compile(
    "[\\u0020-\\u007e\\u00a1-\\u00ac\\u00ae-\\u024f\\u0370-\\u0373\\u0376-\\u03ff\\u0400-\\u0481\\u048a-\\u052f]*"
)
_NATION = texts.form(re.compile("[A-Z]{3}"))


@dataclass(frozen=True)
class Label:
    """A label: vocabulary, level and the values of each tag."""

    vocabulary: str
    level: str
    tags: dict[str, tuple[str, ...]]

    @classmethod
    def parse(cls, raw: bytes) -> Label:
        """The label of a text, in its one spelling (9.1)."""
        found = LABEL_TEXT.fullmatch(raw.decode("latin-1"))
        if found is None:
            raise Refusal("label", "label")
        pairs = [part.split(" ") for part in found[3].split("//")[1:]]
        tags = {tag: tuple(values.split(",")) for tag, values in pairs}
        ordered = list(tags) == sorted(tags) and len(tags) == len(pairs)
        require(ordered and all(list(v) == sorted(set(v)) for v in tags.values()), "label", "label")
        return cls(found[1], found[2], tags)


def _sorted(rule: texts.Rule, high: int = 256) -> texts.Rule:
    def listed(value: object, at: str) -> object:
        entries = texts.listing(rule, high)(value, at)
        require(isinstance(value, list) and value == sorted(value), "text-value", at)
        return entries

    return listed


def _printed(low: int) -> texts.Rule:
    def rule(value: object, at: str) -> str:
        if not isinstance(value, str) or not low <= len(value) <= 80 or not _SHOWN.fullmatch(value):
            raise Refusal("text-value", at)
        require(unicodedata.is_normalized("NFC", value), "text-value", at)
        return value

    return rule


def _flag(value: object, at: str) -> bool:
    if not isinstance(value, bool):
        raise Refusal("text-value", at)
    return value


def _values(value: object, at: str) -> object:
    return value if value == "identifiers" else _sorted(texts.form(texts.VALUE))(value, at)


_TAGS = {
    "restrictive": {"held": texts.word("clearance", "agreement")},
    "permissive": {"absent": texts.word("unrestricted", "nobody-but-owner"), "absent_printed": _printed(0)},
    "informative": dict[str, texts.Rule](),
}


def _tag(value: object, at: str) -> object:
    kind = value.get("kind") if isinstance(value, dict) else None
    further = _TAGS.get(kind, {}) if isinstance(kind, str) else {}
    rules = {"kind": texts.word(*_TAGS), "values": _values, "printed": _printed(1), **further}
    return texts.table(rules)(value, at)


_LEVEL = texts.table({"code": texts.form(texts.CODE), "name": _printed(1), "short": _printed(1)})
_FILE = texts.table(
    {
        "policy": texts.form(texts.POLICY),
        "version": texts.whole(1, 9999),
        "owner": _sorted(_NATION),
        "releasability": texts.form(texts.CODE),
        "print": texts.table({"prefix": _printed(0), "brackets": _flag, "list_owner": _flag}),
        "level": texts.listing(_LEVEL, 16, once=False),
        "tag": texts.mapping(texts.CODE, _tag),
    }
)


@dataclass(frozen=True)
class Vocabulary:
    """What the words of a label mean: levels from the lowest, and tags."""

    name: str
    owner: tuple[str, ...]
    releasability: str
    levels: tuple[str, ...]
    tags: dict[str, dict[str, object]]

    @classmethod
    def parse(cls, raw: bytes) -> Vocabulary:
        """The vocabulary of a file (9.2), whatever is wrong with which has one code."""
        try:
            return cls._parse(raw)
        except Refusal as refusal:
            raise Refusal("vocabulary", refusal.at) from refusal

    @classmethod
    def _parse(cls, raw: bytes) -> Vocabulary:
        read = texts.rows(_FILE(texts.read_text(raw, "vocabulary"), "vocabulary"), "vocabulary")
        require(all(_SHOWN.fullmatch(line) for line in raw.decode().split("\n")), "text-malformed", "vocabulary")
        tags, levels = read["tag"], tuple(one["code"] for one in read["level"])
        require(len(set(levels)) == len(levels) and len(tags) <= 16, "text-value", "vocabulary.level")
        released = tags.get(read["releasability"], {"kind": ""})
        nations = released.get("values")
        right = (
            released["kind"] == "permissive"
            and isinstance(nations, tuple)
            and all(re.fullmatch("[A-Z]{3}", one) and one not in read["owner"] for one in nations)
        )
        require(right, "text-value", "vocabulary.releasability")
        for name, tag in tags.items():
            alone = tag.get("absent") != "nobody-but-owner" or name == read["releasability"]
            require(alone, "text-value", f"vocabulary.tag.{name}")
        return cls(f"{read['policy']}.{read['version']}", read["owner"], read["releasability"], levels, tags)

    def check(self, label: Label) -> None:
        """Nothing, if level, tags and values are ones that the vocabulary permits."""
        require(label.vocabulary == self.name and label.level in self.levels, "label", "label.level")
        for tag, values in label.tags.items():
            allowed = self.tags.get(tag, {}).get("values", ())
            known = allowed == "identifiers" or (isinstance(allowed, tuple) and set(values) <= set(allowed))
            require(known, "label", "label.tag")

    def dominates(self, high: Label, low: Label) -> bool:
        """`high` is at least as restrictive as `low` (9.3)."""
        if self.levels.index(high.level) < self.levels.index(low.level):
            return False
        for name, tag in self.tags.items():
            of_high, of_low = high.tags.get(name), low.tags.get(name)
            if tag["kind"] == "restrictive" and not set(of_low or ()) <= set(of_high or ()):
                return False
            if tag["kind"] == "permissive":
                nobody = tag["absent"] == "nobody-but-owner"
                narrower = (nobody if of_high is None else not nobody) if of_low is None or of_high is None else False
                if of_low is not None and of_high is not None:
                    narrower = set(of_high) <= set(of_low)
                elif of_low is None and of_high is None:
                    narrower = True
                if not narrower:
                    return False
        return True


@dataclass(frozen=True)
class Clearance:
    """What a partner holds under one policy: a level, and values of its tags."""

    level: str
    held: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cleared:
    """A partner as labels see it: nation, clearances by policy, and the designs that its agreement names."""

    nation: str
    clearances: dict[str, Clearance]
    designs: frozenset[str]

    def is_within(self, label: Label, vocabulary: Vocabulary) -> bool:
        """The label is within the partner's clearance (9.4)."""
        clearance = self.clearances.get(label.vocabulary.split(".")[0])
        # 1. and 2.
        if clearance is None or clearance.level not in vocabulary.levels:
            return False
        if vocabulary.levels.index(clearance.level) < vocabulary.levels.index(label.level):
            return False
        for name, tag in vocabulary.tags.items():
            values, held = set(label.tags.get(name, ())), clearance.held.get(name, frozenset())
            # 3. What an agreement holds, a clearance never gives.
            if tag["kind"] == "restrictive" and not values <= (self.designs if tag["held"] == "agreement" else held):
                return False
            if tag["kind"] != "permissive":
                continue
            released = name == vocabulary.releasability
            everybody = not values and tag["absent"] == "unrestricted"
            admitted = values | set(vocabulary.owner) if released else values
            # 4. and 5.
            if not everybody and not admitted & held:
                return False
            if released and not everybody and self.nation not in admitted:
                return False
        return True
