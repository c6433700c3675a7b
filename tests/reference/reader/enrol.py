"""What lies in an entry of CONTROL: the statement, and the bundle or list beside it. SPEC.md section 2.10."""

from __future__ import annotations

from dataclasses import dataclass

from . import statements as st
from .octets import Cut, require
from .statements import Endorsement, Statement
from .suite import KEM_KEY, SIGNATURE, SIGNING_KEY, Memory, check_kem_key

KEM_ROLES = {st.ROLE_INGEST, st.ROLE_PARTNER_KEM}
BUNDLES = (
    [st.ROLE_SOURCE],
    [st.ROLE_PARTNER_KEM, st.ROLE_PARTNER_SIGN],
    [st.ROLE_STREAM, st.ROLE_LEDGER, st.ROLE_INGEST],
)


@dataclass(frozen=True)
class Entry:
    """An entry of the CONTROL journal (2.10)."""

    statement: Statement
    signatures: bytes
    attachments: list[bytes]
    applied_at: int

    @classmethod
    def parse(cls, raw: bytes) -> Entry:
        """The entry of the bytes."""
        cut = Cut(raw, "entry")
        statement, sigs = Statement.parse(cut.prefixed(4, "statement", 66_000)), cut.prefixed(4, "signatures", 360_000)
        beside = [cut.prefixed(4, "attachment", 3_145_728) for _ in range(cut.number(2, "attachment count", 0, 2))]
        read = cls(statement, sigs, beside, cut.number(8, "applied_at"))
        cut.end()
        return read


@dataclass(frozen=True)
class Bundle:
    """An enrolment bundle: the keys of a party by role, each of which proves that its holder has it (2.10)."""

    subject_id: str
    keys: dict[int, bytes]

    @classmethod
    def parse(cls, raw: bytes, memory: Memory) -> Bundle:
        """The bundle of the bytes, every signing key of which signed it."""
        cut = Cut(raw, "bundle").tagged("enrol")
        subject, keys, roles = cut.identifier("subject_id"), dict[int, bytes](), list[int]()
        for _ in range(cut.number(1, "n", 1, 3)):
            roles.append(cut.listed(1, "role", range(1, 7)))
            size = KEM_KEY if roles[-1] in KEM_ROLES else SIGNING_KEY
            keys[roles[-1]] = cut.prefixed(2, "key", size, size)
        require(roles in BUNDLES, "malformed", "bundle.role")
        cut.prefixed(2, "certificate request", 8192)
        signed = raw[: cut.place]
        signers = [role for role in roles if role not in KEM_ROLES]
        signatures = [cut.take(SIGNATURE, "sig") for _ in signers]
        cut.end()
        for role, signature in zip(signers, signatures, strict=True):
            memory.verify(keys[role], "enrol", signed, signature, "bundle-signature")
        for role in KEM_ROLES & set(roles):
            check_kem_key(keys[role], "bundle.key")
        return cls(subject, keys)


def parse_list(raw: bytes) -> list[tuple[Endorsement, bytes]]:
    """The endorsement list of a DIRECTORY: each E, with the key or file beside it that no statement brought."""
    cut, read = Cut(raw, "endorsement list"), []
    for _ in range(cut.number(2, "count", 0, 4096)):
        endorsement = Endorsement.parse(cut.prefixed(2, "E", 400))
        read.append((endorsement, cut.prefixed(4, "key or file", 65_536)))
    cut.end()
    return read
