"""The next roster: drafted from the one in force and cards, told in plain words, and signed by those it takes.

Nobody signs a roster by its digits. What comes and what goes is worked out here, from the chain this operator has
verified, and stands on the screen above the text; what is signed is the text. Who may sign depends on the body for two
kinds: a ROSTER-PROPOSE by those who are there, by those who come and by recovery keys, a ROSTER by the set whose
proposal it is. Source: SPEC.md section 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from clients.operator.card import OperatorCard
from clients.times import utc
from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Operator, RecoveryKey, Roster
from gateway.core.control.standing import OpenProposal
from gateway.core.control.succession import Author, named_proposal
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind

SHOWN_DIGITS = 16
_HOUR_MS = 3_600_000
Proposals = Mapping[bytes, OpenProposal]
NO_PROPOSALS: Proposals = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RosterChange:
    """What the next roster has otherwise. cards: of keys that come; an id that is there gets another key.

    persons: who holds the key of an operator that comes, by id. leaving: ids. None leaves a number as it is.
    """

    cards: Sequence[OperatorCard] = ()
    persons: Mapping[str, str] | None = None
    leaving: Sequence[str] = ()
    quorum: int | None = None
    wait_hours: int | None = None
    recovery_quorum: int | None = None


def write_roster(
    operators: Sequence[Operator],
    recovery: Sequence[RecoveryKey],
    *,
    quorum: int,
    wait_hours: int,
    recovery_quorum: int,
) -> bytes:
    """The text of a roster; refuses what `Roster.parse` does."""
    lines = [f"quorum = {quorum}", f"wait_hours = {wait_hours}", f"recovery_quorum = {recovery_quorum}"]
    for one in operators:
        person = one.person.replace("\\", "\\\\").replace('"', '\\"')
        lines += ["", "[[operator]]", f'id = "{one.id}"', f'person = "{person}"', f'key = "{one.key_digest.hex()}"']
    for key in recovery:
        lines += ["", "[[recovery]]", f'id = "{key.id}"', f'key = "{key.key_digest.hex()}"']
    text = ("\n".join(lines) + "\n").encode()
    Roster.parse(text)
    return text


def next_roster(present: Roster, change: RosterChange) -> bytes:
    """The text of the next roster; refuses an id that is not there and what `Roster.parse` does."""
    operators = {one.id: one for one in present.operators}
    recovery = {one.id: one for one in present.recovery}
    for leaving in change.leaving:
        if operators.pop(leaving, None) is None and recovery.pop(leaving, None) is None:
            raise CallerError(
                "operator-unknown", "an id must be in the roster to leave it, this one is not", at=leaving
            )
    for card in change.cards:
        if not card.certificate_request:
            recovery[card.operator_id] = RecoveryKey(card.operator_id, card.key_digest)
            continue
        before, persons = operators.get(card.operator_id), change.persons or {}
        person = persons.get(card.operator_id) or (before.person if before else "")
        if not person:
            at = card.operator_id
            raise CallerError(
                "persons", "who comes must have a person, this one has none", at=at, do="--person ID=PERSON"
            )
        operators[card.operator_id] = Operator(card.operator_id, person, card.key_digest)
    return write_roster(
        tuple(operators.values()),
        tuple(recovery.values()),
        quorum=present.quorum if change.quorum is None else change.quorum,
        wait_hours=present.wait_ms // _HOUR_MS if change.wait_hours is None else change.wait_hours,
        recovery_quorum=present.recovery_quorum if change.recovery_quorum is None else change.recovery_quorum,
    )


def roster_difference(present: Roster, following: Roster) -> tuple[str, ...]:
    """Who comes, who goes, who has another key, and which numbers change; in plain words, one a line."""
    lines = [
        *_members("operator", _rows(present.operators), _rows(following.operators)),
        *_members("recovery key", _rows(present.recovery), _rows(following.recovery)),
    ]
    for what, before, after, unit in (
        ("quorum", present.quorum, following.quorum, "persons for what widens"),
        ("wait", present.wait_ms // _HOUR_MS, following.wait_ms // _HOUR_MS, "hours before a next roster"),
        ("recovery quorum", present.recovery_quorum, following.recovery_quorum, "recovery keys"),
    ):
        if before != after:
            lines.append(f"{what}: {after} {unit}, was {before}")
    return tuple(lines) or ("nothing changes but the order or the comments",)


def _rows(members: Sequence[Operator] | Sequence[RecoveryKey]) -> dict[str, tuple[str, str]]:
    """Person and key of each, by id."""
    return {one.id: (getattr(one, "person", ""), one.key_digest.hex()[:SHOWN_DIGITS]) for one in members}


def _members(what: str, before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]]) -> list[str]:
    lines = []
    for name, (person, key) in after.items():
        held = f" ({person})" if person else ""
        if name not in before:
            lines.append(f"comes: {what} {name}{held}, key {key}")
            continue
        if before[name][1] != key:
            lines.append(f"another key: {what} {name}{held}, key {key}, was {before[name][1]}")
        if before[name][0] != person:
            lines.append(f"another person: {what} {name}{held}, was {before[name][0]}")
    lines += [
        f"goes:  {what} {name}{f' ({person})' if person else ''}, key {key}"
        for name, (person, key) in before.items()
        if name not in after
    ]
    return lines


def members_of(entry: ControlEntry, present: Roster, proposals: Proposals) -> frozenset[bytes]:
    """Key digests of those who may sign the statement; refuses `proposal-unknown`."""
    kind = entry.statement.kind
    if kind is StatementKind.ROSTER_PROPOSE:
        return present.all_keys | Roster.parse(entry.body).operator_keys
    if kind is StatementKind.ROSTER:
        author = _proposal_of(entry, proposals).proposal.author
        return present.recovery_keys if author is Author.RECOVERY else present.operator_keys
    return present.operator_keys


def succession_notes(entry: ControlEntry, present: Roster, proposals: Proposals) -> tuple[str, ...]:
    """What the text of a roster's statement does not say: who comes and goes by it, and when it may be in force."""
    kind = entry.statement.kind
    if kind is StatementKind.ROSTER_PROPOSE:
        hours = present.wait_ms // _HOUR_MS
        wait = f"in force at the earliest {hours} h after it is applied, by `sluicectl operator adopt`"
        return (*roster_difference(present, Roster.parse(entry.body)), wait)
    if kind is StatementKind.ROSTER:
        opened = _proposal_of(entry, proposals)
        lines = roster_difference(present, opened.proposal.roster)
        return (
            *lines,
            f"proposed by {opened.proposal.author.value}, open to objection since {utc(opened.opened_at_ms)}",
        )
    return ()


def _proposal_of(entry: ControlEntry, proposals: Proposals) -> OpenProposal:
    opened = proposals.get(named_proposal(entry.body))
    if opened is None:
        raise Refused("proposal-unknown", "a proposal must be open under the roster in force", at="roster.proposal")
    return opened


def chosen_proposal(proposals: Proposals, typed: str) -> tuple[bytes, OpenProposal]:
    """The one proposal whose link begins so, or the only one; refuses `proposal-unknown` and `proposal-ambiguous`."""
    found = [(link, opened) for link, opened in proposals.items() if link.hex().startswith(typed)]
    if not found:
        raise Refused(
            "proposal-unknown",
            "a proposal must be open, none of this link is",
            at=typed,
            do="`sluicectl operator list`",
        )
    if len(found) > 1:
        raise CallerError(
            "proposal-ambiguous",
            f"one proposal must be named, {len(found)} begin so",
            at=typed,
            do="more of its digits",
        )
    return found[0]
