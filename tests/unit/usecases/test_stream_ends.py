"""Laws of a stream in time: when it ends and why, what waits for its hour, and what waits for the next month."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.errors import Refused
from gateway.core.suite.numbers import EndReason, StreamMessage
from tests.unit.control.given import DAY, HOUR, NOW
from tests.unit.usecases.follower import records_of
from tests.unit.usecases.house import a_house
from tests.unit.usecases.town import Origin, partner_peer, terms, turns

MINUTE = 60_000


ENDS: list[tuple[EndReason, dict[str, str], int, int]] = [
    (EndReason.LIFETIME, {}, 400 * DAY, 15 * MINUTE),
    (EndReason.CERTIFICATE_EXPIRED, {}, 6 * MINUTE, 6 * MINUTE),
    # The clock starts 27 minutes past nine in the evening; the agreement's last day ends at midnight.
    (EndReason.AGREEMENT_ENDED, {"ends": "2026-05-28"}, 400 * DAY, 10 * MINUTE),
    (EndReason.DIRECTORY_EXPIRED, {}, 400 * DAY, 10 * MINUTE),
]


@pytest.mark.must("4.1.8", "5.4.3")
@pytest.mark.parametrize(("reason", "changed", "until_ms", "passes"), ENDS, ids=[end[0].name for end in ENDS])
def test_a_stream_ends_when_time_alone_takes_its_right(
    reason: EndReason, changed: dict[str, str], until_ms: int, passes: int
) -> None:
    """Nothing is written after it, also not what was decided and entered before."""

    async def scenario() -> None:
        async with a_house(terms(**changed)) as house:
            if reason is EndReason.AGREEMENT_ENDED:
                midnight = NOW // DAY * DAY + DAY
                house.clock.advance(midnight - house.now_ms - passes)
            if reason is EndReason.DIRECTORY_EXPIRED:
                house.clock.advance(NOW + 7 * DAY - house.now_ms - passes)
            follower = house.follower()
            follower.peer = partner_peer(until_ms=house.now_ms + until_ms)
            follower.open()
            await follower.caught_up()
            follower.gate.clear()
            await house.admit(Origin(house.control().genesis).batch())
            await turns(200)
            house.clock.advance(passes)

            follower.gate.set()
            house.ticker.ask()

            await follower.until(lambda: follower.ended is reason)
            assert follower.records == []

    asyncio.run(scenario())


@pytest.mark.must("4.2.11")
def test_a_stream_ends_when_the_clock_is_not_trusted_and_none_opens() -> None:
    """Dates mean nothing then; publishing goes on, because storing needs no date."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            house.clock.jump_wall(2 * HOUR)

            answer = await house.admit(Origin(house.control().genesis).batch())

            await follower.until(lambda: follower.ended is EndReason.UNTIMED)
            assert answer[0] == 2
            assert follower.records == []
            house.clock.jump_wall(-2 * HOUR)
            assert await follower.refusal(follower.hello()) == "directory-due"

    asyncio.run(scenario())


@pytest.mark.must("9.5.8", "9.5.10")
def test_a_delayed_record_waits_its_time_also_when_the_stream_stood_at_the_end() -> None:
    """A stream that has shown everything due must not go live: the next record would leave at once."""

    async def scenario() -> None:
        async with a_house(terms(delay_h="1")) as house:
            origin = Origin(house.control().genesis)
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            batch = origin.batch()
            await house.admit(batch)
            entered_at_once = house.running.book.accounts[follower.account_id].tree.size
            await follower.drop()
            house.clock.advance(60 * MINUTE)

            follower.open()

            assert await follower.received(1) == records_of(batch)
            assert entered_at_once == 0

    asyncio.run(scenario())


def test_a_delayed_stream_that_released_everything_due_still_makes_the_next_record_wait() -> None:
    """Also a stream that has just shown the last record there was."""

    async def scenario() -> None:
        async with a_house(terms(delay_h="1")) as house:
            origin = Origin(house.control().genesis)
            first, second = origin.batch(), origin.batch()
            await house.admit(first)
            house.clock.advance(60 * MINUTE)
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            await house.admit(second)

            assert follower.records == records_of(first)
            assert house.running.book.accounts[follower.account_id].tree.size == 1

    asyncio.run(scenario())


