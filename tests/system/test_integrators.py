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
from tests.loopback import interruptible, next_event

DOCUMENT = ROOT / "clients" / "TESTING.md"
MORE = """
import json, os, pathlib, threading

def test_that_fails(sluice):
    try:
        sluice.operator(1, "partner", "show", "usa/nobody")
    finally:
        sluice.stop()

def test_that_waits(sluice):
    facts = {"pid": sluice.served.process.popen.pid, "endpoint": sluice.endpoint, "folder": str(sluice.folder)}
    pathlib.Path("half").write_text(json.dumps(facts))
    pathlib.Path("half").rename("waiting")
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
    """An integrator's pytest session that is over: how, what it printed, and what its gateway was."""

    code: int
    printed: str
    pid: int
    endpoint: str
    folder: Path


def example() -> str:
    """The document's first block of Python."""
    return re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[0]


@pytest.fixture(scope="module")
def session(sluice: Sluice, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The example, a test that fails, and one in which Ctrl-C is pressed; under pytest-xdist, with no settings of ours.

    It runs beside this session, whose gateway is there before it and after it.
    """
    folder = tmp_path_factory.mktemp("session")
    (folder / "test_mine.py").write_text(example() + MORE, "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "clients.testing", "-p", "no:cacheprovider", "-n", "1"]
    pytest_process = subprocess.Popen(
        interruptible([*command, "--basetemp", "base"]),
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for((folder / "waiting").exists, "a test that waits", 600)
        # As a terminal does it: to pytest and its workers at once.
        os.killpg(pytest_process.pid, signal.SIGINT)
        printed, _ = pytest_process.communicate(timeout=600)
    finally:
        pytest_process.kill()
        pytest_process.communicate()
    facts = json.loads((folder / "waiting").read_text())
    wait_for(lambda: not is_alive(facts["pid"]), "the end of its gateway")
    return Session(pytest_process.returncode, printed, facts["pid"], facts["endpoint"], Path(facts["folder"]))


def is_alive(pid: int) -> bool:
    """Whether a process is there that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def read_link(link: Path) -> list[str]:
    """Where it leads; nothing if it is gone by now, since a process opens and closes files as it goes on."""
    try:
        return [os.readlink(link)]
    except FileNotFoundError:
        return []


def test_the_example_of_the_document_passes_as_it_stands(session: Session) -> None:
    """Ten lines, from nothing to records that were verified."""
    assert len(example().splitlines()) <= 10
    assert session.code == pytest.ExitCode.INTERRUPTED, session.printed
    assert "1 failed, 1 passed" in session.printed


def test_a_command_that_fails_is_reported_by_its_code(session: Session) -> None:
    """Whoever reads the report sees what the command said and what to do, and what the gateway logged meanwhile."""
    assert "error[party-unknown]: `sluicectl partner show` must succeed, it exited 2: " in session.printed
    assert "at: usa/nobody" in session.printed
    assert "do: `sluicectl partner list`" in session.printed
    assert "gateway.stopped" in session.printed.partition("gateway log")[2]


def test_the_gateway_is_gone_after_the_session(session: Session) -> None:
    """A test failed and somebody pressed Ctrl-C: nothing runs, and what ran ended in order, each of two times."""
    assert not is_alive(session.pid)
    assert not (session.folder / "gateway" / "running.json").exists()
    assert (session.folder / "gateway.log").read_text().count('"event": "gateway.stopped"') == 2


def test_two_sessions_do_not_collide(session: Session, sluice: Sluice) -> None:
    """Several workers, several people on one machine: each has a port, a folder and a genesis of its own."""
    assert sluice.served.is_running
    assert session.endpoint != sluice.endpoint
    assert session.folder != sluice.folder
    assert (session.folder / "genesis.sluice").read_bytes() != (sluice.folder / "genesis.sluice").read_bytes()


def test_everything_that_lies_there_is_its_owners_alone(session: Session) -> None:
    """Profiles, keys, homes, outboxes, the store and the log; no group and no other has any right to one."""
    folder = session.folder
    names = {path.name for path in folder.rglob("*")}

    assert names >= {"usa-arl.profile", "src-3f07.profile", "kem.pem", "sign.pem", "tls.key", "root.key", "data.mdb"}
    assert {path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077} == set()


def test_no_key_stands_in_what_was_printed_or_logged(session: Session) -> None:
    """A report goes to whoever looks at the build."""
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
    held = {place for link in (proc / "fd").iterdir() for place in read_link(link)}
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
    try:
        overdue = given_up(parties.partner, tmp_path / "state")
    finally:
        # Other files of this session use it too.
        sluice.start()

    assert overdue.code == "follow-overdue"
    assert "the last try ended with gateway-unreachable" in overdue.message


def given_up(partner: Partner, state: Path) -> Fault:
    """How following ends when its time is over, once that was enough for a first try."""
    for seconds in (0.5, 5.0, 50.0):
        with pytest.raises(Fault) as overdue:
            partner.follow(state=state, within_seconds=seconds)
        if "the last try" in overdue.value.message:
            break
    return overdue.value


def test_a_port_that_somebody_took_is_named(sluice: Sluice) -> None:
    """Parties know the port, so no other will do; with the log, and no process left."""
    sluice.stop()
    try:
        with socket.create_server(("127.0.0.1", sluice.served.port)):
            served = Served(sluice.served.folder, sluice.served.log, sluice.served.port, tries=1)
            with pytest.raises(Fault) as busy:
                served.start()
    finally:
        sluice.start()

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
