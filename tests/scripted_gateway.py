"""A gateway that does what a test tells it: the real one's keys, directory and records, over real mutual TLS.

A script is honest where it uses the verbs as they are; every verb takes what a liar would change. So a test reads as
one lie in an honest conversation, and the reader must name it.

    async def script(told: Conversation) -> None:
        await told.begin()                                     # directory, open, first tick
        await told.disclose(told.truth.section(mask=0b11))     # a frame, entered in the ledger first
        await told.tick(another)                               # a lie
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

import grpc
from sluice.v1 import publish_pb2, release_pb2

from clients.link import Patience
from gateway.core.control.directory import DirectoryMessage
from gateway.core.control.standing import needed_by_partner, needed_by_source
from gateway.core.ledger.entries import partner_account, source_account
from gateway.core.ledger.tick import TickMessage, encode_entries, encode_leaves, parse_tick
from gateway.core.sealing.body import Section, encode_body, view_digest
from gateway.core.sealing.frame import Disclosure, seal_end, seal_frame, seal_notice, seal_old
from gateway.core.sealing.stream import SignedHello, StreamKeys, StreamTerms, open_stream
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import EndReason, PublishMessage, StreamMessage
from gateway.core.suite.octets import Reader, u8
from tests.truth import MINUTE_MS, Ledger, Truth, now_ms

CURSOR = b"c" * 38


@dataclass
class Conversation:
    """One Follow call, from the gateway's side. ledger: shared by the conversations of one gateway."""

    truth: Truth
    ledger: Ledger
    hello: SignedHello
    write: Callable[[bytes], Awaitable[None]]
    terms: StreamTerms = field(init=False)
    keys: StreamKeys = field(init=False)
    seq: int = 0
    entry_seq: int = 0
    told: int = 0
    next_tick: int = 0

    def __post_init__(self) -> None:
        hello, truth = self.hello.hello, self.truth
        self.told, self.next_tick = hello.account_size, hello.next_tick
        self.terms = StreamTerms(
            genesis=hello.genesis,
            partner_id=hello.partner_id,
            agreement_id=hello.agreement_id,
            subscription=hello.subscription,
            stream_id=secrets.token_bytes(16),
            hello_digest=self.hello.digest,
            kem_key_id=truth.control.partner(hello.partner_id).admission.kem_key_digest[:16],
            stream_key_id=truth.keys.stream().key_id,
            agreement_digest=hello.agreement_digest,
            not_after_ms=now_ms() + 15 * MINUTE_MS,
        )
        self.ledger.open(self.account_id)

    @property
    def account_id(self) -> bytes:
        """The account of this subscription."""
        hello = self.hello.hello
        return partner_account(hello.partner_id, hello.agreement_id, hello.subscription)

    async def send(self, kind: StreamMessage, body: bytes) -> None:
        """One message."""
        await self.write(u8(kind) + body)

    async def directory(self, message: DirectoryMessage | None = None) -> None:
        """The real directory, or another."""
        if message is None:
            wanted = needed_by_partner(self.hello.hello.partner_id, "all")
            message = self.truth.control.directory_message(self.hello.hello.dir_no, wanted)
        await self.send(StreamMessage.DIRECTORY, message.encode())

    async def open(self, *, key: SigningKey | None = None, kem_key: bytes | None = None, **changed: object) -> None:
        """Terms, seals and signature."""
        self.terms = replace(self.terms, **changed)
        await self.send(StreamMessage.OPEN, self.rekey(key, kem_key))

    def rekey(self, key: SigningKey | None = None, kem_key: bytes | None = None) -> bytes:
        """Other keys for what is sealed from now on; returns the opening that nobody was sent."""
        opening, self.keys = open_stream(
            self.terms,
            kem_key or self.truth.control.partner(self.hello.hello.partner_id).kem_key,
            self.hello.hello.ephemeral_key,
            key or self.truth.keys.stream(),
            secrets.token_bytes(96),
        )
        return opening

    async def begin(self) -> None:
        """Everything before the first disclosure."""
        await self.directory()
        await self.open()
        await self.tick()

    def message(self, ledger: Ledger | None = None) -> tuple[list[bytes], TickMessage]:
        """The next tick of a ledger for this party: leaves before it, and the message."""
        chosen = ledger or self.ledger
        draft, signature = chosen.draft()
        return chosen.book.message(draft, signature, self.account_id, self.told, self.next_tick)

    async def tick(self, ledger: Ledger | None = None, **changed: object) -> None:
        """The next tick, of the conversation's ledger or another; `changed`: fields of the tick message."""
        leaves, message = self.message(ledger)
        await self.send_tick(leaves, replace(message, **changed))

    async def send_tick(self, leaves: Sequence[bytes], message: TickMessage) -> None:
        """A tick message as it is."""
        if leaves:
            await self.send(StreamMessage.LEAVES, encode_leaves(leaves))
        await self.send(StreamMessage.TICK, message.encode())
        self.told, self.next_tick = message.size, parse_tick(message.statement).number + 1

    def disclosure(self, *sections: Section, **changed: object) -> Disclosure:
        """The G of these sections."""
        shown = [
            (section.signed.digest, [(view.idx, view.leaf(), view.mask) for view in section.views])
            for section in sections
        ]
        entry = Disclosure(
            partner_id=self.terms.partner_id,
            agreement_id=self.terms.agreement_id,
            subscription=self.terms.subscription,
            stream_id=self.terms.stream_id,
            seq=self.entry_seq,
            agreement_digest=self.terms.agreement_digest,
            audit=bytes(48),
            records=sum(len(section.views) for section in sections),
            cursor=CURSOR,
            view_digest=view_digest(shown),
        )
        self.entry_seq += 1
        return replace(entry, **changed)

    def enter(self, *disclosures: Disclosure) -> None:
        """The disclosures are leaves of the account; a tick must cover them before their frames."""
        self.ledger.enter(self.account_id, *(one.encode() for one in disclosures))

    def take_seq(self) -> int:
        """The next sequence number of the stream."""
        self.seq += 1
        return self.seq - 1

    async def frame(self, disclosure: Disclosure, *sections: Section, body: bytes | None = None) -> bytes:
        """A sealed frame; returns the message, to send it once more."""
        encoded = encode_body([section.encode() for section in sections]) if body is None else body
        sealed = seal_frame(self.keys, self.take_seq(), disclosure.encode(), encoded)
        await self.send(StreamMessage.FRAME, sealed)
        return sealed

    async def disclose(self, *sections: Section) -> Disclosure:
        """Honest: entered, ticked, sent."""
        disclosure = self.disclosure(*sections)
        self.enter(disclosure)
        await self.tick()
        await self.frame(disclosure, *sections)
        return disclosure

    async def old(self, disclosure: Disclosure) -> None:
        """A disclosure of an earlier stream."""
        await self.send(StreamMessage.OLD, seal_old(self.keys, self.take_seq(), disclosure.encode()))

    async def notice(self, reason: EndReason = EndReason.CAUGHT_UP) -> None:
        """A word on the way."""
        await self.send(StreamMessage.NOTICE, seal_notice(self.keys, self.take_seq(), reason, ""))

    async def end(self, reason: EndReason = EndReason.LIFETIME) -> None:
        """The end in order."""
        await self.send(StreamMessage.END, seal_end(self.keys, self.take_seq(), reason, ""))


