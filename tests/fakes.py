"""Doubles of ports that pass the port's contract suite; journals and floor are in `gateway.adapters.memory`."""

from __future__ import annotations


class FakeClock:
    """A clock that moves when a test says so. wall_ms: where it starts, 2026-01-01 unless told."""

    def __init__(self, wall_ms: int = 1_767_225_600_000, boot_ms: int = 60_000) -> None:
        self._wall = wall_ms
        self._boot = boot_ms

    def wall_ms(self) -> int:
        """UTC milliseconds since 1970."""
        return self._wall

    def boot_ms(self) -> int:
        """Milliseconds since the machine of the test started."""
        return self._boot

    def advance(self, ms: int) -> None:
        """Both clocks go on together, as they should; time never goes back this way."""
        if ms < 0:
            raise ValueError("time goes on by 0 ms or more; `jump_wall` sets the wall clock back")
        self._wall += ms
        self._boot += ms

    def jump_wall(self, ms: int) -> None:
        """The wall clock alone is set, forward or back, as an operator or a false time source would."""
        self._wall += ms
