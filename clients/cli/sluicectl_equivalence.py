"""`sluicectl equivalence`: which level of one policy is which of another, by what paper."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result
from clients.cli.report import report
from clients.keyfiles import read_public
from gateway.core.suite.numbers import MAX_TEXT_BYTES, StatementKind


@click.group(cls=Group)
def equivalence() -> None:
    """Which level is which elsewhere: list, propose."""


@equivalence.command("list")
def list_rows() -> None:
    """List the rows in force; they are carried to readers, and no decision maps a level by them."""

    async def action(desk: Desk) -> None:
        table = desk.chain.control.equivalence
        facts = [
            {
                "from": " ".join(row.source),
                "to": " ".join(row.target),
                "basis": row.basis,
                "starts": row.starts.isoformat(),
                "ends": row.ends.isoformat(),
            }
            for row in (table.rows if table else ())
        ]
        lines = [
            ("row", f"{one['from']} = {one['to']}  {one['starts']} to {one['ends']}  {one['basis']}") for one in facts
        ]
        named = [("in force", table.id)] if table else []
        result(
            {"id": table.id if table else None, "rows": facts},
            named + lines or [("none", "no equivalence is in force")],
        )

    at_desk(action)


@equivalence.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@reason_option
@yes_option
@wait_option
def propose(file: Path, reason: str, yes: bool) -> None:
    """Propose the table in FILE, whole: it takes the place of the one in force."""
    text = read_public(file, MAX_TEXT_BYTES)

    async def action(desk: Desk) -> Decided:
        return await desk.propose(StatementKind.EQUIVALENCE, text, (), reason=reason, yes=yes)

    report([at_desk(action)])
