"""The texts operators read and sign: strict TOML, where every key is known and every value has one type.

What a person reads on the screen must be what the gateway understands, so this room refuses: anything but UTF-8 with
LF line ends, characters that are invisible or change the order of reading, keys that nobody asked for, values of
another type, numbers out of range, and whatever TOML itself refuses (a key given twice among it). A text is read
through `Table`: each key is asked for by name, and `done` refuses what was not asked for.

    table = read_text(body, "source", frozenset({"id", "scope"}))
    source_id = table.name("id")

Lines are bounded because the time to read a dotted key grows with the square of its length: one line of 64 KiB takes
17 seconds. Source: SPEC.md section 2.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Callable, Set

from gateway.core.errors import CallerError
from gateway.core.suite.numbers import HASH_BYTES, MAX_TEXT_BYTES
from gateway.core.suite.octets import is_name

MAX_LINE_BYTES = 1024
MAX_LIST = 1024

_HEX = re.compile(r"[0-9a-f]*")
# Controls but LF and TAB, private characters and those Unicode calls default-ignorable: they are not seen, and some
# reorder what is. The ranges are written out, so that every reader refuses the same bytes whatever its Unicode version.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)


def check_readable(text: bytes, structure: str) -> str:
    """The text, decoded; refuses `text-malformed` for what a person could not see as it is, or a parser not bear."""
    if len(text) > MAX_TEXT_BYTES:
        raise _malformed(structure, f"at most {MAX_TEXT_BYTES} bytes, {len(text)} came")
    if b"\r" in text:
        raise _malformed(structure, "lines that end in LF, a CR came")
    if max(map(len, text.split(b"\n"))) > MAX_LINE_BYTES:
        raise _malformed(structure, f"lines of at most {MAX_LINE_BYTES} bytes, a longer one came")
    try:
        readable = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(structure, f"UTF-8, byte {error.start} is not") from error
    unseen = _UNSEEN.search(readable)
    if unseen is not None:
        line = readable.count("\n", 0, unseen.start()) + 1
        raise _malformed(structure, f"characters that can be seen, line {line} has one that cannot")
    return readable


def read_text(text: bytes, structure: str, keys: Set[str]) -> Table:
    """The text as a table that knows `keys` and no others; refuses `text-malformed` and `text-unknown-key`."""
    readable = check_readable(text, structure)
    try:
        values = tomllib.loads(readable)
    except (ValueError, RecursionError) as error:
        # Brackets nested by the thousand exhaust the parser's stack; over-long numbers are a plain ValueError.
        raise _malformed(structure, "TOML, it does not parse") from error
    return Table(values, structure, "", keys)


def line_of(text: bytes, table: str, key: str) -> int | None:
    """The line, from 1, where `key` of `[table]` is written; None where it is spelled in another way."""
    here = ""
    for number, line in enumerate(text.decode("utf-8").split("\n"), 1):
        written = line.strip()
        if written.startswith("["):
            here = written.strip("[] ")
        elif here == table and written.partition("=")[0].strip().strip("\"'") == key:
            return number
    return None


def _malformed(structure: str, expected: str) -> CallerError:
    return CallerError("text-malformed", f"the text of `{structure}` must be {expected}", at=structure)


class Table:
    """One table of a text. Its methods refuse `text-missing-key` and `text-value`, naming the key."""

    __slots__ = ("_path", "_structure", "_values")

    def __init__(self, values: dict[str, object], structure: str, path: str, keys: Set[str]) -> None:
        self._values = values
        self._structure = structure
        self._path = path
        for key in values:
            if key not in keys:
                raise CallerError(
                    "text-unknown-key",
                    f"the text of `{structure}` may have the keys {', '.join(sorted(keys))}, another came",
                    at=self.at(key[:64]),
                )

    def at(self, key: str) -> str:
        """How an error names `key` of this table."""
        return f"{self._structure}.{self._path}{key}"

    def wrong(self, key: str, expected: str) -> CallerError:
        """The error for the value of `key`; raise what this returns."""
        return CallerError(
            "text-value", f"`{self._path}{key}` must be {expected}, something else came", at=self.at(key)
        )

    def has(self, key: str) -> bool:
        """Whether the key is there: for the few that may be left out."""
        return key in self._values

    def written(self) -> tuple[str, ...]:
        """The keys that are there, in the order written."""
        return tuple(self._values)

    def is_string(self, key: str) -> bool:
        """Whether `key` is a text: for the few that may be a word or a list."""
        return isinstance(self._values.get(key), str)

    def _value(self, key: str) -> object:
        if key not in self._values:
            raise CallerError(
                "text-missing-key", f"the text of `{self._structure}` must say `{self._path}{key}`", at=self.at(key)
            )
        return self._values[key]

    def string(self, key: str, limit: int = 128, *, shortest: int = 1) -> str:
        """Text of `shortest` to `limit` characters on one line."""
        value = self._value(key)
        if not isinstance(value, str) or not shortest <= len(value) <= limit:
            raise self.wrong(key, f"a text of {shortest} to {limit} characters")
        # The file was searched before TOML undid its escapes; what the escapes stood for is searched here.
        if _UNSEEN.search(value) or "\n" in value or "\t" in value:
            raise self.wrong(key, "one line whose every character can be seen")
        return value

    def name(self, key: str) -> str:
        """An identifier of the format."""
        value = self._value(key)
        if not isinstance(value, str) or not is_name(value):
            raise self.wrong(key, "an identifier of 1 to 64 of A-Z a-z 0-9 . _ / -, a letter or digit first")
        return value

    def names(self, key: str) -> tuple[str, ...]:
        """A list of 1 to 1,024 identifiers, each once, in the order written."""
        return self.listed(key, is_name, "a list of identifiers, each once")

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """One of the listed words."""
        value = self._value(key)
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(key, "one of " + ", ".join(choices))
        return value

    def choices(self, key: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        """A list of at least one of the listed words, each once, in the order written."""
        return self.listed(key, lambda value: value in choices, "a list of " + ", ".join(choices) + ", each once")

    def listed(self, key: str, permits: Callable[[str], bool], expected: str) -> tuple[str, ...]:
        """A list of 1 to 1,024 different strings that `permits` holds for."""
        value = self._value(key)
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_LIST:
            raise self.wrong(key, expected)
        strings = tuple(one for one in value if isinstance(one, str) and permits(one))
        if len(strings) != len(value) or len(set(strings)) != len(strings):
            raise self.wrong(key, expected)
        return strings

    def integer(self, key: str, lowest: int, highest: int) -> int:
        """A whole number within the bounds."""
        value = self._value(key)
        if type(value) is not int or not lowest <= value <= highest:
            raise self.wrong(key, f"a whole number from {lowest} to {highest}")
        return value

    def date(self, key: str) -> datetime.date:
        """A date without a time."""
        value = self._value(key)
        if type(value) is not datetime.date:
            raise self.wrong(key, "a date like 2026-06-01")
        return value

    def moment_ms(self, key: str) -> int:
        """A whole second of UTC, as milliseconds since 1970."""
        value = self._value(key)
        if type(value) is not datetime.datetime or value.utcoffset() != datetime.timedelta(0) or value.microsecond:
            raise self.wrong(key, "a second of UTC like 2026-05-30T12:00:00Z")
        return round(value.timestamp()) * 1000

    def hex_bytes(self, key: str, count: int = HASH_BYTES) -> bytes:
        """`count` bytes in lower-case hexadecimal."""
        value = self._value(key)
        if not isinstance(value, str) or len(value) != 2 * count or _HEX.fullmatch(value) is None:
            raise self.wrong(key, f"{2 * count} lower-case hexadecimal digits")
        return bytes.fromhex(value)

    def raw(self, key: str) -> dict[str, object]:
        """The table under `key` as TOML gave it, for a reader of its own strictness."""
        value = self._value(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return value

    def table(self, key: str, keys: Set[str]) -> Table:
        """The table under `key`, which may have `keys`."""
        return Table(self.raw(key), self._structure, f"{self._path}{key}.", keys)

    def tables(self, key: str, keys: Set[str], limit: int) -> tuple[Table, ...]:
        """The 1 to `limit` tables under `key`, each of which may have `keys`."""
        value = self._value(key)
        if not isinstance(value, list) or not 1 <= len(value) <= limit or not all(isinstance(t, dict) for t in value):
            raise self.wrong(key, f"1 to {limit} tables")
        return tuple(
            Table(table, self._structure, f"{self._path}{key}[{number}].", keys) for number, table in enumerate(value)
        )
