"""One entry of the CONTROL journal: a statement, its signatures, what came beside it, and when it was applied.

    entry = lp32(St) | lp32(sigs) | u16 count | (lp32(attachment))* | applied_at u64

Attachments are what digests in the body stand for: the enrolment bundle of a SOURCE or PARTNER, the endorsement list of
a DIRECTORY. The time is the gateway's own, written when it applies the statement. With it the state of CONTROL is a
function of the journal alone: a restart, an operator and an auditor come to the same state as the gateway did, and a
waiting time is measured by the gateway's clock, not by what a statement says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.statement import SignedStatement, Statement
from gateway.core.suite.numbers import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS
from gateway.core.suite.octets import Reader, lp32, u16, u64


@dataclass(frozen=True, slots=True)
class ControlEntry:
    """signed: statement and signatures; applied_at_ms: UTC milliseconds."""

    signed: SignedStatement
    attachments: tuple[bytes, ...]
    applied_at_ms: int

    @property
    def statement(self) -> Statement:
        """What was signed."""
        return self.signed.statement

    @property
    def body(self) -> bytes:
        """The statement's body."""
        return self.signed.statement.body

    def encode(self) -> bytes:
        """The entry's bytes."""
        return b"".join(
            (
                self.signed.encode(),
                u16(len(self.attachments)),
                *map(lp32, self.attachments),
                u64(self.applied_at_ms),
            )
        )


def parse_entry(encoded: bytes) -> ControlEntry:
    """The entry from its bytes; refuses `malformed`. Verifies nothing."""
    reader = Reader(encoded, "control entry")
    signed = SignedStatement.read(reader)
    count = reader.u16("attachment count")
    if count > MAX_ATTACHMENTS:
        raise reader.refuse("attachment count", f"at most {MAX_ATTACHMENTS}")
    attachments = tuple(reader.lp32("attachment", MAX_ATTACHMENT_BYTES) for _ in range(count))
    applied_at_ms = reader.u64("applied_at")
    reader.done()
    return ControlEntry(signed, attachments, applied_at_ms)
