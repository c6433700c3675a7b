"""The gateway's idea of now: never below the last tick, and *untimed* when its two clocks disagree.

While untimed nothing dated or delayed is released; only a quorum says that the wall clock is right (`confirm`). A wall
clock that jumped is not believed from then on: now goes on with the boot clock from the last moment both agreed, so a
false hour does not enter the ledger and hold the gateway back for as long.
Source: architecture section 4; SPEC.md section 2.14.
"""

from __future__ import annotations

from gateway.core.errors import Refused
from gateway.ports.clock import Clock

DISAGREEMENT_MS = 60_000


class TrustedTime:
    """Reads a clock with the suspicion it deserves."""

    __slots__ = ("_clock", "_floor_ms", "_start_boot_ms", "_start_wall_ms", "_untimed", "started_at_ms")

    def __init__(self, clock: Clock, last_tick_ms: int) -> None:
        self._clock = clock
        self._floor_ms = last_tick_ms
        self._start_wall_ms = clock.wall_ms()
        self._start_boot_ms = clock.boot_ms()
        self._untimed = self._start_wall_ms + DISAGREEMENT_MS < last_tick_ms
        self.started_at_ms = self.now_ms()

    def now_ms(self) -> int:
        """UTC milliseconds; never decreasing."""
        wall = self._clock.wall_ms()
        expected = self._start_wall_ms + self._clock.boot_ms() - self._start_boot_ms
        if abs(wall - expected) > DISAGREEMENT_MS:
            self._untimed = True
        self._floor_ms = max(self._floor_ms, expected if self._untimed else wall)
        return self._floor_ms

    def reading(self) -> tuple[int, int]:
        """(wall, boot) as the clocks show them, believed or not: what a TIME is held against."""
        return self._clock.wall_ms(), self._clock.boot_ms()

    def check_doubted(self, wall_ms: int) -> None:
        """Refuses a TIME: `nothing-to-change` while the clock is trusted, `clock-behind` for one behind what was told.

        Below the last tick, dates and delays would be judged by an hour that has not come.
        """
        if self.is_timed():
            raise Refused("nothing-to-change", "a statement must change something, the clock is trusted", at="time")
        if wall_ms + DISAGREEMENT_MS < self.now_ms():
            raise Refused(
                "clock-behind",
                "the wall clock must not be behind the gateway's last tick",
                at="time",
                do="wait until it is not",
            )

    def confirm(self, reading: tuple[int, int]) -> None:
        """From that reading on the wall clock is believed again, until it disagrees with the boot clock once more."""
        self._start_wall_ms, self._start_boot_ms = reading
        self._untimed = False

    def is_timed(self) -> bool:
        """Whether dated facts may be decided on."""
        self.now_ms()
        return not self._untimed
