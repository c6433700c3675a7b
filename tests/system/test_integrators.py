"""The harness for integrators: what its document shows works as it stands, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.partner.events import CaughtUp, Disconnected
from clients.partner.follow import follow
from clients.testing import CommandFailed, Partner, Sluice, Source
from clients.testing.commands import Commands, installed
from clients.testing.processes import Process, wait_for
from clients.testing.served import Served
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from tests.conftest import ROOT
from tests.loopback import next_event

DOCUMENT = ROOT / "clients" / "TESTING.md"
NOTED = """
import json, os, pathlib, threading

def note(sluice, name):
    facts = {"pid": sluice.served.process.popen.pid, "endpoint": sluice.endpoint, "folder": str(sluice.folder)}
    path = pathlib.Path(os.environ["NOTES"], name)
    path.with_suffix(".half").write_text(json.dumps(facts))
    path.with_suffix(".half").rename(path)
"""
FAILS = """
def test_that_fails(sluice):
    note(sluice, "finished")
    try:
        sluice.operator(1, "partner", "show", "usa/nobody")
    finally:
        sluice.stop()

def test_after_it(sluice):
    assert sluice.served.is_running
"""
WAITS = """
def test_that_waits(sluice):
    note(sluice, "interrupted")
    threading.Event().wait()
"""
KEEPS = """
import pathlib, signal, sys
from clients.testing.processes import Process

process = Process.start([sys.executable, "-c", "import signal; signal.pause()"], pathlib.Path("kept.log"))
print(process.popen.pid, flush=True)
signal.pause()
"""


@dataclass(frozen=True)
class Session:
    """A pytest session of an integrator's: its exit code, what it printed, and what it noted of its gateway."""

    code: int
    printed: str
    pid: int
    endpoint: str
    folder: Path

    @classmethod
    def of(cls, code: int, printed: str, note: Path) -> Session:
        """A session that ended."""
        facts = json.loads(note.read_text())
        return cls(code, printed, facts["pid"], facts["endpoint"], Path(facts["folder"]))


def example() -> str:
    """The document's first block of Python."""
    return re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[0]


