"""Installed commands as processes, for tests that kill them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

START_SECONDS = 60.0
BIN = Path(sys.executable).parent


def command(name: str, *words: str) -> list[str]:
    """The installed command of this environment."""
    return [str(BIN / name), *words]


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A started command with its output in a file."""

    words: list[str]
    log: Path
    popen: subprocess.Popen[bytes]

    @classmethod
    def start(cls, words: list[str], log: Path, cwd: Path | None = None) -> Process:
        """Starts it; output is appended to `log`."""
        output: IO[bytes] = log.open("ab")
        with output:
            popen = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, start_new_session=True
            )
        return cls(words, log, popen)

    def kill(self) -> None:
        """Kill -9, and waits for the end."""
        if self.is_running:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int:
        """Asks it to stop and waits."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(seconds)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.popen.poll() is None


def wait_for(condition: object, what: str, seconds: float = START_SECONDS) -> None:
    """Polls `condition()` until it holds; fails naming `what`."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def serve(folder: Path, port: int, log: Path) -> Process:
    """`sluice serve` listening on the port; returns once it does."""
    before = log.stat().st_size if log.exists() else 0
    process = Process.start(command("sluice", "serve", str(folder), "--listen", f"127.0.0.1:{port}"), log)

    def listening() -> bool:
        if not process.is_running:
            raise AssertionError(f"the gateway ended: {log.read_text()[before:]}")
        return "listening" in log.read_text()[before:]

    wait_for(listening, "listening")
    return process


def run_json(*words: str, cwd: Path | None = None, ok: tuple[int, ...] = (0,)) -> dict[str, object]:
    """The JSON a command prints."""
    done = subprocess.run(words, capture_output=True, cwd=cwd, check=False, stdin=subprocess.DEVNULL)
    if done.returncode not in ok:
        raise AssertionError(f"{words} exited {done.returncode}: {done.stderr.decode()}")
    facts: dict[str, object] = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return facts
