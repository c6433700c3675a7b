"""Laws of roots that go out while connections of them are open: those end before their next word, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.adapters.memory import UnsafeMemoryPending
from gateway.core.errors import Refused
from gateway.core.suite.numbers import EndReason, StreamMessage
from gateway.usecases.accept import accept
from gateway.usecases.govern import Government
from gateway.usecases.peer import Accepted
from gateway.usecases.publish import TakenJob, publish
from tests.unit.control.given import ROOT_OF
from tests.unit.usecases.house import a_house
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.town import Origin, operator_peer, partner_peer, source_peer, turns

OWN, PARTNERS, OTHERS = (ROOT_OF[domain] for domain in ("ua.example", "usa.example", "gbr.example"))
ALL = Accepted(frozenset(ROOT_OF.values()), OWN)


def without(*roots: str) -> Accepted:
    """All roots of the town but these."""
    return replace(ALL, roots=ALL.roots - {*roots})


@pytest.mark.must("12.5.12")
def test_a_stream_ends_before_its_next_frame_when_its_root_goes_out() -> None:
    """What was decided before and not written stays unwritten, and the partner hears what one hears who is revoked."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            follower.gate.clear()
            await house.admit(Origin(house.control().genesis).batch())
            await turns(200)

            with capture_logs() as logs:
                accept(house.running, without(PARTNERS))
            follower.gate.set()
            await turns(200)

            assert (follower.ended, follower.kinds.count(StreamMessage.FRAME)) == (EndReason.CHANGED, 0)
            told = [(one["roots"], one["streams_ended"]) for one in logs if one["event"] == "certificate.roots-left"]
            assert told == [([PARTNERS], 1)]

    asyncio.run(scenario())


@pytest.mark.must("12.5.12")
@pytest.mark.parametrize("roots", [without(OTHERS), ALL, replace(without(OTHERS), own=OTHERS)])
def test_a_stream_of_another_root_goes_on(roots: Accepted) -> None:
    """One nation's authority that goes out is no matter of another nation's; nor is whose root names operators."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            accept(house.running, roots)
            await house.admit(Origin(house.control().genesis).batch())
            await follower.until(lambda: StreamMessage.FRAME in follower.kinds)

            assert follower.ended is None

    asyncio.run(scenario())


@pytest.mark.must("12.5.12")
def test_a_stream_that_is_being_opened_while_its_root_goes_out_carries_nothing() -> None:
    """It was let in a moment before; whoever is registered has a root that counts now."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            follower = house.follower()
            accept(house.running, without(PARTNERS))

            follower.open()
            await follower.until(lambda: follower.ended is not None)

            assert (follower.ended, follower.kinds.count(StreamMessage.FRAME)) == (EndReason.CHANGED, 0)

    asyncio.run(scenario())


@pytest.mark.must("12.5.12")
def test_a_source_is_neither_heard_nor_told_anything_more() -> None:
    """Its open call ends by itself, and what it sent meanwhile is not stored."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            requests = sender.held_open(*sender.parcel(origin.batch()))
            call = asyncio.create_task(publish(house.running, source_peer(), requests, sender.write))
            await sender.until(lambda: len(sender.answers) == 1)
            judged = house.judged(origin.batch())
            admitted, told = house.running.lanes.admitted, len(sender.answers)
            (live,) = house.running.source_calls

            accept(house.running, without(OWN))

            assert live.ending is not None
            with pytest.raises((Refused, BaseExceptionGroup)):
                await call
            with pytest.raises(Refused) as late:
                await house.running.sequencer.submit(TakenJob(house.running, judged, source_peer()))
            assert (house.running.lanes.admitted, len(sender.answers)) == (admitted, told)
            assert late.value.code == "root-unknown"
            assert house.running.source_calls == set()

    asyncio.run(scenario())


@pytest.mark.must("12.5.12")
def test_a_source_of_another_root_goes_on() -> None:
    """Its call is looked at, and nothing is found."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            requests = sender.held_open(*sender.parcel(origin.batch()))
            call = asyncio.create_task(publish(house.running, source_peer(), requests, sender.write))
            await sender.until(lambda: len(sender.answers) == 1)

            accept(house.running, without(PARTNERS, OTHERS))
            await turns(50)

            (live,) = house.running.source_calls
            assert live.ending is None
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    asyncio.run(scenario())


Ask = Callable[[Government], Awaitable[object]]


@pytest.mark.must("12.5.12")
@pytest.mark.parametrize("accepted", [without(OWN), replace(ALL, own=OTHERS)], ids=["gone", "of others only"])
def test_an_operator_of_a_root_that_went_out_is_answered_no_more(accepted: Accepted) -> None:
    """Operators are named by the one root of the gateway's own certificate, and by no other that is accepted."""

    async def scenario() -> None:
        async with a_house() as house:
            government = Government(house.running, UnsafeMemoryPending())
            officer = operator_peer()
            assert government.entries(officer, 0)

            accept(house.running, accepted)

            for ask in (lambda: government.entries(officer, 0), lambda: government.changes(officer)):
                with pytest.raises(Refused) as caught:
                    ask()
                assert caught.value.code == "root-unknown"
            with pytest.raises(Refused):
                await government.reject(officer, "c-1", "a test")

    asyncio.run(scenario())


def test_a_gateway_that_was_told_of_no_root_takes_nobody() -> None:
    """Unknown means no: who forgets to say what is accepted must not have said everything."""
    for peer in (partner_peer(), source_peer(), operator_peer()):
        assert not Accepted().takes(peer)
        assert ALL.takes(peer)


def test_a_root_that_comes_back_does_not_bring_its_streams_back() -> None:
    """The stream is over; the partner opens the next."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            accept(house.running, without(PARTNERS))
            accept(house.running, ALL)
            await follower.until(lambda: follower.ended is not None)
            again = house.follower(name="again")
            again.open()
            await again.caught_up()

            assert (follower.ended, again.ended) == (EndReason.CHANGED, None)

    asyncio.run(scenario())
