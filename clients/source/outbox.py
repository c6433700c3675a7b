"""The outbox: sealed parcels on disk, and for each batch what is known of it.

One SQLite file. A batch is in it, sealed, in the same transaction that moves its lane, so a crash neither loses a batch
nor signs two with one number. The laptop cannot read what is waiting: parcels are sealed to the gateway and their
secrets forgotten. A parcel is deleted when every batch in it is acknowledged or refused. Source: SPEC.md section 3.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients.source.batcher import Lane, grouped, sign_batch
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError, Fault
from gateway.core.ledger.entries import source_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.records.states import RecordInput
from gateway.core.sealing.parcel import ParcelWriter
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import MAX_PARCEL_BATCHES, DataMode, RecordKind

WAITING = "waiting"
STORED = "stored"
ACKNOWLEDGED = "acknowledged"
REFUSED = "refused"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS lanes (about TEXT PRIMARY KEY, lane BLOB NOT NULL, next_no INTEGER NOT NULL,
                                  prev BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS parcels (number INTEGER PRIMARY KEY AUTOINCREMENT, header BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS items (parcel INTEGER NOT NULL, number INTEGER NOT NULL, item BLOB NOT NULL, digest BLOB,
                                  PRIMARY KEY (parcel, number)) STRICT;
CREATE TABLE IF NOT EXISTS batches (digest BLOB PRIMARY KEY, records INTEGER NOT NULL, state TEXT NOT NULL,
                                    code TEXT NOT NULL DEFAULT '', at TEXT NOT NULL DEFAULT '') STRICT;
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Batches and records of the outbox by state."""

    batches: dict[str, int]
    records: dict[str, int]

    @property
    def open_batches(self) -> int:
        """Batches neither acknowledged nor refused."""
        return self.batches.get(WAITING, 0) + self.batches.get(STORED, 0)


