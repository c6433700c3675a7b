"""Following a gateway: opens streams, checks every byte, hands up records, keeps what must outlive a crash.

    async with follow(profile, kinds=("telemetry",), state=Path("usa-arl.state")) as events:
        async for event in events:
            ...
            await events.flushed()         # after the caller's own sink has the records on disk

A stream that ends or breaks is opened again from where it stood; one that fails a check is not: the check's name is
raised and a person decides. After a suspension nothing is tried again. Source: SPEC.md sections 4 and 5.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import grpc
from sluice.v1 import release_pb2

from clients.channel import secure_channel, translated
from clients.partner.checks import CaughtUp, Ended, OldDisclosure, Records, StreamChecks, TickSeen
from clients.partner.reading import record_reader, trust_from
from clients.partner.recording import Recorder
from clients.partner.sections import ReceivedRecord
from clients.partner.state import PartnerState
from clients.profile import Profile
from gateway.core.control.agreement import Agreement
from gateway.core.errors import CallerError, Fault, GatewayError
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.receipt import Quarantined, Receipt, SignedReceipt, encode_quarantine
from gateway.core.sealing.stream import Hello, SignedHello, kinds_mask
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import SILENCE_MS, EndReason, RecordKind

_FOLLOW = "/sluice.v1.ReleaseService/Follow"
_SEND_RECEIPT = "/sluice.v1.ReleaseService/SendReceipt"
_RETRY = frozenset({"gateway-unreachable", "stopping", "directory-due", "store-latched", "stream-cut"})
_STOP = frozenset({EndReason.SUSPENDED, EndReason.FENCED})
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Suspended:
    """The gateway stopped this partner; nothing is tried again."""

    text: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The link is down or the gateway away; it is tried again after a wait."""

    code: str
    wait_seconds: float


FollowEvent = Records | CaughtUp | Ended | Suspended | Disconnected


def follow(
    profile: Profile,
    *,
    kinds: Sequence[str],
    state: Path,
    agreement_id: str | None = None,
    subscription: str = "default",
    from_start: bool = False,
    record: Path | None = None,
) -> Following:
    """The events of one subscription, as an async context manager; `agreement_id` may be left out if there is one."""
    if agreement_id is None and len(profile.agreements) != 1:
        raise CallerError(
            "agreement-needed", f"one agreement was expected, the profile has {len(profile.agreements)}", at=profile.id
        )
    agreement = profile.agreement(agreement_id) if agreement_id else profile.agreements[0]
    known = {kind.name.lower(): kind for kind in RecordKind}
    if not kinds or any(kind not in known for kind in kinds):
        raise CallerError("kind-unknown", f"kinds are {', '.join(known)}", at="kinds")
    return Following(profile, agreement, tuple(known[kind] for kind in kinds), state, subscription, from_start, record)


