"""The units in deploy/systemd: what they forbid is said by systemd itself where it is there, and by their own lines.

What the gateway needs is not left to belief either: it is run where memory is never writable and executable at once,
and every system call that it makes is held against the filter of the unit.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.testing.commands import installed
from clients.testing.processes import Process, wait_for
from tests.conftest import ROOT
from tests.system.office import Office

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
ALL = sorted(path.name for path in UNITS.iterdir())
# What systemd calls the exposure of a service, 0 to 10, in tenths: above 20 it is not "OK".
MOST_EXPOSED = {"sluice.service": 12}
HARDENED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectProc": "invisible",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateMounts": "yes",
    "PrivateUsers": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native",
    "KeyringMode": "private",
    "LimitCORE": "0",
    "MemorySwapMax": "0",
    "UMask": "0077",
}
# Whose process it is: never root, and the authority is no neighbour of a gateway.
USERS = {"sluice.service": "sluice", "sluice-backup.service": "sluice", "sluice-ca.service": "sluice-officer"}
PR_SET_MDWE, REFUSE_EXEC_GAIN, NOT_HERE = 65, 1, 77
UNDER_MDWE = (
    "import ctypes, os, sys\n"
    f"sys.exit({NOT_HERE}) if ctypes.CDLL(None).prctl({PR_SET_MDWE}, {REFUSE_EXEC_GAIN}, 0, 0, 0) else None\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


def lines_of(unit: str, section: str = "Service") -> dict[str, list[str]]:
    """Every value of each key, in its order: a key may stand more than once."""
    text = (UNITS / unit).read_text("utf-8")
    (body,) = re.findall(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", body, re.MULTILINE):
        found.setdefault(key, []).append(value.strip())
    return found


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_may_do_what_it_needs_and_no_more(unit: str) -> None:
    """Whoever finds a way into the process finds a process that has nothing else."""
    lines = lines_of(unit)

    assert {key: lines.get(key, ["missing"])[-1] for key in HARDENED} == HARDENED
    assert lines["User"] == [USERS[unit]]
    assert lines["SystemCallFilter"] == ["@system-service", "~@privileged @resources @obsolete", "mbind"]
    assert set(" ".join(lines["RestrictAddressFamilies"]).split()) <= {
        *("AF_INET", "AF_INET6", "AF_UNIX"),
        *(["AF_NETLINK"] if unit == "sluice-ca.service" else []),
    }
    assert "ExecStartPre" not in lines


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_starts_a_command_that_there_is(unit: str) -> None:
    """A unit that names a verb of last year fails at the next boot."""
    program, *words = shlex.split(lines_of(unit)["ExecStart"][0])

    shown = subprocess.run(
        [installed(Path(program).name), *words, "--help"], capture_output=True, text=True, check=False
    )

    assert program.startswith("/opt/sluice/bin/")
    assert (shown.returncode, "Usage:" in shown.stdout) == (0, True), shown.stderr


def test_what_the_gateway_writes_is_what_the_unit_lets_it_write() -> None:
    """The folder of the page: store and keys below it, floor and key-encryption key each elsewhere."""
    unit = lines_of("sluice.service")
    folder = Path(shlex.split(unit["ExecStart"][0])[2])
    init = re.search(r"^\$ (sluice init .*?[^\\])$", (ROOT / "deploy/RUNBOOK.md").read_text(), re.MULTILINE | re.DOTALL)
    assert init is not None
    words = shlex.split(init[1].replace("\\\n", " "))
    states = {Path("/var/lib") / name for name in unit["StateDirectory"][0].split()}

    def above(path: str) -> set[Path]:
        return set(Path(path).parents)

    assert words[2] == str(folder)
    assert states & above(str(folder / "x"))
    assert states & above(words[words.index("--floor") + 1])
    assert not states & above(words[words.index("--kek") + 1])
    assert above(words[words.index("--kek") + 1]) & {Path(one) for one in unit["ReadOnlyPaths"]}
    assert set(lines_of("sluice.service", "Unit")["RequiresMountsFor"][0].split()) >= {
        *map(str, states),
        *unit["ReadOnlyPaths"],
    }


def _installed_here(folder: Path) -> list[str]:
    """The units with the programs of this environment: systemd looks whether they are there."""
    for name in ALL:
        text = (UNITS / name).read_text("utf-8").replace("/opt/sluice/bin", str(Path(sys.executable).parent))
        (folder / name).write_text(text, "utf-8")
    return [str(folder / name) for name in ALL]


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """A line that systemd does not know is ignored by it: a protection that somebody believes in."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *_installed_here(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_systemd_calls_the_service_little_exposed(unit: str) -> None:
    """Its own measure; what is left is the network that a gateway is for."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    most = MOST_EXPOSED.get(unit, 20)

    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={most}", str(UNITS / unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A gateway with a partner and a record to follow; it stands still."""
    office = Office.at(tmp_path_factory.mktemp("units"))
    with office.sluice:
        source = office.sluice.source("src-3f07", kinds="tactic")
        office.sluice.agreement("UA-US-2026-014", to=office.sluice.partner("usa/arl"))
        office.sluice.publish(source, office.sluice.tactic(), kind="tactic")
        office.sluice.stop()
        yield office


