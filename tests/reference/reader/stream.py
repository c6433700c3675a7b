"""A stream to one partner: Hello, opening, and what is sealed under its key. SPEC.md sections 4 and 5."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from . import statements as st
from .frame import Disclosure, Vocabularies, check_views, parse_body
from .ledger import MOST_NEW, Ledger, TickMessage, parse_leaves
from .octets import HL, Cut, Refusal, h, lp8, require, tag, u64
from .profile import Agreement, Party
from .suite import KEM_KEY, SEAL, SIGNATURE, KemKey, Memory, expand, extract, open_sealed, text_digest
from .trees import leaf
from .trust import SKEW, Trust

DIRECTORY, OPEN, TICK, LEAVES, OLD, FRAME, NOTICE, END = range(8)
SEALED = {OLD, FRAME, NOTICE, END}
MOST_WAITED = 120_000


@dataclass(frozen=True)
class Hello:
    """What a partner asks for (4.2)."""

    raw: bytes
    signature: bytes
    genesis: bytes
    partner_id: str
    agreement_id: str
    subscription: str
    agreement_digest: bytes
    key_id: bytes
    kinds: int
    dir_no: int
    incarnation: bytes
    next_tick: int
    account_size: int
    ephemeral: bytes

    @classmethod
    def parse(cls, both: bytes) -> Hello:
        """The Hello of `Hello | sig`."""
        raw = both[:-SIGNATURE]
        cut = Cut(raw, "hello").tagged("hello")
        genesis = cut.take(HL, "genesis")
        names = cut.identifier("partner_id"), cut.identifier("agreement_id"), cut.identifier("subscription")
        digest, key_id = cut.take(HL, "agreement_digest"), cut.take(16, "key_id")
        cut.take(32, "nonce")
        cut.take(8, "time")
        kinds, dir_no = cut.number(2, "kinds"), cut.number(8, "dir_no")
        asked = cut.take(16, "incarnation"), cut.number(8, "next_tick"), cut.number(8, "account_size")
        cut.prefixed(1, "cursor", 255)
        ephemeral = cut.prefixed(2, "ephemeral", KEM_KEY, KEM_KEY)
        cut.end()
        return cls(raw, both[-SIGNATURE:], genesis, *names, digest, key_id, kinds, dir_no, *asked, ephemeral)

    def check_signature(self, key: bytes, memory: Memory) -> None:
        """Nothing, if the key signed it."""
        memory.verify(key, "hello", self.raw, self.signature, "hello-signature")


@dataclass(frozen=True)
class Terms:
    """T and the rest of `open`: what a stream is (4.3)."""

    raw: bytes
    genesis: bytes
    partner_id: str
    agreement_id: str
    subscription: str
    stream_id: bytes
    hello_digest: bytes
    kem_id: bytes
    stream_key_id: bytes
    agreement_digest: bytes
    not_after: int
    seals: tuple[bytes, bytes]
    th: bytes
    signature: bytes

    @classmethod
    def parse(cls, message: bytes) -> Terms:
        """The terms of an `open` message."""
        outer = Cut(message, "open")
        raw = outer.prefixed(2, "T", 1024)
        cut = Cut(raw, "T").tagged("stream")
        genesis = cut.take(HL, "genesis")
        names = cut.identifier("partner_id"), cut.identifier("agreement_id"), cut.identifier("subscription")
        fields = cut.take(16, "stream_id"), cut.take(HL, "H(Hello)"), cut.take(16, "kem"), cut.take(16, "stream key")
        digest, not_after = cut.take(HL, "agreement_digest"), cut.number(8, "not_after")
        cut.end()
        seals = outer.prefixed(2, "seal", SEAL, SEAL), outer.prefixed(2, "seal", SEAL, SEAL)
        th = h(tag("th"), message[: outer.place])
        signature = outer.take(SIGNATURE, "sigS")
        outer.end()
        return cls(raw, genesis, *names, *fields, digest, not_after, seals, th, signature)

    def check_signature(self, key: bytes, memory: Memory) -> None:
        """Nothing, if the gateway-stream key signed it."""
        memory.verify(key, "stream-sig", tag("stream-sig") + self.th, self.signature, "open-signature")

    def open_seals(self, kem_key: KemKey, ephemeral: KemKey) -> tuple[bytes, int]:
        """The stream's key and iv: both seals open, or nothing is used."""
        first = kem_key.open(self.raw, self.seals[0], "open-not-for-us", "open.seal")
        second = ephemeral.open(self.raw, self.seals[1], "open-not-for-us", "open.seal")
        return expand(extract(h(self.raw), first + second), tag("keys") + self.th)


def open_piece(keys: tuple[bytes, int], th: bytes, seq: int, name: str, number: int, sealed: bytes, code: str) -> bytes:
    """The plaintext of a sealed message or of a part of one (5.4)."""
    aad = b"SLUICE1/" + name.encode() + b"\0" + th + u64(seq)
    return open_sealed(keys, number, sealed, aad, code, name)


