"""The installed commands, each run as a person would type it and read by the JSON object it prints.

A command that fails is an error with the command's own code, place and remedy; whatever else it said on standard error
is a note of that error, which pytest shows. Every file that a command makes is its owner's alone. Nothing secret is
ever a word of a command: keys are files, and spoken words are read out in public.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.core.errors import CallerError, Fault

COMMAND_SECONDS = 300.0
DONE = 0
# The exit code of a change that waits for a second operator.
PENDING = 7
# Of files made by a command or a gateway: group and others have no right to any.
UMASK = 0o077
_SHOWN_LINES = 40

T = TypeVar("T")
Facts = dict[str, object]


class CommandFailed(Fault):
    """A command that did not succeed: `code`, `at` and `do` are the command's own."""


def installed(name: str) -> str:
    """The path of a command: beside this interpreter, else on the search path; `command-missing` if it is nowhere."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise CallerError(
            "command-missing",
            f"`{name}` must be installed beside this Python, it is not",
            at=sys.executable,
            do="pip install 'sluice-gateway[gateway,testing]'",
        )
    return found


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs commands in one folder. at_once: how many run at a time where their order does not matter."""

    folder: Path
    at_once: int = 2

    def finished(self, words: Sequence[str], typed: str = "") -> Finished:
        """A command from start to end, whatever became of it; `command-overdue` after five minutes."""
        command = [installed(words[0]), *words[1:]]
        try:
            done = subprocess.run(  # noqa: S603 - our own commands with our own words
                command,
                cwd=self.folder,
                input=typed,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=COMMAND_SECONDS,
                umask=UMASK,
            )
        except subprocess.TimeoutExpired as error:
            raise Fault(
                "command-overdue", f"`{_name(words)}` must end within {COMMAND_SECONDS:.0f} s, it did not"
            ) from error
        return Finished(done.returncode, done.stdout, done.stderr)

    def facts(self, *words: str, accept: Sequence[int] = (DONE,)) -> Facts:
        """The object that a command prints under `--json`; `CommandFailed` for an exit code that is not accepted."""
        done = self.finished([*words, "--json"])
        facts = _last_object(done.out) if done.code in accept else None
        if facts is None:
            raise failed(words, done)
        return facts

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """The results of calls whose order does not matter."""
        if self.at_once == 1:
            return [call() for call in calls]
        with ThreadPoolExecutor(self.at_once) as pool:
            return [waiting.result() for waiting in [pool.submit(call) for call in calls]]


def failed(words: Sequence[str], done: Finished) -> CommandFailed:
    """The error of a command that failed, with what it said."""
    told = _last_object(done.err) or {}
    said = done.err.strip().splitlines()
    message = told.get("message") or (said[-1] if said else "it said nothing")
    error = CommandFailed(
        str(told.get("code") or "command-failed"),
        f"`{_name(words)}` must succeed, it exited {done.code}: {message}",
        at=str(told.get("at") or ""),
        do=str(told.get("do") or ""),
    )
    more = said[:-1] if told else said
    if more:
        error.add_note("\n".join([f"stderr of `{_name(words)}`:", *more[-_SHOWN_LINES:]]))
    return error


def _name(words: Sequence[str]) -> str:
    """A command without its options: what a reader needs to type it again."""
    plain = [word for word in words[:5] if not word.startswith("-") and "/" not in word]
    return " ".join(plain[:3])


def _last_object(printed: str) -> Facts | None:
    """The JSON object on the last line; None if there is none."""
    lines = printed.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
