"""The reading child: what it may cost, what it can reach, and what every end of it is called."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clients.formats import sandbox, worker
from clients.formats.extract import Finding, SourceFormat, Table
from clients.formats.sandbox import Limits, extract_in_child
from clients.simulator import simulate_flight
from gateway.core.errors import CallerError
from tests.unit.formats.logs import START_US, Dataflash, Tlog

_START_MS = START_US // 1000


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes a second or so to read."""
    path = tmp_path_factory.mktemp("logs") / "flight.tlog"
    path.write_bytes(simulate_flight(seed=1, start_ms=_START_MS))
    return path


@pytest.fixture(scope="module")
def long_flight(flight: Path) -> Path:
    """A log that takes many seconds to read."""
    path = flight.with_name("long.tlog")
    path.write_bytes(flight.read_bytes() * 12)
    return path


def _refusal(path: Path, limits: Limits | None = None) -> CallerError:
    with pytest.raises(CallerError) as error:
        extract_in_child(path, SourceFormat.MAVLINK_TLOG, limits or Limits())
    return error.value


def test_a_log_is_read_in_a_child_as_it_is_read_here(flight: Path) -> None:
    """The pipe must change nothing."""
    log = Tlog()
    log.log = flight.read_bytes()
    here = log.read()

    there = extract_in_child(flight, SourceFormat.MAVLINK_TLOG, Limits())

    assert there.messages == here.messages
    assert there.centres == here.centres
    assert {t: rows.columns for t, rows in there.tables.items()} == {t: rows.columns for t, rows in here.tables.items()}


def test_a_child_that_uses_too_much_processor_time_is_ended_and_named(long_flight: Path) -> None:
    """A log made to keep the reader busy must not keep the client busy."""
    refusal = _refusal(long_flight, Limits(cpu_seconds=1))

    assert refusal.code == "log-timeout"
    assert "1 s of processor time" in refusal.message


def test_a_child_that_takes_too_long_is_ended_and_named(long_flight: Path) -> None:
    """Waiting costs no processor time, so the parent keeps a clock of its own."""
    refusal = _refusal(long_flight, Limits(wall_seconds=0.2))

    assert refusal.code == "log-timeout"
    assert "0.2 s" in refusal.message


def test_a_child_that_uses_too_much_memory_is_ended_and_named(flight: Path) -> None:
    """A log made to grow in memory must not push the client out of it."""
    huge = flight.with_name("huge.tlog")
    with huge.open("wb") as file:
        file.truncate(200 * 1024 * 1024)

    refusal = _refusal(huge, Limits(memory_bytes=64 * 1024 * 1024))

    assert refusal.code == "log-too-large"
    assert "64 MiB" in refusal.message


def test_a_log_with_too_many_bytes_or_rows_is_refused(flight: Path) -> None:
    """Size is looked at before anything is read, rows while they are."""
    size = flight.stat().st_size

    assert _refusal(flight, Limits(file_bytes=size - 1)).code == "log-too-large"
    assert _refusal(flight, Limits(rows=1_000)).code == "log-too-large"


def test_a_log_of_more_tracks_than_redaction_can_measure_is_refused(tmp_path: Path) -> None:
    """Every fix is measured against every beginning and end; a thousand invented vehicles must not hang the parent."""
    log = Tlog()
    for system in range(1, 70):
        log.position(system, (system, 1), system=system).position(system, (system, 2), system=system)
    path = tmp_path / "swarm.tlog"
    path.write_bytes(log.log)

    refusal = _refusal(path)

    assert refusal.code == "log-too-large"
    assert "138 came" in refusal.message


def test_what_is_no_readable_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A named pipe would block for ever, a directory would crash, an empty file says nothing."""
    pipe, empty, text = tmp_path / "pipe.tlog", tmp_path / "empty.tlog", tmp_path / "text.tlog"
    os.mkfifo(pipe)
    empty.write_bytes(b"")
    text.write_bytes(b"time,lat,lon\n" * 100)

    codes = [_refusal(path).code for path in (pipe, tmp_path, tmp_path / "absent.tlog", empty, text)]

    assert codes == ["log-not-a-file", "log-not-a-file", "log-not-found", "log-unreadable", "log-unreadable"]


def test_a_child_that_dies_is_a_refusal_that_says_how(flight: Path) -> None:
    """One that cannot bind itself to its limits must not read on without them; the client lives to say so."""
    limits = Limits(cpu_seconds=1 << 70)

    with pytest.raises(CallerError) as error:
        extract_in_child(flight, SourceFormat.MAVLINK_TLOG, limits)

    assert error.value.code == "log-unreadable"
    assert "status 1" in error.value.message


def test_a_log_of_definitions_nobody_understands_is_counted_and_kills_no_child(tmp_path: Path) -> None:
    """The format leaves room for values of tomorrow; what cannot be read is damage, and no exception."""
    body = b"\x80\x59FMT\x00BBnNZ".ljust(22, b"\x00") + b"Type,Length,Name,Format,Columns"
    wrong = b"\x01\x10BAD\x00?".ljust(22, b"\x00") + b"What"
    path = tmp_path / "bad.bin"
    path.write_bytes(b"".join(b"\xa3\x95\x80" + part.ljust(86, b"\x00") for part in (body, wrong)) * 20)

    extract = extract_in_child(path, SourceFormat.DATAFLASH_BIN, Limits())

    assert extract.messages == 20
    assert extract.findings == {Finding.DAMAGED: 19 * 89, Finding.TRUNCATED: 89}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (-11, "log-unreadable", "signal 11"),
        (1, "log-unreadable", "status 1"),
        (-9, "log-unreadable", "signal 9"),
        (-24, "log-timeout", "processor time"),
        (worker.EXIT_MEMORY, "log-too-large", "1536 MiB"),
    ],
)
def test_every_end_of_a_child_has_a_name(status: int, code: str, words: str) -> None:
    """A person at the source must know whether to fetch another card or to raise a limit."""
    refusal = sandbox.ended(status, Limits(), Path("flight.tlog"))

    assert (refusal.code, refusal.at) == (code, "flight.tlog")
    assert words in refusal.message


def test_a_child_hands_back_no_more_than_its_rows_allow(flight: Path) -> None:
    """A broken child must not fill the client's memory."""
    limits = Limits(rows=1)
    assert limits.result_bytes < 70_000
    with subprocess.Popen([sys.executable, "-c", "print('x' * 10_000_000)"], stdout=subprocess.PIPE) as child:
        with pytest.raises(CallerError, match="more than it may"):
            sandbox.drain(child, limits, deadline=time.monotonic() + 60, path=flight)
        child.kill()


