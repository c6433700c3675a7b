"""The gateway's idea of now: never below the last tick, and *untimed* when its two clocks disagree.

While untimed nothing dated or delayed is released; only a quorum says what time it is. A wall clock that jumped is not
believed from then on: now goes on with the boot clock from the last moment both agreed, so a false hour does not enter
the ledger and hold the gateway back for as long. Source: architecture section 4.
"""

from __future__ import annotations

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

    def is_timed(self) -> bool:
        """Whether dated facts may be decided on."""
        self.now_ms()
        return not self._untimed
