"""The statement St: one thing operators say, signed by each of them, chained to the one before.

A statement names the genesis it belongs to, its place, the statement before it and the roster it was signed under, so
a signature cannot be carried to another gateway, another moment or another head. Its `link` names it for ever.
The layout is fixed and consumed exactly: one statement has one encoding. Source: SPEC.md section 2.

    signed = SignedStatement(statement, (sign_statement(statement, first), sign_statement(statement, second)))
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE, ZERO_HASH, digest
from gateway.core.suite.keys import SIGN_KEY_BYTES, SIGNATURE_BYTES, SigningKey, VerifyKey, key_digest, key_id
from gateway.core.suite.numbers import HASH_BYTES, MAX_SIGNATURES, MAX_TEXT_BYTES, StatementKind
from gateway.core.suite.octets import Reader, lp16, lp32, u8, u64

CONTEXT = b"SLUICE1/statement"
_TAG = CONTEXT + b"\x00"
_LINK_TAG = b"SLUICE1/statement-link\x00" + SUITE_BYTE
MAX_STATEMENT_BYTES = 256 + MAX_TEXT_BYTES
MAX_SIGNATURES_BYTES = 1 + MAX_SIGNATURES * (2 + SIGN_KEY_BYTES + SIGNATURE_BYTES)


@dataclass(frozen=True, slots=True)
class Statement:
    """St. genesis, prev and roster: links of 48 bytes, zero in the first statement; times in UTC milliseconds."""

    genesis: bytes
    position: int
    prev: bytes
    roster: bytes
    kind: StatementKind
    body: bytes
    proposed_at_ms: int
    expires_at_ms: int

    def encode(self) -> bytes:
        """The bytes operators sign."""
        return b"".join(
            (
                _TAG,
                SUITE_BYTE,
                self.genesis,
                u64(self.position),
                self.prev,
                self.roster,
                u8(self.kind),
                lp32(self.body),
                u64(self.proposed_at_ms),
                u64(self.expires_at_ms),
            )
        )

    @property
    def link(self) -> bytes:
        """48 bytes that name this statement; the link of the first one is the genesis."""
        return digest(_LINK_TAG + self.encode())


def first_statement(roster_text: bytes, proposed_at_ms: int, expires_at_ms: int) -> Statement:
    """The statement that founds a gateway: its link is the genesis."""
    return Statement(
        ZERO_HASH, 0, ZERO_HASH, ZERO_HASH, StatementKind.GENESIS, roster_text, proposed_at_ms, expires_at_ms
    )


def parse_statement(encoded: bytes) -> Statement:
    """St from its bytes; refuses `malformed`. Only the first statement is a GENESIS, and only its links are zero."""
    reader = Reader(encoded, "statement")
    reader.tag(_TAG)
    reader.suite()
    genesis = reader.take(HASH_BYTES, "genesis")
    position = reader.u64("position")
    prev = reader.take(HASH_BYTES, "prev")
    roster = reader.take(HASH_BYTES, "roster")
    kind = reader.u8("kind")
    body = reader.lp32("body", MAX_TEXT_BYTES)
    proposed_at_ms, expires_at_ms = reader.u64("proposed_at"), reader.u64("expires_at")
    reader.done()
    if kind not in StatementKind.__members__.values():
        raise reader.refuse("kind", "a known statement kind")
    first = position == 0
    if first != (kind == StatementKind.GENESIS):
        raise reader.refuse("kind", "GENESIS at position 0 and nowhere else")
    for field, link in (("genesis", genesis), ("prev", prev), ("roster", roster)):
        if first != (link == ZERO_HASH):
            raise reader.refuse(field, "zero in the first statement and in no other")
    return Statement(genesis, position, prev, roster, StatementKind(kind), body, proposed_at_ms, expires_at_ms)


class Signature(NamedTuple):
    """One operator's signature over St. public_key: 2,624 bytes; signature: 4,691 bytes."""

    public_key: bytes
    signature: bytes


Signatures = tuple[Signature, ...]


def sign_statement(statement: Statement, key: SigningKey) -> Signature:
    """The signature of `key` over St."""
    return Signature(key.public_key, key.sign(CONTEXT, statement.encode()))


def encode_signatures(signatures: Iterable[Signature]) -> bytes:
    """`sigs`, in ascending order of key id; refuses `signed-twice`."""
    ordered = sorted(signatures, key=lambda signature: key_id(signature.public_key))
    for before, after in pairwise(ordered):
        if before.public_key == after.public_key:
            raise Refused("signed-twice", "each key signs a statement once, one came again", at="statement.sigs")
    return u8(len(ordered)) + b"".join(lp16(one.public_key) + one.signature for one in ordered)


def parse_signatures(encoded: bytes) -> Signatures:
    """`sigs` from its bytes; refuses `malformed`, a key twice or out of order among it. Verifies nothing."""
    reader = Reader(encoded, "signature list")
    count = reader.u8("n")
    if not 1 <= count <= MAX_SIGNATURES:
        raise reader.refuse("n", f"1 to {MAX_SIGNATURES}")
    signatures, last = [], b""
    for _ in range(count):
        public_key = reader.lp16("public key", SIGN_KEY_BYTES)
        signature = reader.take(SIGNATURE_BYTES, "signature")
        if len(public_key) != SIGN_KEY_BYTES:
            raise reader.refuse("public key", f"{SIGN_KEY_BYTES} bytes")
        if key_id(public_key) <= last:
            raise reader.refuse("public key", "above the one before in order of key id")
        last = key_id(public_key)
        signatures.append(Signature(public_key, signature))
    reader.done()
    return tuple(signatures)


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement with its signatures, as it travels: lp32(St) | lp32(sigs)."""

    statement: Statement
    signatures: Signatures

    def encode(self) -> bytes:
        """lp32(St) | lp32(sigs)."""
        return lp32(self.statement.encode()) + lp32(encode_signatures(self.signatures))

    @classmethod
    def read(cls, reader: Reader) -> SignedStatement:
        """The next one in `reader`; refuses `malformed`. Verifies nothing."""
        statement = parse_statement(reader.lp32("statement", MAX_STATEMENT_BYTES))
        return cls(statement, parse_signatures(reader.lp32("signatures", MAX_SIGNATURES_BYTES)))

    @property
    def signers(self) -> frozenset[bytes]:
        """Key digests of all who are said to have signed: claims, until `verify` has passed."""
        return frozenset(key_digest(signature.public_key) for signature in self.signatures)

    def verify(self) -> None:
        """Refuses `statement-signature` and `key-malformed` unless every signature verifies."""
        signed = self.statement.encode()
        for public_key, signature in self.signatures:
            VerifyKey.parse(public_key).verify(CONTEXT, signed, signature, "statement")
