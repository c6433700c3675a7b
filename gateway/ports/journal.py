"""The one store: three journals of entries, committed as a list and read from a position.

Everything else the gateway knows is a fold over them. Adapters: LMDB for real use, `UnsafeMemoryJournals` for tests;
both pass `tests/contract/test_journals.py`. Source: architecture section 2, SPEC.md section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Journal(IntEnum):
    """Which of the three; the number enters the chain."""

    RECORDS = 1
    CONTROL = 2
    LEDGER = 3


@dataclass(frozen=True, slots=True)
class Append:
    """One entry to add.

    expected_position: the number of entries the journal must hold before this one.
    kind: u8, chosen by the use case, part of the chain.
    entry: the plaintext; sealed at rest by the adapter.
    chained: the bytes whose hash enters the chain; None means `entry` itself (RECORDS chains B, so that a batch can
        later be rewritten without its disclosures).
    """

    journal: Journal
    expected_position: int
    kind: int
    entry: bytes
    chained: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as read back."""

    position: int
    kind: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a journal ends: `size` entries, and the chain value over them (48 bytes, zero when empty)."""

    size: int
    chain: bytes


class Journals(Protocol):
    """Durable, ordered, append-only.

    Durability: when `commit` returns, every entry of the list survives a process or power failure.
    Order: entries of one list and of successive commits appear in the order given; a list is applied as one or not
    at all.
    Expectation: if any `expected_position` is not the journal's head (counting earlier appends of the same list),
    `commit` raises `Fault("head-moved")` and nothing is applied.
    Bounds: a kind outside u8 or an entry above 16 MiB raises `CallerError("append-malformed")` and nothing of the
    list is applied.
    Concurrency: `commit` may be called from many tasks; one writer applies them one after another in call order.
    One list that is refused does not touch the others.
    Cancellation: a commit whose await is cancelled is applied all the same.
    Failure: after any write or sync error the store latches: that commit and every later one raises
    `Fault("store-latched")` until it is opened again, because a failed fsync may have lost what was written. A full
    store raises `Fault("store-full")` and latches too. A commit that failed so may be found after opening again,
    whole or not at all.
    Reading: `read`, `head` and `verify` may be called at any time, from any thread, latched or not, and see only
    committed entries. `read` never shows an entry beyond `head`. After an error of the disk `read` and `verify` may
    raise `Fault("store-unreadable")`.
    """

    def head(self, journal: Journal) -> Head:
        """The journal's end, as last committed."""
        ...

    async def commit(self, appends: Sequence[Append]) -> None:
        """Durably appends the list as one; see the class for what it promises and raises."""
        ...

    def read(self, journal: Journal, position: int, limit: int = 64) -> list[Stored]:
        """At most `limit` entries from `position` (0 or more) on, ascending; empty at the head.

        `Fault("entry-damaged")` if one does not open or does not match its chain; `at` names journal and position.
        """
        ...

    async def wait_beyond(self, journal: Journal, size: int) -> None:
        """Returns once the journal holds more than `size` entries.

        Raises what `commit` would if none can come any more, because the store latched or was closed.
        """
        ...

    def verify(self) -> None:
        """Recomputes every chain from the first entry; `Fault("journal-damaged")` names journal and position."""
        ...

    def close(self) -> None:
        """Finishes queued commits and releases the store; calling it again does nothing.

        Afterwards every other call raises `Fault("store-closed")`.
        """
        ...
