"""What a partner keeps on disk: one SQLite file, changed in one transaction per tick or flush.

Kept: the trusted directory, the ledger state, the cursor, every disclosure held, and per record the slots held, so
that nothing is handed up twice. The cursor and the records' masks are written only when the caller says its own sink
has them on disk; until then the ledger state still lists them as owed. Source: SPEC.md section 5, "It persists".

The rollback journal with synchronous FULL is used, not WAL: this file has one connection and must survive power loss.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clients.partner.sections import ReceivedRecord
from gateway.core.control.trust import Trust
from gateway.core.errors import Fault
from gateway.core.ledger.reader import LedgerReader
from gateway.core.suite.tree import leaf_hash

_FORMAT = b"1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS held (batch BLOB NOT NULL, idx INTEGER NOT NULL, mask INTEGER NOT NULL,
                                 PRIMARY KEY (batch, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS disclosures (leaf BLOB PRIMARY KEY, entry BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""


class PartnerState:
    """State of one subscription. Everything read is in memory after opening but the disclosures."""

    def __init__(self, path: Path, genesis: bytes, account_id: bytes) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.executescript(_SCHEMA)
            path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise Fault("state-unusable", "the partner's state file cannot be opened", at=str(path)) from error
        with self._reading(path):
            self._check(genesis, account_id, path)
            saved = self._get("ledger")
            self.ledger = (
                LedgerReader.decode(saved, genesis, account_id) if saved else LedgerReader(genesis, account_id)
            )
            self.cursor = self._get("cursor") or b""
            self.sink_mark = int.from_bytes(self._get("sink") or b"\x00", "big")
            rows = self._db.execute("SELECT batch, idx, mask FROM held")
            self._held: dict[tuple[bytes, int], int] = {(batch, idx): mask for batch, idx, mask in rows}
        self._new_leaves: set[bytes] = set()

    def _check(self, genesis: bytes, account_id: bytes, path: Path) -> None:
        with self._transaction():
            for name, value in (("format", _FORMAT), ("genesis", genesis), ("account", account_id)):
                kept = self._get(name)
                if kept is None:
                    self._put(name, value)
                elif kept != value:
                    raise Fault(
                        "state-of-another",
                        f"the state file is of another {name}",
                        at=str(path),
                        do="use another state file",
                    )

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise Fault("state-unusable", "the partner's state file is damaged or in use", at=str(path)) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _get(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def _put(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    def trust(self, begin: Trust) -> Trust:
        """The trust last kept, or `begin` for a reader that has seen nothing."""
        saved = self._get("trust")
        return Trust.decode(saved) if saved else begin

    def held(self, batch_digest: bytes, idx: int) -> int:
        """Slots held of a record."""
        return self._held.get((batch_digest, idx), 0)

    @property
    def records(self) -> int:
        """Records held, whole or in part."""
        return len(self._held)

    def remember(self, record: ReceivedRecord) -> None:
        """Counts a record's slots as handed up, in memory until `save_flushed`."""
        self._held[record.batch_digest, record.idx] = record.mask

    def remember_entry(self, entry: bytes) -> None:
        """Counts a disclosure as come, in memory until `save_flushed`."""
        self._new_leaves.add(leaf_hash(entry))

    def is_entry_held(self, leaf: bytes) -> bool:
        """Whether the disclosure with this leaf hash came before."""
        if leaf in self._new_leaves:
            return True
        return self._db.execute("SELECT 1 FROM disclosures WHERE leaf = ?", (leaf,)).fetchone() is not None

    def save_tick(self, trust: Trust) -> None:
        """After a verified tick: directory and ledger state, as one."""
        with self._writing():
            self._put("trust", trust.encode())
            self._put("ledger", self.ledger.encode())

    def save_flushed(
        self, trust: Trust, records: Iterable[ReceivedRecord], entries: Iterable[bytes], cursor: bytes, sink_mark: int
    ) -> None:
        """After the caller's sink has the records on disk: all of it, as one."""
        self.ledger.flush()
        with self._writing():
            self._put("trust", trust.encode())
            self._put("ledger", self.ledger.encode())
            self._put("cursor", cursor)
            self._put("sink", sink_mark.to_bytes(8, "big"))
            self._db.executemany(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?)",
                [(record.batch_digest, record.idx, record.mask) for record in records],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO disclosures VALUES (?, ?)", [(leaf_hash(entry), entry) for entry in entries]
            )
        self._new_leaves.clear()
        self.cursor, self.sink_mark = cursor, sink_mark

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._transaction():
                yield
        except sqlite3.Error as error:
            raise Fault(
                "state-not-saved", "the partner's state could not be written", do="free space, run again"
            ) from error

    def forget_cursor(self) -> None:
        """Starts from the first record the agreement allows; what is held is still not handed up twice."""
        self.cursor = b""

    def close(self) -> None:
        """Releases the file."""
        self._db.close()
