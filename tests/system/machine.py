"""A machine as RUNBOOK.md describes it, small: its folders elsewhere, its units as files, the operators beside it.

The key-encryption key lies on a filesystem of its own, in shared memory. `systemctl` does to a process what the units
in `deploy/systemd` say. `sluicectl` and `sluice-client` run in this process, but once hours have passed.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients.testing.commands import Finished
from clients.testing.harness import agreement_text
from clients.testing.processes import Process, wait_for
from clients.testing.served import listening_port
from tests.conftest import ROOT
from tests.system.office import invoked
from tests.system.script import Script, a_free_port
from tests.system.transcripts import Paper, Step, steps

PAGE = (ROOT / "deploy" / "RUNBOOK.md").read_text("utf-8")
UNITS = ROOT / "deploy" / "systemd"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  another filesystem, and it is emptied behind the test
IN_PROCESS = {"sluicectl", "sluice-client"}
OFFICERS = {"officer-1": "kovalenko", "officer-2": "shevchuk", "officer-3": "marchenko"}
_SPOKEN = {
    "officer-1": "acid-acorn-alarm-amber",
    "officer-2": "bacon-badge-basket-beach",
    "officer-3": "cabin-cactus-camel-candle",
}


def exec_start(unit: str) -> list[str]:
    """The command of a unit, without the folder that its program is installed in."""
    (line,) = re.findall(r"^ExecStart=(.+)$", (UNITS / unit).read_text("utf-8"), re.MULTILINE)
    program, *words = shlex.split(line)
    return [Path(program).name, *words]


@dataclass(slots=True)
class Machine(Script):
    """The machine and the desk; `systemctl` included."""

    def type(self, step: Step) -> None:
        """As any script; of the twin that has many keys in it the proposals are learned by their own name."""
        if self.as_json and step.line.endswith("operator list"):
            named = re.findall(r"^proposed +([0-9a-f]{16}) ", "\n".join(step.lines), re.MULTILINE)
            listed = json.loads(self.finished([*shlex.split(step.line), "--json"]).out)["proposals"]
            self.reader.means.update(zip(named, (one["proposal"] for one in listed), strict=True))
        Script.type(self, step)

    def finished(self, words: list[str], typed: str = "") -> Finished:
        """As any command; a unit is started and stopped by what its file says."""
        if words[0] in IN_PROCESS and not self.hours:
            ran = invoked(words[0], words[1:], f"{typed}\n" if typed else "")
            return Finished(ran.exit_code, ran.stdout, ran.stderr)
        if words[0] == "mv" and self.running:
            return self._moved(words)
        if words[0] != "systemctl":
            return Script.finished(self, words, typed)
        _, verb, name = words
        if verb == "stop":
            return Finished(self.running.pop(name).end(), "", "")
        assert verb == "start"
        said = [self.reader.said(word) for word in exec_start(f"{name}.service")]
        if said[1] != "serve":
            done = Script.finished(self, said)
            return Finished(done.code, "", done.err)
        self.serve(name, said)
        return Finished(0, "", "")

    def _moved(self, words: list[str]) -> Finished:
        """A file in the gateway's folder is put in place of another: it is looked at every second."""
        log = self.folder / "sluice.log"

        def looked() -> int:
            return log.read_text("utf-8").count('"certificate.in-force"')

        before = looked()
        done = Script.finished(self, words)
        wait_for(lambda: looked() > before, "a new certificate in force")
        return done

    def serve(self, name: str, words: list[str]) -> None:
        """The unit's own command goes on, and listens."""
        log = self.folder / f"{name}.log"
        process = Process.start([*self._program("sluice"), *words[1:]], log, cwd=self.folder)
        self.running[name] = process
        assert listening_port(Path(words[2]), process), log.read_text("utf-8")

    def let_pass(self, hours: int) -> None:
        """It is so many hours after the first command."""
        self.hours = hours
        for name in list(self.running):
            self.running.pop(name).end()
            self.serve(name, [self.reader.said(word) for word in exec_start(f"{name}.service")])


@contextmanager
def machine_at(folder: Path) -> Iterator[Machine]:
    """A machine that has nothing yet but its folders, below `folder`; skips where there is no second filesystem."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == folder.stat().st_dev:
        pytest.skip("a second filesystem is needed for the key-encryption key")
    second = Path(tempfile.mkdtemp(dir=SHARED_MEMORY))
    desk = folder / "desk"
    places = {
        "/var/lib/sluice": folder / "lib",
        "/var/lib/sluice-floor": folder / "floor",
        "/var/backups/sluice": folder / "backups",
        "/srv/sluice-key": second,
        "/srv/sluice-safe": folder / "safe",
    }
    for path in (*places.values(), desk):
        path.mkdir(mode=0o700, exist_ok=True)
    try:
        with Machine(desk) as machine:
            machine.reader.means |= {place: str(path) for place, path in places.items()}
            machine.reader.means["127.0.0.1:8443"] = f"127.0.0.1:{a_free_port()}"
            yield machine
    finally:
        shutil.rmtree(second)


def chapters() -> Mapping[str, list[Step | Paper]]:
    """The steps of the page by the heading above them."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return {title: list(steps(text)) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


