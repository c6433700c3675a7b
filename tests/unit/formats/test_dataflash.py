"""What a `.BIN` becomes: values, units, times, and whose they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymavlink import DFReader

from clients.formats.dataflash import utc_of_gps
from clients.formats.extract import UNKNOWN, Extract, Finding, Removed, Table, TimeSource
from tests.unit.formats.logs import PLACE, Dataflash, read_dataflash

SAMPLE = "mavlink/ardupilot_dataflash_test.BIN"


def _column(extract: Extract, table: Table, name: str) -> list[int]:
    return list(extract.tables[table].column(name))


def _library(path: Path) -> dict[str, list[DFReader.DFMessage]]:
    messages: dict[str, list[DFReader.DFMessage]] = {}
    reader = DFReader.DFReader_binary(str(path))
    while (message := reader.recv_msg()) is not None:
        messages.setdefault(message.get_type(), []).append(message)
    return messages


def test_a_real_log_reads_as_the_library_reads_it(samples: Path) -> None:
    """Position rows are counted and compared by themselves, through the library's own public reader."""
    log = (samples / SAMPLE).read_bytes()
    library = _library(samples / SAMPLE)

    extract = read_dataflash(log)

    fused = library["POS"]
    assert _column(extract, Table.POSITION, "lat_e7") == [round(m.Lat * 1e7) for m in fused]
    assert _column(extract, Table.POSITION, "lon_e7") == [round(m.Lng * 1e7) for m in fused]
    assert _column(extract, Table.POSITION, "alt_msl_mm") == [round(m.Alt * 1000) for m in fused]
    # The library takes its time from the first fix alone, this reader from the middle of all of them.
    times = _column(extract, Table.POSITION, "t_us")
    assert all(abs(t - m._timestamp * 1e6) < 10_000 for t, m in zip(times, fused, strict=True))
    assert len(extract.tables[Table.GNSS]) == len(library["GPS"])
    assert extract.removed[Removed.PARAMETERS] == len(library["PARM"])
    assert extract.removed[Removed.MISSION] == len(library["CMD"])
    assert extract.removed[Removed.TEXT] == len(library["MSG"])
    assert extract.removed[Removed.HOME] == len(library["ORGN"])
    assert extract.vehicle_type == 1
    assert extract.time_source is TimeSource.GNSS


def test_gps_time_becomes_utc_with_the_leap_seconds_of_its_day() -> None:
    """A flight of 2014 lies two seconds nearer to GPS time than one of today."""
    assert utc_of_gps(1930, 0) == 1_483_228_782_000_000
    assert utc_of_gps(2000, 500) - utc_of_gps(1999, 0) == 604_800_500_000
    assert [utc_of_gps(week, 0) % 60_000_000 for week in (1500, 1700, 1860, 1930)] == [
        45_000_000,
        44_000_000,
        43_000_000,
        42_000_000,
    ]


def test_times_are_the_median_fixs_so_that_one_damaged_fix_moves_nothing() -> None:
    """The format has no checksum: one flipped bit of a week must not move a flight by years."""
    log = Dataflash()
    for t_us, week in ((1_000_000, 2421), (2_000_000, 9), (3_000_000, 2421), (4_000_000, 2421)):
        log.gps(t_us, week=week)
    log.pos(2_500_000)

    extract = log.read()

    assert extract.time_source is TimeSource.GNSS
    assert _column(extract, Table.POSITION, "t_us") == [utc_of_gps(2421, 2_500)]


def test_a_log_without_a_fix_counts_its_times_from_boot() -> None:
    """Without satellites a dataflash log knows no date, and must not claim one."""
    extract = Dataflash().gps(1_000_000, status=1).pos(2_000_000).read()

    assert extract.time_source is TimeSource.LOG_BOOT
    assert _column(extract, Table.POSITION, "t_us") == [2_000_000]
    assert _column(extract, Table.POSITION, "dead_reckoning") == [1]


def test_a_position_takes_accuracy_and_separation_from_the_last_two_seconds() -> None:
    """Held facts are about the first receiver and short-lived."""
    accuracy = "GPA QBCCCf TimeUS,I,VDop,HAcc,VAcc,Und"
    log = Dataflash().pos(500_000).gps(1_000_000)
    log.add(accuracy, 1_000_000, 0, 100, 161, 241, -20.5).add(accuracy, 1_000_001, 1, 100, 999, 999, 7.0)
    log.pos(1_100_000).pos(3_000_001)

    extract = log.read()

    assert _column(extract, Table.POSITION, "h_acc_mm") == [UNKNOWN, 1610, UNKNOWN]
    assert _column(extract, Table.POSITION, "v_acc_mm") == [UNKNOWN, 2410, UNKNOWN]
    assert _column(extract, Table.POSITION, "fix_type") == [UNKNOWN, 3, UNKNOWN]
    assert _column(extract, Table.POSITION, "alt_hae_mm") == [UNKNOWN, 604_500, UNKNOWN]
    assert _column(extract, Table.KINEMATICS, "rel_alt_mm") == [2000, UNKNOWN, 2000, 2000]