class Following:
    """One subscription being followed; see the module."""

    def __init__(
        self,
        profile: Profile,
        agreement: Agreement,
        kinds: tuple[RecordKind, ...],
        state_path: Path,
        subscription: str,
        from_start: bool,
        record: Path | None,
    ) -> None:
        self._profile = profile
        self._agreement = agreement
        self._kinds = kinds
        self._subscription = subscription
        self._sign_key = profile.signing_key()
        self._kem_key = profile.kem_key()
        account_id = partner_account(profile.id, agreement.id, subscription)
        self._state = PartnerState(state_path, profile.genesis_link, account_id)
        if from_start:
            self._state.forget_cursor()
        self._trust = self._state.trust(trust_from(profile))
        self._cursor = self._state.cursor
        self._unsaved: list[ReceivedRecord] = []
        self._unsaved_entries: list[bytes] = []
        self._quarantined: list[Quarantined] = []
        self._recorder = Recorder(record) if record else None
        self.verified = 0

    async def __aenter__(self) -> Following:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state.close()
        if self._recorder:
            self._recorder.close()

    @property
    def sink_mark(self) -> int:
        """What the caller's sink said at the last `flushed`: where its durable content ends."""
        return self._state.sink_mark

    async def flushed(self, sink_mark: int = 0) -> None:
        """The caller's sink has every record handed up on disk: the cursor moves, as one with all that proves it."""
        self._state.save_flushed(self._trust, self._unsaved, self._unsaved_entries, self._cursor, sink_mark)
        self._unsaved, self._unsaved_entries = [], []

    async def __aiter__(self) -> AsyncIterator[FollowEvent]:
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                async for event in self._one_stream():
                    wait = FIRST_WAIT_SECONDS
                    yield event
                    if isinstance(event, Suspended) or (isinstance(event, Ended) and event.reason in _STOP):
                        return
            except GatewayError as error:
                if error.code not in _RETRY:
                    raise
                pause = wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, hides nothing
                yield Disconnected(error.code, pause)
                await asyncio.sleep(pause)
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    async def _one_stream(self) -> AsyncIterator[FollowEvent]:
        ephemeral_key = KemKey.generate()
        signed = self._hello(ephemeral_key)
        if self._recorder:
            self._recorder.begin(signed, ephemeral_key, self._trust, self._state.ledger)
        checks = StreamChecks(
            hello=signed,
            ephemeral_key=ephemeral_key,
            kem_key=self._kem_key,
            trust=self._trust,
            ledger=self._state.ledger,
            reader_of=lambda trust: record_reader(self._profile, self._agreement, trust),
            held=self._state.held,
            is_entry_held=self._state.is_entry_held,
        )
        channel = await secure_channel(self._profile.connection())
        try:
            async for message in _messages(channel, signed.encode()):
                now_ms = time.time_ns() // 1_000_000
                if self._recorder:
                    self._recorder.message(message, now_ms)
                event = checks.receive(message, now_ms)
                checks.check_owed(now_ms)
                self._trust = checks.trust
                for told in self._take(event):
                    yield told
                if isinstance(event, Ended):
                    return
        finally:
            await channel.close(None)

    def _take(self, event: object) -> list[FollowEvent]:
        """Keeps what an event proves, and says what of it the caller hears."""
        if isinstance(event, TickSeen):
            self._state.save_tick(self._trust)
        elif isinstance(event, OldDisclosure):
            self._remember_entry(event.entry)
        elif isinstance(event, Records):
            self._remember_entry(event.entry)
            self._cursor = event.cursor
            self._quarantined += event.quarantined
            for record in event.records:
                self._state.remember(record)
            self._unsaved += event.records
            self.verified += len(event.records)
            return [event]
        elif isinstance(event, Ended) and event.reason is EndReason.SUSPENDED:
            return [Suspended(event.text)]
        elif isinstance(event, (CaughtUp, Ended)):
            return [event]
        return []

    def _remember_entry(self, entry: bytes) -> None:
        self._state.remember_entry(entry)
        self._unsaved_entries.append(entry)

    def _hello(self, ephemeral_key: KemKey) -> SignedHello:
        ledger = self._state.ledger
        hello = Hello(
            genesis=self._profile.genesis_link,
            partner_id=self._profile.id,
            agreement_id=self._agreement.id,
            subscription=self._subscription,
            agreement_digest=self._agreement.digest,
            sign_key_id=self._sign_key.key_id,
            nonce=secrets.token_bytes(32),
            time_ms=time.time_ns() // 1_000_000,
            kinds=kinds_mask(self._kinds),
            dir_no=self._trust.directory.dir_no if self._trust.directory else 0,
            incarnation=ledger.incarnation,
            next_tick=ledger.next_tick,
            account_size=ledger.held.size,
            cursor=self._cursor,
            ephemeral_key=ephemeral_key.public_key,
        )
        return SignedHello.sign(hello, self._sign_key)

    async def send_receipt(self) -> int:
        """Signs how far everything is verified and hands it in; returns the tick it speaks of."""
        ledger = self._state.ledger
        if ledger.last is None:
            raise CallerError("nothing-verified", "a receipt is for ticks that were verified, none was")
        receipt = Receipt(
            genesis=self._profile.genesis_link,
            partner_id=self._profile.id,
            agreement_id=self._agreement.id,
            subscription=self._subscription,
            key_id=self._sign_key.key_id,
            incarnation=ledger.incarnation,
            tick=ledger.last.number,
            size=ledger.held.size,
            root=ledger.held.root(),
            quarantine_digest=digest(encode_quarantine(self._quarantined)),
            time_ms=time.time_ns() // 1_000_000,
        )
        signed = SignedReceipt.sign(receipt, self._quarantined, self._sign_key)
        channel = await secure_channel(self._profile.connection())
        try:
            call = channel.unary_unary(
                _SEND_RECEIPT,
                request_serializer=release_pb2.SendReceiptRequest.SerializeToString,
                response_deserializer=release_pb2.SendReceiptResponse.FromString,
            )
            await call(release_pb2.SendReceiptRequest(receipt=signed.encode()), timeout=30)
        except grpc.aio.AioRpcError as error:
            raise translated(error) from error
        finally:
            await channel.close(None)
        self._quarantined = []
        return receipt.tick


async def _messages(channel: grpc.aio.Channel, hello: bytes) -> AsyncIterator[bytes]:
    """Messages of one Follow call; 30 s of silence is a failure. Raises errors of our tree."""
    call = channel.unary_stream(
        _FOLLOW,
        request_serializer=release_pb2.FollowRequest.SerializeToString,
        response_deserializer=release_pb2.FollowResponse.FromString,
    )(release_pb2.FollowRequest(hello=hello))
    loop = asyncio.get_running_loop()
    # A timer cancels the call: a timeout around the read itself would leak in grpcio.
    silence = _Silence(loop, call)
    try:
        async for response in call:
            silence.restart()
            yield response.message
    except asyncio.CancelledError:
        if not silence.fired:
            raise
        raise Fault("gateway-unreachable", "the gateway must speak every 30 s, it is silent") from None
    except grpc.aio.AioRpcError as error:
        raise translated(error) from error
    finally:
        silence.stop()
        call.cancel()
    raise Fault("stream-cut", "the stream must end with a sealed end, it just stopped", do="open it again")


class _Silence:
    def __init__(self, loop: asyncio.AbstractEventLoop, call: grpc.aio.UnaryStreamCall[object, object]) -> None:
        self._loop = loop
        self._call = call
        self.fired = False
        self._timer = loop.call_later(SILENCE_MS / 1000, self._fire)

    def _fire(self) -> None:
        self.fired = True
        self._call.cancel()

    def restart(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(SILENCE_MS / 1000, self._fire)

    def stop(self) -> None:
        self._timer.cancel()
