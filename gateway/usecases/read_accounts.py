"""Reading accounts to an operator: every head under one tick, and the entries of partners with what opens them.

One reading is of one tick, whatever is committed meanwhile: accounts only grow, and sizes are the tick's. What is read
is handed out in slices, each a little work, so that streams and sources are served between any two. Nothing is judged
here: items are evidence, and an operator's client believes none of it unseen. The entries of sources stay here; heads
alone show that there is no other account. An incarnation that a RESTORE ended is read under the last tick that was kept
of it: its book is folded again from LEDGER, as far as that tick covers. Source: SPEC.md section 13.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core.errors import Fault, Refused
from gateway.core.ledger import evidence
from gateway.core.ledger.book import (
    KIND_INCARNATION,
    KIND_TICK,
    AccountEntry,
    Book,
    StoredTick,
    parse_account_entries,
    parse_stored_tick,
)
from gateway.core.ledger.entries import HOUSE
from gateway.core.ledger.evidence import OpenedTick, ShownAccount, ShownBatch, ShownEntry
from gateway.core.records.batch import MAX_SIGNED_BATCH_BYTES, SignedBatch
from gateway.core.records.states import batch_leaves, parse_stored_batch
from gateway.core.sealing.opening import parse_disclosure_opening
from gateway.core.suite.octets import Reader, lp8, u8
from gateway.ports.journal import Journal, Journals, Stored
from gateway.usecases.govern import check_operator
from gateway.usecases.lanes import KIND_ADMITTED
from gateway.usecases.peer import Peer
from gateway.usecases.running import Running

# Bytes of the journals read for one slice, and of the items in it: some milliseconds of work.
_SLICE_BYTES = 128 * 1024


class BatchIndex:
    """Where in RECORDS each admitted batch lies, by H(B): read when it is first asked for, then only what is new."""

    def __init__(self, journals: Journals) -> None:
        self._journals = journals
        self._positions: dict[bytes, int] = {}
        self._read = 0

    def grow(self) -> int:
        """Reads the next entry; its bytes, 0 when there is none."""
        for stored in self._journals.read(Journal.RECORDS, self._read, 1):
            if stored.kind == KIND_ADMITTED:
                signed = Reader(stored.entry, "batch").lp16("signed batch", MAX_SIGNED_BATCH_BYTES)
                self._positions[SignedBatch.parse(signed).digest] = stored.position
            self._read += 1
            return len(stored.entry)
        return 0

    def shown(self, batch_digest: bytes) -> ShownBatch | None:
        """The batch without its records; None if it is not in RECORDS."""
        position = self._positions.get(batch_digest)
        if position is None:
            return None
        stored = parse_stored_batch(self._journals.read(Journal.RECORDS, position, 1)[0].entry)
        leaves = batch_leaves(stored.views, [view.commitments() for view in stored.views])
        return ShownBatch(stored.signed, tuple(leaves))


@dataclass(frozen=True, slots=True)
class Asked:
    """partner_id: whose entries, empty for all partners'; incarnation, next_tick: what the operator verified before.

    ended: an incarnation that is over; empty for the present one.
    """

    partner_id: str = ""
    incarnation: bytes = b""
    next_tick: int = 0
    ended: bytes = b""


class AccountsReading:
    """Items about every account under one tick. ledger_nodes: from `next_tick` to it; none of what is over."""

    def __init__(self, running: Running, index: BatchIndex, asked: Asked) -> None:
        shown = running.ticker.shown
        if shown is None:
            raise Fault("no-tick", "a reading is of a tick that was signed, none was yet")
        self._running = running
        self._index = index
        self._asked = asked
        self._book = running.book
        self._draft, self._signature = shown
        self._sent: set[bytes] = set()
        self.ledger_nodes: list[bytes] = []
        if asked.ended:
            return
        known = asked.next_tick if asked.incarnation == self._draft.tick.incarnation else 0
        self.ledger_nodes = running.book.ticks.range_nodes(known, self._draft.tick.number)

    def slices(self) -> Iterator[list[bytes]]:
        """Items with their type byte, a few at a time; an empty slice is time for others."""
        items: list[bytes] = []
        cost = 0
        for item, taken in self._items():
            if item:
                items.append(item)
            cost += taken
            if cost >= _SLICE_BYTES:
                yield items
                items, cost = [], 0
        yield items

    def _items(self) -> Iterator[tuple[bytes, int]]:
        """(item or nothing, what it took in bytes read and written)."""
        if self._asked.ended:
            yield from self._fold_ended()
        draft = self._draft
        tick = OpenedTick(
            draft.statement, self._signature, draft.control_salt, draft.control_position, draft.tick_seed
        ).encode()
        yield u8(evidence.TICK) + tick, len(tick)
        while taken := self._index.grow():
            yield b"", taken
        # The house first: receipts in it speak of the accounts that come after.
        for account_id in sorted(draft.sizes, key=lambda account_id: (account_id != HOUSE, account_id)):
            yield self._head(account_id), 1024
            if self._is_wanted(account_id):
                yield from self._entries(account_id)

    def _fold_ended(self) -> Iterator[tuple[bytes, int]]:
        """The book of an incarnation that is over, at the last tick that was kept; refuses `incarnation-unknown`."""
        last: StoredTick | None = None
        is_asked = False
        for stored in self._ledger():
            if stored.kind == KIND_INCARNATION:
                is_asked = stored.entry == self._asked.ended != self._running.book.incarnation
            elif stored.kind == KIND_TICK and is_asked:
                last = parse_stored_tick(stored.entry)
            yield b"", len(stored.entry)
        if last is None:
            raise Refused(
                "incarnation-unknown",
                "an incarnation that is over and has a tick was expected, it is not one",
                at="ended",
            )
        self._book = Book(self._running.control.genesis)
        for stored in self._ledger():
            if stored.position == last.covered:
                break
            self._book.apply(stored.position, stored.kind, stored.entry)
            yield b"", len(stored.entry)
        self._draft, self._signature = self._book.draft_of(last), last.signature

    def _ledger(self) -> Iterator[Stored]:
        """Every entry of LEDGER, read one at a time."""
        position = 0
        while page := self._running.journals.read(Journal.LEDGER, position, 1):
            yield page[0]
            position += 1

    def _is_wanted(self, account_id: bytes) -> bool:
        if account_id == HOUSE:
            return True
        wanted = lp8(self._asked.partner_id.encode("ascii")) if self._asked.partner_id else b""
        return not account_id.startswith(b"source") and account_id.startswith(wanted)

    def _head(self, account_id: bytes) -> bytes:
        draft, account = self._draft, self._book.accounts[account_id]
        size = draft.sizes[account_id]
        path = tuple(level[account.place >> height ^ 1] for height, level in enumerate(draft.levels[:-1]))
        shown = ShownAccount(draft.salts[account_id], account_id, size, account.tree.root(size), account.place, path)
        return u8(evidence.ACCOUNT) + shown.encode()

    def _entries(self, account_id: bytes) -> Iterator[tuple[bytes, int]]:
        positions = self._book.accounts[account_id].positions[: self._draft.sizes[account_id]]
        read_position, group = -1, list[AccountEntry]()
        for position, index in positions:
            cost = 0
            if position != read_position:
                stored = self._running.journals.read(Journal.LEDGER, position, 1)[0].entry
                group, read_position, cost = parse_account_entries(stored), position, len(stored)
            item = group[index]
            if account_id != HOUSE:
                yield from self._batches(item.opening)
            yield u8(evidence.ENTRY) + ShownEntry(item.entry, item.opening).encode(), cost + len(item.entry)

    def _batches(self, opening: bytes) -> Iterator[tuple[bytes, int]]:
        """The batches that an entry shows and none before it did."""
        kept = parse_disclosure_opening(opening).kept
        for batch in kept.shown if kept else ():
            if batch.batch_digest in self._sent:
                continue
            self._sent.add(batch.batch_digest)
            shown = self._index.shown(batch.batch_digest)
            if shown is not None:
                # Its records were hashed for this, which takes longer than sending what came of it.
                yield u8(evidence.BATCH) + shown.encode(), _SLICE_BYTES


async def read_accounts(running: Running, index: BatchIndex, peer: Peer, asked: Asked) -> AccountsReading:
    """A reading of the latest tick, of the first one if none was signed yet. Refuses `denied` to all but operators."""
    check_operator(peer)
    wake = asyncio.Event()
    running.ticker.listen(wake)
    try:
        while running.ticker.shown is None:
            wake.clear()
            await wake.wait()
    finally:
        running.ticker.leave(wake)
    return AccountsReading(running, index, asked)
