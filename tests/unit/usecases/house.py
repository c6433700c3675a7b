"""A gateway without a wire over the memory doubles: the use cases as they run, started and stopped at will."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.adapters.memory import UnsafeMemoryFloor, UnsafeMemoryJournals, UnsafeMemoryPending
from gateway.core.control.endorsing import encode_endorsement_list
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.keystates import key_changes
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    AccountEntry,
    encode_account,
    encode_account_entries,
)
from gateway.core.ledger.entries import HOUSE, Applied, KeyEvent
from gateway.core.records.states import UnverifiedBatch, verify_batch
from gateway.core.suite.numbers import StatementKind
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal
from gateway.ports.keys import Keys
from gateway.usecases.admit import AdmitJob, Judged, drain, source_key
from gateway.usecases.disclose import Discloser
from gateway.usecases.govern import KIND_STATEMENT, Government
from gateway.usecases.inspect import inspecting
from gateway.usecases.peer import Accepted
from gateway.usecases.rebuild import rebuild
from gateway.usecases.running import Running
from gateway.usecases.sequence import Sequencer
from gateway.usecases.tick import Ticker
from gateway.usecases.trusted_time import TrustedTime
from tests.fakes import FakeClock
from tests.unit.control.given import HOUR, NOW, ROOT_OF
from tests.unit.control.world import World
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.town import HouseKeys, a_town, operator_peer

GUARD_SECONDS = 30.0
POOL = ThreadPoolExecutor(max_workers=1)


class GatedJournals(UnsafeMemoryJournals):
    """A disk that takes nothing while its gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()

    async def commit(self, appends: Sequence[Append]) -> None:
        """As the double does, once the gate is open."""
        await self.gate.wait()
        await super().commit(appends)


