"""The simulated flight: a real log, the same for the same seed, with everything in it that must not leave a unit."""

from __future__ import annotations

import collections
from pathlib import Path

from pymavlink import mavutil

from clients.formats.extract import Table
from clients.simulator import CANARIES, PLACE_E7, simulate_flight, write_flight
from tests.unit.formats.logs import METRES_PER_E7, START_US, Tlog

_START_MS = START_US // 1000


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    """A demo that cannot be repeated cannot be checked."""
    write_flight(tmp_path / "flight.tlog", seed=5, start_ms=_START_MS, length_m=300)

    again = simulate_flight(seed=5, start_ms=_START_MS, length_m=300)

    assert (tmp_path / "flight.tlog").read_bytes() == again
    assert again != simulate_flight(seed=6, start_ms=_START_MS, length_m=300)


def test_the_library_reads_a_flight_without_one_bad_byte(tmp_path: Path) -> None:
    """It is a real log, or the demo would prove nothing about real logs."""
    path = tmp_path / "flight.tlog"
    write_flight(path, seed=5, start_ms=_START_MS)
    connection = mavutil.mavlink_connection(str(path))
    counts: collections.Counter[str] = collections.Counter()

    while (message := connection.recv_match()) is not None:
        counts[message.get_type()] += 1

    assert "BAD_DATA" not in counts
    assert 10_000 < sum(counts.values()) < 20_000
    assert set(counts) >= {
        *("HEARTBEAT", "GLOBAL_POSITION_INT", "GPS_RAW_INT", "ATTITUDE", "SYS_STATUS", "BATTERY_STATUS", "SYSTEM_TIME"),
        *("RADIO_STATUS", "HOME_POSITION", "STATUSTEXT", "PARAM_VALUE", "AUTOPILOT_VERSION", "MISSION_ITEM_INT"),
    }


def test_a_flight_goes_half_its_length_away_and_comes_back_to_land_where_it_began() -> None:
    """Twelve kilometres over ground, six of them away from home."""
    log = Tlog()
    log.log = simulate_flight(seed=5, start_ms=_START_MS)
    assert all(canary in log.log for canary in CANARIES)

    position = log.read().tables[Table.POSITION]

    north = [(lat - PLACE_E7[0]) * METRES_PER_E7 for lat in position.column("lat_e7")]
    east = [(lon - PLACE_E7[1]) * METRES_PER_E7 * 0.667 for lon in position.column("lon_e7")]
    away = [(n * n + e * e) ** 0.5 for n, e in zip(north, east, strict=True)]
    assert 5_900 < max(away) < 6_100
    assert away[0] < 5
    assert away[-1] < 5
    times = list(position.column("t_us"))
    assert times == sorted(times)
    assert times[0] == START_US
