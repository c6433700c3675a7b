"""`sluicectl change`: what waits for a second person."""

from __future__ import annotations

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result
from clients.cli.report import change_facts, change_line, report
from clients.operator.render import render


@click.group(cls=Group)
def change() -> None:
    """Pending changes: list, show, approve."""


@change.command("list")
def list_changes() -> None:
    """List what is pending, in the order in which it would be applied."""

    async def action(desk: Desk) -> None:
        chain = desk.chain
        broken = [{"change": one.change_id, "problem": one.problem.to_json()} for one in chain.broken]
        lines = [change_line(one, chain) for one in chain.pending]
        lines += [
            (one.change_id, f"cannot be applied: {one.problem.code}: {one.problem.message}") for one in chain.broken
        ]
        facts = [change_facts(one, chain) for one in chain.pending]
        result({"changes": facts, "broken": broken}, lines or [("none", "nothing is pending")])

    at_desk(action)


@change.command()
@click.argument("change_id", metavar="CHANGE")
def show(change_id: str) -> None:
    """Show the whole text of a pending change: what approving it signs."""

    async def action(desk: Desk) -> None:
        found = desk.chain.change(change_id)
        text = render(found.entry, desk.chain.control.roster)
        facts = change_facts(found, desk.chain)
        lines = [("", line) for line in text.split("\n")]
        result({**facts, "text": text}, [change_line(found, desk.chain), ("reason", found.reason), *lines])

    at_desk(action)


@change.command()
@click.argument("change_ids", nargs=-1, required=True, metavar="CHANGE...")
@reason_option
@yes_option
@wait_option
def approve(change_ids: tuple[str, ...], reason: str, yes: bool) -> None:
    """Sign pending changes that another operator proposed, in the order given."""

    async def action(desk: Desk) -> list[Decided]:
        return [await desk.approve(change_id, reason=reason, yes=yes) for change_id in change_ids]

    report(at_desk(action), as_list=True)
