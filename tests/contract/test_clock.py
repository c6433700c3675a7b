"""What the port `Clock` promises, of the system's clock and of the double."""

from __future__ import annotations

import time

import pytest

from gateway.adapters.clock import SystemClock
from gateway.ports.clock import Clock
from tests.contract.sentences import Contract
from tests.fakes import FakeClock

CONTRACT = Contract(Clock)
BOTH = pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["system", "fake"])


@CONTRACT.holds(
    "Two clocks: the wall, which may jump, and the boot clock, which may not.", "UTC milliseconds since 1970."
)
@BOTH
def test_the_wall_counts_milliseconds_since_1970(clock: Clock) -> None:
    """A clock in seconds or microseconds would date every agreement wrongly."""
    year_2025, year_2100 = 1_735_689_600_000, 4_102_444_800_000

    assert year_2025 < clock.wall_ms() < year_2100


@CONTRACT.holds("Milliseconds since some fixed moment, never decreasing, counting suspends where the system can.")
@BOTH
def test_the_boot_clock_never_decreases(clock: Clock) -> None:
    """It is what the wall clock is held against."""
    read = [clock.boot_ms() for _ in range(2_000)]

    assert read == sorted(read)
    assert read[0] > 0


def test_the_system_clock_is_the_systems() -> None:
    """Both sides of a reading bound it."""
    clock = SystemClock()
    before = time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    read = clock.wall_ms(), clock.boot_ms()

    after = time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    assert before[0] <= read[0] <= after[0]
    assert before[1] <= read[1] <= after[1]


def test_the_fake_clock_moves_as_told() -> None:
    """Both go on together; only the wall can be set."""
    clock = FakeClock(wall_ms=1_000_000, boot_ms=500)

    clock.advance(20)
    clock.jump_wall(-3_000)

    assert (clock.wall_ms(), clock.boot_ms()) == (997_020, 520)
    with pytest.raises(ValueError, match="time goes on"):
        clock.advance(-1)


def test_every_sentence_of_the_port_is_held() -> None:
    """A promise that no test quotes is a wish."""
    assert CONTRACT.unheld() == []
