"""The outbox: sealed parcels on disk, and for each batch what is known of it.

A batch is in it, sealed, in the same transaction that moves its lane, so a crash neither loses a batch nor signs two
with one number. The laptop cannot read what is waiting: parcels are sealed to the gateway and their secrets forgotten.
A parcel is deleted when every batch in it is acknowledged or refused; what became of each batch is remembered, because
an account that decides one batch twice is a failure, also a year later. Source: SPEC.md section 3.

When operators sign that the gateway's store was put back from a backup, what was stored or decided since is open again:
it waits, or is lost where its parcel was deleted, as it might be after the permit to delete. Lanes begin anew, since
the gateway does not know which of their numbers were used.

    waiting ─▶ stored ─▶ acknowledged          stored is the gateway's word, the last two the source's own account
        └──────────┴───▶ refused                a restore leads back to waiting, or to lost
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clients.closed import CLOSED_SCHEMA, Closed, closed_accounts, keep_closed
from clients.kept import KeptFile
from clients.source.batcher import Lane, grouped, sign_batch
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.ledger.entries import source_account
from gateway.core.ledger.reader import ClosedAccount, LedgerReader
from gateway.core.records.states import RecordInput
from gateway.core.sealing.parcel import ParcelWriter
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import MAX_PARCEL_BATCHES, DataMode, RecordKind

WAITING = "waiting"
STORED = "stored"
ACKNOWLEDGED = "acknowledged"
REFUSED = "refused"
LOST = "lost"

# A batch of another outbox of this source, lost since, has no records here: only its outcome is known.
_SCHEMA = f"""{CLOSED_SCHEMA};
CREATE TABLE IF NOT EXISTS decided (digest BLOB PRIMARY KEY, incarnation BLOB NOT NULL, tick INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS lanes (about TEXT PRIMARY KEY, lane BLOB NOT NULL, next_no INTEGER NOT NULL,
                                  prev BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS parcels (number INTEGER PRIMARY KEY AUTOINCREMENT, header BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS items (parcel INTEGER NOT NULL, number INTEGER NOT NULL, item BLOB NOT NULL, digest BLOB,
                                  PRIMARY KEY (parcel, number)) STRICT;
CREATE TABLE IF NOT EXISTS batches (digest BLOB PRIMARY KEY, records INTEGER NOT NULL, state TEXT NOT NULL,
                                    code TEXT NOT NULL DEFAULT '', at TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX IF NOT EXISTS batches_by_state ON batches (state, records)
"""
_DECIDED = f"state IN ('{ACKNOWLEDGED}', '{REFUSED}')"
_OPEN = f"state IN ('{WAITING}', '{STORED}')"


@dataclass(frozen=True, slots=True)
class Tally:
    """Batches and records of the outbox by state."""

    batches: dict[str, int]
    records: dict[str, int]

    @property
    def open_batches(self) -> int:
        """Batches neither acknowledged nor refused."""
        return self.batches.get(WAITING, 0) + self.batches.get(STORED, 0)

    @property
    def open_records(self) -> int:
        """Records of those batches."""
        return self.records.get(WAITING, 0) + self.records.get(STORED, 0)


@dataclass(frozen=True, slots=True)
class Told:
    """A batch and why it is not acknowledged. batch: first 8 hex digits of H(B); at: record, slot and field."""

    batch: str
    code: str
    at: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verified tick decides about a batch; code: why it was refused, empty if it was admitted."""

    digest: bytes
    code: str

    @property
    def state(self) -> str:
        """The batch's last state."""
        return REFUSED if self.code else ACKNOWLEDGED


class Outbox:
    """One source's outbox for one genesis."""

    def __init__(self, folder: Path, genesis: bytes, source_id: str) -> None:
        self._genesis = genesis
        self._source_id = source_id
        identity = {"genesis": genesis, "source": source_id.encode("ascii")}
        self._file = KeptFile(folder / "outbox.sqlite", "outbox", _SCHEMA, identity)
        self._saved_trust: Trust | None = None
        account_id = source_account(source_id)
        try:
            saved = self._file.get("ledger")
            self.ledger = (
                LedgerReader.decode(saved, genesis, account_id) if saved else LedgerReader(genesis, account_id)
            )
        except Refused as error:
            self._file.close()
            raise self._file.damaged() from error
        self._note_older()

    def _note_older(self) -> None:
        """What was decided before ticks were noted was decided under the last one at the latest."""
        last = self.ledger.last
        if last is not None and not self._file.rows("SELECT 1 FROM decided LIMIT 1"):
            with self._file.transaction():
                self._file.db.execute(
                    f"INSERT INTO decided SELECT digest, ?, ? FROM batches WHERE {_DECIDED}",  # noqa: S608 - constants
                    (last.incarnation, last.number),
                )

    def trust(self, begin: Trust) -> Trust:
        """The trust last kept, or `begin`."""
        saved = self._file.get("trust")
        return Trust.decode(saved) if saved else begin

    def save_trust(self, trust: Trust) -> None:
        """After a verified directory; what a RESTORE in it opens again is waiting when this returns.

        Refuses `restore-contradicts`.
        """
        restore = next((one for one in trust.restores if one.old == self.ledger.incarnation), None)
        closed = self.ledger.closed_by(trust.restores, restore.new) if restore else None
        with self._file.transaction():
            self._put_trust(trust)
            if closed is not None:
                self._reopen(closed)

    def _reopen(self, closed: ClosedAccount) -> None:
        """Before the new account's first tick, again and again until that has come: it changes nothing more then."""
        change = self._file.db.execute
        change("DELETE FROM lanes")
        change("UPDATE batches SET state = ? WHERE state = ?", (WAITING, STORED))
        beyond = "digest IN (SELECT digest FROM decided WHERE incarnation = ? AND tick >= ?)"
        undone = (closed.incarnation, closed.ticks_kept)
        change(f"UPDATE batches SET state = ? WHERE {_DECIDED} AND {beyond}", (LOST, *undone))  # noqa: S608 - constants
        change(
            "UPDATE batches SET state = ?, code = '', at = '' "
            "WHERE state = ? AND digest IN (SELECT digest FROM items WHERE digest IS NOT NULL)",
            (WAITING, LOST),
        )
        change("DELETE FROM decided WHERE incarnation = ? AND tick >= ?", undone)

    def closed(self) -> list[Closed]:
        """The accounts that a RESTORE closed, oldest first."""
        return closed_accounts(self._file)

    def _put_trust(self, trust: Trust) -> None:
        if trust is not self._saved_trust:
            self._file.put("trust", trust.encode())
            self._saved_trust = trust

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
            lane = self.lane(about)
            batch = sign_batch(self._genesis, self._source_id, key, lane, kind, data_mode, run)
            after, digest = lane.after(batch.signed), batch.signed.digest
            place, item = parcel.batches, parcel.seal(batch.encode())
            with self._file.transaction():
                db = self._file.db
                if not number:
                    number = db.execute("INSERT INTO parcels (header) VALUES (?)", (parcel.header,)).lastrowid or 0
                db.execute(
                    "INSERT OR REPLACE INTO lanes VALUES (?, ?, ?, ?)", (about, after.lane, after.next_no, after.prev)
                )
                db.execute("INSERT INTO items VALUES (?, ?, ?, ?)", (number, place, item, digest))
                db.execute("INSERT INTO batches (digest, records, state) VALUES (?, ?, ?)", (digest, len(run), WAITING))
            yield digest, len(run)
        if parcel is not None:
            self._close_parcel(parcel, number)

    def _close_parcel(self, parcel: ParcelWriter, number: int) -> None:
        place, item = parcel.batches, parcel.close()
        with self._file.transaction():
            self._file.db.execute("INSERT INTO items VALUES (?, ?, ?, NULL)", (number, place, item))

    def lane(self, about: str) -> Lane:
        """Where the next batch with this `about` label goes."""
        rows = self._file.rows("SELECT lane, next_no, prev FROM lanes WHERE about = ?", about)
        return Lane(*rows[0]) if rows else Lane.new()

    def parcels(self) -> list[int]:
        """Numbers of the parcels that still hold something open, oldest first."""
        return [number for (number,) in self._file.rows("SELECT number FROM parcels ORDER BY number")]

    def is_wanted(self, number: int, *states: str) -> bool:
        """Whether a batch of the parcel is in one of the states; not once the parcel is deleted."""
        found = self._file.rows("SELECT DISTINCT state FROM items JOIN batches USING (digest) WHERE parcel = ?", number)
        return any(state in states for (state,) in found)

    def header(self, number: int) -> bytes:
        """Header of a parcel, as it is sent before its items."""
        return bytes(self._file.rows("SELECT header FROM parcels WHERE number = ?", number)[0][0])

    def item(self, number: int, place: int) -> bytes | None:
        """The parcel's item at a place, as it is sent; None behind the last."""
        rows = self._file.rows("SELECT item FROM items WHERE parcel = ? AND number = ?", number, place)
        return bytes(rows[0][0]) if rows else None

    def state_of(self, digest: bytes) -> str | None:
        """The batch's state, None for one that is not of this outbox."""
        rows = self._file.rows("SELECT state FROM batches WHERE digest = ?", digest)
        return str(rows[0][0]) if rows else None

    def contradicts(self, outcome: Outcome) -> bool:
        """Whether the account cannot say so: it decided the batch before, or one before it did, and otherwise."""
        rows = self._file.rows(
            f"SELECT state, incarnation FROM batches JOIN decided USING (digest) WHERE digest = ? AND {_DECIDED}",  # noqa: S608 - constants
            outcome.digest,
        )
        return any(incarnation == self.ledger.incarnation or state != outcome.state for state, incarnation in rows)

    def mark_stored(self, digest: bytes) -> None:
        """The gateway says the batch is durable: remembered, and nothing is deleted for it."""
        with self._file.transaction():
            self._file.db.execute(
                "UPDATE batches SET state = ?, code = '', at = '' WHERE digest = ? AND state = ?",
                (STORED, digest, WAITING),
            )

    def explain(self, digest: bytes, code: str, at: str) -> None:
        """Why the gateway lets a batch wait, or refuses it; the account decides whether it did."""
        with self._file.transaction():
            self._file.db.execute(
                f"UPDATE batches SET code = ?, at = ? WHERE digest = ? AND {_OPEN}",  # noqa: S608 - constants
                (code, at, digest),
            )

    def settle(self, trust: Trust, outcomes: Iterable[Outcome]) -> None:
        """After a verified tick: what it decides, with the ledger state, as one."""
        self.ledger.flush()
        last, closed = self.ledger.last, self.ledger.closed
        tick = last.number if last else 0
        with self._file.transaction():
            self._put_trust(trust)
            self._file.put("ledger", self.ledger.encode())
            if closed is not None:
                keep_closed(self._file, closed)
            for outcome in outcomes:
                self._file.db.execute(
                    "INSERT INTO batches (digest, records, state, code) VALUES (?, 0, ?, ?) "
                    "ON CONFLICT (digest) DO UPDATE SET state = excluded.state, code = excluded.code",
                    (outcome.digest, outcome.state, outcome.code),
                )
                self._file.db.execute(
                    "INSERT OR REPLACE INTO decided VALUES (?, ?, ?)", (outcome.digest, self.ledger.incarnation, tick)
                )
            self._delete_finished()

    def _delete_finished(self) -> None:
        open_parcels = f"SELECT parcel FROM items JOIN batches USING (digest) WHERE {_OPEN}"  # noqa: S608 - constants
        self._file.db.execute(f"DELETE FROM items WHERE parcel NOT IN ({open_parcels})")  # noqa: S608 - constants
        self._file.db.execute("DELETE FROM parcels WHERE number NOT IN (SELECT parcel FROM items)")

    def refused(self) -> list[Told]:
        """Every refused batch, oldest first."""
        return self._told(f"state = '{REFUSED}'")

    def lost(self) -> list[Told]:
        """Every batch that the gateway lost after it was deleted here; code: why it had been refused, if it had."""
        return self._told(f"state = '{LOST}'")

    def held_back(self) -> list[Told]:
        """Every batch that the gateway lets wait, and why."""
        return self._told(f"{_OPEN} AND code != ''")

    def _told(self, which: str) -> list[Told]:
        query = f"SELECT digest, code, at FROM batches WHERE records > 0 AND {which} ORDER BY rowid"  # noqa: S608
        return [Told(digest.hex()[:8], code, at) for digest, code, at in self._file.rows(query)]

    def open_batches(self) -> int:
        """How many are neither acknowledged nor refused."""
        return int(self._file.rows(f"SELECT count(*) FROM batches WHERE {_OPEN}")[0][0])  # noqa: S608 - constants

    def tally(self) -> Tally:
        """What is in the outbox, and what became of all that was."""
        rows = self._file.rows(
            "SELECT state, count(*), sum(records) FROM batches WHERE records > 0 GROUP BY state ORDER BY state"
        )
        return Tally({state: count for state, count, _ in rows}, {state: records for state, _, records in rows})

    def close(self) -> None:
        """Releases the file."""
        self._file.close()
