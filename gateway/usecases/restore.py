"""Restoring: a store that was put back from a backup lives on, under another incarnation that operators named.

The store stands still meanwhile: it lies below its floor and no gateway starts from it. What the quorum signed must be
true of it to the last tick; then one commit says in all three journals that the old incarnation is over, enters again
what no tick of it covered, and the floor follows. What came after the backup is lost, and every reader that saw more
says so. A restore that was cut off is made again with the same statement.

A backup may lack what operators have stopped since. What they put behind the RESTORE, each signed by one of them, joins
that one commit: there is no moment in which the store could run and not know of it.

    restored = await restore(journals, keys, floor, [signed, *stops], now_ms)

Source: SPEC.md sections 2.12, 3.5 and 7.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.keystates import key_changes
from gateway.core.control.restore import Restore
from gateway.core.control.restoring import check_proposed
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Fault, Refused
from gateway.core.ledger.book import Book
from gateway.core.ledger.entries import HOUSE, Applied, KeyEvent, Restored
from gateway.core.ledger.tick import parse_tick
from gateway.core.suite.algorithms import ZERO_HASH, digest
from gateway.ports.floor import Floor, FloorMark
from gateway.ports.journal import Journal, Journals
from gateway.ports.keys import Keys
from gateway.usecases.govern import KIND_STATEMENT
from gateway.usecases.lanes import KIND_RESTORED
from gateway.usecases.rebuild import Folds, fold
from gateway.usecases.sequence import Plan

# A floor that is gone says nothing; the quorum's statement does.
NO_FLOOR = frozenset({"floor-missing", "floor-damaged"})
_log = structlog.get_logger("sluice.restore")


@dataclass(frozen=True, slots=True)
class RestoredStore:
    """What a restore did. position: of the RESTORE in CONTROL; records: entries of RECORDS that were kept.

    stops: statements that were put behind it.
    """

    restore: Restore
    position: int
    records: int
    stops: int


def proposed_restore(folds: Folds, new: bytes) -> Restore:
    """The only RESTORE that is true of this store. new: 16 fresh random bytes."""
    last = folds.book.last_tick
    number, tick_digest = (parse_tick(last.statement).number, digest(last.statement)) if last else (0, ZERO_HASH)
    return Restore(folds.book.incarnation, new, number, tick_digest)


async def restore(
    journals: Journals, keys: Keys, floor: Floor, proposed: Sequence[SignedStatement], now_ms: int
) -> RestoredStore:
    """Applies a signed RESTORE, and what stands behind it, to an open store that no gateway runs from.

    They are applied at the gateway's own time, which `now_ms` says. Refuses what the fold refuses,
    `restore-expected` and `restore-behind`, `restore-mismatch` unless it says what the store shows, and
    `restore-incarnation` where another incarnation ran last; raises `Fault` on a store that does not add up.
    """
    folds = fold(journals, keys, every_signature=True)
    control = folds.control
    said, ran_last = check_proposed(proposed), _ran_last(floor)
    records = folds.lanes.ends.get(said.old, journals.head(Journal.RECORDS).size)
    if control.head != proposed[-1].statement.link:
        steps = _steps(control, proposed, max(now_ms, control.clock_ms))
        control = steps[-1][1]
        _check_true(said, folds, ran_last)
        plan = _plan(journals, folds, steps, said)
        await journals.commit(plan.appends(plan.ledger()))
    if ran_last != said.new:
        floor.begin(FloorMark(said.new, 0, control.position))
    stops = len(proposed) - 1
    _log.info("store.restored", incarnation=said.new.hex(), ticks_kept=said.ticks_kept, records=records, stops=stops)
    return RestoredStore(said, control.position - 1 - stops, records, stops)


def _steps(
    control: Control, proposed: Sequence[SignedStatement], applied_at_ms: int
) -> list[tuple[ControlEntry, Control]]:
    """Each entry as it is applied, and what stands after it."""
    steps: list[tuple[ControlEntry, Control]] = []
    for signed in proposed:
        entry = ControlEntry(signed, (), applied_at_ms)
        control = control.apply(entry)
        steps.append((entry, control))
    return steps


def _check_true(said: Restore, folds: Folds, ran_last: bytes) -> None:
    if said != proposed_restore(folds, said.new):
        raise Refused(
            "restore-mismatch", "a RESTORE must name incarnation and last tick as the store shows them", at="restore"
        )
    # A RESTORE that the backup does not know led to the incarnation that ran last: it is applied again, then one more.
    if ran_last not in {b"", said.old, said.new}:
        raise Refused(
            "restore-incarnation",
            "the incarnation that ran last must be the one that the RESTORE leaves or begins, it is another",
            at="floor",
            do="put back a backup of that incarnation, or apply the RESTORE that began it first",
        )


def _plan(journals: Journals, folds: Folds, steps: Sequence[tuple[ControlEntry, Control]], said: Restore) -> Plan:
    """One commit: in each journal that the old incarnation is over, and what must not be lost with it."""
    plan = Plan(journals, Book(folds.control.genesis))
    (restoring, before), behind = steps[0], steps[1:]
    plan.append(Journal.RECORDS, KIND_RESTORED, said.encode())
    position = plan.append(Journal.CONTROL, KIND_STATEMENT, restoring.encode())
    plan.begin_incarnation(said.new)
    plan.open_account(HOUSE)
    for item in folds.uncovered:
        plan.enter(item.account_id, item.entry, item.opening)
    plan.enter(HOUSE, Applied(position, restoring.statement.link).encode())
    plan.enter(HOUSE, Restored(said.encode()).encode())
    for entry, after in behind:
        position = plan.append(Journal.CONTROL, KIND_STATEMENT, entry.encode())
        plan.enter(HOUSE, Applied(position, entry.statement.link).encode())
        for digest_of_key, state in key_changes(before, after):
            plan.enter(HOUSE, KeyEvent(digest_of_key, state).encode())
        before = after
    return plan


def _ran_last(floor: Floor) -> bytes:
    """The incarnation that ran last, as the floor says; empty where it says nothing."""
    try:
        return floor.read().incarnation
    except Fault as fault:
        if fault.code not in NO_FLOOR:
            raise
        return b""
