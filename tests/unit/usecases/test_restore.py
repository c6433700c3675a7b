"""Laws of a restore: a store that was put back lives on only as the quorum says, loses nothing more, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.adapters.memory import UnsafeMemoryFloor
from gateway.core.control.entry import ControlEntry
from gateway.core.control.restore import Restore
from gateway.core.errors import Fault, GatewayError, Refused
from gateway.core.ledger.book import KIND_INCARNATION, KIND_TICK
from gateway.core.ledger.entries import (
    ADMITTED,
    HOUSE,
    Admitted,
    Applied,
    Restored,
    partner_account,
    source_account,
)
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.numbers import StatementKind, StreamMessage
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Journal
from gateway.usecases.lanes import KIND_RESTORED
from gateway.usecases.rebuild import check_batches, fold, rebuild, record_ids
from gateway.usecases.restore import restore
from tests.unit.control.given import octets
from tests.unit.usecases.follower import records_of
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.putting_back import (
    Rows,
    a_day,
    backed_up,
    covered,
    entries_of_account,
    put_back,
    restored,
    rows_of,
    signed,
    written,
)
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.town import SOURCE, HouseKeys, Origin, operator_peer, terms


async def refusal(house: House, entry: ControlEntry) -> str:
    """The code with which a RESTORE is refused; nothing changes."""
    heads, mark = [house.journals.head(journal) for journal in Journal], house.floor.read()
    with pytest.raises(GatewayError) as caught:
        await restore(house.journals, HouseKeys(), house.floor, [entry.signed], house.now_ms)
    assert ([house.journals.head(journal) for journal in Journal], house.floor.read()) == (heads, mark)
    return caught.value.code


@pytest.mark.must("2.12.3", "6.2.1")
def test_a_restored_store_says_in_every_journal_that_it_lives_on() -> None:
    """An auditor finds the statement, what was kept, and where the new incarnation begins; the floor follows."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)
            with pytest.raises(Fault) as sealed:
                rebuild(house.journals, HouseKeys(), house.floor, every_signature=True)

            done = await restored(house)

            said, link = done.restore, house.world.control.head
            folds = rebuild(house.journals, HouseKeys(), house.floor, every_signature=True)
            assert sealed.value.code == "store-below-floor"
            assert (done.position, done.records) == (house.world.control.position - 1, 2)
            assert (folds.book.incarnation, folds.book.ticks.size) == (said.new, 0)
            assert (folds.lanes.ends, folds.lanes.admitted) == ({said.old: 2}, 2)
            assert house.floor.read() == FloorMark(said.new, 0, folds.control.position)
            assert entries_of_account(house, HOUSE)[-2:] == [
                Applied(done.position, link).encode(),
                Restored(said.encode()).encode(),
            ]
            assert rows_of(house)[Journal.RECORDS][-1] == (KIND_RESTORED, said.encode())
            assert check_batches(house.journals, folds.control) == (2, 2, 0)
            assert len(record_ids(house.journals)) == 2

    asyncio.run(scenario())


@pytest.mark.must("2.12.2", "2.3.5")
@pytest.mark.parametrize(
    ("changed", "by", "code"),
    [
        ({}, ("officer-1",), "signatures-too-few"),
        ({}, ("officer-1", "stranger"), "signer-unknown"),
        ({"old": b"another life 16b"}, (), "restore-mismatch"),
        ({"last_tick": 10**6}, (), "restore-mismatch"),
        ({"tick_digest": octets("another tick", 48)}, (), "restore-mismatch"),
        ({"last_tick": 0, "tick_digest": ZERO_HASH}, (), "restore-mismatch"),
    ],
    ids=["one officer", "a stranger", "another life", "more ticks", "another tick", "no tick"],
)
def test_a_restore_is_true_of_the_store_and_the_quorums(
    changed: dict[str, Any], by: tuple[str, ...], code: str
) -> None:
    """Nobody restores alone, and nobody says of the store what it does not show."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)

            assert await refusal(house, signed(house, by or ("officer-1", "officer-2"), **changed)) == code

    asyncio.run(scenario())


def test_nothing_but_a_restore_is_applied_so() -> None:
    """A store that stands still takes no other decision."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.stop()
            other = house.entry(StatementKind.SUSPEND, b'target = "source/src-91c2"\nreason = "x"\n', by=("officer-1",))

            assert await refusal(house, other) == "restore-expected"

    asyncio.run(scenario())


@pytest.mark.must("2.4.5")
def test_a_gateway_that_runs_takes_no_restore() -> None:
    """An incarnation ends when everything stands still."""

    async def scenario() -> None:
        async with a_house() as house:
            with pytest.raises(Refused) as caught:
                await house.government.propose(operator_peer(), signed(house), "a test")
            assert caught.value.code == "restore-running"

    asyncio.run(scenario())


def test_a_restore_that_was_cut_off_is_made_again() -> None:
    """The power fails between the commit and the floor: the same statement finishes what it began, once."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)
            before, entry = house.floor.read(), signed(house)
            done = await restored(house, entry)
            house.floor = UnsafeMemoryFloor(before)
            heads = [house.journals.head(journal) for journal in Journal]

            again = await restore(house.journals, HouseKeys(), house.floor, [entry.signed], house.now_ms)

            assert again == done
            assert [house.journals.head(journal) for journal in Journal] == heads
            rebuild(house.journals, HouseKeys(), house.floor, every_signature=True)

    asyncio.run(scenario())


class LockedFloor(UnsafeMemoryFloor):
    """A floor that others may read: nobody knows what it says."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self._code = code

    def read(self) -> FloorMark:
        """Raises."""
        raise Fault(self._code, "this floor says nothing")


