"""Laws of publishing: answers after the commit, an account that adds up, nothing from whom may not send."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.errors import GatewayError, Refused
from gateway.core.ledger.entries import Admitted, RefusedBatch, parse_source_entry, source_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import parse_entries, parse_tick_message
from gateway.core.records.states import UnverifiedBatch
from gateway.core.sealing.parcel import ParcelWriter
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import DataMode, PublishMessage, RefusalCode, Role, StatementKind, UpMessage
from gateway.core.suite.octets import Reader, u8, u16, u64
from gateway.core.suite.tree import leaf_hash
from gateway.usecases.admit import AdmitJob
from gateway.usecases.peer import Peer
from gateway.usecases.publish import MAX_UNANSWERED, publish
from tests.unit.control.given import DAY, kem_key, signing_key
from tests.unit.control.world import GUIDE
from tests.unit.usecases.house import (
    SOURCE,
    GatedJournals,
    House,
    Origin,
    a_house,
    a_record,
    messages,
    operator_peer,
    partner_peer,
    source_peer,
    turns,
)


class Sender:
    """A source's side of Publish: what it is told, with its account checked as a source checks it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.ledger = LedgerReader(house.control().genesis, source_account(SOURCE))
        self.answers: list[tuple[PublishMessage, bytes]] = []
        self.entries: list[object] = []
        self._unsettled: list[bytes] = []
        self.heard = asyncio.Event()
        self.open_side = asyncio.Event()

    def begin(self, **changed: Any) -> bytes:
        """The first message, with fields changed."""
        values = {
            "incarnation": self.ledger.incarnation,
            "next_tick": self.ledger.next_tick,
            "account_size": self.ledger.held.size,
            "dir_no": 0,
        } | changed
        self.ledger.begin_stream()
        numbers = u64(values["next_tick"]) + u64(values["account_size"]) + u64(values["dir_no"])
        return u8(UpMessage.BEGIN) + values["incarnation"] + numbers

    def parcel(self, *batches: UnverifiedBatch, source_id: str = SOURCE, genesis: bytes = b"") -> list[bytes]:
        """A parcel with these batches, closed."""
        writer = ParcelWriter(
            genesis or self._house.control().genesis,
            source_id,
            kem_key("ingest").public_key,
            secrets.token_bytes(16),
            secrets.token_bytes(48),
        )
        items = [writer.seal(batch.encode()) for batch in batches]
        return [u8(UpMessage.PARCEL) + writer.header, *items, writer.close()]

    async def send(self, *items: bytes, peer: Peer | None = None) -> None:
        """One whole call: begin, these messages, and the source's side closed."""
        await publish(self._house.running, peer or source_peer(), messages(self.begin(), *items), self.write)

    async def held_open(self, *items: bytes) -> AsyncIterator[bytes]:
        """Begin and these messages; the side stays open until `open_side` is set."""
        for item in (self.begin(), *items):
            yield item
        await self.open_side.wait()

    async def write(self, message: bytes) -> None:
        """What comes down."""
        kind, body = PublishMessage(message[0]), message[1:]
        if kind is PublishMessage.ENTRIES:
            self._unsettled += parse_entries(body, 16 * 1024)
        elif kind is PublishMessage.TICK:
            key = VerifyKey.parse(signing_key("ledger").public_key)
            self.ledger.accept(parse_tick_message(body), [leaf_hash(entry) for entry in self._unsettled], key)
            for entry in self._unsettled:
                self.ledger.settle(entry)
                self.entries.append(parse_source_entry(entry))
            self._unsettled = []
        elif kind is not PublishMessage.DIRECTORY:
            self.answers.append((kind, body))
        self.heard.set()
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until so much was heard."""
        while not condition():
            self.heard.clear()
            await self.heard.wait()

    def fates(self) -> list[tuple[type[object], bytes]]:
        """What the account says of each batch."""
        return [
            (type(entry), entry.batch_digest) for entry in self.entries if isinstance(entry, (Admitted, RefusedBatch))
        ]


def codes(sender: Sender) -> list[int]:
    """The codes of answers that have one."""
    coded = (body for kind, body in sender.answers if kind is not PublishMessage.STORED)
    return [Reader(body[48:], "answer").u16("code") for body in coded]


def refusal_of(error: BaseException) -> str:
    """The code of one of ours inside task groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, GatewayError)
    return error.code


async def refused(sender: Sender, *items: bytes, peer: Peer | None = None) -> str:
    """The code that ends a call."""
    with pytest.raises((GatewayError, BaseExceptionGroup)) as caught:
        await sender.send(*items, peer=peer)
    return refusal_of(caught.value)


