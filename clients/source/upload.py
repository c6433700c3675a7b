"""Moving the outbox: parcels up, answers down, and nothing believed but the source's own account.

`stored` is a promise of the gateway; a batch is acknowledged when an `admitted` entry naming it is in the source's
account under a verified tick, refused when a `refused` entry is. An entry for one batch twice, or of both kinds, is a
failure of the gateway and ends everything. A link that breaks is tried again. Source: SPEC.md section 3.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import grpc
from sluice.v1 import publish_pb2

from clients.channel import secure_channel, translated
from clients.connection import unreachable
from clients.profile import Profile
from clients.source.outbox import ACKNOWLEDGED, REFUSED, Outbox, Tally
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError, GatewayError, Refused
from gateway.core.ledger.entries import (
    MAX_ENTRY_BYTES,
    Admitted,
    RefusedBatch,
    parse_source_entry,
    refusal_code,
)
from gateway.core.ledger.tick import parse_entries, parse_tick, parse_tick_message
from gateway.core.suite.numbers import HASH_BYTES, PublishMessage, Role, UpMessage
from gateway.core.suite.octets import Reader, u8, u64
from gateway.core.suite.tree import leaf_hash

_PUBLISH = "/sluice.v1.PublishService/Publish"
_RETRY = frozenset({"gateway-unreachable", "stopping", "directory-due", "store-latched"})
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 300.0

Progress = Callable[[str, Tally], None]


def trust_from(profile: Profile) -> Trust:
    """What a source believes before it has seen a directory."""
    return Trust.begin(profile.genesis_link, profile.roster_link, profile.roster_text)


class Upload:
    """One run of moving the outbox. progress: told (event, tally) at every change."""

    def __init__(self, profile: Profile, outbox: Outbox, progress: Progress) -> None:
        self._profile = profile
        self._outbox = outbox
        self._progress = progress
        self.trust = outbox.trust(trust_from(profile))
        self._entries: list[bytes] = []

    async def fetch_directory(self) -> None:
        """Connects just to learn the directory: a source cannot seal before it knows the gateway's key."""
        await self._connect(send_parcels=False)

    async def run(self, *, give_up_after_seconds: float | None = None) -> Tally:
        """Until every batch is acknowledged or refused; a broken link is tried again until the time is over."""
        started, wait = time.monotonic(), FIRST_WAIT_SECONDS
        while self._outbox.tally().open_batches:
            try:
                await self._connect(send_parcels=True)
                wait = FIRST_WAIT_SECONDS
            except GatewayError as error:
                if error.code not in _RETRY:
                    raise
                self._progress(f"link down ({error.code})", self._outbox.tally())
            if not self._outbox.tally().open_batches:
                break
            if give_up_after_seconds is not None and time.monotonic() - started > give_up_after_seconds:
                break
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects, hides nothing
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        return self._outbox.tally()

    def ingest_key(self) -> bytes:
        """The gateway's key to seal parcels to; refuses `directory-missing` and `key-not-endorsed`."""
        self.trust.check_time(time.time_ns() // 1_000_000)
        for (role, key_id), _ in self.trust.endorsed.items():
            if role is Role.GATEWAY_INGEST:
                return self.trust.key(role, key_id).material
        raise Refused("key-not-endorsed", "the directory names no ingest key of the gateway", at="directory")

    async def _connect(self, *, send_parcels: bool) -> None:
        ledger = self._outbox.ledger
        ledger.begin_stream()
        self._entries = []
        channel = await secure_channel(self._profile.connection())
        done = asyncio.Event()
        try:
            call = channel.stream_stream(
                _PUBLISH,
                request_serializer=publish_pb2.PublishRequest.SerializeToString,
                response_deserializer=publish_pb2.PublishResponse.FromString,
            )(self._requests(send_parcels, done))
            async for response in call:
                self._receive(response.message)
                if not send_parcels or not self._outbox.tally().open_batches:
                    done.set()
                if not send_parcels:
                    break
            call.cancel()
        except asyncio.CancelledError:
            # grpcio cancels the call itself when the link breaks while something is being written; only a cancellation
            # of this task is somebody's wish.
            if _is_cancelled():
                raise
            raise unreachable(self._profile.endpoint) from None
        except grpc.aio.AioRpcError as error:
            raise translated(error) from error
        finally:
            done.set()
            await channel.close(None)

    async def _requests(self, send_parcels: bool, done: asyncio.Event) -> AsyncIterator[publish_pb2.PublishRequest]:
        ledger, directory = self._outbox.ledger, self.trust.directory
        begin = ledger.incarnation + u64(ledger.next_tick) + u64(ledger.held.size)
        begin += u64(directory.dir_no if directory else 0)
        yield publish_pb2.PublishRequest(message=u8(UpMessage.BEGIN) + begin)
        if send_parcels:
            for number in self._outbox.parcels():
                header, items = self._outbox.parcel(number)
                yield publish_pb2.PublishRequest(message=u8(UpMessage.PARCEL) + header)
                for item in items:
                    yield publish_pb2.PublishRequest(message=item)
        # The source's side stays open until the account has decided every batch.
        await done.wait()

    def _receive(self, message: bytes) -> None:
        if not message or message[0] not in PublishMessage.__members__.values():
            raise Refused("stream-order", "a message of the format was expected, another came", at="publish")
        kind, body = PublishMessage(message[0]), message[1:]
        if kind is PublishMessage.DIRECTORY:
            self.trust = self.trust.accept(body, time.time_ns() // 1_000_000)
            self._outbox.save_trust(self.trust)
        elif kind is PublishMessage.TICK:
            self._tick(body)
        elif kind is PublishMessage.ENTRIES:
            self._entries += parse_entries(body, MAX_ENTRY_BYTES)
        elif kind is PublishMessage.STORED:
            self._outbox.mark_stored(_exactly_a_digest(body))
            self._progress("stored", self._outbox.tally())
        else:
            self._refused_or_waiting(kind, body)

    def _refused_or_waiting(self, kind: PublishMessage, body: bytes) -> None:
        reader = Reader(body, kind.name.lower())
        digest, code = reader.take(HASH_BYTES, "H(B)"), refusal_code(reader.u16("code"))
        if kind is PublishMessage.WAITING:
            reader.done()
            self._progress(f"waiting ({code.name.lower().replace('_', '-')})", self._outbox.tally())
            return
        idx, slot = reader.u16("idx"), reader.u8("slot")
        field = reader.lp16("field", 1024).decode("utf-8", "replace")
        reader.done()
        where = field if idx == 0xFFFF else f"record {idx}, slot {slot}: {field}"
        self._outbox.explain_refusal(digest, code.name.lower().replace("_", "-"), where)

    def _tick(self, body: bytes) -> None:
        message = parse_tick_message(body)
        ledger, entries = self._outbox.ledger, self._entries
        key = self.trust.key(Role.GATEWAY_LEDGER, parse_tick(message.statement).key_id).signing_key
        ledger.accept(message, [leaf_hash(entry) for entry in entries], key)
        self._entries = []
        outcomes: dict[bytes, tuple[str, str]] = {}
        for raw in entries:
            ledger.settle(raw)
            entry = parse_source_entry(raw)
            if isinstance(entry, (Admitted, RefusedBatch)):
                known = self._outbox.state_of(entry.batch_digest)
                if entry.batch_digest in outcomes or known in {ACKNOWLEDGED, REFUSED}:
                    raise Refused(
                        "account-contradicts",
                        "the account decides one batch twice",
                        at=f"batch {entry.batch_digest.hex()[:8]}",
                        do="stop and call the operator",
                    )
                refused = isinstance(entry, RefusedBatch)
                code = entry.code.name.lower().replace("_", "-") if isinstance(entry, RefusedBatch) else ""
                outcomes[entry.batch_digest] = (REFUSED if refused else ACKNOWLEDGED, code)
        if ledger.owed:
            raise Refused("disclosure-missing", "the account has leaves whose entries did not come", at="tick")
        self._outbox.settle(self.trust, [(digest, *outcome) for digest, outcome in outcomes.items()])
        if outcomes:
            self._progress("acknowledged", self._outbox.tally())


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _exactly_a_digest(body: bytes) -> bytes:
    if len(body) != HASH_BYTES:
        raise Refused("malformed", "`stored` names one batch", at="stored")
    return body


def need_guide(profile: Profile) -> bytes:
    """The guide's text of a source's profile."""
    if profile.guide_text is None:
        raise CallerError("guide-missing", "a source's profile must hold the guide, this one has none", at=profile.id)
    return profile.guide_text
