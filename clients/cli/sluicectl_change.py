"""`sluicectl change`: what waits for a second person.

A change is written on a place in the chain. When another is applied first it is overtaken and cannot be approved any
more: `rebase` proposes its text anew, and signatures start again, because what is signed includes the place.
"""

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
    """Pending changes: list, show, approve, reject, rebase."""


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


@change.command()
@click.argument("change_ids", nargs=-1, required=True, metavar="CHANGE...")
@reason_option
def reject(change_ids: tuple[str, ...], reason: str) -> None:
    """Take changes off the list, pending or overtaken: one person may, nothing is in force by them."""

    async def action(desk: Desk) -> dict[str, tuple[str, ...]]:
        for change_id in change_ids:
            desk.chain.listed(change_id)
        return {change_id: await desk.governance.reject(change_id, reason) for change_id in change_ids}

    rejected = at_desk(action)
    facts = [{"change": one, "state": "REJECTED", "overtaken": list(after)} for one, after in rejected.items()]
    lines = [("rejected", one) for one in rejected]
    lines += [("overtaken", f"{one}: `sluicectl change rebase {one}`") for after in rejected.values() for one in after]
    result({"changes": facts}, lines)


@change.command()
@click.argument("change_id", metavar="CHANGE")
@reason_option
@yes_option
@wait_option
def rebase(change_id: str, reason: str, yes: bool) -> None:
    """Propose the text of an overtaken change anew, on what stands now; approvals start again."""

    async def action(desk: Desk) -> Decided:
        return await desk.rebase(change_id, reason=reason, yes=yes)

    report([at_desk(action)])
