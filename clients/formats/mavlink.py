"""MAVLink `.tlog`: messages, decoded by pymavlink, turned into columns. Runs only in the reading child.

One row per message: a column the message does not carry is unknown, because a source must not sign what its vehicle
did not say. Two exceptions, both about the same receiver and held for at most two seconds: a fused position takes fix
type and accuracy from the last GPS_RAW_INT, and its height above the ellipsoid is its own height above the sea plus
that message's separation. A log of several vehicles yields the one that reports its position most; the fixes of all
of them are points to keep away from.

Time is `vehicle_clock`'s; without any SYSTEM_TIME it is the recording computer's, and `time_source` says RTC.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from clients.formats.extract import (
    UNKNOWN,
    VEHICLE_TYPE_UNKNOWN,
    Centres,
    Extract,
    Finding,
    Removed,
    Rows,
    SourceFormat,
    Table,
    TimeSource,
    empty_tables,
    field_of,
)
from clients.formats.framing import EARLIEST_US, LATEST_US, Framing, Log
from clients.formats.platforms import mode_number
from clients.formats.vehicle_clock import TimedRows, VehicleClock

_HOLD_US = 2_000_000
_BOOT_LIMIT_US = EARLIEST_US
_GROUND_STATION = 6
_NO_AUTOPILOT = 8
_ARMED_FLAG, _CUSTOM_MODE_FLAG = 128, 1
_CRITICAL_STATES = (5, 6, 8)
_FAILSAFE_OTHER = 128
_CDEG_PER_RADIAN = 18_000 / math.pi
_FULL_CIRCLE_CDEG = 36_000
# Streams of positions by number; the first is the autopilot's fused one.
_RECEIVERS = ("GLOBAL_POSITION_INT", "GPS_RAW_INT", "GPS2_RAW")
_HOMES = ("HOME_POSITION", "GPS_GLOBAL_ORIGIN")

# Which messages are left in the log, by the beginning of their names; all others that are not read are OTHER.
_REMOVED: tuple[tuple[Removed, tuple[str, ...]], ...] = (
    (Removed.HOME, (*_HOMES, "SET_HOME_POSITION", "SET_GPS_GLOBAL_ORIGIN")),
    (Removed.UID, ("AUTOPILOT_VERSION", "OPEN_DRONE_ID", "UAVIONIX_ADSB", "AUTH_KEY", "CAMERA_INFORMATION")),
    (Removed.PARAMETERS, ("PARAM_",)),
    (Removed.MISSION, ("MISSION_", "RALLY_", "FENCE_", "COMMAND_", "SET_POSITION_TARGET", "POSITION_TARGET")),
    (Removed.TEXT, ("STATUSTEXT", "NAMED_VALUE", "DEBUG", "LOGGING_DATA", "FILE_TRANSFER", "SERIAL_CONTROL")),
)


def removed_kind(name: str) -> Removed:
    """What a message that no portion has a place for is counted as."""
    return next((kind for kind, beginnings in _REMOVED if name.startswith(beginnings)), Removed.OTHER)


@dataclass(slots=True)
class _Vehicle:
    """What one autopilot said."""

    tables: dict[Table, TimedRows] = field(
        default_factory=lambda: {table: TimedRows(rows) for table, rows in empty_tables().items()}
    )
    unfused: TimedRows = field(default_factory=lambda: TimedRows(Rows(Table.POSITION)))
    clock: VehicleClock = field(default_factory=VehicleClock)
    vehicle_type: int = VEHICLE_TYPE_UNKNOWN
    fix_at_us: int = -_HOLD_US
    fix: dict[str, int] = field(default_factory=dict)
    separation_mm: int = UNKNOWN

    def add(self, table: Table, arrival_us: int, boot_us: int = UNKNOWN, **values: int) -> None:
        """One row."""
        self.tables[table].add(arrival_us, boot_us, **values)


class TlogReader:
    """Fills an extract message by message."""

    def __init__(self, log: Log, max_rows: int) -> None:
        # The dialect is 33,000 generated lines of an optional extra: only a child that reads a log pays for it. It is
        # all that is taken of pymavlink, whose other modules are or load GPL code (decision 0006).
        from pymavlink.dialects.v20 import all as dialect  # noqa: PLC0415

        self._decode: Callable[[bytearray], object] = dialect.MAVLink(None).decode
        self._names: dict[int, str] = {number: known.msgname for number, known in dialect.mavlink_map.items()}
        extras = {number: known.crc_extra for number, known in dialect.mavlink_map.items()}
        self._framing = Framing(log, extras, lambda checked: int(dialect.x25crc(checked).crc))
        self._max_rows = max_rows
        self._rows = 0
        self._vehicles: dict[tuple[int, int], _Vehicle] = {}
        self._links = TimedRows(Rows(Table.LINK))
        self._centres = Centres()
        self._extract = Extract(SourceFormat.MAVLINK_TLOG)
        self._readers: dict[str, Callable[[_Vehicle, object, int], None]] = {
            "HEARTBEAT": self._heartbeat,
            "SYSTEM_TIME": self._system_time,
            "GLOBAL_POSITION_INT": self._fused_position,
            "GPS_RAW_INT": self._receiver,
            "GPS2_RAW": self._second_receiver,
            "ATTITUDE": self._attitude,
            "VFR_HUD": self._air_data,
            "SYS_STATUS": self._power,
            "BATTERY_STATUS": self._battery,
            "ESC_TELEMETRY_1_TO_4": self._motors,
            "RADIO_STATUS": self._radio,
            "RADIO": self._radio,
            "GNSS_INTEGRITY": self._integrity,
        }

    def read(self) -> None:
        """Reads to the end of the log; stops where it holds more rows than allowed, which is a refusal."""
        for arrival_us, number, frame in self._framing.frames():
            self._extract.messages += 1
            name = self._names.get(number, "")
            # The sender stands before the message number in both versions of the frame.
            system, component = (frame[3], frame[4]) if frame[0] == 0xFE else (frame[5], frame[6])
            if name in self._readers:
                vehicle = self._vehicles.setdefault((system, component), _Vehicle())
                self._readers[name](vehicle, self._decode(bytearray(frame)), arrival_us)
            else:
                self._extract.remove(removed_kind(name))
                if name in _HOMES:
                    home = self._decode(bytearray(frame))
                    self._centres.see((system, name), field_of(home, "latitude"), field_of(home, "longitude"))
            if self._rows >= self._max_rows:
                self._extract.find(Finding.TOO_MANY_ROWS, self._rows)
                break

    def extract(self) -> Extract:
        """What was read so far; call once."""
        extract = self._extract
        extract.find(Finding.DAMAGED, self._framing.gaps.between)
        extract.find(Finding.TRUNCATED, self._framing.gaps.after)
        extract.centres = self._centres.points()
        chosen = max(self._vehicles.values(), key=_evidence, default=_Vehicle())
        others = sum(_row_count(vehicle) for vehicle in self._vehicles.values() if vehicle is not chosen)
        extract.find(Finding.OTHER_VEHICLES, others)
        extract.vehicle_type = chosen.vehicle_type
        extract.time_source = TimeSource.GNSS if chosen.clock.arrivals else TimeSource.RTC
        # The receiver's own fixes are the position only where the autopilot never reports a fused one.
        if not len(chosen.tables[Table.POSITION].rows):
            chosen.tables[Table.POSITION] = chosen.unfused
        chosen.tables[Table.LINK] = self._links
        extract.tables = {table: timed.settle(chosen.clock) for table, timed in chosen.tables.items()}
        return extract

    def _add(self, vehicle: _Vehicle, table: Table, arrival_us: int, boot_us: int = UNKNOWN, **values: int) -> None:
        if any(value != UNKNOWN for value in values.values()):
            vehicle.add(table, arrival_us, boot_us, **values)
            self._rows += 1

    def _heartbeat(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        kind = field_of(message, "type")
        if kind == _GROUND_STATION or field_of(message, "autopilot") == _NO_AUTOPILOT:
            return
        vehicle.vehicle_type = kind
        base_mode = field_of(message, "base_mode")
        # Without this flag the heartbeat says that its autopilot has no modes of its own.
        custom_mode = field_of(message, "custom_mode") if base_mode & _CUSTOM_MODE_FLAG else UNKNOWN
        self._add(
            vehicle,
            Table.VEHICLE,
            arrival_us,
            mode=mode_number(field_of(message, "autopilot"), kind, custom_mode),
            armed=int(bool(base_mode & _ARMED_FLAG)),
            failsafe_bits=_FAILSAFE_OTHER if field_of(message, "system_status") in _CRITICAL_STATES else 0,
        )

    def _system_time(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        utc_us = field_of(message, "time_unix_usec")
        if EARLIEST_US <= utc_us < LATEST_US:
            vehicle.clock.tie(arrival_us, field_of(message, "time_boot_ms", 1000.0), utc_us)
            self._rows += 1

    def _fused_position(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        boot_us = field_of(message, "time_boot_ms", 1000.0)
        latitude, longitude = field_of(message, "lat"), field_of(message, "lon")
        if self._centres.see((id(vehicle), "GLOBAL_POSITION_INT"), latitude, longitude):
            fresh = arrival_us - vehicle.fix_at_us <= _HOLD_US
            fix = vehicle.fix if fresh else {}
            altitude = field_of(message, "alt")
            separation = vehicle.separation_mm if fresh else UNKNOWN
            self._add(
                vehicle,
                Table.POSITION,
                arrival_us,
                boot_us,
                lat_e7=latitude,
                lon_e7=longitude,
                alt_msl_mm=altitude,
                alt_hae_mm=UNKNOWN if UNKNOWN in (altitude, separation) else altitude + separation,
                dead_reckoning=int(fix["fix_type"] < 2) if fresh else UNKNOWN,
                **fix,
            )
            self._add(vehicle, Table.TRACK, arrival_us, boot_us, lat_e7=latitude, lon_e7=longitude, stream=0)
        self._add(
            vehicle,
            Table.KINEMATICS,
            arrival_us,
            boot_us,
            vn_cms=field_of(message, "vx"),
            ve_cms=field_of(message, "vy"),
            vd_cms=field_of(message, "vz"),
            yaw_cdeg=field_of(message, "hdg", unknown=65_535),
            rel_alt_mm=field_of(message, "relative_alt"),
        )

    def _receiver(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        stamp_us = field_of(message, "time_usec")
        boot_us = stamp_us if stamp_us < _BOOT_LIMIT_US else UNKNOWN
        fix_type = field_of(message, "fix_type")
        self._add(
            vehicle,
            Table.GNSS,
            arrival_us,
            boot_us,
            satellites=field_of(message, "satellites_visible", unknown=255),
            fix_type=fix_type,
            hdop_c=field_of(message, "eph", unknown=65_535),
        )
        course = field_of(message, "cog", unknown=65_535)
        self._add(vehicle, Table.KINEMATICS, arrival_us, boot_us, course_cdeg=course)
        # Zero in an extension field means that the sender knows no such field.
        altitude, ellipsoid = field_of(message, "alt"), field_of(message, "alt_ellipsoid", unknown=0)
        vehicle.fix_at_us = arrival_us
        vehicle.fix = {
            "fix_type": fix_type,
            "h_acc_mm": field_of(message, "h_acc", unknown=0),
            "v_acc_mm": field_of(message, "v_acc", unknown=0),
        }
        vehicle.separation_mm = UNKNOWN if UNKNOWN in (altitude, ellipsoid) else ellipsoid - altitude
        fix = self._fix(vehicle, "GPS_RAW_INT", message, arrival_us, boot_us)
        if fix is not None:
            latitude, longitude = fix
            vehicle.unfused.add(
                arrival_us,
                boot_us,
                lat_e7=latitude,
                lon_e7=longitude,
                alt_msl_mm=altitude,
                alt_hae_mm=ellipsoid,
                dead_reckoning=0,
                **vehicle.fix,
            )
            self._rows += 1

    def _second_receiver(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        self._fix(vehicle, "GPS2_RAW", message, arrival_us, UNKNOWN)

    def _fix(
        self, vehicle: _Vehicle, stream: str, message: object, arrival_us: int, boot_us: int
    ) -> tuple[int, int] | None:
        latitude, longitude = field_of(message, "lat"), field_of(message, "lon")
        if field_of(message, "fix_type") < 2 or not self._centres.see((id(vehicle), stream), latitude, longitude):
            return None
        number = _RECEIVERS.index(stream)
        self._add(vehicle, Table.TRACK, arrival_us, boot_us, lat_e7=latitude, lon_e7=longitude, stream=number)
        return latitude, longitude

    def _attitude(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        yaw = field_of(message, "yaw", _CDEG_PER_RADIAN)
        self._add(
            vehicle,
            Table.KINEMATICS,
            arrival_us,
            field_of(message, "time_boot_ms", 1000.0),
            roll_cdeg=field_of(message, "roll", _CDEG_PER_RADIAN),
            pitch_cdeg=field_of(message, "pitch", _CDEG_PER_RADIAN),
            yaw_cdeg=UNKNOWN if yaw == UNKNOWN else yaw % _FULL_CIRCLE_CDEG,
        )

    def _air_data(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        self._add(vehicle, Table.KINEMATICS, arrival_us, airspeed_cms=field_of(message, "airspeed", 100.0))

    def _power(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        self._add(
            vehicle,
            Table.VEHICLE,
            arrival_us,
            voltage_mv=field_of(message, "voltage_battery", unknown=65_535),
            current_ca=field_of(message, "current_battery", unknown=-1),
            remaining_pct=field_of(message, "battery_remaining", unknown=-1),
        )

    def _battery(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        if field_of(message, "id") != 0:
            return
        cells = [cell for cell in getattr(message, "voltages", ()) if cell != 65_535]
        self._add(
            vehicle,
            Table.VEHICLE,
            arrival_us,
            voltage_mv=sum(cells) if cells else UNKNOWN,
            current_ca=field_of(message, "current_battery", unknown=-1),
            consumed_mah=field_of(message, "current_consumed", unknown=-1),
            remaining_pct=field_of(message, "battery_remaining", unknown=-1),
            temp_cdegc=field_of(message, "temperature", unknown=32_767),
        )

    def _motors(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        counts, speeds = getattr(message, "count", ()), getattr(message, "rpm", ())
        heard = [speed for speed, count in zip(speeds, counts, strict=False) if count]
        self._add(vehicle, Table.VEHICLE, arrival_us, rpm=sum(heard) // len(heard) if heard else UNKNOWN)

    def _radio(self, _vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        self._links.add(
            arrival_us,
            UNKNOWN,
            rssi=field_of(message, "rssi", unknown=255),
            remote_rssi=field_of(message, "remrssi", unknown=255),
            noise=field_of(message, "noise", unknown=255),
            remote_noise=field_of(message, "remnoise", unknown=255),
            rx_errors=field_of(message, "rxerrors"),
        )
        self._rows += 1

    def _integrity(self, vehicle: _Vehicle, message: object, arrival_us: int) -> None:
        self._add(
            vehicle,
            Table.GNSS,
            arrival_us,
            jamming_state=field_of(message, "jamming_state"),
            spoofing_state=field_of(message, "spoofing_state"),
        )


def _row_count(vehicle: _Vehicle) -> int:
    return sum(len(timed.rows) for timed in vehicle.tables.values())


def _evidence(vehicle: _Vehicle) -> tuple[bool, int]:
    """An autopilot that sent heartbeats comes before one that did not, then the one with the longer track."""
    return vehicle.vehicle_type != VEHICLE_TYPE_UNKNOWN, len(vehicle.tables[Table.TRACK].rows)
