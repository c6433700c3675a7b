"""The one task that commits: it gathers what waits, appends it as one list, then folds and signals.

Publish, release, govern and the ticker submit jobs; a job prepares its appends, and hears that they are durable. Live
disclosures of the batches of one commit join the same list, so record, acknowledgement and disclosure are durable
together and before anything goes on a wire.

INVARIANT: memory changes only from here, in commit order; the book folds what was committed, never what was planned.
A failed commit stops the task and with it the gateway: after a failed sync nobody knows what the disk holds.
Source: architecture sections 2 and 7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.core.errors import Fault, GatewayError
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_TICK,
    AccountEntry,
    Book,
    encode_account,
    encode_account_entries,
)
from gateway.core.records.states import InspectedBatch, StoredBatch
from gateway.ports.journal import Append, Journal, Journals

MAX_JOBS = 64
MAX_PLAN_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Admission:
    """A batch of this commit: its RECORDS position and both forms of it."""

    position: int
    inspected: InspectedBatch
    stored: StoredBatch


class Plan:
    """One commit being put together; positions are promised in the order of the calls."""

    def __init__(self, journals: Journals, book: Book) -> None:
        self._book = book
        self._next = {journal: journals.head(journal).size for journal in Journal}
        self.records_size_before = self._next[Journal.RECORDS]
        self._appends: list[Append] = []
        self._ledger_first: list[tuple[int, bytes]] = []
        self._entries: list[AccountEntry] = []
        self._ledger_last: list[tuple[int, bytes]] = []
        self._opened: dict[bytes, int] = {}
        self.admissions: list[Admission] = []
        self.after: list[Callable[[], None]] = []

    def append(self, journal: Journal, kind: int, entry: bytes, chained: bytes | None = None) -> int:
        """Adds an entry to RECORDS or CONTROL; returns its position."""
        position = self._next[journal]
        self._next[journal] = position + 1
        self._appends.append(Append(journal, position, kind, entry, chained))
        return position

    def open_account(self, account_id: bytes, random: int) -> None:
        """Makes sure the account exists from this commit on."""
        if self._book.account_of(account_id) is None and account_id not in self._opened:
            place = self._book.free_place(random, self._opened.values())
            self._opened[account_id] = place
            self._ledger_first.append((KIND_ACCOUNT, encode_account(account_id, place)))

    def enter(self, account_id: bytes, entry: bytes, opening: bytes = b"") -> None:
        """Adds an entry to an account that is open."""
        self._entries.append(AccountEntry(account_id, entry, opening))

    def tick(self, entry: bytes) -> None:
        """Adds a signed tick."""
        self._ledger_last.append((KIND_TICK, entry))

    @property
    def grows_accounts(self) -> bool:
        """Whether a new tick is due after this commit."""
        return bool(self._ledger_first or self._entries)

    def ledger(self) -> list[tuple[int, int, bytes]]:
        """(position, kind, entry) of the LEDGER appends in order."""
        items = list(self._ledger_first)
        if self._entries:
            items.append((KIND_ENTRIES, encode_account_entries(self._entries)))
        items += self._ledger_last
        start = self._next[Journal.LEDGER]
        return [(start + i, kind, entry) for i, (kind, entry) in enumerate(items)]

    def appends(self, ledger: list[tuple[int, int, bytes]]) -> list[Append]:
        """Everything to commit, RECORDS and CONTROL before the LEDGER that speaks of them."""
        return self._appends + [Append(Journal.LEDGER, position, kind, entry) for position, kind, entry in ledger]


class Job(Protocol):
    """Work for the sequencer. `prepare` runs before the commit and may refuse; `committed` runs when it is durable."""

    def prepare(self, plan: Plan) -> None:
        """Adds to the plan, or raises a GatewayError having added nothing."""
        ...

    def committed(self) -> None:
        """Signals; must not fail."""
        ...


class Sequencer:
    """Runs jobs in the order they were submitted."""

    def __init__(self, journals: Journals, book: Book) -> None:
        self._journals = journals
        self._book = book
        self._waiting: asyncio.Queue[tuple[Job, asyncio.Future[None]]] = asyncio.Queue(maxsize=4 * MAX_JOBS)
        self._stopped: Fault | None = None
        self.grown = asyncio.Event()
        self.disclose: Callable[[Plan], None] = lambda plan: None

    async def submit(self, job: Job) -> None:
        """Returns when the job is durable; raises what its `prepare` refused, or the Fault that stopped the store.

        A caller that is cancelled does not undo its job.
        """
        if self._stopped is not None:
            raise self._stopped
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._waiting.put((job, done))
        await done

    async def run(self) -> None:
        """Until cancelled, or until a commit fails: then every waiting job hears the Fault, and it is raised."""
        try:
            while True:
                jobs = [await self._waiting.get()]
                while len(jobs) < MAX_JOBS and not self._waiting.empty():
                    jobs.append(self._waiting.get_nowait())
                await self._commit(jobs)
        except Fault as fault:
            self._stopped = fault
            while not self._waiting.empty():
                _tell(self._waiting.get_nowait()[1], fault)
            raise

    async def _commit(self, jobs: list[tuple[Job, asyncio.Future[None]]]) -> None:
        plan = Plan(self._journals, self._book)
        prepared = []
        for job, done in jobs:
            try:
                job.prepare(plan)
            except GatewayError as refusal:
                _tell(done, refusal)
            else:
                prepared.append((job, done))
        self.disclose(plan)
        ledger = plan.ledger()
        appends = plan.appends(ledger)
        try:
            if appends:
                await self._journals.commit(appends)
        except Fault as fault:
            for _, done in prepared:
                _tell(done, fault)
            raise
        for position, kind, entry in ledger:
            self._book.apply(position, kind, entry)
        for job, done in prepared:
            job.committed()
            _tell(done, None)
        for signal in plan.after:
            signal()
        if plan.grows_accounts:
            self.grown.set()


def _tell(done: asyncio.Future[None], error: GatewayError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
