"""The sealed messages of a stream that is open: old, frame, notice and end, each in its order.

A frame: seq; open G; names; G names this stream; its leaf is none that is held and the next that the account owes; open
the body; padding and sections; that exactly these views were entered; source, signature and proof of each section. Only
then the contents of single records are looked at. Source: SPEC.md sections 5.4 and 5.5.

INVARIANT: a disclosure counts as held only after its last check. A frame that is refused leaves its leaf owed, so
nothing that is saved afterwards says that it came.
"""

from __future__ import annotations

from collections.abc import Callable

from clients.partner.events import CaughtUp, Ended, OldDisclosure, QuotaReached, Records
from clients.partner.sections import Reader
from gateway.core.errors import Refused
from gateway.core.ledger.reader import LedgerReader
from gateway.core.sealing.body import Section, parse_body, view_digest
from gateway.core.sealing.frame import (
    Disclosure,
    SealedFrame,
    open_end,
    open_notice,
    open_old,
    parse_disclosure_entry,
    sequence_of,
)
from gateway.core.sealing.stream import StreamKeys, StreamTerms
from gateway.core.suite.numbers import EndReason
from gateway.core.suite.tree import leaf_hash


class OpenedStream:
    """Opens what is sealed, in order. held: slots of (H(B), idx) handed up before; asked: the Hello's kinds."""

    def __init__(
        self,
        *,
        terms: StreamTerms,
        keys: StreamKeys,
        reader: Reader,
        asked: int,
        ledger: LedgerReader,
        held: Callable[[bytes, int], int],
        is_entry_held: Callable[[bytes], bool],
    ) -> None:
        self.terms = terms
        self._keys = keys
        self._reader = reader
        self._asked = asked
        self._ledger = ledger
        self._held = held
        self._is_entry_held = is_entry_held
        self._seq = 0
        self._entry_seq = 0

    def old(self, message: bytes) -> OldDisclosure:
        """A disclosure of an earlier stream; its records come again."""
        self._take_seq(sequence_of(message, "old"), "old")
        _, entry = open_old(self._keys, message)
        disclosure = parse_disclosure_entry(entry)
        self._check_names(disclosure)
        if disclosure.stream_id == self.terms.stream_id:
            raise Refused("old-of-this-stream", "an old disclosure must be of an earlier stream", at="old")
        self._check_next_leaf(entry)
        self._ledger.settle(entry)
        return OldDisclosure(entry)

    def frame(self, message: bytes) -> Records:
        """A frame's records after every check."""
        sealed = SealedFrame.parse(message)
        self._take_seq(sealed.seq, "frame")
        entry = sealed.open_entry(self._keys)
        disclosure = parse_disclosure_entry(entry)
        self._check_names(disclosure)
        mine = (self.terms.stream_id, self.terms.agreement_digest)
        if (disclosure.stream_id, disclosure.agreement_digest) != mine:
            raise Refused("disclosure-not-ours", "the disclosure is of another stream or agreement", at="frame")
        if disclosure.seq != self._entry_seq:
            raise Refused("stream-order", f"disclosure {self._entry_seq} was due", at="frame")
        self._check_next_leaf(entry)
        sections = parse_body(sealed.open_body(self._keys))
        self._check_sections(sections, disclosure)
        sifted = [self._reader.read(section, self._held) for section in sections]
        self._entry_seq += 1
        self._ledger.settle(entry)
        return Records(
            tuple(record for part in sifted for record in part.records),
            tuple(aside for part in sifted for aside in part.aside),
            sum(part.repeated for part in sifted),
            entry,
            disclosure.cursor,
        )

    def notice(self, message: bytes) -> CaughtUp | QuotaReached | None:
        """What the gateway says on the way; None for what means nothing to a reader."""
        self._take_seq(sequence_of(message, "notice"), "notice")
        _, reason, _ = open_notice(self._keys, message)
        if reason is EndReason.QUOTA:
            return QuotaReached()
        return CaughtUp() if reason is EndReason.CAUGHT_UP else None

    def end(self, message: bytes) -> Ended:
        """Why the gateway ends the stream."""
        self._take_seq(sequence_of(message, "end"), "end")
        _, reason, text = open_end(self._keys, message)
        return Ended(reason, text)

    def _take_seq(self, seq: int, structure: str) -> None:
        if seq != self._seq:
            raise Refused("stream-order", f"a {structure} must carry sequence number {self._seq}", at=structure)
        self._seq += 1

    def _check_names(self, disclosure: Disclosure) -> None:
        terms = self.terms
        mine = (terms.partner_id, terms.agreement_id, terms.subscription)
        if (disclosure.partner_id, disclosure.agreement_id, disclosure.subscription) != mine:
            raise Refused("disclosure-not-ours", "the disclosure names another party or subscription", at="frame")

    def _check_next_leaf(self, entry: bytes) -> None:
        leaf = leaf_hash(entry)
        if self._is_entry_held(leaf):
            raise Refused("disclosure-repeated", "a disclosure came that is held already", at="stream")
        if self._ledger.owed[:1] != [leaf]:
            raise Refused("disclosure-not-owed", "a disclosure came that is not the account's next leaf", at="stream")

    def _check_sections(self, sections: list[Section], disclosure: Disclosure) -> None:
        """These views, no others, were entered; and everything of every section but the contents."""
        leaves = [[view.leaf() for view in section.views] for section in sections]
        shown = [
            (section.signed.digest, [(view.idx, leaf, view.mask) for view, leaf in zip(section.views, of, strict=True)])
            for section, of in zip(sections, leaves, strict=True)
        ]
        if view_digest(shown) != disclosure.view_digest or sum(map(len, leaves)) != disclosure.records:
            raise Refused("frame-not-as-entered", "the records are not those the ledger says were shown", at="frame")
        for section, of in zip(sections, leaves, strict=True):
            if section.signed.batch.genesis != self.terms.genesis:
                raise Refused("batch-genesis", "the section is of another genesis", at="section")
            if not self._asked >> section.signed.batch.kind & 1:
                raise Refused("outside-agreement", "the section is of a kind that was not asked for", at="section")
            self._reader.check_section(section, of)
