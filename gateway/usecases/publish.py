"""Publishing: one source's connection, its parcels, and the answers it is owed.

Each batch is opened, verified under the source's own key, inspected, and handed to the sequencer; `stored` goes out as
soon as it is durable, `acknowledged` is the source's own account under a tick. Verification runs on the loop in slices,
so one batch never holds it for long. What does not verify ends the connection: it is nobody's batch.
Source: SPEC.md section 3.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import TypeVar

from gateway.core.control.standing import needed_by_source
from gateway.core.errors import Refused
from gateway.core.ledger.entries import Admitted, RefusedBatch, source_account
from gateway.core.records.batch import SignedBatch
from gateway.core.records.states import InspectedBatch, StoredBatch, parse_batch_item, verifying
from gateway.core.sealing.parcel import ParcelReader, parse_parcel_header
from gateway.core.suite.numbers import ID_BYTES, PublishMessage, RefusalCode, Role, UpMessage
from gateway.core.suite.octets import Reader, u8, u16
from gateway.ports.journal import Journal
from gateway.usecases.inspect import inspecting
from gateway.usecases.lanes import KIND_ADMITTED, KIND_REFUSED, Lanes, Refusal, RefusedEntry, Verdict
from gateway.usecases.peer import Peer
from gateway.usecases.running import Running
from gateway.usecases.sequence import Admission, Plan
from gateway.usecases.showing import AccountWindow

SHOW_EVERY_SECONDS = 1.0
HEARTBEAT_SECONDS = 8.0

Write = Callable[[bytes], Awaitable[None]]
T = TypeVar("T")


class _BeginJob:
    """Opens the source's account."""

    def __init__(self, account_id: bytes) -> None:
        self._account_id = account_id

    def prepare(self, plan: Plan) -> None:
        plan.open_account(self._account_id, secrets.randbits(64))

    def committed(self) -> None:
        """Nothing waits for it but the caller."""


class AdmitJob:
    """One batch's turn in its lane: admitted, refused, or told again what became of it. `answer` is set by `prepare`.

    `refusal` is what inspection found; the lane still has its say first, because a batch that came before keeps its
    first answer and one that is ahead consumes nothing.
    """

    def __init__(
        self, lanes: Lanes, signed: SignedBatch, inspected: InspectedBatch | None, refusal: Refusal | None, now_ms: int
    ) -> None:
        self._lanes = lanes
        self._signed = signed
        self._inspected = inspected
        self._refusal = refusal
        self._now_ms = now_ms
        self.answer = b""

    def prepare(self, plan: Plan) -> None:
        """Judges and appends; never refuses, a refusal is an answer."""
        signed = self._signed
        verdict, earlier = self._lanes.judge(signed)
        if verdict is Verdict.ADMITTED:
            self.answer = _stored(signed)
        elif verdict is Verdict.REFUSED and earlier is not None:
            self.answer = _refused(signed, earlier)
        elif verdict is Verdict.AHEAD:
            self.answer = _waiting(signed, RefusalCode.NUMBER_AHEAD)
        elif self._lanes.is_forked(signed.batch.source_id):
            self.answer = _waiting(signed, RefusalCode.SOURCE_HELD)
        elif verdict is Verdict.FORK:
            self._refuse(plan, Refusal(RefusalCode.FORK))
        elif verdict is Verdict.BROKEN:
            self._refuse(plan, Refusal(RefusalCode.CHAIN, at="batch.prev"))
        elif self._refusal is not None or self._inspected is None:
            self._refuse(plan, self._refusal or Refusal(RefusalCode.MALFORMED))
        else:
            self._admit(plan, self._inspected)

    def _admit(self, plan: Plan, inspected: InspectedBatch) -> None:
        signed, batch = self._signed, self._signed.batch
        stored = StoredBatch(signed, self._now_ms, inspected.verified.views)
        position = plan.append(Journal.RECORDS, KIND_ADMITTED, stored.encode(), signed.statement)
        entry = Admitted(secrets.token_bytes(32), batch.lane, batch.batch_no, signed.digest)
        plan.enter(source_account(batch.source_id), entry.encode())
        plan.admissions.append(Admission(position, inspected, stored))
        self._lanes.take(signed, None)
        self.answer = _stored(signed)

    def _refuse(self, plan: Plan, refusal: Refusal) -> None:
        signed, batch = self._signed, self._signed.batch
        refused = RefusedEntry(signed, self._now_ms, refusal)
        plan.append(Journal.RECORDS, KIND_REFUSED, refused.encode(), signed.statement)
        entry = RefusedBatch(secrets.token_bytes(32), batch.lane, batch.batch_no, signed.digest, refusal.code)
        plan.enter(source_account(batch.source_id), entry.encode())
        self._lanes.take(signed, refusal)
        self.answer = _refused(signed, refusal)

    def committed(self) -> None:
        """The caller sends `answer` once `submit` returns."""


def _stored(signed: SignedBatch) -> bytes:
    return u8(PublishMessage.STORED) + signed.digest


def _waiting(signed: SignedBatch, code: RefusalCode) -> bytes:
    return u8(PublishMessage.WAITING) + signed.digest + u16(code)


def _refused(signed: SignedBatch, refusal: Refusal) -> bytes:
    return u8(PublishMessage.REFUSED) + signed.digest + refusal.encode()


