"""The committed heads, who waits for them to move, and the way back to the loops of those who wait.

A writer on any thread advances the tail; tasks on any loop read and await it. INVARIANT: whoever waits is woken when
the journal passes the size asked for, or told that it never will; nobody waits for ever.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping

from gateway.core.errors import CallerError, GatewayError
from gateway.ports.journal import Head, Journal

Outcome = tuple["asyncio.Future[None]", GatewayError | None]


class Tail:
    """Heads of the three journals as last committed."""

    def __init__(self, heads: Mapping[Journal, Head]) -> None:
        self._lock = threading.Lock()
        self._heads = dict(heads)
        self._waiting: dict[asyncio.Future[None], tuple[Journal, int]] = {}
        self._ending: Callable[[], GatewayError] | None = None

    @property
    def heads(self) -> Mapping[Journal, Head]:
        """All heads of one moment: a commit replaces the mapping and never changes it."""
        return self._heads

    def span(self, journal: Journal, position: int, limit: int) -> range:
        """The committed positions a read of `limit` entries from `position` on covers."""
        if position < 0:
            raise CallerError("position-negative", f"a position is 0 or more, {position} came", at="position")
        return range(position, min(position + limit, self._heads[journal].size))

    def advance(self, heads: Mapping[Journal, Head]) -> list[Outcome]:
        """Publishes new heads; returns the outcomes of those whose wait is over, for `settle`."""
        with self._lock:
            self._heads = dict(heads)
            ready = [wait for wait, (journal, size) in self._waiting.items() if heads[journal].size > size]
            for wait in ready:
                del self._waiting[wait]
        return [(wait, None) for wait in ready]

    def end(self, ending: Callable[[], GatewayError]) -> list[Outcome]:
        """No head moves any more: present and later waits raise what `ending` makes, one error each."""
        with self._lock:
            self._ending = ending
            ended = list(self._waiting)
            self._waiting.clear()
        return [(wait, ending()) for wait in ended]

    async def wait_beyond(self, journal: Journal, size: int) -> None:
        """Returns once the journal holds more than `size` entries."""
        with self._lock:
            # The check and the entry in the list are one step under the lock: a commit between them would be missed.
            if self._heads[journal].size > size:
                return
            if self._ending is not None:
                raise self._ending()
            wait = asyncio.get_running_loop().create_future()
            self._waiting[wait] = (journal, size)
        try:
            await wait
        finally:
            with self._lock:
                self._waiting.pop(wait, None)


def settle(outcomes: Iterable[Outcome]) -> None:
    """Tells each waiting task its outcome on its own loop, in the order given; callable from any thread.

    One wake-up per loop whatever the number of outcomes: waking a loop costs more than resolving a future.
    """
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].get_loop(), []).append(outcome)
    for loop, of_loop in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, of_loop)
        except RuntimeError:
            # The loop is closed, so the tasks that waited on it are gone.
            continue


def _resolve(outcomes: list[Outcome]) -> None:
    for future, error in outcomes:
        if future.done():  # its task was cancelled
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
