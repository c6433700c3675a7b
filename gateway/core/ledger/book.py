"""The gateway's book: every account, its place, and the ledger of ticks; a fold over the LEDGER journal.

The writer gives every leaf its place in commit order: the book changes only from what was committed, in that order,
never from two tasks. A tick is drafted at explicit sizes, because accounts grow while its signature is in flight.
Source: SPEC.md sections 6 and 7.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gateway.core.errors import Fault, Refused
from gateway.core.ledger.tick import Tick, TickMessage, account_head, control_digest, parse_tick
from gateway.core.suite.algorithms import keystream
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, SALT_BYTES
from gateway.core.suite.octets import Reader, lp16, lp32, u32, u64
from gateway.core.suite.tree import GrowingTree, leaf_hash, node_hash

KIND_INCARNATION = 1
KIND_ACCOUNT = 2
KIND_ENTRIES = 3
KIND_TICK = 4
MAX_ACCOUNT_ID_BYTES = 256
_MAX_ENTRY = 16 * 1024
MAX_OPENING_BYTES = 60 * 1024


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One entry for one account; `opening` is what shows an auditor the commitment inside it, kept beside the entry.

    An opening has at most `MAX_OPENING_BYTES`.
    """

    account_id: bytes
    entry: bytes
    opening: bytes = b""


@dataclass(slots=True)
class Account:
    """An account in memory. positions[i]: LEDGER position and index there of entry i, to read it back."""

    account_id: bytes
    place: int
    tree: GrowingTree = field(default_factory=GrowingTree)
    positions: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AccountsTree:
    """sizes and salts by account id; levels from the heads up, the last holds the root."""

    sizes: dict[bytes, int]
    salts: dict[bytes, bytes]
    levels: tuple[tuple[bytes, ...], ...]


@dataclass(frozen=True, slots=True)
class DraftTick:
    """A tick ready to be signed, and what its messages are made from once it is."""

    tick: Tick
    statement: bytes
    control_salt: bytes
    control_position: int
    tick_seed: bytes
    covered: int
    sizes: dict[bytes, int]
    salts: dict[bytes, bytes]
    levels: tuple[tuple[bytes, ...], ...]

    def encode(self, signature: bytes) -> bytes:
        """The journal entry: K, its signature, and what an auditor needs to rebuild it."""
        return b"".join(
            (
                lp16(self.statement),
                lp16(signature),
                self.tick_seed,
                self.control_salt,
                u64(self.control_position),
                u64(self.covered),
            )
        )


@dataclass(frozen=True, slots=True)
class StoredTick:
    """A tick as read back from LEDGER. covered: LEDGER entries it speaks of."""

    statement: bytes
    signature: bytes
    tick_seed: bytes
    control_salt: bytes
    control_position: int
    covered: int


def parse_stored_tick(entry: bytes) -> StoredTick:
    """The tick of a journal entry."""
    reader = Reader(entry, "stored tick")
    parsed = StoredTick(
        reader.lp16("K", 1024),
        reader.lp16("signature", 8192),
        reader.take(32, "tick_seed"),
        reader.take(SALT_BYTES, "control salt"),
        reader.u64("control position"),
        reader.u64("covered"),
    )
    reader.done()
    return parsed


def encode_account_entries(entries: Iterable[AccountEntry]) -> bytes:
    """One journal entry for all account entries of one commit."""
    return b"".join(lp16(item.account_id) + lp32(item.entry) + lp16(item.opening) for item in entries)


def parse_account_entries(entry: bytes) -> list[AccountEntry]:
    """The account entries of one commit."""
    reader = Reader(entry, "account entries")
    entries = []
    while reader.left:
        account_id = reader.lp16("account_id", MAX_ACCOUNT_ID_BYTES)
        text, opening = reader.lp32("entry", _MAX_ENTRY), reader.lp16("opening", MAX_OPENING_BYTES)
        entries.append(AccountEntry(account_id, text, opening))
    return entries


def encode_account(account_id: bytes, place: int) -> bytes:
    """The journal entry that opens an account at its place."""
    return lp16(account_id) + u32(place)


