"""From rows to records: track segments whose portions share one stretch of time.

A segment closes at 4,096 rows of any portion (or fewer, if asked), where the track comes into another 100 km square,
after a day, and at the end of the log. Cuts fall between instants: every row of every portion at one time is in one
record. Only where more rows than a segment holds bear one and the same time, or the track changes its square at one
time, such a run is cut at rows. Rows whose time cannot be, and values out of their column's range, are left out and
counted: a source signs nothing that the guard would refuse.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median_low

from clients.formats.extract import COLUMNS, UNKNOWN, Extract, Rows, Table, TimeSource
from gateway.core.kinds import telemetry
from gateway.core.kinds.shape import YEAR_2000_MS, YEAR_2100_MS
from gateway.core.kinds.track import area_cuts
from gateway.core.suite.numbers import MAX_ROWS

_DAY_US = telemetry.DAY_MS * 1000
_WEEK_US = 7 * _DAY_US
_YEAR_2000_US = YEAR_2000_MS * 1000
_YEAR_2100_US = YEAR_2100_MS * 1000

SLOTS: Mapping[Table, int] = {
    Table.POSITION: telemetry.POSITION,
    Table.KINEMATICS: telemetry.KINEMATICS,
    Table.VEHICLE: telemetry.VEHICLE,
    Table.LINK: telemetry.LINK,
    Table.GNSS: telemetry.GNSS,
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One record's rows: half-open ranges of row numbers by table, none of them empty."""

    start_us: int
    last_us: int
    ranges: Mapping[Table, tuple[int, int]]

    @property
    def rows(self) -> int:
        """The largest number of rows of one portion."""
        return max(end - start for start, end in self.ranges.values())

    @property
    def samples(self) -> int:
        """The number of rows of all portions."""
        return sum(end - start for start, end in self.ranges.values())


def put_in_order(extract: Extract) -> int:
    """Sorts every table by time and leaves out rows whose time cannot be; returns how many those were.

    A time cannot be if it lies outside 2000 to 2100 (before 2000 for times since boot), or more than a week from the
    middle of the longest table: a damaged clock must not stretch a flight over years.
    """
    longest = max(extract.tables.values(), key=len)
    if not len(longest):
        return 0
    since_boot = extract.time_source is TimeSource.LOG_BOOT
    earliest, latest = (0, _YEAR_2000_US) if since_boot else (_YEAR_2000_US, _YEAR_2100_US)
    # A day of room, because `about` rounds the end up.
    middle = median_low(longest.column("t_us"))
    earliest, latest = max(earliest, middle - _WEEK_US), min(latest - _DAY_US, middle + _WEEK_US)
    left_out = 0
    for rows in extract.tables.values():
        times = rows.column("t_us")
        possible = [i for i, t_us in enumerate(times) if earliest <= t_us < latest]
        left_out += len(times) - len(possible)
        possible.sort(key=times.__getitem__)
        rows.take(possible)
    return left_out


def forget_impossible_values(extract: Extract) -> int:
    """Makes every value outside its column's range unknown; returns how many those were."""
    forgotten = 0
    for table, slot in SLOTS.items():
        bounds = {column.name: (column.low, column.high) for column in telemetry.KIND.portions[slot].columns}
        rows = extract.tables[table]
        for name in COLUMNS[table][1:]:
            low, high = bounds[name]
            column = rows.column(name)
            wrong = [i for i, value in enumerate(column) if not low <= value <= high and value != UNKNOWN]
            for i in wrong:
                column[i] = UNKNOWN
            forgotten += len(wrong)
    return forgotten


def split(tables: Mapping[Table, Rows], max_rows: int = MAX_ROWS) -> Iterator[Segment]:
    """The segments of ordered tables, in the order of time; every row is in exactly one."""
    times = {table: tables[table].column("t_us") for table in SLOTS}
    position = tables[Table.POSITION]
    cuts = [*area_cuts(position.column("lat_e7"), position.column("lon_e7")), len(position)]
    begun = dict.fromkeys(SLOTS, 0)
    while left := [table for table in SLOTS if begun[table] < len(times[table])]:
        start_us = min(times[table][begun[table]] for table in left)
        cut = cuts[bisect_right(cuts, begun[Table.POSITION])] if Table.POSITION in left else len(position)
        stops = {table: begun[table] + max_rows for table in left}
        if Table.POSITION in left:
            stops[Table.POSITION] = min(stops[Table.POSITION], cut)
        end_us = min(
            [start_us + _DAY_US, *(times[table][stop] for table, stop in stops.items() if stop < len(times[table]))]
        )
        ranges = {}
        for table in left:
            if end_us > start_us:
                stop = bisect_left(times[table], end_us, begun[table])
            else:
                stop = min(bisect_right(times[table], start_us, begun[table]), stops[table])
            if stop > begun[table]:
                ranges[table] = (begun[table], stop)
                begun[table] = stop
        last_us = max(times[table][stop - 1] for table, (_, stop) in ranges.items())
        yield Segment(start_us, last_us, ranges)


def portions_of(tables: Mapping[Table, Rows], segment: Segment, device: str) -> dict[int, bytes]:
    """The columnar portions of a segment by slot, with the coarse one where a fix is known.

    device: what the units of `link` are those of.
    """
    contents: dict[int, bytes] = {}
    for table, (start, stop) in segment.ranges.items():
        rows = tables[table]
        values: dict[str, object] = {name: _known_or_none(rows.column(name)[start:stop]) for name in COLUMNS[table][1:]}
        values["t_ms"] = [(t_us - segment.start_us) // 1000 for t_us in rows.column("t_us")[start:stop]]
        if table is Table.POSITION:
            values["t0_us"] = segment.start_us
        if table is Table.LINK:
            values["device"] = device
        contents[SLOTS[table]] = telemetry.KIND.portions[SLOTS[table]].build(values)
    if telemetry.POSITION in contents:
        coarse = telemetry.position_coarse(contents[telemetry.POSITION])
        if coarse is not None:
            contents[telemetry.POSITION_COARSE] = coarse
    return contents


def _known_or_none(column: array[int]) -> list[int | None]:
    return [None if value == UNKNOWN else value for value in column]
