"""What a real gateway knows, in the hands of a test: keys, directory, records, and a ledger of its own to write in.

Nothing is faked that a compromised gateway would have: the operators' and sources' keys are there too, so that a test
can tell a forgery from a mistake of the real ones.
"""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from clients.source.batcher import Lane, sign_batch
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.core.control.directory import (
    DirectoryMessage,
    Endorsed,
    ShownEndorsement,
    build_directory,
    show_endorsements,
)
from gateway.core.control.fold import Control
from gateway.core.control.statement import (
    SignedStatement,
    Statement,
    encode_signatures,
    parse_signatures,
    sign_statement,
)
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    KIND_TICK,
    AccountEntry,
    Book,
    DraftTick,
    encode_account,
    encode_account_entries,
)
from gateway.core.ledger.entries import HOUSE
from gateway.core.ledger.tick import sign_tick
from gateway.core.records.batch import SignedBatch
from gateway.core.records.seed import expand
from gateway.core.records.states import RecordInput, StoredBatch, build_view, parse_stored_batch
from gateway.core.sealing.body import Section
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import DataMode, RecordKind, StatementKind
from gateway.core.suite.tree import GrowingTree, leaf_hash, multiproof
from gateway.ports.journal import Journal
from gateway.usecases.lanes import KIND_ADMITTED
from tests.loopback import Loopback
from tests.stand import Stand

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


class Ledger:
    """A book of its own with the house's account, and one tick after another."""

    def __init__(self, genesis: bytes, key: SigningKey) -> None:
        self.book = Book(genesis)
        self.key = key
        self._apply(KIND_INCARNATION, secrets.token_bytes(16))
        self.open(HOUSE)

    def _apply(self, kind: int, entry: bytes) -> None:
        self.book.apply(self.book.size, kind, entry)

    def open(self, account_id: bytes) -> None:
        """The account is there."""
        if self.book.account_of(account_id) is None:
            self._apply(KIND_ACCOUNT, encode_account(account_id, self.book.free_place(secrets.randbits(32))))

    def enter(self, account_id: bytes, *entries: bytes) -> None:
        """Entries of an account, in order."""
        self._apply(KIND_ENTRIES, encode_account_entries([AccountEntry(account_id, entry) for entry in entries]))

    def draft(self) -> tuple[DraftTick, bytes]:
        """The next tick and its signature; it counts from now on."""
        draft = self.book.draft(
            key_id=self.key.key_id,
            time_ms=now_ms(),
            control_position=1,
            control_link=bytes(48),
            control_salt=secrets.token_bytes(32),
            tick_seed=secrets.token_bytes(32),
        )
        signature = sign_tick(draft.statement, self.key)
        self._apply(KIND_TICK, draft.encode(signature))
        return draft, signature

    def fork(self) -> Ledger:
        """The same history, from here on another."""
        twin = copy.copy(self)
        twin.book = copy.deepcopy(self.book)
        return twin

    def rewrite(self, account_id: bytes, *entries: bytes) -> None:
        """The account holds these entries and never held others; ticks say so from now on."""
        tree = GrowingTree()
        for entry in entries:
            tree.append(leaf_hash(entry))
        self.book.accounts[account_id].tree = tree


@dataclass
class Truth:
    """What the real gateway knows: everything a liar could use."""

    stand: Stand
    control: Control
    keys: KeyFiles
    batches: list[StoredBatch]

    @classmethod
    def of(cls, world: Loopback) -> Truth:
        """Of a running gateway, which may be stopped afterwards."""
        assert world.stand.running is not None
        running, position = world.stand.running.running, 0
        batches = []
        while page := running.journals.read(Journal.RECORDS, position, 64):
            batches += [parse_stored_batch(stored.entry) for stored in page if stored.kind == KIND_ADMITTED]
            position += len(page)
        return cls(world.stand, running.control, KeyFiles(world.stand.settings.keys), batches)

    def section(self, batch: int = 0, idx: Sequence[int] = (0,), mask: int = 1, **changed: object) -> Section:
        """Records of a stored batch with only the slots of `mask` that there are."""
        stored = self.batches[batch]
        leaves = [view.leaf() for view in stored.views]
        views = tuple(stored.views[i].narrowed(mask & stored.views[i].mask, stored.views[i].commitments()) for i in idx)
        return replace(Section(stored.signed, views, tuple(multiproof(leaves, idx))), **changed)

    def resigned(self, key: SigningKey, batch: int = 0, **changed: object) -> Section:
        """The first record of a stored batch under another signature."""
        section = self.section(batch)
        forged = SignedBatch.sign(replace(section.signed.batch, **changed), key)
        return replace(section, signed=forged)

    def own_batch(self, kind: RecordKind, *records: RecordInput, source: str = "src-3f07") -> int:
        """A batch that the source itself signs, past the gateway's guard; its number for `section`."""
        key = self.stand.profile(source).signing_key()
        genesis = self.control.genesis
        batch = sign_batch(genesis, source, key, Lane.new(), kind, DataMode.SIMULATED, records)
        secret = expand(batch.seed, [record.slot_count for record in records])
        views = tuple(build_view(idx, record, secret[idx])[0] for idx, record in enumerate(records))
        self.batches.append(StoredBatch(batch.signed, now_ms(), views))
        return len(self.batches) - 1

    def directory(
        self,
        number: int,
        *,
        signers: Sequence[SigningKey] | None = None,
        issued_ms: int | None = None,
        expires_ms: int | None = None,
        change: Callable[[ShownEndorsement], ShownEndorsement] = lambda one: one,
    ) -> DirectoryMessage:
        """A directory like the real one under another number, signed by whoever is said to sign it."""
        standing = self.control.directory
        assert standing is not None
        issued_ms = now_ms() if issued_ms is None else issued_ms
        changed = [change(one) for one in standing.shown]
        endorsed = [Endorsed(one.endorsement, one.material, None) for one in changed]
        built, leaves = build_directory(
            [one.endorsement for one in changed],
            dir_no=number,
            issued_at_ms=issued_ms,
            expires_at_ms=issued_ms + HOUR_MS if expires_ms is None else expires_ms,
        )
        founding = self.control.succession[0]
        link, body, until_ms = founding.statement.link, built.encode(), issued_ms + HOUR_MS
        statement = Statement(link, 90 + number, link, link, StatementKind.DIRECTORY, body, issued_ms, until_ms)
        keys = self.stand.operators if signers is None else signers
        signatures = encode_signatures([sign_statement(statement, key) for key in keys])
        signed = SignedStatement(statement, parse_signatures(signatures))
        return DirectoryMessage((founding, signed), show_endorsements(endorsed, leaves))
