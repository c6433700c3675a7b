"""Ticks of the malicious gateway: account and ledger go on from what was shown, signed with its own ledger key."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import Tick, TickMessage, parse_tick, sign_tick
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.tree import Frontier, aligned_subtrees, leaf_hash, node_hash
from tests.mutation.recorded import DAY, keys_of


@functools.cache
def gateway_keys() -> KeyFiles:
    """The gateway's own keys."""
    return KeyFiles(keys_of(DAY["gateway"]["id"]))


@dataclass
class Ticked:
    """A tick with what comes before it: `leaves` to a partner, `entries` to a source.

    Made again: ledger and accounts_root of K, size and root of the head, and the signature. tick and message: what else
    is said. shown: the entries that are sent, None for all.

    account: leaves of the account behind those that were held when the stream began, None for those that were listed;
    held: another account than was held; on: fields of the K before it that differ in the ledger that this one is over;
    k and head: fields that do not follow; key: signs K.
    """

    now_ms: int
    tick: Tick
    message: TickMessage
    leaves: list[list[bytes]] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    shown: list[bytes] | None = None
    account: list[bytes] | None = None
    held: Frontier | None = None
    on: dict[str, object] = field(default_factory=dict)
    k: dict[str, object] = field(default_factory=dict)
    head: dict[str, object] = field(default_factory=dict)
    key: SigningKey | None = None


class Signing:
    """One account and the ledger over it, from where its reader stood."""

    def __init__(self, ledger: LedgerReader, account_id: bytes) -> None:
        self._account_id = account_id
        self._frontier, self._last = ledger._ledger.copy(), ledger._statement
        self._incarnation = ledger.incarnation
        self._held = ledger.held.copy()
        self._listed: list[bytes] = []

    def tick(self, step: Ticked, new: Sequence[bytes], account: Sequence[bytes] | None) -> TickMessage:
        """The message of a tick. new: leaves that come with it; account: instead of all that came."""
        if self._last and step.tick.incarnation != self._incarnation:
            self._frontier, self._last, self._held, self._listed = Frontier(), b"", Frontier(), []
        self._incarnation = step.tick.incarnation
        self._listed += new
        tree = (step.held or self._held).copy()
        for leaf in self._listed if account is None else account:
            tree.append(leaf)
        message = replace(step.message, size=tree.size, root=tree.root())
        root = message.accounts_root(self._account_id)
        message = replace(message, **step.head)
        if "salt" not in step.head:
            root = message.accounts_root(self._account_id)
        tick = replace(step.tick, ledger=self._ledger(step), accounts_root=root)
        self._last = replace(tick, **step.k).encode()
        signature = sign_tick(self._last, step.key or gateway_keys().ledger())
        return replace(message, statement=self._last, signature=signature)

    def _ledger(self, step: Ticked) -> bytes:
        """The ledger's root before this K, over the K's that were signed here."""
        if self._last:
            self._frontier.append(leaf_hash(replace(parse_tick(self._last), **step.on).encode()))
        subtrees = aligned_subtrees(self._frontier.size, step.tick.number)
        for (height, _), node in zip(subtrees, step.message.ledger_nodes, strict=False):
            self._frontier.append_subtree(height, node)
        return self._frontier.root()


def with_one_more(start: int, number: int, nodes: Sequence[bytes], leaf: bytes) -> tuple[bytes, ...]:
    """Nodes that lead from tick `start` to one more than `number`, given those that lead to `number`."""
    heights = [height for height, _ in aligned_subtrees(start, number)]
    pieces = list(zip(heights, nodes, strict=True))
    height, place = 0, number
    # It closes every subtree of its own size before it, as long as both make one that is aligned.
    while pieces and pieces[-1][0] == height and not place - (1 << height) & (2 << height) - 1:
        leaf, place, height = node_hash(pieces.pop()[1], leaf), place - (1 << height), height + 1
    return (*(node for _, node in pieces), leaf)