def test_every_batch_is_stored_and_then_in_the_account_under_a_tick() -> None:
    """A source that closes its side still hears what became of everything."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            batches = [origin.batch() for _ in range(MAX_UNANSWERED + 4)]

            await sender.send(*sender.parcel(*batches))

            digests = [batch.signed.digest for batch in batches]
            assert sender.answers == [(PublishMessage.STORED, digest) for digest in digests]
            assert sender.fates() == [(Admitted, digest) for digest in digests]
            account = house.running.book.accounts[source_account(SOURCE)].tree
            assert (sender.ledger.held.size, sender.ledger.held.root()) == (account.size, account.root(account.size))

    asyncio.run(scenario())


def test_nothing_is_answered_before_its_commit() -> None:
    """Stored means durable."""

    async def scenario() -> None:
        async with a_house(ticking=False, committing=False) as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            call = asyncio.create_task(sender.send(*sender.parcel(origin.batch())))
            await turns(200)
            before = list(sender.answers)

            house.commit()
            house.tick()
            await call

            assert before == []
            assert len(sender.answers) == 1

    asyncio.run(scenario())


def test_a_batch_sent_again_keeps_its_first_answer_also_after_a_restart() -> None:
    """A source that heard nothing may resend for ever, and is entered once."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            good, bad = origin.batch(), origin.batch(mode=DataMode.TEST)
            await sender.send(*sender.parcel(good, bad))
            await house.restart()

            await sender.send(*sender.parcel(good, bad, good))

            kinds = [kind for kind, _ in sender.answers]
            assert kinds == [PublishMessage.STORED, PublishMessage.REFUSED] * 2 + [PublishMessage.STORED]
            assert codes(sender) == [RefusalCode.SCOPE] * 2
            assert len(sender.fates()) == 2

    asyncio.run(scenario())


def test_a_refused_batch_consumes_its_number_and_the_next_one_follows_it() -> None:
    """Otherwise one bad batch would stop a lane for ever."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            bad, good = origin.batch(mode=DataMode.TEST), origin.batch()

            await sender.send(*sender.parcel(bad, good))

            assert [kind for kind, _ in sender.answers] == [PublishMessage.REFUSED, PublishMessage.STORED]
            assert sender.fates() == [(RefusedBatch, bad.signed.digest), (Admitted, good.signed.digest)]
            assert house.running.lanes.admitted == 1

    asyncio.run(scenario())


def test_a_batch_ahead_of_its_lane_waits_and_consumes_nothing() -> None:
    """The one before it may still come."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            first, second = origin.batch(), origin.batch()

            await sender.send(*sender.parcel(second, first, second))

            assert [kind for kind, _ in sender.answers] == [
                PublishMessage.WAITING,
                PublishMessage.STORED,
                PublishMessage.STORED,
            ]
            assert codes(sender) == [RefusalCode.NUMBER_AHEAD]

    asyncio.run(scenario())


def test_a_broken_chain_is_refused() -> None:
    """A lane says itself what came before each batch."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            broken = origin.batch(lane=replace(origin.lane, prev=b"p" * 48))

            await sender.send(*sender.parcel(broken))

            assert codes(sender) == [RefusalCode.CHAIN]

    asyncio.run(scenario())


def test_two_batches_with_one_number_hold_the_source_also_after_a_restart() -> None:
    """Both are kept as evidence, the second changes neither the next number nor what follows; then nothing is taken."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            first_lane = origin.lane
            good, other, third = origin.batch(), origin.batch(lane=first_lane), origin.batch(lane=first_lane)
            following = origin.batch()
            await sender.send(*sender.parcel(good, other, following, third, good, other))
            await house.restart()

            await sender.send(*sender.parcel(following, good, other))

            assert [kind for kind, _ in sender.answers] == [
                PublishMessage.STORED,
                PublishMessage.REFUSED,
                PublishMessage.WAITING,
                PublishMessage.WAITING,
                PublishMessage.STORED,
                PublishMessage.REFUSED,
                PublishMessage.WAITING,
                PublishMessage.STORED,
                PublishMessage.REFUSED,
            ]
            assert set(codes(sender)) == {RefusalCode.FORK, RefusalCode.SOURCE_HELD}
            assert sender.fates() == [(Admitted, good.signed.digest), (RefusedBatch, other.signed.digest)]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "peer", [partner_peer(), operator_peer(), source_peer("src-91c2")], ids=lambda peer: peer.party_id
)
def test_a_parcel_over_the_connection_of_another_is_refused(peer: Peer) -> None:
    """Who sends is said by the certificate; what is inside must agree."""

    async def scenario() -> str:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            sender.ledger = LedgerReader(house.control().genesis, source_account(peer.party_id))
            return await refused(sender, *sender.parcel(origin.batch()), peer=peer)

    assert asyncio.run(scenario()) == "denied"


