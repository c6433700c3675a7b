"""Commands that run while a test does: started in a session of their own, ended always.

A process has no terminal, so Ctrl-C reaches the tests only, and they end it in order. If the tests cannot, because they
were killed themselves, its watcher does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clients.testing.commands import UMASK
from gateway.core.errors import Fault

# What nothing takes, also where ten others work on the machine; for whatever never comes.
WAIT_SECONDS = 300.0
STOP_SECONDS = 60.0
_WATCHER = Path(__file__).with_name("watcher.py")


@dataclass(frozen=True, slots=True)
class Process:
    """A started command, its output in a file."""

    log: Path
    popen: subprocess.Popen[bytes]
    _watcher: subprocess.Popen[bytes]

    @classmethod
    def start(cls, words: Sequence[str], log: Path, cwd: Path | None = None) -> Process:
        """Starts it; output is appended to `log`."""
        log.touch(mode=0o600)
        output: IO[bytes] = log.open("ab")
        with output:
            popen = subprocess.Popen(  # noqa: S603 - our own commands with our own words
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                start_new_session=True,
                umask=UMASK,
            )
        # Its own session too: what ends the tests must not end the watcher first.
        watcher = subprocess.Popen(  # noqa: S603 - this interpreter with a file of ours
            [sys.executable, "-I", "-S", str(_WATCHER), str(popen.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(log, popen, watcher)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.popen.poll() is None

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = STOP_SECONDS) -> int:
        """Asks it to stop and waits; one that does not is killed. Its exit code."""
        if self.is_running:
            self.popen.send_signal(number)
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()
        return self.popen.wait()

    def kill(self) -> None:
        """Kill -9 to it and to what it started, and waits for the end."""
        if self.is_running:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
        self._forget()

    def _forget(self) -> None:
        """The watcher sees the end by itself; this waits for it and closes the pipe."""
        self._watcher.communicate()


def wait_for(happened: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Polls `happened()` until it is true; `wait-overdue`, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not happened():
        if time.monotonic() > deadline:
            raise Fault("wait-overdue", f"{what} must happen within {seconds:.0f} s, it did not")
        # Another process's file or end: nothing there could wake this one.
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