def test_a_log_without_fused_positions_is_tracked_by_its_receiver() -> None:
    """Old logs have GPS only; a second receiver gives no rows, but its fixes are places to keep away from."""
    second = (PLACE[0] + 5, PLACE[1] + 5)
    log = Dataflash().gps(1_000_000).gps(1_000_001, second, receiver=1).gps(1_000_002, (0, 0)).gps(1_000_003, status=1)
    log.add("GPS2 QBBIHBcLLe TimeUS,I,Status,GMS,GWk,NSats,HDop,Lat,Lng,Alt", 2, 1, 3, 0, 0, 9, 0, 1, 1, 0)

    extract = log.read()

    assert _column(extract, Table.POSITION, "lat_e7") == [PLACE[0]]
    assert _column(extract, Table.POSITION, "alt_msl_mm") == [588_820]
    assert _column(extract, Table.GNSS, "hdop_c") == [77, 77, 77]
    assert _column(extract, Table.KINEMATICS, "course_cdeg") == [100, 100, 100]
    assert extract.centres == [PLACE, second, (1, 1)]


def test_each_message_gives_one_row_that_knows_only_what_the_message_says() -> None:
    """A source must not sign what its vehicle did not say."""
    log = Dataflash()
    log.add("ATT QccC TimeUS,Roll,Pitch,Yaw", 1, -718, 255, 36_010)
    log.add("XKF1 QBfff TimeUS,C,VN,VE,VD", 2, 0, 1.0, -2.0, 0.5).add(
        "XKF1 QBfff TimeUS,C,VN,VE,VD", 3, 1, 9.0, 9.0, 9.0
    )
    log.add("NKF1 Qfff TimeUS,VN,VE,VD", 4, 7.0, 7.0, 7.0)
    log.add("ARSP QBf TimeUS,I,Airspeed", 5, 0, 17.5).add("ARSP QBf TimeUS,I,Airspeed", 6, 1, 99.0)
    log.add("BAT QBffffB TimeUS,Inst,Volt,Curr,CurrTot,Temp,RemPct", 7, 0, 12.4, 1.17, 24.2, 0.0, 91)
    log.add("BAT QBffffB TimeUS,Inst,Volt,Curr,CurrTot,Temp,RemPct", 8, 1, 99.0, 99.0, 99.0, 99.0, 99)
    log.add("UBX1 QBHB TimeUS,Instance,noisePerMS,jamInd", 9, 0, 83, 12).add(
        "UBX1 QBHB TimeUS,Instance,noisePerMS,jamInd", 10, 1, 1, 1
    )
    log.add("RAD QBBBBBHH TimeUS,RSSI,RemRSSI,TxBuf,Noise,RemNoise,RxErrors,Fixed", 11, 111, 115, 88, 35, 33, 3, 0)

    extract = log.read()

    assert _column(extract, Table.KINEMATICS, "yaw_cdeg") == [10, UNKNOWN, UNKNOWN]
    assert _column(extract, Table.KINEMATICS, "roll_cdeg") == [-718, UNKNOWN, UNKNOWN]
    assert _column(extract, Table.KINEMATICS, "vn_cms") == [UNKNOWN, 100, UNKNOWN]
    assert _column(extract, Table.KINEMATICS, "vd_cms") == [UNKNOWN, 50, UNKNOWN]
    assert _column(extract, Table.KINEMATICS, "airspeed_cms") == [UNKNOWN, UNKNOWN, 1750]
    assert _column(extract, Table.VEHICLE, "voltage_mv") == [12_400]
    assert _column(extract, Table.VEHICLE, "current_ca") == [117]
    assert _column(extract, Table.VEHICLE, "consumed_mah") == [24]
    assert _column(extract, Table.VEHICLE, "remaining_pct") == [91]
    assert _column(extract, Table.VEHICLE, "temp_cdegc") == [UNKNOWN]
    assert _column(extract, Table.GNSS, "noise_per_ms") == [83]
    assert _column(extract, Table.GNSS, "jamming_indicator") == [12]
    assert _column(extract, Table.LINK, "remote_noise") == [33]
    assert _column(extract, Table.LINK, "rx_errors") == [3]


