"""The one thread that commits: it takes whatever lists are queued, commits them as one transaction, answers them all.

Grouping shares one fsync between lists that arrived together. A list that is refused is left out of the transaction
before anything is written, so it cannot spoil its neighbours; each list is in the transaction whole. Hashing and
sealing happen here and not on the loop. INVARIANT: every list submitted is answered, whatever ends the thread.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.adapters.chain import Link, link
from gateway.adapters.lmdb.environment import store_closed, store_latched
from gateway.adapters.tail import Outcome, Tail, settle
from gateway.core.errors import Fault, GatewayError
from gateway.ports.journal import Append, Head, Journal

_GROUP_LISTS = 256
_GROUP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Submission:
    appends: Sequence[Append]
    done: asyncio.Future[None]

    @property
    def size(self) -> int:
        return sum(len(append.entry) for append in self.appends)


class Writer:
    """Owns the thread, the queue and the latch; `store` writes links durably or raises a `Fault`."""

    def __init__(self, tail: Tail, store: Callable[[Sequence[Link]], None]) -> None:
        self._tail = tail
        self._store = store
        self._queue: queue.SimpleQueue[_Submission | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._shut: Callable[[], Fault] | None = None
        self._latched: Callable[[], Fault] | None = None
        self._in_hand: list[_Submission] = []
        # A daemon, so that a process that forgets to close still ends; what it loses was never answered.
        self._thread = threading.Thread(target=self._run, name="sluice-journal-writer", daemon=True)
        self._thread.start()

    def submit(self, appends: Sequence[Append]) -> asyncio.Future[None]:
        """Queues one list behind all earlier ones; the future of the running loop says how it ended."""
        done = asyncio.get_running_loop().create_future()
        with self._door:
            # INVARIANT: nothing is queued behind the closing mark or after the end of the thread.
            if self._shut is not None:
                raise self._shut()
            self._queue.put(_Submission(appends, done))
        return done

    def close(self) -> None:
        """Finishes what is queued and ends the thread; calling it again only waits for that."""
        with self._door:
            self._shut = store_closed
            self._queue.put(None)
        self._thread.join()
        settle(self._tail.end(store_closed))

    def _run(self) -> None:
        try:
            while self._take_group():
                settle(self._commit_group(self._in_hand))
        finally:
            self._answer_all()

    def _take_group(self) -> bool:
        """Waits for one list and takes those queued behind it; False at the closing mark."""
        self._in_hand = []
        size = 0
        submission = self._queue.get()
        while submission is not None:
            self._in_hand.append(submission)
            size += submission.size
            if len(self._in_hand) >= _GROUP_LISTS or size >= _GROUP_BYTES:
                return True
            try:
                submission = self._queue.get_nowait()
            except queue.Empty:
                return True
        if not self._in_hand:
            return False
        self._queue.put(None)
        return True

    def _commit_group(self, group: Sequence[_Submission]) -> list[Outcome]:
        heads: Mapping[Journal, Head] = self._tail.heads
        links: list[Link] = []
        refusals: list[GatewayError | None] = []
        for submission in group:
            try:
                if self._latched is not None:
                    raise self._latched()
                linked, heads = link(heads, submission.appends)
            except GatewayError as refusal:
                refusals.append(refusal)
            else:
                refusals.append(None)
                links += linked
        try:
            if links:
                self._store(links)
        except Fault as fault:
            waits = self._latch(fault)
            return _outcomes(group, [refusal or _again(fault) for refusal in refusals]) + waits
        # Heads move before anyone is answered: whoever resumes from a commit reads what it committed.
        waits = self._tail.advance(heads)
        return _outcomes(group, refusals) + waits

    def _latch(self, fault: Fault) -> list[Outcome]:
        latched = fault if fault.code == "store-latched" else store_latched(fault.message)
        self._latched = lambda: _again(latched)
        return self._tail.end(self._latched)

    def _answer_all(self) -> None:
        """At the thread's end: after `close` nothing is left; after an error nobody foresaw, the store latches."""
        with self._door:
            if self._shut is store_closed and not self._in_hand:
                return
            self._shut = self._shut or _writer_ended
            left = list(self._in_hand)
            while not self._queue.empty():
                submission = self._queue.get_nowait()
                if submission is not None:
                    left.append(submission)
        settle(_outcomes(left, [_writer_ended() for _ in left]) + self._tail.end(_writer_ended))


def _outcomes(group: Sequence[_Submission], errors: Sequence[GatewayError | None]) -> list[Outcome]:
    return [(submission.done, error) for submission, error in zip(group, errors, strict=True)]


def _again(fault: Fault) -> Fault:
    """The same error as an object of its own: a raised one gathers the traceback of each task that raises it."""
    return Fault(fault.code, fault.message, at=fault.at, do=fault.do)


def _writer_ended() -> Fault:
    return store_latched("its writer ended before its time")
