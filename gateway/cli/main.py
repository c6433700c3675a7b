"""The command line `sluice`, and the one boundary through which every failure leaves as four facts and an exit code.

`_EXITS` is the table of codes, and what the help ends with.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from gateway.core.errors import CallerError, Fault, GatewayError

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("gateway.cli.init:init", "Make a gateway's store, keys and settings."),
    "serve": ("gateway.cli.serve:serve", "Run a gateway until it is told to stop."),
    "status": ("gateway.cli.status:status", "Say whether a gateway runs, and how far it is."),
    "verify": ("gateway.cli.verify:verify", "Check every entry and signature of a stopped gateway."),
    "words": ("gateway.cli.words:words_command", "Say the words of a gateway's enrolment, to be read out."),
    "backup": ("gateway.cli.backup:backup", "Copy a gateway, running or not; or check such a copy."),
    "restore": ("gateway.cli.restore:restore", "Put a backup back, sealed until the operators have signed."),
    "rotate": ("gateway.cli.rotate:rotate", "Make a gateway's next keys beside the present ones."),
    "demo": ("gateway.cli.demo:demo", "Show a whole day in a minute, on this machine only."),
}


_EXITS = "Exit codes: 0 ok, 1 failed, 2 usage or bad input, 5 refused, 130 interrupted."


class _Root(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # The verbs are not imported, so click does not know them when it asks "did you mean".
            raise click.exceptions.NoSuchCommand(args[0], possibilities=_COMMANDS, ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(_EXITS)


@click.group(cls=_Root)
def sluice() -> None:
    """The Sluice gateway: shares combat data with partners, each what it may have."""


def print_result(as_json: bool, facts: Mapping[str, object], lines: Sequence[tuple[str, str]]) -> None:
    """One JSON object, or `word  sentence` lines for a person."""
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for word, sentence in lines:
        click.echo(f"{word:<9} {sentence}".rstrip())


def _as_ours(error: Exception) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        path = context.command_path if context else "sluice"
        message = error.format_message().rstrip(".")
        return CallerError("usage", message[:1].lower() + message[1:], at=path, do=f"`{path} --help`")
    if isinstance(error, OSError):
        reason = (error.strerror or "unknown error").lower()
        return Fault("file-unusable", f"a file must be usable, the system says: {reason}", at=str(error.filename or ""))
    raise error


def main(args: Sequence[str] | None = None, **extra: Any) -> NoReturn:
    """Runs and exits; the only place that turns an error into text and a code."""
    # gRPC reads this when it is imported: with an ECDSA certificate it leaves no TLS 1.2 suite to agree on. The check
    # of every call in `rpc.peer` is the guarantee; this keeps the handshake itself from going lower.
    os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
    words = list(sys.argv[1:] if args is None else args)
    try:
        code = sluice.main(words, "sluice", standalone_mode=False, **extra)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except (click.ClickException, GatewayError, OSError) as error:
        ours = _as_ours(error)
        click.echo(json.dumps(ours.to_json(), ensure_ascii=False) if "--json" in words else str(ours), err=True)
        sys.exit(1 if isinstance(ours, Fault) else 2 if isinstance(ours, CallerError) else 5)
