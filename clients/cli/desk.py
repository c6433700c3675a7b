"""What every command that speaks to the gateway does: open the home and verify the chain before anything else.

For a change it then shows, asks, signs, hands in, and looks whether it is really there. A change that widens is
confirmed by typing the name of what it is about, or with `--yes`; one that only denies needs no confirmation, because
it must be quick. What the gateway calls applied is read back from the chain before it is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from clients.cli import output
from clients.cli.asking import asking, open_home
from clients.cli.boundary import pending
from clients.operator.chain import Chain, Change, read_chain
from clients.operator.govern import ChangeState, Governance, Outcome, open_governance
from clients.operator.home import Home
from clients.operator.render import is_narrowing, signer_names, subject_of
from clients.operator.sign import sign_shown
from clients.times import now_ms, utc
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.statement import SignedStatement, encode_signatures
from gateway.core.errors import Refused
from gateway.core.suite.numbers import StatementKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decided:
    """A change that was handed in, and the gateway's answer, read back where it says applied."""

    entry: ControlEntry
    outcome: Outcome


@dataclass(slots=True)
class Desk:
    """An operator with a verified chain before them."""

    home: Home
    governance: Governance
    chain: Chain

    async def propose(
        self, kind: StatementKind, body: bytes, attachments: Sequence[bytes], *, reason: str, yes: bool
    ) -> Decided:
        """Shows, signs and proposes; everything the gateway would refuse is refused here first."""
        statement = self.chain.next_statement(kind, body, now_ms())
        entry = self.chain.entry(SignedStatement(statement, ()), tuple(attachments), now_ms())
        after, _ = self.chain.preview(entry)
        if is_narrowing(kind) and self.chain.pending:
            output.said(
                f"note: this takes the next place; {len(self.chain.pending)} pending changes must be proposed again"
            )
        signed, _ = sign_shown(self.home, entry, self.chain.control.roster, asking(yes))
        outcome = await self.governance.propose(
            statement.encode(), encode_signatures(signed.signed.signatures), attachments, reason
        )
        if outcome.state is ChangeState.PENDING:
            _, progress = self.chain.preview(signed)
            self.chain = self.chain.and_then(Change(outcome.change_id, signed, reason, progress), after)
        return await self._read_back(signed, outcome)

    async def approve(self, change_id: str, *, reason: str, yes: bool) -> Decided:
        """Shows, signs and hands in this operator's approval of a pending change."""
        change = self.chain.change(change_id)
        signed, signature = sign_shown(self.home, change.entry, self.chain.control.roster, asking(yes))
        outcome = await self.governance.approve(change_id, encode_signatures([signature]), reason)
        return await self._read_back(signed, outcome)

    async def _read_back(self, signed: ControlEntry, outcome: Outcome) -> Decided:
        if outcome.state is ChangeState.APPLIED:
            async for encoded in self.governance.read_control(signed.statement.position):
                entry = parse_entry(encoded)
                if entry.statement.link == signed.statement.link:
                    return Decided(replace(signed, applied_at_ms=entry.applied_at_ms), outcome)
                break
            raise Refused(
                "not-in-control",
                "a change called applied must stand in the chain, it does not",
                at=outcome.change_id,
                do="stop and call the other operators",
            )
        return Decided(signed, outcome)


def at_desk(action: Callable[[Desk], Awaitable[T]]) -> T:
    """Runs `action` with the chain verified and the channel open, and closes behind it."""
    home = open_home()

    async def run() -> T:
        async with open_governance(home.connection()) as governance:
            return await action(Desk(home, governance, await read_chain(governance, home, now_ms())))

    return asyncio.run(run())


def report(decided: Sequence[Decided], *, as_list: bool = False) -> None:
    """Prints what became of the changes; ends the command with code 7 if any is pending."""
    facts = [_facts(one) for one in decided]
    lines = [line for one in decided for line in _lines(one)]
    output.result({"changes": facts} if as_list else facts[0], lines)
    if any(one.outcome.state is ChangeState.PENDING for one in decided):
        pending()


def _facts(decided: Decided) -> dict[str, object]:
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


def _lines(decided: Decided) -> list[tuple[str, str]]:
    outcome, statement = decided.outcome, decided.entry.statement
    what = " ".join(subject_of(statement))
    if outcome.state is ChangeState.PENDING:
        have, need = outcome.signatures_have, outcome.signatures_need
        return [
            ("pending", f"{outcome.change_id}  {what}  PENDING ({have}/{need})"),
            ("next", f"another operator: `sluicectl change approve {outcome.change_id} --reason ...`"),
        ]
    ended = f"; {outcome.streams_ended} live streams ended" if outcome.streams_ended else ""
    when = utc(outcome.effective_at_ms)
    return [("applied", f"{what} as control entry {statement.position}, effective {when}{ended}")]


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
    statement = change.entry.statement
    signers = signer_names(change.entry, chain.control.roster)
    missing = change.progress.need - change.progress.have
    wants = f"needs {missing} more (not {', '.join(signers)})" if missing > 0 else "waits for the change before it"
    widens = [] if is_narrowing(statement.kind) else ["WIDENS"]
    signed = f"signed by {', '.join(signers)}"
    parts = [" ".join(subject_of(statement)), signed, utc(statement.proposed_at_ms), *widens, wants]
    return change.change_id, "   ".join(parts)
