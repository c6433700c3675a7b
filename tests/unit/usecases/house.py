"""A gateway without a wire, over the memory doubles: the use cases as they run, one source and partners beside them.

`Follower` is a reader of its own, made of the core's parts: it checks order, sequence numbers, ticks and that every
disclosure is in its account under a tick before its frame, and it keeps what a partner keeps.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache

from clients.source.batcher import Lane, sign_batch
from clients.source.labelling import Labelling
from gateway.adapters.memory import UnsafeMemoryFloor, UnsafeMemoryJournals
from gateway.core.control.endorsing import encode_endorsement_list
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.errors import GatewayError
from gateway.core.kinds import tactic
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    AccountEntry,
    encode_account,
    encode_account_entries,
)
from gateway.core.ledger.entries import HOUSE, Applied, partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import parse_leaves, parse_tick_message
from gateway.core.parties.identity import Identity
from gateway.core.records.states import RecordInput, UnverifiedBatch, verify_batch
from gateway.core.sealing.body import parse_body
from gateway.core.sealing.frame import (
    SealedFrame,
    open_end,
    open_notice,
    open_old,
    parse_disclosure_entry,
)
from gateway.core.sealing.stream import Hello, SignedHello, StreamKeys, StreamOpening, kinds_mask
from gateway.core.suite.keys import KemKey, SigningKey, VerifyKey
from gateway.core.suite.numbers import DataMode, EndReason, RecordKind, StatementKind, StreamMessage
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal
from gateway.usecases.admit import AdmitJob, Judged, drain, source_key
from gateway.usecases.disclose import Discloser
from gateway.usecases.govern import KIND_STATEMENT, Government
from gateway.usecases.inspect import inspecting
from gateway.usecases.peer import Peer
from gateway.usecases.rebuild import rebuild
from gateway.usecases.release import follow
from gateway.usecases.running import Running
from gateway.usecases.sequence import Sequencer
from gateway.usecases.tick import Ticker
from gateway.usecases.trusted_time import TrustedTime
from tests.fakes import FakeClock
from tests.unit.control.given import DAY, HOUR, NOW, kem_key, signing_key
from tests.unit.control.world import GUIDE, UKR, World, agreement_text
from tests.unit.kinds.given import tactic_tables

SOURCE = "src-3f07"
GUARD_SECONDS = 30.0
POOL = ThreadPoolExecutor(max_workers=1)
OPEN = {
    "starts": "2026-05-01",
    "sources": '"all"',
    "delay_h": "0",
    "withhold": "None",
    "quota": "None",
    "designs": "None",
    "fees": "None",
    "kinds": '["telemetry", "tactic"]',
    "accounts_shown_to_sources": '"amounts-and-partner"',
}


class HouseKeys:
    """The port `Keys`, of the gateway that the tests' directory endorses."""

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        return signing_key("stream")

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        return signing_key("ledger")

    def ingest(self) -> KemKey:
        """Opens parcels."""
        return kem_key("ingest")

    def cursor(self) -> bytes:
        """Seals cursors."""
        return b"c" * 32


def terms(partner_id: str = "usa/arl", agreement_id: str = "UA-US-1", **changed: str) -> bytes:
    """An agreement with nothing held back, with keys changed."""
    return agreement_text(**(OPEN | {"id": f'"{agreement_id}"', "to": f'"{partner_id}"'} | changed))


def a_town(*agreements: bytes) -> World:
    """Two sources, two partners, an agreement with each unless others are given, and a directory."""
    world = _parties().copy()
    for text in agreements or (terms(), terms("gbr/dstl", "UA-GB-1")):
        world.apply(StatementKind.AGREEMENT, text)
    world.direct()
    return world


@cache
def _parties() -> World:
    world = World()
    world.apply(StatementKind.VOCABULARY, UKR)
    world.apply(StatementKind.GUIDE, GUIDE)
    world.source(SOURCE)
    world.source("src-91c2", scope="tactic//REAL,SIMULATED")
    world.partner("usa/arl", "USA")
    world.partner("gbr/dstl", "GBR")
    return world


def identity(uri: str, until_ms: int = NOW + 400 * DAY) -> Identity:
    """What a certificate says of its holder."""
    return Identity(uri, uri.split("/")[2], NOW - DAY, until_ms, "00" * 32)


def partner_peer(partner_id: str = "usa/arl", until_ms: int = NOW + 400 * DAY) -> Peer:
    """A partner at the other end."""
    nation, _, name = partner_id.partition("/")
    return Peer("partner", partner_id, identity(f"spiffe://{nation}.example/partner/{name}", until_ms))


def source_peer(source_id: str = SOURCE, until_ms: int = NOW + 400 * DAY) -> Peer:
    """A source at the other end."""
    return Peer("source", source_id, identity(f"spiffe://ua.example/source/{source_id}", until_ms))


