"""Protobuf messages bent at their fields: numbers, wire types, lengths, order, repetition, and what lies inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.mutation import BOUNDARIES, LONGEST, Octets

_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}

Field = tuple[int, int, bytes]


def varint(value: int) -> bytes:
    """The shortest varint of a number below 2**64."""
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _read_varint(octets: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(octets):
        value |= (octets[at] & 0x7F) << shift
        shift += 7
        at += 1
        if octets[at - 1] < 0x80:
            return value, at
    return value, at


def fields_of(octets: bytes) -> list[Field]:
    """(number, wire type, payload) of every field of a well-formed message; a payload goes without its length."""
    found, at = [], 0
    while at < len(octets):
        key, at = _read_varint(octets, at)
        number, form = key >> 3, key & 7
        if form == _VARINT:
            _, end = _read_varint(octets, at)
        elif form == _LENGTH:
            length, at = _read_varint(octets, at)
            end = at + length
        else:
            end = at + _FIXED.get(form, 0)
        found.append((number, form, octets[at:end]))
        at = end
    return found


def written(fields: Sequence[Field]) -> bytes:
    """The message of these fields, in their order."""
    return b"".join(
        varint(number << 3 | form) + (varint(len(payload)) if form == _LENGTH else b"") + payload
        for number, form, payload in fields
    )


class Messages:
    """Inputs of one byte that says which message follows, and the message: `prefix | content`."""

    def __init__(self, examples: Sequence[bytes]) -> None:
        self.examples = tuple(examples)
        self._octets = Octets(examples)
        self._fields = [(example[:1], fields_of(example[1:])) for example in self.examples]
        self._moves: dict[str, Callable[[Random, list[Field]], None]] = {
            "drop": self._drop,
            "repeat": self._repeat,
            "swap": self._swap,
            "number": self._number,
            "form": self._form,
            "value": self._value,
            "long-varint": self._long_varint,
            "inside": self._inside,
            "resize": self._resize,
            "unknown": self._unknown,
            "borrow": self._borrow,
        }

    @property
    def moves(self) -> tuple[str, ...]:
        """The names of the moves."""
        return (*self._moves, "octets", "other-slot")

    def mutant(self, rng: Random, moves: Sequence[str], depth: int) -> bytes:
        """A message made from a valid one by 1 to `depth` of the `moves`."""
        chosen = int(rng.random() * len(self.examples))
        move = moves[int(rng.random() * len(moves))]
        if move == "octets":
            return self._octets.bent(rng, self.examples[chosen], self._octets.moves, depth)
        prefix, known = self._fields[chosen]
        if move == "other-slot":
            prefix = self._fields[int(rng.random() * len(self._fields))][0]
        fields = list(known)
        for _ in range(1 + int(rng.random() * depth)):
            self._moves.get(moves[int(rng.random() * len(moves))], self._inside)(rng, fields)
        return prefix + written(fields)[:LONGEST]

    @staticmethod
    def _at(rng: Random, fields: list[Field]) -> int:
        return int(rng.random() * len(fields))

    def _drop(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            del fields[self._at(rng, fields)]

    def _repeat(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            at = self._at(rng, fields)
            fields[at:at] = [fields[at]] * (1 if rng.random() < 0.9 else 100)

    def _swap(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            first, second = self._at(rng, fields), self._at(rng, fields)
            fields[first], fields[second] = fields[second], fields[first]

    def _number(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            at = self._at(rng, fields)
            _, form, payload = fields[at]
            fields[at] = (rng.choice((0, 1, rng.randrange(16), 1007, 19_000, (1 << 29) - 1, 1 << 29)), form, payload)

    def _form(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            at = self._at(rng, fields)
            number, _, payload = fields[at]
            fields[at] = (number, int(rng.random() * 8), payload)

    def _value(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            at = self._at(rng, fields)
            number, form, _ = fields[at]
            if form == _VARINT:
                value = BOUNDARIES[int(rng.random() * len(BOUNDARIES))] if rng.random() < 0.6 else rng.randrange(16)
                fields[at] = (number, form, varint(value))
            else:
                self._inside(rng, fields)

    def _long_varint(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            at = self._at(rng, fields)
            number, form, payload = fields[at]
            if form == _VARINT and payload:
                longer = payload[:-1] + bytes((payload[-1] | 0x80,)) + b"\x80" * int(rng.random() * 9) + b"\x00"
                fields[at] = (number, form, longer)

    def _inside(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            at = self._at(rng, fields)
            number, form, payload = fields[at]
            fields[at] = (number, form, self._octets.bent(rng, payload, ("flip", "set", "integer", "swap"), 2))

    def _resize(self, rng: Random, fields: list[Field]) -> None:
        if fields:
            at = self._at(rng, fields)
            number, form, payload = fields[at]
            longer = payload * int(rng.random() * 4) + rng.randbytes(int(rng.random() * 9))
            fields[at] = (number, form, longer if rng.random() < 0.7 else payload[: int(rng.random() * len(payload))])

    def _unknown(self, rng: Random, fields: list[Field]) -> None:
        fields.insert(self._at(rng, fields), (1007, _LENGTH, b"secret"))

    def _borrow(self, rng: Random, fields: list[Field]) -> None:
        _, other = self._fields[int(rng.random() * len(self._fields))]
        if other:
            fields.insert(self._at(rng, fields), other[int(rng.random() * len(other))])
