"""A source's connection: what it is answered, and its own account. SPEC.md sections 3.7 and 6.1."""

from __future__ import annotations

import copy

from .ledger import Ledger, TickMessage
from .octets import HL, IDENTIFIER, Cut, lp8, require
from .trees import leaf
from .trust import Trust

DIRECTORY, TICK, STORED, WAITING, REFUSED, ENTRIES = range(6)
CODES = range(1, 19)


def parse_begin(raw: bytes) -> tuple[bytes, int, int, int]:
    """incarnation, next_tick, account_size and dir_no of a `begin`."""
    cut = Cut(raw, "begin")
    read = (
        cut.take(16, "incarnation"),
        cut.number(8, "next_tick"),
        cut.number(8, "account_size"),
        cut.number(8, "dir_no"),
    )
    cut.end()
    return read


def parse_entry(raw: bytes) -> tuple[str, bytes]:
    """Which of the three entries of a source's account it is, and the H(B) that it names (6.1)."""
    cut = Cut(raw, "entry")
    name = next(
        (one for one in ("admitted", "refused", "disclosed") if raw.startswith(b"SLUICE1/%b\0" % one.encode())), ""
    )
    cut.tagged(name).take(32, "salt")
    if name == "disclosed":
        digest = cut.take(HL, "H(B)")
        cut.number(1, "idx")
        cut.number(2, "mask", 1)
        partner = cut.prefixed(1, "partner_id", 64).decode("latin-1")
        require(not partner or IDENTIFIER.fullmatch(partner), "malformed", "entry.partner_id")
    else:
        cut.take(16, "lane")
        cut.number(8, "batch_no")
        digest = cut.take(HL, "H(B)")
        if name == "refused":
            cut.listed(2, "code", CODES)
    cut.end()
    return name, digest


def parse_entries(raw: bytes) -> list[bytes]:
    """The entries of an `entries` message."""
    cut, read = Cut(raw, "entries"), []
    for _ in range(cut.number(4, "count")):
        read.append(cut.prefixed(4, "entry", 16_384))
    cut.end()
    return read


class ConnectionReader:
    """What the gateway says to one source on one connection.

    `begin` is what the source asked from; `trust` and `ledger` are what it knew then. `decided` is what became of each
    batch in connections before: H(B) to `admitted` or `refused`, with incarnation and tick of the tick that covers it.
    """

    def __init__(
        self,
        source_id: str,
        trust: Trust,
        ledger: Ledger,
        begin: bytes,
        decided: dict[bytes, tuple[str, bytes, int]] | None = None,
    ) -> None:
        asked = (ledger.incarnation, ledger.next_tick, ledger.held.size)
        # `dir_no` is for who knows what came before (13); nothing is taken from it (10.1).
        require(parse_begin(begin)[:3] == asked and not ledger.owed, "recording-contradicts", "begin")
        self.source_id = source_id
        self.trust = trust.copy()
        self.ledger = ledger.copy()
        self.decided = decided or {}
        self.pending: tuple[bytes, ...] = ()
        self.begun = False
        self.counts: dict[str, int] = {}

    def copy(self) -> ConnectionReader:
        """The same connection as far as it was read."""
        return copy.copy(self)

    def receive(self, message: bytes, now_ms: int) -> None:
        """Takes one message with its type byte, or nothing of it."""
        require(message, "stream-order", "message.type")
        require(len(message) <= 4_194_304, "malformed", "message")
        kind, body = message[0], message[1:]
        # `directory` comes first, and once.
        require(kind <= ENTRIES and (kind == DIRECTORY) != self.begun, "stream-order", "message.type")
        draft = self.copy()
        (draft._directory, draft._tick, draft._answer, draft._answer, draft._answer, draft._entries)[kind](
            kind, body, now_ms
        )
        name = ("directories", "ticks", "answers", "answers", "answers", "")[kind]
        if name:
            draft.counts = {**draft.counts, name: draft.counts.get(name, 0) + 1}
        self.__dict__.update(draft.__dict__)

    def _directory(self, _kind: int, body: bytes, now_ms: int) -> None:
        self.trust = self.trust.copy()
        self.trust.take(body, now_ms)
        self.begun = True

    def _answer(self, kind: int, body: bytes, _now_ms: int) -> None:
        # stored, waiting and refused are the gateway's word; nothing is deleted for them.
        cut = Cut(body, ("", "", "stored", "waiting", "refused")[kind])
        cut.take(HL, "H(B)")
        if kind != STORED:
            cut.listed(2, "code", CODES)
        if kind == REFUSED:
            cut.number(2, "idx")
            cut.number(1, "slot")
            cut.prefixed(2, "field", 65_535)
        cut.end()

    def _entries(self, _kind: int, body: bytes, _now_ms: int) -> None:
        # What an entry says counts, and is looked at, when a tick covers it.
        self.pending = (*self.pending, *parse_entries(body))

    def _forget_lost(self) -> None:
        """What was decided above the last tick that a RESTORE kept may be decided again (6.6)."""
        kept = {one.old: one.last_tick if any(one.tick_digest) else -1 for one in self.trust.restores}
        self.decided = {
            digest: (name, incarnation, tick)
            for digest, (name, incarnation, tick) in self.decided.items()
            if tick <= kept.get(incarnation, tick)
        }

    def _tick(self, _kind: int, body: bytes, _now_ms: int) -> None:
        message = TickMessage.parse(body)
        account = b"source" + lp8(self.source_id.encode())
        self.ledger = self.ledger.copy()
        # The hashes of the entries that came stand where a partner has new leaves; every leaf has its entry.
        leaves = (*map(leaf, self.pending), *message.leaves)
        self.ledger.take(message, leaves, account, self.trust, first=True)
        require(not message.leaves, "disclosure-missing", "tick message.leaf")
        self.ledger.held, self.ledger.owed = self.ledger.held.extended(self.ledger.owed), ()
        self._forget_lost()
        for name, digest in map(parse_entry, self.pending):
            if name != "disclosed":
                require(digest not in self.decided, "account-contradicts", "entry.H(B)")
                decided = (name, message.tick.incarnation, message.tick.number)
                self.decided = {**self.decided, digest: decided}
            self.counts = {**self.counts, name: self.counts.get(name, 0) + 1}
        self.pending = ()
