"""The installed commands as processes, for `sluice demo`: every step is what a person would type.

A command that fails ends the demo with its own error; nothing is retried or guessed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.core.errors import Fault

COMMAND_SECONDS = 120.0
_PENDING = 7


def installed(name: str) -> str:
    """The path of a command beside this interpreter."""
    return str(Path(sys.executable).with_name(name))


def failed(words: Sequence[str], stderr: str) -> Fault:
    """The error of a command that did not do what the demo needs."""
    last = stderr.strip().splitlines()[-1:] or ["it said nothing"]
    name = f"{Path(words[0]).name} {' '.join(words[1:3])}"
    return Fault("demo-step-failed", f"`{name}` must succeed: {last[0]}", do="run the command by hand to see more")


def run(words: Sequence[str], cwd: Path, *, accept: tuple[int, ...] = (0, _PENDING)) -> dict[str, object]:
    """The JSON object a command prints; a change that is pending is a result too."""
    try:
        done = subprocess.run(  # noqa: S603 - our own commands with our own words
            [installed(words[0]), *words[1:], "--json"],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Fault("demo-timeout", f"`{words[0]}` must end within {COMMAND_SECONDS:.0f} s", at=words[0]) from error
    if done.returncode not in accept:
        raise failed(words, done.stderr)
    return _last_object(words, done.stdout)


def _last_object(words: Sequence[str], printed: str) -> dict[str, object]:
    """The JSON object on the last line of what a command printed."""
    lines = printed.strip().splitlines()
    try:
        facts = json.loads(lines[-1]) if lines else None
    except json.JSONDecodeError:
        facts = None
    if not isinstance(facts, dict):
        raise failed(words, "it printed no JSON object")
    return facts


@dataclass
class Background:
    """A command that runs while others do; its output goes to files beside it."""

    words: Sequence[str]
    cwd: Path
    name: str
    popen: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with self.out.open("wb") as out, self.err.open("ab") as err:
            self.popen = subprocess.Popen(  # noqa: S603 - our own commands with our own words
                [installed(self.words[0]), *self.words[1:]],
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def out(self) -> Path:
        """Its standard output."""
        return self.cwd / f"{self.name}.out"

    @property
    def err(self) -> Path:
        """Its standard error, of every start."""
        return self.cwd / f"{self.name}.err"

    def wait_until(self, happened: Callable[[], bool], what: str) -> None:
        """Polls; a process that ends first, or a minute, is a failure."""
        deadline = time.monotonic() + COMMAND_SECONDS
        while not happened():
            if self.popen.poll() is not None and not happened():
                raise failed(self.words, self.err.read_text("utf-8", "replace"))
            if time.monotonic() > deadline:
                raise Fault("demo-timeout", f"`{what}` must happen within {COMMAND_SECONDS:.0f} s", at=self.name)
            time.sleep(0.005)

    def finish(self) -> dict[str, object]:
        """Waits for the end and reads the JSON it printed."""
        if self._ended():
            raise failed(self.words, self.err.read_text("utf-8", "replace"))
        return _last_object(self.words, self.out.read_text("utf-8"))

    def _ended(self) -> int:
        """Its exit code once it ends; one that does not is a failure."""
        try:
            return self.popen.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Fault("demo-timeout", f"`{self.name}` must end in {COMMAND_SECONDS:.0f} s", at=self.name) from error

    def stop(self) -> None:
        """SIGTERM, and waits."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            self._ended()

    def freeze(self) -> None:
        """SIGSTOP: it neither reads nor writes until it is killed."""
        os.killpg(self.popen.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """Kill -9, and waits."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self._ended()