async def publish(running: Running, peer: Peer, messages: AsyncIterator[bytes], write: Write) -> None:
    """Serves one Publish call until the source is done; refuses `denied`, and what cannot be a source's batch."""
    if peer.role != "source" or running.control.is_suspended(f"source/{peer.party_id}"):
        raise Refused("denied", "the peer is no active source")
    begin = Reader(await anext(messages, b""), "begin")
    if begin.u8("type") != UpMessage.BEGIN:
        raise begin.refuse("type", "begin, before anything else")
    incarnation, next_tick = begin.take(ID_BYTES, "incarnation"), begin.u64("next_tick")
    account_size, dir_no = begin.u64("account_size"), begin.u64("dir_no")
    begin.done()
    if dir_no > running.control.check_directory(running.now_ms()).newest.dir_no:
        raise Refused("directory-due", "the directory is older than the one the source has seen")
    account_id = source_account(peer.party_id)
    window = AccountWindow.resume(
        running, account_id, incarnation=incarnation, next_tick=next_tick, account_size=account_size
    )
    await running.sequencer.submit(_BeginJob(account_id))
    connection = _Connection(running, peer, window, write)
    directory = running.control.directory_message(dir_no, needed_by_source(peer.party_id))
    await connection.send(u8(PublishMessage.DIRECTORY) + directory.encode())
    async with asyncio.TaskGroup() as tasks:
        showing = tasks.create_task(connection.show_account())
        await connection.take(messages)
        showing.cancel()
    # A source that closed its side still hears of everything stored before it did.
    await connection.show_last(account_id)


class _Connection:
    """Batches in, answers out; writes are one at a time."""

    def __init__(self, running: Running, peer: Peer, window: AccountWindow, write: Write) -> None:
        self._running = running
        self._peer = peer
        self._window = window
        self._write = write
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._parcel: ParcelReader | None = None

    async def send(self, message: bytes) -> None:
        """One message down."""
        async with self._writing:
            await self._write(message)

    async def take(self, messages: AsyncIterator[bytes]) -> None:
        """Every message of the source until it closes its side. Answers are sent while later batches are verified."""
        async with asyncio.TaskGroup() as answers:
            slots = asyncio.Semaphore(16)
            async for message in messages:
                if message[:1] == u8(UpMessage.PARCEL):
                    self._begin_parcel(message[1:])
                    continue
                if self._parcel is None:
                    raise Refused("malformed", "a batch comes inside a parcel", at="publish")
                plaintext = self._parcel.open(message)
                if plaintext is not None:
                    job = await self._judge(plaintext)
                    await slots.acquire()
                    answers.create_task(self._answer(job, slots))

    def _begin_parcel(self, header: bytes) -> None:
        parsed = parse_parcel_header(header)
        if parsed.genesis != self._running.control.genesis or parsed.source_id != self._peer.party_id:
            raise Refused("denied", "the parcel is not the peer's own", at="parcel")
        self._parcel = ParcelReader(parsed, self._running.keys.ingest())

    async def _judge(self, plaintext: bytes) -> AdmitJob:
        """Verified and inspected, or refused with the place; what does not verify raises."""
        running = self._running
        unverified = parse_batch_item(plaintext)
        batch = unverified.signed.batch
        if batch.source_id != self._peer.party_id:
            raise Refused("denied", "the batch is not the peer's own", at="batch.source_id")
        key = running.control.endorsed(Role.SOURCE, batch.source_id, batch.key_id, running.now_ms())
        steps = verifying(unverified, key.signing_key, running.control.genesis)
        verified = await _in_slices(steps)
        inspected, refusal = await _in_slices(inspecting(running.control, verified))
        return AdmitJob(running.lanes, unverified.signed, inspected, refusal, running.now_ms())

    async def _answer(self, job: AdmitJob, slots: asyncio.Semaphore) -> None:
        try:
            if self._running.control.is_suspended(f"source/{self._peer.party_id}"):
                raise Refused("denied", "the source was suspended", at="source")
            await self._running.sequencer.submit(job)
            await self.send(job.answer)
        finally:
            slots.release()

    async def show_account(self) -> None:
        """Entries and ticks: when there are new ones, at most once a second, and at every heartbeat."""
        loop, ticker = asyncio.get_running_loop(), self._running.ticker
        ticker.listen(self._wake)
        try:
            shown_at = -HEARTBEAT_SECONDS
            while True:
                self._wake.clear()
                silent = loop.time() - shown_at
                wanted = self._window.due or silent >= HEARTBEAT_SECONDS
                if self._window.is_covered and wanted and silent >= SHOW_EVERY_SECONDS:
                    await self._show()
                    shown_at = loop.time()
                await self._rest(shown_at)
        finally:
            ticker.leave(self._wake)

    async def _rest(self, shown_at: float) -> None:
        until = shown_at + (SHOW_EVERY_SECONDS if self._window.due else HEARTBEAT_SECONDS)
        try:
            async with asyncio.timeout_at(max(until, 0)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _show(self) -> None:
        entries, tick = self._window.tick_with_entries()
        for message in entries:
            await self.send(u8(PublishMessage.ENTRIES) + message)
        await self.send(u8(PublishMessage.TICK) + tick)

    async def show_last(self, account_id: bytes) -> None:
        """Waits for the tick that covers everything entered by now, and shows it."""
        ticker, account = self._running.ticker, self._running.book.accounts[account_id]
        size = account.tree.size
        ticker.listen(self._wake)
        try:
            while ticker.covered(account_id) < size or not self._window.is_covered:
                if self._window.told >= size:
                    return
                self._wake.clear()
                await self._wake.wait()
            if self._window.due:
                await self._show()
        finally:
            ticker.leave(self._wake)


async def _in_slices(steps: Generator[None, None, T]) -> T:
    """Runs a check that yields between slices of records, letting other work in."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(0)
