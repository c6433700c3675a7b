"""A kept file is one party's, one process's, whole, and silent after a failure."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

import pytest

from clients.kept import KeptFile
from gateway.core.errors import CallerError, Fault

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT"
MINE = {"genesis": b"\x01" * 48, "source": b"src-3f07"}


def opened(path: Path, **identity: bytes) -> KeptFile:
    """A kept file of mine, or of somebody else's."""
    return KeptFile(path, "outbox", SCHEMA, MINE | identity)


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    """Values and rows of one transaction, as one."""
    with closing(opened(tmp_path / "file")) as file, file.transaction():
        file.put("cursor", b"here")
        file.db.execute("INSERT INTO things VALUES ('a', 1)")

    with closing(opened(tmp_path / "file")) as file:
        assert file.get("cursor") == b"here"
        assert file.get("nothing") is None
        assert file.rows("SELECT name, size FROM things WHERE size = ?", 1) == [("a", 1)]


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    """Half a change is none."""
    with closing(opened(tmp_path / "file")) as file:
        with suppress(RuntimeError), file.transaction():
            file.put("cursor", b"there")
            raise RuntimeError

        assert file.get("cursor") is None
        with file.transaction():
            file.put("cursor", b"here")


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """From the first moment on, and in a folder of its own."""
    with closing(opened(tmp_path / "folder" / "file")):
        assert stat.S_IMODE((tmp_path / "folder" / "file").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", MINE)
def test_a_file_of_another_is_refused(tmp_path: Path, name: str) -> None:
    """One genesis, one party: the lanes of two would be mixed."""
    opened(tmp_path / "file").close()

    with pytest.raises(CallerError) as refused:
        opened(tmp_path / "file", **{name: b"other"})

    assert refused.value.code == "outbox-of-another"
    opened(tmp_path / "file").close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """By name, and soon: it is not damaged, it is taken."""
    with closing(opened(tmp_path / "file")), pytest.raises(Fault) as refused:
        opened(tmp_path / "file")

    assert refused.value.code == "outbox-in-use"
    opened(tmp_path / "file").close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be looked at\n" * 40, b"SQLite format 3\x00"]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    """It is left as it is."""
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(Fault) as refused:
        opened(tmp_path / "file")

    assert refused.value.code == "outbox-unusable"
    assert (tmp_path / "file").read_bytes() == content


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "taken").write_bytes(b"")

    with pytest.raises(Fault) as refused:
        opened(tmp_path / "taken" / "file")

    assert refused.value.code == "outbox-unusable"


def test_after_a_failed_write_nothing_is_taken_any_more(tmp_path: Path) -> None:
    """SQLite would carry on; nobody knows what the disk holds, so this file does not."""
    with closing(opened(tmp_path / "file")) as file:
        with file.transaction():
            file.put("cursor", b"here")
        pages = file.rows("PRAGMA page_count")[0][0]
        file.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Fault) as full, file.transaction():
            file.put("cursor", bytes(1 << 20))
        file.db.execute("PRAGMA max_page_count = 100000")
        with pytest.raises(Fault) as latched, file.transaction():
            file.put("cursor", b"there")

    assert (full.value.code, latched.value.code) == ("outbox-not-saved", "outbox-not-saved")
    with closing(opened(tmp_path / "file")) as file:
        assert file.get("cursor") == b"here"


def test_damage_inside_is_a_fault_where_it_is_read(tmp_path: Path) -> None:
    """Not a traceback, and not an answer."""
    opened(tmp_path / "file").close()
    with closing(sqlite3.connect(tmp_path / "file")) as db:
        db.execute("DROP TABLE things")

    with closing(opened(tmp_path / "file")) as file:
        file.db.execute("DROP TABLE things")
        with pytest.raises(Fault) as refused:
            file.rows("SELECT * FROM things")

    assert refused.value.code == "outbox-unusable"