def operator_peer(name: str = "officer-1") -> Peer:
    """An operator at the other end."""
    return Peer("operator", name, identity(f"spiffe://ua.example/operator/{name}"))


@cache
def a_record(number: int = 0) -> RecordInput:
    """A tactic as the guide labels it; each number is another record."""
    tables = tactic_tables()
    tables["about"] = tables["about"] | {"title": {"uk": f"Обхід {number}", "en": f"Flying round {number}"}}
    contents = tactic.from_mapping(tables)
    guide = _parties().control.guide
    assert guide is not None
    return Labelling(guide, RecordKind.TACTIC, DataMode.REAL, {}).label(number, contents)


class Origin:
    """A source with one lane."""

    def __init__(self, genesis: bytes, source_id: str = SOURCE) -> None:
        self.source_id = source_id
        self.key = signing_key(source_id)
        self.lane = Lane.new()
        self._genesis = genesis
        self._records = iter(range(10_000))

    def batch(
        self, records: int | list[RecordInput] = 1, *, mode: DataMode = DataMode.REAL, lane: Lane | None = None
    ) -> UnverifiedBatch:
        """The next batch of the lane; of another lane or place if one is given, and then the own lane stands still."""
        chosen = [a_record(next(self._records)) for _ in range(records)] if isinstance(records, int) else records
        at = lane or self.lane
        unverified = sign_batch(self._genesis, self.source_id, self.key, at, RecordKind.TACTIC, mode, chosen)
        if lane is None:
            self.lane = self.lane.after(unverified.signed)
        return unverified


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
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def now_ms(self) -> int:
        """The wall."""
        return self.clock.wall_ms()

    async def found(self) -> None:
        """The journals as the operators' statements made them."""
        entries = [entry.encode() for entry in self.world.entries]
        links = [entry.statement.link for entry in self.world.entries]
        applied = [AccountEntry(HOUSE, Applied(place, link).encode()) for place, link in enumerate(links)]
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
        keys = HouseKeys()
        folds = rebuild(self.journals, keys, self.floor, every_signature=False)
        time = TrustedTime(self.clock, folds.last_tick_ms)
        folds.quota.begin(time.now_ms())
        sequencer = Sequencer(self.journals, folds.book)
        discloser = Discloser(keys, time, folds.quota)
        sequencer.disclose = discloser.disclose
        self.ticker = Ticker(
            sequencer=sequencer,
            book=folds.book,
            key=keys.ledger(),
            time=time,
            floor=self.floor,
            control_head=lambda: (self.running.control.position, self.running.control.head),
            pool=POOL,
        )
        self.running = Running(
            folds.control, self.journals, keys, folds.book, folds.lanes, time, sequencer, self.ticker, discloser
        )
        self.government = Government(self.running)
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
        return Judged(control, verified, *drain(inspecting(control, scope, verified)))

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
) -> AsyncIterator[House]:
    """A house with these agreements, running until the block ends; a block that hangs fails."""
    house = House(a_town(*agreements), journals=journals or UnsafeMemoryJournals())
    await house.found()
    house.start(ticking=ticking, committing=committing)
    try:
        async with asyncio.timeout(GUARD_SECONDS):
            yield house
    finally:
        await house.stop()


Record = tuple[bytes, int]


