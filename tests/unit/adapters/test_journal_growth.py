"""The map of the store grows while it is written and read, and its limit is kept."""

from __future__ import annotations

import asyncio
import resource
import threading
from pathlib import Path

import pytest

from gateway.adapters.lmdb import LmdbJournals
from gateway.adapters.lmdb import environment as files
from gateway.core.errors import Fault
from gateway.ports.journal import Journal
from tests.contract.stores import GENESIS, KEK, an_append

MIB = 1024 * 1024
RECORDS = Journal.RECORDS


def entry(number: int) -> bytes:
    """A quarter of a mebibyte that says which one it is."""
    return number.to_bytes(4, "big") * (MIB // 16)


def map_bytes(journals: LmdbJournals) -> int:
    """Address space the store takes."""
    return int(journals._environment.lmdb.info()["map_size"])


def test_the_map_doubles_while_readers_read(tmp_path: Path) -> None:
    """LMDB would move the map under a reader's feet; the gate keeps them apart, and neither waits for ever."""
    journals = LmdbJournals.create(tmp_path / "store", KEK, GENESIS, map_bytes=MIB)
    stop = threading.Event()
    wrong: list[int] = []
    rounds = [0, 0, 0]

    def read(which: int) -> None:
        while not stop.is_set():
            for stored in journals.read(RECORDS, 0, 8):
                if stored.entry != entry(stored.position):
                    wrong.append(stored.position)
            rounds[which] += 1

    async def write() -> None:
        for i in range(60):
            await journals.commit([an_append(RECORDS, i, entry(i))])

    readers = [threading.Thread(target=read, args=(which,)) for which in range(3)]
    for reader in readers:
        reader.start()
    asyncio.run(asyncio.wait_for(write(), 60))
    stop.set()
    for reader in readers:
        reader.join()

    assert not wrong
    assert min(rounds) > 0
    assert map_bytes(journals) == 16 * MIB
    journals.verify()
    journals.close()


def test_one_list_larger_than_twice_the_map_fits(tmp_path: Path) -> None:
    """Doubling alone would take several tries; the size of the list is taken into account."""
    journals = LmdbJournals.create(tmp_path / "store", KEK, GENESIS, map_bytes=MIB)

    asyncio.run(journals.commit([an_append(RECORDS, i, entry(i)) for i in range(40)]))

    assert map_bytes(journals) >= 10 * MIB
    assert journals.read(RECORDS, 39)[0].entry == entry(39)
    journals.close()


def test_the_limit_is_where_the_store_is_full(tmp_path: Path) -> None:
    """An operator who shares the disk with others says how much of it is the store's."""
    journals = LmdbJournals.create(tmp_path / "store", KEK, GENESIS, map_bytes=MIB, size_limit=3 * MIB + 5)

    async def fill() -> None:
        for i in range(64):
            await journals.commit([an_append(RECORDS, i, entry(i))])

    with pytest.raises(Fault, match="store-full"):
        asyncio.run(fill())
    done = journals.head(RECORDS).size

    assert done >= 8
    assert map_bytes(journals) == 3 * MIB
    journals.close()
    assert (tmp_path / "store" / "data.mdb").stat().st_size <= 3 * MIB
    again = LmdbJournals.open(tmp_path / "store", KEK)
    again.verify()
    assert again.head(RECORDS).size == done
    again.close()


def test_a_map_that_the_system_does_not_grant_is_a_full_store(tmp_path: Path) -> None:
    """It is asked for aside, so that the present map stays and everything in it can still be read."""
    journals = LmdbJournals.create(tmp_path / "store", KEK, GENESIS, size_limit=2**60)
    asyncio.run(journals.commit([an_append(RECORDS, 0, b"kept")]))

    with pytest.raises(Fault, match="store-full"):
        journals._environment._grow(2**50)

    assert journals.read(RECORDS, 0)[0].entry == b"kept"
    asyncio.run(journals.commit([an_append(RECORDS, 1, b"goes on")]))
    journals.close()


def test_a_write_cut_short_by_a_limit_is_a_full_store(tmp_path: Path) -> None:
    """LMDB calls it an input/output error; an operator must be told that room is what is missing."""
    journals = LmdbJournals.create(tmp_path / "store", KEK, GENESIS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "store" / "data.mdb").stat().st_size + 4_096, hard))
    try:
        with pytest.raises(Fault, match="store-full"):
            asyncio.run(journals.commit([an_append(RECORDS, 0, entry(0))]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    journals.close()


def test_readers_beyond_lmdbs_table_wait_for_a_place(tmp_path: Path) -> None:
    """LMDB has a fixed number of readers; one more must wait its turn and not fail."""
    journals = LmdbJournals.create(tmp_path / "store", KEK, GENESIS)
    asyncio.run(journals.commit([an_append(RECORDS, 0, b"one")]))
    gate, inside = threading.Event(), threading.Semaphore(0)
    read: list[bytes] = []

    def hold() -> None:
        with journals._environment.reading():
            inside.release()
            assert gate.wait(30)

    holders = [threading.Thread(target=hold) for _ in range(files._READERS)]
    for holder in holders:
        holder.start()
    for _ in holders:
        assert inside.acquire(timeout=30)
    late = threading.Thread(target=lambda: read.append(journals.read(RECORDS, 0)[0].entry))
    late.start()
    waited = not read
    gate.set()
    for thread in (*holders, late):
        thread.join()

    assert waited
    assert read == [b"one"]
    journals.close()


@pytest.mark.must("7.4.1")
def test_sync_and_metasync_are_on(tmp_path: Path) -> None:
    """A commit that is not on the disk is no commit; there is no switch to ask for one."""
    journals = LmdbJournals.create(tmp_path / "store", KEK, GENESIS)

    flags = journals._environment.lmdb.flags()

    assert flags["sync"]
    assert flags["metasync"]
    assert not flags["writemap"]
    assert not flags["map_async"]
    assert journals._environment.lmdb.lib_version()[0] == 0
    journals.close()
