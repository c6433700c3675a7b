"""What a store shows of itself at its end, read from its last entries: what is held against the floor outside.

Looked at backwards from the head of LEDGER, so it costs little whatever the size of the store. It verifies no more than
that those entries follow each other: whoever runs from a store rebuilds it. Source: SPEC.md section 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Fault
from gateway.core.ledger.book import KIND_INCARNATION, KIND_TICK, parse_stored_tick
from gateway.core.ledger.tick import parse_tick
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Journal, Journals

_PAGE = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """incarnation: of the store, 16 bytes; ticks: of that incarnation; statements: in CONTROL."""

    incarnation: bytes
    ticks: int
    statements: int

    def is_below(self, mark: FloorMark) -> bool:
        """Whether the floor has seen more, or another incarnation."""
        return mark.incarnation != self.incarnation or mark.tick > self.ticks or mark.control_size > self.statements


def shown_by(journals: Journals) -> Shown:
    """The end of the store; `ledger-damaged` if nothing there says which incarnation it is of."""
    statements, end = journals.head(Journal.CONTROL).size, journals.head(Journal.LEDGER).size
    while end > 0:
        start = max(0, end - _PAGE)
        for stored in reversed(journals.read(Journal.LEDGER, start, end - start)):
            if stored.kind == KIND_TICK:
                tick = parse_tick(parse_stored_tick(stored.entry).statement)
                return Shown(tick.incarnation, tick.number + 1, statements)
            if stored.kind == KIND_INCARNATION:
                return Shown(stored.entry, 0, statements)
        end = start
    raise Fault("ledger-damaged", "LEDGER must begin with an incarnation, it has none", at="LEDGER 0")
