"""Laws of stops over a restart and a restore: what one operator stopped comes back by the quorum or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from gateway.adapters.memory import UnsafeMemoryFloor, UnsafeMemoryJournals
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.errors import Fault, GatewayError
from gateway.core.ledger.entries import HOUSE, Applied, KeyEvent
from gateway.core.suite.numbers import KeyState, StatementKind
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal
from gateway.usecases.rebuild import rebuild
from gateway.usecases.restore import restore
from gateway.usecases.shown import Shown, shown_by
from tests.unit.control.given import digest_of
from tests.unit.control.world import taint_text
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.putting_back import a_day, appends_of, covered, entries_of_account, put_back, signed
from tests.unit.usecases.town import SOURCE, HouseKeys

KEY = digest_of(SOURCE)
REASON = b'reason = "a test"\n'
STOPS: dict[str, tuple[StatementKind, bytes, Callable[[Control], bool]]] = {
    "suspended": (
        StatementKind.SUSPEND,
        b'target = "partner/usa/arl"\n' + REASON,
        lambda control: control.is_suspended("partner/usa/arl"),
    ),
    "tainted": (
        StatementKind.TAINT,
        taint_text(KEY),
        lambda control: control.stop_of(bytes.fromhex(KEY)) is KeyState.TAINTED,
    ),
    "revoked": (
        StatementKind.REVOKE,
        f'target = "key/{KEY}"\n'.encode() + REASON,
        lambda control: control.stop_of(bytes.fromhex(KEY)) is KeyState.RETIRED,
    ),
    "locked": (StatementKind.LOCKDOWN, b'target = "gateway"\n' + REASON, lambda control: control.is_locked),
    "held": (
        StatementKind.HOLD,
        b'target = "agreement/UA-US-1"\n' + REASON,
        lambda control: "agreement/UA-US-1" in control.held,
    ),
}


class Counted(UnsafeMemoryJournals):
    """The double, with the number of its commits."""

    commits = 0

    async def commit(self, appends: Sequence[Append]) -> None:
        """One more."""
        self.commits += 1
        await super().commit(appends)


def behind(house: House, restoring: ControlEntry, *stops: str, by: str = "officer-2") -> list[ControlEntry]:
    """Stops that one officer wrote on the RESTORE."""
    world, written = house.world.copy(), []
    world.take(restoring)
    for stop in stops:
        kind, body, _ = STOPS[stop]
        written.append(world.take(world.entry(kind, body, by=(by,))))
    return written


async def applied(house: House, *entries: ControlEntry) -> None:
    """The store lives on with all of them."""
    proposed = [entry.signed for entry in entries]
    await restore(house.journals, HouseKeys(), house.floor, proposed, house.now_ms)


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_outlasts_the_end_of_the_process_and_the_power(stop: str) -> None:
    """Effective was said, and whoever was stopped may be the one who pulls the plug."""
    kind, body, stands = STOPS[stop]

    async def scenario() -> None:
        async with a_house() as house:
            await house.apply(kind, body, by=("officer-2",))

            await house.restart()

            assert stands(house.running.control)

    asyncio.run(scenario())


@pytest.mark.must("2.12.8")
@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_that_a_backup_lacks_stands_from_the_first_moment(stop: str) -> None:
    """It joins the RESTORE in one commit: there is no store that has the one and not the other."""
    kind, body, stands = STOPS[stop]

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await house.apply(kind, body, by=("officer-2",))
            await covered(house)
            await put_back(house, backup)
            house.journals = counted = Counted()
            await counted.commit(appends_of(backup.rows))
            counted.commits = 0
            restoring = signed(house)
            await applied(house, restoring, *behind(house, restoring, stop))

            folds = rebuild(house.journals, HouseKeys(), house.floor, every_signature=True)
            assert (stands(folds.control), counted.commits) == (True, 1)
            assert house.floor.read() == FloorMark(folds.book.incarnation, 0, folds.control.position)
            entered = entries_of_account(house, HOUSE)
            assert Applied(folds.control.position - 1, folds.control.head).encode() in entered
            if stop == "tainted":
                assert KeyEvent(bytes.fromhex(KEY), KeyState.TAINTED).encode() == entered[-1]
            house.start()
            assert stands(house.running.control)

    asyncio.run(scenario())


def test_a_restore_with_stops_that_was_cut_off_is_made_again() -> None:
    """The power fails between the commit and the floor: the same file finishes what it began, once."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)
            mark, restoring = house.floor.read(), signed(house)
            stops = behind(house, restoring, "suspended", "locked")
            await applied(house, restoring, *stops)
            house.floor = UnsafeMemoryFloor(mark)
            heads = [house.journals.head(journal) for journal in Journal]

            await applied(house, restoring, *stops)

            assert [house.journals.head(journal) for journal in Journal] == heads
            rebuild(house.journals, HouseKeys(), house.floor, every_signature=True)

    asyncio.run(scenario())


@pytest.mark.must("2.12.7", "2.12.8")
def test_one_bad_statement_behind_a_restore_stops_all_of_it() -> None:
    """A stop that is left out would be one that came undone."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)
            restoring = signed(house)
            good, twice = behind(house, restoring, "suspended", "locked")
            world = house.world.copy()
            world.take(restoring)
            body = b'target = "gateway"\n' + REASON
            widening = world.entry(StatementKind.VOCABULARY, body, by=("officer-1", "officer-2"))
            refused = {
                "restore-behind": (restoring, widening),
                "stale-change": (restoring, twice),
                "signatures-too-few": (signed(house, by=("officer-1",)), good),
            }
            heads, mark = [house.journals.head(journal) for journal in Journal], house.floor.read()

            for code, entries in refused.items():
                with pytest.raises(GatewayError) as caught:
                    await applied(house, *entries)
                assert caught.value.code == code
                assert [house.journals.head(journal) for journal in Journal] == heads
                assert house.floor.read() == mark

    asyncio.run(scenario())


def test_the_end_of_a_store_shows_how_far_it_goes() -> None:
    """It is held against the floor by whoever only looks, and must be what a rebuilding finds."""

    async def scenario() -> None:
        async with a_house(ticking=False) as house:
            control = house.control()
            fresh = shown_by(house.journals)
            assert fresh == Shown(house.running.book.incarnation, 0, control.position)
        async with a_house() as house:
            _, backup = await a_day(house)
            await house.apply(*STOPS["suspended"][:2], by=("officer-2",))
            await covered(house)
            book = house.running.book
            whole = shown_by(house.journals)
            assert whole == Shown(book.incarnation, book.ticks.size, house.control().position)
            assert whole.is_below(FloorMark(b"another life 16b", 0, 0))
            await put_back(house, backup)
            assert (whole.is_below(house.floor.read()), shown_by(house.journals).is_below(house.floor.read())) == (
                False,
                True,
            )

    asyncio.run(scenario())


def test_a_store_without_a_beginning_shows_nothing() -> None:
    """Whoever looks is told, and not by a crash."""
    with pytest.raises(Fault) as caught:
        shown_by(UnsafeMemoryJournals())

    assert caught.value.code == "ledger-damaged"
