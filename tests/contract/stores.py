"""The journal adapters under one roof: how a test makes a store, restarts it, damages it and lets its disk fail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from gateway.adapters.lmdb import LmdbJournals
from gateway.adapters.memory import UnsafeMemoryJournals
from gateway.ports.journal import Append, Journal, Journals

KEK = bytes(range(32))
GENESIS = bytes(range(48))


def an_append(
    journal: Journal, position: int, entry: bytes = b"entry", *, kind: int = 1, chained: bytes | None = None
) -> Append:
    """An append that shows only what matters."""
    return Append(journal, position, kind, entry, chained)


class Stores(Protocol):
    """What the suite needs of an adapter beyond the port itself."""

    def fresh(self) -> Journals:
        """An empty store."""
        ...

    def reopened(self, journals: Journals) -> Journals:
        """The same store after the process ended."""
        ...

    def damage(self, journals: Journals, journal: Journal, position: int) -> None:
        """One stored entry changes on the disk; nothing was appended to the journal behind it."""
        ...

    def let_write_fail(self, journals: Journals) -> Journals:
        """The store, or one like it, whose next commit meets an error of the disk."""
        ...

    def let_last_write_fail(self, journals: Journals) -> Journals:
        """The same, but reading may fail with it."""
        ...

    def nearly_full(self) -> Journals:
        """An empty store without room for ten megabytes."""
        ...


class MemoryStores:
    """`UnsafeMemoryJournals`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fresh(self) -> Journals:
        """An empty store."""
        return UnsafeMemoryJournals()

    def reopened(self, journals: Journals) -> Journals:
        """What it holds after its process ended."""
        return _memory(journals).reopened()

    def damage(self, journals: Journals, journal: Journal, position: int) -> None:
        """Marks the entry."""
        _memory(journals).damage(journal, position)

    def let_write_fail(self, journals: Journals) -> Journals:
        """The same entries in a store that fails at once, its failed commit written."""
        return self._failing(journals, UnsafeMemoryJournals(fail_after=0, failed_commit_stays=True))

    def let_last_write_fail(self, journals: Journals) -> Journals:
        """The same entries in a store that fails at once and is not read any more."""
        return self._failing(journals, UnsafeMemoryJournals(fail_after=0, unreadable=True))

    def _failing(self, journals: Journals, failing: UnsafeMemoryJournals) -> Journals:
        failing._rows, failing._tail = _memory(journals)._rows, _memory(journals)._tail
        return failing

    def nearly_full(self) -> Journals:
        """A store that takes two commits."""
        return UnsafeMemoryJournals(fail_after=2, full=True)


def _memory(journals: Journals) -> UnsafeMemoryJournals:
    assert isinstance(journals, UnsafeMemoryJournals)
    return journals


class LmdbStores:
    """`LmdbJournals` on the real filesystem."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "store"

    def fresh(self) -> Journals:
        """An empty store."""
        return LmdbJournals.create(self._path, KEK, GENESIS)

    def reopened(self, journals: Journals) -> Journals:
        """Closed, and opened from its files."""
        journals.close()
        return LmdbJournals.open(self._path, KEK)

    def damage(self, journals: Journals, journal: Journal, position: int) -> None:
        """Flips one bit of the entry's ciphertext, in every copy that the file holds of its page."""
        flip_behind(self._path / "data.mdb", journals.head(journal).chain)

    def let_write_fail(self, journals: Journals) -> Journals:
        """Puts a descriptor that only reads in the place of those that LMDB writes with."""
        return self._unwritable(journals, descriptors_of(self._path / "data.mdb"))

    def let_last_write_fail(self, journals: Journals) -> Journals:
        """Takes only the descriptor of the write that makes a commit valid; LMDB then refuses even to read."""
        return self._unwritable(journals, [synchronous_descriptor_of(self._path / "data.mdb")])

    def _unwritable(self, journals: Journals, descriptors: list[int]) -> Journals:
        read_only = os.open(self._path / "data.mdb", os.O_RDONLY)
        for descriptor in descriptors:
            os.dup2(read_only, descriptor)
        os.close(read_only)
        return journals

    def nearly_full(self) -> Journals:
        """A store of two mebibytes."""
        return LmdbJournals.create(self._path, KEK, GENESIS, size_limit=2 * 1024 * 1024)


def descriptors_of(path: Path) -> list[int]:
    """Where this process has a file open."""
    return [int(link.name) for link in Path("/proc/self/fd").iterdir() if link.exists() and link.samefile(path)]


def synchronous_descriptor_of(path: Path) -> int:
    """The one that LMDB has for its last write; there is none unless `metasync` is on."""
    for descriptor in descriptors_of(path):
        flags = Path(f"/proc/self/fdinfo/{descriptor}").read_text("ascii").split("flags:")[1].split()[0]
        if int(flags, 8) & os.O_DSYNC:
            return descriptor
    raise LookupError("no descriptor writes synchronously")


def flip_behind(data: Path, chain: bytes) -> None:
    """Flips the lowest bit of the fourth ciphertext byte in each row that starts with this chain value."""
    content = bytearray(data.read_bytes())
    found = content.find(chain)
    assert found >= 0, "no row starts with this chain value"
    while found >= 0:
        content[found + 48 + 60 + 3] ^= 1
        found = content.find(chain, found + 1)
    data.write_bytes(content)
