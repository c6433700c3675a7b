"""Bytes: what is refused, how a structure is cut, how a hash is taken. SPEC.md sections 1.1 to 1.3."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Container
from typing import Self

HL = 48
SUITE = b"\x01"
ZERO = bytes(HL)
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", re.ASCII)


class Refusal(Exception):  # noqa: N818 - the word of SPEC.md annex E
    """What was read is refused: `code` of annex E or B.10, `at` a structure and its field, never the bytes."""

    def __init__(self, code: str, at: str) -> None:
        super().__init__(f"{code} at {at}")
        self.code = code
        self.at = at


def require(claim: object, code: str, at: str) -> None:
    """Nothing, if the claim holds; else the refusal."""
    if not claim:
        raise Refusal(code, at)


def h(*parts: bytes) -> bytes:
    """H of the parts one behind the other: SHA-384, 48 bytes."""
    return hashlib.sha384(b"".join(parts)).digest()


def tag(name: str) -> bytes:
    """`SLUICE1/name`, its NUL and the suite byte, as every structure opens."""
    return b"SLUICE1/" + name.encode("ascii") + b"\0" + SUITE


def lp8(value: bytes) -> bytes:
    """The value behind its length as u8."""
    return struct.pack(">B", len(value)) + value


def lp16(value: bytes) -> bytes:
    """The value behind its length as u16."""
    return struct.pack(">H", len(value)) + value


def lp32(value: bytes) -> bytes:
    """The value behind its length as u32."""
    return struct.pack(">I", len(value)) + value


def u8(value: int) -> bytes:
    """One byte."""
    return struct.pack(">B", value)


def u16(value: int) -> bytes:
    """Two bytes, big-endian."""
    return struct.pack(">H", value)


def u32(value: int) -> bytes:
    """Four bytes, big-endian."""
    return struct.pack(">I", value)


def u64(value: int) -> bytes:
    """Eight bytes, big-endian."""
    return struct.pack(">Q", value)


class Cut:
    """A structure being cut into its fields; every length is checked before anything is sliced (1.2)."""

    def __init__(self, raw: bytes, name: str) -> None:
        self.raw = raw
        self.name = name
        self.place = 0

    def bad(self, field: str, code: str = "malformed") -> Refusal:
        """The refusal of a field of this structure."""
        return Refusal(code, f"{self.name}.{field}")

    def take(self, length: int, field: str) -> bytes:
        """The next `length` bytes."""
        if length > len(self.raw) - self.place:
            raise self.bad(field)
        self.place += length
        return self.raw[self.place - length : self.place]

    def number(self, width: int, field: str, low: int = 0, high: int | None = None) -> int:
        """An unsigned integer of `width` bytes, within its limits."""
        value = int.from_bytes(self.take(width, field), "big")
        if value < low or (high is not None and value > high):
            raise self.bad(field)
        return value

    def listed(self, width: int, field: str, known: Container[int]) -> int:
        """A number of annex B; one that is not listed is refused."""
        value = self.number(width, field)
        if value not in known:
            raise self.bad(field)
        return value

    def prefixed(self, width: int, field: str, high: int, low: int = 0) -> bytes:
        """The bytes behind a length of `width` bytes; the length is from `low` to `high`."""
        return self.take(self.number(width, field, low, high), field)

    def hashes(self, width: int, field: str, high: int) -> list[bytes]:
        """A count of `width` bytes and as many hashes."""
        count = self.number(width, f"{field} count", 0, high)
        joined = self.take(count * HL, field)
        return [joined[i : i + HL] for i in range(0, len(joined), HL)]

    def identifier(self, field: str) -> str:
        """An identifier behind its length as u8 (1.1)."""
        value = self.prefixed(1, field, 64).decode("latin-1")
        if not IDENTIFIER.fullmatch(value):
            raise self.bad(field)
        return value

    def tagged(self, name: str) -> Self:
        """Past the tag and the suite byte."""
        if self.take(len(name) + 9, "tag") != b"SLUICE1/" + name.encode() + b"\0":
            raise self.bad("tag")
        if self.take(1, "suite") != SUITE:
            raise self.bad("suite")
        return self

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self.raw) - self.place, "rest")

    def more(self) -> bool:
        """Something is left."""
        return self.place < len(self.raw)

    def end(self) -> None:
        """Nothing is left; trailing bytes are refused."""
        if self.more():
            raise self.bad("end")
