"""Captured, damaged and forged logs: every one ends in a named refusal or a named result, and none gives a unit away.

Fifty truncations and five hundred runs of random bit flips of a simulated `.tlog`, and of a real `.BIN` where there are
sample logs. The choices follow the run's seed, which the header prints. Threats: a reader that hangs or dies with the
client, a partial flight that looks whole, a flipped bit that carries home past the redaction.
"""

from __future__ import annotations

import os
import random
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from clients.formats.extract import SourceFormat
from clients.formats.reading import LogReading, build_reading, read_log
from clients.formats.redaction import PROFILES
from clients.formats.sandbox import Limits, accept, ended
from clients.simulator import CANARIES, PLACE_E7, UID, simulate_flight
from gateway.core.errors import CallerError
from gateway.core.kinds import check_portion, check_record, parse_portion, portion_to_json, telemetry
from gateway.core.kinds.ranges import check_ranges
from gateway.core.suite.numbers import DataMode, Schema

HOUR_MS = 3_600_000
TRUNCATIONS, FLIPS = 50, 500
SECONDS_PER_LOG = 120
SAMPLE = "mavlink/ardupilot_dataflash_test.BIN"
NAMED = {"log-unreadable", "log-too-large", "log-timeout", "log-empty", "platform-unknown"}
LIMITS = Limits()
_READER = Path(__file__).with_name("hostile_reader.py")


# What a child handed back, or the refusal its end is called.
Outcome = bytes | CallerError


@dataclass(frozen=True)
class Target:
    """A log, and what must not leave it: canaries nowhere, home's degrees not under `field`."""

    log: bytes
    source_format: SourceFormat
    suffix: str
    canaries: tuple[bytes, ...]
    home_e7: tuple[int, int]


@pytest.fixture(scope="module")
def tlog() -> Target:
    """A short flight that never leaves home."""
    log = simulate_flight(seed=11, start_ms=1_780_000_000_000, length_m=160)
    return Target(log, SourceFormat.MAVLINK_TLOG, ".tlog", (*CANARIES, struct.pack("<Q", UID)), PLACE_E7)


@pytest.fixture(scope="module")
def dataflash(samples: Path) -> Target:
    """A real log that never leaves home."""
    canaries = (b"FORMAT_VERSION", b"SYSID_", b"ArduPlane", b"PX4: 0384802e", b"NuttX: ")
    log = (samples / SAMPLE).read_bytes()
    return Target(log, SourceFormat.DATAFLASH_BIN, ".bin", canaries, (-353_626_298, 1_491_653_055))


@pytest.fixture(scope="module", params=["tlog", "dataflash"])
def target(request: pytest.FixtureRequest) -> Target:
    """Each format in turn."""
    chosen: Target = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture(scope="module")
