"""Publishing: one source's connection, its parcels, and the answers it is owed.

Each batch is opened, verified under the source's own key, inspected, and handed to the sequencer; `stored` goes out as
soon as it is durable, `acknowledged` is the source's own account under a tick. Verification runs on the loop in slices,
so one batch never holds it for long. What does not verify ends the connection: it is nobody's batch. A source that is
suspended, or whose certificate expires or is revoked, is neither taken from nor told anything more.
Source: SPEC.md section 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import TypeVar

from gateway.core.control.standing import StandingDirectory, needed_by_source
from gateway.core.errors import Refused
from gateway.core.ledger.entries import source_account
from gateway.core.records.states import parse_batch_item, verifying
from gateway.core.sealing.parcel import ParcelReader, parse_parcel_header
from gateway.core.suite.numbers import ID_BYTES, PublishMessage, Role, UpMessage
from gateway.core.suite.octets import Reader, u8
from gateway.usecases.admit import AdmitJob, Judged, source_key
from gateway.usecases.inspect import inspecting
from gateway.usecases.own_keys import opener_of
from gateway.usecases.peer import Peer
from gateway.usecases.ready import check_not_stopped, check_ready
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan
from gateway.usecases.showing import AccountWindow
from gateway.usecases.source_call import SourceCall

SHOW_EVERY_SECONDS = 1.0
HEARTBEAT_SECONDS = 8.0
# Batches of one connection between their verification and their answer; the source is not read from beyond that.
MAX_UNANSWERED = 16

Write = Callable[[bytes], Awaitable[None]]
T = TypeVar("T")


class _BeginJob:
    """Opens the source's account."""

    def __init__(self, account_id: bytes) -> None:
        self._account_id = account_id

    def prepare(self, plan: Plan) -> None:
        plan.open_account(self._account_id)

    def committed(self) -> None:
        """Nothing waits for it but the caller."""


async def publish(running: Running, peer: Peer, messages: AsyncIterator[bytes], write: Write) -> None:
    """Serves one Publish call until the source is done; refuses `denied`, and what cannot be a source's batch."""
    ledger_key = running.keys.ledger().key_id
    call = SourceCall(lambda: _check_active(running, peer, ledger_key))
    call.check()
    async with call.lasting(running.source_calls):
        await _serve(running, peer, messages, call, write)


async def _serve(running: Running, peer: Peer, messages: AsyncIterator[bytes], call: SourceCall, write: Write) -> None:
    begin = Reader(await anext(messages, b""), "begin")
    if begin.u8("type") != UpMessage.BEGIN:
        raise begin.refuse("type", "begin, before anything else")
    incarnation, next_tick = begin.take(ID_BYTES, "incarnation"), begin.u64("next_tick")
    account_size, dir_no = begin.u64("account_size"), begin.u64("dir_no")
    begin.done()
    # The source may have waited before it spoke.
    call.check()
    if dir_no > _working_under(running).newest.dir_no:
        raise Refused("directory-due", "the directory is older than the one the source has seen", at="begin.dir_no")
    account_id = source_account(peer.party_id)
    window = AccountWindow.resume(
        running, account_id, incarnation=incarnation, next_tick=next_tick, account_size=account_size
    )
    await running.sequencer.submit(_BeginJob(account_id))
    connection = _Connection(running, peer, window, call, write)
    directory = running.control.directory_message(
        dir_no, needed_by_source(peer.party_id), incarnation, running.book.incarnation
    )
    await connection.send(u8(PublishMessage.DIRECTORY) + directory.encode())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(connection.show_account())
        await connection.take(messages)
        connection.finish(running.book.accounts[account_id].tree.size)


def _check_known(running: Running, peer: Peer) -> None:
    """Refuses a source that must not be spoken to any more; asked before every word to it."""
    if peer.role != "source" or running.control.is_stopped(f"source/{peer.party_id}"):
        raise Refused("denied", "the peer is no active source")
    running.accepted.check(peer)
    peer.check_standing(running.control)
    peer.identity.check_valid(running.now_ms())


def _check_active(running: Running, peer: Peer, ledger_key: bytes) -> int:
    """Refuses what `_check_known` does, `directory-due` and, on the way down, `stopping`; asked before every word.

    Otherwise the milliseconds until certificate, directory or the ledger key's endorsement expires, the first of them.
    """
    _check_known(running, peer)
    check_not_stopped(running.control, running.keys)
    if running.keys.ledger().key_id != ledger_key:
        # The directory that this connection began with does not know the key that ticks are signed with now.
        raise Refused("directory-due", "the gateway must sign with a key the source knows, begin again", at="tick")
    if running.stopping.is_set():
        raise Refused("stopping", "the gateway must run to take anything, it is stopping")
    directory = _working_under(running)
    own = directory.endorsed[Role.GATEWAY_LEDGER, running.keys.ledger().key_id].endorsement
    until_ms = min(peer.identity.not_after_ms, directory.newest.expires_at_ms, own.valid_to_ms)
    return until_ms - running.now_ms()


