"""`sluicectl guide`: the lowest label each portion may carry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result, signed_lines
from clients.cli.report import report
from clients.keyfiles import read_as
from clients.operator.shipped import guide_text, shipped_vocabularies
from gateway.core.control.guide import Guide
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import StatementKind


@click.group(cls=Group)
def guide() -> None:
    """The classification guide: show, check, propose."""


@guide.command()
def show() -> None:
    """Show the guide in force."""

    async def action(desk: Desk) -> None:
        entry = next(desk.chain.texts(StatementKind.GUIDE), None)
        in_force = desk.chain.control.guide
        if entry is None or in_force is None:
            raise CallerError("guide-missing", "a guide must be in force, none is", do="`sluicectl guide propose FILE`")
        text = entry.body.decode()
        lines = [("in force", f"{in_force.id}, control entry {entry.statement.position}")]
        lines += signed_lines(text.rstrip())
        result({"id": in_force.id, "position": entry.statement.position, "text": text}, lines)

    at_desk(action)


@guide.command()
@click.argument("file", metavar="FILE")
@click.option(
    "--vocabulary",
    "vocabularies",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A vocabulary file; default those that come with the product.",
)
def check(file: str, vocabularies: tuple[Path, ...]) -> None:
    """Check a guide without a gateway: a file, or the name of one that comes with the product."""
    given = [read_as(path, Vocabulary.parse) for path in vocabularies]
    known: Mapping[str, Vocabulary] = {one.name: one for one in given} or shipped_vocabularies()
    parsed = Guide.parse(guide_text(file), known)
    floors = [
        {"kind": kind.name.lower(), "mode": mode.name, "portion": portion, "floor": label.text}
        for (kind, mode, portion), label in sorted(parsed.floors.items())
    ]
    lines = [("ok", f"{parsed.id} under {parsed.vocabulary.name}: every portion of its kinds has a floor within reach")]
    result({"id": parsed.id, "vocabulary": parsed.vocabulary.name, "floors": floors}, lines)


@guide.command()
@click.argument("file", metavar="FILE")
@reason_option
@yes_option
@wait_option
def propose(file: str, reason: str, yes: bool) -> None:
    """Propose a guide: a file, or the name of one that comes with the product (UAS-2026-2)."""
    text = guide_text(file)

    async def action(desk: Desk) -> Decided:
        return await desk.propose(StatementKind.GUIDE, text, (), reason=reason, yes=yes)

    report([at_desk(action)])
