"""A partner's receipt: what it verified, and what it set aside. SPEC.md section 6.5."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .octets import HL, Cut, h, require
from .suite import SIGNATURE, Memory

CODES = range(1, 19)
MOST = 4096


@dataclass(frozen=True)
class Receipt:
    """A receipt with its signature and the list that it names."""

    raw: bytes
    signature: bytes
    genesis: bytes
    partner_id: str
    agreement_id: str
    subscription: str
    key_id: bytes
    incarnation: bytes
    tick: int
    account_size: int
    root: bytes
    quarantine_digest: bytes
    quarantine: bytes

    def check(self, key: bytes, memory: Memory) -> None:
        """Nothing, if the key signed the receipt, and the list is the one that it names."""
        memory.verify(key, "receipt", self.raw, self.signature, "receipt-signature")
        require(h(self.quarantine) == self.quarantine_digest, "receipt-quarantine", "receipt.quarantine")


def parse_statement(raw: bytes) -> Receipt:
    """The receipt of what its partner signed alone."""
    cut = Cut(raw, "receipt").tagged("receipt")
    genesis = cut.take(HL, "genesis")
    names = cut.identifier("partner_id"), cut.identifier("agreement_id"), cut.identifier("subscription")
    key_id, incarnation, tick = cut.take(16, "key_id"), cut.take(16, "incarnation"), cut.number(8, "tick")
    size, root, digest = cut.number(8, "account size"), cut.take(HL, "root"), cut.take(HL, "quarantine")
    cut.take(8, "time")
    cut.end()
    return Receipt(raw, b"", genesis, *names, key_id, incarnation, tick, size, root, digest, b"")


def parse_receipt(message: bytes) -> Receipt:
    """The receipt of a SendReceipt."""
    outer = Cut(message, "receipt")
    raw, signature, quarantine = outer.prefixed(2, "receipt", 1024), outer.take(SIGNATURE, "sig"), outer.rest()
    read = parse_statement(raw)
    listed = Cut(quarantine, "quarantine").tagged("quarantine")
    for _ in range(listed.number(4, "count", 0, MOST)):
        listed.take(HL + 1, "record")
        listed.listed(1, "code", CODES)
    listed.end()
    return replace(read, signature=signature, quarantine=quarantine)