def through_a_day(office: Office, words: list[str], log: Path) -> int:
    """A gateway started by `words` takes a record, gives it out and stops; the exit code of the whole."""
    served = office.sluice.served
    command = [*words, installed("sluice"), "serve", str(served.folder), "--listen", served.endpoint]
    served.process = process = Process.start(command, log)
    try:
        running = served.folder / "running.json"
        wait_for(lambda: running.exists() or not process.is_running, "listening")
        if process.is_running:
            source, partner = office.sluice.source("src-3f07", kinds="tactic"), office.sluice.partner("usa/arl")
            office.sluice.publish(source, office.sluice.tactic(log.name), kind="tactic")
            assert partner.follow("tactic")
            os.kill(json.loads(running.read_text("utf-8"))["pid"], signal.SIGTERM)
            wait_for(lambda: not process.is_running, "stopping")
    finally:
        code = served.stop()
    return code


def test_a_gateway_needs_no_memory_that_is_writable_and_executable(office: Office, tmp_path: Path) -> None:
    """`MemoryDenyWriteExecute` is in the unit because a whole day passes under it."""
    code = through_a_day(office, [sys.executable, "-c", UNDER_MDWE], tmp_path / "mdwe.log")

    if code == NOT_HERE:
        pytest.skip("this kernel cannot refuse it")
    assert code == 0


def test_every_system_call_of_a_gateway_passes_the_filter(office: Office, tmp_path: Path) -> None:
    """A call that the filter refuses is found here and not on the day it is first made."""
    if shutil.which("strace") is None or shutil.which("systemd-analyze") is None:
        pytest.skip("strace or systemd-analyze is not installed")
    trace = tmp_path / "trace"

    code = through_a_day(office, ["strace", "-f", "-qq", "-o", str(trace)], tmp_path / "strace.log")

    assert code == 0
    made = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", trace.read_text("utf-8", "replace"), re.MULTILINE))
    assert {"openat", "fdatasync", "recvmsg"} <= made
    assert made - _passing("sluice.service") == set()


def _passing(unit: str) -> set[str]:
    """The system calls that the filter of a unit lets through, as systemd resolves its groups."""
    groups: dict[str, set[str]] = {}
    shown = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    for line in re.sub(r"#.*", "", shown).splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), set())
        elif line.strip():
            members.add(line.strip())

    def resolved(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        return {one for member in groups[name] for one in resolved(member)}

    passing: set[str] = set()
    for value in lines_of(unit)["SystemCallFilter"]:
        named = {one for name in value.lstrip("~").split() for one in resolved(name)}
        passing = passing - named if value.startswith("~") else passing | named
    return passing
