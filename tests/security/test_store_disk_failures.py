"""A disk that fails while the gateway writes: nothing is acknowledged that is not there, and nothing after it.

The failures are real: the kernel answers LMDB's own calls with them (`store_children`).
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.lmdb import LmdbJournals
from gateway.ports.journal import Journal
from tests.contract.stores import KEK
from tests.security.store_children import CALLS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in CALLS, reason="no filter of system calls for this machine"
)


def a_child(case: str, folder: Path) -> dict[str, list[str] | int]:
    """What the program of this case says of its commits before and after the failure."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.security.store_children", case, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, list[str] | int] = json.loads(ended.stdout)
    return said


@pytest.mark.must("7.4.2")
@pytest.mark.parametrize(
    ("case", "first"),
    [
        ("sync-fails", "store-latched"),
        ("data-write-fails", "store-latched"),
        ("last-write-fails", "store-latched"),
        ("disk-is-full", "store-full"),
        ("file-may-not-grow", "store-full"),
    ],
)
def test_from_the_first_failure_on_nothing_is_acknowledged(tmp_path: Path, case: str, first: str) -> None:
    """A failed fsync may have dropped earlier writes with it, so a later success would mean nothing."""
    said = a_child(case, tmp_path / "store")

    read = {} if case == "last-write-fails" else {"read": 5}  # LMDB then refuses to read as well
    assert said == {"before": ["done"] * 5, "after": [first, "store-latched", "store-latched"], "head": 5, **read}


@pytest.mark.parametrize(
    "case", ["sync-fails", "data-write-fails", "last-write-fails", "disk-is-full", "file-may-not-grow"]
)
def test_after_the_failure_a_restart_finds_what_was_acknowledged(tmp_path: Path, case: str) -> None:
    """The way on is a restart: verified, with the failed list whole or absent, and open for more."""
    a_child(case, tmp_path / "store")

    journals = LmdbJournals.open(tmp_path / "store", KEK)
    journals.verify()
    size = journals.head(Journal.RECORDS).size
    journals.close()

    assert size in {5, 6}


def test_a_map_that_cannot_grow_is_a_full_store_that_still_reads(tmp_path: Path) -> None:
    """LMDB gives its map up before it asks for a larger one; left without any, the next read would end the process."""
    said = a_child("no-address-space", tmp_path / "store")

    after = said["after"]
    assert isinstance(after, list)
    full = after.index("store-full")
    assert full > 100
    assert after == ["done"] * full + ["store-full"] + ["store-latched"] * (len(after) - full - 1)
    assert said["head"] == said["read"] == 5 + full
