"""A track segment and a tactic for the tests of this room, each whole and each changeable by one argument."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from google.protobuf.message import Message

from gateway.core.kinds import parse_portion, tactic, telemetry
from gateway.core.kinds.sidc import symbol
from gateway.core.kinds.track import rounded
from gateway.core.suite.numbers import Schema

HOUR = 3_600_000
T0_US = 1_780_000_000_250_000  # 26.67 s into a minute
KYIV = (504_500_000, 305_200_000)
T = (0, 100, 65_000)
BATCH = "ab" * 48
LEAF = "cd" * 48


def position(**changed: Any) -> bytes:
    """A fine track of three rows: two fixes a minute apart, one row without."""
    lat, lon = KYIV
    values: dict[str, Any] = {"t0_us": T0_US, "t_ms": T, "lat_e7": [lat, None, lat + 50], "lon_e7": [lon, None, lon]}
    return telemetry.position(**values | changed)


def about(**changed: Any) -> bytes:
    """The `about` that fits `position()`."""
    t0_ms, t1_ms = rounded(T0_US, T[-1], HOUR)
    values: dict[str, Any] = {
        "rows": 3,
        "t0_ms": t0_ms,
        "t1_ms": t1_ms,
        "platform_class": "MULTIROTOR",
        "sidc": symbol("MULTIROTOR"),
        "source_format": "DATAFLASH",
        "time_source": "GNSS",
        "area_mgrs100k": "36UUA",
    }
    return telemetry.about(**values | changed)


def segment(**changed: bytes | None) -> dict[int, Message]:
    """A whole track segment, parsed; a portion given as `None` is left out."""
    fine = position()
    contents: dict[str, bytes | None] = {
        "about": about(),
        "position": fine,
        "position_coarse": telemetry.position_coarse(fine),
        "kinematics": telemetry.kinematics(t_ms=T, vn_cms=[1, 2, None], course_cdeg=[0, 35_999, None]),
        "vehicle": telemetry.vehicle(t_ms=T[:2], mode=[telemetry.Mode.MISSION, None], armed=[True, False]),
        "link": telemetry.link(t_ms=T[:1], rssi=[200], device="SiK 433"),
        "gnss": telemetry.gnss(t_ms=T, satellites=[9, 11, 12], jamming_state=[telemetry.Integrity.OK, None, 3]),
        "unit": telemetry.unit(callsign="Шуліка-3"),
    }
    return parsed(Schema.TELEMETRY_1, telemetry.KIND.slots, contents | changed)


def parsed(schema: Schema, slots: tuple[str, ...], contents: Mapping[str, bytes | None]) -> dict[int, Message]:
    """Messages by slot of contents by name."""
    return {
        slot: parse_portion(schema, slot, content)
        for slot, name in enumerate(slots)
        if (content := contents.get(name)) is not None
    }


def tactic_tables(**changed: Any) -> dict[str, Any]:
    """A tactic as its author writes it; a table given as `None` is left out."""
    tables: dict[str, Any] = {
        "about": {
            "title": {"uk": "Обхід завад", "en": "Flying round jamming"},
            "topic": ["fpv", "ew"],
            "platform_class": ["MULTIROTOR"],
            "status": "VALIDATED",
            "valid_from": date(2026, 11, 1),
            "source_reliability": "B",
            "info_credibility": 2,
        },
        "conditions": {"ew": ["GNSS_JAMMING"], "altitude_m": {"low_m": 40, "high_m": 120}},
        "observation": {"uk": "Перше.\nДруге.", "en": "One.\nTwo.", "machine_translated": True},
        "evidence": {"records": [{"record": f"{BATCH}.7", "digest": LEAF}], "trials": 40, "successes": 31},
        "unit": {"originator": "47 омбр"},
    }
    return {name: table for name, table in (tables | changed).items() if table is not None}


def lesson(**changed: Any) -> dict[int, Message]:
    """A whole tactic, parsed."""
    contents = tactic.from_mapping(tactic_tables(**changed))
    return {slot: parse_portion(Schema.TACTIC_1, slot, content) for slot, content in contents.items()}
