"""Laws of a copy of the store: whole at any moment, whatever is written meanwhile; looking at one changes nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.adapters.lmdb import LmdbJournals, copy_store, kept_out
from gateway.core.errors import Fault
from gateway.ports.journal import Journal
from tests.conftest import ROOT
from tests.contract.stores import GENESIS, KEK, an_append

WRITER = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.lmdb import LmdbJournals
from gateway.ports.journal import Journal
from tests.contract.stores import GENESIS, KEK, an_append

async def write():
    journals = LmdbJournals.create(Path(sys.argv[1]), KEK, GENESIS, map_bytes=1 << 20)
    for number in range(100_000):
        entry = number.to_bytes(4, "big") * 500
        await journals.commit([an_append(journal, number, entry) for journal in Journal])
        print(number + 1, flush=True)

asyncio.run(write())
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with three entries that nobody runs from."""
    path = tmp_path / "store"
    journals = LmdbJournals.create(path, KEK, GENESIS)
    with closing(journals):
        asyncio.run(journals.commit([an_append(journal, 0) for journal in Journal]))
    return path


def test_a_copy_of_a_store_that_is_written_to_is_whole_and_has_what_was_acknowledged(tmp_path: Path) -> None:
    """A backup is taken while batches come; what was answered before it began is in it, and nothing by half."""
    path = tmp_path / "store"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    )
    assert writer.stdout is not None
    try:
        sizes = []
        for number in range(4):
            acknowledged = [int(writer.stdout.readline()) for _ in range(20)][-1]

            copy_store(path, tmp_path / f"copy {number}")

            with closing(LmdbJournals.open(tmp_path / f"copy {number}", KEK, read_only=True)) as copy:
                copy.verify()
                heads = {copy.head(journal).size for journal in Journal}
            sizes.append((acknowledged, *heads))
    finally:
        writer.kill()
        writer.communicate()

    assert all(len(found) == 2 and found[1] >= found[0] for found in sizes), sizes


def test_a_copy_is_its_owners_alone_and_over_nothing(store: Path, tmp_path: Path) -> None:
    """It is as secret as the store, and never takes the place of another."""
    copy_store(store, tmp_path / "copy")

    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["data.mdb"]
    assert oct((tmp_path / "copy" / "data.mdb").stat().st_mode)[-3:] == "600"
    for path, code in ((tmp_path / "copy", "backup-not-written"), (tmp_path / "no" / "copy", "backup-not-written")):
        with pytest.raises(Fault) as caught:
            copy_store(store, path)
        assert caught.value.code == code
    with pytest.raises(Fault) as caught:
        copy_store(tmp_path / "nowhere", tmp_path / "other")
    assert caught.value.code == "store-missing"


def test_whoever_only_looks_writes_nothing_and_commits_nothing(store: Path) -> None:
    """A backup may lie on a medium that cannot be written to, and stays what it was."""
    (store / "store.lock").unlink()
    (store / "lock.mdb").unlink()
    before = {path.name: path.read_bytes() for path in store.iterdir()}

    async def tried() -> str:
        with closing(LmdbJournals.open(store, KEK, read_only=True)) as journals:
            assert journals.head(Journal.LEDGER).size == 1
            try:
                await journals.commit([an_append(Journal.LEDGER, 1)])
            except Fault as fault:
                return fault.code
        return ""

    assert asyncio.run(tried()) == "store-latched"
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before


def test_a_store_that_is_kept_is_opened_by_nobody_under_any_name(store: Path, tmp_path: Path) -> None:
    """While a backup takes its place no gateway starts from either."""
    with kept_out(store):
        store.rename(tmp_path / "aside")
        with pytest.raises(Fault) as caught:
            LmdbJournals.open(tmp_path / "aside", KEK)
        assert caught.value.code == "store-in-use"
    with (
        closing(LmdbJournals.open(tmp_path / "aside", KEK)),
        pytest.raises(Fault) as caught,
        kept_out(tmp_path / "aside"),
    ):
        pass
    assert caught.value.code == "store-in-use"