def test_a_stream_goes_on_in_the_middle_of_a_batch_when_the_month_turns() -> None:
    """The same stream, without opening again: not a record is left out, and none comes twice."""

    async def scenario() -> None:
        async with a_house(terms(quota="{ records_per_month = 3 }")) as house:
            june = 1_780_272_000_000
            house.clock.advance(june - 5 * MINUTE - house.now_ms)
            batch = Origin(house.control().genesis).batch(5)
            await house.admit(batch)
            follower = house.follower()
            follower.open()
            await follower.until(lambda: EndReason.QUOTA in follower.notices)
            house.clock.advance(6 * MINUTE)

            house.ticker.ask()

            assert await follower.received(5) == records_of(batch)
            follower.check_account()

    asyncio.run(scenario())


@pytest.mark.must("9.5.9", "9.5.10")
def test_a_quota_is_used_to_the_last_record_and_the_rest_waits_for_the_next_month() -> None:
    """A batch larger than what is left is shown in part: held back whole it might never go."""

    async def scenario() -> None:
        async with a_house(terms(quota="{ records_per_month = 3 }")) as house:
            batch = Origin(house.control().genesis).batch(5)
            await house.admit(batch)
            follower = house.follower()
            follower.open()
            await follower.until(lambda: EndReason.QUOTA in follower.notices)
            assert follower.records == records_of(batch)[:3]
            await follower.drop()
            house.clock.advance(4 * DAY)

            follower.open()

            assert await follower.received(5) == records_of(batch)
            follower.check_account()

    asyncio.run(scenario())


@pytest.mark.must("9.5.9")
def test_streams_of_one_agreement_share_its_quota() -> None:
    """Live and from the journal, whoever asks: together no more than agreed."""

    async def scenario() -> None:
        async with a_house(terms(quota="{ records_per_month = 5 }")) as house:
            origin = Origin(house.control().genesis)
            followers = [house.follower(name=name) for name in ("a", "b", "c")]
            followers[0].open()
            await followers[0].caught_up()
            for _ in range(3):
                await house.admit(origin.batch())
            await followers[0].received(3)
            for follower in followers[1:]:
                follower.open()

            for follower in followers[1:]:
                await follower.caught_up()
            await house.admit(origin.batch())
            await followers[0].until(lambda: EndReason.QUOTA in followers[0].notices)

            assert sum(len(follower.records) for follower in followers) == 5

    asyncio.run(scenario())


def test_what_was_released_before_a_restart_counts() -> None:
    """A quota is of the agreement's month, not of the process."""

    async def scenario() -> None:
        async with a_house(terms(quota="{ records_per_month = 2 }")) as house:
            origin = Origin(house.control().genesis)
            for _ in range(3):
                await house.admit(origin.batch())
            follower = house.follower()
            follower.open()
            await follower.until(lambda: EndReason.QUOTA in follower.notices)
            await follower.drop()
            await house.restart()

            follower.open()
            await follower.until(lambda: bool(follower.notices))

            assert follower.notices == [EndReason.QUOTA]
            assert len(follower.records) == 2

    asyncio.run(scenario())


@pytest.mark.must("4.1.10")
def test_a_partner_that_does_not_read_is_cut() -> None:
    """An operator who suspends a party must not wait for its goodwill."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            follower.gate.clear()
            await house.admit(Origin(house.control().genesis).batch())
            await turns(300)

            assert await house.suspend("partner/usa/arl") == 1

            assert follower.task is not None
            with pytest.raises(Refused) as caught:
                await follower.task
            assert caught.value.code == "stream-cut"
            assert not house.running.discloser.subscriptions

    asyncio.run(scenario())


def test_on_the_way_down_streams_are_told_and_new_ones_end_at_once() -> None:
    """The partner opens again somewhere else or later, and knows that nothing is wrong."""

    async def scenario() -> None:
        async with a_house() as house:
            follower, late = house.follower(), house.follower(name="late")
            follower.open()
            await follower.caught_up()
            house.running.stopping.set()

            late.open()

            await late.until(lambda: late.ended is EndReason.SHUTDOWN)
            assert late.kinds.count(StreamMessage.TICK) == 1

    asyncio.run(scenario())
