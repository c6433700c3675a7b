"""`sluicectl hold` and `sluicectl lockdown`: one person keeps something back, or everything; the quorum lets go."""

from __future__ import annotations

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result
from clients.cli.report import report
from clients.operator.drafts import hold_text, lift_of_text, lockdown_text
from gateway.core.control.stops import EVERYTHING
from gateway.core.suite.numbers import StatementKind


@click.group(cls=Group)
def hold() -> None:
    """Keep a record, a batch or an agreement back: list, place, lift."""


@hold.command("list")
def list_holds() -> None:
    """List what is held back."""

    async def action(desk: Desk) -> None:
        held = sorted(desk.chain.control.held)
        result({"held": held}, [("held", one) for one in held] or [("none", "nothing is held back")])

    at_desk(action)


@hold.command()
@click.argument("target")
@reason_option
def place(target: str, reason: str) -> None:
    """Keep TARGET back now: one person may. record/H(B).INDEX, batch/H(B) or agreement/ID."""
    report([_proposed(StatementKind.HOLD, hold_text(target, reason), reason, yes=True)])


@hold.command()
@click.argument("target")
@reason_option
@yes_option
@wait_option
def lift(target: str, reason: str, yes: bool) -> None:
    """Propose to let TARGET go out again: it needs the quorum."""
    report([_proposed(StatementKind.LIFT, lift_of_text(target, reason), reason, yes=yes)])


@click.group(cls=Group)
def lockdown() -> None:
    """Stop everything, and go on: on, off."""


@lockdown.command("on")
@reason_option
def lock(reason: str) -> None:
    """Stop everything now: one person may. No partner is sent anything, no source is taken from; operators go on."""
    report([_proposed(StatementKind.LOCKDOWN, lockdown_text(reason), reason, yes=True)])


@lockdown.command("off")
@reason_option
@yes_option
@wait_option
def unlock(reason: str, yes: bool) -> None:
    """Propose to go on: it needs the quorum."""
    report([_proposed(StatementKind.LIFT, lift_of_text(EVERYTHING, reason), reason, yes=yes)])


def _proposed(kind: StatementKind, body: bytes, reason: str, *, yes: bool) -> Decided:
    async def action(desk: Desk) -> Decided:
        return await desk.propose(kind, body, (), reason=reason, yes=yes)

    return at_desk(action)
