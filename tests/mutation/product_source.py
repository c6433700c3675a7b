"""A source's upload as a reader that can be kept before an item and asked again.

There is one living upload with its outbox in memory; a reader is a snapshot of it, into which it is put before it is
asked. Its checks are the product's own, and so are its commits: only the file that they go to is not on a disk.
"""

from __future__ import annotations

import copy
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from clients.profile import Profile
from clients.source.outbox import Outbox, Tally
from clients.source.upload import Upload
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.ledger.entries import source_account
from gateway.core.ledger.reader import LedgerReader
from tests.day.evidence import Connected
from tests.mutation.recorded import Item, Kind, profile_of

Facts = tuple[object, ...]
Kept = dict[str, Any]


def other_kind() -> Refused:
    """The refusal of an item that a file of this kind does not hold."""
    return Refused("malformed", "an item of this file was expected, another came", at="item")


def twin_ledger(ledger: LedgerReader) -> LedgerReader:
    """An independent reader of the same account."""
    twin = copy.copy(ledger)
    twin.held, twin.owed, twin._unflushed = ledger.held.copy(), list(ledger.owed), list(ledger._unflushed)
    return twin


class ProductConnections:
    """A source's connections: snapshots of one living upload, whose outbox lies in memory."""

    def __init__(self, name: str) -> None:
        self._live = _Upload(Profile.load(profile_of(name)))
        self._kept = self._live.kept()
        self._written = 0

    def copy(self) -> Self:
        """The same state; the living upload is put into it when it is asked."""
        return copy.copy(self)

    def take(self, item: Item) -> None:
        """The next item."""
        self._live.become(self._kept)
        try:
            self._live.take(item)
        finally:
            self._written = self._live.written
        self._kept, self._written = self._live.kept(), 0

    @property
    def trust(self) -> Trust:
        """What the source trusts now."""
        trust: Trust = self._kept["trust"]
        return trust

    def stored(self) -> Facts:
        """What a source would find on its disk; a refused message has written nothing."""
        return self._written, id(self._kept)

    def state(self) -> Facts:
        """Everything that decides on what comes next."""
        kept = self._kept
        ledger: LedgerReader = kept["ledger"]
        return kept["begun"], kept["entries"], kept["rows"], ledger.encode(), ledger._resumed, self.trust.encode()

    def outcome(self) -> Facts:
        """What is left: what became of each batch, the account, the trust."""
        return self._kept["rows"], self._kept["ledger"].held.root(), self.trust.encode()

    def masks(self) -> dict[tuple[bytes, int], int]:
        """A source is shown no record: the batches that were decided."""
        return {(row[0], 0): 1 for row in self._kept["rows"][0]}

    def verified(self) -> frozenset[bytes]:
        """Links of the statements that counted."""
        return self.trust.verified


class _Upload:
    """The upload of a source whose outbox knows nothing, as `tests.day.again` reads a file."""

    def __init__(self, profile: Profile) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            self._outbox = Outbox(Path(scratch), profile.genesis_link, profile.id)
            # From here on the file is in memory: its commits cost nothing, and it is put back at once.
            on_disk, self._outbox._file.db = self._outbox._file.db, _copied(self._outbox._file.db)
            on_disk.close()
        self._upload = Upload(profile, self._outbox, _quiet)
        self._begun = False
        self._saved = _Saved(_copied(self._db), _rows(self._db))
        self._clean = self._db.total_changes

    @property
    def _db(self) -> sqlite3.Connection:
        return self._outbox._file.db

    @property
    def written(self) -> int:
        """How many rows were written since it became what was kept."""
        return self._db.total_changes - self._clean

    def kept(self) -> Kept:
        """Everything, to become it again."""
        if self._db.total_changes != self._clean:
            self._saved, self._clean = _Saved(_copied(self._db), _rows(self._db)), self._db.total_changes
        return {
            "trust": self._upload.trust,
            "ledger": twin_ledger(self._outbox.ledger),
            "entries": tuple(self._upload._entries),
            "bytes": self._upload._entry_bytes,
            "begun": (self._begun, self._upload._accepted.is_set()),
            "saved": self._saved,
            "rows": self._saved.rows,
        }

    def become(self, kept: Kept) -> None:
        """The state that was kept."""
        upload, outbox = self._upload, self._outbox
        upload.trust = outbox._saved_trust = kept["trust"]
        outbox.ledger = twin_ledger(kept["ledger"])
        upload._entries, upload._entry_bytes = list(kept["entries"]), kept["bytes"]
        self._begun, accepted = kept["begun"]
        (upload._accepted.set if accepted else upload._accepted.clear)()
        if self._db.total_changes != self._clean or self._saved is not kept["saved"]:
            self._db.close()
            self._saved = kept["saved"]
            self._outbox._file.db = _copied(self._saved.db)
            self._clean = self._db.total_changes

    def take(self, item: Item) -> None:
        if item.kind is Kind.CONNECTION:
            self._begin(Connected.parse(item.octets))
        elif item.kind is Kind.MESSAGE and self._begun:
            self._upload.receive(item.octets, item.now_ms)
        else:
            raise other_kind()

    def _begin(self, connected: Connected) -> None:
        account_id, reached = source_account(connected.source_id), self._upload.trust.directory
        ledger = LedgerReader.decode(connected.ledger, self._upload.trust.genesis, account_id)
        incarnation, next_tick, size, dir_no = connected.asks_from()
        contradicts = (ledger.incarnation, ledger.next_tick, ledger.held.size) != (incarnation, next_tick, size)
        if contradicts or dir_no not in {0, reached.dir_no if reached else 0}:
            raise Refused("recording-contradicts", "the begin must ask from the state it stands beside", at="begin")
        self._outbox.ledger = ledger
        self._upload.begin()
        self._begun = True


@dataclass(frozen=True, slots=True, eq=False)
class _Saved:
    """An outbox's file, and what stands in it."""

    db: sqlite3.Connection
    rows: tuple[list[tuple[object, ...]], ...]


def _copied(db: sqlite3.Connection) -> sqlite3.Connection:
    twin = sqlite3.connect(":memory:", isolation_level=None)
    db.backup(twin)
    return twin


def _rows(db: sqlite3.Connection) -> tuple[list[tuple[object, ...]], ...]:
    tables = ("decided", "batches", "closed")
    return tuple(db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables)  # noqa: S608 - constants


def _quiet(event: str, tally: Tally) -> None:
    """Progress that nobody reads."""
