"""Laws of the help pages of all three programs: nothing is offered that is not described."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import click
import pytest

from clients.cli.sluice_client import client
from clients.cli.sluicectl import sluicectl
from gateway.cli.main import sluice

PROGRAMS = {"sluice": sluice, "sluicectl": sluicectl, "sluice-client": client}


def commands_of(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command under a group with the words that call it, groups too."""
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        yield f"{name} {word}", command
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{name} {word}")


COMMANDS = dict(chain.from_iterable(commands_of(group, name) for name, group in PROGRAMS.items()))


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(words: str) -> None:
    """Whoever has only the program must not have to guess."""
    command = COMMANDS[words]
    options = [option for option in command.params if isinstance(option, click.Option)]

    assert command.help
    assert [option.opts for option in options if not option.help] == []


@pytest.mark.parametrize("words", [words for words, one in COMMANDS.items() if not isinstance(one, click.Group)])
def test_every_command_prints_json_if_asked(words: str) -> None:
    """A script must not depend on what a person is shown."""
    assert "--json" in {name for option in COMMANDS[words].params for name in option.opts}


@pytest.mark.parametrize("words", [words for words, one in COMMANDS.items() if isinstance(one, click.Group)])
def test_the_line_of_a_noun_names_its_verbs(words: str) -> None:
    """An officer looks for a verb in the first list there is."""
    *above, noun = words.split()
    group = COMMANDS[words]
    assert isinstance(group, click.Group)
    listed = PROGRAMS[above[0]].get_help(click.Context(PROGRAMS[above[0]], terminal_width=200, max_content_width=200))
    line = next(line for line in listed.splitlines() if line.split()[:1] == [above[-1] if above[1:] else noun])

    assert [verb for verb in group.list_commands(click.Context(group)) if verb not in line] == []
