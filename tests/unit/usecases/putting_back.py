"""Losing a store and putting an older copy in its place: what the tests of a restore have in common."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import Any

from gateway.adapters.memory import UnsafeMemoryJournals
from gateway.core.control.entry import ControlEntry
from gateway.core.ledger.book import KIND_ENTRIES, parse_account_entries
from gateway.core.suite.numbers import StatementKind
from gateway.ports.journal import Append, Journal
from gateway.usecases.rebuild import entries_of, fold
from gateway.usecases.restore import RestoredStore, proposed_restore, restore
from tests.unit.control.world import World
from tests.unit.usecases.house import House
from tests.unit.usecases.town import HouseKeys, Origin

Rows = dict[Journal, list[tuple[int, bytes]]]


@dataclass
class Backup:
    """A store as it was, and the operators' statements up to then."""

    world: World
    rows: Rows


def rows_of(house: House) -> Rows:
    """What is in the store."""
    return {journal: [(kind, entry) for _, kind, entry in entries_of(house.journals, journal)] for journal in Journal}


def backed_up(house: House) -> Backup:
    """A copy of the store as it is now."""
    return Backup(house.world.copy(), rows_of(house))


async def written(rows: Rows) -> UnsafeMemoryJournals:
    """A store with these entries."""
    journals = UnsafeMemoryJournals()
    await journals.commit(appends_of(rows))
    return journals


def appends_of(rows: Rows) -> list[Append]:
    """All of it as one list."""
    return [
        Append(journal, place, kind, entry)
        for journal, entries in rows.items()
        for place, (kind, entry) in enumerate(entries)
    ]


async def put_back(house: House, backup: Backup) -> None:
    """The store is lost, its floor is not, and the copy takes its place."""
    await house.ticker.raise_floor()
    await house.stop()
    house.world, house.journals = backup.world.copy(), await written(backup.rows)


def signed(house: House, by: tuple[str, ...] = ("officer-1", "officer-2"), **changed: Any) -> ControlEntry:
    """The RESTORE that is true of the store, signed; `changed` fields of it are not."""
    proposed = proposed_restore(fold(house.journals, HouseKeys(), every_signature=False), secrets.token_bytes(16))
    return house.entry(StatementKind.RESTORE, replace(proposed, **changed).encode(), by=by)


async def restored(house: House, entry: ControlEntry | None = None) -> RestoredStore:
    """The store lives on; nothing runs yet."""
    entry = entry or signed(house)
    done = await restore(house.journals, HouseKeys(), house.floor, [entry.signed], house.now_ms)
    house.world.take(entry)
    return done


def entries_of_account(house: House, account_id: bytes) -> list[bytes]:
    """Everything that any incarnation entered in an account."""
    found = []
    for _, kind, entry in entries_of(house.journals, Journal.LEDGER):
        if kind == KIND_ENTRIES:
            found += [item.entry for item in parse_account_entries(entry) if item.account_id == account_id]
    return found


async def covered(house: House) -> None:
    """A tick covers everything that is entered: one that was drafted before may come first."""
    wake = asyncio.Event()
    house.ticker.listen(wake)
    for _ in range(2):
        wake.clear()
        house.ticker.ask()
        await wake.wait()
    house.ticker.leave(wake)


async def a_day(house: House) -> tuple[Origin, Backup]:
    """Two batches, a backup under a tick, then one batch more and another tick."""
    origin = Origin(house.control().genesis)
    for _ in range(2):
        await house.admit(origin.batch())
    await covered(house)
    backup = backed_up(house)
    await house.admit(origin.batch())
    await covered(house)
    return origin, backup
