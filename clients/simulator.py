"""A seeded flight simulator that writes a real MAVLink `.tlog`: the demo's flight and the tests' hostile material.

A multirotor takes off, flies half of `length_m` straight out and comes back to land where it started, over open water
of the North Atlantic where nobody has a position to hide. The log holds what real logs hold, also what must never leave
a unit: home, hardware identifiers, parameters, a mission and texts; `CANARIES` and `UID` are among them. The same
arguments give the same bytes on every machine: the only source of chance is `random.Random(seed)`.

    write_flight(Path("flight.tlog"), seed=7, start_ms=1_780_000_000_000)
"""

from __future__ import annotations

import argparse
import math
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clients.formats.extra import require_pymavlink

PLACE_E7 = (481_234_500, -203_456_700)
CANARIES = (b"SIMULATED UNIT 404", b"OPERATOR MARLIN", b"SIM_SECRET", b"SIMULATED-UID2-44")
UID = 0x51A1_C0DE_0BAD_5EED
_METRES_PER_E7 = 6_378_137 * math.pi / 180 * 1e-7
_SPEED_MPS = 15.0
_CLIMB_MPS = 3.0
_CRUISE_M = 120.0
_STEP_MS = 50
_BOOT_MS = 60_000
_CLOCK_ERROR_MS = 340
_SEPARATION_MM = 58_700
_PARAMETERS = 60
_STANDBY, _ACTIVE = 3, 4
_MODE_AUTO, _MODE_RTL, _MODE_LAND = 3, 6, 9
_EVERY_MS = {
    "GLOBAL_POSITION_INT": 250,
    "ATTITUDE": 250,
    "GPS_RAW_INT": 500,
    "VFR_HUD": 1000,
    "HEARTBEAT": 1000,
    "SYS_STATUS": 1000,
    "BATTERY_STATUS": 1000,
    "RADIO_STATUS": 1000,
    "SYSTEM_TIME": 2000,
    "ESC_TELEMETRY_1_TO_4": 2000,
    "HOME_POSITION": 10_000,
    "STATUSTEXT": 30_000,
}


@dataclass(frozen=True, slots=True)
class Instant:
    """Where the vehicle truly is. away_m: along the leg; up_m above the water; the rates in m/s; charge from 1 to 0."""

    flown_ms: int
    away_m: float
    up_m: float
    along_mps: float
    climb_mps: float
    charge: float
    mode: int


def _path(length_m: int) -> Iterator[Instant]:
    """The flight in steps: up, out, back, down; low and short if `length_m` is small."""
    cruise_m, half_m = min(_CRUISE_M, length_m / 20), length_m / 2
    climb_ms, leg_ms = int(cruise_m / _CLIMB_MPS * 1000), int(half_m / _SPEED_MPS * 1000)
    total_ms = 2 * (climb_ms + leg_ms)
    for flown_ms in range(0, total_ms + 1, _STEP_MS):
        charge = 1 - 0.6 * flown_ms / total_ms
        since_ms = flown_ms - climb_ms
        if since_ms < 0:
            yield Instant(flown_ms, 0.0, _CLIMB_MPS * flown_ms / 1000, 0.0, _CLIMB_MPS, charge, _MODE_AUTO)
        elif since_ms < leg_ms:
            yield Instant(flown_ms, _SPEED_MPS * since_ms / 1000, cruise_m, _SPEED_MPS, 0.0, charge, _MODE_AUTO)
        elif since_ms < 2 * leg_ms:
            away_m = half_m - _SPEED_MPS * (since_ms - leg_ms) / 1000
            yield Instant(flown_ms, max(0.0, away_m), cruise_m, -_SPEED_MPS, 0.0, charge, _MODE_RTL)
        else:
            up_m = cruise_m - _CLIMB_MPS * (since_ms - 2 * leg_ms) / 1000
            yield Instant(flown_ms, 0.0, max(0.0, up_m), 0.0, -_CLIMB_MPS, charge, _MODE_LAND)


