"""Laws of the gateway's now: it never runs back, and a clock that lies is not believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.usecases.trusted_time import DISAGREEMENT_MS, TrustedTime
from tests.fakes import FakeClock

HOUR = 3_600_000
steps = st.lists(st.tuples(st.booleans(), st.integers(-2 * HOUR, 2 * HOUR)), max_size=20)


@given(steps)
def test_now_never_decreases_and_distrust_is_for_good(moves: list[tuple[bool, int]]) -> None:
    """Whatever happens to the wall clock."""
    clock = FakeClock()
    time = TrustedTime(clock, 0)
    last, timed = time.now_ms(), True
    for jump, ms in moves:
        if jump:
            clock.jump_wall(ms)
        else:
            clock.advance(abs(ms))
        now = time.now_ms()
        assert now >= last
        assert timed or not time.is_timed()
        last, timed = now, time.is_timed()


def test_a_clock_that_only_goes_on_is_trusted() -> None:
    """Suspends count as time in both clocks."""
    clock = FakeClock()
    time = TrustedTime(clock, 0)
    clock.advance(30 * 24 * HOUR)

    assert time.is_timed()
    assert time.now_ms() == clock.wall_ms()


def test_clocks_may_differ_by_a_minute_and_no_more() -> None:
    """Slow corrections are honest; a jump is not."""
    for jump in (DISAGREEMENT_MS, -DISAGREEMENT_MS):
        clock = FakeClock()
        time = TrustedTime(clock, 0)
        clock.jump_wall(jump)
        assert time.is_timed()
        clock.jump_wall(1 if jump > 0 else -1)
        assert not time.is_timed()


def test_a_false_hour_does_not_become_the_gateways_time() -> None:
    """It would be signed into the ledger, and hold the gateway back for an hour after the clock was mended."""
    clock = FakeClock()
    time = TrustedTime(clock, 0)
    started = time.now_ms()
    clock.jump_wall(100 * 365 * 24 * HOUR)
    clock.advance(5000)

    assert time.now_ms() == started + 5000


def test_a_start_behind_the_last_tick_is_untimed() -> None:
    """Either that tick lied or this clock does."""
    clock = FakeClock()

    assert not TrustedTime(clock, clock.wall_ms() + DISAGREEMENT_MS + 1).is_timed()
    late = TrustedTime(clock, clock.wall_ms() + DISAGREEMENT_MS)
    assert late.is_timed()
    assert late.now_ms() == clock.wall_ms() + DISAGREEMENT_MS