@dataclass
class Reckoning:
    """One Publish call, from the gateway's side. up: what the source sends."""

    truth: Truth
    ledger: Ledger
    source_id: str
    up: AsyncIterator[publish_pb2.PublishRequest]
    write: Callable[[bytes], Awaitable[None]]
    told: int = 0
    next_tick: int = 0

    @property
    def account_id(self) -> bytes:
        """The source's account."""
        return source_account(self.source_id)

    async def begin(self) -> None:
        """Takes the begin, shows the directory."""
        begin = Reader((await anext(self.up)).message, "begin")
        begin.u8("type")
        begin.take(16, "incarnation")
        self.next_tick, self.told = begin.u64("next_tick"), begin.u64("account_size")
        self.ledger.open(self.account_id)
        directory = self.truth.control.directory_message(begin.u64("dir_no"), needed_by_source(self.source_id))
        await self.send(PublishMessage.DIRECTORY, directory.encode())

    async def send(self, kind: PublishMessage, body: bytes) -> None:
        """One message."""
        await self.write(u8(kind) + body)

    async def show(self, *entries: bytes, shown: Sequence[bytes] | None = None, **changed: object) -> None:
        """Enters entries and shows them under a tick; `shown`: what is sent instead of them."""
        if entries:
            self.ledger.enter(self.account_id, *entries)
        draft, signature = self.ledger.draft()
        size = draft.sizes[self.account_id]
        _, message = self.ledger.book.message(draft, signature, self.account_id, size, self.next_tick)
        await self.send(PublishMessage.ENTRIES, encode_entries(list(entries if shown is None else shown)))
        await self.send(PublishMessage.TICK, replace(message, **changed).encode())
        self.told, self.next_tick = size, draft.tick.number + 1


