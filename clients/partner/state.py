"""What a partner keeps on disk for one subscription, changed in one transaction per tick and per flush.

Kept: the trusted directory, the ledger state, every disclosure held, per record the slots handed up, what was set
aside since the last receipt, the cursor, and a note of the caller's sink. What was handed up counts in memory at once,
so that nothing comes twice; on disk only when the caller says that its own sink has it. Until then the ledger state on
disk still lists its disclosures as owed, so that after a crash they are asked for again.

When a RESTORE closes the account, what was held of it moves aside as it is, each disclosure with the first tick that
was seen over it: those that no kept tick covers are what the gateway lost, and this file proves. Which records were
handed up stays known: nothing comes twice. Source: SPEC.md section 6.
"""

from __future__ import annotations

from pathlib import Path

from clients.closed import CLOSED_SCHEMA, Closed, closed_accounts, keep_closed
from clients.kept import KeptFile
from clients.partner.events import OldDisclosure, Records
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.ledger.entries import refusal_code
from gateway.core.ledger.reader import ClosedAccount, LedgerReader
from gateway.core.ledger.receipt import Quarantined
from gateway.core.suite.tree import leaf_hash

_FORMAT = b"1"
_SCHEMA = f"""{CLOSED_SCHEMA};
CREATE TABLE IF NOT EXISTS held (batch BLOB NOT NULL, idx INTEGER NOT NULL, mask INTEGER NOT NULL,
                                 PRIMARY KEY (batch, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS disclosures (leaf BLOB PRIMARY KEY, entry BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS covered (leaf BLOB PRIMARY KEY, tick INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed_disclosures (incarnation BLOB NOT NULL, leaf BLOB NOT NULL, entry BLOB NOT NULL,
                                               tick INTEGER NOT NULL, beyond INTEGER NOT NULL,
                                               PRIMARY KEY (incarnation, leaf)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aside (batch BLOB NOT NULL, idx INTEGER NOT NULL, code INTEGER NOT NULL,
                                  PRIMARY KEY (batch, idx)) STRICT, WITHOUT ROWID
"""


