"""The gateway's own process: `sluice serve` on loopback, its log in a file.

The first start takes a free port from the system, so there is no moment in which somebody else could take it; later
starts use the same one, because profiles name it. It listens on 127.0.0.1 and nowhere else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clients.testing.commands import installed
from clients.testing.processes import Process, wait_for
from gateway.core.errors import Fault

HOST = "127.0.0.1"
_SHOWN_LINES = 200
_PORT_BUSY_PAUSE_SECONDS = 0.5
_PORT_BUSY = "error[port-busy]"


@dataclass(slots=True)
class Served:
    """One gateway's folder and process. port: 0 until it listened once; tries: of a start on a port that is busy.

    command: what is run instead of the installed `sluice`, with the same words.
    """

    folder: Path
    log: Path
    port: int = 0
    tries: int = 10
    command: Sequence[str] = ()
    process: Process | None = field(default=None, init=False)

    @property
    def endpoint(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.is_running

    def start(self) -> None:
        """Returns once it listens; nothing happens if it does. `gateway-ended` if it ends instead.

        A connection of somebody else may have been given the port while the gateway was away; it is let go of soon.
        """
        if self.is_running:
            return
        said = self._started()
        for _ in range(1, self.tries):
            if self.is_running or _PORT_BUSY not in said:
                break
            # The system says of no port when it is let go of; at most `tries` times, then the gateway's own error.
            time.sleep(_PORT_BUSY_PAUSE_SECONDS)
            said = self._started()
        if self.is_running:
            return
        code = self.stop()
        error = Fault(
            "gateway-ended", f"`sluice serve` must listen on {self.endpoint}, it exited {code}", at=str(self.log)
        )
        error.add_note(f"log of the gateway:\n{said}")
        raise error

    def _started(self) -> str:
        """Starts it once, and waits until it listens or has ended: what it logged."""
        before = self.logged()
        command = self.command or (installed("sluice"),)
        words = [*command, "serve", str(self.folder), "--listen", self.endpoint]
        process = self.process = Process.start(words, self.log)
        try:
            self.port = listening_port(self.folder, process) or self.port
        except Fault:
            process.kill()
            raise
        return self.tail(before)

    def stop(self) -> int:
        """SIGTERM: streams are ended with a word; kill -9 if it does not stop in time. The exit code, 0 in order."""
        return self.process.end() if self.process is not None else 0

    def kill(self) -> None:
        """Kill -9, as a power failure would."""
        if self.process is not None:
            self.process.kill()

    def logged(self) -> int:
        """How many bytes of log there are."""
        return self.log.stat().st_size if self.log.exists() else 0

    def tail(self, since: int = 0) -> str:
        """What was logged after `since` bytes: the last 200 lines of it."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(since)
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-_SHOWN_LINES:])


def listening_port(folder: Path, process: Process) -> int | None:
    """Where a `sluice serve` of this folder listens, once it does; None if it ended instead."""
    wait_for(lambda: _port_of(folder, process) or not process.is_running, "listening")
    return _port_of(folder, process)


def _port_of(folder: Path, process: Process) -> int | None:
    """None while the file is not there, is half written, or is of a process that was killed."""
    try:
        facts = json.loads((folder / "running.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return int(facts["listening"].rpartition(":")[2]) if facts["pid"] == process.popen.pid else None
