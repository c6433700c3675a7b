"""A file that outlives crashes: of one process at a time, changed in whole transactions, latched when it fails.

A partner's state and a source's outbox are such files, in SQLite. Rules a change must keep:

* The file belongs to one genesis and one party; opened for another it is refused, not mended.
* Exclusive locking and `synchronous = FULL`: a commit that returned is on the disk, also after a power failure. In this
  mode SQLite ends a commit by zeroing and syncing the rollback journal, so no directory entry is left to chance.
* After a failed commit nobody knows what the disk holds, and SQLite would carry on: the file takes nothing more until
  it is opened again.

The rollback journal is used, not WAL: there is one connection.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.core.errors import CallerError, Fault, GatewayError

_BUSY_SECONDS = 0.5
_KEPT = "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"


class KeptFile:
    """An open file. what: `state` or `outbox`, the noun of its errors; identity: whose it is, by name.

    Raises `<what>-in-use`, `<what>-unusable`, and `<what>-of-another` where a name of the identity has another value.
    """

    def __init__(self, path: Path, what: str, schema: str, identity: Mapping[str, bytes]) -> None:
        self._path = path
        self._what = what
        self._is_latched = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made here and not by SQLite, so that no moment exists at which others may read it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            self.db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error
        try:
            self.db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.db.execute("PRAGMA synchronous = FULL")
            self.db.execute("BEGIN IMMEDIATE")
            for statement in (_KEPT + schema).split(";"):
                self.db.execute(statement)
            self._check_identity(identity)
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            self.db.close()
            raise self._unusable(error) from error
        except GatewayError:
            self.db.close()
            raise

    def _check_identity(self, identity: Mapping[str, bytes]) -> None:
        for name, value in identity.items():
            kept = self.get(name)
            if kept is None:
                self.put(name, value)
            elif kept != value:
                raise CallerError(
                    f"{self._what}-of-another",
                    f"the file must be of this {name}, it is of another",
                    at=str(self._path),
                    do="use another file",
                )

    def _unusable(self, error: Exception) -> Fault:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
            return Fault(
                f"{self._what}-in-use",
                "the file must be free, another process has it",
                at=str(self._path),
                do="wait for the other process, or stop it",
            )
        return self.damaged()

    def damaged(self) -> Fault:
        """The error for what this file holds and should not; raise what this returns."""
        return Fault(
            f"{self._what}-unusable", "the file must be readable as it was written, it is not", at=str(self._path)
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; raises `<what>-not-saved`, and from then on always."""
        if self._is_latched:
            raise self._not_saved()
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            self._is_latched = True
            raise self._not_saved() from error
        finally:
            # SQLite has rolled back by itself after some failures, and says so here only.
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    def _not_saved(self) -> Fault:
        return Fault(
            f"{self._what}-not-saved",
            "the change must be on the disk, it could not be written",
            at=str(self._path),
            do="free space, run again",
        )

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What a question finds; raises `<what>-unusable` where the file is damaged."""
        try:
            return self.db.execute(query, arguments).fetchall()
        except sqlite3.Error as error:
            raise self.damaged() from error

    def get(self, name: str) -> bytes | None:
        """The value kept under a name."""
        for (value,) in self.rows("SELECT value FROM kept WHERE name = ?", name):
            return bytes(value)
        return None

    def put(self, name: str, value: bytes) -> None:
        """Keeps a value under a name; inside a transaction."""
        self.db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """Releases the file."""
        self.db.close()
