"""Laws of effect on whoever publishes: a source that may not be heard any more is not told anything more either.

One row for each fact a call of Publish stands on. Calls in every state: before it began, with nothing to say, in the
middle of a long account, with a batch that waits for the disk, and of a source that does not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from gateway.core.errors import Refused
from gateway.core.suite.numbers import Role, StatementKind
from gateway.usecases.publish import publish
from tests.unit.control.given import DAY, NOW, digest_of, kem_key
from tests.unit.control.world import UKR_2
from tests.unit.usecases.house import GatedJournals, House, a_house
from tests.unit.usecases.sender import Sender, refusal_of
from tests.unit.usecases.test_effect import (
    LASTING,
    LEFT_MS,
    Happening,
    before,
    endorsed_until,
    stated,
    stopped,
    tainted,
    warped,
)
from tests.unit.usecases.test_heartbeats import AtOnce
from tests.unit.usecases.town import SOURCE, Origin, source_peer, turns


class Hearing(Sender):
    """A source that notes what is written to it while something is in force, and reads only while its gate is open."""

    def __init__(self, house: House, until_ms: int) -> None:
        super().__init__(house)
        self._in = house
        self._until_ms = until_ms
        self.gate = asyncio.Event()
        self.gate.set()
        self.silent = asyncio.Event()
        self.in_force: Callable[[], bool] = lambda: False
        self.written = self.late = 0

    def call(self, requests: AsyncIterator[bytes]) -> asyncio.Task[None]:
        """Publish, in a task of its own."""
        peer = source_peer(until_ms=self._until_ms)
        self.task = asyncio.create_task(publish(self._in.running, peer, requests, self.write))
        return self.task

    async def write(self, message: bytes) -> None:
        """What comes down."""
        self.written += 1
        self.late += self.in_force()
        if not self.gate.is_set():
            self.silent.set()
            await self.gate.wait()
        await super().write(message)

    async def until_silent(self) -> None:
        """Until a message is written that is not read."""
        await self.silent.wait()


class Calls:
    """Calls of one source in every state; see the module. deaf: does not read again."""

    def __init__(self, house: House, until_ms: int) -> None:
        self._house = house
        self.unspoken, self.idle, self.told, self.deaf = self.all = tuple(Hearing(house, until_ms) for _ in range(4))

    async def open(self) -> None:
        """Every one of them in its state."""
        self.origin = Origin(self._house.control().genesis)
        await self._house.admit(self.origin.batch())
        self.unspoken.call(self._nothing())
        for one in (self.idle, self.told, self.deaf):
            one.call(one.held_open())
            await one.until(lambda one=one: bool(one.entries))
        for one in (self.told, self.deaf):
            one.gate.clear()
        await self._house.admit(self.origin.batch())
        for one in (self.told, self.deaf):
            await one.until_silent()

    async def _nothing(self) -> AsyncIterator[bytes]:
        await self.unspoken.open_side.wait()
        yield b""

    def watch(self, in_force: Callable[[], bool]) -> None:
        """From now on what is written while `in_force` says so is counted."""
        for one in self.all:
            one.in_force = in_force

    async def codes(self) -> list[str]:
        """What ended each."""
        ended = await asyncio.gather(*(one.task for one in self.all), return_exceptions=True)
        return [refusal_of(error) if isinstance(error, BaseException) else "" for error in ended]


@dataclass(frozen=True)
class Dated:
    """A fact that has LEFT_MS to go once `prepare` has run, and what ends a call that outlives it."""

    prepare: Callable[[House], None]
    code: str


DATED: dict[str, Dated] = {
    "certificate": Dated(lambda house: None, "certificate-expired"),
    "directory": Dated(before(NOW + 7 * DAY), "directory-due"),
    "gateway-ledger": Dated(endorsed_until(Role.GATEWAY_LEDGER), "directory-due"),
}


@pytest.mark.must("3.7.9")
@pytest.mark.parametrize("fact", DATED)
def test_a_source_is_told_nothing_from_the_moment_a_fact_expires(fact: str) -> None:
    """Also one that does not read loses its call, and with it what waits in it."""
    dated = DATED[fact]

    async def scenario() -> None:
        async with a_house(pool=AtOnce()) as house:
            dated.prepare(house)
            over_ms = house.now_ms + LEFT_MS
            calls = Calls(house, over_ms if fact == "certificate" else NOW + 400 * DAY)
            await calls.open()
            calls.watch(lambda: house.now_ms >= over_ms)
            house.clock.advance(LEFT_MS)
            calls.told.gate.set()

            assert await calls.codes() == [dated.code] * 4

            assert [one.late for one in calls.all] == [0] * 4
            assert not house.running.source_calls

    warped(scenario())


ENDING: dict[str, tuple[Happening, str]] = {
    "SUSPEND source": (stopped(StatementKind.SUSPEND, f"source/{SOURCE}"), "denied"),
    "LOCKDOWN": (stopped(StatementKind.LOCKDOWN, "gateway"), "denied"),
    "TAINT gateway-ledger": (tainted(digest_of("ledger")), "directory-due"),
    "REVOKE gateway-ledger": (stopped(StatementKind.REVOKE, f"key/{digest_of('ledger')}"), "directory-due"),
    "TAINT gateway-ingest": (tainted(kem_key("ingest").key_digest.hex()), "directory-due"),
}


@pytest.mark.must("2.7.2", "2.7.11", "3.7.9", "4.1.12")
@pytest.mark.parametrize("happening", ENDING)
def test_a_source_is_told_nothing_from_the_statement_on_and_its_calls_are_over_once_it_is_effective(
    happening: str,
) -> None:
    """The operator who hears `effective` need not ask what an open connection still carries."""
    happen, code = ENDING[happening]

    async def scenario() -> None:
        async with a_house(pool=AtOnce()) as house:
            calls = Calls(house, NOW + 400 * DAY)
            await calls.open()
            position = house.control().position
            calls.watch(lambda: house.control().position > position)
            applying = asyncio.ensure_future(happen(house))
            while house.control().position == position:
                await turns(1)
            calls.told.gate.set()

            assert await applying == 4

            assert all(one.task.done() for one in calls.all)
            assert [one.late for one in calls.all] == [0] * 4
            assert await calls.codes() == [code] * 4

    warped(scenario())


LEAVING: dict[str, Happening] = {
    **{name: happen for name, happen in LASTING.items() if name != "EQUIVALENCE"},
    "SUSPEND another source": stopped(StatementKind.SUSPEND, "source/src-91c2"),
    "VOCABULARY": stated(StatementKind.VOCABULARY, UKR_2),
    "DIRECTORY": House.issue_directory,
}


@pytest.mark.parametrize("happening", LEAVING)
def test_a_statement_that_a_source_does_not_stand_on_leaves_its_calls(happening: str) -> None:
    """An upload over a slow radio is not begun anew for another party's sake."""

    async def scenario() -> None:
        async with a_house(pool=AtOnce()) as house:
            calls = Calls(house, NOW + 400 * DAY)
            await calls.open()
            ended = await LEAVING[happening](house)
            calls.told.gate.set()
            await turns(50)

            assert ended == 0
            assert not any(one.task.done() for one in calls.all)
            for one in calls.all:
                one.task.cancel()
            await asyncio.gather(*(one.task for one in calls.all), return_exceptions=True)

    warped(scenario())


def test_a_batch_that_was_not_durable_before_the_statement_is_neither_stored_nor_answered() -> None:
    """It stands behind the suspension in the line; the source keeps it and sends it when it is taken up again."""

    async def scenario() -> None:
        disk = GatedJournals()
        async with a_house(pool=AtOnce(), journals=disk) as house:
            source = Hearing(house, NOW + 400 * DAY)
            batch = Origin(house.control().genesis).batch()
            asking = asyncio.Event()

            async def requests() -> AsyncIterator[bytes]:
                yield source.begin()
                await asking.wait()
                for item in source.parcel(batch):
                    yield item
                await source.open_side.wait()

            call = source.call(requests())
            await source.until(lambda: source.written >= 1)
            disk.gate.clear()
            suspending = asyncio.create_task(house.suspend(f"source/{SOURCE}"))
            await turns(100)
            asking.set()
            await turns(300)
            disk.gate.set()

            assert await suspending == 1
            with pytest.raises((Refused, BaseExceptionGroup)):
                await call
            assert (house.running.lanes.admitted, source.answers) == (0, [])

    warped(scenario())
