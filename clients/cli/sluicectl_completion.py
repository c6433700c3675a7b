"""`sluicectl completion`: what a shell needs to complete these commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from clients.cli.boundary import Command
from clients.cli.output import text_result
from gateway.core.errors import CallerError

_VARIABLE = "_SLUICECTL_COMPLETE"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script for SHELL: for bash, `eval "$(sluicectl completion bash)"` in ~/.bashrc."""
    root = click.get_current_context().find_root()
    known = get_completion_class(shell)
    if known is None:
        raise CallerError("usage", "a shell that is known must be named", at=shell)
    script = known(root.command, {}, root.info_name or "sluicectl", _VARIABLE).source()
    text_result({"shell": shell, "script": script}, script)
