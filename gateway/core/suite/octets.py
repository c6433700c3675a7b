"""Fixed layouts: big-endian integers and length-prefixed fields, read with bounds and consumed exactly.

A `Reader` never allocates more than it was given, refuses what is too long before slicing, and `done()` refuses
trailing bytes, so one structure has one encoding. Source: SPEC.md section 1.
"""

from __future__ import annotations

import re
import struct

from gateway.core.errors import Refused

_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}\Z")


def u8(value: int) -> bytes:
    """One byte."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Two bytes, big-endian."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Four bytes, big-endian."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Eight bytes, big-endian."""
    return value.to_bytes(8, "big")


def lp8(field: bytes) -> bytes:
    """`field` behind its length in one byte."""
    return u8(len(field)) + field


def lp16(field: bytes) -> bytes:
    """`field` behind its length in two bytes."""
    return u16(len(field)) + field


def lp32(field: bytes) -> bytes:
    """`field` behind its length in four bytes."""
    return u32(len(field)) + field


class Reader:
    """Walks one structure; every refusal is `malformed` and names the structure and the field."""

    __slots__ = ("_data", "_end", "_offset", "_structure")

    def __init__(self, data: bytes, structure: str) -> None:
        self._data = data
        self._offset = 0
        self._end = len(data)
        self._structure = structure

    def refuse(self, field: str, expected: str) -> Refused:
        """The error for `field`; raise what this returns."""
        return Refused(
            "malformed",
            f"`{field}` of a {self._structure} must be {expected}",
            at=f"{self._structure}.{field} at byte {self._offset}",
        )

    @property
    def offset(self) -> int:
        """Bytes consumed so far."""
        return self._offset

    @property
    def left(self) -> int:
        """Bytes not consumed yet."""
        return self._end - self._offset

    def take(self, count: int, field: str) -> bytes:
        """Exactly `count` bytes."""
        start = self._offset
        stop = start + count
        if stop > self._end:
            raise self.refuse(field, f"{count} bytes, {self._end - start} are left")
        self._offset = stop
        return self._data[start:stop]

    def tag(self, expected: bytes) -> None:
        """The ASCII tag, byte for byte."""
        if self._data[self._offset : self._offset + len(expected)] != expected:
            raise self.refuse("tag", "the structure's own tag")
        self._offset += len(expected)

    def suite(self) -> None:
        """The suite byte; only suite 1 exists."""
        if self.u8("suite") != 1:
            raise self.refuse("suite", "1")

    def u8(self, field: str) -> int:
        """One byte as an integer."""
        return self.take(1, field)[0]

    def u16(self, field: str) -> int:
        """Two bytes as an integer."""
        return int(struct.unpack(">H", self.take(2, field))[0])

    def u32(self, field: str) -> int:
        """Four bytes as an integer."""
        return int(struct.unpack(">I", self.take(4, field))[0])

    def u64(self, field: str) -> int:
        """Eight bytes as an integer."""
        return int(struct.unpack(">Q", self.take(8, field))[0])

    def lp8(self, field: str) -> bytes:
        """A field behind a one-byte length."""
        return self.take(self.u8(field), field)

    def lp16(self, field: str, limit: int = 65_535) -> bytes:
        """A field of at most `limit` bytes behind a two-byte length."""
        return self._limited(self.u16(field), limit, field)

    def lp32(self, field: str, limit: int) -> bytes:
        """A field of at most `limit` bytes behind a four-byte length."""
        return self._limited(self.u32(field), limit, field)

    def _limited(self, length: int, limit: int, field: str) -> bytes:
        if length > limit:
            raise self.refuse(field, f"at most {limit} bytes, its length says {length}")
        return self.take(length, field)

    def name(self, field: str) -> str:
        """An identifier `[A-Za-z0-9][A-Za-z0-9._/-]{0,63}` behind a one-byte length."""
        raw = self.lp8(field)
        if not _ID.match(raw):
            raise self.refuse(field, "an identifier")
        return raw.decode("ascii")

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(self._end - self._offset, "rest")

    def done(self) -> None:
        """Refuses trailing bytes."""
        if self._offset != self._end:
            raise self.refuse("end", f"the last byte, {self._end - self._offset} more came")


def is_name(text: str) -> bool:
    """Whether `text` is an identifier of the format."""
    return text.isascii() and _ID.match(text.encode("ascii")) is not None
