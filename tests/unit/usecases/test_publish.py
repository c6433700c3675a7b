"""Laws of publishing: answers after the commit, an account that adds up, nothing from whom may not send."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from clients.source.batcher import Lane
from gateway.core.ledger.entries import Admitted, RefusedBatch, source_account
from gateway.core.suite.numbers import DataMode, PublishMessage, RefusalCode
from gateway.usecases.publish import MAX_UNANSWERED
from tests.unit.usecases.house import a_house
from tests.unit.usecases.sender import Sender, codes
from tests.unit.usecases.town import SOURCE, Origin, raised, turns


@pytest.mark.must("3.5.9", "3.7.4")
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


@pytest.mark.must("3.7.5")
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


@pytest.mark.must("3.5.9")
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


@pytest.mark.must("3.5.9")
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


@pytest.mark.must("3.5.9")
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


@pytest.mark.must("3.5.9")
def test_a_broken_chain_is_refused() -> None:
    """A lane says itself what came before each batch."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            broken = origin.batch(lane=replace(origin.lane, prev=b"p" * 48))

            await sender.send(*sender.parcel(broken))

            assert codes(sender) == [RefusalCode.CHAIN]

    asyncio.run(scenario())


@pytest.mark.must("3.5.9")
@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_a_lane_keeps_the_about_label_of_its_first_admitted_batch(restarted: bool) -> None:
    """A lane's numbers are facts at its label: what is higher has a lane of its own, and is not counted in this one."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            await sender.send(*sender.parcel(origin.batch()))
            if restarted:
                await house.restart()
            higher, after, beside = (
                origin.batch([raised(1)]),
                origin.batch(),
                origin.batch([raised(2)], lane=Lane.new()),
            )

            await sender.send(*sender.parcel(higher, after, beside))

            assert codes(sender) == [RefusalCode.ABOUT_LABELS_DIFFER]
            assert [fate for fate, _ in sender.fates()] == [Admitted, RefusedBatch, Admitted, Admitted]
            assert sender.fates()[1] == (RefusedBatch, higher.signed.digest)

    asyncio.run(scenario())


def test_a_refused_batch_gives_its_lane_no_label() -> None:
    """Nothing is known of what was refused, so nothing later is held against it."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            bad, first, other = origin.batch(mode=DataMode.TEST), origin.batch([raised(1)]), origin.batch()

            await sender.send(*sender.parcel(bad, first, other))

            assert codes(sender) == [RefusalCode.SCOPE, RefusalCode.ABOUT_LABELS_DIFFER]
            assert [fate for fate, _ in sender.fates()] == [RefusedBatch, Admitted, RefusedBatch]

    asyncio.run(scenario())


@pytest.mark.must("3.5.9")
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
