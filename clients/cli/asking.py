"""What a person is asked before a key is used: the name of what widens, the words that were heard. No network here.

A change that widens is confirmed by typing the name of what it is about, or with `--yes`; one that only denies needs no
confirmation, because it must be quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from clients.cli import output
from clients.operator.home import Home
from clients.operator.render import is_narrowing, subject_of
from gateway.core.control.entry import ControlEntry
from gateway.core.errors import CallerError, Refused

reason_option = click.option("--reason", required=True, help="Why; it is kept with the change.")
yes_option = click.option("--yes", is_flag=True, help="Sign without asking to type the name.")


def open_home() -> Home:
    """The home that the command line names."""
    path = click.get_current_context().find_root().obj
    return Home.open(path if isinstance(path, Path) else Path(path))


def asking(yes: bool) -> Callable[[str, ControlEntry], None]:
    """Shows the text on stderr and, for what widens and without `yes`, asks for the name."""

    def show(text: str, entry: ControlEntry) -> None:
        output.said(text)
        if not yes and not is_narrowing(entry.statement.kind):
            confirm(subject_of(entry.statement)[1])

    return show


def confirm(name: str) -> None:
    """Asks to type `name`; refuses `not-confirmed` on anything else, or where nobody can type."""
    output.said(f"type {name} to sign:")
    typed = sys.stdin.readline()
    if not typed:
        raise CallerError(
            "not-confirmed", "a change that widens must be confirmed, nobody typed", do="add `--yes` in scripts"
        )
    if typed.strip() != name:
        raise CallerError("not-confirmed", f"`{name}` must be typed to sign, something else was")


def check_words(spoken: str, right: str) -> None:
    """Refuses `words-differ` unless the words that were heard are the file's. Never tells the right ones."""
    heard = "-".join(spoken.lower().replace("-", " ").split())
    if heard != right:
        raise Refused(
            "words-differ",
            "the words of the file must be those that were read out, they are others",
            at="--words",
            do="call again on a line you know; the file may have been exchanged on its way",
        )
