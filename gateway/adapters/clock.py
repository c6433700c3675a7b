"""`SystemClock`: the port `Clock` from the operating system."""

from __future__ import annotations

import time

# CLOCK_BOOTTIME goes on through a suspend, CLOCK_MONOTONIC stands still; only Linux has the first.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The wall and the boot clock of this machine."""

    def wall_ms(self) -> int:
        """UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def boot_ms(self) -> int:
        """Milliseconds since the machine started, suspends counted where the system can."""
        return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000
