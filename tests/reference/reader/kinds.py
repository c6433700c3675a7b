"""The tables of sections 8.6 to 8.8: which message stands in which slot, and what its fields may hold.

Each message is its fields in ascending order of their numbers, from 1 without a gap; so a table is a list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TIME = 4_102_444_800_000
MILLENNIUM = 946_684_800_000
IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}"
# 100 km squares (8.4). UTM: zone, band, a column of the zone's set of eight, a row; polar ones have no zone.
_BAND = "[C-HJ-NP-X]"
_SETS = ("[S-Z]", "[A-H]", "[J-NP-R]")
_ZONED = "|".join(f"{zone:02}{_BAND}{_SETS[zone % 3]}[A-HJ-NP-V]" for zone in range(1, 61))
_POLAR = "Z[A-CF-HJ-LP-R][A-HJ-NP]|Y[J-LP-UX-Z][A-HJ-NP]|B[A-CF-HJ-LP-R][A-HJ-NP-Z]|A[J-LP-UX-Z][A-HJ-NP-Z]"
SQUARE = f"(?:{_ZONED}|{_POLAR})"


@dataclass(frozen=True)
class Field:
    """One field of a message; `kind` says which of the others mean something."""

    name: str
    kind: str  # number, zigzag, flag, enum, enums, text, form, forms, digest, column, base, part, parts
    low: int = 0
    high: int = 0
    required: bool = False
    width: int = 0  # bytes: of an element of a column, of a form at most
    pattern: str = ""
    part: str = ""

    @property
    def wire(self) -> int:
        """The wire type of protobuf: 0 a varint, 2 bytes behind a length."""
        return 0 if self.kind in {"number", "zigzag", "flag", "enum", "base"} else 2


def number(name: str, low: int, high: int, *, required: bool = False) -> Field:
    """An unsigned integer; where zero is not allowed and the field may be absent, absent it is zero."""
    return Field(name, "number", low, high, required)


def column(name: str, width: int, low: int, high: int, *, required: bool = False) -> list[Field]:
    """A column, with its base behind it where the range is wider than the elements (8.2)."""
    most = 2 ** (8 * width - 1) - 1
    own = Field(name, "column", low, high, required, width)
    return [own] if -most <= low and high <= most else [own, Field(f"{name}_base", "base")]


def text(name: str, high: int) -> Field:
    """A text of 8.3 of at most so many bytes."""
    return Field(name, "text", 0, high)


def enum(name: str, high: int, *, required: bool = False) -> Field:
    """A number of 1 to `high`, all of which 8.6 lists."""
    return Field(name, "enum", 1, high, required)


def enums(name: str, high: int, *, required: bool = False) -> Field:
    """A list of such numbers, packed, ascending, each once."""
    return Field(name, "enums", 1, high, required)


def part(name: str, message: str, *, required: bool = False) -> Field:
    """A message inside."""
    return Field(name, "part", required=required, part=message)


def parts(name: str, message: str, high: int) -> Field:
    """A list of messages inside."""
    return Field(name, "parts", 0, high, part=message)


PLATFORMS, LANGUAGES = 5, 2
_ROWS = number("rows", 1, 4096, required=True)
_TIMED = [_ROWS, *column("t_ms", 4, 0, 86_400_000, required=True)]
_MOST = 2**31 - 1

MESSAGES: dict[str, list[Field]] = {
    "Text": [text("uk", 1 << 20), text("en", 1 << 20)],
    "RecordName": [Field("batch", "digest", required=True), number("idx", 0, 255)],
    "AltitudeBand": [Field("low_m", "zigzag", -500, 50_000), Field("high_m", "zigzag", -500, 50_000)],
    "EvidenceRecord": [part("record", "RecordName", required=True), Field("digest", "digest", required=True)],
    "TelemetryAbout": [
        number("rows", 0, 4096),
        number("t0_ms", 0, TIME),
        number("t1_ms", 0, TIME),
        enum("platform_class", PLATFORMS, required=True),
        Field("sidc", "form", required=True, width=30, pattern=r"[0-9]{2}[0-2][0-6][0-9]{16}(?:[0-9]{10})?"),
        Field("design_id", "form", width=64, pattern=IDENTIFIER),
        Field("area_mgrs100k", "form", width=5, pattern=SQUARE),
        enum("source_format", 5, required=True),
        enum("time_source", 3, required=True),
        enums("dropped", 7),
    ],
    "TelemetryPosition": [
        _ROWS,
        number("t0_us", 0, TIME * 1000),
        *column("t_ms", 4, 0, 86_400_000, required=True),
        *column("lat_e7", 4, -900_000_000, 900_000_000),
        *column("lon_e7", 4, -1_800_000_000, 1_800_000_000),
        *column("alt_msl_mm", 4, -1_000_000, 50_000_000),
        *column("alt_hae_mm", 4, -1_000_000, 50_000_000),
        *column("h_acc_mm", 4, 0, _MOST),
        *column("v_acc_mm", 4, 0, _MOST),
        *column("fix_type", 1, 0, 8),
        *column("dead_reckoning", 1, 0, 1),
    ],
    "TelemetryPositionCoarse": [
        _ROWS,
        *column("t_s", 4, 0, TIME // 1000, required=True),
        Field("mgrs_1km", "forms", high=4096, width=9, pattern=f"{SQUARE}[0-9]{{4}}"),
    ],
    "TelemetryKinematics": [
        *_TIMED,
        *column("vn_cms", 2, -32_767, 32_767),
        *column("ve_cms", 2, -32_767, 32_767),
        *column("vd_cms", 2, -32_767, 32_767),
        *column("course_cdeg", 2, 0, 35_999),
        *column("roll_cdeg", 2, -18_000, 18_000),
        *column("pitch_cdeg", 2, -9_000, 9_000),
        *column("yaw_cdeg", 2, 0, 35_999),
        *column("airspeed_cms", 2, 0, 32_767),
        *column("rel_alt_mm", 4, -1_000_000, 50_000_000),
    ],
    "TelemetryVehicle": [
        *_TIMED,
        *column("mode", 1, 0, 10),
        *column("armed", 1, 0, 1),
        *column("failsafe_bits", 2, 0, 255),
        *column("voltage_mv", 2, 0, 65_534),
        *column("current_ca", 2, -32_767, 32_767),
        *column("consumed_mah", 4, 0, _MOST),
        *column("remaining_pct", 1, 0, 100),
        *column("temp_cdegc", 2, -27_315, 32_767),
        *column("rpm", 4, 0, _MOST),
    ],
    "TelemetryLink": [
        *_TIMED,
        text("device", 64),
        number("band_mhz", 1, 300_000),
        *column("rssi", 1, 0, 254),
        *column("remote_rssi", 1, 0, 254),
        *column("noise", 1, 0, 254),
        *column("remote_noise", 1, 0, 254),
        *column("rx_errors", 4, 0, _MOST),
        *column("lost", 4, 0, _MOST),
    ],
    "TelemetryGnss": [
        *_TIMED,
        *column("satellites", 1, 0, 127),
        *column("fix_type", 1, 0, 8),
        *column("hdop_c", 2, 0, 65_534),
        *column("noise_per_ms", 2, 0, 65_534),
        *column("jamming_indicator", 2, 0, 255),
        *column("jamming_state", 1, 0, 3),
        *column("spoofing_state", 1, 0, 3),
    ],
    "TelemetryUnit": [
        text(name, 128) for name in ("unit_name", "callsign", "serial", "tail", "mission_ref", "operator_ref")
    ],
    "TacticAbout": [
        part("title", "Text", required=True),
        Field("topic", "forms", high=16, width=32, pattern="[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"),
        enums("platform_class", PLATFORMS),
        enum("status", 4, required=True),
        part("supersedes", "RecordName"),
        number("valid_from_ms", MILLENNIUM, TIME, required=True),
        number("valid_until_ms", MILLENNIUM, TIME),
        enum("source_reliability", 6, required=True),
        number("info_credibility", 1, 6, required=True),
        enums("lang", LANGUAGES, required=True),
    ],
    "TacticConditions": [
        enums("ew", 6),
        enums("weather", 8),
        enums("terrain", 7),
        enums("light", 3),
        part("altitude_m", "AltitudeBand"),
        parts("counter_indications", "Text", 16),
    ],
    "TacticNarrative": [part("text", "Text", required=True), Field("machine_translated", "flag")],
    "TacticEvidence": [
        parts("records", "EvidenceRecord", 256),
        number("sample_count", 0, _MOST),
        number("successes", 0, _MOST),
        number("trials", 0, _MOST),
    ],
    "TacticUnit": [text("originator", 256), text("point_of_contact", 256)],
}


@dataclass(frozen=True)
class Schema:
    """A schema: its kind, the slots of its must set as a mask, name and message of each slot."""

    kind: int
    must: int
    slots: tuple[tuple[str, str], ...]


def _slots(prefix: str, *names: str, **messages: str) -> tuple[tuple[str, str], ...]:
    camel = (re.sub("(?:^|_)([a-z])", lambda found: found[1].upper(), name) for name in names)
    return tuple((name, messages.get(name, prefix + word)) for name, word in zip(names, camel, strict=True))


LESSON = dict.fromkeys(("observation", "discussion", "conclusion", "recommendation"), "TacticNarrative")
SCHEMAS = {
    1: Schema(
        1,
        0b01,
        _slots("Telemetry", *["about", "position", "position_coarse", "kinematics", "vehicle", "link", "gnss", "unit"]),
    ),
    2: Schema(2, 0b11, _slots("Tactic", "about", "conditions", *LESSON, "evidence", "unit", **LESSON)),
}


def _named(*, in_must: bool) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(slot for place, (slot, _) in enumerate(one.slots) if (one.must >> place & 1) == in_must)
        for name, one in (("telemetry", SCHEMAS[1]), ("tactic", SCHEMAS[2]))
    }


MUST_SLOTS, FREE_SLOTS = _named(in_must=True), _named(in_must=False)
