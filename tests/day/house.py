"""The gateway of the day: store, floor and keys as a process has them, use cases as they run, and a clock of the story.

What is missing is the wire: parties call the use cases with the identity that their certificate proves.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from gateway.adapters.floor import FloorFile
from gateway.adapters.keyfiles.kek import create_kek, read_kek
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.adapters.lmdb.journals import LmdbJournals
from gateway.adapters.memory import UnsafeMemoryPending
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.restore import Restore
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Fault
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    AccountEntry,
    encode_account,
    encode_account_entries,
)
from gateway.core.ledger.entries import HOUSE, Applied
from gateway.core.suite.numbers import EndReason
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal
from gateway.usecases.disclose import Discloser
from gateway.usecases.govern import KIND_STATEMENT, Government
from gateway.usecases.peer import Accepted
from gateway.usecases.rebuild import fold, rebuild
from gateway.usecases.release import STOPPING_TEXT
from gateway.usecases.restore import proposed_restore, restore
from gateway.usecases.running import Running
from gateway.usecases.sequence import Sequencer
from gateway.usecases.tick import Ticker
from gateway.usecases.trusted_time import TrustedTime
from tests.day.keys import write_gateway_keys

GATEWAY_ID = "gw-1"
MINUTE_MS = 60_000


class DayClock:
    """A clock that goes on by a millisecond whenever somebody looks, and by as much as the story says."""

    def __init__(self, start: datetime) -> None:
        self._ms = int(start.timestamp() * 1000)
        self._booted_ms = self._ms - 60 * MINUTE_MS

    def wall_ms(self) -> int:
        """UTC milliseconds."""
        self._ms += 1
        return self._ms

    def boot_ms(self) -> int:
        """Milliseconds since the machine started, which was an hour before the day."""
        return self._ms - self._booted_ms

    def date(self) -> datetime:
        """What a person reads."""
        return datetime.fromtimestamp(self.wall_ms() / 1000, UTC)

    def until(self, hour: int, minute: int = 0) -> None:
        """It is that time of this day; never one that is over."""
        then = int(self.date().replace(hour=hour, minute=minute, second=0, microsecond=0).timestamp() * 1000)
        if then < self._ms:
            raise ValueError(f"{hour:02}:{minute:02} is over")
        self._ms = then

    def later(self, minutes: int) -> None:
        """So many minutes pass."""
        self._ms += minutes * MINUTE_MS


class House:
    """One gateway below `root`; `start` and `stop` as often as the story says. own_root: the only one's fingerprint."""

    def __init__(self, root: Path, clock: DayClock, own_root: str) -> None:
        self.root = root
        self._accepted = Accepted(frozenset({own_root}), own_root)
        self.clock = clock
        self.store = root / "store"
        self.floor_path = root / "floor"
        self._kek_path = root / "kek"
        write_gateway_keys(root / "keys", GATEWAY_ID)
        self.keys = KeyFiles(root / "keys")
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._tasks: list[asyncio.Task[None]] = []

    async def found(self, genesis: SignedStatement) -> None:
        """The store with its first entries, its key-encryption key and its floor."""
        entry = ControlEntry(genesis, (), self.clock.wall_ms())
        control = Control.begin(entry)
        kek = create_kek(self._kek_path, self.store, unsafe_kek_beside_store=True)
        journals = LmdbJournals.create(self.store, kek, control.genesis)
        incarnation = secrets.token_bytes(16)
        applied = encode_account_entries([AccountEntry(HOUSE, Applied(0, control.head).encode())])
        await journals.commit(
            [
                Append(Journal.CONTROL, 0, KIND_STATEMENT, entry.encode()),
                Append(Journal.LEDGER, 0, KIND_INCARNATION, incarnation),
                Append(Journal.LEDGER, 1, KIND_ACCOUNT, encode_account(HOUSE, 0)),
                Append(Journal.LEDGER, 2, KIND_ENTRIES, applied),
            ]
        )
        journals.close()
        FloorFile.create(self.floor_path, FloorMark(incarnation, 0, 1))

    def opened(self) -> LmdbJournals:
        """The store's journals, checked."""
        kek = read_kek(self._kek_path, self.store, unsafe_kek_beside_store=True)
        journals = LmdbJournals.open(self.store, kek)
        journals.verify()
        return journals

    def start(self) -> None:
        """Every fold is rebuilt, every signature looked at, and the tasks run."""
        journals, floor = self.opened(), FloorFile(self.floor_path)
        try:
            folds = rebuild(journals, self.keys, floor, every_signature=True)
        except Fault:
            journals.close()
            raise
        time = TrustedTime(self.clock, folds.last_tick_ms)
        folds.quota.begin(time.now_ms())
        sequencer = Sequencer(journals, folds.book)
        discloser = Discloser(self.keys, time, folds.quota)
        sequencer.disclose = discloser.disclose
        self.ticker = Ticker(
            sequencer=sequencer,
            book=folds.book,
            key=self.keys.ledger,
            time=time,
            floor=floor,
            control_head=lambda: (self.running.control.position, self.running.control.head),
            pool=self._pool,
        )
        self.running = Running(
            folds.control, journals, self.keys, folds.book, folds.lanes, time, sequencer, self.ticker, discloser
        )
        self.running.accepted = self._accepted
        self.government = Government(self.running, UnsafeMemoryPending())
        self._tasks = [asyncio.create_task(sequencer.run()), asyncio.create_task(self.ticker.run())]

    async def stop(self) -> None:
        """In order: streams hear of it, the last tick covers everything, the floor follows."""
        self.running.stopping.set()
        for subscription in list(self.running.discloser.subscriptions.values()):
            subscription.end(EndReason.SHUTDOWN, STOPPING_TEXT)
            await subscription.closed.wait()
        self.ticker.finish()
        await self._tasks[1]
        self._tasks[0].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ticker.raise_floor()
        self.running.journals.close()

    async def die(self) -> None:
        """As a disk that fails takes a process with it: nothing is finished."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ticker.raise_floor()
        self.running.journals.close()

    def back_up(self) -> None:
        """A copy of the store, which stands still."""
        shutil.copytree(self.store, self.root / "backup")

    def put_back(self) -> None:
        """The copy takes the place of the store; the floor is where it was."""
        shutil.rmtree(self.store)
        shutil.copytree(self.root / "backup", self.store)

    def state_put_back(self) -> tuple[Control, Restore]:
        """What stands in a store below its floor, and the one RESTORE that is true of it."""
        journals = self.opened()
        try:
            folds = fold(journals, self.keys, every_signature=True)
            return folds.control, proposed_restore(folds, secrets.token_bytes(16))
        finally:
            journals.close()

    async def restore(self, entry: bytes) -> None:
        """A signed RESTORE is applied to the store that was put back."""
        journals = self.opened()
        try:
            proposed = [parse_entry(entry).signed]
            await restore(journals, self.keys, FloorFile(self.floor_path), proposed, self.clock.wall_ms())
        finally:
            journals.close()

    def close(self) -> None:
        """The day is over."""
        self._pool.shutdown()
