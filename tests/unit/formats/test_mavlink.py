"""What a `.tlog` becomes: values, units, times, and whose they are."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pymavlink import mavutil

from clients.formats.extract import UNKNOWN, Finding, Removed, Table, TimeSource
from clients.formats.mavlink import removed_kind
from clients.simulator import simulate_flight
from tests.unit.formats.logs import PLACE, START_US, Tlog


def _column(log: Tlog, table: Table, name: str) -> list[int]:
    return list(log.read().tables[table].column(name))


def test_a_simulated_flight_reads_as_the_library_reads_it(tmp_path: Path) -> None:
    """The reader's own framing must lose nothing: every row is compared with pymavlink's reader."""
    path = tmp_path / "flight.tlog"
    path.write_bytes(simulate_flight(seed=3, start_ms=START_US // 1000, length_m=400))
    log = Tlog()
    log.log = path.read_bytes()
    extract = log.read()
    library: dict[str, list[object]] = {}
    connection = mavutil.mavlink_connection(str(path))
    while (message := connection.recv_match()) is not None:
        library.setdefault(message.get_type(), []).append(message)

    position = extract.tables[Table.POSITION]

    assert extract.messages == sum(len(messages) for messages in library.values())
    assert extract.findings == {}
    fused = library["GLOBAL_POSITION_INT"]
    assert list(position.column("lat_e7")) == [m.lat for m in fused]  # type: ignore[attr-defined]  # generated
    assert list(position.column("lon_e7")) == [m.lon for m in fused]  # type: ignore[attr-defined]  # generated
    assert list(position.column("alt_msl_mm")) == [m.alt for m in fused]  # type: ignore[attr-defined]  # generated
    assert len(extract.tables[Table.LINK]) == len(library["RADIO_STATUS"])
    assert len(extract.tables[Table.GNSS]) == len(library["GPS_RAW_INT"])
    assert extract.removed[Removed.PARAMETERS] == len(library["PARAM_VALUE"])
    assert extract.removed[Removed.HOME] == len(library["HOME_POSITION"])
    assert extract.removed[Removed.TEXT] == len(library["STATUSTEXT"])
    heard = library["HEARTBEAT"] + library["SYS_STATUS"] + library["BATTERY_STATUS"] + library["ESC_TELEMETRY_1_TO_4"]
    ground = [m for m in library["HEARTBEAT"] if m.type == 6]  # type: ignore[attr-defined]  # generated
    assert len(extract.tables[Table.VEHICLE]) == len(heard) - len(ground)


def test_a_fused_position_takes_accuracy_fix_type_and_separation_from_a_fix_of_the_last_two_seconds() -> None:
    """Held facts are about the same receiver and short-lived; an old one would be an invention."""
    log = Tlog().heartbeat()
    log.position(0)
    log.fix(100, alt_ellipsoid=177_000, h_acc=900, v_acc=1400)
    log.position(200).position(2_100).position(2_200)
    log.fix(2_300, fix_type=1, alt_ellipsoid=0)
    log.position(2_400)

    assert _column(log, Table.POSITION, "fix_type") == [UNKNOWN, 3, 3, UNKNOWN, 1]
    assert _column(log, Table.POSITION, "h_acc_mm") == [UNKNOWN, 900, 900, UNKNOWN, UNKNOWN]
    assert _column(log, Table.POSITION, "alt_hae_mm") == [UNKNOWN, 178_000, 178_000, UNKNOWN, UNKNOWN]
    assert _column(log, Table.POSITION, "dead_reckoning") == [UNKNOWN, 0, 0, UNKNOWN, 1]


def test_each_message_gives_one_row_that_knows_only_what_the_message_says() -> None:
    """A source must not sign what its vehicle did not say."""
    log = Tlog().heartbeat()
    log.add(10, "ATTITUDE", 10, math.pi / 6, -math.pi / 9, -math.pi / 2, 0, 0, 0)
    log.add(20, "VFR_HUD", 12.34, 11.0, 90, 50, 100.0, 0.0)
    log.position(30).fix(40)
    nothing_known = ([65_535] * 10, -1, -1, -1, -1)
    log.add(50, "BATTERY_STATUS", 0, 0, 3, 32_767, *nothing_known)
    log.add(60, "BATTERY_STATUS", 1, 0, 3, 2_000, [4_000] * 10, 100, 5, -1, 50)
    log.add(70, "BATTERY_STATUS", 0, 0, 3, -250, [4_100, 4_000] + [65_535] * 8, 310, 55, -1, 88)
    log.add(80, "SYS_STATUS", 0, 0, 0, 0, 65_535, -1, -1, 0, 0, 0, 0, 0, 0)
    log.add(90, "ESC_TELEMETRY_1_TO_4", bytes(4), [0] * 4, [0] * 4, [0] * 4, [1000, 2001, 0, 0], [1, 1, 0, 0])
    log.add(95, "ESC_TELEMETRY_1_TO_4", bytes(4), [0] * 4, [0] * 4, [0] * 4, [0] * 4, [0] * 4)

    extract = log.read()
    kinematics, vehicle = extract.tables[Table.KINEMATICS], extract.tables[Table.VEHICLE]

    assert list(kinematics.column("roll_cdeg")) == [3000, UNKNOWN, UNKNOWN, UNKNOWN]
    assert list(kinematics.column("pitch_cdeg")) == [-2000, UNKNOWN, UNKNOWN, UNKNOWN]
    assert list(kinematics.column("yaw_cdeg")) == [27_000, UNKNOWN, 4_500, UNKNOWN]
    assert list(kinematics.column("airspeed_cms")) == [UNKNOWN, 1234, UNKNOWN, UNKNOWN]
    assert list(kinematics.column("vn_cms")) == [UNKNOWN, UNKNOWN, 100, UNKNOWN]
    assert list(kinematics.column("rel_alt_mm")) == [UNKNOWN, UNKNOWN, 20_000, UNKNOWN]
    assert list(kinematics.column("course_cdeg")) == [UNKNOWN, UNKNOWN, UNKNOWN, 4_600]
    assert list(vehicle.column("mode")) == [6, UNKNOWN, UNKNOWN]
    assert list(vehicle.column("voltage_mv")) == [UNKNOWN, 8_100, UNKNOWN]
    assert list(vehicle.column("current_ca")) == [UNKNOWN, 310, UNKNOWN]
    assert list(vehicle.column("consumed_mah")) == [UNKNOWN, 55, UNKNOWN]
    assert list(vehicle.column("remaining_pct")) == [UNKNOWN, 88, UNKNOWN]
    assert list(vehicle.column("temp_cdegc")) == [UNKNOWN, -250, UNKNOWN]
    assert list(vehicle.column("rpm")) == [UNKNOWN, UNKNOWN, 1500]


def test_a_heartbeat_says_mode_armed_and_whether_the_vehicle_is_in_distress() -> None:
    """Only autopilots count: a ground station or a gimbal is no vehicle."""
    log = Tlog().heartbeat(0, mode=6, base=1).heartbeat(10, mode=9, state=5)
    log.add(20, "HEARTBEAT", 6, 0, 192, 0, 4, 3, system=255)
    log.add(30, "HEARTBEAT", 26, 8, 0, 0, 4, 3, component=154)
    log.add(40, "HEARTBEAT", 2, 12, 81, 4 << 16 | 3 << 24, 4, 3)

    extract = log.read()
    vehicle = extract.tables[Table.VEHICLE]

    assert list(vehicle.column("mode")) == [8, 9, 5]
    assert list(vehicle.column("armed")) == [0, 1, 0]
    assert list(vehicle.column("failsafe_bits")) == [0, 128, 0]
    assert extract.vehicle_type == 2


def test_times_are_the_satellites_whatever_the_recording_computer_thought() -> None:
    """A laptop's clock may be hours off; the vehicle's SYSTEM_TIME ties both clocks to UTC."""
    utc_us = START_US - 7_000_000_000
    log = Tlog().heartbeat(0).position(0, boot_ms=50_000)
    log.add(1_000, "SYSTEM_TIME", utc_us, 51_000).add(1_500, "SYSTEM_TIME", 0, 51_500)
    log.position(2_040, boot_ms=52_000).add(3_000, "RADIO_STATUS", 1, 2, 3, 4, 5, 6, 7, system=51)

    extract = log.read()

    assert extract.time_source is TimeSource.GNSS
    assert list(extract.tables[Table.POSITION].column("t_us")) == [utc_us - 1_000_000, utc_us + 1_000_000]
    assert list(extract.tables[Table.LINK].column("t_us")) == [utc_us + 2_000_000]
    assert list(extract.tables[Table.VEHICLE].column("t_us")) == [utc_us - 1_000_000]


def test_a_reboot_in_flight_falls_back_to_the_arrival_until_the_clock_is_known_again() -> None:
    """Boot times start over after a reboot; taken literally they would throw rows hours back."""
    log = Tlog().heartbeat(0).add(0, "SYSTEM_TIME", START_US, 900_000)
    log.position(1_000, boot_ms=901_000).position(20_000, boot_ms=3_000)
    log.add(21_000, "SYSTEM_TIME", START_US + 21_000_000, 4_000).position(22_010, boot_ms=5_000)

    times = _column(log, Table.POSITION, "t_us")

    assert [t_us - START_US for t_us in times] == [1_000_000, 20_000_000, 22_000_000]


def test_a_log_without_system_time_says_that_its_times_are_the_recorders() -> None:
    """A reader must be able to tell satellite time from a laptop's."""
    extract = Tlog().heartbeat().position(5, boot_ms=77).read()

    assert extract.time_source is TimeSource.RTC
    assert list(extract.tables[Table.POSITION].column("t_us")) == [START_US + 5_000]


