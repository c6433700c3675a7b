"""What a gateway answers an operator, as values: no network is needed for them, so what works offline loads none.

Every field is the gateway's word and is believed by nobody: statements are verified in `chain`, and what is called
applied is read back from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ChangeState(Enum):
    """What became of a proposal."""

    APPLIED = "APPLIED"
    PENDING = "PENDING"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The gateway's answer to a proposal or an approval.

    effective_at_ms: UTC milliseconds, 0 while pending. streams_ended: live streams that ended because of it.
    """

    change_id: str
    state: ChangeState
    position: int
    signatures_have: int
    signatures_need: int
    effective_at_ms: int
    streams_ended: int


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A proposal as the gateway hands it out; every field is unverified."""

    change_id: str
    statement: bytes
    signatures: bytes
    attachments: tuple[bytes, ...]
    reason: str
    signatures_need: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Two batches of one number, as the gateway tells them. kept: H(B) that has it; refused: H(B) of the other."""

    source_id: str
    kept: bytes
    refused: bytes

    @property
    def target(self) -> str:
        """How a LIFT names it."""
        return f"fork/{self.kept.hex()}/{self.refused.hex()}"


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """A certificate as the gateway lists it: DER that nobody has looked at. Times: UTC milliseconds, 0 for never.

    follows: SHA-256 of the one it took the place of, or nothing. since_ms, forgotten: of the list as a whole.
    """

    certificate: bytes
    first_used_ms: int
    last_used_ms: int
    issued_ms: int
    follows: bytes
    since_ms: int
    forgotten: int


@dataclass(frozen=True, slots=True)
class Condition:
    """What the gateway says of itself. wall_ms: its wall clock; now_ms: its own now; keys_in_use: key digests."""

    is_timed: bool
    wall_ms: int
    now_ms: int
    forks: tuple[Fork, ...]
    keys_in_use: tuple[bytes, ...]