def test_the_child_holds_the_log_and_its_pipe_and_its_limits_and_nothing_else(
    long_flight: Path, tmp_path: Path
) -> None:
    """A reader taken over by a log finds no key, no socket, no environment and no file it could write."""
    secret = os.open(tmp_path / "secret.key", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(secret, True)
    os.environ["SLUICE_TEST_CANARY"] = "canary"
    reading = threading.Thread(target=_refusal, args=(long_flight, Limits(cpu_seconds=2)))
    reading.start()
    seen: tuple[set[str], bytes, str] | None = None

    while reading.is_alive():
        child = _limited_child()
        if child is not None:
            seen = child
            break
    reading.join()
    os.close(secret)
    del os.environ["SLUICE_TEST_CANARY"]

    assert seen is not None
    descriptors, environment, limits = seen
    assert {name for name in descriptors if not name.startswith("pipe:")} == {str(long_flight), "/dev/null"}
    assert b"canary" not in environment
    found = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert found["Max file size"] == found["Max core file size"] == "0"
    assert found["Max cpu time"] == "2"
    assert found["Max address space"] == str(Limits().memory_bytes)
    assert found["Max open files"] == str(worker.MAX_DESCRIPTORS)


def _limited_child() -> tuple[set[str], bytes, str] | None:
    """Descriptors, environment and limits of this process's reading child, once it has taken its limits."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if parent != str(os.getpid()) or b"clients.formats.worker" not in (folder / "cmdline").read_bytes():
                continue
            limits = (folder / "limits").read_text()
            if f"Max open files            {worker.MAX_DESCRIPTORS} " not in limits:
                continue
            descriptors = {str(link.readlink()) for link in (folder / "fd").iterdir()}
            return descriptors, (folder / "environ").read_bytes(), limits
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None


def test_everything_imports_without_pymavlink_and_reading_names_the_extra(flight: Path, tmp_path: Path) -> None:
    """A partner's client is installed without parsers; a source that forgot the extra must be told its name."""
    program = f"""
import sys
sys.modules["pymavlink"] = None
from pathlib import Path
import clients, clients.simulator
from clients.formats import dataflash, mavlink, reading, sandbox, tactic, worker
from gateway.core.errors import CallerError
for call in (
    lambda: reading.read_log(Path({str(flight)!r}), redaction="field", guide_step_ms=3_600_000),
    lambda: clients.simulator.simulate_flight(seed=1, start_ms=0),
):
    try:
        call()
    except CallerError as error:
        print(error.code, error.do)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)

    assert run.stdout == "extra-missing pip install 'sluice-gateway[formats]'\n" * 2


def test_a_bin_needs_no_extra(tmp_path: Path) -> None:
    """Its reader is the product's own."""
    path = tmp_path / "flight.bin"
    path.write_bytes(Dataflash().gps(1_000_000).pos(2_000_000).log)
    program = f"""
import sys
sys.modules["pymavlink"] = None
from pathlib import Path
from clients.formats.extract import SourceFormat
from clients.formats.sandbox import Limits, extract_in_child
print(extract_in_child(Path({str(path)!r}), SourceFormat.DATAFLASH_BIN, Limits()).messages)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout == "5\n"


def test_the_child_is_a_program_of_its_own_that_prints_nothing_but_the_extract(flight: Path) -> None:
    """The library prints what it finds odd, and would print it into the result."""
    with flight.open("rb") as log:
        run = subprocess.run(
            [sys.executable, "-I", "-B", "-m", "clients.formats.worker", "1", "100000", str(1 << 30), "60"],
            stdin=log,
            capture_output=True,
            check=True,
            env={"LANG": "C.UTF-8"},
        )

    assert run.stdout.startswith(b"SLUICE-EXTRACT\x00")
    assert run.stdout.endswith(b"END")
    assert run.stderr == b""


def test_an_open_log_is_read_by_its_format(tmp_path: Path) -> None:
    """The child gets a descriptor and a number, and no name of a file."""
    path = tmp_path / "one.tlog"
    path.write_bytes(Tlog().heartbeat().position(5).log)
    descriptor = os.open(path, os.O_RDONLY)

    extract = worker.read_open_log(descriptor, SourceFormat.MAVLINK_TLOG, 100)
    os.close(descriptor)

    assert len(extract.tables[Table.POSITION]) == 1
