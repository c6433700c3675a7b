"""Accounts and ticks: one signed line over all, of which a reader checks its own. SPEC.md section 6."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from . import statements as st
from .octets import HL, Cut, Refusal, h, lp16, require, tag, u64
from .suite import SIGNATURE, key_digest
from .trees import Frontier, along, leaf, subtrees
from .trust import Trust

MOST_LEAVES = 16_384
MOST_NEW = 1_048_576


@dataclass(frozen=True)
class Tick:
    """K: one signed statement over all accounts (6.2)."""

    raw: bytes
    genesis: bytes
    key_id: bytes
    incarnation: bytes
    number: int
    time: int
    ledger: bytes
    control: bytes
    accounts_root: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Tick:
        """The tick of the bytes."""
        cut = Cut(raw, "tick").tagged("tick")
        genesis, key_id, incarnation = cut.take(HL, "genesis"), cut.take(16, "key_id"), cut.take(16, "incarnation")
        number, time = cut.number(8, "tick"), cut.number(8, "time")
        root, control = cut.take(HL, "ledger"), cut.take(HL, "control")
        accounts = cut.take(HL, "accounts_root")
        read = cls(raw, genesis, key_id, incarnation, number, time, root, control, accounts)
        cut.end()
        return read


@dataclass(frozen=True)
class TickMessage:
    """A tick with what one reader needs to find its own account under it (6.3)."""

    tick: Tick
    signature: bytes
    salt: bytes
    size: int
    root: bytes
    place: int
    path: list[bytes]
    leaves: list[bytes]
    nodes: list[bytes]

    @classmethod
    def parse(cls, raw: bytes) -> TickMessage:
        """The message of the bytes."""
        cut = Cut(raw, "tick message")
        read = cls(
            tick=Tick.parse(cut.prefixed(2, "K", 512)),
            signature=cut.take(SIGNATURE, "sigK"),
            salt=cut.take(32, "salt"),
            size=cut.number(8, "size"),
            root=cut.take(HL, "root"),
            place=cut.number(4, "place"),
            path=cut.hashes(1, "path", 32),
            leaves=cut.hashes(4, "leaf", MOST_LEAVES),
            nodes=cut.hashes(1, "ledger node", 128),
        )
        cut.end()
        require(read.place < 1 << len(read.path), "malformed", "tick message.place")
        return read


def parse_leaves(raw: bytes) -> list[bytes]:
    """The leaves of a `leaves` message."""
    cut = Cut(raw, "leaves")
    read = cut.hashes(4, "leaf", MOST_LEAVES)
    cut.end()
    require(read, "malformed", "leaves.leaf count")
    return read


class Ledger:
    """What one reader has verified of the ledger and of its own account.

    `last` is the last verified tick and `frontier` the ledger tree before it; `held` is the frontier of the account
    over the entries that came, `owed` are the leaves whose entries have not; `seen` are the leaves settled here.
    """

    def __init__(self) -> None:
        self.last: Tick | None = None
        self.frontier = Frontier()
        self.place: int | None = None
        self.held = Frontier()
        self.owed: tuple[bytes, ...] = ()
        self.seen: frozenset[bytes] = frozenset()

    @classmethod
    def parse(cls, raw: bytes) -> Ledger:
        """The ledger state of an evidence file (13)."""
        cut = Cut(raw, "ledger state")
        read = cls()
        tick = cut.prefixed(2, "K", 512)
        read.last = Tick.parse(tick) if tick else None
        read.frontier = _frontier(cut, read.last.number if read.last else 0, "ledger")
        has_place, place = cut.number(1, "has_place", 0, 1), cut.number(4, "place")
        require(has_place or not place, "malformed", "ledger state.place")
        read.place = place if has_place else None
        read.held = _frontier(cut, cut.number(8, "size"), "account")
        read.owed = tuple(cut.hashes(4, "owed", MOST_NEW))
        cut.end()
        return read

    def copy(self) -> Ledger:
        """The same state, to go on from."""
        return copy.copy(self)

    def same_state(self, other: Ledger) -> bool:
        """Both would ask for the same."""
        mine = (self.last, self.frontier, self.place, self.held, self.owed)
        return mine == (other.last, other.frontier, other.place, other.held, other.owed)

    @property
    def incarnation(self) -> bytes:
        """That of the last verified tick, zero without one."""
        return self.last.incarnation if self.last else bytes(16)

    @property
    def next_tick(self) -> int:
        """Last verified tick + 1, 0 for none."""
        return self.last.number + 1 if self.last else 0

    def take(
        self, message: TickMessage, leaves: tuple[bytes, ...], account_id: bytes, trust: Trust, *, first: bool
    ) -> None:
        """Takes a tick under the endorsed key that it names, or nothing of it (6.4)."""
        # 1.
        key = trust.find(st.ROLE_LEDGER, message.tick.key_id, None)[1]
        self.check(message, leaves, account_id, trust, key, first=first)

    def check(
        self,
        message: TickMessage,
        leaves: tuple[bytes, ...],
        account_id: bytes,
        trust: Trust,
        key: bytes,
        *,
        first: bool,
    ) -> None:
        """Takes a tick under this key, or nothing of it.

        `leaves` are those that the message and what came before it bring; on the first tick of a stream they begin with
        the leaves still owed.
        """
        tick, draft = message.tick, self.copy()
        require(key_digest(key)[:16] == tick.key_id, "tick-key", "tick.key_id")
        trust.memory.verify(key, "tick", tick.raw, message.signature, "tick-signature")
        require(tick.genesis == trust.genesis, "tick-genesis", "tick.genesis")
        # 2.
        if draft.last and tick.incarnation != draft.last.incarnation:
            draft._restore(tick.incarnation, trust)
        require(draft.last is None or tick.number > draft.last.number, "ledger-shrank", "tick.tick")
        # 3. From K_m on the tree holds K_m's own leaf, then what lies between.
        start = draft.frontier.extended([leaf(draft.last.raw)]) if draft.last else draft.frontier
        grown = start.grown(tick.number, message.nodes)
        if grown is None or grown.root() != tick.ledger:
            raise Refusal("ledger-forked", "tick message.ledger node")
        # 4.
        require(draft.place in {None, message.place}, "account-moved", "tick message.place")
        # 5.
        account = lp16(account_id) + u64(message.size) + message.root
        head = h(b"\x00", tag("account"), message.salt, account)
        covered = along(head, message.place, message.path) == tick.accounts_root
        require(covered, "account-not-covered", "tick message.path")
        # 6.
        owed = draft.owed
        if first:
            require(leaves[: len(owed)] == owed, "account-rewritten", "tick message.leaf")
            leaves = leaves[len(owed) :]
        require(message.size >= draft.held.size, "ledger-shrank", "tick message.size")
        draft.owed = (*owed, *leaves)
        whole = draft.held.extended(draft.owed)
        right = (whole.size, whole.root()) == (message.size, message.root)
        require(right, "account-rewritten", "tick message.root")
        draft.last, draft.frontier, draft.place = tick, grown, message.place
        self.__dict__.update(draft.__dict__)

    def _restore(self, incarnation: bytes, trust: Trust) -> None:
        """Another incarnation, if RESTORE statements lead to it: the old account is closed, all starts at 0."""
        last, reached, steps = self.last, self.incarnation, list(trust.restores)
        while reached != incarnation:
            step = next((one for one in steps if one.old == reached), None)
            if step is None:
                raise Refusal("ledger-incarnation", "tick.incarnation")
            # Only the tick that this reader verified last can be compared with the one that was kept.
            if last and step.keeps(last.incarnation, last.number):
                require(step.tick_digest == h(last.raw), "restore-contradicts", "restore.H(K)")
            reached = step.new
            steps.remove(step)
        self.last, self.frontier, self.place = None, Frontier(), None
        self.held, self.owed, self.seen = Frontier(), (), frozenset()

    def settle(self, entry_leaf: bytes, at: str) -> None:
        """An entry settles the next owed leaf, and no other."""
        require(self.owed and self.owed[0] == entry_leaf, "disclosure-not-owed", at)
        self.held, self.owed = self.held.extended(self.owed[:1]), self.owed[1:]
        self.seen |= {entry_leaf}


def _frontier(cut: Cut, size: int, field: str) -> Frontier:
    nodes = tuple(cut.hashes(1, field, 64))
    require(len(nodes) == len(subtrees(0, size)), "proof-malformed", f"ledger state.{field}")
    return Frontier(size, nodes)