def _working_under(running: Running) -> StandingDirectory:
    return check_ready(running.control, {Role.GATEWAY_LEDGER: running.keys.ledger().key_id}, running.now_ms())


class TakenJob(AdmitJob):
    """A batch that came over a connection: taken only from who may still be there when it is committed."""

    def __init__(self, running: Running, judged: Judged, peer: Peer) -> None:
        super().__init__(running, judged)
        self._peer = peer

    def prepare(self, plan: Plan) -> None:
        """Refuses as `_check_known` and `AdmitJob`."""
        _check_known(self._running, self._peer)
        super().prepare(plan)


class _Connection:
    """Batches in, answers out; writes are one at a time."""

    def __init__(self, running: Running, peer: Peer, window: AccountWindow, call: SourceCall, write: Write) -> None:
        self._running = running
        self._peer = peer
        self._window = window
        self._call = call
        self._write = write
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._parcel: ParcelReader | None = None
        self._last: int | None = None

    async def send(self, message: bytes) -> None:
        """One message down."""
        async with self._writing:
            await self._call.write(self._write, message)

    async def take(self, messages: AsyncIterator[bytes]) -> None:
        """Every message of the source until it closes its side. Answers are sent while later batches are verified."""
        async with asyncio.TaskGroup() as answers:
            slots = asyncio.Semaphore(MAX_UNANSWERED)
            async for message in messages:
                if message[:1] == u8(UpMessage.PARCEL):
                    self._begin_parcel(message[1:])
                    continue
                if self._parcel is None:
                    raise Refused("malformed", "a batch comes inside a parcel", at="publish")
                plaintext = self._parcel.open(message)
                if plaintext is not None:
                    await slots.acquire()
                    job = await self._judge(plaintext)
                    answers.create_task(self._answer(job, len(plaintext), slots))

    def finish(self, size: int) -> None:
        """The source has closed its side: `show_account` shows the first `size` entries of its account and returns."""
        self._last = size
        self._wake.set()

    def _begin_parcel(self, header: bytes) -> None:
        parsed = parse_parcel_header(header)
        if parsed.genesis != self._running.control.genesis or parsed.source_id != self._peer.party_id:
            raise Refused("denied", "the parcel is not the peer's own", at="parcel")
        self._parcel = ParcelReader(parsed, opener_of(self._running, parsed.ingest_key_id))

    async def _judge(self, plaintext: bytes) -> AdmitJob:
        """Verified and inspected, or refused with the place; what does not verify raises."""
        running = self._running
        self._call.check()
        unverified = parse_batch_item(plaintext)
        if unverified.signed.batch.source_id != self._peer.party_id:
            raise Refused("denied", "the batch is not the peer's own", at="batch.source_id")
        control = running.control
        key, scope = source_key(control, unverified.signed, running.now_ms())
        verified = await _in_slices(verifying(unverified, key, control.genesis))
        inspected, refusal = await _in_slices(inspecting(control, scope, verified))
        return TakenJob(running, Judged(control, scope, verified, inspected, refusal), self._peer)

    async def _answer(self, job: AdmitJob, size: int, slots: asyncio.Semaphore) -> None:
        try:
            await self._running.sequencer.submit(job, size=size)
            await self.send(job.answer)
        finally:
            slots.release()

    async def show_account(self) -> None:
        """Entries and ticks: when there are new ones, at most once a second, and at every heartbeat.

        After `finish` without a pause, until the tick that covers everything entered by then was shown.
        """
        loop, ticker = asyncio.get_running_loop(), self._running.ticker
        ticker.listen(self._wake)
        try:
            shown_at = loop.time() - HEARTBEAT_SECONDS
            while self._last is None or self._window.told < self._last:
                self._wake.clear()
                self._call.check()
                due_at = shown_at + (SHOW_EVERY_SECONDS if self._window.due else HEARTBEAT_SECONDS)
                hurried = self._last is not None and self._window.due
                if self._window.is_new and (hurried or loop.time() >= due_at):
                    await self._show()
                    shown_at = loop.time()
                else:
                    await self._rest(due_at if self._window.is_new else None)
        finally:
            ticker.leave(self._wake)

    async def _rest(self, until: float | None) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _show(self) -> None:
        entries, tick = self._window.tick_with_entries()
        for message in entries:
            await self.send(u8(PublishMessage.ENTRIES) + message)
        await self.send(u8(PublishMessage.TICK) + tick)


async def _in_slices(steps: Generator[None, None, T]) -> T:
    """Runs a check that yields between slices of records, letting other work in."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(0)
