"""CONTROL as the gateway keeps it: a fold over its entries, every one checked before it counts.

`Control` is immutable: `apply` gives the next state or refuses and changes nothing. Live or at a restart it is the same
call, because an entry carries the time it was applied at. The order of checks:

1. place: the next position, on the head's link, of this genesis, under the roster in force;
2. time: not expired, not from the future, and the gateway's clock never runs back;
3. kind: one that is acted on;
4. signatures: all verify, all are members', and enough distinct persons signed for the kind;
5. attachments, as many as the kind has; then body and attachments, against what stands (room `applying`).

`preview` makes all checks but the last part of 4 and says how many signatures are there: a change that could never be
applied is refused when it is proposed, not when the last person has signed. Source: SPEC.md section 2.4.

    control = Control.begin(entries[0])
    for entry in entries[1:]:
        control = control.apply(entry)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from gateway.core.control.applying import APPLIED, ATTACHED, open_proposal, propose_roster, succeed
from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Progress, Roster, check_signatures, signature_progress
from gateway.core.control.standing import Standing
from gateway.core.control.succession import named_proposal, objection_needed, weigh_proposal, weigh_roster
from gateway.core.control.suspension import Objection
from gateway.core.errors import Refused
from gateway.core.suite.numbers import CLOCK_SKEW_MS, StatementKind


@dataclass(frozen=True, slots=True)
class Control(Standing):
    """What stands, and the way on from it."""

    @classmethod
    def begin(cls, entry: ControlEntry) -> Control:
        """The state that a GENESIS founds: signed by all operators of its roster."""
        statement = entry.statement
        if statement.kind is not StatementKind.GENESIS:
            raise Refused("statement-genesis", "the first statement is a GENESIS, another came", at="statement.kind")
        _check_time(entry, 0)
        roster = Roster.parse(statement.body)
        check_signatures(entry.signed, roster)
        _check_attachments(entry)
        return cls(
            genesis=statement.link,
            position=1,
            head=statement.link,
            clock_ms=entry.applied_at_ms,
            roster=roster,
            roster_link=statement.link,
            succession=(entry.signed,),
            sources={},
            partners={},
            agreements={},
            ended=frozenset(),
            guide=None,
            used_guides=frozenset(),
            vocabularies={},
            vocabulary_texts={},
            suspended=frozenset(),
            proposals={},
            directory=None,
            directory_positions={},
            operator_keys=roster.operator_keys,
            recovery_keys=roster.recovery_keys,
        )

    def apply(self, entry: ControlEntry) -> Control:
        """The next state; refuses the entry as `preview` does, and `signatures-too-few`."""
        return self._follow(entry, is_complete=True)[0]

    def preview(self, entry: ControlEntry) -> tuple[Control, Progress]:
        """The next state as it would be with enough signatures, and how far they are."""
        return self._follow(entry, is_complete=False)

    def weigh(self, entry: ControlEntry) -> Progress:
        """How far the signatures of a statement are that stands behind others: under what stands now.

        Refuses as `preview` does where it comes to who signs; of place, time and body it says nothing.
        """
        _check_kind(entry)
        return self._weigh(entry)[0]

    def _follow(self, entry: ControlEntry, *, is_complete: bool) -> tuple[Control, Progress]:
        self._check_place(entry)
        _check_time(entry, self.clock_ms)
        _check_kind(entry)
        progress, change = self._weigh(entry)
        if is_complete:
            progress.check_complete()
        _check_attachments(entry)
        return (
            replace(change(), position=self.position + 1, head=entry.statement.link, clock_ms=entry.applied_at_ms),
            progress,
        )

    def _check_place(self, entry: ControlEntry) -> None:
        statement = entry.statement
        if statement.genesis != self.genesis:
            raise Refused("statement-genesis", "the statement is for another genesis", at="statement.genesis")
        if statement.position != self.position or statement.prev != self.head:
            raise Refused(
                "stale-change",
                f"a statement follows the head at position {self.position}, this one was written for position "
                f"{statement.position} or another head",
                at="statement.prev",
                do="propose it again on the present head; signatures start anew",
            )
        if statement.roster != self.roster_link:
            raise Refused("roster-not-in-force", "the statement is under another roster", at="statement.roster")

    def _weigh(self, entry: ControlEntry) -> tuple[Progress, Callable[[], Control]]:
        """How far the signatures are, and what the statement changes: the body says who must sign for three kinds."""
        signed, kind = entry.signed, entry.statement.kind
        if kind is StatementKind.ROSTER_PROPOSE:
            proposal, progress = weigh_proposal(signed, self.roster)
            return progress, partial(propose_roster, self, proposal, entry.applied_at_ms)
        if kind is StatementKind.ROSTER:
            opened = open_proposal(self, named_proposal(entry.body))
            return weigh_roster(signed, opened.proposal, self.roster), partial(succeed, self, opened, entry)
        progress = signature_progress(signed, self.roster)
        if kind is StatementKind.OBJECT:
            opened = open_proposal(self, Objection.parse(entry.body).proposal)
            progress = replace(progress, need=objection_needed(opened.proposal, self.roster))
        return progress, partial(APPLIED[kind], self, entry)


_SUCCESSION = frozenset({StatementKind.ROSTER_PROPOSE, StatementKind.ROSTER})


def _check_kind(entry: ControlEntry) -> None:
    if entry.statement.kind not in APPLIED and entry.statement.kind not in _SUCCESSION:
        raise Refused("statement-not-built", f"{entry.statement.kind.name} is not built yet", at="statement.kind")


def _check_time(entry: ControlEntry, clock_ms: int) -> None:
    statement, now_ms = entry.statement, entry.applied_at_ms
    if now_ms < clock_ms:
        raise Refused("clock-behind", "the gateway's clock must not be before its last statement", at="applied_at")
    if now_ms >= statement.expires_at_ms:
        raise Refused("statement-expired", "the statement must be applied before it expires", at="statement.expires_at")
    if statement.proposed_at_ms > now_ms + CLOCK_SKEW_MS:
        raise Refused(
            "statement-early", "the statement is proposed in the future of this clock", at="statement.proposed_at"
        )


def _check_attachments(entry: ControlEntry) -> None:
    expected = ATTACHED.get(entry.statement.kind, 0)
    if len(entry.attachments) != expected:
        raise Refused(
            "attachments",
            f"{entry.statement.kind.name} has {expected} attachments, {len(entry.attachments)} came",
            at="attachments",
        )
