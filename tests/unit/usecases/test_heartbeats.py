"""Laws of silence: whoever is connected hears of the ledger at least every ten seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import pairwise
from typing import Any

import pytest

from gateway.core.suite.numbers import TICK_EVERY_MS, PublishMessage, StreamMessage
from gateway.usecases.publish import publish
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.town import source_peer
from tests.warped_time import run_warped

ROUNDS = 3


class AtOnce(Executor):
    """Signs where it is asked to: a loop whose time is warped waits for no thread."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result, at once."""
        done: Future[Any] = Future()
        done.set_result(work(*args, **kwargs))
        return done


class Timed(Follower):
    """A partner that notes when ticks come."""

    def __init__(self, house: House) -> None:
        self.times: list[float] = []
        super().__init__(house, "usa/arl", "UA-US-1", "default")

    async def _write(self, message: bytes) -> None:
        if message[0] == StreamMessage.TICK:
            self.times.append(asyncio.get_running_loop().time())
        await super()._write(message)


class TimedSender(Sender):
    """A source that notes when ticks come."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.times: list[float] = []

    async def write(self, message: bytes) -> None:
        """What comes down."""
        if message[0] == PublishMessage.TICK:
            self.times.append(asyncio.get_running_loop().time())
        await super().write(message)


def longest_silence(times: list[float]) -> float:
    """Milliseconds between ticks, the most."""
    return max(later - earlier for earlier, later in pairwise(times)) * 1000


@pytest.mark.must("4.1.4")
def test_an_idle_stream_is_shown_a_tick_every_ten_seconds() -> None:
    """A partner takes thirty seconds of silence for a failure, and one lost message must not be that."""

    async def scenario() -> list[float]:
        async with a_house(pool=AtOnce()) as house:
            partner = Timed(house)
            partner.open()
            await partner.until(lambda: len(partner.times) == ROUNDS)
            return partner.times

    assert 0 < longest_silence(run_warped(scenario())) <= TICK_EVERY_MS


@pytest.mark.must("4.1.4")
def test_an_idle_source_is_shown_a_tick_every_ten_seconds() -> None:
    """The same for whoever waits to be acknowledged."""

    async def scenario() -> list[float]:
        async with a_house(pool=AtOnce()) as house:
            source = TimedSender(house)
            call = asyncio.create_task(publish(house.running, source_peer(), source.held_open(), source.write))
            await source.until(lambda: len(source.times) == ROUNDS)
            source.open_side.set()
            await call
            return source.times[:ROUNDS]

    assert 0 < longest_silence(run_warped(scenario())) <= TICK_EVERY_MS
