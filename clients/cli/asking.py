"""What a person is asked before a key is used: the name of what widens, the words that were heard. No network here.

A change that widens is confirmed by typing the name of what it is about, or with `--yes`; one that only denies needs no
confirmation, because it must be quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from clients.cli import output
from clients.cli.contexts import chosen_home
from clients.operator.home import Home
from clients.operator.render import is_narrowing, subject_of
from gateway.core.control.entry import ControlEntry
from gateway.core.errors import CallerError, Refused


def _said(_context: click.Context, _parameter: click.Parameter, reason: str) -> str:
    if not reason.strip():
        raise click.BadParameter("a reason says why, nothing was said")
    return reason


reason_option = click.option("--reason", required=True, callback=_said, help="Why; it is kept with the change.")
yes_option = click.option("--yes", is_flag=True, help="Sign without asking to type the name.")
_WAIT = "sluice.wait"


def _ask_to_wait(context: click.Context, _parameter: click.Parameter, seconds: float | None) -> None:
    context.meta[_WAIT] = seconds


wait_option = click.option(
    "--wait",
    type=click.FloatRange(0, 86400),
    metavar="SECONDS",
    expose_value=False,
    callback=_ask_to_wait,
    help="Wait so long for the others: 0 once it is applied, 7 if it still is not.",
)
# Of a certificate, which nobody approves: the command itself asks again, and is told how long.
ask_again_option = click.option(
    "--wait",
    type=click.FloatRange(0, 86400),
    default=0.0,
    metavar="SECONDS",
    help="Ask again for so long: 0 once it is renewed, 7 if nobody has answered.",
)


def seconds_to_wait() -> float | None:
    """How long the running command was told to wait for approval; None if it was not."""
    seconds = click.get_current_context().meta.get(_WAIT)
    return seconds if isinstance(seconds, float) else None


def open_home() -> Home:
    """The home that the command line names."""
    return Home.open(chosen_home())


def asking(yes: bool) -> Callable[[str, ControlEntry], None]:
    """Shows the text on stderr and, for what widens and without `yes`, asks for the name."""

    def show(text: str, entry: ControlEntry) -> None:
        output.said_signed(text)
        if not yes and not is_narrowing(entry.statement.kind):
            confirm(subject_of(entry.statement)[1])

    return show


def confirm(name: str) -> None:
    """Asks to type `name`; refuses `not-confirmed` on anything else, or where nobody can type."""
    output.said(f"type {name} to sign:")
    try:
        typed = sys.stdin.readline()
    except UnicodeDecodeError:
        typed = "?"
    if not typed:
        raise CallerError(
            "not-confirmed", "a change that widens must be confirmed, nobody typed", do="add `--yes` in scripts"
        )
    if typed.strip() != name:
        raise CallerError(
            "not-confirmed",
            f"`{name}` must be typed to sign, something else was",
            do="nothing was signed; run it again",
        )


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