def test_the_vehicles_state_is_told_in_the_words_of_the_schema() -> None:
    """Modes, arming, failsafes and motors come from seven kinds of messages."""
    log = Dataflash()
    log.add("MSG QZ TimeUS,Message", 1, "ArduCopter V4.5.1").add("MSG QZ TimeUS,Message", 1, "Frame: QUAD/X")
    log.add("MODE QMBB TimeUS,Mode,ModeNum,Rsn", 2, 6, 6, 0).add("MODE QMBB TimeUS,Mode,ModeNum,Rsn", 3, 99, 99, 0)
    log.add("ARM QB TimeUS,ArmState", 4, 1)
    for t_us, event in ((5, 10), (6, 11), (7, 28)):
        log.add("EV QB TimeUS,Id", t_us, event)
    log.add("STAT QBfB TimeUS,isFlying,isFlyProb,Armed", 8, 1, 1.0, 1)
    for t_us, subsystem, code in ((9, 5, 1), (10, 16, 2), (11, 5, 0), (12, 10, 1)):
        log.add("ERR QBB TimeUS,Subsys,ECode", t_us, subsystem, code)
    for t_us, motor, rpm in ((13, 0, 1000), (14, 1, 2001), (15, 0, 3000)):
        log.add("ESC QBf TimeUS,Instance,RPM", t_us, motor, float(rpm))

    extract = log.read()
    vehicle = {
        name: [value for value in _column(extract, Table.VEHICLE, name) if value != UNKNOWN]
        for name in ("mode", "armed", "failsafe_bits", "rpm")
    }

    assert vehicle == {"mode": [8, 0], "armed": [1, 1, 0, 1], "failsafe_bits": [1, 17, 16], "rpm": [1500]}
    assert extract.vehicle_type == 2


@pytest.mark.parametrize(("build", "vehicle_type"), [(1, 10), (2, 2), (3, 1), (13, 4), (99, 0xFFFF)])
def test_the_version_message_says_what_kind_of_vehicle_it_is(build: int, vehicle_type: int) -> None:
    """Newer logs name the build and not only a text."""
    log = Dataflash().add("VER QBHBB TimeUS,BT,BST,Maj,BU", 1, 0, 0, 4, build)

    extract = log.read()

    assert extract.vehicle_type == vehicle_type
    assert extract.removed == {Removed.UID: 1}


def test_homes_are_places_to_keep_away_from() -> None:
    """A log may begin in the air: then home is the only trace of take-off."""
    home, origin = (PLACE[0] + 7, PLACE[1] + 7), (PLACE[0] + 8, PLACE[1] + 8)
    log = Dataflash().gps(1_000_000)
    log.add("ORGN QBLLe TimeUS,Type,Lat,Lng,Alt", 2_000_000, 0, *home, 0)
    log.add("ORGN QBLLe TimeUS,Type,Lat,Lng,Alt", 2_000_000, 1, *origin, 0)

    extract = log.read()

    assert extract.centres == [PLACE, home, origin]
    assert extract.removed == {Removed.HOME: 2}


def test_a_message_without_a_time_or_of_an_unread_kind_gives_no_row() -> None:
    """What cannot be placed in time cannot be part of a track."""
    log = Dataflash().add("ATT IccC TimeMS,Roll,Pitch,Yaw", 1, 1, 1, 1).add("IMU Qf TimeUS,GyrX", 1, 1.0)
    log.add("GPS IBLLe TimeMS,Status,Lat,Lng,Alt", 1, 3, *PLACE, 5)

    extract = log.read()

    assert not any(len(rows) for rows in extract.tables.values())
    assert extract.removed == {Removed.OTHER: 1}


def test_cut_and_damaged_bytes_are_counted() -> None:
    """A person must see how much of a log is missing."""
    whole = Dataflash().gps(1_000_000).pos(2_000_000)
    start = len(whole.log)
    whole.pos(3_000_000).pos(4_000_000)
    broken = whole.log[:start] + b"\x00" * 7 + whole.log[start:]

    assert whole.read().findings == {}
    assert read_dataflash(broken).findings == {Finding.DAMAGED: 7}
    assert Finding.TRUNCATED in read_dataflash(whole.log[:-5]).findings
    assert read_dataflash(whole.log + bytes(40)).findings == {Finding.TRUNCATED: 40}
    assert len(read_dataflash(broken).tables[Table.POSITION]) == 3


def test_reading_stops_at_the_row_that_is_too_many() -> None:
    """The limit bounds the memory of child and parent alike."""
    log = Dataflash()
    for number in range(50):
        log.pos(number * 1000)

    extract = log.read(max_rows=20)

    assert Finding.TOO_MANY_ROWS in extract.findings
    assert sum(len(rows) for rows in extract.tables.values()) <= 24
