"""Kind `telemetry`: a track segment of one platform; its table, its laws and the builders sources use.

A segment closes at 4,096 rows, at 5 s for live sources, at the end of a file, and where the track leaves its 100 km
square (`track.area_cuts`), so that a rule about an area never meets half a record. Each portion keeps its own times:
nothing is resampled under a signature. The exact start is in `position` only; `about` is rounded, or offsets leak it.

    fine = position(t0_us=1_780_000_000_000_000, t_ms=[0, 100], lat_e7=[504500000, None], lon_e7=[305200000, None])
    coarse = position_coarse(fine)               # None if no fix is known
    t0_ms, t1_ms = rounded(1_780_000_000_000_000, 100, 3_600_000)
    about(rows=2, t0_ms=t0_ms, t1_ms=t1_ms, area_mgrs100k=area(fine), platform_class="MULTIROTOR", …)

Builders take plain lists, `None` for unknown, and raise `CallerError` naming the field.
Source: SPEC.md section 8; protos/sluice/v1/telemetry.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum, IntFlag
from typing import cast

from google.protobuf.message import Message
from sluice.v1 import portion_pb2, telemetry_pb2

from gateway.core.errors import Refused
from gateway.core.kinds import canonical
from gateway.core.kinds.columns import Column, element
from gateway.core.kinds.fields import Choice, Choices, Line, Lines, Number
from gateway.core.kinds.mgrs import is_square_1km, is_square_100km, square_1km
from gateway.core.kinds.shape import YEAR_2000_MS, YEAR_2100_MS, Kind, Portion, says_something
from gateway.core.kinds.sidc import is_sidc
from gateway.core.kinds.track import area_of, check_coarse, check_minutes, check_pairs, first_fixes, minutes_of, rounded
from gateway.core.suite.numbers import MAX_ROWS, RecordKind, Schema
from gateway.core.suite.octets import is_name

ABOUT, POSITION, POSITION_COARSE, KINEMATICS, VEHICLE, LINK, GNSS, UNIT = range(8)
DAY_MS = 86_400_000
_ALTITUDES = (-1_000_000, 50_000_000)
_COUNTS = (0, 2_147_483_647)
Values = Sequence[int | None]


class FixType(IntEnum):
    """What a satellite receiver says of its fix, numbered as MAVLink does."""

    NO_GNSS = 0
    NO_FIX = 1
    FIX_2D = 2
    FIX_3D = 3
    DGNSS = 4
    RTK_FLOAT = 5
    RTK_FIXED = 6
    STATIC = 7
    PPP = 8


class Mode(IntEnum):
    """Flight mode, the same for every autopilot."""

    OTHER = 0
    MANUAL = 1
    ACRO = 2
    STABILIZE = 3
    ALTITUDE_HOLD = 4
    POSITION_HOLD = 5
    MISSION = 6
    GUIDED = 7
    RETURN = 8
    LAND = 9
    TAKEOFF = 10


class Failsafe(IntFlag):
    """Why a failsafe acts; a column value is a sum of these."""

    CONTROL_LOST = 1
    LINK_LOST = 2
    BATTERY = 4
    GNSS = 8
    ESTIMATOR = 16
    GEOFENCE = 32
    ACTUATOR = 64
    OTHER = 128


class Integrity(IntEnum):
    """Whether the receiver sees jamming or spoofing."""

    UNKNOWN = 0
    OK = 1
    MITIGATED = 2
    DETECTED = 3


def _codes(name: str, codes: type[IntEnum]) -> Column:
    return Column(name, 1, 0, max(codes), "code", codes=codes)


_ROWS = Number("rows", 1, MAX_ROWS)
_T_MS = Column("t_ms", 4, 0, DAY_MS, "ms since the segment start", required=True, ascends=True)


_PORTIONS = (
    Portion(
        "about",
        telemetry_pb2.TelemetryAbout,
        (
            Number("rows", 0, MAX_ROWS),
            Number("t0_ms", 0, YEAR_2100_MS, "UTC ms"),
            Number("t1_ms", 0, YEAR_2100_MS, "UTC ms"),
            Choice("platform_class", portion_pb2.PlatformClass),
            Line("sidc", 30, required=True, form=is_sidc, expected="20 or 30 digits of a symbol code"),
            Line("design_id", 64, form=is_name, expected="an identifier"),
            Line("area_mgrs100k", 5, form=is_square_100km, expected="a 100 km grid square"),
            Choice("source_format", telemetry_pb2.SourceFormat),
            Choice("time_source", telemetry_pb2.TimeSource),
            Choices("dropped", telemetry_pb2.Dropped),
        ),
    ),
    Portion(
        "position",
        telemetry_pb2.TelemetryPosition,
        (
            _ROWS,
            Number("t0_us", 0, YEAR_2100_MS * 1000, "UTC us"),
            _T_MS,
            Column("lat_e7", 4, -900_000_000, 900_000_000, "1e-7 degree"),
            Column("lon_e7", 4, -1_800_000_000, 1_800_000_000, "1e-7 degree"),
            Column("alt_msl_mm", 4, *_ALTITUDES, "mm"),
            Column("alt_hae_mm", 4, *_ALTITUDES, "mm"),
            Column("h_acc_mm", 4, *_COUNTS, "mm"),
            Column("v_acc_mm", 4, *_COUNTS, "mm"),
            _codes("fix_type", FixType),
            Column("dead_reckoning", 1, 0, 1, "flag", flag=True),
        ),
        check_pairs,
    ),
    Portion(
        "position_coarse",
        telemetry_pb2.TelemetryPositionCoarse,
        (
            _ROWS,
            Column("t_s", 4, 0, YEAR_2100_MS // 1000, "UTC s", required=True, ascends=True),
            Lines("mgrs_1km", 9, MAX_ROWS, is_square_1km, "1 km grid squares"),
        ),
        check_minutes,
    ),
    Portion(
        "kinematics",
        telemetry_pb2.TelemetryKinematics,
        (
            _ROWS,
            _T_MS,
            Column("vn_cms", 2, -32_767, 32_767, "cm/s"),
            Column("ve_cms", 2, -32_767, 32_767, "cm/s"),
            Column("vd_cms", 2, -32_767, 32_767, "cm/s"),
            Column("course_cdeg", 2, 0, 35_999, "1/100 degree"),
            Column("roll_cdeg", 2, -18_000, 18_000, "1/100 degree"),
            Column("pitch_cdeg", 2, -9_000, 9_000, "1/100 degree"),
            Column("yaw_cdeg", 2, 0, 35_999, "1/100 degree"),
            Column("airspeed_cms", 2, 0, 32_767, "cm/s"),
            Column("rel_alt_mm", 4, *_ALTITUDES, "mm"),
        ),
    ),
    Portion(
        "vehicle",
        telemetry_pb2.TelemetryVehicle,
        (
            _ROWS,
            _T_MS,
            _codes("mode", Mode),
            Column("armed", 1, 0, 1, "flag", flag=True),
            Column("failsafe_bits", 2, 0, 255, "bits"),
            Column("voltage_mv", 2, 0, 65_534, "mV"),
            Column("current_ca", 2, -32_767, 32_767, "1/100 A"),
            Column("consumed_mah", 4, *_COUNTS, "mAh"),
            Column("remaining_pct", 1, 0, 100, "%"),
            Column("temp_cdegc", 2, -27_315, 32_767, "1/100 degree Celsius"),
            Column("rpm", 4, *_COUNTS, "1/min"),
        ),
    ),
    Portion(
        "link",
        telemetry_pb2.TelemetryLink,
        (
            _ROWS,
            _T_MS,
            Line("device", 64),
            Number("band_mhz", 1, 300_000, "MHz", optional=True),
            Column("rssi", 1, 0, 254, "device units"),
            Column("remote_rssi", 1, 0, 254, "device units"),
            Column("noise", 1, 0, 254, "device units"),
            Column("remote_noise", 1, 0, 254, "device units"),
            Column("rx_errors", 4, *_COUNTS, "count"),
            Column("lost", 4, *_COUNTS, "count"),
        ),
    ),
    Portion(
        "gnss",
        telemetry_pb2.TelemetryGnss,
        (
            _ROWS,
            _T_MS,
            Column("satellites", 1, 0, 127, "count"),
            _codes("fix_type", FixType),
            Column("hdop_c", 2, 0, 65_534, "1/100"),
            Column("noise_per_ms", 2, 0, 65_534, "device units"),
            Column("jamming_indicator", 2, 0, 255, "device units"),
            _codes("jamming_state", Integrity),
            _codes("spoofing_state", Integrity),
        ),
    ),
    Portion(
        "unit",
        telemetry_pb2.TelemetryUnit,
        tuple(Line(name, 128) for name in ("unit_name", "callsign", "serial", "tail", "mission_ref", "operator_ref")),
        says_something,
    ),
)


def _law(messages: Mapping[int, Message], time_step_ms: int) -> None:
    """Portions against each other; see SPEC.md section 8 for the list."""
    about = cast("telemetry_pb2.TelemetryAbout", messages[ABOUT])
    fine = cast("telemetry_pb2.TelemetryPosition | None", messages.get(POSITION))
    coarse = cast("telemetry_pb2.TelemetryPositionCoarse | None", messages.get(POSITION_COARSE))
    columnar = [slot for slot in messages if _PORTIONS[slot].columns]
    rows = max((int(getattr(messages[slot], "rows")) for slot in columnar), default=0)  # noqa: B009 - as in columns
    if about.rows != rows:
        raise Refused("range", f"`rows` must be the largest of the portions, {rows}", at="about.rows")
    _check_times(about, fine, coarse, messages, time_step_ms)
    if coarse is not None:
        if fine is not None:
            check_coarse(fine, coarse, "position_coarse")
        areas = {square[:-4] for square in coarse.mgrs_1km}
    else:
        areas = {area_of(fine)} - {""} if fine is not None else set()
    if areas and areas != {about.area_mgrs100k}:
        raise Refused("coarse-mismatch", "`area_mgrs100k` must hold the whole track", at="about.area_mgrs100k")


def _check_times(
    about: telemetry_pb2.TelemetryAbout,
    fine: telemetry_pb2.TelemetryPosition | None,
    coarse: telemetry_pb2.TelemetryPositionCoarse | None,
    messages: Mapping[int, Message],
    step_ms: int,
) -> None:
    timed = [_T_MS.octets(messages[slot]) for slot in messages if _T_MS in _PORTIONS[slot].columns]
    last_ms = max((element(octets, 4, len(octets) // 4 - 1) for octets in timed), default=0)
    if fine is not None:
        fits = (about.t0_ms, about.t1_ms) == rounded(fine.t0_us, last_ms, step_ms)
    else:
        fits = not (about.t0_ms % step_ms or about.t1_ms % step_ms) and about.t0_ms + last_ms <= about.t1_ms
    if coarse is not None:
        minutes = minutes_of(coarse)
        fits = fits and about.t0_ms < minutes[0] * 1000 + 60_000 and minutes[-1] * 1000 <= about.t1_ms
    if not fits:
        raise Refused("range", f"`t0_ms` and `t1_ms` must hold every row, rounded to {step_ms} ms", at="about.t0_ms")
    if (about.t1_ms < YEAR_2000_MS) != (about.time_source == telemetry_pb2.TIME_SOURCE_LOG_BOOT):
        raise Refused("range", "times count from 1970 unless `time_source` is LOG_BOOT", at="about.time_source")


KIND = Kind(
    number=RecordKind.TELEMETRY,
    schema=Schema.TELEMETRY_1,
    must=1 << ABOUT,
    portions=_PORTIONS,
    not_below=((KINEMATICS, POSITION),),
    law=_law,
    design_field="design_id",
)

# What follows is for sources. Each builder gives the content of one slot; `locals()` there is exactly its arguments.


def about(
    *,
    rows: int,
    t0_ms: int,
    t1_ms: int,
    platform_class: str,
    sidc: str,
    source_format: str,
    time_source: str,
    area_mgrs100k: str = "",
    design_id: str = "",
    dropped: Sequence[str] = (),
) -> bytes:
    """Slot 0. Enums by name: `MULTIROTOR`, `DATAFLASH`, `GNSS`, `HOME`; `sidc.symbol` gives a code that says little."""
    return _PORTIONS[ABOUT].build(locals())


def position(
    *,
    t0_us: int,
    t_ms: Sequence[int],
    lat_e7: Values = (),
    lon_e7: Values = (),
    alt_msl_mm: Values = (),
    alt_hae_mm: Values = (),
    h_acc_mm: Values = (),
    v_acc_mm: Values = (),
    fix_type: Values = (),
    dead_reckoning: Values = (),
) -> bytes:
    """Slot 1."""
    return _PORTIONS[POSITION].build(locals())


def position_coarse(fine: bytes) -> bytes | None:
    """Slot 2 as the content of slot 1 rounds to it; `None` if no fix is known."""
    fixes = list(first_fixes(canonical.parse(telemetry_pb2.TelemetryPosition, fine, "position")))
    if not fixes:
        return None
    t_s, mgrs_1km = [minute for minute, _, _ in fixes], [square_1km(lat, lon) for _, lat, lon in fixes]
    return _PORTIONS[POSITION_COARSE].build({"t_s": t_s, "mgrs_1km": mgrs_1km})


def area(fine: bytes) -> str:
    """`area_mgrs100k` for the content of slot 1; empty if no fix is known."""
    return area_of(canonical.parse(telemetry_pb2.TelemetryPosition, fine, "position"))


def kinematics(
    *,
    t_ms: Sequence[int],
    vn_cms: Values = (),
    ve_cms: Values = (),
    vd_cms: Values = (),
    course_cdeg: Values = (),
    roll_cdeg: Values = (),
    pitch_cdeg: Values = (),
    yaw_cdeg: Values = (),
    airspeed_cms: Values = (),
    rel_alt_mm: Values = (),
) -> bytes:
    """Slot 3."""
    return _PORTIONS[KINEMATICS].build(locals())


def vehicle(
    *,
    t_ms: Sequence[int],
    mode: Values = (),
    armed: Values = (),
    failsafe_bits: Values = (),
    voltage_mv: Values = (),
    current_ca: Values = (),
    consumed_mah: Values = (),
    remaining_pct: Values = (),
    temp_cdegc: Values = (),
    rpm: Values = (),
) -> bytes:
    """Slot 4; `mode` by `Mode`, `failsafe_bits` by `Failsafe`."""
    return _PORTIONS[VEHICLE].build(locals())


def link(
    *,
    t_ms: Sequence[int],
    device: str = "",
    band_mhz: int | None = None,
    rssi: Values = (),
    remote_rssi: Values = (),
    noise: Values = (),
    remote_noise: Values = (),
    rx_errors: Values = (),
    lost: Values = (),
) -> bytes:
    """Slot 5."""
    return _PORTIONS[LINK].build(locals())


def gnss(
    *,
    t_ms: Sequence[int],
    satellites: Values = (),
    fix_type: Values = (),
    hdop_c: Values = (),
    noise_per_ms: Values = (),
    jamming_indicator: Values = (),
    jamming_state: Values = (),
    spoofing_state: Values = (),
) -> bytes:
    """Slot 6; `fix_type` by `FixType`, the states by `Integrity`."""
    return _PORTIONS[GNSS].build(locals())


def unit(
    *,
    unit_name: str = "",
    callsign: str = "",
    serial: str = "",
    tail: str = "",
    mission_ref: str = "",
    operator_ref: str = "",
) -> bytes:
    """Slot 7; one of them at least."""
    return _PORTIONS[UNIT].build(locals())
