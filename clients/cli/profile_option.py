"""The `--profile` of every `sluice-client` command: left out, it is the one profile of the current folder.

Of several none is guessed: one machine may serve two parties, and what was sent under the wrong one is not taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from gateway.core.errors import CallerError

_NAMED = 5
F = TypeVar("F", bound=Callable[..., object])


def profile_option(whose: str) -> Callable[[F], F]:
    """The option, as `profile_path`. whose: `this partner's`. Raises `profile-needed` if none or several are there."""
    return click.option(
        "--profile",
        "profile_path",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=_given_or_found,
        help=f"The file with {whose} profile.  [default: the only *.profile of this folder]",
    )


def _given_or_found(context: click.Context, _parameter: click.Parameter, given: Path | None) -> Path | None:
    if given is not None or context.resilient_parsing:
        return given
    # A home folder has a hidden `.profile`, which is the shell's.
    found = sorted(path.name for path in Path().glob("[!.]*.profile") if path.is_file())
    if len(found) == 1:
        return Path(found[0])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise CallerError(
        "profile-needed",
        f"one *.profile was expected in this folder, it has {len(found)}",
        at="--profile",
        do=f"add `--profile FILE`: {', '.join(found[:_NAMED])}{more}" if found else "add `--profile FILE`",
    )
