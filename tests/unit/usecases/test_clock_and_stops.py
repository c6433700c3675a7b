"""Laws of clocks and starts: whatever the time is said to be, nothing that was stopped or expired comes back by it.

A clock is set back, or forward; the process starts again, also by a clock that lags behind the last tick. The restore
of a backup has its laws in `test_restore`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import EndReason, StatementKind
from gateway.usecases.publish import publish
from tests.unit.control.given import DAY, HOUR, NOW, digest_of
from tests.unit.control.world import taint_text
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender, refusal_of
from tests.unit.usecases.test_told_time import told
from tests.unit.usecases.town import SOURCE, Origin, partner_peer, source_peer, terms, turns

MINUTE = 60_000
FIRST = ("officer-1",)
Happening = Callable[[House], Awaitable[None]]


def jumped(ms: int) -> Happening:
    """The wall clock alone is set."""

    async def happen(house: House) -> None:
        house.clock.jump_wall(ms)
        house.ticker.wake_all()

    return happen


def restarted(ms: int) -> Happening:
    """The process starts again while the wall clock is so far off."""

    async def happen(house: House) -> None:
        await house.stop()
        house.clock.jump_wall(ms)
        await house.restart()

    return happen


async def believed(house: House) -> None:
    """The clock jumped, and the quorum says that it is right."""
    await jumped(2 * HOUR)(house)
    await told(house, house.now_ms)


CLOCKS: dict[str, Happening] = {
    "set back": jumped(-2 * HOUR),
    "set forward": jumped(2 * HOUR),
    "a start": restarted(0),
    "a start by a clock that lags": restarted(-2 * HOUR),
    "a start by a clock that lags a little": restarted(-30_000),
    "a start by a clock that is ahead": restarted(2 * HOUR),
    "a clock that is believed again": believed,
}
STOPS: dict[str, tuple[StatementKind, bytes]] = {
    "SUSPEND": (StatementKind.SUSPEND, b'target = "partner/usa/arl"\nreason = "a test"\n'),
    "LOCKDOWN": (StatementKind.LOCKDOWN, b'target = "gateway"\nreason = "a test"\n'),
    "HOLD": (StatementKind.HOLD, b'target = "agreement/UA-US-1"\nreason = "a test"\n'),
    "END": (StatementKind.END, b'agreement = "UA-US-1"\nreason = "a test"\n'),
    "TAINT": (StatementKind.TAINT, taint_text(digest_of("usa/arl"))),
    "REVOKE": (StatementKind.REVOKE, f'target = "key/{digest_of("usa/arl")}"\nreason = "a test"\n'.encode()),
}


async def ticked(house: House) -> None:
    """A tick covers what there is: the last word of the ledger on the time."""
    number, wake = house.ticker.number, asyncio.Event()
    house.ticker.listen(wake)
    house.ticker.ask()
    while house.ticker.number <= number:
        wake.clear()
        await wake.wait()
    house.ticker.leave(wake)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("stop", STOPS)
def test_what_was_stopped_stays_stopped_whatever_the_clock_does(stop: str, clock: str) -> None:
    """A stop is a place in a journal and not a moment."""
    kind, body = STOPS[stop]

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            await house.apply(kind, body, by=FIRST)
            await ticked(house)

            await CLOCKS[clock](house)

            follower = house.follower()
            assert await follower.refusal(follower.hello()) != ""
            assert follower.kinds == []

    asyncio.run(scenario())


@pytest.mark.parametrize("clock", [name for name in CLOCKS if name != "a clock that is believed again"])
def test_a_suspended_source_stays_suspended_whatever_the_clock_does(clock: str) -> None:
    """It is not taken from by any hour."""

    async def scenario() -> str:
        async with a_house() as house:
            await house.suspend(f"source/{SOURCE}")
            await ticked(house)
            await CLOCKS[clock](house)
            sender = Sender(house)
            with pytest.raises((GatewayError, BaseExceptionGroup)) as caught:
                await publish(house.running, source_peer(), sender.held_open(), sender.write)
            return refusal_of(caught.value)

    assert asyncio.run(scenario()) == "denied"


LAGGING = ["set back", "a start", "a start by a clock that lags", "a start by a clock that lags a little"]


@pytest.mark.must("4.1.8")
@pytest.mark.parametrize("clock", LAGGING)
@pytest.mark.parametrize("fact", ["certificate", "agreement", "directory"])
def test_what_expired_stays_expired_by_a_clock_that_goes_back(fact: str, clock: str) -> None:
    """The gateway's now is never before its last tick."""
    over_ms = {"certificate": NOW + 2 * HOUR, "agreement": NOW // DAY * DAY + DAY, "directory": NOW + 7 * DAY}[fact]
    agreement = terms(ends="2026-05-28") if fact == "agreement" else terms()

    async def scenario() -> None:
        async with a_house(agreement) as house:
            house.clock.advance(over_ms - house.now_ms + MINUTE)
            await ticked(house)

            await CLOCKS[clock](house)

            follower = house.follower()
            if fact == "certificate":
                follower.peer = partner_peer(until_ms=over_ms)
                with pytest.raises(GatewayError):
                    follower.peer.identity.check_valid(house.running.now_ms())
            else:
                assert await follower.refusal(follower.hello(time_ms=house.running.now_ms())) != ""

    asyncio.run(scenario())


@pytest.mark.must("4.2.11", "9.5.8")
@pytest.mark.parametrize("clock", ["set forward", "set back"])
def test_a_delayed_record_is_not_released_by_a_clock_that_jumps(clock: str) -> None:
    """Nor once the clock is put right and believed again: it waits its hour by the clock that cannot be set."""

    async def scenario() -> None:
        async with a_house(terms(delay_h="1")) as house:
            await house.admit(Origin(house.control().genesis).batch())
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            await CLOCKS[clock](house)
            await follower.until(lambda: follower.ended is EndReason.UNTIMED)
            assert await follower.refusal(follower.hello(time_ms=house.running.now_ms())) == "directory-due"
            house.clock.jump_wall(-2 * HOUR if clock == "set forward" else 2 * HOUR)
            await told(house, house.now_ms)

            follower.open()
            await follower.caught_up()
            assert (follower.records, house.running.discloser.subscriptions != {}) == ([], True)
            await follower.drop()
            house.clock.advance(HOUR)
            follower.open()
            assert len(await follower.received(1)) == 1

    asyncio.run(scenario())


@pytest.mark.must("2.14.3", "4.2.11")
def test_a_start_below_the_last_tick_opens_nothing_until_the_hour_has_come_again() -> None:
    """Not even the quorum can say that what was told in ticks has not been."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            await ticked(house)
            await restarted(-2 * HOUR)(house)
            follower = house.follower()

            assert not house.running.time.is_timed()
            assert await follower.refusal(follower.hello(time_ms=house.running.now_ms())) == "directory-due"
            with pytest.raises(GatewayError, match="clock-behind"):
                await told(house, house.now_ms)
            house.clock.advance(2 * HOUR)
            await turns()
            assert await follower.refusal(follower.hello(time_ms=house.running.now_ms())) == "directory-due"
            await told(house, house.now_ms)

            follower.open()
            assert len(await follower.received(1)) == 1

    asyncio.run(scenario())
