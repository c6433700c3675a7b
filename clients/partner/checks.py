"""One stream as a state machine: bytes in, events out, every check in its order, no input or output and no clock.

Order: directory, open, leaves and tick, then old, then frames between ticks. Anything out of order, not authentic or
not in the ledger is refused by name and ends the stream; the reader never guesses. Source: SPEC.md sections 4 to 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from clients.partner.sections import Reader, ReceivedRecord
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.receipt import Quarantined
from gateway.core.ledger.tick import parse_leaves, parse_tick, parse_tick_message
from gateway.core.sealing.body import parse_body, view_digest
from gateway.core.sealing.frame import (
    Disclosure,
    SealedFrame,
    open_end,
    open_notice,
    open_old,
    parse_disclosure_entry,
)
from gateway.core.sealing.stream import SignedHello, StreamKeys, StreamOpening, StreamTerms
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import (
    CLOCK_SKEW_MS,
    MAX_MESSAGE_BYTES,
    OWED_LEAF_MS,
    STREAM_LIFE_LIMIT_MS,
    EndReason,
    Role,
    StreamMessage,
)
from gateway.core.suite.tree import leaf_hash


@dataclass(frozen=True, slots=True)
class TickSeen:
    """The ledger moved on; persist it. owed: disclosures whose frames have not come yet."""

    number: int
    owed: int


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one frame that add something. entry: the disclosure G; cursor: where to go on once they are stored."""

    records: tuple[ReceivedRecord, ...]
    quarantined: tuple[Quarantined, ...]
    entry: bytes
    cursor: bytes


@dataclass(frozen=True, slots=True)
class OldDisclosure:
    """A disclosure of an earlier stream whose frame never arrived; its records come again."""

    entry: bytes


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything there was has been received."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The gateway ended the stream."""

    reason: EndReason
    text: str


StreamEvent = TickSeen | Records | OldDisclosure | CaughtUp | Ended


class _Phase(Enum):
    DIRECTORY = "directory"
    OPEN = "open"
    FIRST_TICK = "first tick"
    OLD = "old"
    FRAMES = "frames"
    ENDED = "ended"


_OPEN = frozenset({_Phase.OLD, _Phase.FRAMES})
_TICKING = _OPEN | {_Phase.FIRST_TICK}


