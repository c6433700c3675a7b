"""What every command that speaks to the gateway does: open the home and verify the chain before anything else.

For a change it then shows, asks, signs, hands in, and looks whether it is really there. A change that widens is
confirmed by typing the name of what it is about, or with `--yes`; one that only denies needs no confirmation, because
it must be quick. What the gateway calls applied is read back from the chain before it is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from clients.cli import output
from clients.cli.asking import asking, open_home
from clients.cli.contexts import chosen_context
from clients.cli.suggesting import suggesting
from clients.operator.answers import ChangeState, Outcome
from clients.operator.chain import Chain, Change, read_chain
from clients.operator.home import Home, SeenHead
from clients.operator.kept_chain import KeptChain
from clients.operator.render import is_narrowing
from clients.operator.sign import sign_shown
from clients.times import now_ms
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.statement import Signature, SignedStatement, Statement, encode_signatures
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind

if TYPE_CHECKING:
    from clients.operator.govern import Governance

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
    _decided: tuple[Control, tuple[ControlEntry, ...]] | None = None

    async def propose(
        self, kind: StatementKind, body: bytes, attachments: Sequence[bytes], *, reason: str, yes: bool
    ) -> Decided:
        """Shows, signs and proposes; everything the gateway would refuse is refused here first."""
        statement = self.chain.next_statement(kind, body, now_ms())
        entry = self.chain.entry(SignedStatement(statement, ()), tuple(attachments), now_ms())
        after, _ = self.chain.preview(entry)
        if is_narrowing(kind) and self.chain.pending:
            output.said(
                f"note: this takes the next place; {len(self.chain.pending)} pending changes must be proposed again: "
                "`sluicectl change rebase`"
            )
        signed, _ = self._sign(entry, yes)
        outcome = await self.governance.propose(
            statement.encode(), encode_signatures(signed.signed.signatures), attachments, reason
        )
        if outcome.state is ChangeState.PENDING:
            _, progress = self.chain.preview(signed)
            self.chain = self.chain.and_then(Change(outcome.change_id, signed, reason, progress), after)
        return await self._read_back(signed, outcome)

    async def look_again(self) -> None:
        """Reads and verifies the chain as it stands now."""
        self.chain, self._decided = await read_chain(self.governance, self.home, now_ms()), None

    async def approve(self, change_id: str, *, reason: str, yes: bool) -> Decided:
        """Shows, signs and hands in this operator's approval of a pending change."""
        change = self.chain.change(change_id)
        signed, signature = self._sign(change.entry, yes)
        outcome = await self.governance.approve(change_id, encode_signatures([signature]), reason)
        return await self._read_back(signed, outcome)

    async def hand_in(self, entry: ControlEntry, *, reason: str) -> Decided:
        """Hands in a change with the signatures it has, whoever gave them; this home's key is not used."""
        if not any(one.entry.statement.link == entry.statement.link for one in self.chain.pending):
            self.chain.preview(entry)
        outcome = await self.governance.propose(
            entry.statement.encode(), encode_signatures(entry.signed.signatures), entry.attachments, reason
        )
        return await self._read_back(entry, outcome)

    async def rebase(self, change_id: str, *, reason: str, yes: bool) -> Decided:
        """Proposes the text of a change that was overtaken anew, on what stands now; the old one goes off the list."""
        entry = self.chain.stale(change_id)
        decided = await self.propose(entry.statement.kind, entry.body, entry.attachments, reason=reason, yes=yes)
        # A rival for the same place is not forgotten by the gateway: one of the two could still be applied.
        if change_id in {change.change_id for change in await self.governance.changes()}:
            await self.governance.reject(change_id, f"written anew as {decided.outcome.change_id}")
        return decided

    def _sign(self, entry: ControlEntry, yes: bool) -> tuple[ControlEntry, Signature]:
        control = self.chain.control
        return sign_shown(self.home, entry, control.roster, asking(yes), control.proposals)

    async def _read_back(self, signed: ControlEntry, outcome: Outcome) -> Decided:
        if outcome.state is ChangeState.APPLIED:
            async for encoded in self.governance.read_control(signed.statement.position):
                entry = parse_entry(encoded)
                if entry.statement.link == signed.statement.link:
                    kept = await self._keep(entry)
                    return Decided(replace(signed, applied_at_ms=kept.applied_at_ms), outcome)
                break
            raise _not_in_control(outcome.change_id)
        return Decided(signed, outcome)

    async def _keep(self, entry: ControlEntry) -> ControlEntry:
        """The entry, verified in its place: what was decided belongs to what this home has seen from now on.

        A store that is lost must not take it along, and a link alone does not say that enough have signed.
        """
        control, entries = self._decided or (self.chain.control, self.chain.entries)
        if entry.statement.position != control.position:
            # Others decided in between.
            await self.look_again()
            return self.stands(entry.statement)
        control, entries = control.apply(entry), (*entries, entry)
        self._decided = control, entries
        self.home.remember(SeenHead(control.position, control.head))
        KeptChain(self.home.path).keep(entries)
        return entry

    def stands(self, statement: Statement) -> ControlEntry:
        """The applied entry of that very statement in the chain as last verified; refuses `not-in-control`."""
        for entry in self.chain.entries[statement.position :][:1]:
            if entry.statement.link == statement.link:
                return entry
        raise _not_in_control(f"control {statement.position}")


def _not_in_control(at: str) -> Refused:
    return Refused(
        "not-in-control",
        "a change called applied must stand in the chain, it does not",
        at=at,
        do="stop and call the other operators",
    )


def at_desk(action: Callable[[Desk], Awaitable[T]]) -> T:
    """Runs `action` with the chain verified and the channel open, and closes behind it."""
    # Help, and a verb that asks no gateway, must not wait for what a connection needs.
    from clients.cli.renewing import ask_if_due, check_own, renew_if_due  # noqa: PLC0415
    from clients.operator.govern import open_governance  # noqa: PLC0415

    home, context = open_home(), chosen_context()
    renew_if_due(home)
    connection = home.connection()
    check_own(home)
    if context is not None:
        context.check(connection.server)

    async def run() -> T:
        async with open_governance(connection) as governance:
            await ask_if_due(home, governance)
            chain = await read_chain(governance, home, now_ms())
            try:
                return await action(Desk(home, governance, chain))
            except (CallerError, Refused) as error:
                raise suggesting(error, chain) from error

    return asyncio.run(run())