def test_a_batch_of_another_source_in_ones_own_parcel_is_refused() -> None:
    """A parcel is not sealed by its source, so its name proves nothing of what is in it."""

    async def scenario() -> str:
        async with a_house() as house:
            other, sender = Origin(house.control().genesis, "src-91c2"), Sender(house)
            return await refused(sender, *sender.parcel(other.batch()))

    assert asyncio.run(scenario()) == "denied"


def test_a_parcel_or_batch_for_another_genesis_is_refused() -> None:
    """The same keys may serve two gateways by mistake; their records must not mix."""

    async def scenario() -> list[str]:
        async with a_house() as house:
            origin, sender = Origin(b"g" * 48), Sender(house)
            return [
                await refused(sender, *sender.parcel(origin.batch(), genesis=b"g" * 48)),
                await refused(Sender(house), *sender.parcel(origin.batch())),
            ]

    assert asyncio.run(scenario()) == ["denied", "batch-genesis"]


def _flipped(batch: UnverifiedBatch) -> UnverifiedBatch:
    signature = batch.signed.signature
    return replace(batch, signed=replace(batch.signed, signature=signature[:-1] + bytes([signature[-1] ^ 1])))


def test_what_does_not_verify_ends_the_connection_and_consumes_nothing() -> None:
    """It is nobody's batch."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            batch = origin.batch()
            other_records = replace(batch, records=(a_record(77),))

            assert await refused(sender, *sender.parcel(_flipped(batch))) == "batch-signature"
            assert await refused(Sender(house), *sender.parcel(other_records)) == "batch-root"
            assert await refused(Sender(house), *sender.parcel(batch)[1:]) == "malformed"
            await Sender(house).send(*sender.parcel(batch))

            assert house.running.lanes.admitted == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"dir_no": 2}, "directory-due"),
        ({"account_size": 1}, "hello-ahead"),
        ({"next_tick": 1 << 40}, "hello-ahead"),
    ],
    ids=str,
)
def test_a_source_that_has_seen_more_than_there_is_is_refused(changed: dict[str, int], code: str) -> None:
    """The gateway was set back, or somebody invents; both need a person."""

    async def scenario() -> str:
        async with a_house() as house:
            sender = Sender(house)
            begin = sender.begin(incarnation=house.running.book.incarnation, **changed)
            with pytest.raises(Refused) as caught:
                await publish(house.running, source_peer(), messages(begin), sender.write)
            return caught.value.code

    assert asyncio.run(scenario()) == code


def test_a_call_begins_with_begin() -> None:
    """Nothing is guessed from what comes instead."""

    async def scenario() -> None:
        async with a_house() as house:
            sender = Sender(house)
            for first in ([], [b"\x03"], [sender.begin() + b"\x00"], [b""]):
                with pytest.raises(Refused) as caught:
                    await publish(house.running, source_peer(), messages(*first), sender.write)
                assert caught.value.code == "malformed"

    asyncio.run(scenario())


@pytest.mark.parametrize("state", ["suspended", "certificate", "directory", "stopping"])
def test_a_call_is_refused_while_the_source_may_not_send(state: str) -> None:
    """Asked anew at every call; an open connection proves nothing."""
    expected = {
        "suspended": "denied",
        "certificate": "certificate-expired",
        "directory": "directory-due",
        "stopping": "stopping",
    }

    async def scenario() -> str:
        async with a_house() as house:
            peer = source_peer()
            if state == "suspended":
                await house.suspend(f"source/{SOURCE}")
            elif state == "certificate":
                peer = source_peer(until_ms=house.now_ms)
            elif state == "directory":
                house.clock.advance(7 * DAY)
            else:
                house.running.stopping.set()
            return await refused(Sender(house), peer=peer)

    assert asyncio.run(scenario()) == expected[state]


@pytest.mark.parametrize("state", ["suspended", "certificate", "stopping"])
def test_an_open_call_ends_when_the_source_may_not_send_any_more(state: str) -> None:
    """From the next tick on nothing is taken, and nothing is shown."""

    async def scenario() -> str:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            peer = source_peer(until_ms=house.now_ms + 60_000)
            requests = sender.held_open(*sender.parcel(origin.batch()))
            call = asyncio.create_task(publish(house.running, peer, requests, sender.write))
            await sender.until(lambda: len(sender.answers) == 1)
            if state == "suspended":
                await house.suspend(f"source/{SOURCE}")
            elif state == "certificate":
                house.clock.advance(60_000)
                house.ticker.ask()
            else:
                house.running.stopping.set()
                house.ticker.wake_all()
            with pytest.raises(BaseExceptionGroup) as caught:
                await call
            return refusal_of(caught.value)

    expected = {"suspended": "denied", "certificate": "certificate-expired", "stopping": "stopping"}
    assert asyncio.run(scenario()) == expected[state]


def test_a_source_suspended_between_inspection_and_commit_is_not_taken_from() -> None:
    """What the commit stands on is CONTROL as it is then."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            judged = house.judged(origin.batch())
            await house.suspend(f"source/{SOURCE}")

            with pytest.raises(Refused) as caught:
                await house.running.sequencer.submit(AdmitJob(house.running, judged))

            assert caught.value.code == "denied"
            assert house.running.lanes.admitted == 0

    asyncio.run(scenario())


