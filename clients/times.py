"""The wall clock of a client and how a moment is printed: RFC 3339 in UTC, whole seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime

# The last moment of the year 9999: later ones have no RFC 3339 spelling, and nothing here lives that long.
_LAST_MS = 253_402_300_799_999


def now_ms() -> int:
    """UTC milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000


def utc(milliseconds: int) -> str:
    """`2026-11-24T08:00:00Z`; `never` for what lies beyond the year 9999."""
    if milliseconds > _LAST_MS:
        return "never"
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