@dataclass
class House:
    """The use cases, running; `start` and `stop` as often as a test likes, over the same journals."""

    world: World
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW + HOUR))
    journals: UnsafeMemoryJournals = field(default_factory=UnsafeMemoryJournals)
    floor: UnsafeMemoryFloor = field(default_factory=UnsafeMemoryFloor)
    pending: UnsafeMemoryPending = field(default_factory=UnsafeMemoryPending)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    pool: Executor = POOL
    keys: Keys = field(default_factory=HouseKeys)

    @property
    def now_ms(self) -> int:
        """The wall."""
        return self.clock.wall_ms()

    async def found(self) -> None:
        """The journals as the operators' statements made them."""
        entries = [entry.encode() for entry in self.world.entries]
        applied = []
        before: Control | None = None
        for place, entry in enumerate(self.world.entries):
            after = Control.begin(entry) if before is None else before.apply(entry)
            applied.append(AccountEntry(HOUSE, Applied(place, entry.statement.link).encode()))
            applied += [AccountEntry(HOUSE, KeyEvent(*change).encode()) for change in key_changes(before, after)]
            before = after
        incarnation = secrets.token_bytes(16)
        await self.journals.commit(
            [
                *(Append(Journal.CONTROL, place, KIND_STATEMENT, entry) for place, entry in enumerate(entries)),
                Append(Journal.LEDGER, 0, KIND_INCARNATION, incarnation),
                Append(Journal.LEDGER, 1, KIND_ACCOUNT, encode_account(HOUSE, 0)),
                Append(Journal.LEDGER, 2, KIND_ENTRIES, encode_account_entries(applied)),
            ]
        )
        self.floor = UnsafeMemoryFloor(FloorMark(incarnation, 0, len(entries)))

    def start(self, *, ticking: bool = True, committing: bool = True) -> None:
        """Rebuilds every fold and runs the tasks; without `committing` jobs wait for `commit`."""
        keys = self.keys
        folds = rebuild(self.journals, keys, self.floor, every_signature=False)
        time = TrustedTime(self.clock, folds.last_tick_ms)
        folds.quota.begin(time.now_ms())
        sequencer = Sequencer(self.journals, folds.book)
        discloser = Discloser(keys, time, folds.quota)
        sequencer.disclose = discloser.disclose
        self.ticker = Ticker(
            sequencer=sequencer,
            book=folds.book,
            key=keys.ledger,
            time=time,
            floor=self.floor,
            control_head=lambda: (self.running.control.position, self.running.control.head),
            pool=self.pool,
        )
        self.running = Running(
            folds.control, self.journals, keys, folds.book, folds.lanes, time, sequencer, self.ticker, discloser
        )
        self.running.accepted = Accepted(frozenset(ROOT_OF.values()), ROOT_OF["ua.example"])
        self.government = Government(self.running, self.pending)
        self.tasks = []
        if committing:
            self.commit()
        if ticking:
            self.tick()

    def commit(self) -> None:
        """From now on jobs are committed; those that wait, in one commit."""
        self.tasks.append(asyncio.create_task(self.running.sequencer.run()))

    def tick(self) -> None:
        """From now on the ledger is signed."""
        self.tasks.append(asyncio.create_task(self.ticker.run()))

    async def stop(self) -> None:
        """As kill -9 would: nothing is finished."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def restart(self) -> None:
        """A new process over the same store."""
        await self.stop()
        self.journals = self.journals.reopened()
        self.start()

    def judged(self, unverified: UnverifiedBatch) -> Judged:
        """A batch as publishing hands it over."""
        control = self.running.control
        key, scope = source_key(control, unverified.signed, self.now_ms)
        verified = verify_batch(unverified, key, control.genesis)
        return Judged(control, scope, verified, *drain(inspecting(control, scope, verified)))

    async def admit(self, unverified: UnverifiedBatch) -> bytes:
        """The answer to one batch, once it is durable."""
        job = AdmitJob(self.running, self.judged(unverified))
        await self.running.sequencer.submit(job)
        return job.answer

    async def apply(self, kind: StatementKind, body: bytes, *attachments: bytes, by: tuple[str, ...] = ()) -> int:
        """A statement by these operators, applied; how many streams it ended."""
        entry = self.entry(kind, body, *attachments, by=by or ("officer-1", "officer-2"))
        outcome = await self.government.propose(operator_peer(), entry, "a test")
        assert outcome.applied
        self.world.take(entry)
        return outcome.streams_ended

    def entry(self, kind: StatementKind, body: bytes, *attachments: bytes, by: tuple[str, ...]) -> ControlEntry:
        """The next statement, signed now and not handed in."""
        self.world.now = self.now_ms
        return self.world.entry(kind, body, *attachments, by=by)

    async def issue_directory(self) -> int:
        """A new directory over everybody."""
        self.world.now = self.now_ms
        listed = self.world.listed()
        body = self.world.dir_of(listed, self.world.dir_no + 1).encode()
        return await self.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed))

    async def suspend(self, target: str) -> int:
        """One operator stops a party."""
        body = f'target = "{target}"\nreason = "a test"\n'.encode()
        return await self.apply(StatementKind.SUSPEND, body, by=("officer-1",))

    async def lift(self, target: str) -> int:
        """The quorum takes it up again."""
        return await self.apply(StatementKind.LIFT, f'target = "{target}"\nreason = "a test"\n'.encode())

    def control(self) -> Control:
        """What stands."""
        return self.running.control

    def follower(self, partner_id: str = "usa/arl", agreement_id: str = "UA-US-1", name: str = "default") -> Follower:
        """A partner that keeps what it verified."""
        return Follower(self, partner_id, agreement_id, name)


@asynccontextmanager
async def a_house(
    *agreements: bytes,
    ticking: bool = True,
    committing: bool = True,
    journals: UnsafeMemoryJournals | None = None,
    pool: Executor = POOL,
    keys: Keys | None = None,
) -> AsyncIterator[House]:
    """A house with these agreements, running until the block ends; a block that hangs fails."""
    house = House(a_town(*agreements), journals=journals or UnsafeMemoryJournals(), pool=pool, keys=keys or HouseKeys())
    await house.found()
    house.start(ticking=ticking, committing=committing)
    try:
        async with asyncio.timeout(GUARD_SECONDS):
            yield house
    finally:
        await house.stop()
