"""What a unit keeps to itself: rows near take-off, landing and home, and everything about who flew."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.formats.extract import UNKNOWN, Extract, Removed, SourceFormat, Table
from clients.formats.redaction import PROFILES, profile_named, redact
from gateway.core.errors import CallerError

FIELD, RANGE = PROFILES["field"], PROFILES["range"]
_EQUATOR_M_PER_E7 = 6_378_137 * math.pi / 180 * 1e-7
_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US


def _flight(
    places: list[tuple[int, int]], every_us: int = _MINUTE_US, centres: list[tuple[int, int]] | None = None
) -> Extract:
    """One fused fix every `every_us`; the first and the last are centres; every portion has a row at every fix."""
    extract = Extract(SourceFormat.MAVLINK_TLOG, centres=[places[0], places[-1]] if centres is None else centres)
    for number, (lat, lon) in enumerate(places):
        t_us = number * every_us
        extract.tables[Table.TRACK].add(t_us, lat_e7=lat, lon_e7=lon, stream=0)
        extract.tables[Table.POSITION].add(t_us, lat_e7=lat, lon_e7=lon)
        extract.tables[Table.KINEMATICS].add(t_us, rel_alt_mm=5)
        extract.tables[Table.VEHICLE].add(t_us, voltage_mv=12_000)
        extract.tables[Table.LINK].add(t_us, rssi=100)
        extract.tables[Table.GNSS].add(t_us, satellites=9)
    return extract


def _east(metres: float) -> tuple[int, int]:
    """A place so many metres along the equator, where the ellipsoid is a circle and the truth is one multiplication."""
    return 0, 1_000_000 + round(metres / _EQUATOR_M_PER_E7)


def _times(extract: Extract, table: Table) -> list[int]:
    """In whole minutes."""
    return [t_us // _MINUTE_US for t_us in extract.tables[table].column("t_us")]


def test_field_removes_exactly_what_lies_within_2000_m_of_the_first_and_the_last_fix() -> None:
    """The promise of the profile, at the metre where it is kept."""
    extract = _flight([_east(metres) for metres in (0, 1_999, 2_001, 5_000, 7_999, 8_001, 10_000)])

    report = redact(extract, FIELD)

    for table in (Table.POSITION, Table.KINEMATICS, Table.VEHICLE, Table.LINK, Table.GNSS):
        assert _times(extract, table) == [2, 3, 4]
        assert report.rows[table] == 4


@pytest.mark.parametrize(("lat_e7", "metres"), [(0, 110_574.3), (450_000_000, 111_131.8), (890_000_000, 111_694.0)])
def test_the_radius_is_ground_metres_at_every_latitude(lat_e7: int, metres: float) -> None:
    """A degree of latitude has more metres at the pole than at the equator; the radius must not."""
    north = [(lat_e7 + round(away / metres * 1e7), 0) for away in (0, 1_995, 2_005, 2_005, 1_995, 0)]
    extract = _flight(north)

    redact(extract, FIELD)

    assert _times(extract, Table.POSITION) == [2, 3]


def test_the_radius_holds_across_the_date_line() -> None:
    """Longitude wraps; a place on the other side is near and not a world away."""
    extract = _flight([(0, 1_799_999_000), (0, -1_799_999_000), (0, 1_799_000_000)])

    redact(extract, FIELD)

    assert _times(extract, Table.POSITION) == []


@given(
    st.lists(st.tuples(st.integers(-700_000, 700_000), st.integers(-700_000, 700_000)), min_size=1, max_size=30),
    st.lists(st.integers(0, 60 * _SECOND_US), max_size=30),
    st.integers(_SECOND_US // 4, _MINUTE_US),
)
@settings(max_examples=60)
def test_nothing_field_keeps_is_near_a_centre_or_could_have_been(
    offsets: list[tuple[int, int]], others: list[int], every_us: int
) -> None:
    """The law of the profile against a slow second opinion, for every portion and any flight."""
    places = [(480_000_000 + north, 300_000_000 + east) for north, east in offsets]
    extract = _flight(places, every_us, centres=[places[0], places[-1], (480_000_000, 300_000_000)])
    extract.tables[Table.LINK].take([])
    for t_us in sorted(others):
        extract.tables[Table.LINK].add(t_us, rssi=1)
    centres = list(extract.centres)

    redact(extract, FIELD)

    def margin(place: tuple[int, int]) -> float:
        return min(_haversine(place, centre) for centre in centres) - 2_000

    position = extract.tables[Table.POSITION]
    for place in zip(position.column("lat_e7"), position.column("lon_e7"), strict=True):
        assert margin(place) > -15
    for t_us in extract.tables[Table.LINK].column("t_us"):
        before, after = t_us // every_us, -(-t_us // every_us)
        reachable = [margin(places[before]) - 300 * (t_us - before * every_us) / 1e6]
        reachable.append(margin(places[after]) - 300 * (after * every_us - t_us) / 1e6)
        assert max(reachable) > -15
        assert min(margin(places[before]), margin(places[after])) > -15


def _haversine(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Great circle on the mean sphere: within half a percent of the ellipsoid."""
    lat1, lon1, lat2, lon2 = (math.radians(value * 1e-7) for value in (*one, *other))
    inner = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_009 * math.asin(math.sqrt(inner))


