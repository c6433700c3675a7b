"""Moving the outbox: parcels up, answers down, and nothing believed but the source's own account.

`stored` is a promise of the gateway; a batch is acknowledged when an `admitted` entry naming it is in the source's
account under a verified tick, refused when a `refused` entry is. An entry for one batch twice, or of both kinds, is a
failure of the gateway and ends everything. Where operators signed that its store was put back from a backup, what it
lost is sent again as far as the outbox still has it. A link that breaks is tried again; what was stored is not sent
again before the account had a chance to say so, for a link may be a slow radio. Source: SPEC.md section 3.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

import grpc
from sluice.v1 import publish_pb2

from clients.link import Backoff, Patience, messages_of, open_channel
from clients.profile import Profile
from clients.source.outbox import STORED, WAITING, Outbox, Outcome, Tally
from clients.times import now_ms
from clients.trust import trust_from
from gateway.core.control.source import SourceAdmission
from gateway.core.errors import CallerError, GatewayError, Refused
from gateway.core.ledger.entries import (
    MAX_ENTRY_BYTES,
    Disclosed,
    RefusedBatch,
    parse_source_entry,
    refusal_code,
)
from gateway.core.ledger.tick import parse_entries, parse_tick, parse_tick_message
from gateway.core.suite.numbers import HASH_BYTES, KeyState, PublishMessage, RefusalCode, Role, UpMessage
from gateway.core.suite.octets import Reader, u8, u64
from gateway.core.suite.tree import leaf_hash

_PUBLISH = "/sluice.v1.PublishService/Publish"
FETCH_TRIES = 5
# What a link, a start or an operator mends by itself; everything else is for a person.
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
        "timed-out",
    }
)
_PATIENCE = Patience(longest_wait_seconds=300.0)
_MAX_NEW_ENTRY_BYTES = 1 << 28
_WHOLE_BATCH = 0xFFFF

Progress = Callable[[str, Tally], None]
Call = grpc.aio.StreamStreamCall[publish_pb2.PublishRequest, publish_pb2.PublishResponse]


class Upload:
    """Moves one outbox. progress: told (event, tally) at every change."""

    def __init__(self, profile: Profile, outbox: Outbox, progress: Progress, *, patience: Patience = _PATIENCE) -> None:
        if not isinstance(profile.admission, SourceAdmission):
            raise CallerError("profile-role", "a source's profile was expected, a partner's came", at=profile.id)
        self._profile = profile
        self._outbox = outbox
        self.progress = progress
        self._patience = patience
        self.trust = outbox.trust(trust_from(profile))
        self._entries: list[bytes] = []
        self._entry_bytes = 0
        self._held_back: set[bytes] = set()
        self._accepted = asyncio.Event()
        self._ticked = asyncio.Event()
        self._done = asyncio.Event()

    def renewed(self, profile: Profile) -> None:
        """From the next connection on this profile, which differs in its certificate only."""
        profile.check_follows(self._profile)
        self._profile = profile

    def has_directory(self) -> bool:
        """Whether the gateway's key is known and still counts: a source cannot seal without it."""
        directory = self.trust.directory
        return directory is not None and now_ms() < directory.expires_at_ms

    async def fetch_directory(self) -> None:
        """Connects just to learn the directory.

        grpcio may put a failure of its own in the place of an answer that comes while the first message is written, so
        a failure without a reason is asked about again, a few times.
        """
        backoff = Backoff(self._patience)
        for _ in range(FETCH_TRIES - 1):
            try:
                return await self._connect(send_parcels=False, until=None)
            except GatewayError as error:
                if error.code != "gateway-failed":
                    raise
            await asyncio.sleep(backoff.next())
        return await self._connect(send_parcels=False, until=None)

    async def run(self, *, give_up_after_seconds: float | None = None) -> Tally:
        """Until every batch is acknowledged or refused; a broken link is tried again until the time is over.

        A denial says that the outbox keeps what is open: an operator may take the source up again.
        """
        loop, backoff = asyncio.get_running_loop(), Backoff(self._patience)
        until = None if give_up_after_seconds is None else loop.time() + give_up_after_seconds
        while (before := self._outbox.tally()).open_batches:
            try:
                await self._connect(send_parcels=True, until=until)
            except GatewayError as error:
                if error.code == "denied":
                    raise self._kept(error) from error
                if error.code not in RETRIED:
                    raise
                self.progress(f"down ({error.code})", self._outbox.tally())
            tally = self._outbox.tally()
            if not tally.open_batches or (until is not None and loop.time() >= until):
                return tally
            if tally != before:
                backoff.reset()
            pause = backoff.next()
            await asyncio.sleep(pause if until is None else min(pause, max(0.0, until - loop.time())))
        return before

    def _kept(self, error: GatewayError) -> Refused:
        tally = self._outbox.tally()
        return Refused(
            "denied",
            f"the gateway must admit this source, it does not; {tally.open_records} records are kept in the outbox",
            at=self._profile.id,
            do=f"call the operator, do not delete the outbox; {error.do}".rstrip("; "),
        )

    def ingest_key(self) -> bytes:
        """The gateway's key to seal parcels to; refuses `directory-…` and `key-not-endorsed`."""
        self.trust.check_time(now_ms())
        active = [
            found
            for (role, _), found in self.trust.endorsed.items()
            if role is Role.GATEWAY_INGEST and found.endorsement.state is KeyState.ACTIVE
        ]
        if not active:
            raise Refused(
                "key-not-endorsed", "the directory must name an active ingest key, it has none", at="directory"
            )
        return max(active, key=lambda found: found.endorsement.valid_from_ms).material

    async def _connect(self, *, send_parcels: bool, until: float | None) -> None:
        channel = await open_channel(self._profile)
        begin = self.begin()
        call: Call = channel.stream_stream(
            _PUBLISH,
            request_serializer=publish_pb2.PublishRequest.SerializeToString,
            response_deserializer=publish_pb2.PublishResponse.FromString,
        )()  # type: ignore[call-arg]  # the stubs want an iterator; a call without one is written to
        writing = asyncio.create_task(self._write(call, begin, send_parcels))
        silence = self._patience.silence_seconds
        try:
            async with aclosing(messages_of(call, self._profile.endpoint, silence, until)) as messages:
                async for message, _ in messages:
                    self.receive(message, now_ms())
                    if not send_parcels:
                        return
                    if self._is_settled():
                        self._done.set()
                        self._ticked.set()
        except GatewayError as error:
            raise _failure_of(writing) or error from error
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            await channel.close(None)
        failure = _failure_of(writing)
        if failure is not None:
            raise failure

    def _is_settled(self) -> bool:
        """Whether nothing more can come of this connection: what is still open waits for something else."""
        return self._outbox.open_batches() <= len(self._held_back)

    async def _write(self, call: Call, begin: bytes, send_parcels: bool) -> None:
        try:
            await call.write(publish_pb2.PublishRequest(message=begin))
            # A gateway that refuses does so now. What is written then would hide its answer, and go out for nothing.
            await self._accepted.wait()
            if send_parcels:
                async with aclosing(self._parcels()) as parcels:
                    async for message in parcels:
                        await call.write(publish_pb2.PublishRequest(message=message))
            # The source's side stays open until the account has decided every batch.
            await self._done.wait()
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The call is over; who reads the answers hears why.
            return
        except GatewayError:
            call.cancel()
            raise

    async def _parcels(self) -> AsyncGenerator[bytes, None]:
        sent = set()
        for number in self._outbox.parcels():
            if self._outbox.is_wanted(number, WAITING):
                sent.add(number)
                for message in self._parcel(number):
                    yield message
        await self._ticked.wait()
        for number in self._outbox.parcels():
            if number not in sent and not self._done.is_set() and self._outbox.is_wanted(number, STORED):
                for message in self._parcel(number):
                    yield message

    def _parcel(self, number: int) -> Iterator[bytes]:
        """Header and items, as long as the account has not decided all of them: items have their places."""
        yield u8(UpMessage.PARCEL) + self._outbox.header(number)
        place = 0
        while self._outbox.is_wanted(number, WAITING, STORED):
            item = self._outbox.item(number, place)
            if item is None:
                return
            yield item
            place += 1

    def begin(self) -> bytes:
        """The first message of a new connection, with its type byte: where this outbox stands."""
        self._outbox.ledger.begin_stream()
        self._entries, self._entry_bytes, self._held_back = [], 0, set()
        self._accepted, self._ticked, self._done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        ledger, directory = self._outbox.ledger, self.trust.directory
        place = ledger.incarnation + u64(ledger.next_tick) + u64(ledger.held.size)
        return u8(UpMessage.BEGIN) + place + u64(directory.dir_no if directory else 0)

    def receive(self, message: bytes, came_ms: int) -> None:
        """Checks one message of the connection and keeps what it proves; refuses by name. came_ms: UTC milliseconds."""
        if not message or message[0] not in PublishMessage.__members__.values():
            raise Refused("stream-order", "a message of the format was expected, another came", at="publish")
        kind, body = PublishMessage(message[0]), message[1:]
        if (kind is PublishMessage.DIRECTORY) is self._accepted.is_set():
            raise Refused("stream-order", "the directory must come first and once, it did not", at="publish")
        if kind is PublishMessage.DIRECTORY:
            self.trust = self.trust.accept(body, came_ms)
            self._outbox.save_trust(self.trust)
            self._accepted.set()
        elif kind is PublishMessage.TICK:
            self._tick(body)
        elif kind is PublishMessage.ENTRIES:
            self._take_entries(body)
        elif kind is PublishMessage.STORED:
            self._outbox.mark_stored(_only_digest(body))
            self.progress("stored", self._outbox.tally())
        else:
            self._refused_or_waiting(kind, body)

    def _take_entries(self, body: bytes) -> None:
        self._entry_bytes += len(body)
        if self._entry_bytes > _MAX_NEW_ENTRY_BYTES:
            raise Refused("account-too-long", "a tick may follow 256 MiB of entries, more came", at="entries")
        self._entries += parse_entries(body, MAX_ENTRY_BYTES)

    def _refused_or_waiting(self, kind: PublishMessage, body: bytes) -> None:
        reader = Reader(body, kind.name.lower())
        digest, code = reader.take(HASH_BYTES, "H(B)"), _spelt(refusal_code(reader.u16("code")))
        if kind is PublishMessage.WAITING:
            reader.done()
            if self._outbox.state_of(digest) in {WAITING, STORED}:
                self._held_back.add(digest)
            self._outbox.explain(digest, code, "")
            self.progress(f"waiting ({code})", self._outbox.tally())
            return
        idx, slot = reader.u16("idx"), reader.u8("slot")
        field = "".join(c for c in reader.lp16("field", 1024).decode("utf-8", "replace") if c.isprintable())
        reader.done()
        self._outbox.explain(digest, code, field if idx == _WHOLE_BATCH else f"record {idx}, slot {slot}: {field}")

    def _tick(self, body: bytes) -> None:
        message = parse_tick_message(body)
        ledger, entries = self._outbox.ledger, self._entries
        key = self.trust.key(Role.GATEWAY_LEDGER, parse_tick(message.statement).key_id).signing_key
        ledger.accept(message, [leaf_hash(entry) for entry in entries], key, self.trust.restores)
        self._entries, self._entry_bytes = [], 0
        if len(ledger.owed) != len(entries):
            raise Refused("disclosure-missing", "the account has leaves whose entries did not come", at="tick")
        # What the entries say is looked at before they count as held: a contradiction stays owed, and is found again.
        outcomes = self._outcomes(entries)
        for entry in entries:
            ledger.settle(entry)
        self._outbox.settle(self.trust, outcomes)
        self._held_back -= {outcome.digest for outcome in outcomes}
        self._ticked.set()
        if ledger.closed is not None:
            self.progress("restored", self._outbox.tally())
        if outcomes:
            self.progress("acknowledged", self._outbox.tally())

    def _outcomes(self, entries: list[bytes]) -> list[Outcome]:
        outcomes: dict[bytes, Outcome] = {}
        for raw in entries:
            entry = parse_source_entry(raw)
            if isinstance(entry, Disclosed):
                continue
            digest = entry.batch_digest
            outcome = Outcome(digest, _spelt(entry.code) if isinstance(entry, RefusedBatch) else "")
            if digest in outcomes or self._outbox.contradicts(outcome):
                raise Refused(
                    "account-contradicts",
                    "the account must decide each batch once, it decides one twice",
                    at=f"batch {digest.hex()[:8]}",
                    do="stop and call the operator; do not delete the outbox",
                )
            outcomes[digest] = outcome
        return list(outcomes.values())


def _failure_of(writing: asyncio.Task[None]) -> GatewayError | None:
    """Why writing failed on this side: the outbox, not the link."""
    failure = writing.exception() if writing.done() and not writing.cancelled() else None
    return failure if isinstance(failure, GatewayError) else None


def _spelt(code: RefusalCode) -> str:
    return code.name.lower().replace("_", "-")


def _only_digest(body: bytes) -> bytes:
    if len(body) != HASH_BYTES:
        raise Refused("malformed", "`stored` names one batch", at="stored")
    return body


def need_guide(profile: Profile) -> bytes:
    """The guide's text of a source's profile."""
    if profile.guide_text is None:
        raise CallerError("guide-missing", "a source's profile must hold the guide, this one has none", at=profile.id)
    return profile.guide_text
