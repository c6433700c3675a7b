"""A gateway's side of the ledger in memory: it commits, ticks and shows, as the use cases do with a journal below."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.core.ledger import book as books
from gateway.core.ledger.book import AccountEntry, Book, DraftTick
from gateway.core.ledger.tick import TickMessage, sign_tick
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import SigningKey
from tests.reference.making import GENESIS
from tests.reference.recorded import signing_key, verify_key

LEDGER, LEDGER_PUBLIC = signing_key("gateway-ledger"), verify_key("gateway-ledger")
MINE, OTHERS = b"my account", b"somebody else"


@dataclass
class HonestGateway:
    """One book with the journal it was folded from; random bytes come from a count, so runs repeat."""

    genesis: bytes = GENESIS
    incarnation: bytes = b"incarnation 16 b"
    key: SigningKey = LEDGER
    book: Book = field(init=False)
    journal: list[tuple[int, bytes]] = field(default_factory=list)
    shown: tuple[DraftTick, bytes] | None = None

    def __post_init__(self) -> None:
        """A store begins with its incarnation."""
        self.book = Book(self.genesis)
        self.commit(books.KIND_INCARNATION, self.incarnation)

    def commit(self, kind: int, entry: bytes) -> None:
        """One more entry of the journal."""
        self.book.apply(len(self.journal), kind, entry)
        self.journal.append((kind, entry))

    def random(self, length: int) -> bytes:
        """Bytes that no other call gave."""
        return digest(b"random %d %d" % (len(self.journal), len(self.book.accounts)))[:length]

    def open(self, account_id: bytes) -> None:
        """An account at a free random place."""
        place = self.book.free_place(int.from_bytes(self.random(8), "big"))
        self.commit(books.KIND_ACCOUNT, books.encode_account(account_id, place))

    def enter(self, account_id: bytes, *entries: bytes) -> None:
        """Entries of one commit."""
        self.commit(
            books.KIND_ENTRIES, books.encode_account_entries(AccountEntry(account_id, entry) for entry in entries)
        )

    def draft(self) -> DraftTick:
        """The next tick, not signed yet."""
        return self.book.draft(
            key_id=self.key.key_id,
            time_ms=1_780_000_000_000 + len(self.journal),
            control_position=len(self.journal),
            control_link=bytes(48),
            control_salt=self.random(32),
            tick_seed=self.random(32),
        )

    def tick(self) -> None:
        """Signs and commits a tick; it is what parties are shown from now on."""
        draft = self.draft()
        signature = sign_tick(draft.statement, self.key)
        self.commit(books.KIND_TICK, draft.encode(signature))
        self.shown = (draft, signature)

    def message(self, leaves_from: int, next_tick: int, account_id: bytes = MINE) -> tuple[list[bytes], TickMessage]:
        """The last tick for one party."""
        if self.shown is None:
            self.tick()
        assert self.shown is not None
        return self.book.message(*self.shown, account_id, leaves_from, next_tick)


def a_gateway(*entries: bytes) -> HonestGateway:
    """A gateway with two accounts, these entries in mine, and one tick over them."""
    gateway = HonestGateway()
    gateway.open(OTHERS)
    gateway.open(MINE)
    gateway.enter(OTHERS, b"not yours")
    for entry in entries:
        gateway.enter(MINE, entry)
    gateway.tick()
    return gateway
