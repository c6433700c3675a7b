"""What a party keeps of the ledger: its own account and one frontier, enough to see every fork, loss and rewrite.

The same for a partner and a source. A reader changes as a whole or not at all: `accept` and `settle` work on what was
verified, and `encode` is what the party persists with each tick and each entry.

A store that was put back from a backup lives on under another incarnation. Its ticks are taken only where RESTOREs that
count, so persons and never the gateway, lead from the incarnation seen before to theirs; then the account begins empty,
and what was seen is given back as a `ClosedAccount`: evidence to keep. Source: SPEC.md section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.control.restore import Restore, leading
from gateway.core.errors import Refused
from gateway.core.ledger.tick import Tick, TickMessage, check_same_ledger, parse_tick
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES
from gateway.core.suite.octets import Reader, lp16, u8, u32, u64
from gateway.core.suite.tree import Frontier, leaf_hash

_STOP = "stop, keep the stored heads, and call the operator: restore or attack"


@dataclass(frozen=True, slots=True)
class ClosedAccount:
    """What a party had seen of an incarnation that is over.

    restores: what leads from it to the present one, in order; the first says how much of it was kept.
    last: its last verified tick; size, root: of the entries held then, not only of those that were kept.
    state: all of it, as `LedgerReader.decode` reads it.
    """

    restores: tuple[Restore, ...]
    last: Tick
    size: int
    root: bytes
    state: bytes

    @property
    def incarnation(self) -> bytes:
        """16 bytes."""
        return self.last.incarnation

    @property
    def ticks_kept(self) -> int:
        """Ticks of it that the store still has: an entry that none of them covered lies beyond."""
        return self.restores[0].ticks_kept


class LedgerReader:
    """One party's view of the ledger of one genesis.

    held: frontier over the leaves whose entries the party has (its account_size);
    owed: leaves under a verified tick whose entries have not come yet, in order;
    fresh: those of them that the last accepted tick was the first to cover;
    closed: the account that this tick ended, None if it ended none.
    What was settled since the last `flush` is in memory only: `encode` still lists it as owed, so that after a crash
    the party asks for it again.
    """

    __slots__ = (
        "_account_id",
        "_flushed",
        "_genesis",
        "_last",
        "_ledger",
        "_resumed",
        "_statement",
        "_unflushed",
        "closed",
        "fresh",
        "held",
        "owed",
        "place",
    )

    def __init__(self, genesis: bytes, account_id: bytes) -> None:
        self._genesis = genesis
        self._account_id = account_id
        self._last: Tick | None = None
        self._statement = b""
        self._ledger = Frontier()
        self._resumed = False
        self.place: int | None = None
        self.held = Frontier()
        self.owed: list[bytes] = []
        self._flushed = Frontier()
        self._unflushed: list[bytes] = []
        self.fresh: list[bytes] = []
        self.closed: ClosedAccount | None = None

    @property
    def incarnation(self) -> bytes:
        """16 bytes; zero before the first tick."""
        return self._last.incarnation if self._last else bytes(ID_BYTES)

    @property
    def next_tick(self) -> int:
        """One more than the last verified tick, 0 for none."""
        return self._last.number + 1 if self._last else 0

    @property
    def last(self) -> Tick | None:
        """The last verified tick."""
        return self._last

    def begin_stream(self) -> None:
        """A new connection: its first tick lists every leaf after the held ones, those still owed first."""
        self._resumed = True

    def closed_by(self, restores: Sequence[Restore], incarnation: bytes) -> ClosedAccount | None:
        """The account as it ends if `restores` lead from its incarnation to `incarnation`; None if they do not.

        restores: those that count. Refuses `restore-contradicts` where the last tick kept is another than the one seen.
        """
        way = leading(restores, self.incarnation, incarnation)
        if self._last is None or not way:
            return None
        if self._last.number + 1 == way[0].ticks_kept and digest(self._statement) != way[0].tick_digest:
            raise Refused(
                "restore-contradicts",
                f"the RESTORE keeps another tick {self._last.number} than the one that was seen",
                at="restore",
                do=_STOP,
            )
        return ClosedAccount(way, self._last, self.held.size, self.held.root(), self.encode())

    def accept(
        self, message: TickMessage, leaves: Sequence[bytes], key: VerifyKey, restores: Sequence[Restore] = ()
    ) -> Tick:
        """Verifies one tick and takes its leaves as owed.

        leaves: hashes that came before the tick in `leaves` messages, or of entries sent before it, then the tick's
        own. restores: those that count, of the party's trust.
        Refuses `tick-*`, `ledger-*`, `account-*` and `restore-contradicts`; nothing changes then.
        """
        message.check_signature(key)
        tick = parse_tick(message.statement)
        if tick.genesis != self._genesis:
            raise Refused("tick-genesis", "the tick is of another genesis", at="tick.genesis")
        if tick.key_id != key.key_id:
            raise Refused("tick-key", "the tick names another key than the one that signed it", at="tick.key_id")
        before, closed = self, None
        if self._last is not None and tick.incarnation != self._last.incarnation:
            closed = self.closed_by(restores, tick.incarnation)
            if closed is None:
                raise Refused(
                    "ledger-incarnation",
                    "the gateway's store has another life than the one seen before, and no RESTORE says so",
                    at="tick.incarnation",
                    do=_STOP,
                )
            before = LedgerReader(self._genesis, self._account_id)
        ledger = before._ledger.copy()
        if before._last is not None:
            if tick.number <= before._last.number:
                raise Refused(
                    "ledger-shrank",
                    f"gateway showed tick {tick.number}, {before._last.number} was seen before",
                    at="tick",
                    do=_STOP,
                )
            ledger.append(leaf_hash(before._statement))
        self._follow_ledger(ledger, message, tick)
        if before.place is not None and message.place != before.place:
            raise Refused("account-moved", "the account stands at another place than before", at="tick.place")
        if message.accounts_root(self._account_id) != tick.accounts_root:
            raise Refused("account-not-covered", "the account is not under the tick's root", at="tick.path")
        owed = before._new_leaves([*leaves, *message.leaves])
        before._check_size(message, owed)
        if closed is not None:
            self.held, self._flushed, self._unflushed = before.held, before._flushed, []
        self.closed, self.fresh = closed, owed[len(before.owed) :]
        self._last, self._statement, self._ledger = tick, message.statement, ledger
        self.place, self.owed, self._resumed = message.place, owed, False
        return tick

    def _follow_ledger(self, ledger: Frontier, message: TickMessage, tick: Tick) -> None:
        nodes = list(message.ledger_nodes)
        while nodes:
            gap = tick.number - ledger.size
            if gap <= 0:
                raise Refused("ledger-forked", "a tick brings more ledger nodes than there are ticks", at="tick")
            height = (ledger.size & -ledger.size).bit_length() - 1 if ledger.size else gap.bit_length()
            while 1 << height > gap:
                height -= 1
            ledger.append_subtree(height, nodes.pop(0))
        if ledger.size != tick.number:
            raise Refused("ledger-forked", "a tick brings too few ledger nodes", at="tick", do=_STOP)
        check_same_ledger(ledger.root(), tick.ledger)

    def _new_leaves(self, leaves: list[bytes]) -> list[bytes]:
        if not self._resumed:
            return self.owed + leaves
        if leaves[: len(self.owed)] != self.owed:
            raise Refused(
                "account-rewritten", "the account does not list the leaves owed from before first", at="tick", do=_STOP
            )
        return leaves

    def _check_size(self, message: TickMessage, owed: list[bytes]) -> None:
        grown = self.held.copy()
        for leaf in owed:
            grown.append(leaf)
        if message.size < self.held.size:
            raise Refused(
                "ledger-shrank",
                f"gateway showed an account of {message.size} entries, you have seen {self.held.size}",
                at="tick.size",
                do=_STOP,
            )
        if grown.size != message.size or grown.root() != message.root:
            raise Refused("account-rewritten", "the account's leaves do not lead to its root", at="tick", do=_STOP)

    def settle(self, entry: bytes) -> None:
        """The next owed leaf's entry has come; refuses `disclosure-not-owed` for any other."""
        if not self.owed or leaf_hash(entry) != self.owed[0]:
            raise Refused("disclosure-not-owed", "an entry came that is not the next leaf of the account", at="frame")
        leaf = self.owed.pop(0)
        self.held.append(leaf)
        self._unflushed.append(leaf)

    def flush(self) -> None:
        """What was settled is stored now by the party itself."""
        self._flushed, self._unflushed = self.held.copy(), []

    def encode(self) -> bytes:
        """What the party persists."""
        return b"".join(
            (
                lp16(self._statement),
                u8(len(self._ledger.nodes())),
                *self._ledger.nodes(),
                u8(self.place is not None),
                u32(self.place or 0),
                u64(self._flushed.size),
                u8(len(self._flushed.nodes())),
                *self._flushed.nodes(),
                u32(len(self._unflushed) + len(self.owed)),
                *self._unflushed,
                *self.owed,
            )
        )

    @classmethod
    def decode(cls, state: bytes, genesis: bytes, account_id: bytes) -> LedgerReader:
        """The reader that `encode` describes; refuses `malformed`."""
        reader = Reader(state, "ledger state")
        kept = cls(genesis, account_id)
        kept._statement = reader.lp16("K", 1024)
        kept._last = parse_tick(kept._statement) if kept._statement else None
        nodes = [reader.take(HASH_BYTES, "node") for _ in range(reader.u8("nodes"))]
        kept._ledger = Frontier.from_nodes(kept._last.number if kept._last else 0, nodes)
        has_place, place = reader.u8("has place"), reader.u32("place")
        if has_place > 1 or place >> (32 * has_place):
            raise reader.refuse("place", "a flag of 0 or 1 and a place behind it, zero where there is none")
        kept.place = place if has_place else None
        size = reader.u64("size")
        kept.held = Frontier.from_nodes(size, [reader.take(HASH_BYTES, "node") for _ in range(reader.u8("nodes"))])
        count = reader.u32("owed")
        if count > reader.left // HASH_BYTES:
            raise reader.refuse("owed", "no more than the bytes can hold")
        kept.owed = [reader.take(HASH_BYTES, "owed") for _ in range(count)]
        kept.flush()
        reader.done()
        return kept
