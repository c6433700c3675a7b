"""Exact ranges at the gateway: every value of every column, against the same rule written as a loop."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from hypothesis import given as cases
from hypothesis import settings
from hypothesis import strategies as st
from sluice.v1.telemetry_pb2 import TelemetryGnss, TelemetryKinematics, TelemetryPosition, TelemetryVehicle

from gateway.core.errors import Refused
from gateway.core.kinds import KINDS, check_portion
from gateway.core.kinds.columns import Column, base_of, greatest, unpack
from gateway.core.kinds.ranges import check_ranges
from gateway.core.kinds.shape import Portion
from gateway.core.suite.numbers import Schema
from tests.unit.kinds import given

TELEMETRY = Schema.TELEMETRY_1
PORTIONS = [portion for kind in KINDS.values() for portion in kind.portions if portion.columns]
COLUMNS = [(portion, column) for portion in PORTIONS for column in portion.columns]


def i4(*elements: int) -> bytes:
    """Elements of width 4."""
    return b"".join(element.to_bytes(4, "little", signed=True) for element in elements)


def i2(*elements: int) -> bytes:
    """Elements of width 2."""
    return b"".join(element.to_bytes(2, "little", signed=True) for element in elements)


def test_whole_records_are_within_their_ranges() -> None:
    """What the builders make passes."""
    for schema, record in ((TELEMETRY, given.segment()), (Schema.TACTIC_1, given.lesson())):
        for slot, message in record.items():
            check_ranges(schema, slot, message)


UNKNOWN_4 = -(1 << 31)
WRONG: dict[str, tuple[int, Message, str, str]] = {
    "latitude beyond the pole": (
        1,
        TelemetryPosition(rows=1, t_ms=i4(0), lat_e7=i4(900_000_001), lon_e7=i4(0)),
        "range",
        "position.lat_e7",
    ),
    "longitude beyond the date line": (
        1,
        TelemetryPosition(rows=2, t_ms=i4(0, 0), lat_e7=i4(0, 0), lon_e7=i4(0, -1_800_000_001)),
        "range",
        "position.lon_e7",
    ),
    "a time that falls back": (1, TelemetryPosition(rows=3, t_ms=i4(0, 2, 1)), "range", "position.t_ms"),
    "a time before the start": (1, TelemetryPosition(rows=1, t_ms=i4(-1)), "range", "position.t_ms"),
    "a time beyond a day": (1, TelemetryPosition(rows=1, t_ms=i4(86_400_001)), "range", "position.t_ms"),
    "an unknown time": (1, TelemetryPosition(rows=2, t_ms=i4(0, UNKNOWN_4)), "range", "position.t_ms"),
    "a column that knows nothing": (
        1,
        TelemetryPosition(rows=2, t_ms=i4(0, 0), alt_msl_mm=i4(UNKNOWN_4, UNKNOWN_4)),
        "content-not-canonical",
        "position.alt_msl_mm",
    ),
    "a value below its range beside an unknown one": (
        1,
        TelemetryPosition(rows=2, t_ms=i4(0, 0), h_acc_mm=i4(UNKNOWN_4, -1)),
        "range",
        "position.h_acc_mm",
    ),
    "a base that need not be there": (
        3,
        TelemetryKinematics(rows=1, t_ms=i4(0), course_cdeg=i2(-1), course_cdeg_base=1),
        "content-not-canonical",
        "kinematics.course_cdeg",
    ),
    "a base beside the middle": (
        3,
        TelemetryKinematics(rows=2, t_ms=i4(0, 0), course_cdeg=i2(17_998, -18_001), course_cdeg_base=18_001),
        "content-not-canonical",
        "kinematics.course_cdeg",
    ),
    "a base that carries a value beyond": (
        3,
        TelemetryKinematics(rows=1, t_ms=i4(0), course_cdeg=i2(1), course_cdeg_base=35_999),
        "range",
        "kinematics.course_cdeg",
    ),
    "a code nobody knows": (6, TelemetryGnss(rows=1, t_ms=i4(0), fix_type=b"\x09"), "range", "gnss.fix_type"),
    "more than armed": (4, TelemetryVehicle(rows=1, t_ms=i4(0), armed=b"\x02"), "range", "vehicle.armed"),
}


@pytest.mark.must("8.2.2")
@pytest.mark.parametrize("what", WRONG)
def test_a_value_out_of_range_is_refused_by_name(what: str) -> None:
    """A latitude of 91 degrees is a broken sensor or a message to somebody."""
    slot, message, code, at = WRONG[what]
    check_portion(TELEMETRY, slot, message)

    with pytest.raises(Refused) as refused:
        check_ranges(TELEMETRY, slot, message)

    assert (refused.value.code, refused.value.at) == (code, at)


def is_right(column: Column, base: int, octets: bytes) -> bool:
    """The rule of SPEC.md section 8, one value at a time."""
    values = unpack(base, octets, column.width)
    known = [value for value in values if value is not None]
    if not known or not all(column.low <= value <= column.high for value in known):
        return False
    if base != base_of(min(known), max(known), column.width):
        return False
    return not column.ascends or (known == values == sorted(known))


@st.composite
def filled(draw: st.DrawFn) -> tuple[Portion, Column, Message]:
    """A portion with one column of elements near the borders of its range, or anywhere."""
    portion, column = draw(st.sampled_from(COLUMNS))
    limit = greatest(column.width)
    base = draw(st.sampled_from([0, 1, (column.low + column.high) // 2])) if column.has_base else 0
    near = [edge - base + step for edge in (column.low, column.high) for step in (-1, 0, 1)]
    inside = [element for element in [*near, 0, 1, -limit - 1] if -limit - 1 <= element <= limit]
    elements = draw(
        st.lists(st.one_of(st.sampled_from(inside), st.integers(-limit - 1, limit)), min_size=1, max_size=5)
    )
    octets = b"".join(element.to_bytes(column.width, "little", signed=True) for element in elements)
    message = portion.message(rows=len(elements), **{column.name: octets})
    if base:
        setattr(message, f"{column.name}_base", base)
    return portion, column, message


@pytest.mark.must("8.2.2")
@settings(max_examples=300)
@cases(filled())
def test_a_column_passes_exactly_when_the_rule_says_so(drawn: tuple[Portion, Column, Message]) -> None:
    """What numpy sees is what a loop sees."""
    portion, column, message = drawn
    slot = next(p.portions.index(portion) for p in KINDS.values() if portion in p.portions)

    try:
        check_ranges(TELEMETRY, slot, message)
        passed = True
    except Refused:
        passed = False

    assert passed == is_right(column, column.base(message), column.octets(message))