def test_a_log_of_two_vehicles_yields_one_and_keeps_away_from_the_fixes_of_both() -> None:
    """Mixed tracks would be a lie, and the wingman's take-off is as secret."""
    other = (PLACE[0] + 90_000, PLACE[1])
    log = Tlog().heartbeat().heartbeat(system=2, vehicle_type=1)
    log.position(0).position(100).position(50, other, system=2)

    extract = log.read()

    assert extract.vehicle_type == 2
    assert len(extract.tables[Table.POSITION]) == 2
    assert extract.findings == {Finding.OTHER_VEHICLES: 4}
    assert other in extract.centres


def test_a_vehicle_that_only_reports_its_receiver_is_tracked_by_it() -> None:
    """Simple vehicles have no fused position; a fix below two dimensions is none."""
    log = Tlog().heartbeat().fix(0, fix_type=1).fix(100, h_acc=800).fix(200, (0, 0))

    extract = log.read()
    position = extract.tables[Table.POSITION]

    assert list(position.column("lat_e7")) == [PLACE[0]]
    assert list(position.column("h_acc_mm")) == [800]
    assert list(position.column("dead_reckoning")) == [0]
    assert len(extract.tables[Table.GNSS]) == 3
    assert len(extract.tables[Table.TRACK]) == 1


