"""ArduPilot dataflash `.BIN`: the messages of `dataflash_frames` turned into columns. Runs only in the reading child.

One row per message, unknown where the message does not say, as in `mavlink`; accuracy, fix type and the separation of
ellipsoid and sea level are held for at most two seconds, from the same receiver. The position is POS, the autopilot's
fused one, and only where a log has none of it the receiver's own GPS. Receivers, estimators and batteries beyond the
first give no rows; their fixes are points to keep away from. The format has no checksum: what a flipped bit makes of a
value is caught by its range or not at all.

The log is walked twice, so that nothing is kept of it but rows: once to count what is in it, once to read.

Time: every message counts microseconds since boot; GPS week and milliseconds give UTC. The offset is the median over
all fixes, so that no single damaged message moves a whole log. Without a fix the times stay the boot's, and
`time_source` says LOG_BOOT.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from statistics import median_low

from clients.formats.dataflash_frames import DataflashFrames, Message
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
)
from clients.formats.framing import EARLIEST_US, LATEST_US, Log
from clients.formats.platforms import ARDUPILOT, mode_number

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
    """Fills an extract message by message."""

    def __init__(self, log: Log, max_rows: int) -> None:
        self._log = log
        self._frames = DataflashFrames(log)
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
        self._readers: dict[str, Callable[[Message, int], None]] = {
            "GPS": self._receiver,
            "GPS2": self._second_receiver,
            "GPA": self._receiver_accuracy,
            "UBX1": self._jamming,
            "POS": self._fused_position,
            "ATT": self._attitude,
            "XKF1": self._velocity,
            "NKF1": self._velocity,
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
        self._texts: dict[str, Callable[[Message, int], None]] = {
            "VER": self._version,
            "MSG": self._firmware,
            "ORGN": self._home,
        }

    def read(self) -> None:
        """Reads to the end of the log; stops where it holds more rows than allowed, which is a refusal."""
        self._count()
        wanted = {**self._readers, **self._texts}
        for definition, start in self._frames.messages():
            reader = wanted.get(definition.name)
            if reader is None:
                continue
            message = definition.message(self._log, start)
            t_us = message.number("TimeUS")
            if t_us != UNKNOWN:
                reader(message, t_us)
            if self._rows >= self._max_rows:
                self._extract.find(Finding.TOO_MANY_ROWS, self._rows)
                break

    def _count(self) -> None:
        """Messages by what becomes of them, and bytes that are no message."""
        counts = Counter(definition.name for definition, _ in self._frames.messages())
        if counts["XKF1"]:
            # Both estimators run in some vehicles; the older one then only watches.
            del self._readers["NKF1"]
        for name, count in counts.items():
            self._extract.messages += count
            if name not in self._readers and name not in _FORMAT_MESSAGES:
                self._extract.remove(_REMOVED.get(name, Removed.OTHER), count)
        self._extract.find(Finding.TRUNCATED, self._frames.gaps.after)
        self._extract.find(Finding.DAMAGED, self._frames.gaps.between)

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

    def _place(self, stream: int, message: Message, t_us: int) -> dict[str, int] | None:
        """Latitude and longitude, remembered as a fix of `stream`: 0 is the fused one; None if there is no place."""
        place = {"lat_e7": message.number("Lat", 1e7), "lon_e7": message.number("Lng", 1e7)}
        if not self._centres.see((stream,), **place):
            return None
        self._add(Table.TRACK, t_us, **place, stream=stream)
        return place

    def _receiver(self, message: Message, t_us: int) -> None:
        if _instance(message):
            self._second_receiver(message, t_us)
            return
        status = message.number("Status")
        self._add(
            Table.GNSS,
            t_us,
            satellites=message.number("NSats"),
            fix_type=status,
            hdop_c=message.number("HDop", 100.0),
        )
        self._add(Table.KINEMATICS, t_us, course_cdeg=_circle(message.number("GCrs", 100.0)))
        self._fix, self._fix_at_us = {"fix_type": status}, t_us
        if status < 2:
            return
        week, week_ms = message.number("GWk"), message.number("GMS")
        if 0 < week < 10_000 and 0 <= week_ms < _WEEK_US // 1000:
            utc_us = utc_of_gps(week, week_ms)
            if EARLIEST_US <= utc_us < LATEST_US:
                self._offsets.append(utc_us - t_us)
        place = self._place(1, message, t_us)
        if place is not None:
            self._unfused.add(t_us, dead_reckoning=0, **place, **self._heights(message, t_us))
            self._rows += 1

    def _second_receiver(self, message: Message, t_us: int) -> None:
        if message.number("Status") >= 2:
            self._place(2 + _instance(message), message, t_us)

    def _receiver_accuracy(self, message: Message, t_us: int) -> None:
        if _instance(message) == 0:
            self._accuracy_at_us = t_us
            self._accuracy = {
                "h_acc_mm": message.number("HAcc", 1000.0, unknown=0),
                "v_acc_mm": message.number("VAcc", 1000.0, unknown=0),
            }
            self._undulation_mm = message.number("Und", 1000.0, unknown=0)

    def _jamming(self, message: Message, t_us: int) -> None:
        if _instance(message) == 0:
            self._add(
                Table.GNSS,
                t_us,
                noise_per_ms=message.number("noisePerMS"),
                jamming_indicator=message.number("jamInd"),
            )

    def _heights(self, message: Message, t_us: int) -> dict[str, int]:
        """Heights of a position, and what is held about its receiver."""
        altitude = message.number("Alt", 1000.0)
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

    def _fused_position(self, message: Message, t_us: int) -> None:
        place = self._place(0, message, t_us)
        if place is not None:
            held = self._heights(message, t_us)
            reckoned = int(held["fix_type"] < 2) if "fix_type" in held else UNKNOWN
            self._add(Table.POSITION, t_us, dead_reckoning=reckoned, **place, **held)
        self._add(Table.KINEMATICS, t_us, rel_alt_mm=message.number("RelHomeAlt", 1000.0))

    def _attitude(self, message: Message, t_us: int) -> None:
        self._add(
            Table.KINEMATICS,
            t_us,
            roll_cdeg=message.number("Roll", 100.0),
            pitch_cdeg=message.number("Pitch", 100.0),
            yaw_cdeg=_circle(message.number("Yaw", 100.0)),
        )

    def _velocity(self, message: Message, t_us: int) -> None:
        if _instance(message) == 0:
            north, east, down = (message.number(name, 100.0) for name in ("VN", "VE", "VD"))
            self._add(Table.KINEMATICS, t_us, vn_cms=north, ve_cms=east, vd_cms=down)

    def _air_data(self, message: Message, t_us: int) -> None:
        if _instance(message) == 0:
            self._add(Table.KINEMATICS, t_us, airspeed_cms=message.number("Airspeed", 100.0))

    def _battery(self, message: Message, t_us: int) -> None:
        if _instance(message) == 0:
            self._add(
                Table.VEHICLE,
                t_us,
                voltage_mv=message.number("Volt", 1000.0),
                current_ca=message.number("Curr", 100.0),
                consumed_mah=message.number("CurrTot"),
                remaining_pct=message.number("RemPct"),
                # A battery monitor without a sensor logs zero.
                temp_cdegc=message.number("Temp", 100.0, unknown=0),
            )

    def _mode(self, message: Message, t_us: int) -> None:
        mode = mode_number(ARDUPILOT, self._extract.vehicle_type, message.number("ModeNum"))
        self._add(Table.VEHICLE, t_us, mode=mode)

    def _arm(self, message: Message, t_us: int) -> None:
        self._add(Table.VEHICLE, t_us, armed=message.number("ArmState"))

    def _event(self, message: Message, t_us: int) -> None:
        event = message.number("Id")
        if event in (_ARMED_EVENT, _DISARMED_EVENT):
            self._add(Table.VEHICLE, t_us, armed=int(event == _ARMED_EVENT))

    def _status(self, message: Message, t_us: int) -> None:
        self._add(Table.VEHICLE, t_us, armed=message.number("Armed"))

    def _error(self, message: Message, t_us: int) -> None:
        bit = _FAILSAFES.get(message.number("Subsys"), 0)
        if bit:
            acts = message.number("ECode") != 0
            self._failsafe_bits = self._failsafe_bits | bit if acts else self._failsafe_bits & ~bit
            self._add(Table.VEHICLE, t_us, failsafe_bits=self._failsafe_bits)

    def _motor(self, message: Message, t_us: int) -> None:
        motor = _instance(message)
        if motor in self._motors:
            self._motor_round(t_us)
        self._motors[motor] = message.number("RPM")

    def _motor_round(self, t_us: int = UNKNOWN) -> None:
        """One row for the motors heard since the last row; what is left at the end of the log has no row of its own."""
        speeds = [speed for speed in self._motors.values() if speed != UNKNOWN]
        self._motors.clear()
        if speeds and t_us != UNKNOWN:
            self._add(Table.VEHICLE, t_us, rpm=sum(speeds) // len(speeds))

    def _radio(self, message: Message, t_us: int) -> None:
        self._add(
            Table.LINK,
            t_us,
            rssi=message.number("RSSI"),
            remote_rssi=message.number("RemRSSI"),
            noise=message.number("Noise"),
            remote_noise=message.number("RemNoise"),
            rx_errors=message.number("RxErrors"),
        )

    def _version(self, message: Message, _t_us: int) -> None:
        self._extract.vehicle_type = _BUILD_TYPES.get(message.number("BU"), self._extract.vehicle_type)

    def _firmware(self, message: Message, _t_us: int) -> None:
        text = message.text("Message")
        for word, vehicle_type in _FIRMWARES:
            if text.startswith(word):
                self._extract.vehicle_type = vehicle_type

    def _home(self, message: Message, _t_us: int) -> None:
        origin = message.number("Type")
        self._centres.see(("ORGN", origin), message.number("Lat", 1e7), message.number("Lng", 1e7))


def _instance(message: Message) -> int:
    """Which of several like devices speaks; 0 where the message does not say."""
    for name in _INSTANCES:
        number = message.number(name)
        if number != UNKNOWN:
            return number
    return 0
