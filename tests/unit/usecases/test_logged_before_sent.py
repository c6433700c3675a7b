"""Laws of one commit: what is shown, taken or applied is durable together with its entries, and before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.core.ledger.book import KIND_ENTRIES, parse_account_entries
from gateway.core.ledger.entries import (
    HOUSE,
    Admitted,
    Applied,
    Disclosed,
    RefusedBatch,
    parse_source_entry,
    source_account,
)
from gateway.core.suite.numbers import RefusalCode, StreamMessage
from gateway.ports.journal import Append, Journal
from tests.unit.usecases.house import GatedJournals, House, a_house
from tests.unit.usecases.town import SOURCE, Origin, terms, turns


class CountedJournals(GatedJournals):
    """Keeps which appends were one commit."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Sequence[Append]] = []

    async def commit(self, appends: Sequence[Append]) -> None:
        """As the double does; noted once it is done."""
        await super().commit(appends)
        self.commits.append(appends)

    def with_a(self, journal: Journal) -> list[Sequence[Append]]:
        """The commits that append to a journal."""
        return [commit for commit in self.commits if any(append.journal is journal for append in commit)]


def entries_of(commit: Sequence[Append], account_id: bytes) -> list[bytes]:
    """What a commit enters in an account."""
    return [
        item.entry
        for append in commit
        if append.journal is Journal.LEDGER and append.kind == KIND_ENTRIES
        for item in parse_account_entries(append.entry)
        if item.account_id == account_id
    ]


@pytest.mark.must("6.1.1")
def test_a_batch_and_what_the_account_says_of_it_are_one_commit() -> None:
    """No crash can leave a batch that nobody entered, nor an entry of a batch that is not there."""

    async def scenario() -> None:
        journals = CountedJournals()
        async with a_house(journals=journals) as house:
            origin = Origin(house.control().genesis)
            await house.admit(origin.batch())
            await house.admit(origin.batch(lane=replace(origin.lane, prev=b"\x01" * 48)))

            commits = journals.with_a(Journal.RECORDS)

            entered = [[parse_source_entry(one) for one in entries_of(c, source_account(SOURCE))] for c in commits]
            assert [[type(entry) for entry in of] for of in entered] == [[Admitted], [RefusedBatch]]
            assert isinstance(entered[1][0], RefusedBatch)
            assert entered[1][0].code is RefusalCode.CHAIN

    asyncio.run(scenario())


@pytest.mark.must("6.1.2")
def test_a_statement_and_its_entry_in_the_houses_account_are_one_commit() -> None:
    """The ledger says which statements were applied, and when among everything else."""

    async def scenario() -> None:
        journals = CountedJournals()
        async with a_house(journals=journals) as house:
            before = len(journals.commits)
            await house.suspend("partner/usa/arl")

            (commit,) = [one for one in journals.with_a(Journal.CONTROL) if journals.commits.index(one) >= before]

            applied = Applied(house.control().position - 1, house.control().head)
            assert entries_of(commit, HOUSE) == [applied.encode()]

    asyncio.run(scenario())


@pytest.mark.must("6.1.3", "6.1.4")
@pytest.mark.parametrize(
    ("said", "partners"),
    [("none", []), ("amounts", ["", ""]), ("amounts-and-partner", ["usa/arl", "usa/arl"])],
)
def test_a_source_is_told_of_each_record_shown_as_its_agreement_says(said: str, partners: list[str]) -> None:
    """Nothing, that it went out, or to whom; one entry a record, in the commit of the disclosure."""

    async def scenario() -> None:
        journals = CountedJournals()
        async with a_house(terms(accounts_shown_to_sources=f'"{said}"'), journals=journals) as house:
            await house.admit(Origin(house.control().genesis).batch(2))
            follower = house.follower()
            follower.open()
            await follower.received(2)

            (commit,) = [one for one in journals.commits if entries_of(one, follower.account_id)]

            entries = [parse_source_entry(entry) for entry in entries_of(commit, source_account(SOURCE))]
            disclosed = [entry for entry in entries if isinstance(entry, Disclosed)]
            assert [entry.partner_id for entry in disclosed] == partners
            assert [(entry.batch_digest, entry.idx) for entry in disclosed] == follower.records[: len(partners)]

    asyncio.run(scenario())


async def live(house: House) -> Origin:
    """A source whose batches go out live."""
    origin = Origin(house.control().genesis)
    await house.admit(origin.batch())
    return origin


@pytest.mark.must("5.3.1", "7.4.1")
def test_no_frame_is_sealed_before_its_disclosure_is_durable() -> None:
    """What is on a wire cannot be taken back; what the disk lost would have been shown to nobody."""

    async def scenario() -> None:
        journals = GatedJournals()
        async with a_house(journals=journals) as house:
            origin, follower = await live(house), house.follower()
            follower.open()
            await follower.caught_up()
            journals.gate.clear()
            admission = asyncio.create_task(house.admit(origin.batch()))
            await turns(300)
            before = follower.kinds.count(StreamMessage.FRAME)

            journals.gate.set()
            await admission
            await follower.received(2)

            assert (before, follower.kinds.count(StreamMessage.FRAME)) == (1, 2)

    asyncio.run(scenario())


@pytest.mark.must("5.3.2")
def test_no_frame_is_written_before_a_tick_that_covers_it() -> None:
    """A partner could not tell a frame that was logged from one that was not."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, follower = await live(house), house.follower()
            follower.open()
            await follower.caught_up()
            ticker = house.tasks.pop()
            ticker.cancel()
            await asyncio.wait([ticker])
            await house.admit(origin.batch())
            await turns(300)
            before = follower.kinds.count(StreamMessage.FRAME)

            house.tick()
            await follower.received(2)

            assert before == 1
            assert follower.kinds[-2:] == [StreamMessage.TICK, StreamMessage.FRAME]

    asyncio.run(scenario())
