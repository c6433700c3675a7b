"""From a fine track to a coarse one: the first known fix of each minute, and the squares they lie in.

The coarse portion is computed and signed by the source; the gateway computes it again from the fine one, so a square
can neither say more than the track nor lie about it. Times must ascend: `ranges` has seen to that before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import cast

from google.protobuf.message import Message
from sluice.v1.telemetry_pb2 import TelemetryPosition, TelemetryPositionCoarse

from gateway.core.errors import Refused
from gateway.core.kinds.columns import element, greatest, unknown, unpack
from gateway.core.kinds.mgrs import square_1km, square_100km, squares_1km_near

_MINUTE_US = 60_000_000
_UNKNOWN = -greatest(4) - 1
_POLE = 900_000_000


def first_fixes(fine: TelemetryPosition) -> Iterator[tuple[int, int, int]]:
    """Minute (start, UTC seconds), latitude and longitude of the first known fix in each minute that has one."""
    lat, lon, t_ms, rows = fine.lat_e7, fine.lon_e7, fine.t_ms, fine.rows if fine.lat_e7 else 0

    def at_us(row: int) -> int:
        return fine.t0_us + element(t_ms, 4, row) * 1000

    row = 0
    while row < rows:
        minute = at_us(row) // _MINUTE_US
        # INVARIANT: `end` passes `row`, whatever the column holds, so the walk ends.
        end = bisect_left(range(rows), (minute + 1) * _MINUTE_US, lo=row + 1, key=at_us)
        known = next((r for r in range(row, end) if element(lat, 4, r) != _UNKNOWN), None)
        if known is not None:
            yield minute * 60, element(lat, 4, known), element(lon, 4, known)
        row = end


def rounded(t0_us: int, last_ms: int, step_ms: int) -> tuple[int, int]:
    """`t0_ms` and `t1_ms` of `about`: the start rounded down and the last row rounded up to the step."""
    end_us, step_us = t0_us + last_ms * 1000, step_ms * 1000
    return t0_us // step_us * step_ms, -(-end_us // step_us) * step_ms


def area_of(fine: TelemetryPosition) -> str:
    """The 100 km square of the first known fix; empty if none is known."""
    for _, lat, lon in first_fixes(fine):
        return square_100km(lat, lon)
    return ""


def area_cuts(lat_e7: Sequence[int | None], lon_e7: Sequence[int | None]) -> list[int]:
    """Rows at which a new segment must begin, because the track has come into another 100 km square.

    A row without a fix, or with a number that is no coordinate, lies in no square and begins nothing.
    """
    cuts: list[int] = []
    area = ""
    for row, (lat, lon) in enumerate(zip(lat_e7, lon_e7, strict=True)):
        if lat is None or lon is None or abs(lat) > _POLE or abs(lon) > 2 * _POLE:
            continue
        square = square_100km(lat, lon)
        if area and square != area:
            cuts.append(row)
        area = square
    return cuts


def minutes_of(coarse: TelemetryPositionCoarse) -> list[int]:
    """Starts of the minutes, UTC seconds; unknown elements are left out."""
    return [minute for minute in unpack(coarse.t_s_base, coarse.t_s, 4) if minute is not None]


def check_pairs(message: Message, at: str) -> None:
    """The law of a fine track: a row knows latitude and longitude, or neither."""
    fine = cast("TelemetryPosition", message)
    if len(fine.lat_e7) != len(fine.lon_e7):
        raise Refused("schema", "`lat_e7` and `lon_e7` must come together", at=f"{at}.lon_e7")
    # The bytes of the mark may also span two elements; only then is the slow comparison needed, and it is exact.
    if unknown(4) in fine.lat_e7 or unknown(4) in fine.lon_e7:
        lat, lon = ([value is None for value in unpack(0, column, 4)] for column in (fine.lat_e7, fine.lon_e7))
        if lat != lon:
            raise Refused("schema", "a row must know both `lat_e7` and `lon_e7`, or neither", at=f"{at}.lon_e7")


def check_minutes(message: Message, at: str) -> None:
    """The law of a coarse track: minutes ascend, and each has one square."""
    coarse = cast("TelemetryPositionCoarse", message)
    minutes = minutes_of(coarse)
    if minutes != sorted(set(minutes)) or any(minute % 60 for minute in minutes) or len(minutes) != coarse.rows:
        raise Refused("range", "`t_s` must hold starts of minutes, ascending, each once", at=f"{at}.t_s")
    if len(coarse.mgrs_1km) != coarse.rows:
        raise Refused("schema", "`mgrs_1km` must have one square for each row", at=f"{at}.mgrs_1km")


def check_coarse(fine: TelemetryPosition, coarse: TelemetryPositionCoarse, at: str) -> None:
    """Refuses `coarse-mismatch` unless `coarse` is what the fine track rounds to, a metre either way."""
    fixes = list(first_fixes(fine))
    if [minute for minute, _, _ in fixes] != minutes_of(coarse):
        raise Refused("coarse-mismatch", "`t_s` must name every minute with a known fix, and no other", at=f"{at}.t_s")
    for row, ((_, lat, lon), square) in enumerate(zip(fixes, coarse.mgrs_1km, strict=True)):
        # The wider question costs nine squares and is needed for a fix on a grid line only.
        if square != square_1km(lat, lon) and square not in squares_1km_near(lat, lon):
            raise Refused(
                "coarse-mismatch",
                "a square must hold the first known fix of its minute",
                at=f"{at}.mgrs_1km[{row}]",
            )
