"""The messages of an ArduPilot dataflash `.BIN`, a log that says itself what its messages are made of.

    A3 95 | type u8 | body                                                      every message, little-endian, unaligned
    A3 95 | 128 | type u8 | length u8 | name 4 | format 16 | labels 64          FMT: what a type is; texts end in zeroes

`length` counts the three bytes of the head; every character of `format` is one value, every label between commas its
name. There is no checksum, so this reader believes little. A definition counts only if its length is that of its
format, it has a label of its own for each value, and no other claims its number or its name; of those that contradict
each other none is believed from there on. A message counts only if it lies whole in the log, its type is defined before
it, and it touches another: the one before it, unless it tears into a later one, or a head after it. After damage the
next head is looked for; what lies between is counted, never guessed at. Units and multipliers (FMTU, UNIT, MULT) are
for those who draw curves: whoever reads a message here knows what ArduPilot means by it. Written from the public
description of the format and from logs; see decision 0006.

    frames = DataflashFrames(log)
    for definition, start in frames.messages():
        if definition.name == "GPS":
            latitude_e7 = definition.message(log, start).number("Lat", 1e7)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clients.formats.extract import UNKNOWN, whole
from clients.formats.framing import Gaps, Log

_HEAD = b"\xa3\x95"
_HEAD_BYTES = 3
_FMT_NUMBER = 128
_FMT_NAME = "FMT"
_FMT_BODY = struct.Struct("<BB4s16s64s")
# Format character -> how the value lies in the log, in the words of `struct`: numbers, numbers that are hundredths,
# ten-millionths of a degree; texts, and an array of 32 16-bit numbers that nobody here reads.
_PLAIN = {**{same: same for same in "bBhHiIqQfd"}, "g": "e", "M": "B", "n": "4s", "N": "16s", "Z": "64s", "a": "64s"}
_HUNDREDTHS = {"c": "h", "C": "H", "e": "i", "E": "I"}
_LAYOUTS = {**_PLAIN, **_HUNDREDTHS, "L": "i"}
_DIVISORS = {**dict.fromkeys(_HUNDREDTHS, 100), "L": 10_000_000}


@dataclass(frozen=True, slots=True)
class Message:
    """One message; a column it does not have, or one of another nature than asked for, is unknown."""

    columns: Mapping[str, tuple[int, int]]
    values: tuple[object, ...]

    def number(self, name: str, scale: float = 1.0, unknown: int | None = None) -> int:
        """A value × `scale`, rounded; UNKNOWN if it is absent, no finite number, or the value `unknown`."""
        if name not in self.columns:
            return UNKNOWN
        index, divisor = self.columns[name]
        value = self.values[index]
        return UNKNOWN if value == unknown else whole(value, scale / divisor)

    def text(self, name: str) -> str:
        """A text up to its first zero; empty if there is none."""
        value = self.values[self.columns[name][0]] if name in self.columns else b""
        return value.partition(b"\x00")[0].decode("ascii", "replace") if isinstance(value, bytes) else ""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a type of messages is. columns: name -> index of its value, and what the value is to be divided by."""

    number: int
    length: int
    name: str
    form: str
    columns: Mapping[str, tuple[int, int]]
    layout: struct.Struct = field(compare=False)

    def message(self, log: Log, start: int) -> Message:
        """The message of this type that begins at `start`."""
        return Message(self.columns, self.layout.unpack_from(log, start + _HEAD_BYTES))


def parse_definition(body: bytes) -> Definition | None:
    """The definition in the 86 bytes after an FMT message's head, or None if they contradict themselves."""
    number, length, *padded = _FMT_BODY.unpack(body)
    name, form, labels = (_unpadded(text) for text in padded)
    # INVARIANT: FMT is never defined anew, so that no definition can cost a log all others.
    if not name or not form or (name == _FMT_NAME) != (number == _FMT_NUMBER):
        return None
    names = labels.split(",")
    if len(names) != len(form) or len(set(names)) != len(names) or not all(names) or not set(form) <= _LAYOUTS.keys():
        return None
    layout = struct.Struct("<" + "".join(_LAYOUTS[character] for character in form))
    columns = {label: (index, _DIVISORS.get(form[index], 1)) for index, label in enumerate(names)}
    return Definition(number, length, name, form, columns, layout) if length == layout.size + _HEAD_BYTES else None


