"""Following: one partner's stream from its Hello to its end.

Order on the wire: directory, open, leaves, tick, then what was entered for earlier streams and never arrived (`old`),
then frames, each after a tick that covers its disclosure. The stream ends at its lifetime and at any change of what the
partner may see, before its next frame. Source: SPEC.md sections 4 and 5.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from gateway.core.control.standing import needed_by_partner
from gateway.core.decision.pace import due_at_ms
from gateway.core.errors import Refused
from gateway.core.ledger.entries import partner_account
from gateway.core.records.states import parse_stored_batch
from gateway.core.sealing.body import encode_body
from gateway.core.sealing.cursor import CursorBinding, Place
from gateway.core.sealing.frame import seal_end, seal_frame, seal_notice, seal_old
from gateway.core.sealing.stream import SignedHello, StreamKeys, StreamTerms, open_stream
from gateway.core.suite.numbers import (
    HELLO_SKEW_MS,
    NONCE_MEMORY_MS,
    STREAM_LIFE_MS,
    EndReason,
    Role,
    StreamMessage,
)
from gateway.core.suite.octets import u8
from gateway.ports.journal import Journal
from gateway.usecases.disclose import CatchUpJob
from gateway.usecases.lanes import KIND_ADMITTED
from gateway.usecases.outgoing import OutgoingBatch, framed
from gateway.usecases.peer import Peer
from gateway.usecases.rights import rights_of
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan
from gateway.usecases.showing import AccountWindow
from gateway.usecases.subscription import Subscription

HEARTBEAT_SECONDS = 8.0
CATCH_UP_BATCHES = 4
QUOTA_RETRY_SECONDS = 60.0

Write = Callable[[bytes], Awaitable[None]]


class _OpenJob:
    """Registers a subscription, fences the older one, and fixes which leaves are of earlier streams."""

    def __init__(self, running: Running, subscription: Subscription) -> None:
        self._running = running
        self._subscription = subscription

    def prepare(self, plan: Plan) -> None:
        older = self._running.discloser.subscriptions.get(self._subscription.key)
        if older is not None:
            older.end(EndReason.FENCED, "a newer stream of this subscription was opened")
        plan.open_account(self._subscription.account_id, secrets.randbits(64))

    def committed(self) -> None:
        account = self._running.book.accounts[self._subscription.account_id]
        self._subscription.old_until = account.tree.size
        self._running.discloser.subscriptions[self._subscription.key] = self._subscription


async def follow(
    running: Running, peer: Peer, message: bytes, write: Write, serving: asyncio.Task[object] | None
) -> None:
    """Serves one Follow call until the stream ends; `write` sends one message, `serving` is cut if it never returns.

    Refuses before anything is sent: `denied` for all that concerns identity and policy, and the few codes an honest
    client must tell apart.
    """
    signed = SignedHello.parse(message)
    subscription = _admit(running, peer, signed)
    subscription.serving = serving
    terms, opening, keys = _open(running, signed, subscription)
    window = AccountWindow.resume(
        running,
        subscription.account_id,
        incarnation=signed.hello.incarnation,
        next_tick=signed.hello.next_tick,
        account_size=signed.hello.account_size,
    )
    running.ticker.listen(subscription.wake)
    try:
        await running.sequencer.submit(_OpenJob(running, subscription))
        wanted = needed_by_partner(peer.party_id, subscription.rights.basis.agreement.sources)
        directory = running.control.directory_message(signed.hello.dir_no, wanted)
        await write(u8(StreamMessage.DIRECTORY) + directory.encode())
        await write(u8(StreamMessage.OPEN) + opening)
        await _Stream(running, subscription, keys, window, terms.not_after_ms, write).run()
    finally:
        running.ticker.leave(subscription.wake)
        if running.discloser.subscriptions.get(subscription.key) is subscription:
            del running.discloser.subscriptions[subscription.key]
        subscription.end(EndReason.SHUTDOWN, "")
        subscription.closed.set()


def _admit(running: Running, peer: Peer, signed: SignedHello) -> Subscription:
    """Every check of a Hello. SPEC.md section 4."""
    hello, control, now_ms = signed.hello, running.control, running.now_ms()
    if peer.role != "partner" or hello.partner_id != peer.party_id or hello.genesis != control.genesis:
        raise Refused("denied", "the hello is not the peer's own", at="hello")
    key = control.endorsed(Role.PARTNER_SIGN, hello.partner_id, hello.sign_key_id, now_ms)
    signed.check_signature(key.signing_key)
    if abs(hello.time_ms - now_ms) > HELLO_SKEW_MS or hello.time_ms < running.time.started_at_ms:
        raise Refused("hello-late", "the hello's time is too far off", at="hello.time")
    _remember(running, hello.nonce, now_ms)
    rights = rights_of(control, peer, hello.agreement_id)
    if hello.agreement_digest != rights.agreement_digest:
        raise Refused("agreement-changed", "the agreement's text is not the one in force", at="hello.agreement")
    if hello.dir_no > control.check_directory(now_ms).newest.dir_no:
        raise Refused("directory-due", "the directory is older than the one the partner has seen", at="hello.dir_no")
    if not running.time.is_timed():
        raise Refused("directory-due", "the gateway's clock is not trusted", at="clock")
    rights.check_in_force(now_ms)
    binding = CursorBinding(
        hello.partner_id, hello.agreement_id, hello.subscription, hello.kinds, running.book.incarnation
    )
    place = binding.open(running.keys.cursor(), hello.cursor)
    if place.position > running.journals.head(Journal.RECORDS).size:
        raise Refused("cursor-invalid", "the cursor stands behind the last record", at="hello.cursor")
    return Subscription(
        partner_id=hello.partner_id,
        agreement_id=hello.agreement_id,
        name=hello.subscription,
        account_id=partner_account(hello.partner_id, hello.agreement_id, hello.subscription),
        stream_id=secrets.token_bytes(16),
        rights=rights,
        binding=binding,
        place=place,
    )


def _remember(running: Running, nonce: bytes, now_ms: int) -> None:
    for known, seen_ms in list(running.nonces.items()):
        if now_ms - seen_ms <= NONCE_MEMORY_MS:
            break
        del running.nonces[known]
    if nonce in running.nonces:
        raise Refused("hello-replayed", "the hello was seen before", at="hello.nonce")
    running.nonces[nonce] = now_ms


def _open(running: Running, signed: SignedHello, subscription: Subscription) -> tuple[StreamTerms, bytes, StreamKeys]:
    hello, rights, key = signed.hello, subscription.rights, running.keys.stream()
    terms = StreamTerms(
        genesis=hello.genesis,
        partner_id=hello.partner_id,
        agreement_id=hello.agreement_id,
        subscription=hello.subscription,
        stream_id=subscription.stream_id,
        hello_digest=signed.digest,
        kem_key_id=rights.kem_key_id,
        stream_key_id=key.key_id,
        agreement_digest=rights.agreement_digest,
        not_after_ms=min(running.now_ms() + STREAM_LIFE_MS, rights.until_ms()),
    )
    opening, keys = open_stream(terms, rights.kem_key, hello.ephemeral_key, key, secrets.token_bytes(96))
    return terms, opening, keys


class _Stream:
    """The loop of one stream; everything it writes is sealed at the moment it is written."""

    def __init__(
        self,
        running: Running,
        subscription: Subscription,
        keys: StreamKeys,
        window: AccountWindow,
        not_after_ms: int,
        write: Write,
    ) -> None:
        self._running = running
        self._subscription = subscription
        self._keys = keys
        self._window = window
        self._not_after_ms = not_after_ms
        self._write = write
        self._seq = 0
        self._next_leaf = subscription.old_until
        self._old_from = window.told
        self._shown_at = 0.0
        self._caught_up = False
        self._retry_at = 0.0

    async def run(self) -> None:
        """Until the stream ends by itself; cancellation passes through."""
        subscription, loop = self._subscription, asyncio.get_running_loop()
        await self._first_tick()
        await self._send_old()
        while subscription.ending is None:
            subscription.wake.clear()
            if self._running.now_ms() >= self._not_after_ms:
                subscription.end(EndReason.LIFETIME, "the stream reached its end; open another")
                break
            if self._window.due or loop.time() - self._shown_at >= HEARTBEAT_SECONDS:
                await self._show()
            await self._send_frames()
            if not subscription.live and not subscription.pending and subscription.ending is None:
                if loop.time() >= self._retry_at:
                    await self._catch_up()
                    continue
            elif subscription.live:
                await self._say_caught_up()
            await self._wait()
        ending = subscription.ending
        if (ending is not None and ending.reason is not EndReason.SHUTDOWN) or (ending is not None and ending.text):
            sealed = seal_end(self._keys, self._take_seq(), ending.reason, ending.text)
            await self._write(u8(StreamMessage.END) + sealed)

    def _take_seq(self) -> int:
        self._seq += 1
        return self._seq - 1

    async def _first_tick(self) -> None:
        while (
            not self._window.is_covered
            or self._running.ticker.covered(self._subscription.account_id) < self._subscription.old_until
        ):
            self._subscription.wake.clear()
            await self._subscription.wake.wait()
            if self._subscription.ending is not None:
                return
        await self._show()

    async def _show(self) -> None:
        if not self._window.is_covered:
            return
        leaves, tick = self._window.tick_with_leaves()
        for message in leaves:
            await self._write(u8(StreamMessage.LEAVES) + message)
        await self._write(u8(StreamMessage.TICK) + tick)
        self._shown_at = asyncio.get_running_loop().time()

    async def _send_old(self) -> None:
        for start in range(self._old_from, self._subscription.old_until, 64):
            for entry in self._window.entries(start, min(start + 64, self._subscription.old_until)):
                await self._write(u8(StreamMessage.OLD) + seal_old(self._keys, self._take_seq(), entry))

    async def _send_frames(self) -> None:
        subscription = self._subscription
        # The ending is looked at before every frame: what was decided under another state is never written.
        while subscription.pending and self._next_leaf < self._window.told and subscription.ending is None:
            draft = subscription.take()
            sealed = seal_frame(self._keys, self._take_seq(), draft.entry, encode_body(draft.sections))
            self._next_leaf += 1
            await self._write(u8(StreamMessage.FRAME) + sealed)

    async def _say_caught_up(self) -> None:
        if not self._caught_up and not self._subscription.pending:
            self._caught_up = True
            sealed = seal_notice(self._keys, self._take_seq(), EndReason.CAUGHT_UP, "")
            await self._write(u8(StreamMessage.NOTICE) + sealed)

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        until = self._shown_at + HEARTBEAT_SECONDS
        until = min(until, loop.time() + max(0, self._not_after_ms - self._running.now_ms()) / 1000)
        if not self._subscription.live and self._retry_at > loop.time():
            until = min(until, self._retry_at)
        try:
            async with asyncio.timeout_at(until):
                await self._subscription.wake.wait()
        except TimeoutError:
            return

    async def _catch_up(self) -> None:
        """Serves the stream from the journal: decides, enters, and hands the frames over once they are durable."""
        running, subscription = self._running, self._subscription
        place, now_ms = subscription.place, running.now_ms()
        rights = subscription.rights
        if not running.time.is_timed():
            subscription.end(EndReason.UNTIMED, "the gateway's clock is not trusted")
            return
        released: list[tuple[OutgoingBatch, tuple[int, ...]]] = []
        records, after = 0, place
        self._retry_at = 0.0
        for stored in running.journals.read(Journal.RECORDS, place.position, CATCH_UP_BATCHES):
            if stored.kind == KIND_ADMITTED:
                batch = OutgoingBatch.of_stored(stored.position, parse_stored_batch(stored.entry))
                due_ms = due_at_ms(rights.basis.agreement, batch.admitted_at_ms)
                if now_ms < due_ms:
                    self._hold_back((due_ms - now_ms) / 1000)
                    break
                from_idx = place.idx if stored.position == place.position else 0
                masks = running.discloser.masks(subscription, batch, from_idx)
                records += sum(map(bool, masks))
                if not running.discloser.may_release(rights, records):
                    self._hold_back(QUOTA_RETRY_SECONDS)
                    break
                if any(masks):
                    released.append((batch, masks))
            after = Place(stored.position + 1)
            await asyncio.sleep(0)
        held_back = bool(self._retry_at)
        if after == place and held_back:
            await self._say_caught_up()
            return
        job = CatchUpJob(running.discloser, subscription, tuple(framed(released)), place, after, not held_back)
        try:
            await running.sequencer.submit(job)
        except Refused:
            return

    def _hold_back(self, seconds: float) -> None:
        self._retry_at = asyncio.get_running_loop().time() + max(seconds, 0.05)
