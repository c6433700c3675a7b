"""A receipt: the partner's own signature over how far it has verified, with the records it quarantined.

It becomes an entry of the house account, so both sides can prove what was received. Source: SPEC.md section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.ledger.entries import refusal_code
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.keys import SIGNATURE_BYTES, SigningKey, VerifyKey
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, RefusalCode
from gateway.core.suite.octets import Reader, lp8, lp16, u8, u32, u64

CONTEXT = b"SLUICE1/receipt"
_TAG = CONTEXT + b"\x00"
_QUARANTINE = b"SLUICE1/quarantine\x00"
MAX_QUARANTINED = 4096


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record set aside unread: its batch, index and why."""

    batch_digest: bytes
    idx: int
    code: RefusalCode


def encode_quarantine(records: Sequence[Quarantined]) -> bytes:
    """The list as sent beside a receipt; its hash stands in the receipt."""
    return b"".join(
        (
            _QUARANTINE,
            SUITE_BYTE,
            u32(len(records)),
            *(item.batch_digest + u8(item.idx) + u8(item.code) for item in records),
        )
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """tick: last verified; size and root: what the partner holds of its account."""

    genesis: bytes
    partner_id: str
    agreement_id: str
    subscription: str
    key_id: bytes
    incarnation: bytes
    tick: int
    size: int
    root: bytes
    quarantine_digest: bytes
    time_ms: int

    def encode(self) -> bytes:
        """The bytes the partner signs."""
        return b"".join(
            (
                _TAG,
                SUITE_BYTE,
                self.genesis,
                lp8(self.partner_id.encode("ascii")),
                lp8(self.agreement_id.encode("ascii")),
                lp8(self.subscription.encode("ascii")),
                self.key_id,
                self.incarnation,
                u64(self.tick),
                u64(self.size),
                self.root,
                self.quarantine_digest,
                u64(self.time_ms),
            )
        )


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """Receipt, signature and quarantine list as SendReceipt carries them."""

    statement: bytes
    signature: bytes
    quarantine: tuple[Quarantined, ...]

    @classmethod
    def sign(cls, receipt: Receipt, quarantine: Sequence[Quarantined], key: SigningKey) -> SignedReceipt:
        """The receipt under the partner's signing key."""
        statement = receipt.encode()
        return cls(statement, key.sign(CONTEXT, statement), tuple(quarantine))

    def encode(self) -> bytes:
        """lp16(receipt) | sig | quarantine list."""
        return lp16(self.statement) + self.signature + encode_quarantine(self.quarantine)

    def check(self, key: VerifyKey) -> Receipt:
        """The receipt; refuses `receipt-signature`, or `receipt-quarantine` if the list is not the one signed."""
        key.verify(CONTEXT, self.statement, self.signature, "receipt")
        receipt = parse_receipt(self.statement)
        if receipt.quarantine_digest != digest(encode_quarantine(self.quarantine)):
            raise Refused("receipt-quarantine", "the quarantine list is not the one the receipt names", at="receipt")
        return receipt


def parse_receipt(statement: bytes) -> Receipt:
    """Refuses `malformed`."""
    reader = Reader(statement, "receipt")
    reader.tag(_TAG)
    reader.suite()
    receipt = Receipt(
        genesis=reader.take(HASH_BYTES, "genesis"),
        partner_id=reader.name("partner_id"),
        agreement_id=reader.name("agreement_id"),
        subscription=reader.name("subscription"),
        key_id=reader.take(ID_BYTES, "key_id"),
        incarnation=reader.take(ID_BYTES, "incarnation"),
        tick=reader.u64("tick"),
        size=reader.u64("size"),
        root=reader.take(HASH_BYTES, "root"),
        quarantine_digest=reader.take(HASH_BYTES, "quarantine digest"),
        time_ms=reader.u64("time"),
    )
    reader.done()
    return receipt


def parse_signed_receipt(message: bytes) -> SignedReceipt:
    """Refuses `malformed`; the signature is not yet verified."""
    reader = Reader(message, "receipt")
    statement = reader.lp16("receipt", 2048)
    signature = reader.take(SIGNATURE_BYTES, "signature")
    quarantine = _read_quarantine(reader)
    reader.done()
    return SignedReceipt(statement, signature, quarantine)


def parse_quarantine(data: bytes) -> tuple[Quarantined, ...]:
    """The list alone, as it lies beside an entered receipt; refuses `malformed`."""
    reader = Reader(data, "quarantine")
    quarantine = _read_quarantine(reader)
    reader.done()
    return quarantine


def _read_quarantine(reader: Reader) -> tuple[Quarantined, ...]:
    reader.tag(_QUARANTINE)
    reader.suite()
    count = reader.u32("quarantine count")
    if count > MAX_QUARANTINED:
        raise reader.refuse("quarantine count", f"at most {MAX_QUARANTINED}")
    quarantine = []
    for _ in range(count):
        batch_digest, idx = reader.take(HASH_BYTES, "H(B)"), reader.u8("idx")
        quarantine.append(Quarantined(batch_digest, idx, refusal_code(reader.u8("code"))))
    return tuple(quarantine)