def _unpadded(text: bytes) -> str:
    """A text without the zeroes that fill its field; empty if it is none, which no definition may have."""
    printable = text.rstrip(b"\x00").decode("latin-1")
    return printable if printable.isascii() and printable.isprintable() else ""


_FMT = Definition(_FMT_NUMBER, _HEAD_BYTES + _FMT_BODY.size, _FMT_NAME, "BBnNZ", {}, _FMT_BODY)


class DataflashFrames:
    """Walks a log, as often as asked; `gaps` is about the last walk that came to its end."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.gaps = Gaps()
        self._begin()

    def _begin(self) -> None:
        self._definitions = {_FMT_NUMBER: _FMT}
        self._numbers = {_FMT_NAME: _FMT_NUMBER}
        self._disputed: set[int] = set()

    def messages(self) -> Iterator[tuple[Definition, int]]:
        """(definition, start) of every message in the order of the log; costs at most a few steps for each byte."""
        self._begin()
        size, position, skipped, between = len(self._log), 0, 0, 0
        while position < size:
            known = self._whole_at(position)
            if known is not None and self._believed(position, known, touches=not skipped):
                between += skipped
                skipped = 0
                if known.number == _FMT_NUMBER:
                    self._define(position)
                yield known, position
                position += known.length
            else:
                resumed = self._next_head(position + 1)
                skipped += resumed - position
                position = resumed
        self.gaps = Gaps(between, skipped)

    def _next_head(self, start: int) -> int:
        found = self._log.find(_HEAD, start)
        return len(self._log) if found < 0 else found

    def _whole_at(self, start: int) -> Definition | None:
        """The definition of the message that lies whole at `start`, or None."""
        head = self._log[start : start + _HEAD_BYTES]
        if len(head) != _HEAD_BYTES or not head.startswith(_HEAD) or head[2] in self._disputed:
            return None
        known = self._definitions.get(head[2])
        if known is None or start + known.length > len(self._log):
            return None
        return known if known.number != _FMT_NUMBER or self._defined_at(start) is not None else None

    def _believed(self, start: int, known: Definition, *, touches: bool) -> bool:
        """Whether what lies at `start` is a message; touches: another ends there, or the log begins there."""
        end = start + known.length
        return self._followed(end) or (touches and not self._tears(start, end))

    def _tears(self, start: int, end: int) -> bool:
        """Whether a message begins inside this one that another follows, as where a part of a log is lost."""
        inside = self._next_head(start + _HEAD_BYTES)
        while inside < end:
            inner = self._whole_at(inside)
            if inner is not None and self._followed(inside + inner.length):
                return True
            inside = self._next_head(inside + 1)
        return False

    def _followed(self, end: int) -> bool:
        return end == len(self._log) or self._log[end : end + len(_HEAD)] == _HEAD

    def _defined_at(self, start: int) -> Definition | None:
        body = start + _HEAD_BYTES
        return parse_definition(self._log[body : body + _FMT_BODY.size])

    def _define(self, start: int) -> None:
        """Takes in what the FMT message at `start` defines; FMT may describe itself, and changes nothing by it."""
        defined = self._defined_at(start)
        if defined is None or defined.number == _FMT_NUMBER:
            return
        if self._definitions.setdefault(defined.number, defined) != defined:
            self._disputed.add(defined.number)
            return
        first = self._numbers.setdefault(defined.name, defined.number)
        if first != defined.number:
            self._disputed |= {first, defined.number}
