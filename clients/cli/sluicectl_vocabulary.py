"""`sluicectl vocabulary`: what labels mean, one signed file per policy."""

from __future__ import annotations

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result, signed_lines
from clients.cli.report import report
from clients.operator.shipped import vocabulary_text
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import StatementKind


@click.group(cls=Group)
def vocabulary() -> None:
    """Label vocabularies: list, show, propose."""


@vocabulary.command("list")
def list_vocabularies() -> None:
    """List vocabularies in force."""

    async def action(desk: Desk) -> None:
        found = [one for _, one in sorted(desk.chain.control.vocabularies.items())]
        facts = [{"name": one.name, "levels": list(one.levels), "digest": one.digest.hex()} for one in found]
        lines = [(one.name, f"{' < '.join(one.levels)}  {one.digest.hex()[:16]}") for one in found]
        result({"vocabularies": facts}, lines or [("none", "no vocabulary is in force")])

    at_desk(action)


@vocabulary.command()
@click.argument("name")
def show(name: str) -> None:
    """Show a vocabulary in force, or one that comes with the product."""

    async def action(desk: Desk) -> bytes | None:
        return desk.chain.control.vocabulary_texts.get(name)

    signed = at_desk(action)
    text = (signed or vocabulary_text(name)).decode()
    state = "in force" if signed else "not proposed"
    result(
        {"name": name, "state": state, "text": text},
        [(state, name), *signed_lines(text.rstrip())],
    )


@vocabulary.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@reason_option
@yes_option
@wait_option
def propose(files: tuple[str, ...], reason: str, yes: bool) -> None:
    """Propose vocabularies, each a change of its own: files, or names of those that come with the product (UKR.1)."""
    texts = [vocabulary_text(file) for file in files]
    for text in texts:
        Vocabulary.parse(text)

    async def action(desk: Desk) -> list[Decided]:
        return [await desk.propose(StatementKind.VOCABULARY, text, (), reason=reason, yes=yes) for text in texts]

    report(at_desk(action), as_list=True)
