"""Entries of accounts, beside the disclosure G of `sealing.frame`: what a source and the house read.

Each opens with its own tag; the leaf is H(0x00 | entry). Source: SPEC.md section 6.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, SALT_BYTES, KeyState, RefusalCode
from gateway.core.suite.octets import Reader, is_name, lp8, u8, u16, u64

ADMITTED = b"SLUICE1/admitted\x00"
REFUSED = b"SLUICE1/refused\x00"
DISCLOSED = b"SLUICE1/disclosed\x00"
APPLIED = b"SLUICE1/applied\x00"
KEY_EVENT = b"SLUICE1/key-event\x00"
RESTORE = b"SLUICE1/restore\x00"
HOUSE = b"house"
MAX_ENTRY_BYTES = 16 * 1024


def partner_account(partner_id: str, agreement_id: str, subscription: str) -> bytes:
    """Account id of one subscription."""
    return b"".join(lp8(part.encode("ascii")) for part in (partner_id, agreement_id, subscription))


def source_account(source_id: str) -> bytes:
    """Account id of a source."""
    return b"source" + lp8(source_id.encode("ascii"))


def account_name(account_id: bytes) -> str:
    """How a person reads an account id: `house`, `source:src-3f07`, `partner:usa/arl|UA-US-2026-014|default`."""
    if account_id == HOUSE:
        return "house"
    is_source = account_id.startswith(b"source")
    reader = Reader(account_id.removeprefix(b"source"), "account")
    parts = ("source_id",) if is_source else ("partner_id", "agreement_id", "subscription")
    name = "|".join(reader.name(part) for part in parts)
    reader.done()
    return ("source:" if is_source else "partner:") + name


@dataclass(frozen=True, slots=True)
class Admitted:
    """A batch is the gateway's: the source may delete it once this is under a verified tick."""

    salt: bytes
    lane: bytes
    batch_no: int
    batch_digest: bytes

    def encode(self) -> bytes:
        """The entry's bytes."""
        return ADMITTED + SUITE_BYTE + self.salt + self.lane + u64(self.batch_no) + self.batch_digest


@dataclass(frozen=True, slots=True)
class RefusedBatch:
    """A batch consumed its number and nothing of it is kept, for the reason `code`."""

    salt: bytes
    lane: bytes
    batch_no: int
    batch_digest: bytes
    code: RefusalCode

    def encode(self) -> bytes:
        """The entry's bytes."""
        return b"".join(
            (REFUSED, SUITE_BYTE, self.salt, self.lane, u64(self.batch_no), self.batch_digest, u16(self.code))
        )


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A record of the source went out with the slots of `mask`; `partner_id` is empty where only amounts are shown."""

    salt: bytes
    batch_digest: bytes
    idx: int
    mask: int
    partner_id: str

    def encode(self) -> bytes:
        """The entry's bytes."""
        return b"".join(
            (
                DISCLOSED,
                SUITE_BYTE,
                self.salt,
                self.batch_digest,
                u8(self.idx),
                u16(self.mask),
                lp8(self.partner_id.encode("ascii")),
            )
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """House: a statement took effect at `position`."""

    position: int
    link: bytes

    def encode(self) -> bytes:
        """The entry's bytes."""
        return APPLIED + SUITE_BYTE + u64(self.position) + self.link


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """House: a gateway key changed state."""

    key_digest: bytes
    state: KeyState

    def encode(self) -> bytes:
        """The entry's bytes."""
        return KEY_EVENT + SUITE_BYTE + self.key_digest + u8(self.state)


@dataclass(frozen=True, slots=True)
class Restored:
    """House: the store lives on under another incarnation. body: of the RESTORE statement that says so."""

    body: bytes

    def encode(self) -> bytes:
        """The entry's bytes."""
        return RESTORE + SUITE_BYTE + self.body


SourceEntry = Admitted | RefusedBatch | Disclosed


def parse_source_entry(entry: bytes) -> SourceEntry:
    """An entry of a source's account; refuses `malformed`, also on any other kind of entry."""
    reader = Reader(entry, "entry")
    tag = entry[: entry.find(b"\x00") + 1]
    if tag not in {ADMITTED, REFUSED, DISCLOSED}:
        raise reader.refuse("tag", "admitted, refused or disclosed")
    reader.tag(tag)
    reader.suite()
    salt = reader.take(SALT_BYTES, "salt")
    parsed: SourceEntry
    if tag == DISCLOSED:
        batch_digest = reader.take(HASH_BYTES, "H(B)")
        idx, mask = reader.u8("idx"), reader.u16("mask")
        if not mask:
            raise reader.refuse("mask", "of at least one slot")
        partner = reader.lp8("partner").decode("latin-1")
        if partner and not is_name(partner):
            raise reader.refuse("partner", "an identifier or empty")
        parsed = Disclosed(salt, batch_digest, idx, mask, partner)
    else:
        lane = reader.take(ID_BYTES, "lane")
        batch_no = reader.u64("batch_no")
        batch_digest = reader.take(HASH_BYTES, "H(B)")
        if tag == ADMITTED:
            parsed = Admitted(salt, lane, batch_no, batch_digest)
        else:
            parsed = RefusedBatch(salt, lane, batch_no, batch_digest, refusal_code(reader.u16("code")))
    reader.done()
    return parsed


def refusal_code(number: int) -> RefusalCode:
    """The code of a wire number; an unknown one is refused `malformed`."""
    if number not in RefusalCode.__members__.values():
        raise Refused("malformed", f"`code` must be a known refusal code, {number} came", at="refused.code")
    return RefusalCode(number)
