"""What crosses from the child to the parent, and what cannot."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.formats.extract import (
    COLUMNS,
    UNKNOWN,
    Centres,
    Extract,
    Finding,
    Removed,
    Rows,
    SourceFormat,
    Table,
    TimeSource,
    encode_extract,
    field_of,
    parse_extract,
    whole,
)
from gateway.core.errors import CallerError

_I64 = st.integers(-(1 << 63), (1 << 63) - 1)


@st.composite
def _extracts(draw: st.DrawFn) -> Extract:
    extract = Extract(
        draw(st.sampled_from(SourceFormat)),
        draw(st.sampled_from(TimeSource)),
        draw(st.integers(0, 65_535)),
        draw(st.integers(0, 1 << 40)),
    )
    places = st.tuples(st.integers(-900_000_000, 900_000_000), st.integers(-1_800_000_000, 1_800_000_000))
    extract.centres = draw(st.lists(places, max_size=4))
    extract.removed = draw(st.dictionaries(st.sampled_from(Removed), st.integers(1, 99), max_size=6))
    extract.findings = draw(st.dictionaries(st.sampled_from(Finding), st.integers(1, 99), max_size=4))
    for table, rows in extract.tables.items():
        for row in draw(st.lists(st.tuples(*[_I64 for _ in COLUMNS[table]]), max_size=3)):
            rows.add(row[0], **dict(zip(COLUMNS[table][1:], row[1:], strict=True)))
    return extract


def _facts(extract: Extract) -> tuple[object, ...]:
    tables = {table: rows.columns for table, rows in extract.tables.items()}
    return (
        extract.source_format,
        extract.time_source,
        extract.vehicle_type,
        extract.messages,
        extract.centres,
        extract.removed,
        extract.findings,
        tables,
    )


@given(_extracts())
@settings(max_examples=40)
def test_an_extract_comes_back_as_it_was_sent(extract: Extract) -> None:
    """A row that changed on the pipe would be signed."""
    encoded = b"".join(encode_extract(extract))

    parsed = parse_extract(encoded, max_rows=3)

    assert _facts(parsed) == _facts(extract)


@given(_extracts(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_an_extract_that_is_cut_or_continued_is_unreadable(extract: Extract, chance: random.Random) -> None:
    """A child that died while writing must not leave half a flight behind."""
    encoded = b"".join(encode_extract(extract))
    damaged = (encoded[: chance.randrange(len(encoded))], encoded + b"\x00", b"", b"\x00" * len(encoded))

    for octets in damaged:
        with pytest.raises(CallerError) as error:
            parse_extract(octets, max_rows=3)
        assert error.value.code == "log-unreadable"


def _encoded(change: bytes, to: bytes) -> bytes:
    extract = Extract(SourceFormat.MAVLINK_TLOG, TimeSource.GNSS)
    extract.remove(Removed.TEXT)
    extract.find(Finding.DAMAGED, 1)
    return b"".join(encode_extract(extract)).replace(change, to, 1)


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b"\x00\x01\x01", b"\x00\x09\x01"),
        (b"\x00\x01\x01\xff", b"\x00\x01\x09\xff"),
        (b"\x01\x05", b"\x01\x0c"),
        (b"\x01\x02" + bytes(7), b"\x01\x0c" + bytes(7)),
        (b"\x01" + b"\x00\x00" + b"\x06\x01", b"\x01" + b"\x00\x00" + b"\x05\x01"),
        (b"\x06\x01", b"\x06\x02"),
        (b"END", b"END "),
    ],
    ids=["format", "time source", "removed", "finding", "table count", "table order", "end"],
)
def test_an_extract_with_a_number_outside_its_list_is_unreadable(change: bytes, to: bytes) -> None:
    """Unknown means no, also from our own child."""
    assert parse_extract(_encoded(b"", b""), max_rows=0).messages == 0

    with pytest.raises(CallerError, match="whole result"):
        parse_extract(_encoded(change, to), max_rows=0)


def test_an_extract_with_more_rows_than_allowed_is_unreadable() -> None:
    """What a broken child claims must be bounded before it is believed."""
    many = Extract(SourceFormat.MAVLINK_TLOG)
    for _ in range(3):
        many.tables[Table.LINK].add(0, rssi=1)

    with pytest.raises(CallerError, match="whole result"):
        parse_extract(b"".join(encode_extract(many)), max_rows=2)


def test_no_column_and_no_count_of_an_extract_can_carry_a_text() -> None:
    """Names, texts and parameters stay in the child because the layout has no place for them."""
    rows = Rows(Table.VEHICLE)

    with pytest.raises(TypeError):
        rows.add(0, mode="SIMULATED UNIT 404")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError):
        rows.add(0, callsign=1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300, 1 << 70, "7", b"7", None, [7]])
def test_what_is_no_finite_number_of_sane_size_is_unknown(value: object) -> None:
    """A damaged field must not become a value that looks measured."""
    assert whole(value) == UNKNOWN
    assert whole(value, 100.0) == UNKNOWN


def test_fields_are_scaled_rounded_and_unknown_where_the_device_says_so() -> None:
    """Every number of a record passed here once."""

    class Message:
        lat = -35.3626298
        eph = 65_535
        count = 7

    assert field_of(Message(), "lat", 1e7) == -353_626_298
    assert field_of(Message(), "eph", unknown=65_535) == UNKNOWN
    assert field_of(Message(), "count") == 7
    assert field_of(Message(), "absent") == UNKNOWN


def test_centres_are_the_first_and_last_place_of_each_stream() -> None:
    """Take-off and landing are what redaction keeps away from, whoever saw them."""
    centres = Centres()

    seen = [
        centres.see(("a",), lat, lon) for lat, lon in ((1, 2), (3, 4), (5, 6), (0, 0), (900_000_001, 0), (0, UNKNOWN))
    ]
    centres.see(("b",), 5, 6)

    assert seen == [True, True, True, False, False, False]
    assert centres.points() == [(1, 2), (5, 6)]
