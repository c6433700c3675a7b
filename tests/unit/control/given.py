"""Operators, parties and statements for the tests of this room: small factories that show only what matters.

Keys come from seeds, so a run costs no randomness and a failure can be repeated.
"""

from __future__ import annotations

import hashlib
from functools import cache

from gateway.core.control.roster import Roster
from gateway.core.control.statement import SignedStatement, Statement, first_statement, sign_statement
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import StatementKind

NOW = 1_780_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
ROOT_OF = {"usa.example": "11" * 32, "ua.example": "22" * 32, "gbr.example": "33" * 32}


def octets(name: str, length: int) -> bytes:
    """Bytes that differ by name."""
    return hashlib.shake_256(name.encode()).digest(length)


@cache
def signing_key(name: str) -> SigningKey:
    """The signing key of that name."""
    return SigningKey.from_seeds(octets(f"mldsa {name}", 32), octets(f"ed25519 {name}", 32))


@cache
def kem_key(name: str) -> KemKey:
    """The sealing key of that name."""
    return KemKey.from_seeds(octets(f"mlkem {name}", 64), int.from_bytes(octets(f"p384 {name}", 40), "big"))


def roster_text(
    operators: tuple[str, ...] = ("officer-1", "officer-2", "officer-3"),
    recovery: tuple[str, ...] = ("vault-1", "vault-2"),
    quorum: int = 2,
    wait_hours: int = 24,
    recovery_quorum: int = 2,
) -> bytes:
    """A roster text; the person of `officer-1` is `person-1`."""
    lines = [f"quorum = {quorum}", f"wait_hours = {wait_hours}", f"recovery_quorum = {recovery_quorum}"]
    for name in operators:
        person = name.replace("officer", "person")
        lines += ["[[operator]]", f'id = "{name}"', f'person = "{person}"', f'key = "{digest_of(name)}"']
    for name in recovery:
        lines += ["[[recovery]]", f'id = "{name}"', f'key = "{digest_of(name)}"']
    return ("\n".join(lines) + "\n").encode()


def digest_of(name: str) -> str:
    """Key digest of a signing key, as texts spell it."""
    return signing_key(name).key_digest.hex()


def signed(statement: Statement, *signers: str) -> SignedStatement:
    """The statement with the signatures of these names."""
    return SignedStatement(statement, tuple(sign_statement(statement, signing_key(name)) for name in signers))


@cache
def genesis(text: bytes = b"") -> SignedStatement:
    """A first statement, signed by all operators of its roster."""
    roster = Roster.parse(text or roster_text())
    return signed(first_statement(roster.text, NOW, NOW + DAY), *(operator.id for operator in roster.operators))


def statement(
    kind: StatementKind = StatementKind.SUSPEND,
    body: bytes = b'target = "partner/usa/arl"\nreason = "a test"\n',
    position: int = 1,
    prev: bytes = b"p" * 48,
    roster: bytes = b"r" * 48,
    at: int = NOW,
) -> Statement:
    """A statement that parses; not of any real chain unless told."""
    first = kind is StatementKind.GENESIS
    links = (ZERO_HASH, ZERO_HASH, ZERO_HASH) if first else (b"g" * 48, prev, roster)
    return Statement(links[0], 0 if first else position, links[1], links[2], kind, body, at, at + DAY)
