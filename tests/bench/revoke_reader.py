"""A process of partners for `tests.bench.revoke`: many live streams, every byte of them checked as a partner checks it.

    python -m tests.bench.revoke_reader PROFILE OUT STREAM...      # a stream is `agreement/subscription`
    python -m tests.bench.revoke_reader PROFILE OUT --bare PORT COUNT

Nothing is kept on disk, so that what is measured is not a partner's disk. OUT is written twice: `live` once all streams
stand at the end of what is stored, and a JSON object once all have ended. Times are UTC nanoseconds of this machine.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import grpc
from sluice.v1 import release_pb2

from clients.channel import secure_channel
from clients.link import messages_of
from clients.partner.checks import StreamChecks
from clients.partner.events import CaughtUp, Ended, Records
from clients.partner.reading import record_reader
from clients.profile import Profile
from clients.trust import trust_from
from gateway.core.control.agreement import Agreement
from gateway.core.errors import GatewayError
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.sealing.stream import Hello, SignedHello, kinds_mask
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import RecordKind, StreamMessage
from gateway.core.suite.octets import u8

A_CONNECTION = 63
SILENCE_SECONDS = 600.0
OPENING_AT_A_TIME = 8


@dataclass
class Told:
    """One stream. frames: (when it was read, its batches) of each; behind: messages read after its end."""

    name: str
    frames: list[tuple[int, list[str]]] = field(default_factory=list)
    ended_ns: int = 0
    behind: int = 0
    reason: str = ""
    refused: str = ""


class Reader:
    """All streams of this process."""

    def __init__(self, profile: Profile, out: Path) -> None:
        self._profile = profile
        self._sign_key: SigningKey = profile.signing_key()
        self._kem_key = profile.kem_key()
        self._out = out
        self._opening = asyncio.Semaphore(OPENING_AT_A_TIME)
        self._live = 0
        self._count = 0
        self._unchecked: deque[tuple[Told, StreamChecks, bytes, int, AsyncExitStack]] = deque()
        self._more = asyncio.Event()
        self._checked = asyncio.Event()

    async def run(self, names: list[str]) -> None:
        """Until all have ended."""
        self._count = len(names)
        told = [Told(name) for name in names]
        async with AsyncExitStack() as stack:
            tasks = []
            for start in range(0, len(told), A_CONNECTION):
                channel = await stack.enter_async_context(await secure_channel(self._profile.connection()))
                tasks += [self._follow(channel, one) for one in told[start : start + A_CONNECTION]]
            checking = asyncio.create_task(self._check_all())
            await asyncio.gather(*tasks)
            await self._checked.wait()
            checking.cancel()
        self._out.write_text(json.dumps([asdict(one) for one in told]), "utf-8")

    async def _follow(self, channel: grpc.aio.Channel, told: Told) -> None:
        agreement_id, _, subscription = told.name.partition("/")
        agreement = self._profile.agreement(agreement_id)
        async with AsyncExitStack() as place:
            await place.enter_async_context(self._opening)
            checks, hello = self._checks(agreement, subscription)
            call = channel.unary_stream(
                "/sluice.v1.ReleaseService/Follow",
                request_serializer=release_pb2.FollowRequest.SerializeToString,
                response_deserializer=release_pb2.FollowResponse.FromString,
            )(release_pb2.FollowRequest(hello=hello.encode()))
            try:
                async for message, _ in messages_of(call, self._profile.endpoint, SILENCE_SECONDS):
                    at_ns = time.time_ns()
                    told.behind += bool(told.ended_ns)
                    if message[:1] == u8(StreamMessage.END):
                        told.ended_ns = at_ns
                    self._unchecked.append((told, checks, message, at_ns, place))
                    self._checked.clear()
                    self._more.set()
            except GatewayError as error:
                told.refused = error.code
                told.ended_ns = told.ended_ns or time.time_ns()

    async def _check_all(self) -> None:
        """One message at a time, so that none waits to be read while others are checked. For ever."""
        while True:
            while self._unchecked:
                await self._check(*self._unchecked.popleft())
                await asyncio.sleep(0)
            self._checked.set()
            self._more.clear()
            await self._more.wait()

    async def _check(self, told: Told, checks: StreamChecks, message: bytes, at_ns: int, place: AsyncExitStack) -> None:
        try:
            event = checks.receive(message, at_ns // 1_000_000)
        except GatewayError as error:
            told.refused = error.code
            return
        if isinstance(event, CaughtUp):
            await place.aclose()
            self._is_live()
        elif isinstance(event, Records):
            told.frames.append((at_ns, sorted({one.batch_digest.hex() for one in event.records})))
        elif isinstance(event, Ended):
            told.reason = event.reason.name

    def _is_live(self) -> None:
        self._live += 1
        if self._live == self._count:
            self._out.write_text("live", "utf-8")

    def _checks(self, agreement: Agreement, subscription: str) -> tuple[StreamChecks, SignedHello]:
        profile, ephemeral = self._profile, KemKey.generate()
        hello = Hello(
            genesis=profile.genesis_link,
            partner_id=profile.id,
            agreement_id=agreement.id,
            subscription=subscription,
            agreement_digest=agreement.digest,
            sign_key_id=self._sign_key.key_id,
            nonce=secrets.token_bytes(32),
            time_ms=time.time_ns() // 1_000_000,
            kinds=kinds_mask((RecordKind.TELEMETRY,)),
            dir_no=0,
            incarnation=bytes(16),
            next_tick=0,
            account_size=0,
            cursor=b"",
            ephemeral_key=ephemeral.public_key,
        )
        signed = SignedHello.sign(hello, self._sign_key)
        checks = StreamChecks(
            hello=signed,
            ephemeral_key=ephemeral,
            kem_key=self._kem_key,
            trust=trust_from(profile),
            ledger=LedgerReader(profile.genesis_link, partner_account(profile.id, agreement.id, subscription)),
            reader_of=lambda trust: record_reader(profile, agreement, trust),
            held=lambda batch, idx: 0,
            # What was disclosed to an earlier stream of the subscription was read then: a bench keeps nothing.
            is_entry_held=lambda leaf: False,
        )
        return checks, signed


async def bare(profile: Profile, say: Callable[[str], object], port: str, count: int) -> None:
    """The same number of streams from a process that only relays; nothing is checked."""
    connection = replace(profile.connection(), endpoint=f"127.0.0.1:{port}")
    told = [Told(str(number)) for number in range(count)]
    live = 0

    async def read(channel: grpc.aio.Channel, one: Told) -> None:
        nonlocal live
        call: AsyncIterator[bytes] = channel.unary_stream("/bare.Relay/Follow")(b"open")
        async for message in call:
            at_ns = time.time_ns()
            if message == b"open":
                live += 1
                if live == count:
                    say("live")
            else:
                one.frames.append((at_ns, []))
        one.ended_ns = time.time_ns()

    async with AsyncExitStack() as stack:
        tasks = []
        for start in range(0, count, A_CONNECTION):
            channel = await stack.enter_async_context(await secure_channel(connection))
            tasks += [read(channel, one) for one in told[start : start + A_CONNECTION]]
        await asyncio.gather(*tasks)
    say(json.dumps([asdict(one) for one in told]))


def main() -> None:
    """The command."""
    profile, out = Profile.load(Path(sys.argv[1])), Path(sys.argv[2])
    if sys.argv[3] == "--bare":
        asyncio.run(bare(profile, out.write_text, sys.argv[4], int(sys.argv[5])))
    else:
        asyncio.run(Reader(profile, out).run(sys.argv[3:]))


if __name__ == "__main__":
    main()