class Book:
    """All accounts and ticks of one incarnation."""

    def __init__(self, genesis: bytes) -> None:
        self._genesis = genesis
        self.incarnation = bytes(ID_BYTES)
        self.accounts: dict[bytes, Account] = {}
        self._places: dict[int, bytes] = {}
        self.ticks = GrowingTree()
        self.last_tick: StoredTick | None = None
        self.size = 0

    def apply(self, position: int, kind: int, entry: bytes) -> None:
        """Folds one committed LEDGER entry in; raises `Fault("journal-damaged")` on one that cannot follow."""
        if position != self.size:
            raise Fault("journal-damaged", f"ledger entry {self.size} was expected, {position} came", at="LEDGER")
        try:
            self._apply(position, kind, entry)
        except Refused as error:
            raise Fault("journal-damaged", error.message, at=f"LEDGER {position}") from error
        self.size += 1

    def _apply(self, position: int, kind: int, entry: bytes) -> None:
        if kind == KIND_INCARNATION:
            self._begin(entry)
        elif kind == KIND_ACCOUNT:
            self._open_account(entry)
        elif kind == KIND_ENTRIES:
            self._append(position, parse_account_entries(entry))
        elif kind == KIND_TICK:
            self._add_tick(position, parse_stored_tick(entry))
        else:
            raise Fault("journal-damaged", f"ledger entry kind {kind} is unknown", at=f"LEDGER {position}")

    def _append(self, position: int, items: list[AccountEntry]) -> None:
        if any(item.account_id not in self.accounts for item in items):
            raise Fault("journal-damaged", "an entry is for an account that was never opened", at=f"LEDGER {position}")
        for index, item in enumerate(items):
            account = self.accounts[item.account_id]
            account.tree.append(leaf_hash(item.entry))
            account.positions.append((position, index))

    def _add_tick(self, position: int, stored: StoredTick) -> None:
        """INVARIANT: each tick covers every tick before it, so a rewritten ledger does not even load."""
        tick, size = parse_tick(stored.statement), self.ticks.size
        came = (tick.genesis, tick.incarnation, tick.number, tick.ledger)
        if came != (self._genesis, self.incarnation, size, self.ticks.root(size)):
            raise Fault("journal-damaged", "a tick does not continue the ledger before it", at=f"LEDGER {position}")
        self.last_tick = stored
        self.ticks.append(leaf_hash(stored.statement))

    def _begin(self, entry: bytes) -> None:
        """Accounts, places, ticks and the ledger tree start empty in each incarnation."""
        if len(entry) != ID_BYTES:
            raise Fault("journal-damaged", f"an incarnation has {ID_BYTES} bytes, {len(entry)} came", at="LEDGER")
        self.incarnation = entry
        self.accounts, self._places = {}, {}
        self.ticks, self.last_tick = GrowingTree(), None

    def _open_account(self, entry: bytes) -> None:
        reader = Reader(entry, "account")
        account_id, place = reader.lp16("account_id", MAX_ACCOUNT_ID_BYTES), reader.u32("place")
        reader.done()
        if account_id in self.accounts or place in self._places:
            raise Fault("journal-damaged", "an account or its place was opened twice", at="LEDGER")
        self.accounts[account_id] = Account(account_id, place)
        self._places[place] = account_id

    def free_place(self, random: int, taken: Collection[int] = ()) -> int:
        """A free place for one more account, chosen by `random` (any non-negative integer); `taken`: promised already.

        The tree has a power of two places and doubles when they are used up.
        """
        used = self._places.keys() | set(taken)
        width = 1 << len(used).bit_length()
        free = [place for place in range(width) if place not in used]
        return free[random % len(free)]

    def account_of(self, account_id: bytes) -> Account | None:
        """The account, if it was opened."""
        return self.accounts.get(account_id)

    def accounts_tree(self, tick_seed: bytes) -> AccountsTree:
        """The tree over every account's head under the salts that `tick_seed` gives. SPEC.md section 6."""
        top = max(self._places, default=0)
        width = 1 << top.bit_length()
        stream = keystream(tick_seed, HASH_BYTES * width)
        level: list[bytes] = []
        sizes, salts = {}, {}
        for place in range(width):
            random = stream[place * HASH_BYTES : (place + 1) * HASH_BYTES]
            account_id = self._places.get(place)
            if account_id is None:
                level.append(random)
                continue
            account = self.accounts[account_id]
            sizes[account_id] = account.tree.size
            salts[account_id] = random[:SALT_BYTES]
            level.append(
                account_head(salts[account_id], account_id, account.tree.size, account.tree.root(account.tree.size))
            )
        levels = [tuple(level)]
        while len(level) > 1:
            level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
            levels.append(tuple(level))
        return AccountsTree(sizes, salts, tuple(levels))

    def draft(
        self,
        *,
        key_id: bytes,
        time_ms: int,
        control_position: int,
        control_link: bytes,
        control_salt: bytes,
        tick_seed: bytes,
    ) -> DraftTick:
        """The next tick over everything committed so far; the salts and the seed are fresh random bytes."""
        accounts = self.accounts_tree(tick_seed)
        tick = Tick(
            self._genesis,
            key_id,
            self.incarnation,
            self.ticks.size,
            time_ms,
            self.ticks.root(self.ticks.size),
            control_digest(control_salt, control_position, control_link),
            accounts.levels[-1][0],
        )
        return DraftTick(
            tick,
            tick.encode(),
            control_salt,
            control_position,
            tick_seed,
            self.size,
            accounts.sizes,
            accounts.salts,
            accounts.levels,
        )

    def draft_of(self, stored: StoredTick) -> DraftTick:
        """The draft that a signed tick was, of a book that holds exactly the entries it speaks of."""
        accounts = self.accounts_tree(stored.tick_seed)
        return DraftTick(
            parse_tick(stored.statement),
            stored.statement,
            stored.control_salt,
            stored.control_position,
            stored.tick_seed,
            stored.covered,
            accounts.sizes,
            accounts.salts,
            accounts.levels,
        )

    def message(
        self, draft: DraftTick, signature: bytes, account_id: bytes, leaves_from: int, next_tick: int
    ) -> tuple[list[bytes], TickMessage]:
        """(leaves beyond the last 16,384, tick message) for one party, at the draft's sizes.

        leaves_from: leaves the party has been told of; None of the account's later leaves are shown.
        next_tick: one more than the last tick it verified, 0 for none.
        """
        account = self.accounts[account_id]
        size = draft.sizes[account_id]
        path, place = [], account.place
        for level in draft.levels[:-1]:
            path.append(level[place ^ 1])
            place >>= 1
        leaves = account.tree.leaves(leaves_from, size)
        nodes = self.ticks.range_nodes(next_tick, draft.tick.number)
        message = TickMessage(
            draft.statement,
            signature,
            draft.salts[account_id],
            size,
            account.tree.root(size),
            account.place,
            tuple(path),
            tuple(leaves[-16_384:]),
            tuple(nodes),
        )
        return leaves[:-16_384], message
