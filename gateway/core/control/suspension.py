"""Stopping and starting again: SUSPEND and END take one signature, LIFT takes the quorum.

A SUSPEND stops a party: a partner gets nothing, a source is not taken from. An END stops one agreement for ever, since
an agreement's id is never used again. An OBJECT stops the proposal of a roster. A LIFT undoes a SUSPEND or an OBJECT.

    target = "partner/deu/wtd81"       # or "source/src-3f07"; in a LIFT also "proposal/" and the hex link
    reason = "key held by one person only"

Source: SPEC.md section 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.core.control.texts import read_text
from gateway.core.parties.names import AgreementId
from gateway.core.suite.octets import is_name

MAX_REASON = 512
_PROPOSAL = re.compile(r"proposal/[0-9a-f]{96}")


@dataclass(frozen=True, slots=True)
class Suspension:
    """The parsed text of a SUSPEND. target: `partner/…` or `source/…`."""

    target: str
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Suspension:
        """The suspension in `text`; refuses `text-…`."""
        table = read_text(text, "suspension", {"target", "reason"})
        target = table.string("target")
        if not _is_party(target):
            raise table.wrong("target", "`partner/` or `source/` and an identifier")
        return cls(target, table.string("reason", MAX_REASON))


@dataclass(frozen=True, slots=True)
class Lift:
    """The parsed text of a LIFT. target: what a SUSPEND named, or `proposal/` and the link an OBJECT named."""

    target: str
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Lift:
        """The lift in `text`; refuses `text-…`."""
        table = read_text(text, "lift", {"target", "reason"})
        target = table.string("target")
        if not _is_party(target) and _PROPOSAL.fullmatch(target) is None:
            raise table.wrong("target", "`partner/` or `source/` and an identifier, or `proposal/` and a link")
        return cls(target, table.string("reason", MAX_REASON))


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


def _is_party(target: str) -> bool:
    family, _, party = target.partition("/")
    return family in {"partner", "source"} and is_name(party)
