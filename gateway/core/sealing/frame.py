"""Sealed messages of a stream: frame, old, notice and end, each under its own associated data and sequence number.

G, the disclosure, is a leaf of the partner's account before its frame may be sent; it binds partner, agreement,
subscription, stream, order, the rules in force and exactly what is shown. Source: SPEC.md section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.sealing.stream import StreamKeys
from gateway.core.suite.algorithms import COMMITMENT, SUITE_BYTE, digest
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, MAX_BODY_BYTES, MAX_END_TEXT_BYTES, EndReason
from gateway.core.suite.octets import Reader, lp8, lp16, lp32, u16, u32, u64

_G_TAG = b"SLUICE1/disclose\x00"
MAX_DISCLOSURE_ENTRY_BYTES = 1024


def audit_digest(salt: bytes, control_position: int, rules_digest: bytes, dir_root: bytes) -> bytes:
    """What the decision stood on, opened to auditors only: 48 bytes."""
    return digest(
        COMMITMENT + b"SLUICE1/audit\x00" + SUITE_BYTE + salt + u64(control_position) + rules_digest + dir_root
    )


@dataclass(frozen=True, slots=True)
class Disclosure:
    """G. seq: this stream's disclosures from 0; records: how many views the frame holds."""

    partner_id: str
    agreement_id: str
    subscription: str
    stream_id: bytes
    seq: int
    agreement_digest: bytes
    audit: bytes
    records: int
    cursor: bytes
    view_digest: bytes

    def encode(self) -> bytes:
        """The entry of the partner's account."""
        return b"".join(
            (
                _G_TAG,
                SUITE_BYTE,
                lp8(self.partner_id.encode("ascii")),
                lp8(self.agreement_id.encode("ascii")),
                lp8(self.subscription.encode("ascii")),
                self.stream_id,
                u64(self.seq),
                self.agreement_digest,
                self.audit,
                u32(self.records),
                lp8(self.cursor),
                self.view_digest,
            )
        )


def parse_disclosure_entry(entry: bytes) -> Disclosure:
    """G from its bytes; refuses `malformed`."""
    reader = Reader(entry, "disclosure entry")
    reader.tag(_G_TAG)
    reader.suite()
    parsed = Disclosure(
        partner_id=reader.name("partner_id"),
        agreement_id=reader.name("agreement_id"),
        subscription=reader.name("subscription"),
        stream_id=reader.take(ID_BYTES, "stream_id"),
        seq=reader.u64("seq"),
        agreement_digest=reader.take(HASH_BYTES, "agreement_digest"),
        audit=reader.take(HASH_BYTES, "audit"),
        records=reader.u32("records"),
        cursor=reader.lp8("cursor"),
        view_digest=reader.take(HASH_BYTES, "view_digest"),
    )
    reader.done()
    return parsed


def seal_frame(keys: StreamKeys, seq: int, entry: bytes, body: bytes) -> bytes:
    """A frame message without its type byte: G and body, sealed under 2*seq and 2*seq+1."""
    bound = keys.th + u64(seq)
    return b"".join(
        (
            u64(seq),
            lp32(keys.cipher.seal(2 * seq, entry, b"SLUICE1/g\x00" + bound)),
            lp32(keys.cipher.seal(2 * seq + 1, body, b"SLUICE1/body\x00" + bound)),
        )
    )


@dataclass(frozen=True, slots=True)
class SealedFrame:
    """A frame, parsed; G opens first, the body only after the ledger covers G."""

    seq: int
    sealed_entry: bytes
    sealed_body: bytes

    @classmethod
    def parse(cls, message: bytes) -> SealedFrame:
        """Refuses `malformed`."""
        reader = Reader(message, "frame")
        frame = cls(
            reader.u64("seq"),
            reader.lp32("G", MAX_DISCLOSURE_ENTRY_BYTES),
            reader.lp32("body", MAX_BODY_BYTES + 16),
        )
        reader.done()
        return frame

    def open_entry(self, keys: StreamKeys) -> bytes:
        """G; refuses `frame-not-authentic`."""
        bound = b"SLUICE1/g\x00" + keys.th + u64(self.seq)
        return keys.cipher.open(2 * self.seq, self.sealed_entry, bound, "frame")

    def open_body(self, keys: StreamKeys) -> bytes:
        """The body; refuses `frame-not-authentic`."""
        bound = b"SLUICE1/body\x00" + keys.th + u64(self.seq)
        return keys.cipher.open(2 * self.seq + 1, self.sealed_body, bound, "frame")


def _seal_one(keys: StreamKeys, seq: int, plaintext: bytes, tag: bytes) -> bytes:
    return u64(seq) + lp32(keys.cipher.seal(2 * seq, plaintext, tag + keys.th + u64(seq)))


def _parse_one(message: bytes, structure: str) -> tuple[int, bytes]:
    reader = Reader(message, structure)
    seq = reader.u64("seq")
    sealed = reader.lp32("ciphertext", MAX_DISCLOSURE_ENTRY_BYTES)
    reader.done()
    return seq, sealed


def sequence_of(message: bytes, structure: str) -> int:
    """The number of an `old`, notice or end, before it is opened; refuses `malformed`."""
    return _parse_one(message, structure)[0]


def _open_one(keys: StreamKeys, message: bytes, tag: bytes, structure: str) -> tuple[int, bytes]:
    seq, sealed = _parse_one(message, structure)
    return seq, keys.cipher.open(2 * seq, sealed, tag + keys.th + u64(seq), structure)


def seal_old(keys: StreamKeys, seq: int, entry: bytes) -> bytes:
    """An `old` message without its type byte: a G entered for an earlier stream that never arrived."""
    return _seal_one(keys, seq, entry, b"SLUICE1/old\x00")


def open_old(keys: StreamKeys, message: bytes) -> tuple[int, bytes]:
    """(seq, G); refuses `old-not-authentic`."""
    return _open_one(keys, message, b"SLUICE1/old\x00", "old")


def _reason(reason: EndReason, text: str) -> bytes:
    return u16(reason) + lp16(text.encode("utf-8"))


def _parse_reason(plaintext: bytes, structure: str) -> tuple[EndReason, str]:
    reader = Reader(plaintext, structure)
    number = reader.u16("reason")
    text = reader.lp16("text", MAX_END_TEXT_BYTES)
    reader.done()
    if number not in EndReason.__members__.values():
        raise reader.refuse("reason", "a known reason")
    try:
        return EndReason(number), text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise reader.refuse("text", "UTF-8") from error


def seal_end(keys: StreamKeys, seq: int, reason: EndReason, text: str) -> bytes:
    """An `end` message without its type byte."""
    return _seal_one(keys, seq, _reason(reason, text), b"SLUICE1/end\x00")


def open_end(keys: StreamKeys, message: bytes) -> tuple[int, EndReason, str]:
    """(seq, reason, text); refuses `end-not-authentic`."""
    seq, plaintext = _open_one(keys, message, b"SLUICE1/end\x00", "end")
    return seq, *_parse_reason(plaintext, "end")


def seal_notice(keys: StreamKeys, seq: int, reason: EndReason, text: str) -> bytes:
    """A `notice` message without its type byte."""
    return _seal_one(keys, seq, _reason(reason, text), b"SLUICE1/notice\x00")


def open_notice(keys: StreamKeys, message: bytes) -> tuple[int, EndReason, str]:
    """(seq, reason, text); refuses `notice-not-authentic`."""
    seq, plaintext = _open_one(keys, message, b"SLUICE1/notice\x00", "notice")
    return seq, *_parse_reason(plaintext, "notice")
