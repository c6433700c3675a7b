"""The five kinds of SPEC.md section 10.1: which one an accepted change is, by what was changed, and the proof of it.

A kind is found from the field of the structure that differs, or from what was moved, repeated or left out, and never
from a place in a file. Then both readers must be left with what they are left with untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.control.statement import SignedStatement, Statement
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import PublishMessage, StatementKind, StreamMessage
from gateway.core.suite.octets import Reader
from tests.mutation.changes import SEALED, Change, is_tail
from tests.mutation.layout import Span
from tests.mutation.recorded import File, Item, Kind
from tests.mutation.walk import Both, Reading, Walk

PASSED_OVER, WORDS, TIMES, CUT_OFF, MOVED_TICKS = KINDS = (
    "passed over",
    "words",
    "claimed times",
    "cut off",
    "moved ticks",
)
_WORDS = {PublishMessage.STORED, PublishMessage.WAITING, PublishMessage.REFUSED}


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A change that a reader accepted and that is none of the five kinds, or is one and changed what is left."""

    file: str
    item: int
    title: str
    what: str
    offset: int
    field: str
    why: str

    def __str__(self) -> str:
        where = f"{self.file} item {self.item} ({self.title}) offset {self.offset} field {self.field}"
        return f"{self.what} accepted: {where}: {self.why}"


def named(walk: Walk, change: Change, both: Both) -> str | Unnamed:
    """The kind of a change that both readers accepted, proved harmless; else what is wrong with it."""
    kind = _of_bytes(walk, change) if change.is_of_bytes else _of_order(walk.file, change)
    if not kind:
        return _unnamed(walk, change, "none of the five kinds")
    for said, states in ((both.product, walk.product), (both.second, walk.second)):
        # Where a file ends early, its reader is where it was then.
        untouched = states[change.place] if change.what == "tail" else states[-1]
        if not said.same and (said.end is None or not _is_harmless(kind, said.end, untouched)):
            return _unnamed(walk, change, f"as `{kind}` it left something else behind")
    return kind


def _is_harmless(kind: str, end: Reading, untouched: Reading) -> bool:
    if kind != CUT_OFF:
        return end.outcome() == untouched.outcome()
    # What was not there was not taken, and nothing else was taken for it.
    taken = untouched.masks()
    return all(mask & ~taken.get(name, 0) == 0 for name, mask in end.masks().items()) and (
        end.verified() <= untouched.verified()
    )


def _unnamed(walk: Walk, change: Change, why: str) -> Unnamed:
    item = walk.file.items[change.place]
    field = walk.field_at(change.place, change.offset).field if change.is_of_bytes else ""
    return Unnamed(walk.file.name, change.place, walk.file.title(item), change.what, change.offset, field, why)


def _is_word(read: File, item: Item) -> bool:
    return read.holds == "connections" and item.kind is Kind.MESSAGE and item.octets[:1] in _bytes_of(_WORDS)


def _bytes_of(numbers: set[PublishMessage]) -> set[bytes]:
    return {bytes([number]) for number in numbers}


def _of_bytes(walk: Walk, change: Change) -> str:
    read, item, changed = walk.file, walk.file.items[change.place], change.instead[0]
    if _is_word(read, item):
        return WORDS if _is_word(read, changed) else ""
    if change.what == "cut":
        return ""
    span = walk.field_at(change.place, change.offset)
    if item.kind is Kind.CONTROL:
        return TIMES if span.field == "applied_at" else ""
    if item.kind is Kind.MESSAGE and item.octets[:1] == bytes([StreamMessage.DIRECTORY]):
        states = walk.product[change.place], walk.product[change.place + 1]
        return PASSED_OVER if _is_passed_over(item, changed, span, *states) else ""
    return ""


def _is_passed_over(item: Item, changed: Item, span: Span, before: Reading, after: Reading) -> bool:
    """Signatures beside what is verified; a PROPOSE or ROSTER that counts neither as it was nor as it is."""
    if not span.field.startswith("statement["):
        return False
    number = int(span.field[len("statement[") : span.field.index("]")])
    was, came = _statements(item)[number], _statements(changed)[number]
    if came.link == was.link:
        return was.link in before.verified()
    adds_nothing = was.link in before.verified() or was.link not in after.verified()
    newest = after.verified() & {one.link for one in _statements(item) if one.kind is StatementKind.ROSTER}
    in_force = newest - before.verified() | {_in_force(before)}
    return (
        adds_nothing
        and came.kind in {StatementKind.ROSTER_PROPOSE, StatementKind.ROSTER}
        and (came.roster not in in_force)
    )


def _in_force(reading: Reading) -> bytes:
    trust = getattr(reading, "trust", None)
    return trust.roster_link if trust else b""


def _statements(item: Item) -> list[Statement]:
    reader = Reader(item.octets, "directory")
    reader.u8("type")
    try:
        return [SignedStatement.read(reader).statement for _ in range(reader.u16("count"))]
    except GatewayError:
        return []


def _of_order(read: File, change: Change) -> str:
    gone = list(read.items[change.place : change.resume])
    if change.what in {"injected", "repeat"}:
        more = change.instead[0]
        if _is_word(read, more):
            return WORDS
        # A header begins a parcel, and nothing of that parcel follows.
        return CUT_OFF if more.kind is Kind.HEADER or _waits_for_a_tick(read, change.place, more) else ""
    if change.what == "swap":
        if any(_is_word(read, item) for item in gone):
            return WORDS
        return MOVED_TICKS if _is_tick_with_sealed(read, gone) else ""
    left = [item for item in gone if not _is_word(read, item)]
    if not left:
        return WORDS
    return CUT_OFF if change.what == "tail" or _ends_there(read, left, change.resume - 1) else ""


def _ends_there(read: File, left: Sequence[Item], last: int) -> bool:
    """Nothing of their stream comes behind them; or they are ticks and what waits for one, and none comes behind."""
    behind = [item for item in _behind(read, last) if not _is_word(read, item)]
    ticks = {"TICK", "LEAVES", "ENTRIES"}
    return not behind or all((read.title(item) in ticks) == (item in left) for item in [*left, *behind])


def _behind(read: File, place: int) -> list[Item]:
    found: list[Item] = []
    while not is_tail(read, place):
        place += 1
        found.append(read.items[place])
    return found


def _waits_for_a_tick(read: File, place: int, item: Item) -> bool:
    """Leaves or entries behind which no tick comes: nothing is taken of them."""
    coming = [read.items[place], *_behind(read, place)]
    return read.title(item) in {"LEAVES", "ENTRIES"} and all(read.title(one) != "TICK" for one in coming)


def _is_tick_with_sealed(read: File, pair: list[Item]) -> bool:
    titles = [read.title(item) for item in pair]
    sealed = {number.name for number in SEALED}
    return read.holds == "streams" and "TICK" in titles and any(title in sealed for title in titles)
