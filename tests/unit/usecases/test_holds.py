"""Laws of holds: what is held goes out to nobody from that position on, and in a lockdown nothing moves at all."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.errors import Refused
from gateway.core.suite.numbers import EndReason, StatementKind, StreamMessage
from gateway.usecases.admit import AdmitJob
from gateway.usecases.publish import publish
from tests.unit.usecases.follower import records_of
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.town import Origin, source_peer, terms, turns


async def hold(house: House, target: str) -> int:
    """One operator holds something; how many streams that ended."""
    body = f'target = "{target}"\nreason = "a test"\n'.encode()
    return await house.apply(StatementKind.HOLD, body, by=("officer-2",))


async def lock(house: House) -> int:
    """One operator stops everything."""
    body = b'target = "gateway"\nreason = "a test"\n'
    return await house.apply(StatementKind.LOCKDOWN, body, by=("officer-2",))


@pytest.mark.must("2.7.10", "9.5.4")
def test_a_held_record_is_passed_by() -> None:
    """The rest of its batch goes; a LIFT gives it to whoever begins anew."""

    async def scenario() -> None:
        async with a_house() as house:
            batch, other = (origin := Origin(house.control().genesis)).batch(3), origin.batch()
            await house.admit(batch)
            await house.admit(other)
            record, whole = f"record/{batch.signed.digest.hex()}.1", f"batch/{other.signed.digest.hex()}"
            await hold(house, record)
            await hold(house, whole)
            follower = house.follower()
            follower.open()

            first, second, third = records_of(batch)
            assert await follower.caught_up() == [first, third]
            await house.lift(record)
            await house.lift(whole)
            assert follower.ended is EndReason.CHANGED
            fresh = house.follower(name="again")
            fresh.open()
            assert await fresh.caught_up() == [first, second, third, *records_of(other)]

    asyncio.run(scenario())


@pytest.mark.must("2.7.10")
def test_what_was_decided_before_a_hold_is_not_written_after_it() -> None:
    """Effective means that no frame follows."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            follower.gate.clear()
            batch = origin.batch()
            await house.admit(batch)
            await turns(200)
            holding = asyncio.create_task(hold(house, f"batch/{batch.signed.digest.hex()}"))
            await turns(200)

            follower.gate.set()

            assert await holding == 1
            assert follower.kinds.count(StreamMessage.FRAME) == 0

    asyncio.run(scenario())


@pytest.mark.must("2.7.10")
def test_a_held_agreement_gives_nothing_and_others_go_on() -> None:
    """Held it may be lifted; ended it never is."""

    async def scenario() -> None:
        async with a_house(terms(), terms(agreement_id="UA-US-2")) as house:
            held, other = house.follower(), house.follower(agreement_id="UA-US-2")
            held.open()
            other.open()
            await held.caught_up()
            await other.caught_up()

            assert await hold(house, "agreement/UA-US-1") == 1

            assert (held.ended, other.ended) == (EndReason.CHANGED, None)
            assert await held.refusal(held.hello()) == "denied"
            await house.lift("agreement/UA-US-1")
            held.open()
            await held.caught_up()

    asyncio.run(scenario())


@pytest.mark.must("2.7.11")
def test_in_a_lockdown_nothing_goes_out_and_nothing_comes_in() -> None:
    """Every stream ends, every call is denied, over a restart too; operators go on."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            followers = [house.follower(), house.follower("gbr/dstl", "UA-GB-1")]
            for follower in followers:
                follower.open()
                await follower.caught_up()
            judged = house.judged(origin.batch())

            assert await lock(house) == 2
            await house.restart()

            assert {follower.ended for follower in followers} == {EndReason.CHANGED}
            assert {await follower.refusal(follower.hello()) for follower in followers} == {"denied"}
            with pytest.raises(Refused) as caught:
                await house.running.sequencer.submit(AdmitJob(house.running, judged))
            assert caught.value.code == "denied"
            sender = Sender(house)
            with pytest.raises(Refused) as refused:
                await publish(house.running, source_peer(), sender.held_open(), sender.write)
            assert refused.value.code == "denied"
            await house.lift("gateway")
            await house.admit(origin.batch(lane=origin.lane.new()))
            followers[0].open()
            assert len(await followers[0].received(1)) == 1

    asyncio.run(scenario())
