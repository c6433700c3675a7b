"""The one task that commits: it gathers what waits, appends it as one list, then folds and signals.

Publish, release, govern and the ticker submit jobs; a job prepares its appends, and hears that they are durable. Live
disclosures of the batches of one commit join the same list, so record, acknowledgement and disclosure are durable
together and before anything goes on a wire.

INVARIANT: the book changes only from here, in commit order; it folds what was committed, never what was planned. What a
job promises in its `prepare` (a lane's next number, a stream's place) is told to nobody before the commit.
A failed commit stops the task and with it the gateway: after a failed sync nobody knows what the disk holds. Whatever
ends the task, everyone who waits hears of it.
Source: architecture sections 2 and 7.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from gateway.core.errors import CallerError, Fault, GatewayError
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    KIND_TICK,
    AccountEntry,
    Book,
    encode_account,
    encode_account_entries,
)
from gateway.core.records.states import InspectedBatch, StoredBatch
from gateway.ports.journal import Append, Journal, Journals

MAX_JOBS = 64
# One transaction, and how long the next one waits for it, are bounded by bytes and not by jobs alone.
MAX_PLAN_BYTES = 8 * 1024 * 1024
# Account entries of one commit are cut into journal entries of about this size: far below what a journal takes, and
# little to parse for whoever reads one of them back.
_ENTRIES_BYTES = 256 * 1024


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

    def position_of_next(self, journal: Journal) -> int:
        """Where the next entry of the journal goes, behind all that this commit has."""
        return self._next[journal]

    def append(self, journal: Journal, kind: int, entry: bytes, chained: bytes | None = None) -> int:
        """Adds an entry to RECORDS or CONTROL; returns its position."""
        position = self._next[journal]
        self._next[journal] = position + 1
        self._appends.append(Append(journal, position, kind, entry, chained))
        return position

    def begin_incarnation(self, incarnation: bytes) -> None:
        """Another incarnation begins with this commit; before any account, and with a book that has none."""
        self._ledger_first.append((KIND_INCARNATION, incarnation))

    def open_account(self, account_id: bytes) -> None:
        """Makes sure the account exists from this commit on."""
        if self._book.account_of(account_id) is None and account_id not in self._opened:
            place = self._book.free_place(secrets.randbits(64), self._opened.values())
            self._opened[account_id] = place
            self._ledger_first.append((KIND_ACCOUNT, encode_account(account_id, place)))

    @property
    def opened(self) -> Iterable[bytes]:
        """Ids of the accounts that this commit opens so far."""
        return self._opened

    def enter(self, account_id: bytes, entry: bytes, opening: bytes = b"") -> None:
        """Adds an entry to an account, which is opened if it is not there: accounts start empty in each incarnation."""
        self.open_account(account_id)
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
        items += [(KIND_ENTRIES, encode_account_entries(group)) for group in _groups(self._entries)]
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


def _groups(entries: list[AccountEntry]) -> list[list[AccountEntry]]:
    groups: list[list[AccountEntry]] = []
    size = _ENTRIES_BYTES
    for item in entries:
        if size >= _ENTRIES_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(item)
        size += len(item.account_id) + len(item.entry) + len(item.opening)
    return groups


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    size: int
    done: asyncio.Future[None]

    def tell(self, error: GatewayError | None) -> None:
        if self.done.done():  # its caller was cancelled
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Sequencer:
    """Runs jobs in the order they were submitted."""

    def __init__(self, journals: Journals, book: Book) -> None:
        self._journals = journals
        self._book = book
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(maxsize=4 * MAX_JOBS)
        self._in_hand: list[_Waiting] = []
        self._stopped: Fault | None = None
        self.grown = asyncio.Event()
        self.disclose: Callable[[Plan], None] = lambda plan: None

    async def submit(self, job: Job, *, size: int = 0) -> None:
        """Returns when the job is durable; raises what its `prepare` refused, or the Fault that stopped the store.

        size: about how many bytes it adds. A caller that is cancelled does not undo its job.
        """
        waiting = _Waiting(job, size, asyncio.get_running_loop().create_future())
        if self._stopped is None:
            await self._waiting.put(waiting)
        # Looked at again: the task may have ended while this caller stood in the line for a place in the queue.
        if self._stopped is not None:
            raise _again(self._stopped)
        await waiting.done

    async def run(self) -> None:
        """Until cancelled, or until a commit fails: then every waiting job hears the Fault, and it is raised."""
        try:
            while True:
                await self._commit(await self._gather())
        except Fault as fault:
            self._end(fault)
            raise
        finally:
            self._end(Fault("stopping", "the gateway must run to take anything, it is stopping"))

    async def _gather(self) -> list[_Waiting]:
        jobs = [await self._waiting.get()]
        size = jobs[0].size
        while len(jobs) < MAX_JOBS and size < MAX_PLAN_BYTES and not self._waiting.empty():
            jobs.append(self._waiting.get_nowait())
            size += jobs[-1].size
        self._in_hand = jobs
        return jobs

    def _end(self, fault: Fault) -> None:
        if self._stopped is not None:
            return
        self._stopped = fault
        left = list(self._in_hand)
        while not self._waiting.empty():
            left.append(self._waiting.get_nowait())
        for waiting in left:
            waiting.tell(_again(fault))

    async def _commit(self, jobs: list[_Waiting]) -> None:
        plan = Plan(self._journals, self._book)
        prepared = []
        for waiting in jobs:
            try:
                waiting.job.prepare(plan)
            except GatewayError as refusal:
                waiting.tell(refusal)
            else:
                prepared.append(waiting)
        self.disclose(plan)
        ledger = plan.ledger()
        appends = plan.appends(ledger)
        if appends:
            await self._write(appends)
        for position, kind, entry in ledger:
            self._book.apply(position, kind, entry)
        for waiting in prepared:
            waiting.job.committed()
            waiting.tell(None)
        for signal in plan.after:
            signal()
        if plan.grows_accounts:
            self.grown.set()
        self._in_hand = []

    async def _write(self, appends: list[Append]) -> None:
        try:
            await self._journals.commit(appends)
        except CallerError as error:
            # What the gateway plans is the gateway's own; nobody else can mend it.
            raise Fault("commit-refused", f"the store must take what is committed: {error.message}") from error


def _again(fault: Fault) -> Fault:
    """The same error as an object of its own: a raised one gathers the traceback of each task that raises it."""
    return Fault(fault.code, fault.message, at=fault.at, do=fault.do)
