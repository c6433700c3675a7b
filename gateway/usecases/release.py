"""Following: one partner's stream from its Hello to its end.

Order on the wire: directory, open, leaves, tick, then what was entered for earlier streams and never arrived (`old`),
then frames, each after a tick that covers its disclosure. The stream ends at its lifetime and at any change of what the
partner may see, before its next frame. Source: SPEC.md sections 4 and 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway.core.control.standing import needed_by_partner
from gateway.core.errors import Refused
from gateway.core.sealing.body import encode_body
from gateway.core.sealing.frame import seal_end, seal_frame, seal_notice, seal_old
from gateway.core.sealing.stream import SignedHello, StreamKeys
from gateway.core.suite.numbers import EndReason, StreamMessage
from gateway.core.suite.octets import lp8, u8
from gateway.ports.journal import Journal
from gateway.usecases.catch_up import Pause, catch_up
from gateway.usecases.disclose import is_accepted, is_unchanged
from gateway.usecases.hello import admit_hello, open_for, show_token
from gateway.usecases.peer import Peer
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan
from gateway.usecases.showing import AccountWindow
from gateway.usecases.subscription import Ending, Subscription

HEARTBEAT_SECONDS = 8.0
# A subscription is an account for ever and every tick is over all accounts, so its name is not a partner's to multiply.
MAX_SUBSCRIPTIONS = 32
STOPPING_TEXT = "the gateway is stopping; open again"

_log = structlog.get_logger("sluice.stream")

Write = Callable[[bytes], Awaitable[None]]


class _OpenJob:
    """Registers a subscription, fences the older one, and fixes which leaves are of earlier streams."""

    def __init__(self, running: Running, subscription: Subscription) -> None:
        self._running = running
        self._subscription = subscription

    def prepare(self, plan: Plan) -> None:
        """Refuses `busy` when the agreement has too many subscriptions."""
        # Others of this very commit count: whoever opens many at once must not have them all.
        subscription, accounts = self._subscription, {*self._running.book.accounts, *plan.opened}
        if subscription.account_id not in accounts:
            of_agreement = b"".join(lp8(part.encode("ascii")) for part in subscription.key[:2])
            if sum(account_id.startswith(of_agreement) for account_id in accounts) >= MAX_SUBSCRIPTIONS:
                raise Refused("busy", f"an agreement has at most {MAX_SUBSCRIPTIONS} subscriptions", at="subscription")
        plan.open_account(subscription.account_id)

    def committed(self) -> None:
        """INVARIANT: whoever is registered has the rights that CONTROL gives now, and is the only one of its name."""
        running, subscription = self._running, self._subscription
        if subscription.ending is not None:  # its caller was cancelled
            return
        older = running.discloser.subscriptions.get(subscription.key)
        if older is not None:
            older.end(EndReason.FENCED, "a newer stream of this subscription was opened")
        subscription.old_until = running.book.accounts[subscription.account_id].tree.size
        running.discloser.subscriptions[subscription.key] = subscription
        # Statements may have been applied, and roots have gone out, since the Hello was checked.
        stands = is_accepted(subscription, running.accepted) and is_unchanged(subscription, running.control)
        if stands and running.stopping.is_set():
            subscription.end(EndReason.SHUTDOWN, STOPPING_TEXT)
        _log.info("stream.opened", **_names(subscription))


async def follow(running: Running, peer: Peer, message: bytes, write: Write, presented: Sequence[object] = ()) -> None:
    """Serves one Follow call until the stream ends; `write` sends one message.

    presented: every `authorization` that came with the call; looked at where the agreement requires a token.
    Refuses before anything is sent; later only `stream-cut`, when the stream had to end and its partner did not read.
    """
    signed = SignedHello.parse(message)
    subscription = admit_hello(running, peer, signed)
    window = AccountWindow.resume(
        running,
        subscription.account_id,
        incarnation=signed.hello.incarnation,
        next_tick=signed.hello.next_tick,
        account_size=signed.hello.account_size,
    )
    await show_token(running, subscription, presented)
    opening, keys = open_for(running, signed, subscription)
    running.ticker.listen(subscription.wake)
    # The stream looks at the time before each frame; this is for one whose partner does not let it write.
    seconds = max(0, subscription.not_after_ms - running.now_ms()) / 1000
    timer = asyncio.get_running_loop().call_later(seconds, _end_by_time, subscription)
    try:
        # A call whose task is cancelled from here would hang at its client; a limit ends it with a word.
        async with asyncio.timeout(None) as subscription.limit:
            await running.sequencer.submit(_OpenJob(running, subscription))
            wanted = needed_by_partner(peer.party_id, subscription.rights.basis.agreement.sources)
            directory = running.control.directory_message(
                signed.hello.dir_no, wanted, signed.hello.incarnation, running.book.incarnation
            )
            await write(u8(StreamMessage.DIRECTORY) + directory.encode())
            await write(u8(StreamMessage.OPEN) + opening)
            await _Stream(running, subscription, keys, window, write).run()
    except TimeoutError as error:
        raise Refused("stream-cut", "the stream had to end and its partner did not read", at="stream") from error
    finally:
        timer.cancel()
        running.ticker.leave(subscription.wake)
        if running.discloser.subscriptions.get(subscription.key) is subscription:
            del running.discloser.subscriptions[subscription.key]
        reason = subscription.ending.reason.name if subscription.ending else "DISCONNECTED"
        _log.info("stream.ended", reason=reason, frames=subscription.next_seq, **_names(subscription))
        subscription.close()


def _names(subscription: Subscription) -> dict[str, str]:
    return {
        "partner": subscription.partner_id,
        "agreement": subscription.agreement_id,
        "subscription": subscription.name,
        "stream": subscription.stream_id.hex()[:8],
    }


def _end_by_time(subscription: Subscription) -> None:
    subscription.end(subscription.end_reason, "the stream reached its end; open another")


class _Stream:
    """The loop of one stream; everything it writes is sealed at the moment it is written."""

    def __init__(
        self, running: Running, subscription: Subscription, keys: StreamKeys, window: AccountWindow, write: Write
    ) -> None:
        self._running = running
        self._subscription = subscription
        self._keys = keys
        self._window = window
        self._write = write
        self._seq = 0
        self._next_leaf = subscription.old_until
        self._old_from = window.told
        self._shown_at = 0.0
        self._pause: Pause | None = None
        self._said: set[EndReason] = set()

    async def run(self) -> None:
        """Until the stream ends by itself; cancellation passes through."""
        subscription = self._subscription
        # Also a stream that must end at once shows its first tick: nothing else may come before it, no end either.
        await self._first_tick()
        await self._send_old()
        while (ending := self._ending()) is None:
            subscription.wake.clear()
            await self._show_if_due()
            await self._send_frames()
            if not await self._advance():
                await self._wait()
        sealed = seal_end(self._keys, self._take_seq(), ending.reason, ending.text)
        await self._write(u8(StreamMessage.END) + sealed)

    def _ending(self) -> Ending | None:
        """Why the stream must end, looked at before each frame."""
        subscription = self._subscription
        if subscription.ending is None:
            if not self._running.time.is_timed():
                subscription.end(EndReason.UNTIMED, "the gateway's clock is not trusted")
            elif self._running.now_ms() >= subscription.not_after_ms:
                _end_by_time(subscription)
        return subscription.ending

    def _take_seq(self) -> int:
        self._seq += 1
        return self._seq - 1

    async def _first_tick(self) -> None:
        subscription, ticker = self._subscription, self._running.ticker
        while not self._window.is_new or ticker.covered(subscription.account_id) < subscription.old_until:
            subscription.wake.clear()
            ticker.ask()
            await subscription.wake.wait()
        await self._show()

    async def _show_if_due(self) -> None:
        is_silent = asyncio.get_running_loop().time() >= self._shown_at + HEARTBEAT_SECONDS
        if self._window.is_new and (self._window.due or is_silent):
            await self._show()

    async def _show(self) -> None:
        leaves, tick = self._window.tick_with_leaves()
        for message in leaves:
            await self._write(u8(StreamMessage.LEAVES) + message)
        await self._write(u8(StreamMessage.TICK) + tick)
        self._shown_at = asyncio.get_running_loop().time()

    async def _send_old(self) -> None:
        for entry in self._window.entries(self._old_from, self._subscription.old_until):
            if self._ending() is not None:
                return
            await self._write(u8(StreamMessage.OLD) + seal_old(self._keys, self._take_seq(), entry))

    async def _send_frames(self) -> None:
        subscription = self._subscription
        # The ending is looked at before every frame: what was decided under another state is never written.
        while self._ending() is None and subscription.pending and self._next_leaf < self._window.told:
            draft = subscription.take()
            sealed = seal_frame(self._keys, self._take_seq(), draft.entry, encode_body(draft.sections))
            self._next_leaf += 1
            await self._write(u8(StreamMessage.FRAME) + sealed)

    async def _advance(self) -> bool:
        """Serves a stream that lags from the journal; whether it is worth trying again at once."""
        subscription = self._subscription
        if subscription.pending or subscription.ending is not None:
            return False
        if subscription.live:
            self._pause = None
            await self._say(EndReason.CAUGHT_UP)
            return False
        if self._is_over(self._pause):
            self._pause = await catch_up(self._running, subscription)
            if self._pause is None:
                return True
        if self._pause is not None and not subscription.pending:
            await self._say(self._pause.reason)
        return False

    def _is_over(self, pause: Pause | None) -> bool:
        if pause is None:
            return True
        if pause.until_ms is None:
            return self._running.journals.head(Journal.RECORDS).size > self._subscription.place.position
        return self._running.now_ms() >= pause.until_ms

    async def _say(self, reason: EndReason) -> None:
        """A notice, once a stream for each reason."""
        if reason not in self._said:
            self._said.add(reason)
            sealed = seal_notice(self._keys, self._take_seq(), reason, "")
            await self._write(u8(StreamMessage.NOTICE) + sealed)

    async def _wait(self) -> None:
        """Until a tick, a frame, an ending or new records; or until time alone asks for something."""
        loop, now_ms = asyncio.get_running_loop(), self._running.now_ms()
        until_ms = self._subscription.not_after_ms
        if self._pause is not None and self._pause.until_ms is not None and not self._subscription.pending:
            until_ms = min(until_ms, self._pause.until_ms)
        until = loop.time() + max(0, until_ms - now_ms) / 1000
        if self._window.is_new:
            until = min(until, self._shown_at + HEARTBEAT_SECONDS)
        try:
            async with asyncio.timeout_at(until):
                await self._subscription.wake.wait()
        except TimeoutError:
            return
