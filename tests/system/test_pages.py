"""What can be typed is typed somewhere: every verb of `sluicectl` stands on a page whose blocks are run."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from clients.cli.sluicectl import sluicectl
from tests.conftest import ROOT
from tests.system.transcripts import Step, steps

PAGES = ("clients/SLUICECTL.md", "gateway/OPERATORS.md", "deploy/RUNBOOK.md")
# For operators who signed nothing of a RESTORE; typed by tests/system/test_backup.py.
ELSEWHERE = {"restore accept"}


def verbs(command: click.Command, context: click.Context, names: tuple[str, ...] = ()) -> Iterator[str]:
    """The command, or all that is under it, as it is typed."""
    if not isinstance(command, click.Group):
        yield " ".join(names)
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from verbs(inner, context, (*names, name))


def typed() -> set[str]:
    """The first words of every command on the pages, one to three of them."""
    lines = [
        re.sub(r" --(?:home|context) \S+", "", one.line).split()[1:]
        for page in PAGES
        for one in steps((ROOT / page).read_text("utf-8"))
        if isinstance(one, Step) and one.line.startswith("sluicectl ")
    ]
    return {" ".join(words[:number]) for words in lines for number in (1, 2, 3)}


def test_every_verb_is_typed_on_a_page() -> None:
    """An officer reads what a command says before the day on which it matters."""
    missing = set(verbs(sluicectl, click.Context(sluicectl))) - typed()

    assert missing == ELSEWHERE
