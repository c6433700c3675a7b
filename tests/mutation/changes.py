"""What is changed: one item's bytes, or the order of items.

Bytes: a flip of one byte by a value drawn from the seed, file, item and offset; a flip of its lowest bit; an end at
every length; one byte more; another type byte or sequence number. Order: neighbours swapped, items repeated, left out
alone or with those behind them, and messages put in that came earlier, in another stream or to another party.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from gateway.core.suite.numbers import StreamMessage
from tests.mutation.recorded import File, Item, Kind, file, names

SEALED = frozenset({StreamMessage.OLD, StreamMessage.FRAME, StreamMessage.NOTICE, StreamMessage.END})
# Runs of messages that are withheld while what follows goes on.
WITHHELD = (2, 3)


@dataclass(frozen=True)
class Change:
    """`instead` stands where the items from `place` to `resume` stood.

    what: flip, bit, cut, longer, type, seq, swap, repeat, drop, withheld, tail or injected; offset: of the first byte
    that differs, for a change of bytes.
    """

    what: str
    place: int
    instead: tuple[Item, ...]
    resume: int
    offset: int = -1

    @cached_property
    def is_of_bytes(self) -> bool:
        """One item was changed and stands where it stood."""
        return self.offset >= 0


def drawn(seed: int, name: str, place: int, length: int) -> bytes:
    """A value for each byte of an item, none of them zero: the same for the same seed."""
    octets = hashlib.shake_256(f"{seed}/{name}/{place}".encode()).digest(length)
    return bytes(octet or 0x55 for octet in octets)


def of_bytes(item: Item, place: int, what: str, offset: int, value: int = 1) -> Change:
    """One byte flipped by `value`; an end at `offset`; or the byte `value` more."""
    octets = item.octets
    if what == "cut":
        changed = octets[:offset]
    elif what == "longer":
        changed = octets + bytes([value])
    else:
        changed = octets[:offset] + bytes([octets[offset] ^ value]) + octets[offset + 1 :]
    return Change(what, place, (replace(item, octets=changed),), place + 1, offset)


def exchanged(read: File, place: int) -> Iterator[Change]:
    """The item under every other type byte, and a sealed message under its neighbours' numbers."""
    item = read.items[place]
    if item.kind not in {Kind.MESSAGE, Kind.PIECE}:
        return
    for number in range(9):
        if number != item.octets[0]:
            yield of_bytes(item, place, "type", 0, number ^ item.octets[0])
    if read.holds == "streams" and item.octets[0] in SEALED:
        seq = int.from_bytes(item.octets[1:9], "big")
        for other in {seq + 1, abs(seq - 1)}:
            changed = item.octets[:1] + other.to_bytes(8, "big") + item.octets[9:]
            yield Change("seq", place, (replace(item, octets=changed),), place + 1, 8)


def is_tail(read: File, place: int) -> bool:
    """Nothing follows the item in its stream, connection or parcel, or in a file that has none of them."""
    return place + 1 == len(read.items) or read.items[place + 1].kind in {Kind.STREAM, Kind.CONNECTION, Kind.HEADER}


def of_order(read: File) -> Iterator[Change]:
    """Every swap of neighbours, repeat, drop, run withheld and tail cut off of a file."""
    items, fixed = read.items, {Kind.STREAM, Kind.CONNECTION}
    for place, item in enumerate(items):
        if item.kind in fixed:
            continue
        yield Change("drop", place, (), place + 1)
        yield Change("repeat", place, (item, item), place + 1)
        yield Change("tail", place, (), len(items))
        for more in WITHHELD:
            run = items[place : place + more]
            if len(run) == more and not any(one.kind in fixed for one in run):
                yield Change("withheld", place, (), place + more)
        if place + 1 < len(items) and items[place + 1].kind not in fixed:
            yield Change("swap", place, (items[place + 1], item), place + 2)


def injected(read: File) -> Iterator[Change]:
    """Before every item, messages from elsewhere.

    The last of each type that came before, in this stream and in an earlier one, and the first and last of each type
    that other parties of the same role were sent.
    """
    strangers = [one for other in names(read.holds) if other != read.name for one in _ends_of_types(file(other))]
    earlier: dict[tuple[bool, int], Item] = {}
    for place, item in enumerate(read.items):
        if item.kind not in {Kind.STREAM, Kind.CONNECTION}:
            for one in [*earlier.values(), *strangers]:
                yield Change("injected", place, (replace(one, now_ms=item.now_ms), item), place + 1)
        if item.kind in {Kind.STREAM, Kind.CONNECTION}:
            earlier = {(True, number): one for (_, number), one in earlier.items()}
        else:
            earlier[False, item.octets[0] if item.kind is Kind.MESSAGE else item.kind] = item


def _ends_of_types(read: File) -> list[Item]:
    first: dict[int, Item] = {}
    last: dict[int, Item] = {}
    for item in read.items:
        if item.kind not in {Kind.STREAM, Kind.CONNECTION}:
            number = item.octets[0] if item.kind is Kind.MESSAGE else item.kind
            first.setdefault(number, item)
            last[number] = item
    return [*first.values(), *last.values()]