Script = Callable[[Conversation], Awaitable[None]]
SourceScript = Callable[[Reckoning], Awaitable[None]]


@dataclass
class ScriptedGateway:
    """Serves scripts: one for each call, in order; the last one again and again."""

    truth: Truth
    ledger: Ledger = field(init=False)
    scripts: list[Script] = field(default_factory=list)
    source_script: SourceScript | None = None
    port: int = 0
    hellos: list[SignedHello] = field(default_factory=list)
    mistakes: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.truth.control.genesis, self.truth.keys.ledger())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedGateway]:
        """Listens on a free port until the block ends."""
        settings = self.truth.stand.settings
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "sluice.v1.ReleaseService",
                    {
                        "Follow": grpc.unary_stream_rpc_method_handler(
                            self._follow,
                            request_deserializer=release_pb2.FollowRequest.FromString,
                            response_serializer=release_pb2.FollowResponse.SerializeToString,
                        )
                    },
                ),
                grpc.method_handlers_generic_handler(
                    "sluice.v1.PublishService",
                    {
                        "Publish": grpc.stream_stream_rpc_method_handler(
                            self._publish,
                            request_deserializer=publish_pb2.PublishRequest.FromString,
                            response_serializer=publish_pb2.PublishResponse.SerializeToString,
                        )
                    },
                ),
            )
        )
        credentials = grpc.ssl_server_credentials(
            [(settings.tls_key.read_bytes(), settings.certificate.read_bytes())],
            settings.roots.read_bytes(),
            require_client_auth=True,
        )
        self.port = server.add_secure_port("127.0.0.1:0", credentials)
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    async def _follow(self, request: release_pb2.FollowRequest, context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        signed = SignedHello.parse(request.hello)
        script = self.scripts[min(len(self.hellos), len(self.scripts) - 1)]
        self.hellos.append(signed)

        async def write(message: bytes) -> None:
            await context.write(release_pb2.FollowResponse(message=message))

        await self._tell(script(Conversation(self.truth, self.ledger, signed, write)))

    async def _publish(
        self,
        requests: AsyncIterator[publish_pb2.PublishRequest],
        context: grpc.aio.ServicerContext,  # type: ignore[type-arg]
    ) -> None:
        async def write(message: bytes) -> None:
            await context.write(publish_pb2.PublishResponse(message=message))

        assert self.source_script is not None
        await self._tell(self.source_script(Reckoning(self.truth, self.ledger, "src-3f07", requests, write)))

    async def _tell(self, script: Awaitable[None]) -> None:
        """A script that fails is a mistake of the test; the reader would only see a link that breaks."""
        try:
            await script
        except Exception as mistake:
            self.mistakes.append(mistake)
            raise

    def check(self) -> None:
        """Raises the first mistake of a script."""
        for mistake in self.mistakes:
            raise mistake


async def silence(seconds: float = 3600.0) -> None:
    """Says nothing until the other side goes away."""
    await asyncio.sleep(seconds)


def patience(*, is_first_silent: bool = False) -> Patience:
    """Tries again at once, and takes no slow machine for a silent one; but for a first connection that is silent."""
    seconds = chain([0.5] * is_first_silent, repeat(60.0))

    class Seconds(Patience):
        """Read once for each connection."""

        @property
        def silence_seconds(self) -> float:  # type: ignore[override]  # another one each time
            return next(seconds)

        @silence_seconds.setter
        def silence_seconds(self, _: float) -> None:
            """What the class would hold for all connections."""

    return Seconds(first_wait_seconds=0.01)
