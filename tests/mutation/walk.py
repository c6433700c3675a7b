"""Both readers along one file, kept before each item; and what becomes of a file in which something was changed.

Every item is first accepted untouched by both, then its changes are tried from the state before it. What follows is the
file's own, until a reader refuses, or stands where it stands without the change: then all that follows is the same, for
a reader is a function of its state and of what comes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.errors import GatewayError
from tests.mutation.layout import Span, spans
from tests.mutation.product import Product, product_of
from tests.mutation.recorded import File, Item, file
from tests.mutation.second import Second, second_of
from tests.reference.reader import Refusal

Reading = Product | Second


class MovedByARefusalError(AssertionError):
    """A reader that refused and is not as it was before."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one reader makes of a changed file.

    code: of its refusal, empty where it accepted all; at: how many items it took from the change on before that.
    same: it came to stand where it stands without the change; end: the reader, if it came to the end of the file.
    """

    code: str
    at: int = 0
    same: bool = False
    end: Reading | None = None

    @property
    def verdict(self) -> tuple[str, int]:
        """What two readers have to agree on."""
        return self.code, self.at


@dataclass(frozen=True, slots=True)
class Both:
    """What both readers make of it."""

    product: Said
    second: Said

    @property
    def agree(self) -> bool:
        """Both refused at one place with one code, or neither did."""
        return self.product.verdict == self.second.verdict


class Walk:
    """One file with both readers before each of its items, and behind the last."""

    def __init__(self, read: File) -> None:
        self.file = read
        self.product: list[Reading] = _states(product_of(read), read.items)
        self.second: list[Reading] = _states(second_of(read), read.items)
        self._fields: dict[int, list[Span]] = {}

    def fields(self, place: int) -> list[Span]:
        """Every field of an item, in order."""
        if place not in self._fields:
            self._fields[place] = spans(self.file, self.file.items[place])
        return self._fields[place]

    def field_at(self, place: int, offset: int) -> Span:
        """The field of a byte of an item; behind its last byte the last field."""
        fields = self.fields(place)
        return next((one for one in fields if offset < one.end), fields[-1])

    def tell(self, place: int, instead: Sequence[Item], resume: int) -> Both:
        """What becomes of the file if `instead` stands where its items from `place` to `resume` stood."""
        rest = self.file.items[resume:]
        return Both(
            _read(self.product[place], instead, rest, self.product[resume:]),
            _read(self.second[place], instead, rest, self.second[resume:]),
        )


@functools.lru_cache(maxsize=8)
def walk_of(name: str) -> Walk:
    """The walk over a file of the day; raises if a reader does not accept the file as it is."""
    return Walk(file(name))


def _states(reader: Reading, items: Sequence[Item]) -> list[Reading]:
    states = [reader]
    for item in items:
        reader = reader.copy()
        reader.take(item)
        states.append(reader)
    return states


def _read(reader: Reading, instead: Sequence[Item], rest: Sequence[Item], untouched: Sequence[Reading]) -> Said:
    for at, item in enumerate(instead):
        reader, code = _judged(reader, item)
        if code:
            return Said(code, at)
    for at, (item, expected) in enumerate(zip(rest, untouched, strict=False), len(instead)):
        if reader.state() == expected.state():
            return Said("", same=True)
        reader, code = _judged(reader, item)
        if code:
            return Said(code, at)
    return Said("", same=reader.state() == untouched[-1].state(), end=reader)


def _judged(reader: Reading, item: Item) -> tuple[Reading, str]:
    twin, before = reader.copy(), reader.stored()
    try:
        twin.take(item)
    except (GatewayError, Refusal) as refusal:
        if twin.stored() != before:
            raise MovedByARefusalError(f"{refusal.code} left another state behind") from refusal
        return reader, refusal.code
    return twin, ""
