"""Laws of columns: one list of values has one encoding, and nothing else is accepted as a column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.v1.telemetry_pb2 import TelemetryKinematics

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds.columns import Column, base_of, element, greatest, pack, unknown, unpack

WIDTHS = (1, 2, 4)
COURSE = Column("course_cdeg", 2, 0, 35_999, "1/100 degree")
TIME = Column("t_ms", 4, 0, 1000, "ms", required=True, ascends=True)
ARMED = Column("armed", 1, 0, 1, "flag", flag=True)


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[int | None], int]:
    """Values that fit a width, wherever they lie, some of them unknown."""
    width = draw(st.sampled_from(WIDTHS))
    low = draw(st.integers(-(1 << 40), 1 << 40))
    values = st.one_of(st.none(), st.integers(low, low + 2 * greatest(width)))
    return draw(st.lists(values, min_size=1, max_size=40)), width


@given(columns())
def test_what_is_packed_is_unpacked(drawn: tuple[list[int | None], int]) -> None:
    """A column that changed a value would change what the source signed."""
    values, width = drawn
    base, octets = pack(values, width)

    if any(value is not None for value in values):
        assert unpack(base, octets, width) == values
        assert len(octets) == len(values) * width
    else:
        assert (base, octets) == (0, b"")


@given(columns())
def test_the_base_is_zero_or_the_middle(drawn: tuple[list[int | None], int]) -> None:
    """A free base would be 64 bits of hidden channel in every column."""
    values, width = drawn
    known = [value for value in values if value is not None]
    base, _ = pack(values, width)

    if known:
        fits = all(abs(value) <= greatest(width) for value in known)
        assert base == (0 if fits else (min(known) + max(known)) // 2)
        assert base == base_of(min(known), max(known), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_span_wider_than_the_width_has_no_encoding(width: int) -> None:
    """One step more than the elements can hold would run into the mark for unknown."""
    widest = 2 * greatest(width)

    assert pack([10**6, 10**6 + widest], width)[0] == 10**6 + greatest(width)
    with pytest.raises(CallerError, match="within"):
        pack([10**6, 10**6 + widest + 1], width)


@pytest.mark.parametrize(
    ("values", "width", "base", "octets"),
    [
        ([0, 1, -1, None], 1, 0, "0001ff80"),
        ([127, -127], 1, 0, "7f81"),
        ([128, 126], 1, 127, "01ff"),
        ([200, None, 0], 1, 100, "64809c"),
        ([1, -2, None], 2, 0, "0100feff0080"),
        ([35_999, 0], 2, 17_999, "5046b1b9"),
        ([504_500_000, None], 4, 0, "200f121e00000080"),
        ([4_000_000_020, 3_999_999_960], 4, 3_999_999_990, "1e000000e2ffffff"),
    ],
)
def test_known_columns_have_known_bytes(values: list[int | None], width: int, base: int, octets: str) -> None:
    """What another language must produce, written by hand."""
    assert pack(values, width) == (base, bytes.fromhex(octets))
    assert unpack(base, bytes.fromhex(octets), width) == values


@pytest.mark.parametrize("width", WIDTHS)
def test_the_lowest_element_means_unknown(width: int) -> None:
    """The mark is outside the range of every width, so no value can be mistaken for it."""
    assert element(unknown(width), width, 0) == -greatest(width) - 1
    assert unpack(5, unknown(width), width) == [None]


def test_only_a_range_beyond_the_width_has_a_base() -> None:
    """A base that must always be zero would be a field nobody may use."""
    assert COURSE.has_base
    assert not TIME.has_base
    assert not Column("x", 1, -127, 127, "").has_base
    assert Column("x", 1, -128, 0, "").has_base
    assert Column("x", 1, 0, 128, "").has_base


@pytest.mark.must("8.2.1")
@pytest.mark.parametrize(
    ("message", "column", "code"),
    [
        (TelemetryKinematics(rows=2, course_cdeg=b"\0\0\0"), COURSE, "schema"),
        (TelemetryKinematics(rows=2, course_cdeg=b"\0\0\0\0\0\0"), COURSE, "schema"),
        (TelemetryKinematics(rows=2, course_cdeg_base=5), COURSE, "schema"),
        (TelemetryKinematics(rows=1, course_cdeg=b"\0\0", course_cdeg_base=36_000), COURSE, "range"),
        (TelemetryKinematics(rows=1, course_cdeg=b"\0\0", course_cdeg_base=-1), COURSE, "range"),
        (TelemetryKinematics(rows=1), TIME, "schema"),
    ],
)
def test_a_column_that_is_not_one_is_refused(message: TelemetryKinematics, column: Column, code: str) -> None:
    """Absent or full length: anything between would let readers disagree about rows."""
    with pytest.raises(Refused) as refused:
        column.check(message, "kinematics")

    assert refused.value.code == code
    assert refused.value.at.startswith(f"kinematics.{column.name}")


def test_an_absent_column_is_no_error() -> None:
    """Most sources know few of the columns."""
    message = TelemetryKinematics(rows=2)

    COURSE.check(message, "kinematics")

    assert COURSE.to_json(message) is None


@pytest.mark.parametrize(
    ("column", "value", "code", "at"),
    [
        (COURSE, "12", "wrong-type", "k.course_cdeg"),
        (COURSE, b"12", "wrong-type", "k.course_cdeg"),
        (COURSE, 12, "wrong-type", "k.course_cdeg"),
        (COURSE, [1, 2.5], "wrong-type", "k.course_cdeg[1]"),
        (COURSE, [True], "wrong-type", "k.course_cdeg[0]"),
        (COURSE, [0, None, 36_000], "range", "k.course_cdeg[2]"),
        (COURSE, [-1], "range", "k.course_cdeg[0]"),
        (TIME, [0, None], "wrong-type", "k.t_ms[1]"),
        (TIME, [5, 5, 4], "range", "k.t_ms[2]"),
        (ARMED, [2], "range", "k.armed[0]"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_row(column: Column, value: object, code: str, at: str) -> None:
    """A source must hear which sample of thousands is wrong."""
    with pytest.raises(CallerError) as wrong:
        column.put(TelemetryKinematics(rows=1), value, "k")

    assert (wrong.value.code, wrong.value.at) == (code, at)
