"""Track segments: every row once, in order, bounded, and all portions of a record in one stretch of time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from clients.formats.extract import UNKNOWN, Extract, Rows, SourceFormat, Table, TimeSource, empty_tables
from clients.formats.segments import SLOTS, forget_impossible_values, portions_of, put_in_order, split
from gateway.core.kinds import telemetry
from gateway.core.kinds.mgrs import square_100km

_T0_US = 1_780_000_000_000_000
_DAY_US = 86_400_000_000


def _tables(times: dict[Table, list[int]], lon_step: int = 0) -> dict[Table, Rows]:
    tables = empty_tables()
    for table, offsets in times.items():
        for number, offset in enumerate(sorted(offsets)):
            place = (
                {"lat_e7": 481_234_500, "lon_e7": 300_000_000 + number * lon_step} if table is Table.POSITION else {}
            )
            tables[table].add(_T0_US + offset, **place)
    return tables


_OFFSETS = st.lists(st.integers(0, 40), max_size=40)


@given(st.fixed_dictionaries(dict.fromkeys(SLOTS, _OFFSETS)), st.integers(1, 8), st.sampled_from([0, 3_000_000]))
@settings(max_examples=120)
def test_every_row_is_in_exactly_one_segment_and_no_segment_is_too_long(
    times: dict[Table, list[int]], max_rows: int, lon_step: int
) -> None:
    """A row lost or doubled here would be lost or doubled under a signature."""
    tables = _tables(times, lon_step)

    segments = list(split(tables, max_rows))

    for table in SLOTS:
        ranges = [segment.ranges[table] for segment in segments if table in segment.ranges]
        assert [row for start, stop in ranges for row in range(start, stop)] == list(range(len(tables[table])))
        assert all(0 < stop - start <= max_rows for start, stop in ranges)
    for segment in segments:
        column = {table: tables[table].column("t_us")[start:stop] for table, (start, stop) in segment.ranges.items()}
        assert segment.start_us == min(min(t) for t in column.values())
        assert segment.last_us == max(max(t) for t in column.values())
        assert segment.rows == max(map(len, column.values()))
        assert segment.samples == sum(map(len, column.values()))
    for one, following in pairwise(segments):
        assert one.last_us <= following.start_us


@given(st.fixed_dictionaries({table: st.sets(st.integers(0, 60), max_size=40) for table in SLOTS}), st.integers(1, 8))
@settings(max_examples=60)
def test_rows_of_one_instant_share_a_record(times: dict[Table, set[int]], max_rows: int) -> None:
    """A reader joins portions by time; one instant must not be torn over two records."""
    tables = _tables({table: sorted(offsets) for table, offsets in times.items()})

    segments = list(split(tables, max_rows))

    assert all(one.last_us < following.start_us for one, following in pairwise(segments))


def test_a_segment_closes_where_the_track_comes_into_another_square() -> None:
    """A rule about an area must never meet half a record."""
    tables = _tables({Table.POSITION: list(range(60)), Table.LINK: list(range(60))}, lon_step=1_000_000)

    segments = list(split(tables))

    position = tables[Table.POSITION]
    squares = [
        {
            square_100km(position.column("lat_e7")[row], position.column("lon_e7")[row])
            for row in range(*s.ranges[Table.POSITION])
        }
        for s in segments
    ]
    assert len(segments) > 3
    assert all(len(square) == 1 for square in squares)
    assert all(segment.ranges[Table.LINK] == segment.ranges[Table.POSITION] for segment in segments)


def test_a_segment_closes_after_a_day() -> None:
    """Times within a record count milliseconds in four bytes."""
    segments = list(split(_tables({Table.VEHICLE: [0, _DAY_US - 1, _DAY_US, 2 * _DAY_US]})))

    assert [segment.ranges[Table.VEHICLE] for segment in segments] == [(0, 2), (2, 3), (3, 4)]


def test_rows_are_put_in_the_order_of_time_and_impossible_times_left_out() -> None:
    """Packets overtake each other on a link, and a damaged clock must not stretch a flight over years."""
    extract = Extract(SourceFormat.MAVLINK_TLOG, TimeSource.GNSS)
    for offset in (5, 3, 4, 3):
        extract.tables[Table.LINK].add(_T0_US + offset, rssi=offset)
    extract.tables[Table.LINK].add(_T0_US + 8 * _DAY_US, rssi=1)
    extract.tables[Table.GNSS].add(77, satellites=1)

    left_out = put_in_order(extract)

    assert left_out == 2
    assert list(extract.tables[Table.LINK].column("rssi")) == [3, 3, 4, 5]
    assert not len(extract.tables[Table.GNSS])


def test_times_since_boot_are_possible_only_where_the_log_has_no_date() -> None:
    """A year of 1970 means that a clock was not set."""
    extract = Extract(SourceFormat.DATAFLASH_BIN, TimeSource.LOG_BOOT)
    for t_us in (0, 5_000_000, -1):
        extract.tables[Table.VEHICLE].add(t_us, armed=1)

    assert put_in_order(extract) == 1
    assert put_in_order(Extract(SourceFormat.DATAFLASH_BIN)) == 0
    assert list(extract.tables[Table.VEHICLE].column("t_us")) == [0, 5_000_000]


def test_a_value_its_column_cannot_hold_becomes_unknown() -> None:
    """A source signs nothing that the guard would refuse."""
    extract = Extract(SourceFormat.DATAFLASH_BIN)
    for satellites in (0, 127, 128, UNKNOWN):
        extract.tables[Table.GNSS].add(0, satellites=satellites)

    assert forget_impossible_values(extract) == 1
    assert list(extract.tables[Table.GNSS].column("satellites")) == [0, 127, UNKNOWN, UNKNOWN]


def test_portions_count_their_times_from_the_segments_start() -> None:
    """`t0_us` of position is the one exact start; every portion's times count from it."""
    tables = empty_tables()
    tables[Table.LINK].add(_T0_US, rssi=1)
    tables[Table.POSITION].add(_T0_US + 1_999, lat_e7=1, lon_e7=2)
    (segment,) = split(tables)

    contents = portions_of(tables, segment, "MAVLink RADIO_STATUS")

    position = telemetry.KIND.portions[telemetry.POSITION].message.FromString(contents[telemetry.POSITION])
    link = telemetry.KIND.portions[telemetry.LINK].message.FromString(contents[telemetry.LINK])
    assert sorted(contents) == [telemetry.POSITION, telemetry.POSITION_COARSE, telemetry.LINK]
    assert (position.t0_us, position.t_ms) == (_T0_US, b"\x01\x00\x00\x00")  # type: ignore[attr-defined]  # generated
    assert (link.device, link.t_ms) == ("MAVLink RADIO_STATUS", bytes(4))  # type: ignore[attr-defined]  # generated