class PartnerState:
    """State of one subscription.

    cursor: where to go on from, of the last frame handed up; sink_note: what the caller's sink said at the last flush;
    kinds: the mask of kinds the cursor is for, 0 before the first flush.
    """

    def __init__(self, path: Path, genesis: bytes, account_id: bytes) -> None:
        identity = {"format": _FORMAT, "genesis": genesis, "account": account_id}
        self._file = KeptFile(path, "state", _SCHEMA, identity)
        try:
            saved = self._file.get("ledger")
            self.ledger = (
                LedgerReader.decode(saved, genesis, account_id) if saved else LedgerReader(genesis, account_id)
            )
        except Refused as error:
            self._file.close()
            raise self._file.damaged() from error
        self.cursor = self._file.get("cursor") or b""
        self.sink_note = self._file.get("sink") or b""
        self.kinds = int.from_bytes(self._file.get("kinds") or b"", "big")
        self._saved_trust: Trust | None = None
        self._masks: dict[tuple[bytes, int], int] = {}
        self._entries: dict[bytes, bytes] = {}
        self._aside: list[Quarantined] = []
        self._has_frames = False
        # Handed up under an account that was closed before the caller said that its sink has them.
        self._late: list[tuple[bytes, bytes, bytes, int, bool]] = []

    def trust(self, begin: Trust) -> Trust:
        """The trust last kept, or `begin` for a reader that has seen nothing."""
        saved = self._file.get("trust")
        return Trust.decode(saved) if saved else begin

    def held(self, batch_digest: bytes, idx: int) -> int:
        """Slots handed up of a record."""
        mask = self._masks.get((batch_digest, idx))
        if mask is not None:
            return mask
        rows = self._file.rows("SELECT mask FROM held WHERE batch = ? AND idx = ?", batch_digest, idx)
        return int(rows[0][0]) if rows else 0

    @property
    def records(self) -> int:
        """Records held on disk, whole or in part."""
        return int(self._file.rows("SELECT count(*) FROM held")[0][0])

    def is_entry_held(self, leaf: bytes) -> bool:
        """Whether the disclosure with this leaf hash came before."""
        return leaf in self._entries or bool(self._file.rows("SELECT 1 FROM disclosures WHERE leaf = ?", leaf))

    def take_old(self, old: OldDisclosure) -> None:
        """A disclosure that brings no records: nothing of the caller's has to be waited for."""
        self._entries[leaf_hash(old.entry)] = old.entry

    def take_frame(self, frame: Records) -> None:
        """Counts a frame as handed up, in memory until `save_flushed`."""
        self._has_frames = True
        self._entries[leaf_hash(frame.entry)] = frame.entry
        self._aside += frame.quarantined
        self.cursor = frame.cursor
        for record in frame.records:
            self._masks[record.batch_digest, record.idx] = record.mask

    def save_olds(self, trust: Trust) -> None:
        """Saves disclosures without records, unless a frame that came before them waits for the caller's flush."""
        if self._entries and not self._has_frames:
            self._save(trust, {})

    def save_tick(self, trust: Trust) -> None:
        """After a verified tick: directory and ledger state, as one."""
        with self._file.transaction():
            self._put_tick(trust)

    def save_restored(self, trust: Trust, closed: ClosedAccount) -> int:
        """After the first tick of another incarnation, as one; how many disclosures held are beyond what was kept."""
        seen, kept, incarnation = closed.last.number, closed.ticks_kept, closed.incarnation
        again = set(self.ledger.owed)
        for leaf, entry in self._entries.items():
            rows = self._file.rows("SELECT tick FROM covered WHERE leaf = ?", leaf)
            tick = int(rows[0][0]) if rows else seen
            self._late.append((incarnation, leaf, entry, tick, tick >= kept and leaf not in again))
        self._entries = {}
        with self._file.transaction():
            # A disclosure from before ticks were noted was covered by the last one at the latest.
            self._file.db.execute(
                "INSERT INTO closed_disclosures SELECT ?, leaf, entry, coalesce(tick, ?), coalesce(tick, ?) >= ? "
                "FROM disclosures LEFT JOIN covered USING (leaf)",
                (incarnation, seen, seen, kept),
            )
            self._file.db.executemany(
                "UPDATE closed_disclosures SET beyond = 0 WHERE incarnation = ? AND leaf = ?",
                [(incarnation, leaf) for leaf in again],
            )
            self._file.db.execute("DELETE FROM disclosures")
            self._file.db.execute("DELETE FROM covered")
            keep_closed(self._file, closed)
            self._put_tick(trust)
        return self.beyond(incarnation) + sum(late[-1] for late in self._late if late[0] == incarnation)

    def closed(self) -> list[Closed]:
        """The accounts that a RESTORE closed, oldest first."""
        return closed_accounts(self._file)

    def beyond(self, incarnation: bytes) -> int:
        """Disclosures held of a closed account that the gateway no longer has."""
        query = "SELECT count(*) FROM closed_disclosures WHERE incarnation = ? AND beyond"
        return int(self._file.rows(query, incarnation)[0][0])

    def save_flushed(self, trust: Trust, sink_note: bytes, kinds: int) -> None:
        """After the caller's sink has everything handed up on disk: cursor, masks, disclosures, as one."""
        self._save(trust, {"cursor": self.cursor, "sink": sink_note, "kinds": kinds.to_bytes(2, "big")})
        self.sink_note, self.kinds = sink_note, kinds

    def _save(self, trust: Trust, kept: dict[str, bytes]) -> None:
        self.ledger.flush()
        with self._file.transaction():
            self._put_state(trust)
            for name, value in kept.items():
                self._file.put(name, value)
            many = self._file.db.executemany
            many(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?)", [(*place, mask) for place, mask in self._masks.items()]
            )
            many("INSERT INTO disclosures VALUES (?, ?)", list(self._entries.items()))
            many("INSERT INTO closed_disclosures VALUES (?, ?, ?, ?, ?)", self._late)
            many(
                "INSERT OR REPLACE INTO aside VALUES (?, ?, ?)",
                [(item.batch_digest, item.idx, int(item.code)) for item in self._aside],
            )
        self._masks, self._entries, self._aside, self._late, self._has_frames = {}, {}, [], [], False

    def _put_tick(self, trust: Trust) -> None:
        self._put_state(trust)
        last = self.ledger.last
        self._file.db.executemany(
            "INSERT OR IGNORE INTO covered VALUES (?, ?)",
            [(leaf, last.number) for leaf in self.ledger.fresh] if last else [],
        )

    def _put_state(self, trust: Trust) -> None:
        if trust is not self._saved_trust:
            self._file.put("trust", trust.encode())
            self._saved_trust = trust
        self._file.put("ledger", self.ledger.encode())

    def aside(self, limit: int) -> tuple[Quarantined, ...]:
        """Records set aside since the last receipt, as far as they are saved; at most `limit`."""
        rows = self._file.rows("SELECT batch, idx, code FROM aside ORDER BY batch, idx LIMIT ?", limit)
        return tuple(Quarantined(batch, idx, refusal_code(code)) for batch, idx, code in rows)

    def forget_aside(self, items: tuple[Quarantined, ...]) -> None:
        """A receipt has said so: they are in no later one."""
        with self._file.transaction():
            self._file.db.executemany(
                "DELETE FROM aside WHERE batch = ? AND idx = ?", [(item.batch_digest, item.idx) for item in items]
            )

    def forget_cursor(self) -> None:
        """Starts from the first record the agreement allows; what is held is still not handed up twice."""
        self.cursor = b""

    def close(self) -> None:
        """Releases the file."""
        self._file.close()
