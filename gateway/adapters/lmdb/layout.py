r"""Rows of the store: which databases it has, how an entry lies in one, what is checked when it is read back.

    store     "format" -> "SLUICE1/store-format\0" | suite | version u16            in clear, read before any key
              "record" -> wrap[60] | sealed("SLUICE1/store\0" | suite | genesis[48])      page 0, position 0
    pages     page u32 -> wrap[60] of the page key
    records   position u64 -> chain[48] | wrap[60] | sealed(kind u8 | lp8(H(chained), or empty) | entry)
    control   the same
    ledger    the same

The chain value stands beside the sealed entry so that reading from a position needs no earlier entry opened; kind and
H(chained) are sealed, so it cannot be recomputed for other content without the keys. Source: SPEC.md section 7.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import lmdb
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.adapters.chain import Link, chain_value, entry_damaged, place
from gateway.adapters.lmdb import sealing
from gateway.adapters.lmdb.sealing import (
    KEY_BYTES,
    NONCE_BYTES,
    PAGE_ENTRIES,
    STORE_PAGE,
    WRAP_BYTES,
    PageKeys,
    page_of,
)
from gateway.core.errors import Fault
from gateway.core.suite.algorithms import SUITE_BYTE, ZERO_HASH, digest
from gateway.core.suite.numbers import HASH_BYTES
from gateway.core.suite.octets import lp8, u8, u16, u32, u64
from gateway.ports.journal import Head, Journal, Stored

DATABASES: Final = 5
FORMAT: Final = b"SLUICE1/store-format\x00" + SUITE_BYTE + u16(1)
_STORE_TAG: Final = b"SLUICE1/store\x00" + SUITE_BYTE
_RANDOM_BYTES: Final = KEY_BYTES + NONCE_BYTES

if TYPE_CHECKING:
    _Transaction = lmdb.Transaction[bytes] | lmdb.Transaction[memoryview]


class Layout:
    """The open databases of one store and the keys of its pages."""

    def __init__(self, key_encryption_key: bytes, database: Callable[[bytes], lmdb._Database]) -> None:
        self._keys = PageKeys(key_encryption_key)
        self._store = database(b"store")
        self._pages = database(b"pages")
        self._journals = {journal: database(journal.name.lower().encode()) for journal in Journal}

    @classmethod
    def create(
        cls, environment: lmdb.Environment, txn: lmdb.Transaction[bytes], key_encryption_key: bytes, genesis: bytes
    ) -> Layout:
        """Makes an empty environment a store, once `txn` is committed."""
        layout = cls(key_encryption_key, lambda name: environment.open_db(name, txn=txn))
        page_key, page_wrap = layout._keys.make(STORE_PAGE, os.urandom(_RANDOM_BYTES))
        record = b"".join(_seal_under(page_key, STORE_PAGE, 0, os.urandom(_RANDOM_BYTES), _STORE_TAG + genesis))
        txn.put(u32(STORE_PAGE), page_wrap, db=layout._pages)
        txn.put(b"record", record, db=layout._store)
        txn.put(b"format", FORMAT, db=layout._store)
        return layout

    @classmethod
    def open(cls, environment: lmdb.Environment, key_encryption_key: bytes) -> Layout:
        """The databases of a store; `store-unfinished` if its making was cut short, else `store-unreadable`."""
        try:
            return cls(key_encryption_key, lambda name: environment.open_db(name, create=False))
        except lmdb.NotFoundError as error:
            raise store_unfinished(environment.path()) from error
        except lmdb.Error as error:
            raise Fault(
                "store-unreadable", f"LMDB must open the databases, it says `{error}`", at=environment.path()
            ) from error

    def read_store(self, txn: lmdb.Transaction[memoryview]) -> bytes:
        """The genesis link. Raises `store-format` for another version, `kek-wrong` for another key."""
        found = txn.get(b"format", db=self._store)
        if found is None or bytes(found) != FORMAT:
            raise Fault("store-format", "the store must be of format version 1, something else came")
        record = txn.get(b"record", b"", db=self._store)
        try:
            page_key = self._keys.get(STORE_PAGE, lambda: self._page_wrap(txn, STORE_PAGE))
            content = _unseal_under(page_key, STORE_PAGE, 0, record)
        except InvalidTag as error:
            raise Fault(
                "kek-wrong",
                "the key-encryption key must open the store's own record, it does not",
                do="give the key file that was made with this store",
            ) from error
        return content[len(_STORE_TAG) :]

    def write(self, txn: lmdb.Transaction[bytes], links: Iterable[Link]) -> dict[int, AESGCM]:
        """Adds the entries; returns the page keys made on the way, to be kept once the transaction is durable."""
        made: dict[int, AESGCM] = {}
        for link in links:
            page = page_of(link.journal, link.position)
            if link.position % PAGE_ENTRIES == 0:
                made[page], page_wrap = self._keys.make(page, os.urandom(_RANDOM_BYTES))
                _refuse_taken(txn.put(u32(page), page_wrap, db=self._pages, overwrite=False), link)
            page_key = made.get(page) or self._page_key(txn, link.journal, link.position)
            chained = b"" if link.chained_digest is None else link.chained_digest
            plaintext = b"".join((u8(link.kind), lp8(chained), link.entry))
            sealed = _seal_under(page_key, page, link.position, os.urandom(_RANDOM_BYTES), plaintext)
            # Joined once: an entry may have megabytes, and each copy costs as much as its encryption.
            row = b"".join((link.chain, *sealed))
            # Appending refuses a key that is not behind all others, so nothing stored is ever overwritten.
            _refuse_taken(txn.put(u64(link.position), row, db=self._journals[link.journal], append=True), link)
        return made

    def keep(self, made: dict[int, AESGCM]) -> None:
        """Page keys of a transaction that is durable now."""
        for page, page_key in made.items():
            self._keys.keep(page, page_key)

    def head(self, txn: lmdb.Transaction[memoryview], journal: Journal) -> Head:
        """Where a journal ends, its last entry opened; a journal with a hole or a damaged end raises `entry-damaged`.

        A store is never appended to behind an entry that does not match its chain.
        """
        size = txn.stat(self._journals[journal])["entries"]
        if size == 0:
            return Head(0, ZERO_HASH)
        with txn.cursor(self._journals[journal]) as cursor:
            cursor.last()
            if bytes(cursor.key()) != u64(size - 1):
                keys = enumerate(cursor.iternext(keys=True, values=False)) if cursor.first() else ()
                missing = next(position for position, key in keys if bytes(key) != u64(position))
                raise entry_damaged(journal, missing, "there is none")
        return Head(size, self.open_row(txn, journal, size - 1, self.chain_before(txn, journal, size - 1))[1])

    def chain_before(self, txn: lmdb.Transaction[memoryview], journal: Journal, position: int) -> bytes:
        """chain_{position-1} as stored, zero before the first."""
        if position == 0:
            return ZERO_HASH
        return bytes(self._row(txn, journal, position - 1)[:HASH_BYTES])

    def open_row(
        self, txn: lmdb.Transaction[memoryview], journal: Journal, position: int, previous: bytes
    ) -> tuple[Stored, bytes]:
        """One entry and its chain value; raises `entry-damaged` unless it opens and follows `previous`."""
        row = self._row(txn, journal, position)
        page_key = self._page_key(txn, journal, position)
        try:
            plaintext = _unseal_under(page_key, page_of(journal, position), position, row[HASH_BYTES:])
        except InvalidTag as error:
            raise entry_damaged(journal, position, "it does not open") from error
        kind, length = plaintext[0], plaintext[1]
        entry = plaintext[2 + length :]
        entry_digest = plaintext[2 : 2 + length] or digest(entry)
        chain = chain_value(journal, position, kind, entry_digest, previous)
        if chain != row[:HASH_BYTES]:
            raise entry_damaged(journal, position, "it does not follow the one before it")
        return Stored(position, kind, entry), chain

    def _row(self, txn: lmdb.Transaction[memoryview], journal: Journal, position: int) -> memoryview:
        row = txn.get(u64(position), db=self._journals[journal])
        if row is None:
            raise entry_damaged(journal, position, "there is none")
        return row

    def _page_key(self, txn: _Transaction, journal: Journal, position: int) -> AESGCM:
        page = page_of(journal, position)
        try:
            return self._keys.get(page, lambda: self._page_wrap(txn, page))
        except InvalidTag as error:
            raise entry_damaged(journal, position, "the key of its page does not open") from error

    def _page_wrap(self, txn: _Transaction, page: int) -> bytes:
        return bytes(txn.get(u32(page), b"", db=self._pages))


def store_unfinished(path: str) -> Fault:
    """The error for a store whose making ended before its one transaction; nothing was ever in it."""
    return Fault(
        "store-unfinished",
        "a store must have all its databases, making this one was cut short",
        at=path,
        do="remove the folder and make the store again",
    )


def _seal_under(page_key: AESGCM, page: int, position: int, randomness: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    data_key, nonce = randomness[:KEY_BYTES], randomness[KEY_BYTES:]
    return sealing.wrap(page_key, nonce, data_key, page, position), sealing.seal(data_key, plaintext)


def _unseal_under(page_key: AESGCM, page: int, position: int, sealed: memoryview | bytes) -> bytes:
    data_key = sealing.unwrap(page_key, sealed[:WRAP_BYTES], page, position)
    return sealing.unseal(data_key, sealed[WRAP_BYTES:])


def _refuse_taken(was_free: bool, link: Link) -> None:
    if not was_free:
        raise Fault(
            "store-latched",
            "the place of a new entry must be free, another program has written to it",
            at=place(link.journal, link.position),
        )
