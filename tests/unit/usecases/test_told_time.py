"""Laws of a clock that is believed again: by the quorum's word, from then on, and never back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.core.errors import Refused
from gateway.core.suite.numbers import EndReason, StatementKind
from gateway.usecases.trusted_time import TrustedTime
from tests.fakes import FakeClock
from tests.unit.control.given import HOUR
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.test_govern import refused
from tests.unit.usecases.town import Origin

BOTH = ("officer-1", "officer-2")
MINUTE = 60_000


def around(now_ms: int) -> bytes:
    """A TIME whose span has this moment in its middle."""
    stamps = [
        datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for ms in (now_ms - 30 * MINUTE, now_ms + 30 * MINUTE)
    ]
    return f'from = {stamps[0]}\nuntil = {stamps[1]}\nreason = "compared"\n'.encode()


async def told(house: House, now_ms: int) -> None:
    """The quorum says that it is about this time."""
    await house.apply(StatementKind.TIME, around(now_ms))


@pytest.mark.must("2.14.2", "2.14.3")
def test_a_gateway_goes_on_when_the_quorum_has_said_what_time_it_is() -> None:
    """A clock that lagged was set right: every stream ended, and opens again after the TIME, until the next jump."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            follower = house.follower()
            follower.open()
            assert len(await follower.received(1)) == 1
            house.clock.jump_wall(2 * HOUR)
            house.ticker.wake_all()
            await follower.until(lambda: follower.ended is EndReason.UNTIMED)
            assert await follower.refusal(follower.hello()) != ""

            await told(house, house.now_ms)

            assert house.running.time.is_timed()
            assert house.running.now_ms() == house.now_ms
            follower.open()
            await follower.caught_up()
            house.clock.jump_wall(-2 * HOUR)
            assert not house.running.time.is_timed()

    asyncio.run(scenario())


@pytest.mark.must("2.14.3")
def test_a_time_is_refused_while_nobody_doubts_the_clock() -> None:
    """A signed TIME that lies about must not be of use later, when somebody has set the clock."""

    async def scenario() -> None:
        async with a_house() as house:
            entry = house.entry(StatementKind.TIME, around(house.now_ms), by=BOTH)

            assert await refused(house, entry) == "nothing-to-change"

    asyncio.run(scenario())


@pytest.mark.must("2.14.2")
def test_a_wall_clock_that_shows_another_time_than_the_quorum_says_is_not_believed() -> None:
    """Whoever set it a year ahead gets no stream by a TIME of today."""

    async def scenario() -> None:
        async with a_house() as house:
            now_ms = house.now_ms
            house.clock.jump_wall(365 * 24 * HOUR)
            house.world.now = now_ms
            entry = house.world.entry(StatementKind.TIME, around(now_ms), by=BOTH)

            assert await refused(house, entry) in {"time-outside", "statement-expired"}
            assert not house.running.time.is_timed()

    asyncio.run(scenario())


@pytest.mark.must("2.14.3")
def test_what_was_told_in_ticks_is_not_taken_back() -> None:
    """A clock behind the ledger is waited for; a minute is what clocks may differ."""
    clock = FakeClock()
    time = TrustedTime(clock, 0)
    clock.advance(HOUR)
    last = time.now_ms()
    clock.jump_wall(-HOUR)

    with pytest.raises(Refused) as caught:
        time.check_doubted(time.reading()[0])
    assert caught.value.code == "clock-behind"
    clock.advance(MINUTE)
    clock.jump_wall(HOUR - MINUTE)
    time.check_doubted(time.reading()[0])
    time.confirm(time.reading())

    assert time.is_timed()
    assert time.now_ms() >= last


def test_a_clock_that_jumps_while_it_is_being_believed_is_not() -> None:
    """What the quorum's word was held against is the reading of that moment."""
    clock = FakeClock()
    time = TrustedTime(clock, 0)
    clock.jump_wall(2 * HOUR)
    assert not time.is_timed()
    reading = time.reading()

    clock.jump_wall(HOUR)
    time.confirm(reading)

    assert not time.is_timed()
