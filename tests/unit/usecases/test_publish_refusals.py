"""Laws of publishing: who may not send is not taken from, whatever it is that does not stand, and since when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.core.errors import Refused
from gateway.core.ledger.entries import source_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.records.states import UnverifiedBatch
from gateway.core.suite.numbers import PublishMessage, RefusalCode, Role, StatementKind, UpMessage
from gateway.core.suite.octets import Reader, u8, u16
from gateway.usecases.admit import AdmitJob
from gateway.usecases.lanes import Refusal
from gateway.usecases.peer import Peer
from gateway.usecases.publish import MAX_UNANSWERED, publish
from tests.unit.control.given import DAY
from tests.unit.control.world import GUIDE
from tests.unit.usecases.house import GatedJournals, a_house
from tests.unit.usecases.sender import Sender, codes, refusal_of, refused
from tests.unit.usecases.town import SOURCE, Origin, a_record, messages, operator_peer, partner_peer, source_peer, turns


@pytest.mark.must("3.6.5")
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


@pytest.mark.must("3.5.2")
def test_a_batch_of_another_source_in_ones_own_parcel_is_refused() -> None:
    """A parcel is not sealed by its source, so its name proves nothing of what is in it."""

    async def scenario() -> str:
        async with a_house() as house:
            other, sender = Origin(house.control().genesis, "src-91c2"), Sender(house)
            return await refused(sender, *sender.parcel(other.batch()))

    assert asyncio.run(scenario()) == "denied"


@pytest.mark.must("3.6.5")
def test_ones_own_batch_in_the_parcel_of_another_is_refused() -> None:
    """A parcel says whose it is; a source that carries somebody else's says something untrue."""

    async def scenario() -> str:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            return await refused(sender, *sender.parcel(origin.batch(), source_id="src-91c2"))

    assert asyncio.run(scenario()) == "denied"


@pytest.mark.must("3.5.1", "3.6.5")
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


@pytest.mark.must("3.5.4", "3.5.5", "3.5.7")
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


@pytest.mark.must("3.7.2")
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


@pytest.mark.must("3.7.1")
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
    """Nothing more is taken, and nothing more is told."""

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
            with pytest.raises((Refused, BaseExceptionGroup)) as caught:
                await call
            return refusal_of(caught.value)

    expected = {"suspended": "denied", "certificate": "certificate-expired", "stopping": "stopping"}
    assert asyncio.run(scenario()) == expected[state]


@pytest.mark.must("3.5.8")
@pytest.mark.must("2.7.2")
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


@pytest.mark.must("3.5.8")
@pytest.mark.must("2.6.4")
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


def test_a_statement_that_inspection_does_not_look_at_leaves_the_judgement() -> None:
    """Inspecting a whole batch holds up the one task that commits; a suspended partner is no reason to."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            # No inspection would say so of this batch: the answer shows that none was made.
            judged = replace(house.judged(origin.batch()), inspected=None, refusal=Refusal(RefusalCode.TEXT))
            await house.suspend("partner/usa/arl")
            await house.issue_directory()
            job = AdmitJob(house.running, judged)

            await house.running.sequencer.submit(job)

            answer = Reader(job.answer, "answer")
            assert answer.u8("type") == PublishMessage.REFUSED
            answer.take(48, "H(B)")
            assert answer.u16("code") == RefusalCode.TEXT

    asyncio.run(scenario())


@pytest.mark.must("3.5.8")
def test_a_batch_inspected_under_another_scope_is_inspected_again() -> None:
    """What the directory in force no longer lets a source send is not taken, however early it came."""

    async def scenario() -> None:
        async with a_house() as house:
            judged = house.judged(Origin(house.control().genesis).batch())
            control = house.running.control
            assert control.directory is not None
            endorsed = {
                key: replace(one, endorsement=replace(one.endorsement, scope="")) if key[0] is Role.SOURCE else one
                for key, one in control.directory.endorsed.items()
            }
            house.running.control = replace(control, directory=replace(control.directory, endorsed=endorsed))
            job = AdmitJob(house.running, judged)

            await house.running.sequencer.submit(job)

            answer = Reader(job.answer, "answer")
            assert answer.u8("type") == PublishMessage.REFUSED
            answer.take(48, "H(B)")
            assert answer.u16("code") == RefusalCode.SCOPE

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


@pytest.mark.must("3.7.4")
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


@pytest.mark.must("3.5.9")
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