class StreamChecks:
    """One stream. trust and ledger move with what is verified; `reader_of` makes the record checks from the trust."""

    def __init__(
        self,
        *,
        hello: SignedHello,
        ephemeral_key: KemKey,
        kem_key: KemKey,
        trust: Trust,
        ledger: LedgerReader,
        reader_of: Callable[[Trust], Reader],
        held: Callable[[bytes, int], int],
        is_entry_held: Callable[[bytes], bool],
    ) -> None:
        self._hello = hello
        self._ephemeral_key = ephemeral_key
        self._kem_key = kem_key
        self.trust = trust
        self.ledger = ledger
        self._reader_of = reader_of
        self._held = held
        self._is_entry_held = is_entry_held
        self._phase = _Phase.DIRECTORY
        self._leaves: list[bytes] = []
        self._seq = 0
        self._entry_seq = 0
        self._owed_since_ms = 0
        self._terms: StreamTerms | None = None
        self._opened: tuple[StreamKeys, Reader] | None = None
        ledger.begin_stream()

    def receive(self, message: bytes, now_ms: int) -> StreamEvent | None:
        """The event of one message, or None; refuses by name, and then the stream is over."""
        if not 1 <= len(message) <= MAX_MESSAGE_BYTES or message[0] not in StreamMessage.__members__.values():
            raise Refused("stream-order", "a message of the format was expected, another came", at="stream")
        kind, body = StreamMessage(message[0]), message[1:]
        try:
            return self._receive(kind, body, now_ms)
        except Refused:
            self._phase = _Phase.ENDED
            raise

    def check_owed(self, now_ms: int) -> None:
        """Refuses `disclosure-missing` when a disclosure has been owed for 120 s and nothing came."""
        if self.ledger.owed and self._owed_since_ms and now_ms - self._owed_since_ms > OWED_LEAF_MS:
            raise Refused("disclosure-missing", "the account holds a disclosure whose frame never came", at="stream")

    def _receive(self, kind: StreamMessage, body: bytes, now_ms: int) -> StreamEvent | None:
        phase = self._phase
        if phase is _Phase.DIRECTORY and kind is StreamMessage.DIRECTORY:
            self.trust = self.trust.accept(body, now_ms)
            self._phase = _Phase.OPEN
        elif phase is _Phase.OPEN and kind is StreamMessage.OPEN:
            self._open(body, now_ms)
            self._phase = _Phase.FIRST_TICK
        elif phase in _TICKING and kind is StreamMessage.LEAVES:
            self._leaves += parse_leaves(body)
        elif phase in _TICKING and kind is StreamMessage.TICK:
            return self._tick(body, now_ms)
        elif phase in _OPEN and not self._leaves:
            return self._sealed(kind, body, now_ms)
        else:
            raise self._out_of_order(kind)
        return None

    def _sealed(self, kind: StreamMessage, body: bytes, now_ms: int) -> StreamEvent | None:
        if kind is StreamMessage.OLD and self._phase is _Phase.OLD:
            return self._old(body, now_ms)
        if kind is StreamMessage.FRAME:
            self._phase = _Phase.FRAMES
            return self._frame(body, now_ms)
        if kind is StreamMessage.NOTICE:
            return self._notice(body)
        if kind is StreamMessage.END:
            return self._end(body)
        raise self._out_of_order(kind)

    def _out_of_order(self, kind: StreamMessage) -> Refused:
        return Refused("stream-order", f"`{kind.name.lower()}` came while `{self._phase.value}` was due", at="stream")

    def _open(self, body: bytes, now_ms: int) -> None:
        opening, hello = StreamOpening.parse(body), self._hello.hello
        terms = opening.terms
        expected = (
            hello.genesis,
            hello.partner_id,
            hello.agreement_id,
            hello.subscription,
            self._hello.digest,
            self._kem_key.key_id,
            hello.agreement_digest,
        )
        came = (
            terms.genesis,
            terms.partner_id,
            terms.agreement_id,
            terms.subscription,
            terms.hello_digest,
            terms.kem_key_id,
            terms.agreement_digest,
        )
        if came != expected:
            raise Refused("open-mismatch", "the stream was opened for another hello, party or agreement", at="open")
        if not now_ms - CLOCK_SKEW_MS < terms.not_after_ms <= now_ms + STREAM_LIFE_LIMIT_MS:
            raise Refused("open-dates", "the stream's end must lie within 20 minutes of now", at="open.not_after")
        key = self.trust.key(Role.GATEWAY_STREAM, terms.stream_key_id).signing_key
        opening.check_signature(key)
        keys = opening.derive(self._kem_key, self._ephemeral_key)
        self._terms = terms
        self._opened = keys, self._reader_of(self.trust)

    def _tick(self, body: bytes, now_ms: int) -> TickSeen:
        message = parse_tick_message(body)
        key = self.trust.key(Role.GATEWAY_LEDGER, parse_tick(message.statement).key_id).signing_key
        leaves, self._leaves = self._leaves, []
        owed_before = len(self.ledger.owed)
        tick = self.ledger.accept(message, leaves, key)
        if self._phase is _Phase.FIRST_TICK:
            self._phase = _Phase.OLD
        if not owed_before and self.ledger.owed:
            self._owed_since_ms = now_ms
        return TickSeen(tick.number, len(self.ledger.owed))

    def _next(self, seq: int, structure: str) -> tuple[StreamKeys, Reader, StreamTerms]:
        if self._opened is None or self._terms is None or seq != self._seq:
            raise Refused("stream-order", f"a {structure} must carry sequence number {self._seq}", at=structure)
        self._seq += 1
        return *self._opened, self._terms

    @property
    def _keys(self) -> StreamKeys:
        if self._opened is None:
            raise Refused("stream-order", "the stream is not open", at="stream")
        return self._opened[0]

    def _settle(self, entry: bytes, now_ms: int) -> None:
        if self._is_entry_held(leaf_hash(entry)):
            raise Refused("disclosure-repeated", "a disclosure came that is held already", at="stream")
        self.ledger.settle(entry)
        self._owed_since_ms = now_ms if self.ledger.owed else 0

    def _named(self, disclosure: Disclosure, terms: StreamTerms) -> None:
        mine = (terms.partner_id, terms.agreement_id, terms.subscription)
        if (disclosure.partner_id, disclosure.agreement_id, disclosure.subscription) != mine:
            raise Refused("disclosure-not-ours", "the disclosure names another party or subscription", at="frame")

    def _old(self, body: bytes, now_ms: int) -> OldDisclosure:
        seq, entry = open_old(self._keys, body)
        _, _, terms = self._next(seq, "old")
        disclosure = parse_disclosure_entry(entry)
        self._named(disclosure, terms)
        if disclosure.stream_id == terms.stream_id:
            raise Refused("old-of-this-stream", "an old disclosure must be of an earlier stream", at="old")
        self._settle(entry, now_ms)
        return OldDisclosure(entry)

    def _frame(self, body: bytes, now_ms: int) -> Records:
        frame = SealedFrame.parse(body)
        entry = frame.open_entry(self._keys)
        keys, reader, terms = self._next(frame.seq, "frame")
        disclosure = parse_disclosure_entry(entry)
        self._named(disclosure, terms)
        if disclosure.stream_id != terms.stream_id or disclosure.agreement_digest != terms.agreement_digest:
            raise Refused("disclosure-not-ours", "the disclosure is of another stream or agreement", at="frame")
        if disclosure.seq != self._entry_seq:
            raise Refused("stream-order", f"disclosure {self._entry_seq} was due", at="frame")
        self._settle(entry, now_ms)
        sections = parse_body(frame.open_body(keys))
        shown = []
        for section in sections:
            leaves = reader.check_section(section)
            views = [(view.idx, leaf, view.mask) for view, leaf in zip(section.views, leaves, strict=True)]
            shown.append((section.signed.digest, views))
        if view_digest(shown) != disclosure.view_digest or sum(len(v) for _, v in shown) != disclosure.records:
            raise Refused("frame-not-as-entered", "the records are not those the ledger says were shown", at="frame")
        self._entry_seq += 1
        records: list[ReceivedRecord] = []
        aside: list[Quarantined] = []
        for section in sections:
            good, bad = reader.read(section, self._held)
            records += good
            aside += bad
        return Records(tuple(records), tuple(aside), entry, disclosure.cursor)

    def _notice(self, body: bytes) -> StreamEvent | None:
        seq, reason, _ = open_notice(self._keys, body)
        self._next(seq, "notice")
        return CaughtUp() if reason is EndReason.CAUGHT_UP else None

    def _end(self, body: bytes) -> Ended:
        seq, reason, text = open_end(self._keys, body)
        self._next(seq, "end")
        self._phase = _Phase.ENDED
        return Ended(reason, text)
