"""`sluice` as whoever runs the machine types it: init, serve, status, verify, and every way down."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from clients.operator.ca import Authority, PartyKind
from clients.partner.events import CaughtUp, Ended
from clients.partner.follow import follow
from clients.testing.commands import Commands, Facts, Finished
from clients.testing.processes import WAIT_SECONDS, Process
from clients.testing.served import Served
from gateway.cli.main import main
from gateway.core.control.enrolment import parse_bundle
from gateway.core.suite.numbers import EndReason, RecordKind
from gateway.settings import FILE, read_settings
from tests.loopback import Loopback, a_tactic
from tests.unit.control.given import genesis


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """A founded gateway with a source, a partner and one record, stopped."""
    world = Loopback(tmp_path_factory.mktemp("processes"))
    world.start("usa/arl")
    world.publish(RecordKind.TACTIC, a_tactic())
    world.stop()
    settings = world.stand.settings
    (settings.store.parent / FILE).write_text(settings.to_toml())
    yield world
    world.close()


@pytest.fixture
def folder(world: Loopback) -> Path:
    """Its folder."""
    return world.stand.settings.store.parent


@pytest.fixture
def process(world: Loopback, folder: Path, tmp_path: Path) -> Iterator[Process]:
    """The process, listening where the parties know it; gone when the test is over."""
    served = Served(folder, tmp_path / "log")
    served.start()
    world.stand.port = served.port
    assert served.process is not None
    yield served.process
    served.kill()


def facts_of(*words: str) -> Facts:
    """The JSON that `sluice` prints."""
    return Commands(Path.cwd()).facts("sluice", *words)


def typed(*words: str) -> Finished:
    """`sluice` as a person types it, whatever becomes of it."""
    return Commands(Path.cwd()).finished(["sluice", *words])


def failed(*words: str) -> tuple[int, dict[str, str]]:
    """Exit code and error of a command that must fail."""
    done = typed(*words, "--json")
    error: dict[str, str] = json.loads(done.err.strip().splitlines()[-1])
    return done.code, error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_streams_with_a_word_and_the_process_with_zero(
    world: Loopback, folder: Path, tmp_path: Path, process: Process, number: signal.Signals
) -> None:
    """A partner knows that nothing is wrong; everything is signed and the floor is at the top."""

    async def scenario() -> Ended:
        profile = world.stand.profile("usa/arl")
        async with follow(profile, kinds=("tactic",), state=tmp_path / "state") as events:
            async for event in events:
                if isinstance(event, CaughtUp):
                    process.popen.send_signal(number)
                elif isinstance(event, Ended):
                    return event
        raise AssertionError("the stream did not end")

    ended = world.run(scenario())
    code = process.popen.wait(WAIT_SECONDS)

    assert ended.reason is EndReason.SHUTDOWN
    assert code == 0
    assert not (folder / "running.json").exists()
    status = facts_of("status", str(folder))
    verified = facts_of("verify", str(folder))
    assert status["running"] is False
    assert status["ticks"] == verified["ticks"]


def test_status_and_verify_say_what_there_is(world: Loopback, folder: Path, process: Process) -> None:
    """Figures that a person and a script can both read."""
    port = world.stand.port
    running = facts_of("status", str(folder))
    in_use = failed("verify", str(folder))
    said = typed("status", str(folder)).out
    process.kill()
    after_kill = facts_of("status", str(folder))

    verified = facts_of("verify", str(folder))
    told = typed("verify", str(folder)).out

    assert (running["running"], running["listening"]) == (True, f"127.0.0.1:{port}")
    assert f"listening on 127.0.0.1:{port}" in said
    certificate = x509.load_pem_x509_certificate(world.stand.settings.certificate.read_bytes())
    assert running["certificate_until"] == certificate.not_valid_after_utc.isoformat()
    assert f"valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC" in said
    assert (after_kill["running"], after_kill["listening"]) == (False, None)
    assert in_use[0] == 1
    assert in_use[1]["code"] == "store-in-use"
    assert verified["ok"] is True
    assert (verified["batches"], verified["records"], verified["doubled"]) == (1, 1, 0)
    assert set(verified["accounts"]) >= {"house", "source:src-3f07"}  # type: ignore[arg-type]  # an object
    assert [line.split()[0] for line in told.splitlines()][:4] == ["control", "records", "ledger", "accounts"]
    assert verified["quarantined"] == {}
    (folder / "running.json").unlink()


def test_a_second_process_and_a_taken_port_are_refused_by_name(
    world: Loopback, folder: Path, tmp_path: Path, process: Process
) -> None:
    """Two writers would destroy the store; a port of somebody else's is not shared."""
    second = failed("serve", str(folder), "--listen", "127.0.0.1:0")
    twin = tmp_path / "twin"
    shutil.copytree(folder, twin / "gateway")
    for name in ("kek", "floor"):
        shutil.copy(world.root / name, twin / name)
    settings = replace(
        world.stand.settings,
        **{
            name: twin / getattr(world.stand.settings, name).relative_to(world.root)
            for name in ("store", "keys", "kek", "floor", "roots", "certificate", "tls_key")
        },
    )
    (twin / "gateway" / FILE).write_text(settings.to_toml())
    taken = failed("serve", str(twin / "gateway"), "--listen", f"127.0.0.1:{world.stand.port}")
    code = process.end()

    assert (second[0], second[1]["code"]) == (1, "store-in-use")
    assert (taken[0], taken[1]["code"]) == (1, "port-busy")
    assert code == 0


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1", ":8443", "127.0.0.1:99999", "127.0.0.1:x"])
def test_an_address_that_is_none_is_bad_input(folder: Path, listen: str) -> None:
    """Not a port that somebody else has."""
    code, error = failed("serve", str(folder), "--listen", listen)

    assert (code, error["code"], error["at"]) == (2, "listen-malformed", "--listen")


