"""`UnsafeMemoryJournals`: the port `Journals` in a list, with failures on demand; nothing is durable, hence the name.

A verified fake: it passes the suite that LMDB passes, links through the same code, and yields to the loop where LMDB
would wait for the disk, so that a test cannot lean on a commit being over before another task runs.

    journals = UnsafeMemoryJournals(fail_after=3, failed_commit_stays=True)     # the fourth fails, yet was written
    ...
    journals = journals.reopened()                                              # what a restart would find
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from gateway.adapters.chain import EMPTY_HEADS, Damage, Link, entry_damaged, journal_damaged, link
from gateway.adapters.tail import Tail, settle
from gateway.core.errors import Fault
from gateway.ports.journal import Append, Head, Journal, Stored


class UnsafeMemoryJournals:
    """fail_after: how many lists are committed before one fails; None never fails.

    full: whether that one finds the store full, instead of failing to write.
    unreadable: whether reading fails too from then on.
    failed_commit_stays: whether the list that failed is there after `reopened`: an error and the write happened, the
        case everyone forgets.
    """

    def __init__(
        self,
        *,
        fail_after: int | None = None,
        full: bool = False,
        unreadable: bool = False,
        failed_commit_stays: bool = False,
    ) -> None:
        self._rows: dict[Journal, list[Link]] = {journal: [] for journal in Journal}
        self._tail = Tail(EMPTY_HEADS)
        self._commits_left = fail_after
        self._full = full
        self._unreadable = unreadable
        self._failed_commit_stays = failed_commit_stays
        self._failed: tuple[Sequence[Link], Mapping[Journal, Head]] | None = None
        self._damaged: set[tuple[Journal, int]] = set()
        self._closed = False

    def reopened(self) -> UnsafeMemoryJournals:
        """What opening the store again finds; this one is closed, and the new one does not fail."""
        self.close()
        twin = UnsafeMemoryJournals()
        twin._rows, twin._damaged = self._rows, self._damaged
        twin._tail = Tail(self._tail.heads)
        if self._failed is not None and self._failed_commit_stays:
            twin._apply(*self._failed)
        return twin

    def damage(self, journal: Journal, position: int) -> None:
        """From now on this entry does not open any more, as after a fault of the disk."""
        self._damaged.add((journal, position))

    def head(self, journal: Journal) -> Head:
        """The journal's end, as last committed."""
        self._check_open()
        return self._tail.heads[journal]

    async def commit(self, appends: Sequence[Append]) -> None:
        """Appends the list as one; the port says what it promises and raises."""
        self._check_open()
        try:
            self._commit(appends)
        finally:
            # Applied first, then yielded: a cancelled commit is applied all the same.
            await asyncio.sleep(0)

    def _commit(self, appends: Sequence[Append]) -> None:
        if self._failed is not None:
            raise _latched()
        links, heads = link(self._tail.heads, appends)
        if self._commits_left == 0:
            self._failed = (links, heads)
            settle(self._tail.end(_latched))
            raise Fault("store-full", "the store needs room, this test leaves it none") if self._full else _latched()
        if self._commits_left is not None:
            self._commits_left -= 1
        self._apply(links, heads)

    def _apply(self, links: Sequence[Link], heads: Mapping[Journal, Head]) -> None:
        for row in links:
            self._rows[row.journal].append(row)
        settle(self._tail.advance(heads))

    def read(self, journal: Journal, position: int, limit: int = 64) -> list[Stored]:
        """At most `limit` entries from `position` on."""
        self._check_readable()
        span = self._tail.span(journal, position, limit)
        for place in span:
            if (journal, place) in self._damaged:
                raise entry_damaged(journal, place, "it does not open")
        rows = self._rows[journal][span.start : span.stop]
        return [Stored(row.position, row.kind, row.entry) for row in rows]

    async def wait_beyond(self, journal: Journal, size: int) -> None:
        """Returns once the journal holds more than `size` entries."""
        await self._tail.wait_beyond(journal, size)

    def verify(self) -> None:
        """Reads every entry; chains cannot differ from what they were computed over here."""
        self._check_readable()
        for journal, head in self._tail.heads.items():
            try:
                self.read(journal, 0, head.size)
            except Damage as damage:
                raise journal_damaged(damage) from damage

    def close(self) -> None:
        """Ends all waits; the entries stay for `reopened`."""
        self._closed = True
        settle(self._tail.end(_closed))

    def _check_readable(self) -> None:
        self._check_open()
        if self._failed is not None and self._unreadable:
            raise Fault("store-unreadable", "the store must be readable, this test lets it fail")

    def _check_open(self) -> None:
        if self._closed:
            raise _closed()


def _latched() -> Fault:
    return Fault("store-latched", "no commit is taken until the store is opened again, one failed")


def _closed() -> Fault:
    return Fault("store-closed", "the store must be open, it was closed")
