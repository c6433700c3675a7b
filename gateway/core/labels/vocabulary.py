"""The vocabulary of one policy: its levels, its tags and what the absence of each tag means.

A vocabulary is a strict TOML file that operators sign; a label is understood only through the vocabulary it names.
The file is refused whole, code `vocabulary`, if it is not exactly what SPEC.md section 9 says: an unknown key, an
unsorted list or a second spelling could mean one thing to the signer and another to the gateway.

Rules a change must keep:

* Levels ascend in file order and are compared by place, never by name.
* A RESTRICTIVE tag demands every value. A PERMISSIVE tag demands one. An INFORMATIVE tag demands nothing.
* Exactly one PERMISSIVE tag is the releasability: its values are nations beside the owners, who are never listed.
  Only there may absence mean "nobody but the owner": elsewhere a wider label could admit fewer.
* Two vocabularies are the same only if their bytes are.
* What a person reads is all there is: the file holds letters of a written list, the same whatever the Unicode version
  of the reader, and no line long enough to make TOML slow (a dotted key costs the square of its length).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from gateway.core.errors import CallerError
from gateway.core.suite.algorithms import text_digest

MAX_VOCABULARY_BYTES = 64 * 1024
MAX_LINE_BYTES = 1024
MAX_LEVELS = 16
MAX_TAGS = 16
MAX_VALUES = 256
MAX_PRINTED_CHARACTERS = 80

_POLICY = re.compile(r"[A-Z]{3,8}")
_CODE = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
_NATION = re.compile(r"[A-Z]{3}")
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Latin, Greek and Cyrillic letters and ASCII: nothing invisible, nothing combining, nothing that turns the reading.
_SEEN = re.compile("[ -~\u00a1-\u00ac\u00ae-\u024f\u0370-\u0373\u0376-\u03ff\u0400-\u0481\u048a-\u052f]*")
_KEYS = frozenset({"policy", "version", "owner", "releasability", "print", "level", "tag"})
_Choice = TypeVar("_Choice", bound=StrEnum)


class TagKind(StrEnum):
    """How the values of a tag bind a reader."""

    RESTRICTIVE = "restrictive"
    PERMISSIVE = "permissive"
    INFORMATIVE = "informative"


class Absence(StrEnum):
    """What a label says by not carrying the tag."""

    NOBODY_BUT_OWNER = "nobody-but-owner"
    UNRESTRICTED = "unrestricted"


class Held(StrEnum):
    """Where a reader gets the values of a restrictive tag from."""

    CLEARANCE = "clearance"
    AGREEMENT = "agreement"


_TAG_KEYS = {
    TagKind.RESTRICTIVE: frozenset({"kind", "held", "values", "printed"}),
    TagKind.PERMISSIVE: frozenset({"kind", "absent", "absent_printed", "values", "printed"}),
    TagKind.INFORMATIVE: frozenset({"kind", "values", "printed"}),
}


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag.

    values: the closed list, or None where any identifier may stand.
    printed, absent_printed: how a nation prints the tag, and a label without it ("" = nothing).
    """

    code: str
    kind: TagKind
    absent: Absence
    held: Held
    values: frozenset[str] | None
    printed: str
    absent_printed: str

    def permits(self, value: str) -> bool:
        """Whether `value` may stand under this tag."""
        return value in self.values if self.values is not None else _VALUE.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Level:
    """One level: its code in labels, its full name and its short form in print."""

    code: str
    name: str
    short: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One parsed vocabulary; equal only to one of the same name and bytes.

    digest: 48 bytes, the text digest that an endorsement and a profile pin.
    levels: codes, ascending.
    owner: nations the policy belongs to; every label is releasable to them.
    releasability: code of the tag whose values are the other nations.
    """

    name: str
    digest: bytes
    policy: str = field(compare=False)
    version: int = field(compare=False)
    owner: frozenset[str] = field(compare=False)
    owner_printed: tuple[str, ...] = field(compare=False)
    levels: tuple[str, ...] = field(compare=False)
    level_names: Mapping[str, Level] = field(compare=False)
    tags: Mapping[str, Tag] = field(compare=False)
    releasability: str = field(compare=False)
    prefix: str = field(compare=False)
    brackets: bool = field(compare=False)

    @classmethod
    def parse(cls, text: bytes) -> Vocabulary:
        """The vocabulary in `text`: UTF-8, LF, at most 64 KiB; anything else is a CallerError `vocabulary`."""
        tables = _tables(text)
        policy = _match(_POLICY, tables["policy"], "policy", "3 to 8 capital letters")
        version = tables["version"]
        if type(version) is not int or not 1 <= version <= 9999:
            raise _wrong("version", "a whole number from 1 to 9999")
        name = f"{policy}.{version}"
        owner = _listed(tables["owner"], _NATION, "owner")
        levels = _levels(tables["level"])
        tags = _tags(tables["tag"])
        printed = _exact(tables["print"], frozenset({"prefix", "brackets", "list_owner"}), "print")
        return cls(
            name=name,
            digest=text_digest(name, text),
            policy=policy,
            version=version,
            owner=frozenset(owner),
            owner_printed=owner if _boolean(printed["list_owner"], "print.list_owner") else (),
            levels=tuple(level.code for level in levels),
            level_names={level.code: level for level in levels},
            tags=tags,
            releasability=_releasability(tables["releasability"], tags, owner),
            prefix=_printed(printed["prefix"], "print.prefix", 0),
            brackets=_boolean(printed["brackets"], "print.brackets"),
        )

    def rank(self, level: str) -> int:
        """Place of a level code, 0 the lowest; -1 for a code that is not here."""
        return self.levels.index(level) if level in self.levels else -1


def is_code(text: str) -> bool:
    """Whether `text` is spelled as the code of a level or tag."""
    return _CODE.fullmatch(text) is not None


def _wrong(at: str, expected: str) -> CallerError:
    return CallerError("vocabulary", f"`{at}` of a vocabulary must be {expected}, something else came", at=at)


def _tables(text: bytes) -> Mapping[str, object]:
    if len(text) > MAX_VOCABULARY_BYTES:
        raise _wrong("file", f"at most {MAX_VOCABULARY_BYTES} bytes")
    if any(len(line) > MAX_LINE_BYTES for line in text.split(b"\n")):
        raise _wrong("file", f"of lines of at most {MAX_LINE_BYTES} bytes")
    try:
        readable = text.decode("utf-8")
        if not all(_SEEN.fullmatch(line) for line in readable.split("\n")):
            raise _wrong("file", "printable Latin, Greek or Cyrillic characters and LF")
        tables = tomllib.loads(readable)
    except (ValueError, RecursionError) as error:
        # Brackets nested by the thousand exhaust the parser's stack; an over-long number is a plain ValueError.
        raise _wrong("file", "TOML in UTF-8") from error
    return _exact(tables, _KEYS, "file")


def _exact(table: object, keys: Set[str], at: str) -> Mapping[str, object]:
    if not isinstance(table, dict) or table.keys() != keys:
        raise _wrong(at, f"a table of the keys {', '.join(sorted(keys))}")
    return table


def _match(pattern: re.Pattern[str], value: object, at: str, expected: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise _wrong(at, expected)
    return value


def _boolean(value: object, at: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(at, "true or false")
    return value


def _printed(value: object, at: str, shortest: int = 1) -> str:
    # Checked again: a TOML escape may stand for what the file itself must not hold.
    if (
        not isinstance(value, str)
        or not shortest <= len(value) <= MAX_PRINTED_CHARACTERS
        or _SEEN.fullmatch(value) is None
        or not unicodedata.is_normalized("NFC", value)
    ):
        raise _wrong(at, f"{shortest} to {MAX_PRINTED_CHARACTERS} printable characters in NFC")
    return value


def _listed(values: object, pattern: re.Pattern[str], at: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_VALUES:
        raise _wrong(at, f"a list of 1 to {MAX_VALUES} codes")
    codes = [_match(pattern, value, at, "a list of codes") for value in values]
    if codes != sorted(set(codes)):
        raise _wrong(at, "sorted, each code once")
    return tuple(codes)


def _levels(tables: object) -> list[Level]:
    if not isinstance(tables, list) or not 1 <= len(tables) <= MAX_LEVELS:
        raise _wrong("level", f"1 to {MAX_LEVELS} tables, the lowest level first")
    levels = []
    for number, table in enumerate(tables):
        at = f"level[{number}]"
        entry = _exact(table, frozenset({"code", "name", "short"}), at)
        levels.append(
            Level(
                _match(_CODE, entry["code"], f"{at}.code", "a code of capital letters, digits and hyphens"),
                _printed(entry["name"], f"{at}.name"),
                _printed(entry["short"], f"{at}.short"),
            )
        )
    if len({level.code for level in levels}) != len(levels):
        raise _wrong("level", "tables of different codes")
    return levels


def _tags(tables: object) -> dict[str, Tag]:
    if not isinstance(tables, dict) or not 1 <= len(tables) <= MAX_TAGS:
        raise _wrong("tag", f"1 to {MAX_TAGS} tables")
    return {code: _tag(code, tables[code]) for code in sorted(tables)}


def _tag(code: str, table: object) -> Tag:
    at = f"tag.{code}"
    _match(_CODE, code, "tag", "named by capital letters, digits and hyphens")
    kind = _choice(TagKind, table.get("kind") if isinstance(table, dict) else None, f"{at}.kind")
    entry = _exact(table, _TAG_KEYS[kind], at)
    permissive = kind is TagKind.PERMISSIVE
    restrictive = kind is TagKind.RESTRICTIVE
    return Tag(
        code=code,
        kind=kind,
        absent=_choice(Absence, entry["absent"], f"{at}.absent") if permissive else Absence.UNRESTRICTED,
        held=_choice(Held, entry["held"], f"{at}.held") if restrictive else Held.CLEARANCE,
        values=None
        if entry["values"] == "identifiers"
        else frozenset(_listed(entry["values"], _VALUE, f"{at}.values")),
        printed=_printed(entry["printed"], f"{at}.printed"),
        absent_printed=_printed(entry["absent_printed"], f"{at}.absent_printed", 0) if permissive else "",
    )


def _choice(choices: type[_Choice], value: object, at: str) -> _Choice:
    for choice in choices:
        if value == choice.value:
            return choice
    raise _wrong(at, " or ".join(choice.value for choice in choices))


def _releasability(code: object, tags: Mapping[str, Tag], owner: tuple[str, ...]) -> str:
    tag = tags.get(code) if isinstance(code, str) else None
    if tag is None or tag.kind is not TagKind.PERMISSIVE or tag.values is None:
        raise _wrong("releasability", "the code of a permissive tag with listed values")
    if not all(_NATION.fullmatch(value) for value in tag.values) or tag.values & set(owner):
        raise _wrong(f"tag.{tag.code}.values", "nations, the owner not among them")
    for other in tags.values():
        if other is not tag and other.absent is Absence.NOBODY_BUT_OWNER:
            raise _wrong(f"tag.{other.code}.absent", "unrestricted, as the tag is not the releasability")
    return tag.code