def test_rows_while_the_fix_was_lost_stay_only_if_home_was_out_of_reach() -> None:
    """Jamming costs the fix; what was said meanwhile must not come from the yard of the unit."""
    extract = _flight([_east(0), _east(2_590), _east(2_590), _east(0)])
    extract.tables[Table.LINK].take([])
    for second in (30, 61, 62, 63, 90, 117, 118, 119, 150):
        extract.tables[Table.LINK].add(second * _SECOND_US, rssi=second)

    redact(extract, FIELD)

    assert list(extract.tables[Table.LINK].column("rssi")) == [61, 119]


def test_rows_before_the_first_and_after_the_last_fix_are_removed() -> None:
    """A vehicle on the bench says a lot before it says where it is."""
    extract = _flight([_east(metres) for metres in (0, 5_000, 10_000)])
    extract.tables[Table.LINK].take([])
    for minute in (-1, 0, 1, 2, 3):
        extract.tables[Table.LINK].add(minute * _MINUTE_US, rssi=1)

    redact(extract, FIELD)

    assert _times(extract, Table.LINK) == [1]


def test_a_fix_that_no_vehicle_could_reach_stays_out_and_proves_nothing() -> None:
    """One flipped bit of a latitude would otherwise carry the longitude of home away."""
    away = [(lat, lon) for lat, lon in map(_east, (0, 1_000, 5_000, 5_100, 5_200, 5_300, 1_000, 0))]
    flipped = [(lat ^ (1 << 26 if row in (1, 4) else 0), lon) for row, (lat, lon) in enumerate(away)]
    extract = _flight(flipped, every_us=15 * _SECOND_US)

    redact(extract, FIELD)

    assert [t_us // (15 * _SECOND_US) for t_us in extract.tables[Table.POSITION].column("t_us")] == []
    assert not len(extract.tables[Table.LINK])


def test_a_damaged_first_fix_does_not_hide_where_take_off_was() -> None:
    """The first fix without a jump is a centre too."""
    places = [_east(metres) for metres in (0, 0, 0, 1_000, 4_000, 8_000, 12_000)]
    extract = _flight([(places[0][0] ^ 1 << 26, places[0][1]), *places[1:]])

    redact(extract, FIELD)

    assert _times(extract, Table.POSITION) == [4, 5]


def test_streams_that_disagree_are_judged_each_by_itself() -> None:
    """Under spoofing the receiver jumps away while the autopilot knows better; only the jumps prove nothing."""
    places = [_east(metres) for metres in (0, 5_000, 9_000, 9_000, 9_000, 9_000, 5_000, 0)]
    extract = _flight(places)
    track = extract.tables[Table.TRACK]
    for minute, (lat, lon) in enumerate(places):
        track.add(minute * _MINUTE_US, lat_e7=90_000_000 if 2 <= minute <= 5 else lat, lon_e7=lon, stream=1)
    track.take(sorted(range(len(track)), key=track.column("t_us").__getitem__))

    redact(extract, FIELD)

    assert _times(extract, Table.POSITION) == [3, 4]


def test_a_position_inside_is_removed_whatever_the_track_says() -> None:
    """The track and the portion come from a child that a log may have broken: both must say outside."""
    extract = _flight([_east(metres) for metres in (0, 5_000, 5_000, 5_000, 0)])
    position = extract.tables[Table.POSITION]
    for column, place in zip(
        ("lat_e7", "lon_e7"), zip(*map(_east, (0, 5_000, 1_000, 5_000, 0)), strict=True), strict=True
    ):
        position.replace(column, array("q", place))

    redact(extract, FIELD)

    assert _times(extract, Table.POSITION) == [1, 3]


def test_without_a_fix_or_without_a_centre_nothing_stays() -> None:
    """What is not proven to be elsewhere is treated as home."""
    blind = _flight([_east(9_000)])
    blind.tables[Table.TRACK].take([])
    nowhere = _flight([_east(9_000), _east(9_500)], centres=[])

    redact(blind, FIELD)
    redact(nowhere, FIELD)

    assert not any(len(blind.tables[table]) + len(nowhere.tables[table]) for table in Table if table != Table.TRACK)


def test_field_forgets_the_height_above_take_off() -> None:
    """Together with the height above the sea it is the height of home, and a map gives the rest."""
    extract = _flight([_east(metres) for metres in (0, 5_000, 10_000)])

    report = redact(extract, FIELD)

    assert list(extract.tables[Table.KINEMATICS].column("rel_alt_mm")) == [UNKNOWN]
    assert report.heights == 1
    assert report.dropped == ["ENDS", "HOME"]


def test_range_keeps_every_row_and_height() -> None:
    """The place of a test range is no secret."""
    extract = _flight([_east(metres) for metres in (0, 10, 20)])
    extract.remove(Removed.PARAMETERS, 1_023)

    report = redact(extract, RANGE)

    assert _times(extract, Table.POSITION) == [0, 1, 2]
    assert extract.tables[Table.KINEMATICS].column("rel_alt_mm") == array("q", [5, 5, 5])
    assert report.dropped == ["PARAMETERS"]


def test_the_report_names_profile_version_parameters_and_counts() -> None:
    """`--explain-drop` is how a unit checks what it is about to sign."""
    extract = _flight([_east(metres) for metres in (0, 5_000, 10_000)])
    for kind, count in zip(Removed, (2, 1, 1_023, 4, 41, 700), strict=True):
        extract.remove(kind, count)

    report = redact(extract, FIELD)

    assert report.lines() == [
        "redaction field version 1 (radius_m 2000, reach_mps 300, jump_m 100)",
        "2 home positions",
        "1 hardware identifiers",
        "1,023 parameters",
        "4 mission items and commands",
        "41 text messages",
        "700 messages no portion has a place for",
        *(
            f"2 rows of {portion} within 2,000 m of take-off, landing or home"
            for portion in ("position", "kinematics", "vehicle", "link", "gnss")
        ),
        "1 heights above take-off",
    ]
    assert report.dropped == ["ENDS", "FREE_TEXT", "HOME", "IDENTIFIERS", "MISSION", "PARAMETERS"]
    assert report.to_json() == {
        "profile": "field",
        "version": 1,
        "parameters": {"radius_m": 2_000, "reach_mps": 300, "jump_m": 100},
        "messages": {"home": 2, "uid": 1, "parameters": 1_023, "mission": 4, "text": 41, "other": 700},
        "rows": dict.fromkeys(("position", "kinematics", "vehicle", "link", "gnss"), 2),
        "heights": 1,
    }


def test_an_unknown_profile_is_refused_and_the_known_ones_named() -> None:
    """A typing mistake must not publish a flight unredacted."""
    with pytest.raises(CallerError, match="`field` or `range`") as error:
        profile_named("feild")

    assert error.value.code == "redaction-unknown"
