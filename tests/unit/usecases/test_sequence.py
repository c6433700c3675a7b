"""Laws of the one task that commits: order, whole or not at all, and everyone hears how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from gateway.adapters.memory import UnsafeMemoryJournals
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from gateway.core.ledger.book import KIND_ACCOUNT, KIND_ENTRIES, KIND_INCARNATION, Book, parse_account_entries
from gateway.core.ledger.entries import HOUSE
from gateway.ports.journal import Append, Journal
from gateway.usecases.sequence import MAX_JOBS, MAX_PLAN_BYTES, Plan, Sequencer
from tests.unit.usecases.house import GatedJournals
from tests.unit.usecases.town import turns

GENESIS = b"g" * 48


@dataclass
class Entering:
    """Enters one entry; `log` hears what happens to it, in order."""

    log: list[str]
    name: str
    size: int = 10
    refuses: GatewayError | None = None
    also: Callable[[Plan], None] = field(default=lambda plan: None)

    def prepare(self, plan: Plan) -> None:
        """Adds, or refuses having added nothing."""
        if self.refuses:
            raise self.refuses
        self.also(plan)
        plan.append(Journal.RECORDS, 1, self.name.encode().ljust(self.size))
        plan.enter(HOUSE, self.name.encode())
        self.log.append(f"prepared {self.name}")

    def committed(self) -> None:
        """It is durable."""
        self.log.append(f"committed {self.name}")


async def a_store(journals: UnsafeMemoryJournals) -> tuple[Sequencer, Book]:
    """A sequencer over a ledger that has begun."""
    book = Book(GENESIS)
    await journals.commit([Append(Journal.LEDGER, 0, KIND_INCARNATION, b"i" * 16)])
    book.apply(0, KIND_INCARNATION, b"i" * 16)
    return Sequencer(journals, book), book


def test_jobs_are_committed_in_the_order_they_were_submitted_and_told_after() -> None:
    """A batch that came later must not be stored first, nor answered before it is."""

    async def scenario() -> None:
        journals = GatedJournals()
        sequencer, book = await a_store(journals)
        log: list[str] = []
        calls = [asyncio.create_task(sequencer.submit(Entering(log, f"{n}"))) for n in range(5)]
        journals.gate.clear()
        running = asyncio.create_task(sequencer.run())
        await turns()
        assert log == [f"prepared {n}" for n in range(5)]
        assert book.size == 1, "the book changes only by what was committed"

        journals.gate.set()
        await asyncio.gather(*calls)

        assert log[5:] == [f"committed {n}" for n in range(5)]
        assert [stored.entry.strip() for stored in journals.read(Journal.RECORDS, 0)] == [b"0", b"1", b"2", b"3", b"4"]
        assert book.accounts[HOUSE].tree.size == 5
        running.cancel()

    asyncio.run(scenario())


def test_a_job_that_refuses_leaves_its_neighbours_alone() -> None:
    """One bad batch must not cost a good one its place."""

    async def scenario() -> None:
        journals = UnsafeMemoryJournals()
        sequencer, book = await a_store(journals)
        log: list[str] = []
        refusal = Refused("denied", "it is not allowed")
        jobs = [Entering(log, "a"), Entering(log, "b", refuses=refusal), Entering(log, "c")]
        calls = [asyncio.create_task(sequencer.submit(job)) for job in jobs]
        await turns()
        running = asyncio.create_task(sequencer.run())

        done = await asyncio.gather(*calls, return_exceptions=True)

        assert done == [None, refusal, None]
        assert book.accounts[HOUSE].tree.size == 2
        running.cancel()

    asyncio.run(scenario())


def test_a_failed_commit_is_heard_by_everyone_and_ends_the_task() -> None:
    """Those of the commit, those behind it, those in the line for the queue, and those who come later."""

    async def scenario() -> None:
        journals = UnsafeMemoryJournals(fail_after=1)
        sequencer, book = await a_store(journals)
        log: list[str] = []
        calls = [asyncio.create_task(sequencer.submit(Entering(log, f"{n}"))) for n in range(5 * MAX_JOBS)]
        await turns()
        running = asyncio.create_task(sequencer.run())

        done = await asyncio.gather(*calls, return_exceptions=True)

        assert {getattr(one, "code", None) for one in done} == {"store-latched"}
        assert len({id(one) for one in done}) == len(done), "each hears it as an error of its own"
        assert book.size == 1
        assert not [line for line in log if line.startswith("committed")]
        with pytest.raises(Fault):
            await running
        with pytest.raises(Fault) as late:
            await sequencer.submit(Entering(log, "late"))
        assert late.value.code == "store-latched"

    asyncio.run(scenario())


def test_what_the_store_does_not_take_ends_the_task_as_a_fault() -> None:
    """Whoever runs the gateway must mend it; no caller can."""

    class Picky(UnsafeMemoryJournals):
        async def commit(self, appends: object) -> None:
            raise CallerError("append-malformed", "an entry has at most 16 MiB")

    async def scenario() -> None:
        sequencer = Sequencer(Picky(), Book(GENESIS))
        call = asyncio.create_task(sequencer.submit(Entering([], "a")))
        running = asyncio.create_task(sequencer.run())

        with pytest.raises(Fault) as heard:
            await call

        assert heard.value.code == "commit-refused"
        with pytest.raises(Fault):
            await running

    asyncio.run(scenario())


def test_a_bug_in_a_job_ends_the_task_and_leaves_nobody_waiting() -> None:
    """What nobody foresaw fails closed."""

    def broken(plan: Plan) -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        sequencer, _ = await a_store(UnsafeMemoryJournals())
        calls = [
            asyncio.create_task(sequencer.submit(job)) for job in (Entering([], "a", also=broken), Entering([], "b"))
        ]
        await turns()
        running = asyncio.create_task(sequencer.run())

        done = await asyncio.gather(*calls, return_exceptions=True)

        assert {getattr(one, "code", None) for one in done} == {"stopping"}
        with pytest.raises(ZeroDivisionError):
            await running

    asyncio.run(scenario())


def test_a_caller_that_is_cancelled_does_not_undo_its_job() -> None:
    """It was handed over; whoever asks again hears that it is stored."""

    async def scenario() -> None:
        journals = GatedJournals()
        sequencer, _ = await a_store(journals)
        log: list[str] = []
        running = asyncio.create_task(sequencer.run())
        journals.gate.clear()
        call = asyncio.create_task(sequencer.submit(Entering(log, "a")))
        await turns()
        call.cancel()
        await turns()

        journals.gate.set()
        await sequencer.submit(Entering(log, "b"))

        assert "committed a" in log
        running.cancel()

    asyncio.run(scenario())


def test_one_commit_is_bounded_in_jobs_and_in_bytes() -> None:
    """However much waits, the next one waits for no more than this."""

    async def sizes(size: int, count: int) -> list[int]:
        journals = UnsafeMemoryJournals()
        sequencer, _ = await a_store(journals)
        commits: list[int] = []
        sequencer.disclose = lambda plan: commits.append(len(plan.appends([])))
        calls = [asyncio.create_task(sequencer.submit(Entering([], f"{n}"), size=size)) for n in range(count)]
        await turns()
        running = asyncio.create_task(sequencer.run())
        await asyncio.gather(*calls)
        running.cancel()
        return commits

    assert max(asyncio.run(sizes(0, 3 * MAX_JOBS))) == MAX_JOBS
    assert asyncio.run(sizes(MAX_PLAN_BYTES // 2, 6)) == [2, 2, 2]


def test_many_entries_are_cut_into_journal_entries_of_a_bounded_size() -> None:
    """A commit that shows thousands of records to many partners must fit in the journal, in their order."""
    journals, book = UnsafeMemoryJournals(), Book(GENESIS)
    plan = Plan(journals, book)
    entries = [number.to_bytes(4, "big") * 50 for number in range(10_000)]
    for entry in entries:
        plan.enter(HOUSE, entry)

    ledger = plan.ledger()

    kinds = [kind for _, kind, _ in ledger]
    assert kinds == [KIND_ACCOUNT] + [KIND_ENTRIES] * (len(ledger) - 1)
    assert max(len(entry) for _, _, entry in ledger) < 300 * 1024
    read = [item.entry for _, kind, entry in ledger if kind == KIND_ENTRIES for item in parse_account_entries(entry)]
    assert read == entries


def test_an_entry_opens_its_account_and_two_accounts_have_two_places() -> None:
    """Accounts start empty in each incarnation; an entry for one must not be lost or stop the gateway."""

    async def scenario() -> None:
        journals = UnsafeMemoryJournals()
        sequencer, book = await a_store(journals)
        running = asyncio.create_task(sequencer.run())
        names = [f"source{n}".encode() for n in range(9)]

        await sequencer.submit(Entering([], "a", also=lambda plan: [plan.enter(name, b"x") for name in names] and None))

        assert {account.place for account in book.accounts.values()} <= set(range(16))
        assert len({account.place for account in book.accounts.values()}) == 10
        running.cancel()

    asyncio.run(scenario())