def begun(folder: Path, test: str, *options: str) -> subprocess.Popen[str]:
    """Pytest in a folder with one file, as an integrator has it: nothing of this repository's own settings."""
    folder.mkdir()
    (folder / "test_mine.py").write_text(NOTED + test, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "clients.testing", "-p", "no:cacheprovider", "--basetemp", "base"]
    return subprocess.Popen(
        [*command, *options],
        cwd=folder,
        env=environment | {"NOTES": str(folder.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Session]]:
    """Two sessions at once: one under pytest-xdist with a test that fails, one interrupted as by Ctrl-C."""
    root = tmp_path_factory.mktemp("sessions")
    finished = begun(root / "one", example() + FAILS, "-n", "1")
    interrupted = begun(root / "other", WAITS)
    try:
        wait_for((root / "interrupted").exists, "a test that waits")
        os.killpg(interrupted.pid, signal.SIGINT)
        yield {
            name: Session.of(code, printed, root / name)
            for name, process in (("interrupted", interrupted), ("finished", finished))
            for printed in [process.communicate(timeout=120)[0]]
            for code in [process.returncode]
        }
    finally:
        for process in (finished, interrupted):
            process.kill()
            process.communicate()


def is_alive(pid: int) -> bool:
    """Whether a process is there that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_the_example_of_the_document_passes_as_it_stands(sessions: dict[str, Session]) -> None:
    """Ten lines, from nothing to records that were verified; the test after the failed one has its gateway again."""
    printed = sessions["finished"].printed

    assert len(example().splitlines()) <= 10
    assert sessions["finished"].code == pytest.ExitCode.TESTS_FAILED, printed
    assert "1 failed, 2 passed" in printed


def test_a_command_that_fails_is_reported_by_its_code(sessions: dict[str, Session]) -> None:
    """Whoever reads the report sees what the command said and what to do, and what the gateway logged meanwhile."""
    printed = sessions["finished"].printed

    assert "error[party-unknown]: `sluicectl partner show` must succeed, it exited 2: " in printed
    assert "at: usa/nobody" in printed
    assert "do: `sluicectl partner list`" in printed
    assert "gateway log" in printed
    assert "gateway.stopped" in printed.partition("gateway log")[2]


@pytest.mark.parametrize("name", ["finished", "interrupted"])
def test_the_gateway_is_gone_after_the_session(sessions: dict[str, Session], name: str) -> None:
    """Whether a test failed or somebody pressed Ctrl-C: nothing runs, and it ended in order."""
    session = sessions[name]

    assert not is_alive(session.pid)
    assert not (session.folder / "gateway" / "running.json").exists()
    assert "gateway.stopped" in (session.folder / "gateway.log").read_text()


def test_two_sessions_do_not_collide(sessions: dict[str, Session]) -> None:
    """Several workers, several people on one machine: each has a port, a folder and a genesis of its own."""
    one, other = sessions.values()

    assert one.code == pytest.ExitCode.INTERRUPTED, one.printed
    assert one.endpoint != other.endpoint
    assert one.folder != other.folder
    assert (one.folder / "genesis.sluice").read_bytes() != (other.folder / "genesis.sluice").read_bytes()


def test_everything_that_lies_there_is_its_owners_alone(sessions: dict[str, Session]) -> None:
    """Profiles, keys, homes, outboxes, the store and the log; no group and no other has any right to one."""
    folder = sessions["finished"].folder
    names = {path.name for path in folder.rglob("*")}

    assert names >= {"usa-arl.profile", "src-3f07.profile", "kem.pem", "sign.pem", "tls.key", "root.key", "data.mdb"}
    assert {path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077} == set()


def test_no_key_stands_in_what_was_printed_or_logged(sessions: dict[str, Session]) -> None:
    """A report goes to whoever looks at the build."""
    session = sessions["finished"]
    keys = [path.read_text() for path in session.folder.rglob("*") if path.name in {"kem.pem", "sign.pem", "tls.key"}]
    lines = {line for key in keys for line in key.splitlines() if "-----" not in line}
    told = session.printed + (session.folder / "gateway.log").read_text()

    assert len(lines) > 20
    assert not [line for line in lines if line in told]


def test_a_process_ends_when_whoever_started_it_was_killed(tmp_path: Path) -> None:
    """Kill -9 of pytest leaves nobody to tidy up, and no gateway behind."""
    keeper = subprocess.Popen([sys.executable, "-c", KEEPS], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert keeper.stdout is not None
    pid = int(keeper.stdout.readline())
    was_alive = is_alive(pid)

    keeper.kill()
    keeper.communicate()
    wait_for(lambda: not is_alive(pid), "the end of what it started")

    assert was_alive


def test_a_process_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """A hanging gateway must not hang the session."""
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    process = Process.start([sys.executable, "-c", script], tmp_path / "log")
    wait_for((tmp_path / "log").read_text, "a process that ignores SIGTERM")

    code = process.end(seconds=0.1)

    assert code == -signal.SIGKILL


@dataclass(frozen=True)
class Parties:
    """A source and a partner that gets what it sends."""

    source: Source
    partner: Partner


@pytest.fixture(scope="module")
def parties(sluice: Sluice) -> Parties:
    """One tactic is published."""
    parties = Parties(sluice.source("src-tested"), sluice.partner("usa/tested"))
    sluice.agreement("UA-tested", to=parties.partner, sources=[parties.source.id])
    sluice.publish(parties.source, sluice.tactic())
    return parties


def test_it_listens_on_loopback_and_nowhere_else(sluice: Sluice) -> None:
    """Tests open no door to the network."""
    assert sluice.served.process is not None
    proc = Path(f"/proc/{sluice.served.process.popen.pid}")
    held = {os.readlink(link) for link in (proc / "fd").iterdir() if link.is_symlink()}
    rows = [line.split() for kind in ("tcp", "tcp6") for line in (proc / "net" / kind).read_text().splitlines()[1:]]
    listening = [row[1].split(":") for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held]

    # The address in words of the machine's order: 127.0.0.1, as it is or inside one of IPv6.
    assert {int(port, 16) for _, port in listening} == {sluice.served.port}
    assert {address[-32:].removeprefix("0" * 16 + "FFFF0000") for address, _ in listening} == {"0100007F"}


def test_a_party_asked_for_again_is_the_same(sluice: Sluice, parties: Parties) -> None:
    """Two tests may both say what they need; they may not mean two things by one name."""
    assert sluice.partner("usa/tested") is parties.partner

    with pytest.raises(CallerError) as refused:
        sluice.partner("usa/tested", nation="GBR")
    assert (refused.value.code, refused.value.at) == ("terms-differ", "usa/tested")


def test_a_wrong_agreement_fails_where_it_stands(sluice: Sluice, parties: Parties) -> None:
    """Not a minute later, when something else asks for a profile; what the desk refuses is the desk's own error."""
    with pytest.raises(GatewayError) as misspelt:
        sluice.agreement("UA-odd", to=parties.partner, hidden_annex="yes")
    with pytest.raises(CommandFailed) as refused:
        sluice.agreement("UA-tested", to=parties.partner)

    assert misspelt.value.code == "text-unknown-key"
    assert refused.value.code == "id-reused"


def test_a_partner_follows_what_is_new_and_no_more(sluice: Sluice, parties: Parties, tmp_path: Path) -> None:
    """As the client library does; another state begins anew."""
    first = parties.partner.follow("tactic", state=tmp_path / "state")
    sluice.publish(parties.source, sluice.tactic("One more"))

    second = parties.partner.follow("tactic", state=tmp_path / "state")
    whole = parties.partner.follow("tactic", state=tmp_path / "other")

    assert (len(first) > 0, len(second)) == (True, 1)
    assert [one.id for one in whole] == [one.id for one in (*first, *second)]


def test_a_suspended_partner_is_denied_until_it_is_resumed(sluice: Sluice, parties: Parties, tmp_path: Path) -> None:
    """What an integrator must see once before it happens in earnest."""
    sluice.suspend(parties.partner)
    with pytest.raises(Refused) as denied:
        parties.partner.follow(state=tmp_path / "state")
    sluice.resume(parties.partner)

    assert denied.value.code == "denied"
    assert parties.partner.follow(state=tmp_path / "state")


def test_a_client_comes_back_after_a_restart(sluice: Sluice, parties: Parties, tmp_path: Path) -> None:
    """On the same port, and with nothing of its own done about it."""

    async def scenario() -> str:
        async with follow(parties.partner.profile(), kinds=("tactic",), state=tmp_path / "state") as events:
            iterator = aiter(events)
            await next_event(iterator, CaughtUp)
            await asyncio.to_thread(sluice.stop)
            away = await next_event(iterator, Disconnected)
            await asyncio.to_thread(sluice.start)
            await next_event(iterator, CaughtUp)
            return away.code

    assert asyncio.run(scenario()) == "gateway-unreachable"


def test_a_gateway_that_is_away_is_no_endless_wait(sluice: Sluice, parties: Parties, tmp_path: Path) -> None:
    """The error says what the last try ended with; a test must end."""
    sluice.kill()

    with pytest.raises(Fault) as overdue:
        parties.partner.follow(state=tmp_path / "state", within_seconds=0.5)

    assert overdue.value.code == "follow-overdue"
    assert "gateway-unreachable" in overdue.value.message


def test_a_port_that_somebody_took_is_named(sluice: Sluice) -> None:
    """Parties know the port, so no other will do; with the log, and no process left."""
    sluice.stop()
    with socket.create_server(("127.0.0.1", sluice.served.port)):
        served = Served(sluice.served.folder, sluice.served.log, sluice.served.port, tries=1)
        with pytest.raises(Fault) as busy:
            served.start()

    assert busy.value.code == "gateway-ended"
    assert "error[port-busy]" in "".join(busy.value.__notes__)
    assert not served.is_running


def test_a_command_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """The remedy is the line that installs it."""
    with pytest.raises(CallerError) as missing:
        installed("sluice-of-nobody")

    assert missing.value.code == "command-missing"
    assert "sluice-gateway[gateway,testing]" in missing.value.do


def test_what_a_command_said_before_it_failed_is_a_note(tmp_path: Path) -> None:
    """Also where it broke without an error of ours: `sluice` here is given no words that it knows."""
    with pytest.raises(CommandFailed) as failed:
        Commands(tmp_path).facts("sluice", "serve", str(tmp_path / "nothing"), accept=(0,))

    assert failed.value.code == "settings-missing"
    assert failed.value.message.startswith("`sluice serve` must succeed, it exited 1: ")
