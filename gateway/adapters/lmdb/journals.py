"""`LmdbJournals`: the port `Journals` over one LMDB environment.

    journals = LmdbJournals.create(path, kek, genesis)          # once, by `sluice init`
    journals = LmdbJournals.open(path, kek, genesis=genesis)    # refuses the store of another genesis
    journals.verify()                                           # before anything is acknowledged

Durable means LMDB's commit with `sync` and `metasync`: the data by fdatasync, then synchronously the page that makes it
valid. What this adapter cannot do: tell an older, whole store from the present one (the floor and the last tick do),
or survive a disk that lies about fsync.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb

from gateway.adapters.chain import Damage, Link, journal_damaged
from gateway.adapters.lmdb.environment import DEFAULT_MAP_BYTES, DEFAULT_SIZE_LIMIT, Environment, store_latched
from gateway.adapters.lmdb.layout import Layout
from gateway.adapters.lmdb.sealing import KEY_BYTES
from gateway.adapters.lmdb.writer import Writer
from gateway.adapters.tail import Tail
from gateway.core.errors import CallerError, Fault
from gateway.core.suite.numbers import HASH_BYTES
from gateway.ports.journal import Append, Head, Journal, Stored

_VERIFY_SLICE = 32


class LmdbJournals:
    """Made by `create` or `open`; holds the store until `close`."""

    def __init__(self, environment: Environment, layout: Layout, genesis: bytes) -> None:
        self.genesis = genesis
        self._environment = environment
        self._layout = layout
        with environment.reading() as txn:
            self._tail = Tail({journal: layout.head(txn, journal) for journal in Journal})
        self._writer = Writer(self._tail, self._store)

    @classmethod
    def create(
        cls,
        path: Path,
        kek: bytes,
        genesis: bytes,
        *,
        map_bytes: int = DEFAULT_MAP_BYTES,
        size_limit: int = DEFAULT_SIZE_LIMIT,
    ) -> LmdbJournals:
        """A new store in a folder that is new or empty (`store-exists`).

        `kek`: 32 bytes, to be kept elsewhere; `genesis`: 48 bytes, the link of the first statement; `map_bytes`:
        address space taken at first, doubled when it is full; `size_limit`: bytes the store may ever have.
        """
        _check_length("genesis", genesis, HASH_BYTES)
        _check_length("key-encryption key", kek, KEY_BYTES)
        environment = Environment.create(path, map_bytes, size_limit)
        try:
            layout = environment.write(lambda txn: Layout.create(environment.lmdb, txn, kek, genesis), 0)
            environment.sync_names()
            return cls(environment, layout, genesis)
        except BaseException:
            environment.close()
            raise

    @classmethod
    def open(
        cls,
        path: Path,
        kek: bytes,
        *,
        genesis: bytes | None = None,
        map_bytes: int = DEFAULT_MAP_BYTES,
        size_limit: int = DEFAULT_SIZE_LIMIT,
        read_only: bool = False,
    ) -> LmdbJournals:
        """An existing store, whose journals are appended to only after their last entries were found whole.

        `genesis`: the one the store must belong to; None takes the store's own. `read_only`: to look at a store that
        nobody runs from; nothing is written beside it, and a commit is refused. Raises `Fault`: `store-missing`,
        `store-in-use`, `store-damaged`, `store-unfinished`, `store-format`, `kek-wrong`, `store-of-another-genesis`,
        `journal-damaged`. Costs one walk over the pages of the file, about 0.6 s a gigabyte.
        """
        _check_length("key-encryption key", kek, KEY_BYTES)
        environment = Environment.open(path, map_bytes, size_limit, read_only=read_only)
        try:
            layout = Layout.open(environment.lmdb, kek)
            with environment.reading() as txn:
                of_store = layout.read_store(txn)
            if genesis is not None:
                _check_genesis(genesis, of_store, path)
            return cls(environment, layout, of_store)
        except Damage as damage:
            environment.close()
            raise journal_damaged(damage) from damage
        except BaseException:
            environment.close()
            raise

    def check_genesis(self, genesis: bytes) -> None:
        """Raises `store-of-another-genesis` unless the store was made for this one."""
        _check_genesis(genesis, self.genesis, Path(self._environment.lmdb.path()))

    def head(self, journal: Journal) -> Head:
        """The journal's end, as last committed."""
        self._environment.check_open()
        return self._tail.heads[journal]

    async def commit(self, appends: Sequence[Append]) -> None:
        """Durably appends the list as one; the port says what it promises and raises."""
        await self._writer.submit(tuple(appends))

    def _store(self, links: Sequence[Link]) -> None:
        size = sum(len(link.entry) for link in links)
        try:
            made = self._environment.write(lambda txn: self._layout.write(txn, links), size)
        except Damage as damage:
            raise store_latched(f"{damage.at} is damaged, {damage.message}") from damage
        self._layout.keep(made)

    def read(self, journal: Journal, position: int, limit: int = 64) -> list[Stored]:
        """At most `limit` entries from `position` on."""
        span = self._tail.span(journal, position, limit)
        with self._environment.reading() as txn:
            return list(self._follow(txn, journal, span))

    def _follow(self, txn: lmdb.Transaction[memoryview], journal: Journal, span: range) -> Iterator[Stored]:
        chain = self._layout.chain_before(txn, journal, span.start) if span else b""
        for position in span:
            stored, chain = self._layout.open_row(txn, journal, position, chain)
            yield stored

    async def wait_beyond(self, journal: Journal, size: int) -> None:
        """Returns once the journal holds more than `size` entries."""
        await self._tail.wait_beyond(journal, size)

    def verify(self) -> None:
        """Opens every entry and recomputes every chain, in slices so that the store can grow meanwhile."""
        self._environment.check_open()
        for journal, head in self._tail.heads.items():
            for start in range(0, head.size, _VERIFY_SLICE):
                span = range(start, min(start + _VERIFY_SLICE, head.size))
                try:
                    with self._environment.reading() as txn:
                        # One entry at a time: a slice of large batches would not fit in memory together.
                        for _ in self._follow(txn, journal, span):
                            continue
                except Damage as damage:
                    raise journal_damaged(damage) from damage

    def close(self) -> None:
        """Finishes queued commits, then releases the files; may block as long as those commits take."""
        self._writer.close()
        self._environment.close()


def _check_genesis(genesis: bytes, of_store: bytes, path: Path) -> None:
    if genesis != of_store:
        raise Fault(
            "store-of-another-genesis",
            f"the store must belong to genesis {genesis.hex()[:8]}, it belongs to {of_store.hex()[:8]}",
            at=str(path),
        )


def _check_length(name: str, value: bytes, expected: int) -> None:
    if len(value) != expected:
        raise CallerError("store-argument", f"the {name} has {expected} bytes, {len(value)} came", at=name)
