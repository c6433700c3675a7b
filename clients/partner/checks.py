"""One stream as a state machine: bytes in, events out, every check in its order, no input or output and no clock.

Order: directory, open, leaves and tick, then old, then frames between ticks. Anything out of order, not authentic or
not in the ledger is refused by name and ends the stream; the reader never guesses. Source: SPEC.md sections 4 to 6.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from clients.partner.events import StreamEvent, TickSeen
from clients.partner.opened import OpenedStream
from clients.partner.sections import Reader
from gateway.core.control.trust import Trust
from gateway.core.errors import GatewayError, Refused
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import parse_leaves, parse_tick, parse_tick_message
from gateway.core.sealing.stream import SignedHello, StreamOpening, StreamTerms
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import (
    CLOCK_SKEW_MS,
    MAX_MESSAGE_BYTES,
    OWED_LEAF_MS,
    STREAM_LIFE_LIMIT_MS,
    Role,
    StreamMessage,
)

# 50 MB of hashes: only a partner that lost its state is told of so many at once, and it can begin another account.
MAX_NEW_LEAVES = 1 << 20


class _Phase(Enum):
    DIRECTORY = "directory"
    OPEN = "open"
    FIRST_TICK = "first tick"
    OLD = "old or frame"
    FRAMES = "frame"
    ENDED = "nothing more"


_SEALED = frozenset({_Phase.OLD, _Phase.FRAMES})
_TICKING = _SEALED | {_Phase.FIRST_TICK}


class StreamChecks:
    """One stream. trust and ledger move with what is verified; `reader_of` makes the record checks from the trust.

    held: slots of (H(B), idx) handed up before; is_entry_held: whether a disclosure with this leaf hash came before.
    """

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
        self._owed_ms = 0
        self._opened: OpenedStream | None = None
        ledger.begin_stream()

    def receive(self, message: bytes, now_ms: int, waited_ms: int = 0) -> StreamEvent | None:
        """The event of one message, or None; refuses by name, and then the stream is over.

        now_ms: UTC milliseconds; waited_ms: how long the reader did nothing but wait for this message. Only such time
        counts against a leaf that is owed: a reader that is busy accuses nobody.
        """
        try:
            if not 1 <= len(message) <= MAX_MESSAGE_BYTES or message[0] not in StreamMessage.__members__.values():
                raise Refused("stream-order", "a message of the format was expected, another came", at="stream")
            was_owed, held = bool(self.ledger.owed) and self._phase in _SEALED, self.ledger.held.size
            event = self._receive(StreamMessage(message[0]), message[1:], now_ms)
            self._count_owed(waited_ms if was_owed and self.ledger.held.size == held else None)
        except GatewayError:
            self._phase = _Phase.ENDED
            raise
        return event

    def _receive(self, kind: StreamMessage, body: bytes, now_ms: int) -> StreamEvent | None:
        phase, opened = self._phase, self._opened
        if phase is _Phase.DIRECTORY and kind is StreamMessage.DIRECTORY:
            self.trust = self.trust.accept(body, now_ms)
            self._check_hello()
            self._phase = _Phase.OPEN
        elif phase is _Phase.OPEN and kind is StreamMessage.OPEN:
            self._opened = self._open(body, now_ms)
            self._phase = _Phase.FIRST_TICK
        elif opened is None or phase not in _TICKING:
            raise self._out_of_order(kind)
        elif kind is StreamMessage.LEAVES:
            _check_life(opened.terms, now_ms)
            self._add_leaves(parse_leaves(body))
        elif kind is StreamMessage.TICK:
            _check_life(opened.terms, now_ms)
            return self._tick(body)
        elif phase is _Phase.FIRST_TICK or self._leaves:
            raise self._out_of_order(kind)
        else:
            return self._sealed(opened, kind, body, now_ms)
        return None

    def _sealed(self, opened: OpenedStream, kind: StreamMessage, body: bytes, now_ms: int) -> StreamEvent | None:
        if kind is StreamMessage.END:
            event = opened.end(body)
            self._phase = _Phase.ENDED
            return event
        _check_life(opened.terms, now_ms)
        if kind is StreamMessage.NOTICE:
            return opened.notice(body)
        if kind is StreamMessage.OLD and self._phase is _Phase.OLD:
            return opened.old(body)
        if kind is StreamMessage.FRAME:
            self._phase = _Phase.FRAMES
            return opened.frame(body)
        raise self._out_of_order(kind)

    def _out_of_order(self, kind: StreamMessage) -> Refused:
        due = "tick" if self._leaves else self._phase.value
        return Refused("stream-order", f"`{kind.name.lower()}` came while `{due}` was due", at="stream")

    def _add_leaves(self, leaves: tuple[bytes, ...]) -> None:
        if len(self._leaves) + len(leaves) > MAX_NEW_LEAVES:
            raise Refused(
                "account-too-long",
                f"a tick may list {MAX_NEW_LEAVES} new leaves, more came",
                at="leaves",
                do="follow under another subscription",
            )
        self._leaves += leaves

    def _count_owed(self, waited_ms: int | None) -> None:
        """Refuses `disclosure-missing` when a leaf was waited for 120 s and no frame or old came; None: one came."""
        self._owed_ms = 0 if waited_ms is None else self._owed_ms + waited_ms
        if self._owed_ms > OWED_LEAF_MS:
            raise Refused("disclosure-missing", "the account holds a disclosure whose frame never came", at="stream")

    def _check_hello(self) -> None:
        """Of a recording: whether the stream was asked for by the partner's own key, where the directory shows it."""
        hello = self._hello.hello
        if (Role.PARTNER_SIGN, hello.sign_key_id) in self.trust.endorsed:
            found = self.trust.key(Role.PARTNER_SIGN, hello.sign_key_id)
            if found.endorsement.subject_id != hello.partner_id:
                raise Refused("key-not-endorsed", "a hello must be signed by its partner's own key", at="hello")
            self._hello.check_signature(found.signing_key)

    def _open(self, body: bytes, now_ms: int) -> OpenedStream:
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
        opening.check_signature(self.trust.key(Role.GATEWAY_STREAM, terms.stream_key_id).signing_key)
        return OpenedStream(
            terms=terms,
            keys=opening.derive(self._kem_key, self._ephemeral_key),
            reader=self._reader_of(self.trust),
            asked=hello.kinds,
            ledger=self.ledger,
            held=self._held,
            is_entry_held=self._is_entry_held,
        )

    def _tick(self, body: bytes) -> TickSeen:
        message = parse_tick_message(body)
        key = self.trust.key(Role.GATEWAY_LEDGER, parse_tick(message.statement).key_id).signing_key
        leaves, self._leaves = self._leaves, []
        tick = self.ledger.accept(message, leaves, key, self.trust.restores)
        if self._phase is _Phase.FIRST_TICK:
            self._phase = _Phase.OLD
        return TickSeen(tick.number, len(self.ledger.owed), self.ledger.closed)


def _check_life(terms: StreamTerms, now_ms: int) -> None:
    """The directory is checked once, at the start; so a stream may not outlive what its terms promised."""
    if now_ms >= terms.not_after_ms + CLOCK_SKEW_MS:
        raise Refused("stream-overdue", "the stream must have ended by now, it goes on", at="open.not_after")
