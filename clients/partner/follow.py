"""Following a gateway: opens streams, checks every byte, hands up records, keeps what must outlive a crash.

    async with follow(profile, kinds=("telemetry",), state=Path("usa-arl.state")) as events:
        async for event in events:
            ...
            await events.flushed()         # once the caller's own sink has the records on disk, else never

A stream that ends or breaks is opened again from where it stood; one that fails a check is not: the check's name is
raised and a person decides. Where operators signed that the gateway's store was put back from a backup, it goes on by
itself, and says what it holds that the gateway lost. After a suspension nothing is tried again, nor after a newer
follower of the same subscription has taken over. One caller at a time: `flushed` is for what this iteration has handed
up. Source: SPEC.md sections 4 and 5.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType

from sluice.v1 import release_pb2

from clients.closed import as_closed
from clients.link import Backoff, Patience, messages_of, open_channel
from clients.partner.checks import StreamChecks
from clients.partner.events import (
    Disconnected,
    Ended,
    FollowEvent,
    OldDisclosure,
    Records,
    Restored,
    StreamEvent,
    Suspended,
    TickSeen,
)
from clients.partner.reading import admission_of, record_reader
from clients.partner.receipts import Subscribed, hand_in
from clients.partner.recording import Recorder
from clients.partner.state import PartnerState
from clients.partner.token import TokenSource, check_wanted, metadata_for
from clients.profile import Profile
from clients.times import now_ms
from clients.trust import trust_from
from gateway.core.control.agreement import Agreement
from gateway.core.errors import CallerError, Fault, GatewayError
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.receipt import MAX_QUARANTINED
from gateway.core.sealing.stream import Hello, SignedHello, kinds_mask
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import EndReason, RecordKind, StreamMessage
from gateway.core.suite.octets import is_name, u8

_FOLLOW = "/sluice.v1.ReleaseService/Follow"
# What a link, a start or an operator mends by itself. Everything else is for a person: a check, a denial, a clock.
RETRIED = frozenset(
    {
        "busy",
        "directory-due",
        "gateway-failed",
        "gateway-unreachable",
        "internal",
        "starting",
        "stopping",
        "store-full",
        "store-latched",
        "stream-cut",
        "stream-overdue",
        # Whoever renews tokens is late, ahead of this clock, or has not seen yet that the certificate was renewed.
        "token-binding",
        "token-expired",
        "token-not-yet-valid",
    }
)


def follow(
    profile: Profile,
    *,
    kinds: Sequence[str],
    state: Path,
    agreement_id: str | None = None,
    subscription: str = "default",
    from_start: bool = False,
    record: Path | None = None,
    token: TokenSource | None = None,
    patience: Patience | None = None,
) -> Following:
    """The events of one subscription, as an async context manager; `agreement_id` may be left out if there is one.

    from_start: from the first record the agreement allows; what was handed up before is not handed up again.
    record: a new file that keeps the streams as received.
    token: a file or function that gives the access token for each stream; sent only where the agreement requires one.
    """
    admission_of(profile)
    if agreement_id is None and len(profile.agreements) != 1:
        raise CallerError(
            "agreement-needed", f"one agreement was expected, the profile has {len(profile.agreements)}", at=profile.id
        )
    agreement = profile.agreement(agreement_id) if agreement_id else profile.agreements[0]
    if not is_name(subscription):
        raise CallerError("subscription-name", "a subscription must be named by letters, digits and `._/-`")
    asked = kinds_mask(_kinds_of(kinds, agreement))
    check_wanted(agreement, token)
    return Following(profile, agreement, asked, state, subscription, from_start, record, token, patience or Patience())


def _kinds_of(names: Sequence[str], agreement: Agreement) -> tuple[RecordKind, ...]:
    known = {kind.name.lower(): kind for kind in RecordKind}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise CallerError("kind-unknown", f"kinds are {', '.join(known)}, another came", at="kinds")
    for name in names:
        if known[name] not in agreement.kinds:
            raise CallerError("kind-not-agreed", f"the agreement must have `{name}`, it has not", at=agreement.id)
    return tuple(known[name] for name in names)


class Following:
    """One subscription being followed; see the module. verified, quarantined, repeated: records of this run."""

    def __init__(
        self,
        profile: Profile,
        agreement: Agreement,
        asked: int,
        state_path: Path,
        subscription: str,
        from_start: bool,
        record: Path | None,
        token: TokenSource | None,
        patience: Patience,
    ) -> None:
        self._profile = profile
        self._agreement = agreement
        self._asked = asked
        self._subscription = subscription
        self._token = token
        self._patience = patience
        self._sign_key = profile.signing_key()
        self._kem_key = profile.kem_key()
        account_id = partner_account(profile.id, agreement.id, subscription)
        self._state = PartnerState(state_path, profile.genesis_link, account_id)
        self._recorder: Recorder | None = None
        self._events: AsyncGenerator[FollowEvent, None] | None = None
        self.verified = self.quarantined = self.repeated = 0
        try:
            if from_start:
                self._state.forget_cursor()
            self._check_kinds(state_path)
            self._trust = self._state.trust(trust_from(profile))
            if record:
                self._recorder = Recorder(record)
        except GatewayError:
            self._state.close()
            raise

    def _check_kinds(self, path: Path) -> None:
        """A cursor is for the kinds it was given for: the gateway would refuse it, and does not say why."""
        if self._state.cursor and self._state.kinds != self._asked:
            raise CallerError(
                "kinds-changed",
                "a subscription must be followed for the kinds it was begun with, others came",
                at=str(path),
                do="use another `--subscription`, or `--from-start`: what is held does not come twice",
            )

    async def __aenter__(self) -> Following:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._events is not None:
                await self._events.aclose()
        finally:
            self._state.close()
            if self._recorder:
                self._recorder.close()

    @property
    def under(self) -> dict[str, str]:
        """Agreement and subscription that every record of this came under."""
        return {"agreement": self._agreement.id, "subscription": self._subscription}

    @property
    def sink_note(self) -> bytes:
        """What the caller's sink said at the last `flushed`; empty before the first."""
        return self._state.sink_note

    @property
    def has_verified(self) -> bool:
        """Whether any tick was ever verified, so that a receipt can be signed."""
        return self._state.ledger.last is not None

    def renewed(self, profile: Profile) -> None:
        """From the next opening of the stream on this profile, which differs in its certificate only."""
        profile.check_follows(self._profile)
        self._profile = profile

    async def flushed(self, sink_note: bytes | None = None) -> None:
        """The caller's sink has every record handed up on disk: the cursor moves, as one with all that proves it.

        Without it nothing handed up is kept, and the next `follow` of this state hands it up again.
        sink_note: kept in the same transaction and given back by `sink_note` after a restart; None leaves it.
        """
        note = self._state.sink_note if sink_note is None else sink_note
        self._state.save_flushed(self._trust, note, self._asked)

    def __aiter__(self) -> AsyncIterator[FollowEvent]:
        self._events = self._follow()
        return self._events

    async def _follow(self) -> AsyncGenerator[FollowEvent, None]:
        backoff, loop = Backoff(self._patience), asyncio.get_running_loop()
        while True:
            opened_at = loop.time()
            try:
                async with aclosing(self._one_stream()) as events:
                    async for event in events:
                        if isinstance(event, Records):
                            backoff.reset()
                        yield event
                        if _is_last(event):
                            return
                pause = backoff.next()
            except GatewayError as error:
                if error.code not in RETRIED:
                    raise
                pause = backoff.next()
                yield Disconnected(error.code, pause)
            # A gateway that ends every stream at once must not be asked for the next as fast as it can answer.
            if loop.time() - opened_at > self._patience.longest_wait_seconds:
                backoff.reset()
            await asyncio.sleep(pause)

    async def _one_stream(self) -> AsyncGenerator[FollowEvent, None]:
        metadata = metadata_for(self._profile, self._agreement, self._token)
        channel = await open_channel(self._profile)
        try:
            # The Hello comes after the handshake: a gateway refuses one that is older than its own start.
            ephemeral_key = KemKey.generate()
            signed = self._hello(ephemeral_key)
            if self._recorder:
                self._recorder.begin(signed, ephemeral_key, self._state.ledger)
            checks = self._checks(signed, ephemeral_key)
            call = channel.unary_stream(
                _FOLLOW,
                request_serializer=release_pb2.FollowRequest.SerializeToString,
                response_deserializer=release_pb2.FollowResponse.FromString,
            )(release_pb2.FollowRequest(hello=signed.encode()), metadata=metadata)
            endpoint, silence = self._profile.endpoint, self._patience.silence_seconds
            async with aclosing(messages_of(call, endpoint, silence)) as messages:
                async for message, waited_ms in messages:
                    told = self._receive(checks, message, waited_ms)
                    if told is not None:
                        yield told
                    if isinstance(told, (Ended, Suspended)):
                        return
        finally:
            await channel.close(None)
        raise Fault("stream-cut", "the stream must end with a sealed end, it just stopped", do="open it again")

    def _checks(self, signed: SignedHello, ephemeral_key: KemKey) -> StreamChecks:
        return StreamChecks(
            hello=signed,
            ephemeral_key=ephemeral_key,
            kem_key=self._kem_key,
            trust=self._trust,
            ledger=self._state.ledger,
            reader_of=lambda trust: record_reader(self._profile, self._agreement, trust),
            held=self._state.held,
            is_entry_held=self._state.is_entry_held,
        )

    def _receive(self, checks: StreamChecks, message: bytes, waited_ms: int) -> FollowEvent | None:
        """Checks one message, keeps what it proves, and says what of it the caller hears."""
        came_ms = now_ms()
        if self._recorder:
            self._recorder.message(message, came_ms)
        if message[:1] != u8(StreamMessage.OLD):
            self._state.save_olds(self._trust)
        event = checks.receive(message, came_ms, waited_ms)
        self._trust = checks.trust
        return self._take(event)

    def _take(self, event: StreamEvent | None) -> FollowEvent | None:
        if isinstance(event, TickSeen):
            if event.closed is not None:
                return Restored(as_closed(event.closed), self._state.save_restored(self._trust, event.closed))
            self._state.save_tick(self._trust)
            return None
        if isinstance(event, OldDisclosure):
            self._state.take_old(event)
            return None
        if isinstance(event, Records):
            self._state.take_frame(event)
            self.verified += len(event.records)
            self.quarantined += len(event.quarantined)
            self.repeated += event.repeated
        elif isinstance(event, Ended) and event.reason is EndReason.SUSPENDED:
            return Suspended(event.text)
        return event

    def _hello(self, ephemeral_key: KemKey) -> SignedHello:
        ledger, directory = self._state.ledger, self._trust.directory
        hello = Hello(
            genesis=self._profile.genesis_link,
            partner_id=self._profile.id,
            agreement_id=self._agreement.id,
            subscription=self._subscription,
            agreement_digest=self._agreement.digest,
            sign_key_id=self._sign_key.key_id,
            nonce=secrets.token_bytes(32),
            time_ms=now_ms(),
            kinds=self._asked,
            # A recording asks for the directory whole, so that it stands by itself.
            dir_no=directory.dir_no if directory and not self._recorder else 0,
            incarnation=ledger.incarnation,
            next_tick=ledger.next_tick,
            account_size=ledger.held.size,
            cursor=self._state.cursor,
            ephemeral_key=ephemeral_key.public_key,
        )
        return SignedHello.sign(hello, self._sign_key)

    async def send_receipt(self) -> int:
        """Signs how far everything is verified and hands it in; returns the tick it speaks of."""
        aside = self._state.aside(MAX_QUARANTINED)
        subscribed = Subscribed(self._profile, self._agreement, self._subscription, self._sign_key)
        tick = await hand_in(subscribed, self._state.ledger, aside)
        self._state.forget_aside(aside)
        return tick


def _is_last(event: FollowEvent) -> bool:
    return isinstance(event, Suspended) or (isinstance(event, Ended) and event.reason is EndReason.FENCED)