def test_home_and_second_receivers_are_places_to_keep_away_from_and_no_rows() -> None:
    """A log may begin in the air: then home is the only trace of take-off."""
    home, second = (PLACE[0] + 7, PLACE[1] + 7), (PLACE[0] + 9, PLACE[1] + 9)
    log = Tlog().heartbeat().position(0)
    log.add(1, "HOME_POSITION", *home, 0, 0, 0, 0, [1, 0, 0, 0], 0, 0, 0)
    log.add(2, "GPS_GLOBAL_ORIGIN", *home, 0)
    log.add(3, "GPS2_RAW", 0, 3, *second, 0, 0, 0, 0, 0, 9, 0, 0).add(4, "GPS2_RAW", 0, 1, 1, 1, 0, 0, 0, 0, 0, 9, 0, 0)

    extract = log.read()

    assert extract.centres == [PLACE, home, second]
    assert len(extract.tables[Table.POSITION]) == 1
    assert len(extract.tables[Table.TRACK]) == 2
    assert extract.removed == {Removed.HOME: 2}


def test_jamming_and_link_columns_keep_the_devices_own_numbers() -> None:
    """Electronic warfare is what partners ask for first."""
    log = Tlog().heartbeat()
    log.add(1, "GNSS_INTEGRITY", 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0, 0)
    log.add(2, "RADIO_STATUS", 200, 255, 90, 40, 42, 7, 0, system=51).add(3, "RADIO", 1, 2, 3, 4, 5, 6, 7, system=51)

    extract = log.read()

    assert list(extract.tables[Table.GNSS].column("jamming_state")) == [3]
    assert list(extract.tables[Table.GNSS].column("spoofing_state")) == [2]
    assert list(extract.tables[Table.LINK].column("remote_rssi")) == [UNKNOWN, 2]
    assert list(extract.tables[Table.LINK].column("rx_errors")) == [7, 6]


def test_reading_stops_at_the_row_that_is_too_many() -> None:
    """The limit bounds the memory of child and parent alike."""
    log = Tlog().heartbeat()
    for at_ms in range(50):
        log.position(at_ms)

    extract = log.read(max_rows=20)

    assert Finding.TOO_MANY_ROWS in extract.findings
    assert sum(len(rows) for rows in extract.tables.values()) <= 24


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("HOME_POSITION", Removed.HOME),
        ("AUTOPILOT_VERSION", Removed.UID),
        ("OPEN_DRONE_ID_OPERATOR_ID", Removed.UID),
        ("PARAM_EXT_VALUE", Removed.PARAMETERS),
        ("MISSION_ITEM_INT", Removed.MISSION),
        ("COMMAND_LONG", Removed.MISSION),
        ("STATUSTEXT", Removed.TEXT),
        ("RAW_IMU", Removed.OTHER),
        ("", Removed.OTHER),
    ],
)
def test_what_stays_in_the_log_is_counted_under_the_name_a_person_expects(name: str, kind: Removed) -> None:
    """`--explain-drop` must be able to say that the parameters stayed at home."""
    assert removed_kind(name) is kind
