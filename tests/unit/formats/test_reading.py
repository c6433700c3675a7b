"""From a file to the contents of records: what arrives is canonical, checked, redacted, and says what is missing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message
from pymavlink import DFReader

from clients.formats.extract import Extract, SourceFormat, Table, TimeSource
from clients.formats.reading import NOTHING_LEFT, LogReading, UnitFacts, build_reading, read_log
from clients.formats.redaction import PROFILES
from clients.simulator import CANARIES, PLACE_E7, UID, simulate_flight
from gateway.core.errors import CallerError
from gateway.core.kinds import check_portion, check_record, parse_portion, portion_to_json, telemetry
from gateway.core.kinds.ranges import check_ranges
from gateway.core.suite.numbers import DataMode, Schema
from tests.unit.formats.logs import PLACE, START_US, Dataflash, Tlog

HOUR_MS = 3_600_000
SAMPLE = "mavlink/ardupilot_dataflash_test.BIN"


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's flight: 12 km over ground."""
    path = tmp_path_factory.mktemp("logs") / "flight.tlog"
    path.write_bytes(simulate_flight(seed=7, start_ms=START_US // 1000))
    return path


@pytest.fixture(scope="module")
def short_flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flight that leaves the circle around take-off for half a minute."""
    path = tmp_path_factory.mktemp("logs") / "short.tlog"
    path.write_bytes(simulate_flight(seed=8, start_ms=START_US // 1000, length_m=4_500))
    return path


def _guarded(reading: LogReading) -> list[dict[int, Message]]:
    """Every record through every check the gateway makes of its contents."""
    checked = []
    for contents in reading.records:
        messages = {slot: parse_portion(Schema.TELEMETRY_1, slot, content) for slot, content in contents.items()}
        for slot, message in messages.items():
            check_portion(Schema.TELEMETRY_1, slot, message)
            check_ranges(Schema.TELEMETRY_1, slot, message)
        check_record(Schema.TELEMETRY_1, messages, time_step_ms=HOUR_MS)
        checked.append(messages)
    return checked


def _json(reading: LogReading, slot: int) -> Iterator[dict[str, object]]:
    for messages in _guarded(reading):
        if slot in messages:
            yield portion_to_json(Schema.TELEMETRY_1, slot, messages[slot])


def _written(tmp_path: Path, log: Tlog | Dataflash, name: str = "log.tlog") -> Path:
    path = tmp_path / name
    path.write_bytes(log.log)
    return path


def _codes(reading: LogReading) -> list[str]:
    return [note.code for note in reading.notes]


def test_a_real_log_under_range_keeps_every_position_the_library_counts(samples: Path) -> None:
    """The promise to a test range, counted without any code of ours."""
    library = DFReader.DFReader_binary(str(samples / SAMPLE))
    fused = []
    while (message := library.recv_match(type="POS")) is not None:
        fused.append((round(message.Lat * 1e7), round(message.Lng * 1e7)))

    reading = read_log(samples / SAMPLE, redaction="range", guide_step_ms=HOUR_MS)

    (position,) = _json(reading, telemetry.POSITION)
    assert list(zip(position["lat_e7"], position["lon_e7"], strict=True)) == fused  # type: ignore[call-overload]
    assert reading.rows["position"] == position["rows"] == len(fused) == 23
    assert reading.samples == sum(reading.rows.values())
    assert (reading.source_format, reading.time_source, reading.platform_class) == ("DATAFLASH", "GNSS", "FIXED_WING")
    assert _codes(reading) == ["log-truncated"]


def test_a_real_log_that_never_leaves_home_gives_nothing_under_field_and_says_why(samples: Path) -> None:
    """Exactly this sentence is what the command prints."""
    reading = read_log(samples / SAMPLE, redaction="field", guide_step_ms=HOUR_MS)

    assert (reading.records, reading.samples) == ([], 0)
    assert [note.message for note in reading.notes if note.code == "nothing-left"] == [
        "whole flight lies within 2,000 m of take-off"
    ]
    assert reading.report.rows[Table.POSITION] == 23


def test_the_demos_flight_gives_about_a_dozen_records_that_pass_every_check_of_the_guard(flight: Path) -> None:
    """What a source signs must never be refused for its contents."""
    reading = read_log(flight, redaction="field", guide_step_ms=HOUR_MS, max_rows=512, data_mode=DataMode.SIMULATED)

    checked = _guarded(reading)

    assert 10 <= len(checked) <= 14
    assert all(telemetry.POSITION in messages and telemetry.POSITION_COARSE in messages for messages in checked)
    assert reading.notes == []
    about = next(_json(reading, telemetry.ABOUT))
    assert about["sidc"] == "10230100000000000000"
    assert about["platform_class"] == "MULTIROTOR"
    assert about["dropped"] == ["HOME", "ENDS", "IDENTIFIERS", "PARAMETERS", "MISSION", "FREE_TEXT"]
    assert reading.start_ms < reading.end_ms


def test_about_tells_times_only_to_the_guides_step(short_flight: Path) -> None:
    """Who may only know that a flight was must not learn when."""
    reading = read_log(short_flight, redaction="range", guide_step_ms=HOUR_MS, max_rows=512)

    for about in _json(reading, telemetry.ABOUT):
        assert about["t0_ms"] == START_US // 1000 // HOUR_MS * HOUR_MS
        assert about["t1_ms"] == (START_US // 1000 // HOUR_MS + 1) * HOUR_MS


@pytest.mark.parametrize("redaction", ["field", "range"])
def test_no_identifier_parameter_text_or_home_is_in_any_byte_of_any_record(short_flight: Path, redaction: str) -> None:
    """The canaries of the simulator stand for what would give a unit away."""
    log = short_flight.read_bytes()
    home = [struct.pack("<i", degrees) for degrees in PLACE_E7] if redaction == "field" else []
    secrets = [*CANARIES, struct.pack("<Q", UID), *home]
    assert all(secret in log for secret in secrets)

    reading = read_log(short_flight, redaction=redaction, guide_step_ms=HOUR_MS)

    octets = b"".join(content for contents in reading.records for content in contents.values())
    assert len(octets) > 10_000
    assert not [secret for secret in secrets if secret in octets]


def test_unit_facts_come_from_the_caller_and_never_from_the_log(short_flight: Path) -> None:
    """A log's identifiers belong to the unit; only the unit may put them into a record."""
    unit = UnitFacts(unit_name="414 окремий полк", callsign="Марлін", serial="SN-7")

    told = read_log(short_flight, redaction="field", guide_step_ms=HOUR_MS, unit=unit, design_id="FPV-7")
    silent = read_log(short_flight, redaction="field", guide_step_ms=HOUR_MS, unit=UnitFacts())

    assert list(_json(told, telemetry.UNIT)) == [
        {"unit_name": "414 окремий полк", "callsign": "Марлін", "serial": "SN-7"}
    ] * len(told.records)
    assert next(_json(told, telemetry.ABOUT))["design_id"] == "FPV-7"
    assert list(_json(silent, telemetry.UNIT)) == []
    assert "design_id" not in next(_json(silent, telemetry.ABOUT))


def test_the_same_log_gives_the_same_records(short_flight: Path) -> None:
    """A second publish must be recognised as the same flight."""
    one = read_log(short_flight, redaction="field", guide_step_ms=HOUR_MS)
    two = read_log(short_flight, redaction="field", guide_step_ms=HOUR_MS)

    assert one == two


def test_a_damaged_log_gives_what_is_whole_and_notes_what_is_not(tmp_path: Path) -> None:
    """A partial result has a name, or nobody would know that it is partial."""
    log = Tlog().heartbeat().position(0)
    log.log += b"\xfdbroken"
    log.position(1_000).position(2_000, system=9).heartbeat(system=9)
    log.position(3_000, boot_ms=3_000)
    log.log = log.log[:-3]

    reading = read_log(_written(tmp_path, log), redaction="range", guide_step_ms=HOUR_MS)

    assert _codes(reading) == ["log-truncated", "log-damaged", "other-vehicles", "time-from-recorder"]
    assert str(reading.notes[1]) == "note[log-damaged]: 7 bytes between messages are damaged and left out"
    assert reading.rows["position"] == 2
    assert "UNREADABLE" in next(_json(reading, telemetry.ABOUT))["dropped"]  # type: ignore[operator]  # a list


def test_impossible_times_and_values_are_left_out_and_said() -> None:
    """What the guard would refuse is never signed."""
    extract = Extract(SourceFormat.MAVLINK_TLOG, TimeSource.GNSS, vehicle_type=2, messages=9)
    for second in range(5):
        extract.tables[Table.GNSS].add(START_US + second * 1_000_000, satellites=200 if second == 4 else 9)
    extract.tables[Table.LINK].add(5, rssi=7)

    reading = build_reading(
        extract,
        at="flight.tlog",
        profile=PROFILES["range"],
        guide_step_ms=HOUR_MS,
        max_rows=4096,
        design_id=None,
        unit=None,
        platform_class=None,
        data_mode=DataMode.REAL,
    )

    assert _codes(reading) == ["times-implausible", "values-out-of-range"]
    assert next(_json(reading, telemetry.GNSS))["satellites"] == [9, 9, 9, 9, None]
    assert "area_mgrs100k" not in next(_json(reading, telemetry.ABOUT))


def test_times_since_boot_are_said_in_the_record_and_in_a_note(tmp_path: Path) -> None:
    """A reader must not take the first day of 1970 for a date."""
    path = _written(tmp_path, Dataflash().pos(1_000_000).pos(2_000_000), "log.BIN")

    reading = read_log(path, redaction="range", guide_step_ms=HOUR_MS, platform_class="VTOL")

    assert _codes(reading) == ["time-since-boot"]
    about = next(_json(reading, telemetry.ABOUT))
    assert (about["time_source"], about["t0_ms"], about["platform_class"]) == ("LOG_BOOT", 0, "VTOL")


def test_a_log_without_a_fix_gives_nothing_under_field_and_its_own_reason(tmp_path: Path) -> None:
    """Nothing is proven to be away from take-off, but neither is it known to be near."""
    log = Tlog().heartbeat().add(5, "RADIO_STATUS", 1, 2, 3, 4, 5, 6, 7, system=51)

    reading = read_log(_written(tmp_path, log), redaction="field", guide_step_ms=HOUR_MS)

    assert reading.records == []
    assert _codes(reading) == ["time-from-recorder", "no-position-fix"]


def test_a_log_of_an_unknown_kind_of_vehicle_needs_the_callers_word(tmp_path: Path) -> None:
    """The class is required, and a guess would be signed."""
    path = _written(tmp_path, Tlog().heartbeat(vehicle_type=4).position(5))

    with pytest.raises(CallerError) as error:
        read_log(path, redaction="range", guide_step_ms=HOUR_MS)
    told = read_log(path, redaction="range", guide_step_ms=HOUR_MS, platform_class="SURFACE")

    assert error.value.code == "platform-unknown"
    assert told.platform_class == "SURFACE"
    assert read_log(path, redaction="field", guide_step_ms=HOUR_MS).notes[-1].message == NOTHING_LEFT


def test_a_track_over_the_edge_of_a_square_is_two_records(tmp_path: Path) -> None:
    """Each record names the one square all of it lies in; a central meridian parts two squares."""
    log = Tlog().heartbeat()
    for second in range(4):
        log.position(second * 1000, (PLACE[0], -210_000_500 + 300 * second))

    reading = read_log(_written(tmp_path, log), redaction="range", guide_step_ms=HOUR_MS)

    areas = [about["area_mgrs100k"] for about in _json(reading, telemetry.ABOUT)]
    assert len(areas) == len(set(areas)) == 2
    assert reading.rows["position"] == 4


def test_a_log_that_would_give_more_records_than_anyone_signs_is_refused() -> None:
    """A track forged to change its square at every row must not keep the source busy for hours."""
    extract = Extract(SourceFormat.MAVLINK_TLOG, TimeSource.GNSS, vehicle_type=2, messages=9)
    for second in range(10_001):
        extract.tables[Table.LINK].add(START_US + second * 1_000_000, rssi=9)

    with pytest.raises(CallerError) as error:
        build_reading(
            extract,
            at="flight.tlog",
            profile=PROFILES["range"],
            guide_step_ms=HOUR_MS,
            max_rows=1,
            design_id=None,
            unit=None,
            platform_class=None,
            data_mode=DataMode.REAL,
        )

    assert error.value.code == "log-too-large"


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("log.txt", {}, "log-format-unknown"),
        ("log.tlog", {"redaction": "none"}, "redaction-unknown"),
        ("log.tlog", {"guide_step_ms": 0}, "guide-step"),
        ("log.tlog", {"max_rows": 0}, "max-rows"),
        ("log.tlog", {"max_rows": 4097}, "max-rows"),
        ("log.tlog", {}, "log-empty"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_by_name(
    tmp_path: Path, name: str, arguments: dict[str, object], code: str
) -> None:
    """Every refusal has a code that a person can look up."""
    path = _written(tmp_path, Tlog().add(0, "PARAM_VALUE", b"SECRET", 1.0, 9, 1, 0), name)
    asked: dict[str, object] = {"redaction": "range", "guide_step_ms": HOUR_MS, **arguments}

    with pytest.raises(CallerError) as error:
        read_log(path, **asked)  # type: ignore[arg-type]  # each case breaks one argument

    assert error.value.code == code
    assert "SECRET" not in str(error.value)