def parse_words(raw: bytes, name: str) -> int:
    """The reason of an end or a notice, whose text is for a person."""
    cut = Cut(raw, name)
    reason = cut.listed(2, "reason", range(1, 12))
    try:
        cut.prefixed(2, "text", 512).decode("utf-8")
    except UnicodeDecodeError as error:
        raise cut.bad("text") from error
    cut.end()
    return reason


def parse_sealed(kind: int, body: bytes) -> tuple[int, list[bytes]]:
    """Seq and ciphertexts of a sealed message."""
    name = ("", "", "", "", "old", "frame", "notice", "end")[kind]
    cut = Cut(body, name)
    seq = cut.number(8, "seq")
    parts = [cut.prefixed(4, "ct", 1024, 16)] if kind in {OLD, FRAME} else [cut.prefixed(4, "ct", 532, 16)]
    if kind == FRAME:
        parts.append(cut.prefixed(4, "body", 3_670_032, 16))
    cut.end()
    return seq, parts


class StreamReader:
    """One stream as its partner reads it.

    `party` says who that is and what it may read, `trust` and `ledger` what it knew when it sent `hello` (with its
    signature), `kem_key` and `ephemeral` open the seals. `masks` is what was shown before, by (H(B), idx).
    """

    def __init__(
        self,
        party: Party,
        trust: Trust,
        ledger: Ledger,
        hello: bytes,
        kem_key: KemKey,
        ephemeral: KemKey,
        masks: dict[tuple[bytes, int], int] | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        self.party = party
        self.trust = trust.copy()
        self.ledger = ledger.copy()
        self.hello = Hello.parse(hello)
        self.kem_key = kem_key
        self.ephemeral = ephemeral
        self.masks = masks or {}
        self.agreement = agreement or party.agreements.get(self.hello.agreement_id)
        self.terms: Terms | None = None
        self.keys = (b"", 0)
        self.listed: tuple[bytes, ...] = ()
        self.begun = self.ticked = self.framed = self.ended = False
        self.seq = self.disclosures = self.waited_ms = 0
        self.quarantined: tuple[tuple[bytes, int, str], ...] = ()
        self.counts: dict[str, int] = {}
        self._check_hello()

    def _check_hello(self) -> None:
        hello, ledger = self.hello, self.ledger
        own = (hello.genesis, hello.partner_id) == (self.party.genesis, self.party.id)
        require(own and self.agreement, "open-mismatch", "hello.partner_id")
        text = self.agreement.text if self.agreement else b""
        agreed = not text or text_digest(hello.agreement_id, text) == hello.agreement_digest
        require(agreed, "open-mismatch", "hello.agreement_digest")
        asked_from = (hello.incarnation, hello.next_tick, hello.account_size)
        known = (ledger.incarnation, ledger.next_tick, ledger.held.size)
        require(asked_from == known, "recording-contradicts", "hello")

    def copy(self) -> StreamReader:
        """The same stream as far as it was read."""
        return copy.copy(self)

    def receive(self, message: bytes, now_ms: int, waited_ms: int = 0) -> None:
        """Takes one message with its type byte, or nothing of it.

        `waited_ms` is how long the reader only waited before it came; a file of evidence does not say so.
        """
        require(message, "stream-order", "message.type")
        require(len(message) <= 4_194_304, "malformed", "message")
        draft = self.copy()
        draft._due(message[0], now_ms, waited_ms)
        draft._take(message[0], message[1:], now_ms)
        name = ("directories", "opens", "ticks", "", "olds", "frames", "notices", "ends")[message[0]]
        if name:
            draft.counts = {**draft.counts, name: draft.counts.get(name, 0) + 1}
        self.__dict__.update(draft.__dict__)

    def _due(self, kind: int, now_ms: int, waited_ms: int) -> None:
        """The order of messages (4.1), and how long a stream and an owed leaf may last."""
        if not self.begun:
            due = kind == DIRECTORY
        elif self.terms is None:
            due = kind == OPEN
        elif self.listed or not self.ticked:
            due = kind in {LEAVES, TICK}
        else:
            due = kind in {LEAVES, TICK, FRAME, NOTICE, END} or (kind == OLD and not self.framed)
        require(due and not self.ended, "stream-order", "message.type")
        if self.terms and kind != END:
            require(now_ms < self.terms.not_after + SKEW, "stream-overdue", "T.not_after")
        self.waited_ms = 0 if kind in {OLD, FRAME} or not self.ledger.owed else self.waited_ms + waited_ms
        require(self.waited_ms <= MOST_WAITED, "disclosure-missing", "stream")

    def _take(self, kind: int, body: bytes, now_ms: int) -> None:
        if kind == DIRECTORY:
            self.trust = self.trust.copy()
            self.trust.take(body, now_ms)
            self._check_hello_signature()
            self.begun = True
        elif kind == OPEN:
            self._open(body, now_ms)
        elif kind == TICK:
            self._tick(body)
        elif kind == LEAVES:
            self.listed += tuple(parse_leaves(body))
            require(len(self.listed) <= MOST_NEW, "account-too-long", "leaves")
        else:
            self._sealed(kind, body)

    def _check_hello_signature(self) -> None:
        # The partner's own key is not sent to the partner each time; where it is, the Hello has to be its own.
        named = self.hello.key_id
        if any(one.key_digest[:16] == named for one, _ in self.trust.endorsed.values()):
            key = self.trust.find(st.ROLE_PARTNER_SIGN, named, self.party.id)[1]
            self.hello.check_signature(key, self.trust.memory)

    def _open(self, body: bytes, now_ms: int) -> None:
        """The opening (4.4)."""
        terms, hello = Terms.parse(body), self.hello
        # 2.
        named = (terms.genesis, terms.partner_id, terms.agreement_id, terms.subscription, terms.agreement_digest)
        own = (hello.genesis, hello.partner_id, hello.agreement_id, hello.subscription, hello.agreement_digest)
        digests = (terms.hello_digest, terms.kem_id) == (h(hello.raw), self.kem_key.id)
        require(named == own and digests, "open-mismatch", "T")
        # 3.
        dated = now_ms - SKEW < terms.not_after <= now_ms + 1_200_000
        require(dated, "open-dates", "T.not_after")
        # 4. to 6.
        key = self.trust.find(st.ROLE_STREAM, terms.stream_key_id, None)[1]
        terms.check_signature(key, self.trust.memory)
        self.keys, self.terms = terms.open_seals(self.kem_key, self.ephemeral), terms
        # 7.
        Vocabularies(self.trust, self.party.vocabularies).check_pinned()

    def _tick(self, body: bytes) -> None:
        message, hello = TickMessage.parse(body), self.hello
        leaves = (*self.listed, *message.leaves)
        require(len(leaves) <= MOST_NEW, "account-too-long", "tick message.leaf count")
        account = b"".join(lp8(one.encode()) for one in (hello.partner_id, hello.agreement_id, hello.subscription))
        self.ledger = self.ledger.copy()
        self.ledger.take(message, leaves, account, self.trust, first=not self.ticked)
        self.listed, self.ticked = (), True

    def _sealed(self, kind: int, body: bytes) -> None:
        seq, parts = parse_sealed(kind, body)
        require(seq == self.seq, "stream-order", "message.seq")
        if self.terms is None or self.agreement is None:
            raise Refusal("stream-order", "message.type")
        self.seq += 1
        name = ("old", "frame", "notice", "end")[kind - OLD]
        inner, code = ("g" if kind == FRAME else name), f"{name}-not-authentic"
        first = open_piece(self.keys, self.terms.th, seq, inner, 2 * seq, parts[0], code)
        if kind in {NOTICE, END}:
            parse_words(first, name)
            self.ended = kind == END
            return
        g, hello = Disclosure.parse(first), self.hello
        named = (g.partner_id, g.agreement_id, g.subscription)
        own = (hello.partner_id, hello.agreement_id, hello.subscription)
        require(named == own, "disclosure-not-ours", "disclosure.partner_id")
        self.ledger = self.ledger.copy()
        if kind == OLD:
            require(g.stream_id != self.terms.stream_id, "old-of-this-stream", "disclosure.stream_id")
            self._settle(leaf(first), "old")
            return
        # 5.5: 2. and 3.
        ours = (g.stream_id, g.agreement_digest) == (self.terms.stream_id, hello.agreement_digest)
        require(ours, "disclosure-not-ours", "disclosure.stream_id")
        require(g.seq == self.disclosures, "stream-order", "disclosure.seq")
        self._settle(leaf(first), "frame")
        plaintext = open_piece(self.keys, self.terms.th, seq, "body", 2 * seq + 1, parts[1], code)
        self._body(plaintext, g, self.agreement)
        self.disclosures, self.framed = self.disclosures + 1, True

    def _settle(self, entry_leaf: bytes, at: str) -> None:
        """Step 3 of section 5.5, which holds for an `old` as well."""
        require(entry_leaf not in self.ledger.seen, "disclosure-repeated", at)
        self.ledger.settle(entry_leaf, at)

    def _body(self, plaintext: bytes, g: Disclosure, agreement: Agreement) -> None:
        """Steps 4 to 7 of section 5.5."""
        sections = parse_body(plaintext)
        check_views(sections, g)
        for section in sections:
            section.check(agreement, self.hello.kinds, self.trust, self.trust.memory)
        cleared = self.party.cleared(agreement)
        words = Vocabularies(self.trust, self.party.vocabularies)
        masks, aside, counts = dict(self.masks), list(self.quarantined), dict(self.counts)
        for section in sections:
            for view in section.views:
                name = (section.batch.digest, view.idx)
                held = masks.get(name, 0)
                if view.mask & ~held == 0:
                    counts["repeated"] = counts.get("repeated", 0) + 1
                    continue
                try:
                    view.check(section.batch.kind, cleared, words)
                except Refusal as refusal:
                    aside.append((*name, refusal.code))
                    continue
                counts["records"] = counts.get("records", 0) + (name not in masks)
                masks[name] = held | view.mask
        self.masks, self.quarantined, self.counts = masks, tuple(aside), counts
