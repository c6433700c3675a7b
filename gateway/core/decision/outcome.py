"""What a decision says: a view, or withheld and why; and the steps that lead there.

Reasons and steps are for operators. A partner hears neither: it learns what it gets and, at most, a reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FOREVER_MS = 2**63 - 1


class Reason(StrEnum):
    """Why something is withheld, in the order in which it is found."""

    UNTIMED = "untimed"
    PARTNER_SUSPENDED = "partner-suspended"
    CERTIFICATE = "certificate"
    DIRECTORY = "directory"
    TOKEN = "token"  # noqa: S105 - the name of a reason
    OTHER_PARTNER = "other-partner"
    AGREEMENT_ENDED = "agreement-ended"
    NOT_IN_FORCE = "not-in-force"
    KIND = "kind"
    MODE = "mode"
    SOURCE = "source"
    SOURCE_SUSPENDED = "source-suspended"
    UNVERIFIABLE = "unverifiable"
    DESIGN = "design"
    HELD = "held"
    MALFORMED = "malformed"
    LABEL = "label"
    POLICY = "policy"
    LEVEL = "level"
    RESTRICTIVE = "restrictive"
    PERMISSIVE = "permissive"
    RELEASABILITY = "releasability"
    CEILING = "ceiling"
    WITHHOLD = "withhold"
    ORIGIN_HIDDEN = "origin-hidden"
    MUST = "must"


@dataclass(frozen=True, slots=True)
class View:
    """Released: the slots of `mask`, good while `now < valid_until_ms`."""

    mask: int
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class Withheld:
    """Nothing of the record; `reasons` in the order found, each once, at least one."""

    reasons: tuple[Reason, ...]
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """One claim that was checked.

    number: step of architecture section 4 (1 facts, 2 lattice, 4 must and agreement).
    subject: `partner`, `agreement`, `record`, or the name of a slot.
    """

    number: int
    subject: str
    claim: str
    holds: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Explanation:
    """An outcome and every step to it; the steps that do not hold are why anything is missing."""

    outcome: View | Withheld
    steps: tuple[Step, ...]
