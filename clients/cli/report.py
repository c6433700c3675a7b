"""What became of changes, as it is printed: pending is never called applied, and applied says from when.

With `--wait` a command that left something pending looks again until another operator has approved it, the time is
over (exit code 7, as without waiting), or the change is gone: rejected, or overtaken by another.
"""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Sequence
from dataclasses import replace

from clients.cli import output
from clients.cli.asking import seconds_to_wait
from clients.cli.boundary import pending
from clients.cli.desk import Decided, Desk, at_desk
from clients.operator.answers import ChangeState
from clients.operator.chain import Chain, Change
from clients.operator.render import is_narrowing, signer_names, subject_of
from clients.operator.rosters import SHOWN_DIGITS
from clients.times import utc
from gateway.core.control.entry import parse_entry
from gateway.core.errors import Refused
from gateway.core.suite.numbers import StatementKind

LOOK_AGAIN_SECONDS = 0.5
_AFTER = {
    StatementKind.ROSTER_PROPOSE: "after the waiting time: `sluicectl operator adopt {link} --reason ...`",
    StatementKind.ROSTER: "`sluicectl directory issue --reason ...`: readers know a roster by the directory under it",
}


def report(decided: Sequence[Decided], *, as_list: bool = False) -> None:
    """Prints what became of the changes; ends the command with code 7 if any is pending, also after `--wait`."""
    decided = waited(decided)
    facts = [decided_facts(one) for one in decided]
    lines = [line for one in decided for line in decided_lines(one)]
    output.result({"changes": facts} if as_list else facts[0], lines)
    if is_pending(decided):
        pending()


def is_pending(decided: Sequence[Decided]) -> bool:
    """Whether any of them is not applied."""
    return any(one.outcome.state is ChangeState.PENDING for one in decided)


def waited(decided: Sequence[Decided]) -> Sequence[Decided]:
    """The same changes as they are after `--wait`, if it was said and any is pending."""
    seconds = seconds_to_wait()
    if seconds is None or not is_pending(decided):
        return decided
    return at_desk(lambda desk: awaited(desk, decided, seconds))


def decided_facts(decided: Decided) -> dict[str, object]:
    """A change that was handed in, as JSON."""
    outcome, statement = decided.outcome, decided.entry.statement
    applied = outcome.state is ChangeState.APPLIED
    return {
        "change": outcome.change_id,
        "kind": statement.kind.name,
        "subject": subject_of(statement)[1],
        "state": outcome.state.value,
        "position": statement.position,
        "link": statement.link.hex(),
        "signatures": {"have": outcome.signatures_have, "need": outcome.signatures_need},
        "applied_at_ms": decided.entry.applied_at_ms if applied else None,
        "effective_at_ms": outcome.effective_at_ms if applied else None,
        "streams_ended": outcome.streams_ended,
    }


def decided_lines(decided: Decided) -> list[tuple[str, str]]:
    """A change that was handed in, for a person."""
    outcome, statement = decided.outcome, decided.entry.statement
    what = " ".join(subject_of(statement))
    if outcome.state is ChangeState.PENDING:
        have, need = outcome.signatures_have, outcome.signatures_need
        # The gateway chose the id, and a person will paste the line into a shell.
        change = shlex.quote(outcome.change_id)
        lines = [
            ("pending", f"{outcome.change_id}  {what}  PENDING ({have}/{need})"),
            ("next", f"another operator: `sluicectl change approve {change} --reason ...`"),
        ]
        if statement.kind is StatementKind.ROSTER_PROPOSE:
            by_file = f"who comes, or a recovery key: `sluicectl change export {change} --out FILE`"
            lines.append(("or", by_file))
        return lines
    streams = "1 live stream" if outcome.streams_ended == 1 else f"{outcome.streams_ended} live streams"
    ended = f"; {streams} ended" if outcome.streams_ended else ""
    when = utc(outcome.effective_at_ms)
    lines = [("applied", f"{what} as control entry {statement.position}, effective {when}{ended}")]
    if statement.kind in _AFTER:
        lines.append(("next", _AFTER[statement.kind].format(link=statement.link.hex()[:SHOWN_DIGITS])))
    return lines


async def awaited(desk: Desk, decided: Sequence[Decided], seconds: float) -> list[Decided]:
    """The same changes once all are applied, or as they are after `seconds`; refuses `change-gone`."""
    until = time.monotonic() + seconds
    while True:
        decided = [await _now(desk, one) for one in decided]
        if all(one.outcome.state is ChangeState.APPLIED for one in decided) or time.monotonic() >= until:
            return list(decided)
        await asyncio.sleep(min(LOOK_AGAIN_SECONDS, max(0.0, until - time.monotonic())))


async def _now(desk: Desk, one: Decided) -> Decided:
    if one.outcome.state is ChangeState.APPLIED:
        return one
    statement = one.entry.statement
    listed = {change.change_id for change in await desk.governance.changes()}
    async for encoded in desk.governance.read_control(statement.position):
        if parse_entry(encoded).statement.link == statement.link:
            # A link says what was signed and not by how many: the chain that has it is verified like any other.
            await desk.look_again()
            entry = desk.stands(statement)
            need = one.outcome.signatures_need
            # Another operator's command was told when. The gateway shows a statement only once it is effective, so that
            # it is by now, is true by the gateway's own clock.
            effective_at_ms = (await desk.governance.condition()).now_ms
            outcome = replace(
                one.outcome,
                state=ChangeState.APPLIED,
                signatures_have=need,
                effective_at_ms=effective_at_ms,
            )
            return Decided(entry, outcome)
        raise _gone(one.outcome.change_id)
    if one.outcome.change_id not in listed:
        raise _gone(one.outcome.change_id)
    return one


def _gone(change_id: str) -> Refused:
    return Refused(
        "change-gone",
        "a change that is waited for must be pending or applied, it was rejected, overtaken, or has expired",
        at=change_id,
        do="`sluicectl change list`",
    )


def change_facts(change: Change, chain: Chain) -> dict[str, object]:
    """A pending change as JSON."""
    statement = change.entry.statement
    return {
        "change": change.change_id,
        "kind": statement.kind.name,
        "subject": subject_of(statement)[1],
        "state": ChangeState.PENDING.value,
        "position": statement.position,
        "link": statement.link.hex(),
        "signatures": {"have": change.progress.have, "need": change.progress.need},
        "signed_by": list(signer_names(change.entry, chain.control.roster)),
        "widens": not is_narrowing(statement.kind),
        "proposed_at": utc(statement.proposed_at_ms),
        "expires_at": utc(statement.expires_at_ms),
        "reason": change.reason,
    }


def change_line(change: Change, chain: Chain) -> tuple[str, str]:
    """A pending change in one line."""
    change_id, *cells = change_cells(change, chain)
    return change_id, "   ".join(cell for cell in cells if cell)


def change_cells(change: Change, chain: Chain) -> list[str]:
    """A pending change as a row: id, what it is, by whom, since when, whether it widens, what it waits for."""
    statement = change.entry.statement
    signers = signer_names(change.entry, chain.control.roster)
    missing = change.progress.need - change.progress.have
    wants = f"needs {missing} more (not {', '.join(signers)})" if missing > 0 else "waits for the change before it"
    widens = "" if is_narrowing(statement.kind) else "WIDENS"
    signed = f"signed by {', '.join(signers)}"
    return [change.change_id, " ".join(subject_of(statement)), signed, utc(statement.proposed_at_ms), widens, wants]
