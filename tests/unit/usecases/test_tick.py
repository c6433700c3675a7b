"""Laws of the tick: what it covers was committed, what is shown was signed and committed, and the floor follows."""

from __future__ import annotations

import asyncio

import pytest

from gateway.adapters.memory import UnsafeMemoryFloor, UnsafeMemoryJournals
from gateway.core.control.keystates import key_states
from gateway.core.errors import Fault
from gateway.core.ledger.audit import LedgerAudit
from gateway.core.ledger.entries import HOUSE
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.keys import VerifyKey
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Journal
from gateway.usecases.rebuild import entries_of
from tests.unit.control.given import signing_key
from tests.unit.usecases.house import GatedJournals, House, a_house
from tests.unit.usecases.test_heartbeats import AtOnce
from tests.unit.usecases.town import Origin, turns
from tests.warped_time import run_warped


def audited(house: House) -> int:
    """Ticks in the journal, each verified from the journal alone."""
    links = [ZERO_HASH, *(entry.statement.link for entry in house.world.entries)]
    key = VerifyKey.parse(signing_key("ledger").public_key)
    audit = LedgerAudit(house.control().genesis, lambda position: links[position], lambda _: key)
    for position, kind, entry in entries_of(house.journals, Journal.LEDGER):
        audit.feed(position, kind, entry)
    return audit.ticks


async def ticked(house: House, number: int) -> None:
    """Until that tick is shown."""
    wake = asyncio.Event()
    house.ticker.listen(wake)
    while house.ticker.number < number:
        wake.clear()
        await wake.wait()
    house.ticker.leave(wake)


def test_the_first_tick_comes_at_once_and_an_idle_ledger_is_not_signed_again() -> None:
    """A gateway that starts owes its parties what was entered and not covered; after that it is quiet."""

    async def scenario() -> None:
        async with a_house() as house:
            await ticked(house, 0)
            await turns(500)

            assert house.ticker.number == 0
            keys = len(key_states(house.control()))
            assert house.ticker.covered(HOUSE) == len(house.world.entries) + keys

    asyncio.run(scenario())


@pytest.mark.must("6.2.2")
def test_a_tick_speaks_of_what_was_committed_when_it_was_drafted() -> None:
    """Accounts grow while its signature is in flight; its sizes do not."""

    async def scenario() -> None:
        disk = GatedJournals()
        async with a_house(ticking=False, journals=disk) as house:
            origin = Origin(house.control().genesis)
            await house.admit(origin.batch())
            house.tick()
            await turns(1)
            for _ in range(3):
                await house.admit(origin.batch())
            await ticked(house, 1)

            assert audited(house) >= 2

    asyncio.run(scenario())


@pytest.mark.must("6.2.3")
def test_a_tick_is_shown_only_once_it_is_durable() -> None:
    """A tick that a party has seen and a restart forgets is a fork."""

    async def scenario() -> None:
        disk = GatedJournals()
        async with a_house(ticking=False, journals=disk) as house:
            disk.gate.clear()
            house.tick()
            for _ in range(50):
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            before = house.ticker.number

            disk.gate.set()
            await ticked(house, 0)

            assert before == -1

    asyncio.run(scenario())


def test_a_message_asked_for_before_the_first_tick_is_a_fault() -> None:
    """Nobody is shown what was not signed."""

    async def scenario() -> None:
        async with a_house(ticking=False) as house:
            assert house.ticker.covered(HOUSE) == -1
            with pytest.raises(Fault):
                house.ticker.message(HOUSE, 0, 0)

    asyncio.run(scenario())


def test_finishing_signs_everything_that_was_entered() -> None:
    """What a source was promised before a stop is provable at once after it."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            await ticked(house, 0)
            for _ in range(3):
                await house.admit(origin.batch())

            house.ticker.finish()
            await house.tasks[-1]

            account = house.running.book.accounts[b"source\x08src-3f07"]
            assert house.ticker.covered(account.account_id) == account.tree.size == 3
            assert audited(house) == house.ticker.number + 1

    asyncio.run(scenario())


def test_a_failed_commit_ends_the_ticker_too() -> None:
    """A gateway that cannot store must not go on signing."""

    async def scenario() -> None:
        # Founding and the first tick are two commits.
        async with a_house(journals=UnsafeMemoryJournals(fail_after=2)) as house:
            await ticked(house, 0)
            house.ticker.ask()

            done, _ = await asyncio.wait(house.tasks)

            assert {getattr(task.exception(), "code", None) for task in done} == {"store-latched"}

    asyncio.run(scenario())


def test_the_floor_follows_what_was_committed_and_is_written_once() -> None:
    """It is a lower bound: never above the store, and no write without a reason."""

    async def scenario() -> None:
        async with a_house() as house:
            await ticked(house, 0)
            await house.ticker.raise_floor()
            first = house.floor.read()

            await house.ticker.raise_floor()

            assert first == FloorMark(house.running.book.incarnation, 1, house.control().position)
            assert house.floor.read() is first

    asyncio.run(scenario())


class HeardFloor(UnsafeMemoryFloor):
    """Says on the loop when it was raised."""

    def __init__(self, mark: FloorMark, heard: asyncio.Event) -> None:
        super().__init__(mark)
        self._heard, self._loop = heard, asyncio.get_running_loop()

    def raise_to(self, mark: FloorMark) -> None:
        """As the double does."""
        super().raise_to(mark)
        self._loop.call_soon_threadsafe(self._heard.set)


def test_the_floor_is_kept_at_most_a_second_late() -> None:
    """By a task of its own, without anybody asking."""

    async def scenario() -> None:
        async with a_house(pool=AtOnce()) as house:
            heard = asyncio.Event()
            house.ticker._floor = HeardFloor(house.floor.read(), heard)
            await ticked(house, 0)
            async with asyncio.timeout(1.0 + 0.1):
                keeping = asyncio.create_task(house.ticker.keep_floor())
                await heard.wait()
            keeping.cancel()

            assert house.floor.read().tick == 0
            assert house.ticker.number == 0

    run_warped(scenario())
