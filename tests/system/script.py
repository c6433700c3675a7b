"""A document taken by its word: its papers are laid down and its commands typed, as processes, in one folder.

Nothing comes from elsewhere: a command that needs a file which no command made and no paper gave fails. A command that
ends with `&` goes on (`sluice serve gateway &`): it has answered once it listens. `sluice`, `sluicectl` and
`sluice-client` are the installed ones; other programs are those of the system, without a shell.

When hours pass, the gateways are started again with a clock so far ahead, and so is every command from there on.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import socket
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from clients.testing.commands import COMMAND_SECONDS, UMASK, Finished, installed
from clients.testing.processes import Process, wait_for
from clients.testing.served import listening_port
from tests.later import later
from tests.system.transcripts import Paper, Reader, Step

PROGRAMS = ("sluice", "sluicectl", "sluice-client")


@dataclass(slots=True)
class Script:
    """One folder in which a page is played. as_json: each command's twin is typed, and its facts compared.

    hours: how many have passed.
    """

    folder: Path
    reader: Reader = field(default_factory=Reader)
    as_json: bool = False
    running: dict[str, Process] = field(default_factory=dict)
    hours: int = 0
    _served: dict[str, list[str]] = field(default_factory=dict)

    def __enter__(self) -> Script:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.running.values():
            process.end()

    def play(self, page: Iterable[Step | Paper]) -> int:
        """Takes everything in its order; how many commands were typed."""
        typed = 0
        for one in page:
            if isinstance(one, Paper):
                self.lay_down(one)
            else:
                self.type(one)
                typed += 1
        return typed

    def lay_down(self, paper: Paper) -> None:
        """Writes the file as the page gives it."""
        path = self.folder / paper.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.reader.said(paper.text), "utf-8")

    def type(self, step: Step) -> None:
        """Types a command and expects of it what the page says; of its twin the exit code and the facts."""
        if step.hours > self.hours:
            self.let_pass(step.hours)
        words = shlex.split(self.reader.said(step.line))
        if words[-1] == "&":
            self.reader.compare(step, self.start(words[:-1]))
            return
        has_twin = self.as_json and words[0] in PROGRAMS
        ran = self.finished([*words, *(["--json"] if has_twin else [])], self.reader.said(step.typed))

        assert ran.code == step.code, f"$ {step.line}\nexits {ran.code}\n{ran.out}{ran.err}"
        if has_twin:
            self.reader.compare_object(step, ran.out, ran.err)
        else:
            self.reader.compare(step, ran.out, ran.err)

    def finished(self, words: list[str], typed: str = "") -> Finished:
        """A command from start to end, in the folder; what it is asked is answered with `typed`."""
        done = subprocess.run(
            [*self._program(words[0]), *words[1:]],
            cwd=self.folder,
            env=self._environment(),
            input=f"{typed}\n" if typed else "",
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=COMMAND_SECONDS,
            umask=UMASK,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, words: list[str]) -> str:
        """Starts `sluice serve FOLDER` and waits until it listens; what it said, without its log."""
        assert words[:2] == ["sluice", "serve"], "only a gateway goes on while others type"
        folder = words[2]
        log = self.folder / f"{folder}.log"
        command = [*self._program("sluice"), *words[1:]]
        process = self.running[folder] = Process.start(command, log, cwd=self.folder)
        self._served[folder] = words
        assert listening_port(self.folder / folder, process), log.read_text("utf-8")
        # It says so once it does: the line comes behind the file in which the port was found.
        wait_for(lambda: _said(log) or not process.is_running, "the line that says where it listens")
        return _said(log)

    def stop(self, folder: str) -> int:
        """Ends the gateway of a folder in order; its exit code."""
        return self.running.pop(folder).end()

    def let_pass(self, hours: int) -> None:
        """It is so many hours after the first command."""
        self.hours = hours
        for folder in list(self.running):
            self.stop(folder)
            self.start(self._served[folder])

    def _program(self, name: str) -> list[str]:
        if name in PROGRAMS and self.hours:
            return later(self.hours * 3600, name)
        return [installed(name) if name in PROGRAMS else name]

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        return own | {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / ".config")}


def _said(log: Path) -> str:
    """The whole lines that are no entries of a log."""
    lines = log.read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if line.endswith("\n") and not _is_logged(line))


def a_free_port() -> int:
    """A port of 127.0.0.1 that nobody has now, and that the system gives nobody while its gateway starts again."""
    given_from = 32768
    with suppress(OSError):
        given_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    while True:
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", 1024 + secrets.randbelow(max(1, given_from - 1024))))
            return int(one.getsockname()[1])


def _is_logged(line: str) -> bool:
    with suppress(json.JSONDecodeError):
        return isinstance(json.loads(line), dict)
    return False