def truncated(target: Target, seed: int, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """What fifty truncations end in."""
    mutants = _truncated(target, random.Random(f"truncated {seed}"))
    return _read_all(mutants, target.source_format, tmp_path_factory.mktemp("truncated"))


@pytest.fixture(scope="module")
def flipped(target: Target, seed: int, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """What five hundred runs of flips end in."""
    mutants = _flipped(target, random.Random(f"flipped {seed}"))
    return _read_all(mutants, target.source_format, tmp_path_factory.mktemp("flipped"))


def _truncated(target: Target, rng: random.Random) -> list[bytes]:
    return [target.log[: rng.randrange(len(target.log))] for _ in range(TRUNCATIONS)]


def _flipped(target: Target, rng: random.Random) -> list[bytes]:
    mutants = []
    for _ in range(FLIPS):
        mutant = bytearray(target.log)
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            mutant[rng.randrange(len(mutant))] ^= 1 << rng.randrange(8)
        mutants.append(bytes(mutant))
    return mutants


def _read_all(mutants: list[bytes], source_format: SourceFormat, folder: Path) -> list[Outcome]:
    """Each mutant's outcome; fails if one takes longer than its time."""
    for number, mutant in enumerate(mutants):
        (folder / f"{number:04}").write_bytes(mutant)
    outcomes: list[Outcome] = []
    while len(outcomes) < len(mutants):
        arguments = [str(int(source_format)), str(LIMITS.rows), str(len(outcomes)), str(folder)]
        with subprocess.Popen([sys.executable, str(_READER), *arguments], stdout=subprocess.PIPE) as child:
            try:
                outcomes += [ended(1, LIMITS, folder) if refused else extract for refused, extract in _outcomes(child)]
            finally:
                child.kill()
        if len(outcomes) < len(mutants):
            outcomes.append(ended(child.wait() or 1, LIMITS, folder))
    return outcomes


def _outcomes(child: subprocess.Popen[bytes]) -> Iterator[tuple[bool, bytes]]:
    assert child.stdout is not None
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            assert selector.select(SECONDS_PER_LOG), f"a damaged log took more than {SECONDS_PER_LOG} s to read"
            part = os.read(child.stdout.fileno(), 1 << 20)
            if not part:
                return
            buffer += part
            while len(buffer) >= 9 and len(buffer) >= 9 + struct.unpack(">I", buffer[5:9])[0]:
                end = 9 + struct.unpack(">I", buffer[5:9])[0]
                yield bool(buffer[4]), buffer[9:end]
                buffer = buffer[end:]


def _result(read: Callable[[], LogReading]) -> LogReading | CallerError:
    try:
        return read()
    except CallerError as error:
        return error


def _reading(encoded: bytes, redaction: str) -> LogReading:
    return build_reading(
        accept(encoded, LIMITS, Path("hostile")),
        at="hostile",
        profile=PROFILES[redaction],
        guide_step_ms=HOUR_MS,
        max_rows=4096,
        design_id=None,
        unit=None,
        platform_class=None,
        data_mode=DataMode.SIMULATED,
    )


def _check(target: Target, outcome: Outcome, redaction: str) -> str:
    """The name of the end of a log that a child has read."""
    if isinstance(outcome, CallerError):
        return _checked(target, outcome, redaction)
    return _checked(target, _result(partial(_reading, outcome, redaction)), redaction)


def _checked(target: Target, result: LogReading | CallerError, redaction: str) -> str:
    """The name of an end; fails if it has none, or if a record breaks a law or tells a secret."""
    if isinstance(result, CallerError):
        assert result.code in NAMED, result
        assert not [canary for canary in target.canaries if canary in str(result).encode()]
        return result.code
    for contents in result.records:
        _check_record(target, contents, redaction)
    return result.notes[0].code if result.notes else "whole"


def _check_record(target: Target, contents: dict[int, bytes], redaction: str) -> None:
    octets = b"".join(contents.values())
    assert not [canary for canary in target.canaries if canary in octets]
    messages = {slot: parse_portion(Schema.TELEMETRY_1, slot, content) for slot, content in contents.items()}
    for slot, message in messages.items():
        check_portion(Schema.TELEMETRY_1, slot, message)
        check_ranges(Schema.TELEMETRY_1, slot, message)
    check_record(Schema.TELEMETRY_1, messages, time_step_ms=HOUR_MS)
    if redaction == "field" and telemetry.POSITION in messages:
        track = portion_to_json(Schema.TELEMETRY_1, telemetry.POSITION, messages[telemetry.POSITION])
        for name, home in zip(("lat_e7", "lon_e7"), target.home_e7, strict=True):
            degrees = track[name]
            assert isinstance(degrees, list)
            assert all(abs(value - home) > 100_000 for value in degrees), f"{name} of home came through"


def test_every_truncated_log_ends_in_a_named_refusal_or_a_named_partial_result(
    target: Target, truncated: list[Outcome]
) -> None:
    """A recorder lost power; half a flight must say that it is half, or be no flight."""
    names = [_check(target, outcome, "range") for outcome in truncated]

    assert len(names) == TRUNCATIONS
    # A cut exactly between two messages leaves a shorter log that is whole: of forty places, one.
    assert names.count("whole") <= TRUNCATIONS // 3


def test_every_log_with_flipped_bits_ends_in_a_named_refusal_or_result(target: Target, flipped: list[Outcome]) -> None:
    """Flash wears out and forgers exist; the format with checksums notices, the other keeps to its ranges."""
    names = [_check(target, outcome, "range") for outcome in flipped]

    assert len(names) == FLIPS
    assert len({name for name in names if name != "whole"}) >= 2


def test_no_damage_carries_home_past_the_redaction(
    target: Target, truncated: list[Outcome], flipped: list[Outcome]
) -> None:
    """Neither degree of home may be in a record of a flight that never left it, whatever was flipped or cut."""
    names = [_check(target, outcome, "field") for outcome in truncated + flipped]

    assert len(names) == TRUNCATIONS + FLIPS


def test_damaged_logs_through_the_products_own_child(target: Target, rng: random.Random, tmp_path: Path) -> None:
    """A few of each through the whole way, a process for each."""
    for number, mutant in enumerate(_truncated(target, rng)[:6] + _flipped(target, rng)[:6]):
        path = tmp_path / f"{number}{target.suffix}"
        path.write_bytes(mutant)
        result = _result(partial(read_log, path, redaction="range", guide_step_ms=HOUR_MS))
        assert _checked(target, result, "range")


def test_noise_zeroes_and_a_log_inside_a_log_are_named(rng: random.Random, tmp_path: Path, tlog: Target) -> None:
    """What a card holds when it holds no log."""
    noise = rng.randbytes(200_000)
    logs = {
        "noise.tlog": noise,
        "noise.bin": noise,
        "zeroes.tlog": bytes(200_000),
        "zeroes.bin": bytes(200_000),
        "markers.tlog": b"\xfd" * 200_000,
        "markers.bin": b"\xa3\x95\x80" * 60_000,
        "other.bin": tlog.log,
        "tiny.tlog": b"\xfd",
        "tiny.bin": b"\xa3\x95",
    }
    begun = time.monotonic()

    for name, log in logs.items():
        (tmp_path / name).write_bytes(log)
        with pytest.raises(CallerError) as error:
            read_log(tmp_path / name, redaction="range", guide_step_ms=HOUR_MS)
        assert error.value.code in NAMED

    assert time.monotonic() - begun < SECONDS_PER_LOG * len(logs)
