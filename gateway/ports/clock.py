"""Time comes in through one door, so that every rule about it can be tested without waiting."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two clocks: the wall, which may jump, and the boot clock, which may not."""

    def wall_ms(self) -> int:
        """UTC milliseconds since 1970."""
        ...

    def boot_ms(self) -> int:
        """Milliseconds since some fixed moment, never decreasing, counting suspends where the system can."""
        ...
