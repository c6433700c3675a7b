"""Columns: a run of integers as fixed-width bytes, and the field of a portion that holds one.

An element has 1, 2 or 4 bytes, little-endian, two's complement; value = base + element; the lowest element means
unknown. Anyone loads a column without a loop. One list of values has one encoding: the base is zero unless a known
value would not fit the width, and then it is the middle of the known values, rounded down.

    >>> base, octets = pack([200, None, 0], 1)
    >>> base, octets.hex(), unpack(base, octets, 1)
    (100, '64809c', [200, None, 0])

Source: SPEC.md section 8.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from google.protobuf.message import Message

from gateway.core.errors import CallerError, Refused

_CODES = {1: "b", 2: "h", 4: "i"}


def greatest(width: int) -> int:
    """The highest element of `width` bytes; the lowest known element is its negative."""
    return (1 << (8 * width - 1)) - 1


def unknown(width: int) -> bytes:
    """The element that means unknown."""
    return bytes(width - 1) + b"\x80"


def base_of(low: int, high: int, width: int) -> int:
    """The one base for known values from `low` to `high`."""
    limit = greatest(width)
    return 0 if -limit <= low and high <= limit else (low + high) >> 1


def pack(values: Sequence[int | None], width: int) -> tuple[int, bytes]:
    """Base and elements of `values`, `None` being unknown.

    Raises `CallerError("column-too-wide")` if the known values lie too far apart for `width` bytes. Nothing known gives
    base 0 and no bytes: such a column is absent.
    """
    known = [value for value in values if value is not None]
    if not known:
        return 0, b""
    low, high = min(known), max(known)
    base, limit = base_of(low, high, width), greatest(width)
    if high - base > limit or low - base < -limit:
        raise CallerError(
            "column-too-wide",
            f"values of a column of width {width} must lie within {2 * limit} of each other, {high - low} came",
        )
    elements = [-limit - 1 if value is None else value - base for value in values]
    return base, struct.pack(f"<{len(elements)}{_CODES[width]}", *elements)


def unpack(base: int, octets: bytes, width: int) -> list[int | None]:
    """The values again, `None` for unknown; `octets` is a whole number of elements."""
    lowest = -greatest(width) - 1
    elements = struct.unpack(f"<{len(octets) // width}{_CODES[width]}", octets)
    return [None if element == lowest else base + element for element in elements]


def element(octets: bytes, width: int, row: int) -> int:
    """One element without unpacking the column."""
    return int.from_bytes(octets[row * width : row * width + width], "little", signed=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column field: `low` and `high` bound every known value, in `unit`.

    ascends: a time column, never unknown and never decreasing.
    codes: what the values stand for; JSON prints the names.
    flag: 0 and 1 stand for no and yes.
    """

    name: str
    width: int
    low: int
    high: int
    unit: str
    required: bool = False
    ascends: bool = False
    codes: type[IntEnum] | None = None
    flag: bool = False

    @property
    def has_base(self) -> bool:
        """Whether the schema gives it a base: only if its range does not fit its width."""
        limit = greatest(self.width)
        return self.low < -limit or self.high > limit

    def octets(self, message: Message) -> bytes:
        """The elements; empty when the column is absent."""
        octets: bytes = getattr(message, self.name)
        return octets

    def base(self, message: Message) -> int:
        """The base; zero where the schema gives none."""
        return int(getattr(message, self.name + "_base")) if self.has_base else 0

    def check(self, message: Message, at: str) -> None:
        """Refuses a column that is missing, or not rows x width long, or has a base out of range.

        Values are not looked at: a loop over them costs more than everything else. `ranges` does it at the gateway.
        """
        octets, base = self.octets(message), self.base(message)
        rows = int(getattr(message, "rows"))  # noqa: B009 - no static type knows every message with rows
        if not octets and (self.required or base):
            raise Refused("schema", f"`{self.name}` must be there, nothing came", at=f"{at}.{self.name}")
        if octets and len(octets) != rows * self.width:
            raise Refused(
                "schema",
                f"`{self.name}` must have {rows} rows of {self.width} bytes, {len(octets)} bytes came",
                at=f"{at}.{self.name}",
            )
        if base and not self.low <= base <= self.high:
            raise Refused(
                "range", f"the base of `{self.name}` must be {self.low} to {self.high}", at=f"{at}.{self.name}_base"
            )

    def put(self, message: Message, value: object, at: str) -> None:
        """Packs a sequence of `int | None`; raises `CallerError` naming the field if a value is out of range."""
        where = f"{at}.{self.name}"
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise CallerError("wrong-type", f"`{self.name}` must be a list of integers", at=where)
        for row, item in enumerate(value):
            if item is None and not self.ascends:
                continue
            if not isinstance(item, int) or (isinstance(item, bool) and not self.flag):
                raise CallerError("wrong-type", f"`{self.name}` must hold integers", at=f"{where}[{row}]")
            if not self.low <= item <= self.high:
                raise CallerError(
                    "range", f"`{self.name}` must be {self.low} to {self.high} {self.unit}", at=f"{where}[{row}]"
                )
            if self.ascends and row and item < value[row - 1]:
                raise CallerError("range", f"`{self.name}` must never decrease", at=f"{where}[{row}]")
        base, octets = pack(value, self.width)
        setattr(message, self.name, octets)
        if self.has_base:
            setattr(message, self.name + "_base", base)

    def to_json(self, message: Message) -> list[int | str | bool | None] | None:
        """The values, `None` for unknown; `None` for an absent column."""
        octets = self.octets(message)
        if not octets:
            return None
        values = unpack(self.base(message), octets, self.width)
        if self.flag:
            return [None if value is None else bool(value) for value in values]
        if self.codes is not None:
            names = {int(code): code.name for code in self.codes}
            return [None if value is None else names.get(value, value) for value in values]
        return list(values)
