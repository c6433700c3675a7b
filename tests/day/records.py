"""What the two sources of the day have seen: short track segments and tactics, each a little different."""

from __future__ import annotations

from datetime import date
from typing import Any

from gateway.core.kinds import canonical, tactic, telemetry
from gateway.core.kinds.track import rounded
from tests.unit.kinds.given import HOUR, KYIV, T, about, position, segment, tactic_tables

DAY_US = 1_795_132_800_000_000  # 2026-11-20T00:00:00Z
Contents = dict[int, bytes]


def a_track(hour: int, minute: int, place: int, **changed: bytes | None) -> Contents:
    """A segment that began then; `place` moves it by some metres. One portion given as None is left out."""
    t0_us = DAY_US + (hour * 60 + minute) * 60_000_000 + 250_000
    lat, lon = KYIV[0] + 1000 * place, KYIV[1] + 700 * place
    fine = position(t0_us=t0_us, lat_e7=[lat, None, lat + 50], lon_e7=[lon, None, lon + 20])
    t0_ms, t1_ms = rounded(t0_us, T[-1], HOUR)
    parts: dict[str, bytes | None] = {
        "about": about(t0_ms=t0_ms, t1_ms=t1_ms),
        "position": fine,
        "position_coarse": telemetry.position_coarse(fine),
        "link": None,
    }
    return {slot: canonical.encode(message) for slot, message in segment(**(parts | changed)).items()}


def a_tactic(number: int, **changed: Any) -> Contents:
    """A tactic with this number in its title; one table given as None is left out."""
    told = {
        "title": {"uk": f"Обхід завад {number}", "en": f"Flying round jamming {number}"},
        "topic": ["fpv", "ew"],
        "platform_class": ["MULTIROTOR"],
        "status": "VALIDATED",
        "valid_from": date(2026, 11, 1),
        "source_reliability": "B",
        "info_credibility": 2,
    }
    return tactic.from_mapping(tactic_tables(**({"about": told} | changed)))


def a_marked_tactic(number: int) -> Contents:
    """A tactic whose text carries a marking above its label: signed in good faith, and refused by the guard."""
    return a_tactic(number, observation={"uk": "ЦІЛКОМ ТАЄМНО: друге.", "en": "TOP SECRET//NOFORN: the second."})
