"""Rebuilding: every fold from the journals at a start, and refusing a store that does not add up.

Three things must agree: each journal with itself, the ledger with what it says of CONTROL and RECORDS, and all of them
with the floor outside. A rewritten, shortened or older store is named, and nothing is acknowledged or released from it.
Source: SPEC.md section 7.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.core.control.entry import parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.keystates import key_changes
from gateway.core.errors import Fault, GatewayError, Refused
from gateway.core.ledger.audit import LedgerAudit
from gateway.core.ledger.book import (
    KIND_ENTRIES,
    KIND_INCARNATION,
    KIND_TICK,
    AccountEntry,
    Book,
    parse_account_entries,
    parse_stored_tick,
)
from gateway.core.ledger.entries import (
    ADMITTED,
    APPLIED,
    HOUSE,
    KEY_EVENT,
    REFUSED,
    RESTORE,
    Applied,
    KeyEvent,
    Restored,
    source_account,
)
from gateway.core.ledger.tick import CONTEXT, parse_tick
from gateway.core.records.batch import MAX_SIGNED_BATCH_BYTES, SignedBatch
from gateway.core.records.states import parse_stored_batch
from gateway.core.suite.algorithms import ZERO_HASH, digest
from gateway.core.suite.keys import VerifyKey, key_id
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, SALT_BYTES, Role
from gateway.core.suite.octets import Reader
from gateway.core.suite.tree import tree_root
from gateway.ports.floor import Floor
from gateway.ports.journal import Journal, Journals
from gateway.ports.keys import Keys
from gateway.usecases.govern import KIND_STATEMENT
from gateway.usecases.lanes import KIND_ADMITTED, KIND_REFUSED, KIND_RESTORED, Lanes
from gateway.usecases.quota import Quota

_PAGE = 16
# Tag, suite, salt, lane and number stand before H(B) in both entries that name a batch.
_BEFORE_DIGEST = 1 + SALT_BYTES + ID_BYTES + 8


@dataclass(frozen=True, slots=True)
class Folds:
    """Every fold, rebuilt and checked. ticks: how many were; last_tick_ms: time of the last, 0 for none.

    uncovered: account entries that no tick covers yet, in order.
    """

    control: Control
    book: Book
    lanes: Lanes
    quota: Quota
    last_tick_ms: int
    ticks: int
    uncovered: tuple[AccountEntry, ...]


def rebuild(journals: Journals, keys: Keys, floor: Floor, *, every_signature: bool) -> Folds:
    """Raises `Fault` on whatever does not add up. every_signature: verify each tick's and not only the last one's."""
    folds = fold(journals, keys, every_signature=every_signature)
    _check_floor(floor, folds.book, folds.control)
    return folds


def fold(journals: Journals, keys: Keys, *, every_signature: bool) -> Folds:
    """As `rebuild`, of a store that may lie below its floor: to restore it, never to run it."""
    control, links, told = _fold_control(journals)
    ledger_keys = _LedgerKeys(control, keys)
    book, quota, lanes, said = Book(control.genesis), Quota(), Lanes(), _Said()

    def link_at(position: int) -> bytes:
        if position >= len(links):
            raise Fault("ledger-damaged", "a tick speaks of statements that are not there", at="LEDGER")
        return links[position]

    restores = [one.restore for one in control.restores]
    said.is_repeating = bool(restores)
    audit = LedgerAudit(control.genesis, link_at, ledger_keys.of if every_signature else None, restores)
    lasting = _Lasting()
    for position, kind, entry in entries_of(journals, Journal.LEDGER):
        book.apply(position, kind, entry)
        audit.feed(position, kind, entry)
        for lasts, lasting_entry in lasting.feed(position, kind, entry):
            quota.apply(lasts, lasting_entry)
            said.hear(lasts, lasting_entry)
    audit.finish()
    for entry in lasting.waiting():
        quota.apply(KIND_ENTRIES, entry)
        said.hear(KIND_ENTRIES, entry)
    found = _Said()
    for position, kind, entry in entries_of(journals, Journal.RECORDS):
        try:
            lanes.apply(kind, entry)
        except Refused as error:
            raise Fault("journal-damaged", error.message, at=f"RECORDS {position}") from error
        found.see(kind, entry)
    lanes.entered = said.entered
    found.statements = told
    said.check_same(found, [restore.encode() for restore in restores])
    if book.last_tick is not None:
        _check_last(ledger_keys, book.last_tick.statement, book.last_tick.signature)
    last_ms = audit.last.time_ms if audit.last else 0
    uncovered = tuple(item for entry in lasting.waiting() for item in parse_account_entries(entry))
    return Folds(control, book, lanes, quota, last_ms, audit.ticks, uncovered)


class _LedgerKeys:
    """Whose signatures a tick may have: every ledger key that a directory ever endorsed, and the gateway's own."""

    def __init__(self, control: Control, keys: Keys) -> None:
        endorsed = [key.public_key for key in control.keys.values() if key.role is Role.GATEWAY_LEDGER]
        self._by_id = {key_id(public): public for public in (keys.ledger().public_key, *endorsed)}
        self._parsed: dict[bytes, VerifyKey] = {}

    def of(self, tick_key_id: bytes) -> VerifyKey:
        """The key of that id; refuses `key-not-endorsed`."""
        if tick_key_id not in self._parsed:
            if tick_key_id not in self._by_id:
                raise Refused("key-not-endorsed", "a directory must have endorsed the key of a tick", at="tick")
            self._parsed[tick_key_id] = VerifyKey.parse(self._by_id[tick_key_id])
        return self._parsed[tick_key_id]