class _Writer:
    """Encodes messages of the vehicle, its radio and the ground station into one log."""

    def __init__(self, seed: int, start_ms: int) -> None:
        # The dialect is 33,000 generated lines of an optional extra: only a simulation loads it.
        from pymavlink.dialects.v20 import all as dialect  # noqa: PLC0415

        self._dialect = dialect
        self._senders = {
            "vehicle": dialect.MAVLink(None, srcSystem=1, srcComponent=1),
            "radio": dialect.MAVLink(None, srcSystem=51, srcComponent=68),
            "ground": dialect.MAVLink(None, srcSystem=255, srcComponent=190),
        }
        self._chance = random.Random(seed)  # noqa: S311 - a simulation that must repeat, no secret
        self._bearing = self._chance.uniform(0, 2 * math.pi)
        self._start_ms = start_ms
        self._arrival_us = 0
        self._out = bytearray()

    def _write(self, flown_ms: int, name: str, *fields: object, sender: str = "vehicle", **extensions: object) -> None:
        message = getattr(self._dialect, f"MAVLink_{name.lower()}_message")(*fields, **extensions)
        heard_us = (self._start_ms + flown_ms + _CLOCK_ERROR_MS) * 1000 + self._chance.randrange(4_000, 30_000)
        self._arrival_us = max(self._arrival_us + 1, heard_us)
        self._out += struct.pack(">Q", self._arrival_us) + message.pack(self._senders[sender])

    def prologue(self) -> None:
        """What a ground station asks for when it connects: everything that must stay at home."""
        lat, lon = PLACE_E7
        fields = (0xFFFF, 0x04050600, 0, 0, 9, [0] * 8, [0] * 8, [0] * 8, 0x1209, 0x5740, UID)
        self._write(0, "AUTOPILOT_VERSION", *fields, uid2=list(CANARIES[3].ljust(18, b"\x00")))
        for number in range(_PARAMETERS):
            name = b"%s_%02d" % (CANARIES[2], number)
            self._write(0, "PARAM_VALUE", name, self._chance.uniform(0, 100), 9, _PARAMETERS, number)
        for number in range(3):
            target = (lat + 10_000 * number, lon + 20_000 * number)
            self._write(
                0, "MISSION_ITEM_INT", 255, 190, number, 6, 16, 0, 1, 0, 0, 0, 0, *target, 120.0, sender="vehicle"
            )
        self._write(0, "COMMAND_LONG", 1, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0, sender="ground")

    def step(self, now: Instant) -> None:
        """Every message that is due at this instant."""
        for name, every_ms in _EVERY_MS.items():
            if now.flown_ms % every_ms == 0:
                getattr(self, f"_{name.lower()}")(now)

    def _noisy(self, spread: float) -> float:
        return self._chance.gauss(0, spread)

    def _place(self, now: Instant, spread_m: float) -> tuple[int, int]:
        north = now.away_m * math.cos(self._bearing) + self._noisy(spread_m)
        east = now.away_m * math.sin(self._bearing) + self._noisy(spread_m)
        shrink = math.cos(math.radians(PLACE_E7[0] * 1e-7))
        return (
            PLACE_E7[0] + round(north / _METRES_PER_E7),
            PLACE_E7[1] + round(east / (_METRES_PER_E7 * shrink)),
        )

    def _course(self, now: Instant) -> float:
        return (self._bearing if now.along_mps >= 0 else self._bearing + math.pi) % (2 * math.pi)

    def _global_position_int(self, now: Instant) -> None:
        up_mm = round(now.up_m * 1000 + self._noisy(120))
        north = round(now.along_mps * 100 * math.cos(self._bearing) + self._noisy(4))
        east = round(now.along_mps * 100 * math.sin(self._bearing) + self._noisy(4))
        heading = round(math.degrees(self._course(now)) * 100) % 36_000
        place = self._place(now, 0.2)
        fields = (*place, up_mm, up_mm, north, east, round(-100 * now.climb_mps), heading)
        self._write(now.flown_ms, "GLOBAL_POSITION_INT", _BOOT_MS + now.flown_ms, *fields)

    def _attitude(self, now: Instant) -> None:
        pitch = -0.2 * now.along_mps / _SPEED_MPS + self._noisy(0.01)
        yaw = (self._course(now) + math.pi) % (2 * math.pi) - math.pi
        fields = (self._noisy(0.02), pitch, yaw, 0.0, 0.0, 0.0)
        self._write(now.flown_ms, "ATTITUDE", _BOOT_MS + now.flown_ms, *fields)

    def _gps_raw_int(self, now: Instant) -> None:
        up_mm = round(now.up_m * 1000 + self._noisy(400))
        speed = round(abs(now.along_mps) * 100)
        course = round(math.degrees(self._course(now)) * 100) % 36_000
        fields = ((_BOOT_MS + now.flown_ms) * 1000, 3, *self._place(now, 0.6), up_mm, 80, 120, speed, course, 17)
        self._write(
            now.flown_ms,
            "GPS_RAW_INT",
            *fields,
            alt_ellipsoid=up_mm + _SEPARATION_MM,
            h_acc=900,
            v_acc=1400,
            vel_acc=200,
        )

    def _vfr_hud(self, now: Instant) -> None:
        speed = abs(now.along_mps)
        heading = round(math.degrees(self._course(now))) % 360
        fields = (max(0.0, speed + self._noisy(0.3)), speed, heading, 55, now.up_m, now.climb_mps)
        self._write(now.flown_ms, "VFR_HUD", *fields)

    def _heartbeat(self, now: Instant) -> None:
        armed = 128 if now.flown_ms > 0 else 0
        state = _ACTIVE if now.up_m else _STANDBY
        self._write(now.flown_ms, "HEARTBEAT", 2, 3, 1 | armed, now.mode, state, 3)
        self._write(now.flown_ms, "HEARTBEAT", 6, 8, 0, 0, _ACTIVE, 3, sender="ground")

    def _voltage_mv(self, now: Instant) -> int:
        return round(14_000 + 2_700 * now.charge + self._noisy(15))

    def _sys_status(self, now: Instant) -> None:
        power = (self._voltage_mv(now), 1_450, round(100 * now.charge))
        self._write(now.flown_ms, "SYS_STATUS", 0x2F, 0x2F, 0x2F, 310, *power, 0, 0, 0, 0, 0, 0)

    def _battery_status(self, now: Instant) -> None:
        cells = [self._voltage_mv(now) // 4] * 4 + [65_535] * 6
        drawn_mah = round(5_200 * (1 - now.charge))
        self._write(
            now.flown_ms, "BATTERY_STATUS", 0, 0, 3, 3_150, cells, 1_450, drawn_mah, -1, round(100 * now.charge)
        )

    def _radio_status(self, now: Instant) -> None:
        fading = min(120, round(now.away_m / 60))
        fields = (200 - fading, 195 - fading, 90, 40, 42, now.flown_ms // 60_000, 0)
        self._write(now.flown_ms, "RADIO_STATUS", *fields, sender="radio")

    def _system_time(self, now: Instant) -> None:
        self._write(now.flown_ms, "SYSTEM_TIME", (self._start_ms + now.flown_ms) * 1000, _BOOT_MS + now.flown_ms)

    def _esc_telemetry_1_to_4(self, now: Instant) -> None:
        speeds = [round(5_200 + self._noisy(60)) for _ in range(4)]
        counts = [now.flown_ms // 2_000 % 65_536 or 1] * 4
        self._write(
            now.flown_ms, "ESC_TELEMETRY_1_TO_4", bytes([41] * 4), [1_580] * 4, [360] * 4, [120] * 4, speeds, counts
        )

    def _home_position(self, now: Instant) -> None:
        self._write(now.flown_ms, "HOME_POSITION", *PLACE_E7, 0, 0, 0, 0, [1, 0, 0, 0], 0, 0, 0)

    def _statustext(self, now: Instant) -> None:
        self._write(now.flown_ms, "STATUSTEXT", 6, b"%s %s" % (CANARIES[1], CANARIES[0]))

    def log(self) -> bytes:
        """The `.tlog`."""
        return bytes(self._out)


def simulate_flight(*, seed: int, start_ms: int, length_m: int = 12_000) -> bytes:
    """The bytes of a `.tlog` of a flight of `length_m` metres over ground that starts at `start_ms`, UTC milliseconds.

    About 14,000 messages for 12 km; a few hundred for 300 m. Raises `CallerError("extra-missing")` without pymavlink.
    """
    require_pymavlink()
    writer = _Writer(seed, start_ms)
    writer.prologue()
    for now in _path(length_m):
        writer.step(now)
    return writer.log()


def write_flight(path: Path, *, seed: int, start_ms: int, length_m: int = 12_000) -> None:
    """Writes `simulate_flight` to `path`."""
    path.write_bytes(simulate_flight(seed=seed, start_ms=start_ms, length_m=length_m))


def main() -> None:
    """`python -m clients.simulator FILE --seed N --start MS`: writes one flight."""
    parser = argparse.ArgumentParser(description="Write a simulated flight as a MAVLink log.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--start", type=int, required=True, metavar="MS", help="UTC milliseconds of the first message")
    parser.add_argument("--length", type=int, default=12_000, metavar="M", help="metres out and back together")
    chosen = parser.parse_args()
    write_flight(chosen.file, seed=chosen.seed, start_ms=chosen.start, length_m=chosen.length)


if __name__ == "__main__":
    main()