class Outbox:
    """One source's outbox for one genesis."""

    def __init__(self, folder: Path, genesis: bytes, source_id: str) -> None:
        self._genesis = genesis
        self._source_id = source_id
        path = folder / "outbox.sqlite"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.executescript(_SCHEMA)
            path.chmod(0o600)
            self._check(path)
            saved = self._get("ledger")
        except (sqlite3.Error, OSError) as error:
            raise Fault(
                "outbox-unusable", "the outbox cannot be opened, or another process has it", at=str(path)
            ) from error
        account_id = source_account(source_id)
        self.ledger = LedgerReader.decode(saved, genesis, account_id) if saved else LedgerReader(genesis, account_id)

    def _check(self, path: Path) -> None:
        with self._transaction():
            for name, value in (("genesis", self._genesis), ("source", self._source_id.encode())):
                kept = self._get(name)
                if kept is None:
                    self._put(name, value)
                elif kept != value:
                    raise CallerError("outbox-of-another", f"the outbox is of another {name}", at=str(path))

    def trust(self, begin: Trust) -> Trust:
        """The trust last kept, or `begin`."""
        saved = self._get("trust")
        return Trust.decode(saved) if saved else begin

    def save_trust(self, trust: Trust) -> None:
        """After a verified directory."""
        with self._transaction():
            self._put("trust", trust.encode())

    def add(
        self,
        key: SigningKey,
        ingest_key: bytes,
        kind: RecordKind,
        data_mode: DataMode,
        records: Iterable[RecordInput],
    ) -> Iterator[tuple[bytes, int]]:
        """Signs and seals the records; yields (H(B), records) of each batch once it is on disk."""
        parcel: ParcelWriter | None = None
        number = 0
        for run in grouped(kind, records):
            if parcel is None or parcel.batches == MAX_PARCEL_BATCHES:
                if parcel is not None:
                    self._close_parcel(parcel, number)
                parcel = ParcelWriter(
                    self._genesis, self._source_id, ingest_key, secrets.token_bytes(16), secrets.token_bytes(48)
                )
                number = 0
            about = run[0].portions[0].label.decode("ascii")
            lane = self._lane(about)
            batch = sign_batch(self._genesis, self._source_id, key, lane, kind, data_mode, run)
            place, item = parcel.batches, parcel.seal(batch.encode())
            with self._transaction():
                if not number:
                    cursor = self._db.execute("INSERT INTO parcels (header) VALUES (?)", (parcel.header,))
                    number = cursor.lastrowid or 0
                after = lane.after(batch.signed)
                self._db.execute(
                    "INSERT OR REPLACE INTO lanes VALUES (?, ?, ?, ?)", (about, after.lane, after.next_no, after.prev)
                )
                digest = batch.signed.digest
                self._db.execute("INSERT INTO items VALUES (?, ?, ?, ?)", (number, place, item, digest))
                self._db.execute(
                    "INSERT INTO batches (digest, records, state) VALUES (?, ?, ?)", (digest, len(run), WAITING)
                )
            yield digest, len(run)
        if parcel is not None:
            self._close_parcel(parcel, number)

    def _close_parcel(self, parcel: ParcelWriter, number: int) -> None:
        place, item = parcel.batches, parcel.close()
        with self._transaction():
            self._db.execute("INSERT INTO items VALUES (?, ?, ?, NULL)", (number, place, item))

    def _lane(self, about: str) -> Lane:
        row = self._db.execute("SELECT lane, next_no, prev FROM lanes WHERE about = ?", (about,)).fetchone()
        return Lane(*row) if row else Lane.new()

    def parcels(self) -> list[int]:
        """Numbers of the parcels that still hold something open, oldest first."""
        return [row[0] for row in self._db.execute("SELECT number FROM parcels ORDER BY number")]

    def parcel(self, number: int) -> tuple[bytes, list[bytes]]:
        """Header and items of a parcel, as they are sent."""
        header = self._db.execute("SELECT header FROM parcels WHERE number = ?", (number,)).fetchone()[0]
        items = self._db.execute("SELECT item FROM items WHERE parcel = ? ORDER BY number", (number,))
        return header, [row[0] for row in items]

    def state_of(self, digest: bytes) -> str | None:
        """The batch's state, None for one that is not of this outbox."""
        row = self._db.execute("SELECT state FROM batches WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def mark_stored(self, digest: bytes) -> None:
        """The gateway says the batch is durable: remembered, and nothing is deleted for it."""
        with self._transaction():
            self._db.execute("UPDATE batches SET state = ? WHERE digest = ? AND state = ?", (STORED, digest, WAITING))

    def explain_refusal(self, digest: bytes, code: str, at: str) -> None:
        """Why the gateway refuses a batch; the account decides whether it did."""
        with self._transaction():
            self._db.execute("UPDATE batches SET code = ?, at = ? WHERE digest = ?", (code, at, digest))

    def settle(self, trust: Trust, outcomes: Iterable[tuple[bytes, str, str]]) -> None:
        """After a verified tick: (H(B), state, code) of every batch it decides, with the ledger state, as one."""
        self.ledger.flush()
        with self._transaction():
            self._put("trust", trust.encode())
            self._put("ledger", self.ledger.encode())
            for digest, state, code in outcomes:
                self._db.execute(
                    "INSERT INTO batches (digest, records, state, code) VALUES (?, 0, ?, ?) "
                    "ON CONFLICT (digest) DO UPDATE SET state = excluded.state, code = excluded.code",
                    (digest, state, code),
                )
            self._delete_finished()

    def _delete_finished(self) -> None:
        open_parcels = "SELECT parcel FROM items JOIN batches USING (digest) WHERE state IN (?, ?)"
        states = (WAITING, STORED)
        self._db.execute(f"DELETE FROM items WHERE parcel NOT IN ({open_parcels})", states)  # noqa: S608 - constants
        self._db.execute("DELETE FROM parcels WHERE number NOT IN (SELECT parcel FROM items)")

    def refused(self) -> list[tuple[str, str, str]]:
        """(first 8 hex digits of H(B), code, field) of every refused batch."""
        rows = self._db.execute("SELECT digest, code, at FROM batches WHERE state = ? ORDER BY rowid", (REFUSED,))
        return [(digest.hex()[:8], code, at) for digest, code, at in rows]

    def tally(self) -> Tally:
        """What is in the outbox."""
        rows = list(self._db.execute("SELECT state, count(*), sum(records) FROM batches GROUP BY state"))
        return Tally({state: count for state, count, _ in rows}, {state: records for state, _, records in rows})

    def close(self) -> None:
        """Releases the file."""
        self._db.close()

    def _get(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def _put(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise Fault("outbox-not-saved", "the outbox could not be written", do="free space, run again") from error