def _check_last(keys: _LedgerKeys, statement: bytes, signature: bytes) -> None:
    try:
        keys.of(parse_tick(statement).key_id).verify(CONTEXT, statement, signature, "tick")
    except Refused as error:
        raise Fault("ledger-damaged", "the last tick must be signed by this gateway's ledger key", at="LEDGER") from (
            error
        )


def _check_floor(floor: Floor, book: Book, control: Control) -> None:
    mark = floor.read()
    if mark.incarnation != book.incarnation or mark.tick > book.ticks.size or mark.control_size > control.position:
        raise Fault(
            "store-below-floor",
            f"the store must show at least tick {mark.tick} and {mark.control_size} statements of the incarnation that "
            f"ran last, it shows {book.ticks.size} and {control.position}",
            do="this is an older store or another one; it stays sealed until operators restore",
        )


class _Lasting:
    """LEDGER without account entries that no tick covered when their incarnation ended: the next says them again."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()

    def feed(self, position: int, kind: int, entry: bytes) -> Iterator[tuple[int, bytes]]:
        """(kind, entry) of what is known to last, once the entry at `position` is known."""
        if kind == KIND_ENTRIES:
            self._waiting.append((position, entry))
            return
        if kind == KIND_TICK:
            covered = parse_stored_tick(entry).covered
            while self._waiting and self._waiting[0][0] < covered:
                yield KIND_ENTRIES, self._waiting.popleft()[1]
        elif kind == KIND_INCARNATION:
            self._waiting.clear()
        yield kind, entry

    def waiting(self) -> list[bytes]:
        """What no tick covers yet."""
        return [entry for _, entry in self._waiting]


@dataclass(slots=True)
class _Said:
    """What happened, in order: per source a hash over the fate of each of its batches; statements and key events.

    restores: the body of each RESTORE, and what had become of all batches by then.
    is_repeating: whether an incarnation may say again what an earlier one said of a batch; fates: what that was, and
    entered: of which batches the present one says something.
    """

    batches: defaultdict[bytes, bytes] = field(default_factory=lambda: defaultdict(lambda: ZERO_HASH))
    statements: list[bytes] = field(default_factory=list)
    restores: list[tuple[bytes, dict[bytes, bytes]]] = field(default_factory=list)
    is_repeating: bool = False
    fates: dict[tuple[bytes, bytes], bool] = field(default_factory=dict)
    entered: set[bytes] = field(default_factory=set)

    def hear(self, kind: int, entry: bytes) -> None:
        """What a LEDGER entry says of the other two journals."""
        if kind == KIND_INCARNATION:
            self.entered.clear()
        if kind != KIND_ENTRIES:
            return
        for item in parse_account_entries(entry):
            for tag in (ADMITTED, REFUSED):
                if item.entry.startswith(tag):
                    start = len(tag) + _BEFORE_DIGEST
                    self._hear_of(item.account_id, tag == ADMITTED, item.entry[start : start + HASH_BYTES])
            if item.account_id == HOUSE and item.entry.startswith((APPLIED, KEY_EVENT)):
                self.statements.append(item.entry)
            if item.account_id == HOUSE and item.entry.startswith(RESTORE):
                self._restored(item.entry)

    def _hear_of(self, account_id: bytes, admitted: bool, batch_digest: bytes) -> None:
        if self.is_repeating:
            is_again = batch_digest not in self.entered and self.fates.get((account_id, batch_digest)) == admitted
            self.entered.add(batch_digest)
            if is_again:
                return
            self.fates[account_id, batch_digest] = admitted
        self._add(account_id, admitted, batch_digest)

    def see(self, kind: int, entry: bytes) -> None:
        """A RECORDS entry."""
        if kind == KIND_RESTORED:
            self._restored(Restored(entry).encode())
            return
        signed = SignedBatch.parse(Reader(entry, "batch").lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
        self._add(source_account(signed.batch.source_id), kind == KIND_ADMITTED, signed.digest)

    def _add(self, account_id: bytes, admitted: bool, batch_digest: bytes) -> None:
        self.batches[account_id] = digest(self.batches[account_id] + bytes((admitted,)) + batch_digest)

    def _restored(self, entry: bytes) -> None:
        self.restores.append((entry, dict(self.batches)))

    def check_same(self, found: _Said, restores: list[bytes]) -> None:
        """INVARIANT: a batch or a statement is in its journal exactly if the ledger says so, in the same order.

        restores: the bodies that CONTROL has; the other two journals have each at the same place between batches.
        """
        if self.restores != found.restores or [entry for entry, _ in self.restores] != [
            Restored(body).encode() for body in restores
        ]:
            raise Fault("journal-damaged", "each RESTORE of CONTROL must stand in RECORDS and LEDGER too", at="RECORDS")
        if self.batches != found.batches:
            raise Fault(
                "journal-damaged", "RECORDS must hold the batches that the ledger says were taken", at="RECORDS"
            )
        if self.statements != found.statements:
            raise Fault(
                "journal-damaged", "CONTROL must hold the statements that the ledger says were applied", at="CONTROL"
            )


def _fold_control(journals: Journals) -> tuple[Control, list[bytes], list[bytes]]:
    """The state, the head's link after so many statements, and what the house's account must say of them."""
    control: Control | None = None
    links, told = [ZERO_HASH], []
    for position, kind, raw in entries_of(journals, Journal.CONTROL):
        if kind != KIND_STATEMENT:
            raise Fault("journal-damaged", f"control entry kind {kind} is unknown", at=f"CONTROL {position}")
        try:
            entry, before = parse_entry(raw), control
            control = Control.begin(entry) if before is None else before.apply(entry)
        except GatewayError as error:
            raise Fault("journal-damaged", error.message, at=f"CONTROL {position}") from error
        links.append(control.head)
        told.append(Applied(position, control.head).encode())
        told += [KeyEvent(digest, state).encode() for digest, state in key_changes(before, control)]
    if control is None:
        raise Fault("journal-damaged", "CONTROL must begin with the genesis, it is empty", at="CONTROL")
    return control, links, told


def entries_of(journals: Journals, journal: Journal) -> Iterator[tuple[int, int, bytes]]:
    """(position, kind, entry) of a whole journal."""
    position = 0
    while page := journals.read(journal, position, _PAGE):
        for stored in page:
            yield stored.position, stored.kind, stored.entry
        position += len(page)


def check_batches(journals: Journals, control: Control) -> tuple[int, int, int]:
    """(batches, records, doubled) of RECORDS: every batch under its source's key, every record under its root.

    Raises `Refused` or `Fault` at the first that does not verify. A batch admitted twice counts as doubled.
    """
    batches = records = doubled = 0
    seen: set[bytes] = set()
    keys: dict[tuple[str, bytes], VerifyKey] = {}
    admitted = {(key.subject_id, digest[:16]): key for digest, key in control.keys.items() if key.role is Role.SOURCE}
    for position, kind, entry in entries_of(journals, Journal.RECORDS):
        if kind == KIND_RESTORED:
            continue
        signed = SignedBatch.parse(Reader(entry, "batch").lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
        signer = signed.batch.source_id, signed.batch.key_id
        if signer not in keys:
            if signer not in admitted:
                raise Refused("key-not-endorsed", "a batch is signed by a key of its source", at=f"RECORDS {position}")
            keys[signer] = VerifyKey.parse(admitted[signer].public_key)
        signed.check_signature(keys[signer])
        if kind == KIND_REFUSED:
            continue
        stored = parse_stored_batch(entry)
        if tree_root([view.leaf() for view in stored.views]) != signed.batch.root:
            raise Fault(
                "journal-damaged",
                "a batch's records do not lead to the root its source signed",
                at=f"RECORDS {position}",
            )
        doubled += signed.digest in seen
        seen.add(signed.digest)
        batches, records = batches + 1, records + len(stored.views)
    return batches, records, doubled


def record_ids(journals: Journals) -> list[str]:
    """The name of every admitted record, in order: the first 8 hex digits of H(B), and its index."""
    names = []
    for _, kind, entry in entries_of(journals, Journal.RECORDS):
        if kind == KIND_ADMITTED:
            signed = SignedBatch.parse(Reader(entry, "batch").lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
            names += [f"{signed.digest.hex()[:8]}.{idx}" for idx in range(signed.batch.count)]
    return names