# One drill is the end of the machine's own story; the others begin anew.
DRILLS = [title for title in chapters() if title.startswith("Drill: ") and "restore" not in title]


def founding(*officers: str) -> Iterator[Step | Paper]:
    """What operators do before a machine is there: their keys, an authority, the founding statement."""
    recovery = ("recovery-1", "recovery-2")
    persons = " ".join(f"--person {one}={OFFICERS[one]}" for one in officers)
    offline = " ".join(f"--recovery {one}.operator" for one in recovery)
    lines = []
    for one in officers:
        lines += [f"$ sluicectl --home {one} operator init {one} --out {one}.operator", "…"]
        lines += [f"send      {one}.operator (public) to the other operators; read out `{_SPOKEN[one]}`"]
    for one in recovery:
        lines += [f"$ sluicectl --home {one} operator init {one} --recovery --out {one}.operator", "…"]
    lines += ["$ sluicectl --home officer-1 ca init --trust-domain sluice.example --out roots.pem", "…"]
    cards = " ".join(f"{one}.operator" for one in officers)
    made = f"genesis make {cards} {persons} {offline} --wait-hours 1 --out genesis.sluice --yes"
    lines += [f"$ sluicectl --home officer-1 {made}", "…"]
    for one in officers[1:]:
        lines += [f"$ sluicectl --home {one} genesis sign genesis.sluice --yes", "…"]
    for one in officers:
        issued = f"ca issue {one}.operator --words {_SPOKEN[one]} --out {one}.pem"
        lines += [f"$ sluicectl --home officer-1 {issued}", "…"]
    return steps(_block(lines))


def connecting(*officers: str) -> Iterator[Step | Paper]:
    """The gateway of the page is made and runs, and every officer has a context."""
    yield from chapters()["Make the gateway"]
    lines = ["$ systemctl start sluice"]
    server = "--gateway 127.0.0.1:8443 --server spiffe://sluice.example/gateway/demo"
    for one in officers:
        papers = f"--roots roots.pem --genesis genesis.sluice --certificate {one}.pem"
        lines += [f"$ sluicectl --home {one} operator connect {server} {papers}", "…"]
        lines += [f"$ sluicectl context use {one} --home {one}", "…"]
    yield from steps(_block(lines))


def standing(machine: Machine) -> None:
    """Vocabularies, a guide, a source, a partner with an agreement and a first directory: two officers signed."""
    decided(machine, "vocabulary", "propose", "UKR.1", "USA.1", "GBR.1")
    decided(machine, "guide", "propose", "UAS-2026-2")
    decided(machine, "source", "admit", *enrolled(machine, "src-3f07", "source"), "--scope", "tactic//SIMULATED")
    clearance = machine.folder / "usa-arl.clearance.toml"
    clearance.write_text('[UKR]\nlevel = "T"\nREL = ["USA"]\n', "utf-8")
    partner = enrolled(machine, "usa/arl", "partner")
    decided(machine, "partner", "admit", *partner, "--nation", "USA", "--clearance", clearance.name)
    agreement = machine.folder / "UA-US-2026-014.toml"
    agreement.write_text(agreement_text("UA-US-2026-014", "usa/arl"), "utf-8")
    decided(machine, "agreement", "propose", agreement.name)
    words = machine.reader.means["copper-harbor-nine-willow"]
    decided(machine, "directory", "issue", "--gateway", "gateway.enrol", "--words", words)


def enrolled(machine: Machine, party_id: str, role: str) -> list[str]:
    """A party makes its keys beside the operators; the words that admit it."""
    endpoint = machine.reader.means["127.0.0.1:8443"]
    made = _facts(machine, "sluice-client", "enrol", party_id, "--role", role, "--gateway", endpoint)
    return [made["bundle"], "--id", party_id, "--words", made["words"]]


def decided(machine: Machine, *words: str) -> None:
    """officer-1 proposes, officer-2 approves everything that is pending."""
    why = ("--reason", "founding", "--yes")
    _facts(machine, "sluicectl", "--context", "officer-1", *words, *why)
    pending = _facts(machine, "sluicectl", "--context", "officer-2", "change", "list")["changes"]
    ids = [one["change"] for one in pending]
    if ids:
        _facts(machine, "sluicectl", "--context", "officer-2", "change", "approve", *ids, *why)


def _facts(machine: Machine, *words: str) -> dict[str, Any]:
    ran = machine.finished([*words, "--json"])
    assert ran.code in {0, 7}, ran.err
    return dict(json.loads(ran.out.strip().splitlines()[-1]))


def _block(lines: list[str]) -> str:
    return "```console\n" + "\n".join(lines) + "\n```\n"
