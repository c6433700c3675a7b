"""Checking a LEDGER journal from its first entry: every tick says what the entries before it make true.

The ticks speak of entries committed before they were drafted, so a second book follows behind, up to what each tick
covers, and every root is made anew from the journal alone. A new incarnation begins only where a RESTORE of CONTROL
says so, and behind the tick that it says was kept. Source: SPEC.md sections 6 and 7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from gateway.core.control.restore import Restore
from gateway.core.errors import Fault, Refused
from gateway.core.ledger.book import KIND_INCARNATION, KIND_TICK, Book, StoredTick, parse_stored_tick
from gateway.core.ledger.tick import CONTEXT, Tick, control_digest, parse_tick
from gateway.core.suite.algorithms import ZERO_HASH, digest
from gateway.core.suite.keys import VerifyKey


class LedgerAudit:
    """Feed entries in order; raises `Fault("ledger-damaged")` at the first tick that is not true.

    links: link of the statement at a CONTROL position's head; key_of: the ledger key of an id, which verifies every
    tick's signature, None skips it (a start verifies only the last one); restores: those of CONTROL, in order.
    """

    def __init__(
        self,
        genesis: bytes,
        link_at: Callable[[int], bytes],
        key_of: Callable[[bytes], VerifyKey] | None,
        restores: Sequence[Restore] = (),
    ) -> None:
        self._genesis = genesis
        self._link_at = link_at
        self._key_of = key_of
        self._behind = Book(genesis)
        self._waiting: deque[tuple[int, int, bytes]] = deque()
        self._restores = deque(restores)
        self._incarnation = b""
        self._last_of_life: StoredTick | None = None
        self.ticks = 0
        self.last: Tick | None = None

    def feed(self, position: int, kind: int, entry: bytes) -> None:
        """The next LEDGER entry."""
        self._waiting.append((position, kind, entry))
        try:
            if kind == KIND_INCARNATION:
                self._begin(position, entry)
            elif kind == KIND_TICK:
                self._check(position, entry)
        except Refused as error:
            raise Fault("ledger-damaged", error.message, at=f"LEDGER {position}") from error

    def finish(self) -> None:
        """After the last entry: every RESTORE has its incarnation."""
        if self._restores:
            raise Fault("ledger-damaged", "a RESTORE of CONTROL began no incarnation", at="LEDGER")

    def _begin(self, position: int, entry: bytes) -> None:
        last = self._last_of_life
        if self._incarnation:
            number, of_last = (parse_tick(last.statement).number, digest(last.statement)) if last else (0, ZERO_HASH)
            due = Restore(self._incarnation, entry, number, of_last)
            if not self._restores or self._restores.popleft() != due:
                raise Fault(
                    "ledger-damaged",
                    "an incarnation begins where a RESTORE says so, behind the tick that it kept",
                    at=f"LEDGER {position}",
                )
        self._incarnation, self._last_of_life = entry, None

    def _check(self, position: int, entry: bytes) -> None:
        stored = parse_stored_tick(entry)
        tick = parse_tick(stored.statement)
        while self._waiting and self._waiting[0][0] < stored.covered:
            self._behind.apply(*self._waiting.popleft())
        levels = self._behind.accounts_tree(stored.tick_seed).levels
        link = self._link_at(stored.control_position)
        expected = (
            self._genesis,
            self._behind.incarnation,
            self._behind.ticks.size,
            self._behind.ticks.root(self._behind.ticks.size),
            control_digest(stored.control_salt, stored.control_position, link),
            levels[-1][0],
        )
        said = (tick.genesis, tick.incarnation, tick.number, tick.ledger, tick.control, tick.accounts_root)
        if said != expected:
            raise Fault(
                "ledger-damaged", "a tick does not say what the entries before it make true", at=f"LEDGER {position}"
            )
        if self._key_of is not None:
            self._key_of(tick.key_id).verify(CONTEXT, stored.statement, stored.signature, "tick")
        self.ticks += 1
        self._last_of_life = stored
        self.last = tick
