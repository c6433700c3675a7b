"""ArduPilot dataflash `.BIN`: messages, decoded by pymavlink, turned into columns. Runs only in the reading child.

One row per message, unknown where the message does not say, as in `mavlink`; accuracy, fix type and the separation of
ellipsoid and sea level are held for at most two seconds, from the same receiver. The position is POS, the autopilot's
fused one, and only where a log has none of it the receiver's own GPS. Receivers, estimators and batteries beyond the
first give no rows; their fixes are points to keep away from. The format has no checksum: what a flipped bit makes of a
value is caught by its range or not at all.

Time: every message counts microseconds since boot; GPS week and milliseconds give UTC. The offset is the median over
all fixes, so that no single damaged message moves a whole log. Without a fix the times stay the boot's, and
`time_source` says LOG_BOOT.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from statistics import median_low

from clients.formats.extract import (
    UNKNOWN,
    Centres,
    Extract,
    Finding,
    Removed,
    Rows,
    SourceFormat,
    Table,
    TimeSource,
    field_of,
)
from clients.formats.framing import EARLIEST_US, LATEST_US
from clients.formats.platforms import mode_number

_HOLD_US = 2_000_000
_GPS_EPOCH_US = 315_964_800_000_000
_WEEK_US = 604_800_000_000
# GPS weeks from which UTC was one more second behind; ICD-GPS-200, IERS bulletin C.
_LEAP_SECONDS = ((1930, 18), (1851, 17), (1695, 16), (0, 15))
_FULL_CIRCLE_CDEG = 36_000
_ARMED_EVENT, _DISARMED_EVENT = 10, 11
# LogErrorSubsystem of ArduPilot -> the schema's failsafe bit; an error code of zero says that it is over.
_FAILSAFES = {5: 1, 6: 4, 8: 2, 9: 32, 11: 8, 12: 128, 16: 16, 17: 16, 25: 64, 27: 128, 29: 16, 30: 128, 31: 8}
_INSTANCES = ("I", "C", "Instance", "Inst")
# VER.BU of ArduPilot, and the words of its first MSG, -> MAV_TYPE; a copter is a multirotor of some number of motors.
_BUILD_TYPES = {1: 10, 2: 2, 3: 1, 7: 12, 13: 4}
_FIRMWARES = (("ArduCopter", 2), ("ArduPlane", 1), ("ArduRover", 10), ("APMrover", 10), ("Rover", 10))

_REMOVED: dict[str, Removed] = {
    "ORGN": Removed.HOME,
    "VER": Removed.UID,
    "PARM": Removed.PARAMETERS,
    "MSG": Removed.TEXT,
    "FILE": Removed.TEXT,
    **dict.fromkeys(("CMD", "MISE", "RALY", "FNCE", "FCNT", "MAVC", "CMDI", "GUID", "GUIP"), Removed.MISSION),
}
_FORMAT_MESSAGES = frozenset(("FMT", "FMTU", "UNIT", "MULT"))


def utc_of_gps(week: int, week_ms: int) -> int:
    """UTC microseconds of a GPS week and the milliseconds in it."""
    leap = next(seconds for since, seconds in _LEAP_SECONDS if week >= since)
    return _GPS_EPOCH_US + week * _WEEK_US + week_ms * 1000 - leap * 1_000_000


def _circle(value: int) -> int:
    return UNKNOWN if value == UNKNOWN else value % _FULL_CIRCLE_CDEG


class DataflashReader:
    """Fills an extract message by message; `log` is the descriptor of an open regular file."""

    def __init__(self, log: int, max_rows: int) -> None:
        # pymavlink is an optional extra: only a child that reads a log needs it.
        from pymavlink import DFReader, mavutil  # noqa: PLC0415

        self._log = DFReader.DFReader_binary(log, zero_time_base=True)
        self._mode_names: Callable[[int], dict[int, str] | None] = mavutil.mode_mapping_bynumber
        self._max_rows = max_rows
        self._rows = 0
        self._centres = Centres()
        self._offsets: list[int] = []
        self._extract = Extract(SourceFormat.DATAFLASH_BIN)
        self._unfused = Rows(Table.POSITION)
        self._fix: dict[str, int] = {}
        self._fix_at_us = self._accuracy_at_us = -_HOLD_US
        self._accuracy: dict[str, int] = {}
        self._undulation_mm = UNKNOWN
        self._failsafe_bits = 0
        self._motors: dict[int, int] = {}
        estimator = "XKF1" if self._has("XKF1") else "NKF1"
        self._readers: dict[str, Callable[[object, int], None]] = {
            "GPS": self._receiver,
            "GPS2": self._second_receiver,
            "GPA": self._receiver_accuracy,
            "UBX1": self._jamming,
            "POS": self._fused_position,
            "ATT": self._attitude,
            estimator: self._velocity,
            "ARSP": self._air_data,
            "BAT": self._battery,
            "MODE": self._mode,
            "ARM": self._arm,
            "EV": self._event,
            "STAT": self._status,
            "ERR": self._error,
            "ESC": self._motor,
            "RAD": self._radio,
        }
        self._texts: dict[str, Callable[[object, int], None]] = {
            "VER": self._version,
            "MSG": self._firmware,
            "ORGN": self._home,
        }

    def _has(self, name: str) -> bool:
        return name in self._log.name_to_id and self._log.counts[self._log.name_to_id[name]] > 0

    def read(self) -> None:
        """Reads to the end of the log; stops where it holds more rows than allowed, which is a refusal."""
        self._count()
        wanted = {**self._readers, **self._texts}
        while (message := self._log.recv_match(type=list(wanted), strict=True)) is not None:
            t_us = field_of(message, "TimeUS")
            name = message.get_type()
            if t_us != UNKNOWN and name in wanted:
                wanted[name](message, t_us)
            if self._rows >= self._max_rows:
                self._extract.find(Finding.TOO_MANY_ROWS, self._rows)
                break

    def _count(self) -> None:
        """Messages by what becomes of them, and bytes that are no message."""
        covered, last = 0, 0
        for number, offsets in enumerate(self._log.offsets):
            known = self._log.formats.get(number)
            if known is None or not len(offsets):
                continue
            self._extract.messages += len(offsets)
            covered += len(offsets) * known.len
            last = max(last, offsets[len(offsets) - 1] + known.len)
            if known.name not in self._readers and known.name not in _FORMAT_MESSAGES:
                self._extract.remove(_REMOVED.get(known.name, Removed.OTHER), len(offsets))
        size = self._log.data_len
        self._extract.find(Finding.TRUNCATED, abs(size - last))
        self._extract.find(Finding.DAMAGED, max(0, min(size, last) - covered))

    def extract(self) -> Extract:
        """What was read; call once."""
        extract = self._extract
        self._motor_round()
        if not len(extract.tables[Table.POSITION]):
            extract.tables[Table.POSITION] = self._unfused
        extract.centres = self._centres.points()
        if self._offsets:
            extract.time_source = TimeSource.GNSS
            offset = median_low(self._offsets)
            for rows in extract.tables.values():
                rows.columns[0] = array("q", [t_us + offset for t_us in rows.columns[0]])
        return extract

    def _add(self, table: Table, t_us: int, **values: int) -> None:
        if any(value != UNKNOWN for value in values.values()):
            self._extract.tables[table].add(t_us, **values)
            self._rows += 1

    def _place(self, stream: int, message: object, t_us: int) -> dict[str, int] | None:
        """Latitude and longitude, remembered as a fix of `stream`: 0 is the fused one; None if there is no place."""
        place = {"lat_e7": field_of(message, "Lat", 1e7), "lon_e7": field_of(message, "Lng", 1e7)}
        if not self._centres.see((stream,), **place):
            return None
        self._add(Table.TRACK, t_us, **place, stream=stream)
        return place

    def _receiver(self, message: object, t_us: int) -> None:
        if _instance(message):
            self._second_receiver(message, t_us)
            return
        status = field_of(message, "Status")
        self._add(
            Table.GNSS,
            t_us,
            satellites=field_of(message, "NSats"),
            fix_type=status,
            hdop_c=field_of(message, "HDop", 100.0),
        )
        self._add(Table.KINEMATICS, t_us, course_cdeg=_circle(field_of(message, "GCrs", 100.0)))
        self._fix, self._fix_at_us = {"fix_type": status}, t_us
        if status < 2:
            return
        week, week_ms = field_of(message, "GWk"), field_of(message, "GMS")
        if 0 < week < 10_000 and 0 <= week_ms < _WEEK_US // 1000:
            utc_us = utc_of_gps(week, week_ms)
            if EARLIEST_US <= utc_us < LATEST_US:
                self._offsets.append(utc_us - t_us)
        place = self._place(1, message, t_us)
        if place is not None:
            self._unfused.add(t_us, dead_reckoning=0, **place, **self._heights(message, t_us))
            self._rows += 1

    def _second_receiver(self, message: object, t_us: int) -> None:
        if field_of(message, "Status") >= 2:
            self._place(2 + _instance(message), message, t_us)

    def _receiver_accuracy(self, message: object, t_us: int) -> None:
        if _instance(message) == 0:
            self._accuracy_at_us = t_us
            self._accuracy = {
                "h_acc_mm": field_of(message, "HAcc", 1000.0, unknown=0),
                "v_acc_mm": field_of(message, "VAcc", 1000.0, unknown=0),
            }
            self._undulation_mm = field_of(message, "Und", 1000.0, unknown=0)

    def _jamming(self, message: object, t_us: int) -> None:
        if _instance(message) == 0:
            self._add(
                Table.GNSS,
                t_us,
                noise_per_ms=field_of(message, "noisePerMS"),
                jamming_indicator=field_of(message, "jamInd"),
            )

    def _heights(self, message: object, t_us: int) -> dict[str, int]:
        """Heights of a position, and what is held about its receiver."""
        altitude = field_of(message, "Alt", 1000.0)
        fix = self._fix if t_us - self._fix_at_us <= _HOLD_US else {}
        accurate = t_us - self._accuracy_at_us <= _HOLD_US
        # ArduPilot's undulation is what sea level has over the ellipsoid, so it is subtracted.
        known = accurate and UNKNOWN not in (altitude, self._undulation_mm)
        return {
            "alt_msl_mm": altitude,
            "alt_hae_mm": altitude - self._undulation_mm if known else UNKNOWN,
            **fix,
            **(self._accuracy if accurate else {}),
        }

    def _fused_position(self, message: object, t_us: int) -> None:
        place = self._place(0, message, t_us)
        if place is not None:
            held = self._heights(message, t_us)
            reckoned = int(held["fix_type"] < 2) if "fix_type" in held else UNKNOWN
            self._add(Table.POSITION, t_us, dead_reckoning=reckoned, **place, **held)
        self._add(Table.KINEMATICS, t_us, rel_alt_mm=field_of(message, "RelHomeAlt", 1000.0))

    def _attitude(self, message: object, t_us: int) -> None:
        self._add(
            Table.KINEMATICS,
            t_us,
            roll_cdeg=field_of(message, "Roll", 100.0),
            pitch_cdeg=field_of(message, "Pitch", 100.0),
            yaw_cdeg=_circle(field_of(message, "Yaw", 100.0)),
        )

    def _velocity(self, message: object, t_us: int) -> None:
        if _instance(message) == 0:
            north, east, down = (field_of(message, name, 100.0) for name in ("VN", "VE", "VD"))
            self._add(Table.KINEMATICS, t_us, vn_cms=north, ve_cms=east, vd_cms=down)

    def _air_data(self, message: object, t_us: int) -> None:
        if _instance(message) == 0:
            self._add(Table.KINEMATICS, t_us, airspeed_cms=field_of(message, "Airspeed", 100.0))

    def _battery(self, message: object, t_us: int) -> None:
        if _instance(message) == 0:
            self._add(
                Table.VEHICLE,
                t_us,
                voltage_mv=field_of(message, "Volt", 1000.0),
                current_ca=field_of(message, "Curr", 100.0),
                consumed_mah=field_of(message, "CurrTot"),
                remaining_pct=field_of(message, "RemPct"),
                # A battery monitor without a sensor logs zero.
                temp_cdegc=field_of(message, "Temp", 100.0, unknown=0),
            )

    def _mode(self, message: object, t_us: int) -> None:
        number = field_of(message, "ModeNum")
        name = (self._mode_names(self._extract.vehicle_type) or {}).get(number, "")
        self._add(Table.VEHICLE, t_us, mode=mode_number(name))

    def _arm(self, message: object, t_us: int) -> None:
        self._add(Table.VEHICLE, t_us, armed=field_of(message, "ArmState"))

    def _event(self, message: object, t_us: int) -> None:
        event = field_of(message, "Id")
        if event in (_ARMED_EVENT, _DISARMED_EVENT):
            self._add(Table.VEHICLE, t_us, armed=int(event == _ARMED_EVENT))

    def _status(self, message: object, t_us: int) -> None:
        self._add(Table.VEHICLE, t_us, armed=field_of(message, "Armed"))

    def _error(self, message: object, t_us: int) -> None:
        bit = _FAILSAFES.get(field_of(message, "Subsys"), 0)
        if bit:
            acts = field_of(message, "ECode") != 0
            self._failsafe_bits = self._failsafe_bits | bit if acts else self._failsafe_bits & ~bit
            self._add(Table.VEHICLE, t_us, failsafe_bits=self._failsafe_bits)

    def _motor(self, message: object, t_us: int) -> None:
        motor = _instance(message)
        if motor in self._motors:
            self._motor_round(t_us)
        self._motors[motor] = field_of(message, "RPM")

    def _motor_round(self, t_us: int = UNKNOWN) -> None:
        """One row for the motors heard since the last row; what is left at the end of the log has no row of its own."""
        speeds = [speed for speed in self._motors.values() if speed != UNKNOWN]
        self._motors.clear()
        if speeds and t_us != UNKNOWN:
            self._add(Table.VEHICLE, t_us, rpm=sum(speeds) // len(speeds))

    def _radio(self, message: object, t_us: int) -> None:
        self._add(
            Table.LINK,
            t_us,
            rssi=field_of(message, "RSSI"),
            remote_rssi=field_of(message, "RemRSSI"),
            noise=field_of(message, "Noise"),
            remote_noise=field_of(message, "RemNoise"),
            rx_errors=field_of(message, "RxErrors"),
        )

    def _version(self, message: object, _t_us: int) -> None:
        self._extract.vehicle_type = _BUILD_TYPES.get(field_of(message, "BU"), self._extract.vehicle_type)

    def _firmware(self, message: object, _t_us: int) -> None:
        text = getattr(message, "Message", "")
        for word, vehicle_type in _FIRMWARES:
            if isinstance(text, str) and text.startswith(word):
                self._extract.vehicle_type = vehicle_type

    def _home(self, message: object, _t_us: int) -> None:
        origin = field_of(message, "Type")
        self._centres.see(("ORGN", origin), field_of(message, "Lat", 1e7), field_of(message, "Lng", 1e7))


def _instance(message: object) -> int:
    """Which of several like devices speaks; 0 where the message does not say."""
    for name in _INSTANCES:
        number = field_of(message, name)
        if number != UNKNOWN:
            return number
    return 0