def test_a_batch_inspected_under_an_older_guide_is_inspected_again() -> None:
    """A floor that was raised holds for everything stored after it."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            judged = house.judged(origin.batch())
            text = GUIDE.replace(b'"UAS-2026-2"', b'"UAS-2026-3"')
            text = text.replace(b'observation     = "T//REL GBR,USA"', b'observation     = "T"')
            await house.apply(StatementKind.GUIDE, text)
            job = AdmitJob(house.running, judged)

            await house.running.sequencer.submit(job)

            answer = Reader(job.answer, "answer")
            assert answer.u8("type") == PublishMessage.REFUSED
            answer.take(48, "H(B)")
            assert answer.u16("code") == RefusalCode.LABEL_BELOW_GUIDE

    asyncio.run(scenario())


def test_a_source_whose_endorsed_scope_is_empty_may_send_nothing() -> None:
    """The directory narrows what the admission gave, and readers go by the directory."""

    async def scenario() -> list[int]:
        async with a_house() as house:
            control = house.running.control
            assert control.directory is not None
            endorsed = {
                key: replace(one, endorsement=replace(one.endorsement, scope="")) if key[0] is Role.SOURCE else one
                for key, one in control.directory.endorsed.items()
            }
            house.running.control = replace(control, directory=replace(control.directory, endorsed=endorsed))
            sender = Sender(house)
            await sender.send(*sender.parcel(Origin(control.genesis).batch()))
            return codes(sender)

    assert asyncio.run(scenario()) == [RefusalCode.SCOPE]


def test_a_source_is_not_read_from_while_its_batches_wait_for_the_disk() -> None:
    """So many batches of a connection are in hand, and no more is taken off the wire."""

    async def scenario() -> None:
        disk = GatedJournals()
        async with a_house(ticking=False, journals=disk) as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            batches = [origin.batch() for _ in range(MAX_UNANSWERED + 8)]
            taken: list[bytes] = []

            async def counted() -> AsyncIterator[bytes]:
                for item in (sender.begin(), *sender.parcel(*batches)):
                    if taken:
                        disk.gate.clear()
                    taken.append(item)
                    yield item
                    await turns(1)

            call = asyncio.create_task(publish(house.running, source_peer(), counted(), sender.write))
            await turns(500)
            in_hand = len(taken) - len((UpMessage.BEGIN, UpMessage.PARCEL))
            disk.gate.set()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

            assert MAX_UNANSWERED <= in_hand <= MAX_UNANSWERED + 1

    asyncio.run(scenario())


def test_a_source_that_starts_anew_is_shown_its_whole_account() -> None:
    """A lost outbox is no reason to lose the proof; and it comes in messages of a bounded size."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, first = Origin(house.control().genesis), Sender(house)
            batches = [origin.batch() for _ in range(5)]
            await first.send(*first.parcel(*batches))
            follower = house.follower()
            follower.open()
            await follower.received(5)

            again = Sender(house)
            await again.send()

            assert [digest for _, digest in again.fates()] == [batch.signed.digest for batch in batches]
            assert len(again.entries) == 10

    asyncio.run(scenario())


def test_a_broken_link_takes_back_nothing_that_was_handed_over() -> None:
    """The caller is gone, its batch is stored; it will hear so when it asks again."""

    async def scenario() -> None:
        async with a_house(ticking=False, committing=False) as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            house.commit()
            requests = sender.held_open(*sender.parcel(origin.batch()))
            call = asyncio.create_task(publish(house.running, source_peer(), requests, sender.write))
            await turns(30)
            call.cancel()

            with pytest.raises(asyncio.CancelledError):
                await call
            house.tick()
            await turns(50)

            assert house.running.lanes.admitted == 1

    asyncio.run(scenario())


def test_the_encoded_waiting_answer_names_batch_and_code() -> None:
    """As SPEC.md section 3 says, byte for byte."""

    async def scenario() -> bytes:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            origin.batch()
            batch = origin.batch()
            answer = await house.admit(batch)
            assert answer[1:49] == batch.signed.digest
            return answer

    answer = asyncio.run(scenario())
    assert answer[:1] + answer[49:] == u8(PublishMessage.WAITING) + u16(RefusalCode.NUMBER_AHEAD)
