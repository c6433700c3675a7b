"""`sluicectl agreement`: the papers under which something may be released."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import aligned, result, signed_lines
from clients.cli.report import report
from clients.keyfiles import naming, read_public
from clients.operator.drafts import end_text
from clients.operator.render import notes_on
from gateway.core.control.agreement import Agreement
from gateway.core.control.fold import Control
from gateway.core.suite.numbers import StatementKind


@click.group(cls=Group)
def agreement() -> None:
    """Agreements: list, show, propose, end."""


@agreement.command("list")
def list_agreements() -> None:
    """List agreements."""

    async def action(desk: Desk) -> None:
        control = desk.chain.control
        facts = [_facts(control, one) for _, one in sorted(control.agreements.items())]
        rows = [
            (f"{one['id']}", f"{one['to']}", f"{one['starts']} to {one['ends']}", f"{one['state']}") for one in facts
        ]
        result({"agreements": facts}, aligned(rows) or [("none", "there is no agreement")])

    at_desk(action)


@agreement.command()
@click.argument("agreement_id", metavar="ID")
def show(agreement_id: str) -> None:
    """Show an agreement as it was signed."""

    async def action(desk: Desk) -> None:
        found = desk.chain.control.agreement(agreement_id)
        facts = _facts(desk.chain.control, found)
        text = found.text.decode()
        lines = [(str(facts["state"]), f"{found.id} with {found.partner_id}")]
        lines += signed_lines(text.rstrip())
        lines += [("note", note) for note in notes_on(found)]
        result({**facts, "text": text, "notes": notes_on(found)}, lines)

    at_desk(action)


@agreement.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@reason_option
@yes_option
@wait_option
def propose(file: Path, reason: str, yes: bool) -> None:
    """Propose the agreement in FILE."""
    text = read_public(file)
    with naming(file):
        Agreement.parse(text)

    async def action(desk: Desk) -> Decided:
        return await desk.propose(StatementKind.AGREEMENT, text, (), reason=reason, yes=yes)

    report([at_desk(action)])


@agreement.command()
@click.argument("agreement_id", metavar="ID")
@reason_option
def end(agreement_id: str, reason: str) -> None:
    """End an agreement now and for ever: one person may."""

    async def action(desk: Desk) -> Decided:
        body = end_text(agreement_id, reason)
        return await desk.propose(StatementKind.END, body, (), reason=reason, yes=True)

    report([at_desk(action)])


def _facts(control: Control, found: Agreement) -> dict[str, object]:
    return {
        "id": found.id,
        "to": found.partner_id,
        "starts": found.starts.isoformat(),
        "ends": found.ends.isoformat(),
        "ceiling": found.ceiling,
        "digest": found.digest.hex(),
        "state": "ended" if found.id in control.ended else "signed",
    }