def test_init_refuses_a_founding_whose_time_is_over(tmp_path: Path) -> None:
    """The tests' genesis is of another day; nothing is founded on it."""
    authority = Authority.create("ua.example", datetime.now(UTC))
    (tmp_path / "genesis").write_bytes(genesis().encode())
    (tmp_path / "roots.pem").write_bytes(authority.root_pem())
    words = ["--genesis", str(tmp_path / "genesis"), "--roots", str(tmp_path / "roots.pem"), "--name", "ua-gw"]

    code, error = failed("init", str(tmp_path / "gw"), *words, "--unsafe-kek-beside-store")

    assert (code, error["code"]) == (5, "statement-expired")


def test_init_refuses_what_it_cannot_found(
    world: Loopback,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bad input is named before anything is written."""
    # The command line sets it for a process of its own; these commands run in this one.
    monkeypatch.setenv("GRPC_SSL_CIPHER_SUITES", "")
    genesis_file, roots = tmp_path / "genesis", tmp_path / "roots.pem"
    genesis_file.write_bytes(world.stand.genesis.encode())
    roots.write_bytes(world.stand.authority.root_pem())
    good = {"--genesis": str(genesis_file), "--roots": str(roots), "--name": "demo"}

    def init(target: Path, **changed: str) -> tuple[object, str]:
        options = good | {f"--{name}": value for name, value in changed.items()}
        words = [word for option in options.items() for word in option]
        with pytest.raises(SystemExit) as ended:
            main(["init", str(target), *words, "--json"])
        return ended.value.code, json.loads(capsys.readouterr().err.splitlines()[-1])["code"]

    (tmp_path / "nonsense").write_bytes(b"nonsense")
    new = tmp_path / "new"
    assert init(new, name="not a name") == (2, "gateway-id")
    assert init(new, listen="nowhere") == (2, "listen-malformed")
    assert init(new, genesis=str(tmp_path / "nonsense")) == (5, "malformed")
    assert init(new, genesis=str(tmp_path / "absent")) == (1, "file-unusable")
    assert init(new, roots=str(tmp_path / "nonsense")) == (2, "roots-malformed")
    assert init(new, floor=str(new / "store" / "floor")) == (2, "settings-malformed")
    assert not new.exists()
    assert init(folder) == (2, "gateway-exists")
    assert init(new) == (1, "kek-beside-store")


def test_init_founds_and_the_gateway_runs_once_operators_have_certified_it(world: Loopback, tmp_path: Path) -> None:
    """The whole way of a new machine, by commands."""
    stand = world.stand
    folder = tmp_path / "new"
    (tmp_path / "genesis").write_bytes(stand.genesis.encode())
    (tmp_path / "roots.pem").write_bytes(stand.authority.root_pem())
    words = ["--genesis", str(tmp_path / "genesis"), "--roots", str(tmp_path / "roots.pem"), "--name", "demo"]
    words += ["--listen", "127.0.0.1:0", "--unsafe-kek-beside-store"]

    made = facts_of("init", str(folder), *words)
    without = failed("serve", str(folder))
    bundle = parse_bundle((folder / "gateway.enrol").read_bytes())
    chain = stand.authority.issue(
        bundle.certificate_request, PartyKind.GATEWAY, "demo", now=datetime.now(UTC), hosts=["127.0.0.1"]
    )
    (folder / "certificate.pem").write_bytes(chain)
    served = Served(folder, tmp_path / "log")
    served.start()
    facts = json.loads((folder / "running.json").read_text())
    assert served.process is not None
    code = served.process.end()

    assert made["genesis"] == stand.genesis.statement.link.hex()
    assert made["words"] == "-".join(bundle.words())
    assert (without[0], without[1]["code"]) == (1, "file-unusable")
    assert (code, facts["pid"]) == (0, served.process.popen.pid)
    assert facts["listening"] in (tmp_path / "log").read_text()
    assert read_settings(folder).gateway_id == "demo"
    keys = [*(folder / "keys").iterdir(), tmp_path / "new.kek", tmp_path / "new.floor"]
    assert {path.stat().st_mode & 0o077 for path in keys} == {0}
