"""The outside lower bound: what the store must at least show when the gateway starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FloorMark:
    """incarnation: 16 bytes; tick: ticks signed; control_size: statements applied. `0` ticks means none yet."""

    incarnation: bytes
    tick: int
    control_size: int


class Floor(Protocol):
    """Kept outside the store, so that an older store put back in its place is noticed.

    Durability: `raise_to` is durable when it returns, replaces the mark atomically, and never lowers it
    (`Fault("floor-lowered")`). A mark of another incarnation is refused (`Fault("floor-incarnation")`): only a restore
    may begin a new one. Restore: `begin` is as durable and as atomic, whatever was there before, or nothing.
    Repeat calls: raising to the present mark changes nothing. Absence: `read` and `raise_to` raise
    `Fault("floor-missing")` when there is none, `Fault("floor-damaged")` when it is not whole.
    Concurrency: calls may come from any thread, one after another.
    """

    def read(self) -> FloorMark:
        """The mark last written."""
        ...

    def raise_to(self, mark: FloorMark) -> None:
        """Writes a mark that is not below the present one, of the same incarnation."""
        ...

    def begin(self, mark: FloorMark) -> None:
        """Writes the first mark of an incarnation."""
        ...
