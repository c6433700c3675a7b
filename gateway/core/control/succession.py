"""How one roster follows another: proposed, waited for, open to objection, then in force.

Two statements. The ROSTER-PROPOSE carries the next roster's text and is signed by the quorum of the present operators,
or by `recovery_quorum` recovery keys, and by the quorum of the next operators: nobody becomes an operator unasked, and
a stolen quorum is seen before it counts. The ROSTER names the proposal, is signed by the quorum of the set that signed
it, and comes after the present roster's waiting time if no OBJECT lies between. One operator's OBJECT stops what
operators proposed; a recovery, made because operators' keys may be in wrong hands, is stopped by their quorum only.

The gateway measures the wait by its own clock and knows objections (room `fold`); a reader checks what the statements
themselves say (room `trust`). Source: SPEC.md section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.control.roster import Progress, Roster, check_signers
from gateway.core.control.statement import SignedStatement
from gateway.core.control.texts import read_text
from gateway.core.errors import Refused


class Author(StrEnum):
    """Which set of the present roster proposes the next."""

    OPERATORS = "operators"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A ROSTER-PROPOSE whose signatures verify. link: of the proposal; under: link of the roster it would replace."""

    signed: SignedStatement
    link: bytes
    under: bytes
    author: Author
    roster: Roster


def weigh_proposal(signed: SignedStatement, present: Roster) -> tuple[Proposal, Progress]:
    """The proposal and how far it is; refuses signatures that do not verify or that no set explains.

    A key that stands in two sets counts in both; each set counts its own persons once.
    """
    roster = Roster.parse(signed.statement.body)
    check_signers(signed, present.operator_keys | present.recovery_keys | roster.operator_keys)
    operators = len(signed.signers & present.operator_keys)
    recovery = len(signed.signers & present.recovery_keys)
    following = min(len(signed.signers & roster.operator_keys), roster.quorum)
    # Who reaches the operators' quorum is heard as operators, so that one operator's objection still stops them.
    if operators < present.quorum and recovery:
        author, have, need = Author.RECOVERY, recovery, present.recovery_quorum
    else:
        author, have, need = Author.OPERATORS, operators, present.quorum
    proposal = Proposal(signed, signed.statement.link, signed.statement.roster, author, roster)
    return proposal, Progress(min(have, need) + following, need + roster.quorum)


def weigh_roster(signed: SignedStatement, proposal: Proposal, present: Roster) -> Progress:
    """How far the ROSTER is; refuses another proposal, foreign signatures and `roster-too-soon`.

    The wait is judged by the statements' own times: all a reader has.
    """
    statement = signed.statement
    if named_proposal(statement.body) != proposal.link or statement.roster != proposal.under:
        raise Refused("roster-proposal", "a ROSTER names an open proposal under the same roster", at="roster.proposal")
    if proposal.author is Author.RECOVERY:
        members, need = present.recovery_keys, present.recovery_quorum
    else:
        members, need = present.operator_keys, present.quorum
    check_signers(signed, members)
    check_wait(proposal.signed.statement.proposed_at_ms, statement.proposed_at_ms, present)
    return Progress(len(signed.signers), need)


def check_wait(proposed_at_ms: int, now_ms: int, present: Roster) -> None:
    """Refuses `roster-too-soon` before the waiting time of the roster that would be replaced is over."""
    if now_ms - proposed_at_ms < present.wait_ms:
        raise Refused(
            "roster-too-soon",
            f"a roster waits {present.wait_ms} ms after its proposal, {now_ms - proposed_at_ms} ms have passed",
            at="roster.wait_hours",
        )


def objection_needed(proposal: Proposal, present: Roster) -> int:
    """How many operators it takes to stop the proposal."""
    return present.quorum if proposal.author is Author.RECOVERY else 1


def named_proposal(body: bytes) -> bytes:
    """The link that a ROSTER's body names."""
    return read_text(body, "roster", {"proposal"}).hex_bytes("proposal")
