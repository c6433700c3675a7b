"""The one error boundary of the command lines: every failure leaves as four facts and an exit code of `exits.py`.

A command raises (`GatewayError`, or `click.UsageError`) and never exits by itself, except `pending()`, which says that
what was asked for is not in force yet, and `differs()`. With `--json` an error is one JSON object on stderr, usage
errors included.
Rooms of commands are imported when they are called, so that `--help` and a small command start in milliseconds.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from clients.cli.exits import DIFFERS, INTERRUPTED, OK, PENDING, USAGE, exit_code, exits_in_words
from clients.cli.output import ask_for_json
from gateway.core.errors import CallerError, GatewayError


def pending() -> NoReturn:
    """Ends the command with code 7: the change was taken, and it is not applied."""
    raise click.exceptions.Exit(PENDING)


def differs() -> NoReturn:
    """Ends the command with code 3: what was compared is not the same."""
    raise click.exceptions.Exit(DIFFERS)


class Command(click.Command):
    """A command that takes `--json`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())


def _json_option() -> click.Option:
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=ask_for_json,
        help="Print one JSON object; errors are JSON on stderr.",
    )


class Group(click.Group):
    """A noun with its verbs."""

    command_class = Command


class Root(click.Group):
    """A whole command line: nouns are imported when called, and every error leaves through here.

    rooms: name of a noun or command -> (`module:attribute`, short help).
    """

    def __init__(self, *args: Any, rooms: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())
        self._rooms = rooms

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Nouns in the order of the table."""
        return list(self._rooms)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The noun `cmd_name`, imported now; None if there is none."""
        if cmd_name not in self._rooms:
            return None
        module, _, attribute = self._rooms[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, and it knows the names that are not imported when it asks "did you mean"."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self._rooms, ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the nouns from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, room[1]) for name, room in self._rooms.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Ends the help with the table of exit codes."""
        formatter.write_paragraph()
        formatter.write_text(exits_in_words())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes nouns from the table, importing none: whoever presses the key must not wait."""
        nouns = [
            CompletionItem(name, help=room[1]) for name, room in self._rooms.items() if name.startswith(incomplete)
        ]
        return nouns + click.Command.shell_complete(self, ctx, incomplete)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]  # a command line never returns
        """Runs and exits; this is the only place that turns an error into text and a code."""
        # Keys and what was opened with them are in memory: they must not be left in a file when the process dies.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        words = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        sys.exit(_guarded(lambda: super(Root, self).main(words, prog_name, **extra), "--json" in words))


def _guarded(call: Callable[[], object], as_json: bool) -> int:
    failure: BaseException
    try:
        code = call()
        return code if isinstance(code, int) else OK
    except click.Abort:
        return INTERRUPTED
    except (click.ClickException, GatewayError, OSError) as error:
        failure = error
    except _rpc_errors() as error:
        failure = error
    if isinstance(failure, click.exceptions.NoArgsIsHelpError) and not as_json:
        failure.show()
        return USAGE
    ours = _as_ours(failure)
    click.echo(json.dumps(ours.to_json(), ensure_ascii=False) if as_json else str(ours), err=True)
    return exit_code(ours)


def _as_ours(error: BaseException) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, click.ClickException):
        return _as_usage(error)
    if isinstance(error, OSError):
        reason = (error.strerror or "unknown error").lower()
        path = str(error.filename or "")
        return CallerError("file-unusable", f"a file must be usable, the system says: {reason}", at=path)
    ours: GatewayError = importlib.import_module("clients.channel").translated(error)
    return ours


def _as_usage(error: click.ClickException) -> CallerError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else ""
    message = error.format_message().rstrip(".")
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        message = "a command is needed"
    return CallerError("usage", message[:1].lower() + message[1:], at=path, do=f"`{path} --help`" if path else "")


def _rpc_errors() -> tuple[type[BaseException], ...]:
    # A command that never imported grpc cannot have raised its errors, and must not pay for the import.
    grpc = sys.modules.get("grpc")
    return (grpc.RpcError,) if grpc else ()