class Follower:
    """One subscription of a partner. records: (H(B), idx) as they came; ended, notices: what the last stream said."""

    def __init__(self, house: House, partner_id: str, agreement_id: str, name: str) -> None:
        self._house = house
        self.partner_id, self.agreement_id, self.name = partner_id, agreement_id, name
        self.account_id = partner_account(partner_id, agreement_id, name)
        self.ledger = LedgerReader(house.control().genesis, self.account_id)
        self.peer = partner_peer(partner_id)
        self.cursor = b""
        self.records: list[Record] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._begin()

    def _begin(self) -> None:
        self.kinds: list[StreamMessage] = []
        self.notices: list[EndReason] = []
        self.ended: EndReason | None = None
        self._keys: StreamKeys | None = None
        self._leaves: list[bytes] = []
        self._seq = self._entry_seq = 0
        self.ledger.begin_stream()

    def hello(self, **changed: object) -> SignedHello:
        """The Hello this partner would send now, with fields changed."""
        self._ephemeral = KemKey.from_seeds(secrets.token_bytes(64), 1 + secrets.randbelow(2**300))
        agreement = self._house.control().agreement(self.agreement_id)
        directory = self._house.control().directory
        values: dict[str, object] = {
            "genesis": self._house.control().genesis,
            "partner_id": self.partner_id,
            "agreement_id": self.agreement_id,
            "subscription": self.name,
            "agreement_digest": agreement.digest,
            "sign_key_id": signing_key(self.partner_id).key_id,
            "nonce": secrets.token_bytes(32),
            "time_ms": self._house.now_ms,
            "kinds": kinds_mask((RecordKind.TELEMETRY, RecordKind.TACTIC)),
            "dir_no": directory.newest.dir_no if directory else 0,
            "incarnation": self.ledger.incarnation,
            "next_tick": self.ledger.next_tick,
            "account_size": self.ledger.held.size,
            "cursor": self.cursor,
            "ephemeral_key": self._ephemeral.public_key,
        }
        return SignedHello.sign(Hello(**{**values, **changed}), signing_key(self.partner_id))  # type: ignore[arg-type]  # a test may write any field

    def open(self, signed: SignedHello | None = None) -> asyncio.Task[None]:
        """A stream, served in a task of its own."""
        self._begin()
        hello = signed or self.hello()

        async def serve() -> None:
            await follow(self._house.running, self.peer, hello.encode(), self._write)

        self.task = asyncio.create_task(serve())
        self.task.add_done_callback(lambda _: self.changed.set())
        return self.task

    async def refusal(self, signed: SignedHello) -> str:
        """The code with which a Hello is refused."""
        try:
            await self.open(signed)
        except GatewayError as error:
            return error.code
        return ""

    async def drop(self) -> None:
        """The connection breaks."""
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until the stream has shown something; raises what ended it if it ends before."""
        while not condition():
            self.changed.clear()
            if self.task is not None and self.task.done():
                self.task.result()
                assert condition(), "the stream ended"
                return
            await self.changed.wait()

    async def caught_up(self) -> list[Record]:
        """Everything so far, once the gateway says that this is all."""
        await self.until(lambda: bool(self.notices))
        return self.records

    async def received(self, count: int) -> list[Record]:
        """The records, once there are so many."""
        await self.until(lambda: len(self.records) >= count)
        return self.records

    async def _write(self, message: bytes) -> None:
        await self.gate.wait()
        self._receive(StreamMessage(message[0]), message[1:])
        self.changed.set()
        await asyncio.sleep(0)

    def _receive(self, kind: StreamMessage, body: bytes) -> None:
        assert self.ended is None, "nothing comes after the end"
        self.kinds.append(kind)
        if kind is StreamMessage.DIRECTORY:
            assert self.kinds == [kind]
        elif kind is StreamMessage.OPEN:
            assert len(self.kinds) == 2
            self._keys = StreamOpening.parse(body).derive(kem_key(self.partner_id), self._ephemeral)
        elif kind is StreamMessage.LEAVES:
            self._leaves += parse_leaves(body)
        elif kind is StreamMessage.TICK:
            key = VerifyKey.parse(signing_key("ledger").public_key)
            self.ledger.accept(parse_tick_message(body), self._leaves, key)
            self._leaves = []
        else:
            assert StreamMessage.TICK in self.kinds, "nothing sealed comes before the first tick"
            self._sealed(kind, body)

    def _sealed(self, kind: StreamMessage, body: bytes) -> None:
        assert self._keys is not None
        if kind is StreamMessage.FRAME:
            seq = self._frame(body, self._keys)
        elif kind is StreamMessage.OLD:
            assert StreamMessage.FRAME not in self.kinds
            seq, entry = open_old(self._keys, body)
            self.ledger.settle(entry)
            self.ledger.flush()
        elif kind is StreamMessage.NOTICE:
            seq, reason, _ = open_notice(self._keys, body)
            self.notices.append(reason)
        else:
            seq, self.ended, _ = open_end(self._keys, body)
        assert seq == self._seq
        self._seq += 1

    def _frame(self, body: bytes, keys: StreamKeys) -> int:
        frame = SealedFrame.parse(body)
        entry = frame.open_entry(keys)
        disclosure = parse_disclosure_entry(entry)
        # Logged before sent: refused unless it is the next leaf under a tick that was verified.
        self.ledger.settle(entry)
        self.ledger.flush()
        assert disclosure.seq == self._entry_seq
        self._entry_seq += 1
        shown = [
            (section.signed.digest, view.idx) for section in parse_body(frame.open_body(keys)) for view in section.views
        ]
        assert disclosure.records == len(shown)
        self.records += shown
        self.cursor = disclosure.cursor
        return frame.seq

    def check_account(self) -> None:
        """What this partner holds is the whole account, leaf for leaf."""
        account = self._house.running.book.accounts[self.account_id]
        assert not self.ledger.owed
        assert (self.ledger.held.size, self.ledger.held.root()) == (
            account.tree.size,
            account.tree.root(account.tree.size),
        )


def records_of(*batches: UnverifiedBatch) -> list[Record]:
    """(H(B), idx) of every record, in order."""
    return [(batch.signed.digest, idx) for batch in batches for idx in range(batch.signed.batch.count)]


async def turns(count: int = 20) -> None:
    """Lets everything that can run go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def messages(*items: bytes) -> AsyncIterator[bytes]:
    """What a peer sends before it closes its side."""
    return _messages(iter(items))


async def _messages(items: Iterator[bytes]) -> AsyncIterator[bytes]:
    for item in items:
        yield item
