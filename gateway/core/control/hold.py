"""Holding back what is stored, and stopping everything: HOLD and LOCKDOWN take one signature.

    target = "record/37….2"            # H(B) of its batch and its index; or "batch/37…"; or "agreement/UA-US-2026-014"
    reason = "a name in the text"

    target = "gateway"                 # LOCKDOWN: nothing else can be meant, and the LIFT names it too
    reason = "an operator's key was stolen"

A HOLD keeps a record, a batch or all of an agreement from going out; whether there is such a batch, CONTROL cannot
know. In a LOCKDOWN no partner is sent anything and no source is taken from; operators go on.
Source: SPEC.md section 2.7.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.stops import HOLDABLE, read_target
from gateway.core.control.suspension import MAX_REASON
from gateway.core.control.texts import read_text


@dataclass(frozen=True, slots=True)
class Hold:
    """The parsed text of a HOLD. target: `record/…`, `batch/…` or `agreement/…`."""

    target: str
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Hold:
        """The hold in `text`; refuses `text-…`."""
        table = read_text(text, "hold", {"target", "reason"})
        return cls(read_target(table, HOLDABLE), table.string("reason", MAX_REASON))


@dataclass(frozen=True, slots=True)
class Lockdown:
    """The parsed text of a LOCKDOWN."""

    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Lockdown:
        """The lockdown in `text`; refuses `text-…`."""
        table = read_text(text, "lockdown", {"target", "reason"})
        read_target(table, ("gateway",))
        return cls(table.string("reason", MAX_REASON))