@pytest.mark.parametrize(
    ("code", "goes_on"), [("floor-missing", True), ("floor-damaged", True), ("floor-file-open-to-others", False)]
)
def test_a_floor_that_is_gone_is_begun_anew(code: str, goes_on: bool) -> None:
    """The quorum knows what was lost; but a floor that somebody may have changed is looked at first."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)
            house.floor = LockedFloor(code)

            if goes_on:
                await restored(house)
            else:
                with pytest.raises(Fault, match=code):
                    await restored(house)

    asyncio.run(scenario())


@pytest.mark.must("2.12.2")
def test_a_backup_from_before_the_last_restore_needs_both() -> None:
    """What readers saw in the life between leads on from there: the lost RESTORE again, then one that keeps nothing."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)
            first = signed(house)
            await restored(house, first)
            house.start()
            await covered(house)
            await put_back(house, backup)
            assert await refusal(house, signed(house)) == "restore-incarnation"

            await restored(house, first)
            with pytest.raises(Fault, match="store-below-floor"):
                rebuild(house.journals, HouseKeys(), house.floor, every_signature=True)
            second = await restored(house)

            folds = rebuild(house.journals, HouseKeys(), house.floor, every_signature=True)
            lives = [one.restore for one in folds.control.restores]
            assert lives == [Restore.parse(first.body), second.restore]
            assert (lives[1].old, lives[1].ticks_kept) == (lives[0].new, 0)
            assert folds.lanes.ends == {lives[0].old: 2, lives[1].old: 3}

    asyncio.run(scenario())


@pytest.mark.must("2.12.3")
def test_what_no_tick_covered_is_entered_again() -> None:
    """It was durable, and nobody was shown it: it would be lost with the account it stood in."""

    async def scenario() -> None:
        async with a_house(ticking=False) as house:
            first, sender = Origin(house.control().genesis).batch(2), Sender(house)
            await house.admit(first)
            await house.suspend("source/src-91c2")
            await put_back(house, backed_up(house))

            await restored(house)
            house.start()
            await sender.send()

            assert sender.fates() == [(Admitted, first.signed.digest)]
            folds = fold(house.journals, HouseKeys(), every_signature=True)
            assert folds.control.is_suspended("source/src-91c2")
            assert sum(entry.startswith(ADMITTED) for entry in entries_of_account(house, source_account(SOURCE))) == 2

    asyncio.run(scenario())


def test_a_disclosure_that_no_tick_covered_is_shown_and_counted_once() -> None:
    """It may have been sent under a tick that was lost: the new account says what was disclosed all the same."""

    async def scenario() -> None:
        async with a_house(terms(quota="{ records_per_month = 3 }")) as house:
            origin, follower = Origin(house.control().genesis), house.follower()
            follower.open()
            await follower.caught_up()
            house.tasks.pop().cancel()
            batch = origin.batch(2)
            await house.admit(batch)
            account_id = partner_account("usa/arl", "UA-US-1", "default")
            assert len(entries_of_account(house, account_id)) == 1
            await put_back(house, backed_up(house))

            await restored(house)
            house.start()
            follower.open()
            await follower.caught_up()

            # Two records of the three that the quota has were disclosed before; one more goes, and no second.
            assert StreamMessage.OLD in follower.kinds
            assert follower.records == records_of(batch)[:1]
            assert len(house.running.book.accounts[account_id].positions) == 2

    asyncio.run(scenario())


# A store that was edited afterwards ----------------------------------------------------------------------------------


def _without_marker(rows: Rows) -> None:
    rows[Journal.RECORDS] = [row for row in rows[Journal.RECORDS] if row[0] != KIND_RESTORED]


def _marker_earlier(rows: Rows) -> None:
    rows[Journal.RECORDS].insert(0, rows[Journal.RECORDS].pop())


def _without_statement(rows: Rows) -> None:
    del rows[Journal.CONTROL][-1]


def _without_incarnation(rows: Rows) -> None:
    ledger = rows[Journal.LEDGER]
    del ledger[max(place for place, (kind, _) in enumerate(ledger) if kind == KIND_INCARNATION)]


def _without_new_life(rows: Rows) -> None:
    ledger = rows[Journal.LEDGER]
    del ledger[max(place for place, (kind, _) in enumerate(ledger) if kind == KIND_TICK) + 1 :]


def _unknown_marker(rows: Rows) -> None:
    rows[Journal.RECORDS][-1] = (KIND_RESTORED, b"not a restore")


@pytest.mark.parametrize(
    "edit",
    [_without_marker, _marker_earlier, _without_statement, _without_incarnation, _without_new_life, _unknown_marker],
)
def test_a_restore_stands_in_all_three_journals_or_the_store_is_damaged(edit: Callable[[Rows], None]) -> None:
    """An insider who begins a new life, or hides one, must rewrite what operators signed."""

    async def scenario() -> None:
        async with a_house() as house:
            _, backup = await a_day(house)
            await put_back(house, backup)
            await restored(house)
            rows = rows_of(house)
            edit(rows)

            with pytest.raises(Fault) as caught:
                fold(await written(rows), HouseKeys(), every_signature=True)
            assert caught.value.code in {"journal-damaged", "ledger-damaged"}

    asyncio.run(scenario())
