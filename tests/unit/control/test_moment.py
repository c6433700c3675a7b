"""Laws of a TIME: what it may say, and that only the quorum says it."""

from __future__ import annotations

import pytest

from gateway.core.control.moment import TrueTime
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.given import DAY, HOUR, NOW
from tests.unit.control.world import a_world


def span(first: str = "2026-05-30T12:00:00Z", last: str = "2026-05-30T13:00:00Z") -> bytes:
    """A TIME body."""
    return f'from = {first}\nuntil = {last}\nreason = "compared"\n'.encode()


@pytest.mark.must("2.14.1")
@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-05-30T12:00:00Z", "2026-05-30T12:00:00Z"),
        ("2026-05-30T12:00:00Z", "2026-05-30T11:00:00Z"),
        ("2026-05-30T12:00:00Z", "2026-05-31T12:00:01Z"),
        ("2026-05-30T12:00:00", "2026-05-30T13:00:00Z"),
        ("2026-05-30T12:00:00+03:00", "2026-05-30T13:00:00Z"),
        ("2026-05-30T12:00:00.5Z", "2026-05-30T13:00:00Z"),
        ("2026-05-30", "2026-05-30T13:00:00Z"),
        ("1780000000", "2026-05-30T13:00:00Z"),
    ],
)
def test_a_span_is_of_utc_and_at_most_a_day(first: str, last: str) -> None:
    """Who reads it at another place must read the same hours."""
    with pytest.raises(CallerError) as caught:
        TrueTime.parse(span(first, last))

    assert caught.value.code == "text-value"


def test_a_span_is_read_to_the_second() -> None:
    """One day is the most that signatures may take."""
    assert TrueTime.parse(span("2026-05-30T12:00:00Z", "2026-05-31T12:00:00Z")) == TrueTime(
        1_780_142_400_000, 1_780_142_400_000 + DAY, "compared"
    )


@pytest.mark.must("2.14.2")
def test_a_time_is_applied_within_its_span_and_changes_nothing_else() -> None:
    """What stood stands; the entry says when the wall clock was believed."""
    world = a_world()
    before = world.control
    world.now = NOW + 2 * HOUR
    # NOW is 2026-05-28T20:26:40Z.
    body = span("2026-05-28T22:00:00Z", "2026-05-28T23:00:00Z")

    world.apply(StatementKind.TIME, body)

    assert world.control.position == before.position + 1
    assert (world.control.sources, world.control.directory) == (before.sources, before.directory)
    world.now = NOW + 3 * HOUR
    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.TIME, body)
    assert caught.value.code == "time-outside"


@pytest.mark.must("2.3.5")
def test_one_operator_does_not_say_what_time_it_is() -> None:
    """With the clock, one person could begin an agreement or end a delay."""
    world = a_world()

    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.TIME, span("2026-05-28T20:00:00Z", "2026-05-28T21:00:00Z"), by=("officer-1",))
    assert caught.value.code == "signatures-too-few"
