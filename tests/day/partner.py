"""A partner of the day: streams as its client opens and checks them, over calls of the use case instead of a wire.

The state, the checks and the recorder are the client's own; this takes the place of the loop of
`clients.partner.follow` that reads from a connection. Whatever was handed up is flushed at once: the sink is a list.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from clients.partner.checks import StreamChecks
from clients.partner.events import CaughtUp, Ended, OldDisclosure, Records, StreamEvent, TickSeen
from clients.partner.reading import record_reader
from clients.partner.recording import Recorder
from clients.partner.state import PartnerState
from clients.profile import Profile
from clients.trust import trust_from
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.receipt import Receipt, SignedReceipt, encode_quarantine
from gateway.core.ledger.tick import encode_leaves, parse_tick_message
from gateway.core.sealing.stream import Hello, SignedHello, kinds_mask
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import RecordKind, StreamMessage
from gateway.core.suite.octets import u8
from gateway.usecases.receive import receive_receipt
from gateway.usecases.release import follow
from tests.day.account import Facts, account
from tests.day.house import House
from tests.day.parties import folder_of, peer_of

KINDS = kinds_mask((RecordKind.TELEMETRY, RecordKind.TACTIC))
GUARD_SECONDS = 30.0


class Reading:
    """One subscription of a partner. events, told_at: all that was told, and when; items: of the evidence file.

    messages: of each type; closed: accounts that a RESTORE ended, beyond_kept: disclosures of them that the store lost;
    tells_leaves_apart: the next tick is cut in two before it is recorded, as a gateway may send
    it: earlier leaves in a `leaves` message. The real one does so from 16,385 leaves on.
    """

    def __init__(self, house: House, profile: Profile, agreement_id: str, folder: Path, subscription: str) -> None:
        self._house = house
        self.profile = profile
        self.agreement = profile.agreement(agreement_id)
        self.subscription = subscription
        self._sign_key = profile.signing_key()
        self._kem_key = profile.kem_key()
        self._account_id = partner_account(profile.id, agreement_id, subscription)
        self.name = f"{folder_of(profile.id)}.{agreement_id}"
        self.state = PartnerState(folder / f"{self.name}.state", profile.genesis_link, self._account_id)
        self.trust = trust_from(profile)
        self._recorder = Recorder(folder / f"{self.name}.sluice")
        self.events: list[StreamEvent] = []
        self.told_at: list[int] = []
        self.messages: Counter[str] = Counter()
        self.closed: list[Facts] = []
        self.beyond_kept = 0
        self.items = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.tells_leaves_apart = False
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._checks: StreamChecks | None = None

    def _hello(self, ephemeral_key: KemKey) -> SignedHello:
        ledger, directory = self.state.ledger, self.trust.directory
        hello = Hello(
            genesis=self.profile.genesis_link,
            partner_id=self.profile.id,
            agreement_id=self.agreement.id,
            subscription=self.subscription,
            agreement_digest=self.agreement.digest,
            sign_key_id=self._sign_key.key_id,
            nonce=secrets.token_bytes(32),
            time_ms=self._house.clock.wall_ms(),
            kinds=KINDS,
            dir_no=directory.dir_no if directory else 0,
            incarnation=ledger.incarnation,
            next_tick=ledger.next_tick,
            account_size=ledger.held.size,
            cursor=self.state.cursor,
            ephemeral_key=ephemeral_key.public_key,
        )
        return SignedHello.sign(hello, self._sign_key)

    async def open(self, *, from_start: bool = False) -> None:
        """A stream is opened and served in a task of its own."""
        if from_start:
            self.state.forget_cursor()
        ephemeral_key = KemKey.generate()
        signed = self._hello(ephemeral_key)
        self._recorder.begin(signed, ephemeral_key, self.state.ledger)
        self.items += 1
        self._checks = StreamChecks(
            hello=signed,
            ephemeral_key=ephemeral_key,
            kem_key=self._kem_key,
            trust=self.trust,
            ledger=self.state.ledger,
            reader_of=lambda trust: record_reader(self.profile, self.agreement, trust),
            held=self.state.held,
            is_entry_held=self.state.is_entry_held,
        )
        peer = peer_of("partner", self.profile.id, self.profile.certificate_pem, self.profile.roots_pem)
        self._task = asyncio.create_task(follow(self._house.running, peer, signed.encode(), self._write))
        self._task.add_done_callback(lambda _: self._changed.set())

    async def _write(self, message: bytes) -> None:
        await self.gate.wait()
        if self.tells_leaves_apart and message[0] == StreamMessage.TICK:
            self.tells_leaves_apart = False
            for part in _apart(message):
                self._receive(part)
        else:
            self._receive(message)
        self._changed.set()
        await asyncio.sleep(0)

    def _receive(self, message: bytes) -> None:
        assert self._checks is not None
        now_ms = self._house.clock.wall_ms()
        self._recorder.message(message, now_ms)
        self.messages[StreamMessage(message[0]).name] += 1
        self.items += 1
        if message[:1] != u8(StreamMessage.OLD):
            self.state.save_olds(self.trust)
        event = self._checks.receive(message, now_ms)
        self.trust = self._checks.trust
        if isinstance(event, TickSeen) and event.closed is not None:
            self.closed.append(account(LedgerReader.decode(event.closed.state, self.trust.genesis, self._account_id)))
            self.beyond_kept = self.state.save_restored(self.trust, event.closed)
        elif isinstance(event, TickSeen):
            self.state.save_tick(self.trust)
        elif isinstance(event, OldDisclosure):
            self.state.take_old(event)
        elif isinstance(event, Records):
            self.state.take_frame(event)
            self.state.save_flushed(self.trust, b"", KINDS)
        if event is not None:
            self.events.append(event)
            self.told_at.append(now_ms)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until so much was told; raises what ended the stream before."""
        async with asyncio.timeout(GUARD_SECONDS):
            while not condition():
                self._changed.clear()
                if self._task is not None and self._task.done():
                    self._task.result()
                    assert condition(), "the stream ended"
                    return
                await self._changed.wait()

    async def caught_up(self) -> None:
        """Until everything there was has come on this stream."""
        seen = self.count(CaughtUp)
        await self.until(lambda: self.count(CaughtUp) > seen)

    async def beyond(self, frames: int) -> None:
        """Until there are more frames than so many."""
        await self.until(lambda: self.count(Records) > frames)

    async def ended(self, *, asking: bool = True) -> Ended:
        """Until the gateway ended the stream; asking: for a tick, which wakes one whose time is over."""
        if asking:
            self._house.ticker.ask()
        await self.until(lambda: bool(self.events) and isinstance(self.events[-1], Ended))
        assert self._task is not None
        await self._task
        last = self.events[-1]
        assert isinstance(last, Ended)
        return last

    async def cut(self) -> None:
        """The connection breaks: what was not written by now never is."""
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.gate.set()

    def heard(self) -> Iterator[tuple[int, StreamEvent]]:
        """Every event with its time."""
        return zip(self.told_at, self.events, strict=True)

    def count(self, kind: type[StreamEvent]) -> int:
        """Events of a kind so far."""
        return sum(isinstance(event, kind) for event in self.events)

    async def hand_in_receipt(self) -> tuple[Receipt, bytes]:
        """A receipt over what is verified and held, handed in; as it was sent."""
        ledger = self.state.ledger
        assert ledger.last is not None
        receipt = Receipt(
            genesis=self.profile.genesis_link,
            partner_id=self.profile.id,
            agreement_id=self.agreement.id,
            subscription=self.subscription,
            key_id=self._sign_key.key_id,
            incarnation=ledger.incarnation,
            tick=ledger.last.number,
            size=ledger.held.size,
            root=ledger.held.root(),
            quarantine_digest=digest(encode_quarantine(())),
            time_ms=self._house.clock.wall_ms(),
        )
        sent = SignedReceipt.sign(receipt, (), self._sign_key).encode()
        peer = peer_of("partner", self.profile.id, self.profile.certificate_pem, self.profile.roots_pem)
        await receive_receipt(self._house.running, peer, sent)
        return receipt, sent

    def close(self) -> None:
        """The day is over."""
        self.state.close()
        self._recorder.close()


def _apart(message: bytes) -> tuple[bytes, ...]:
    """A tick message as `leaves` and a tick that lists the last leaf only."""
    tick = parse_tick_message(message[1:])
    assert len(tick.leaves) > 1, "a tick with one leaf has nothing to send before it"
    rest = replace(tick, leaves=tick.leaves[-1:])
    return (
        u8(StreamMessage.LEAVES) + encode_leaves(tick.leaves[:-1]),
        u8(StreamMessage.TICK) + rest.encode(),
    )
