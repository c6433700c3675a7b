"""Stopping and starting again: SUSPEND and END take one signature, LIFT takes the quorum.

A SUSPEND stops a party: a partner gets nothing, a source is not taken from. An END stops one agreement for ever, since
an agreement's id is never used again. An OBJECT stops the proposal of a roster. A LIFT undoes any stop but an END.

    target = "partner/deu/wtd81"       # or "source/src-3f07"; in a LIFT whatever was stopped (room `stops`)
    reason = "key held by one person only"

Source: SPEC.md section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.stops import LIFTABLE, read_target
from gateway.core.control.texts import read_text
from gateway.core.parties.names import AgreementId

MAX_REASON = 512


@dataclass(frozen=True, slots=True)
class Suspension:
    """The parsed text of a SUSPEND. target: `partner/…` or `source/…`."""

    target: str
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Suspension:
        """The suspension in `text`; refuses `text-…`."""
        table = read_text(text, "suspension", {"target", "reason"})
        return cls(read_target(table, ("partner", "source")), table.string("reason", MAX_REASON))


@dataclass(frozen=True, slots=True)
class Lift:
    """The parsed text of a LIFT. target: what a stop named, or `proposal/` and the link an OBJECT named."""

    target: str
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Lift:
        """The lift in `text`; refuses `text-…`."""
        table = read_text(text, "lift", {"target", "reason"})
        return cls(read_target(table, LIFTABLE), table.string("reason", MAX_REASON))


@dataclass(frozen=True, slots=True)
class Objection:
    """The parsed text of an OBJECT. proposal: link of the ROSTER-PROPOSE, 48 bytes."""

    proposal: bytes
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Objection:
        """The objection in `text`; refuses `text-…`."""
        table = read_text(text, "objection", {"proposal", "reason"})
        return cls(table.hex_bytes("proposal"), table.string("reason", MAX_REASON))


@dataclass(frozen=True, slots=True)
class AgreementEnd:
    """The parsed text of an END."""

    agreement: AgreementId
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> AgreementEnd:
        """The end in `text`; refuses `text-…`."""
        table = read_text(text, "end", {"agreement", "reason"})
        return cls(AgreementId(table.name("agreement")), table.string("reason", MAX_REASON))
