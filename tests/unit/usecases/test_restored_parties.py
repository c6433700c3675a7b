"""Laws of a gateway that was restored: its sources and partners go on, and nothing of theirs is passed over."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from clients.source.batcher import Lane
from gateway.core.errors import Refused
from gateway.core.ledger.entries import Admitted, RefusedBatch
from gateway.core.sealing.cursor import Place
from gateway.core.suite.numbers import PublishMessage, RefusalCode
from gateway.usecases.hello import admit_hello
from gateway.usecases.rebuild import check_batches
from gateway.usecases.receive import receive_receipt
from tests.unit.control.given import octets
from tests.unit.usecases.follower import records_of
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.putting_back import a_day, backed_up, covered, put_back, restored
from tests.unit.usecases.sender import Sender, codes
from tests.unit.usecases.test_receive import receipt
from tests.unit.usecases.town import Origin, partner_peer

# Lanes ---------------------------------------------------------------------------------------------------------------


async def a_restored_house(house: House) -> Origin:
    """The gateway runs again; the source's lane is at number 3, the gateway's at 2."""
    origin, backup = await a_day(house)
    await put_back(house, backup)
    await restored(house)
    house.start()
    return origin


def code_of(answer: bytes) -> int:
    """The code of a `refused` or `waiting`."""
    return int.from_bytes(answer[49:51], "big")


@pytest.mark.must("3.5.10", "3.5.11")
def test_a_lane_goes_on_behind_the_numbers_that_were_lost() -> None:
    """Its source deleted them on the gateway's word; what it still has must not wait for them for ever."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = await a_restored_house(house)
            lost = [origin.batch() for _ in range(2)]
            fourth, _, sixth = origin.batch(), origin.batch(), origin.batch()

            for batch in (fourth, sixth):
                assert (await house.admit(batch))[0] == PublishMessage.STORED
                assert (await house.admit(batch))[0] == PublishMessage.STORED
            late, again = await house.admit(lost[1]), await house.admit(lost[1])
            other = origin.batch(lane=Lane(origin.lane.lane, 4, bytes(48)))
            await house.restart()

            assert (late[0], code_of(late)) == (PublishMessage.REFUSED, RefusalCode.CHAIN)
            assert again == late == await house.admit(lost[1])
            assert (await house.admit(sixth))[0] == PublishMessage.STORED
            assert code_of(await house.admit(other)) == RefusalCode.FORK
            assert house.running.lanes.admitted == 4
            assert check_batches(house.journals, house.control())[0] == 4

    asyncio.run(scenario())


def test_a_lane_of_the_lost_past_is_taken_where_it_stands_and_a_new_one_from_its_beginning() -> None:
    """A store cannot know lanes that were opened after its backup; a lane that is new has lost nothing."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = await a_restored_house(house)
            unknown, new = Lane(b"u" * 16, 2**63, octets("prev", 48)), Lane.new()
            first = origin.batch(lane=unknown)

            assert (await house.admit(first))[0] == PublishMessage.STORED
            behind = origin.batch(lane=replace(unknown.after(first.signed), next_no=2**63 + 5))
            assert (await house.admit(behind))[0] == PublishMessage.STORED
            assert (await house.admit(origin.batch(lane=new)))[0] == PublishMessage.STORED
            ahead = await house.admit(origin.batch(lane=replace(new, next_no=2)))
            assert (ahead[0], code_of(ahead)) == (PublishMessage.WAITING, RefusalCode.NUMBER_AHEAD)
            broken = await house.admit(origin.batch(lane=replace(new, next_no=1)))
            assert code_of(broken) == RefusalCode.CHAIN

    asyncio.run(scenario())


@pytest.mark.must("3.5.13")
def test_a_batch_that_was_kept_is_entered_again_for_a_source_that_asks() -> None:
    """It may never have seen the tick over it, and that account is closed; once, also after another start."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            kept, broken = origin.batch(), origin.batch(lane=Lane(b"b" * 16, 0, b"p" * 48))
            await house.admit(kept)
            await house.admit(broken)
            await covered(house)
            await put_back(house, backed_up(house))
            await restored(house)
            house.start()
            sender = Sender(house)

            await sender.send(*sender.parcel(kept, broken, kept))
            await house.restart()
            await sender.send(*sender.parcel(broken, kept))

            assert [kind for kind, _ in sender.answers] == [PublishMessage(n) for n in (2, 4, 2, 4, 2)]
            assert codes(sender) == [RefusalCode.CHAIN] * 2
            assert sender.fates() == [(Admitted, kept.signed.digest), (RefusedBatch, broken.signed.digest)]
            assert check_batches(house.journals, house.control()) == (1, 1, 0)

    asyncio.run(scenario())


# Parties -------------------------------------------------------------------------------------------------------------


@pytest.mark.must("4.2.12", "4.2.13", "2.12.5")
def test_a_partner_of_the_lost_past_goes_on_behind_what_was_kept() -> None:
    """Its cursor stands behind records that are gone; what came in their places must not be passed over."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, follower = Origin(house.control().genesis), house.follower()
            follower.open()
            first, second, third = (origin.batch() for _ in range(3))
            await house.admit(first)
            await covered(house)
            backup = backed_up(house)
            for batch in (second, third):
                await house.admit(batch)
            assert await follower.received(3) == records_of(first, second, third)
            await follower.drop()
            await put_back(house, backup)
            await restored(house)
            house.start()
            fourth = origin.batch(lane=Lane.new())
            await house.admit(fourth)

            follower.open()
            assert await follower.received(4) == records_of(first, second, third, fourth)

            follower.check_account()
            assert follower.ledger.held.size == 1

    asyncio.run(scenario())


@pytest.mark.must("4.2.13")
def test_a_cursor_of_an_earlier_life_is_honoured_where_its_record_was_kept() -> None:
    """Nothing is sent again that need not be, over any number of restores."""

    async def scenario() -> None:
        async with a_house() as house:
            await a_restored_house(house)
            await put_back(house, backed_up(house))
            await restored(house)
            house.start()
            follower = house.follower()
            follower.open()
            await follower.received(2)
            (subscription,) = house.running.discloser.subscriptions.values()
            first, second = (replace(subscription.binding, incarnation=old) for old in house.running.lanes.ends)
            key = house.running.keys.cursor()

            places = []
            for binding, place in ((first, 1), (first, 9), (second, 2), (second, 9), (subscription.binding, 4)):
                cursor = binding.seal(key, Place(place), bytes(12))
                admitted = admit_hello(house.running, partner_peer(), follower.hello(cursor=cursor))
                places.append(admitted.place.position)
            await follower.drop()

            assert places == [1, 2, 2, 3, 4]

    asyncio.run(scenario())


@pytest.mark.must("6.5.3")
def test_a_receipt_of_an_earlier_life_is_refused_by_name() -> None:
    """Its partner is honest: it must hear why, and follow first."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await a_day(house)
            await follower.received(3)
            await follower.drop()
            signed_then = receipt(house, follower)
            await put_back(house, backed_up(house))
            await restored(house)
            house.start()

            with pytest.raises(Refused) as caught:
                await receive_receipt(house.running, partner_peer(), signed_then.encode())
            assert caught.value.code == "receipt-incarnation"

    asyncio.run(scenario())
