"""Laws between the portions of a track segment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as cases
from hypothesis import settings
from hypothesis import strategies as st
from sluice.v1.telemetry_pb2 import TelemetryPosition

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import check_portion, check_record, parse_portion, telemetry, track
from gateway.core.kinds.mgrs import square_1km
from gateway.core.kinds.sidc import is_sidc, symbol
from gateway.core.suite.numbers import DataMode, Schema
from tests.unit.kinds import given

SCHEMA = Schema.TELEMETRY_1
HOUR = given.HOUR
NORTH = 90_000  # a kilometre in 1e-7 degree of latitude


def test_a_whole_segment_is_accepted() -> None:
    """The segment that every test below damages in one place."""
    check_record(SCHEMA, given.segment())


def test_portions_may_be_missing() -> None:
    """Most logs know few of them; only `about` must be there."""
    names = set(telemetry.KIND.slots) - {"about", "position"}

    check_record(SCHEMA, given.segment(**dict.fromkeys(names)))
    check_record(SCHEMA, given.segment(about=given.about(rows=2), position=None, kinematics=None, gnss=None))
    check_record(SCHEMA, given.segment(position_coarse=None))


def test_a_segment_without_columns_has_no_rows() -> None:
    """The unit alone may be reported."""
    only_unit = given.segment(about=given.about(rows=0, area_mgrs100k=""), **dict.fromkeys(telemetry.KIND.slots[1:7]))

    check_record(SCHEMA, only_unit)


def fix(minute: int, lat: int) -> dict[str, Any]:
    """One row in a minute of the segment's own hour."""
    return {"t_ms": [minute * 60_000], "lat_e7": [lat], "lon_e7": [given.KYIV[1]]}


DAMAGED: dict[str, tuple[dict[str, bytes | None], str, str]] = {
    "rows above the largest": ({"about": given.about(rows=4)}, "range", "about.rows"),
    "rows below the largest": ({"about": given.about(rows=2)}, "range", "about.rows"),
    "rows of nothing": ({"about": given.about(rows=0)}, "range", "about.rows"),
    "a start that is not rounded": ({"about": given.about(t0_ms=1_779_998_460_000)}, "range", "about.t0_ms"),
    "a start an hour early": ({"about": given.about(t0_ms=1_779_994_800_000)}, "range", "about.t0_ms"),
    "an end that is not rounded": ({"about": given.about(t1_ms=1_780_000_020_000)}, "range", "about.t0_ms"),
    "an end an hour late": ({"about": given.about(t1_ms=1_780_005_600_000)}, "range", "about.t0_ms"),
    "boot time that looks like a date": ({"about": given.about(time_source="LOG_BOOT")}, "range", "about.time_source"),
    "no area": ({"about": given.about(area_mgrs100k="")}, "coarse-mismatch", "about.area_mgrs100k"),
    "another area": ({"about": given.about(area_mgrs100k="36UUB")}, "coarse-mismatch", "about.area_mgrs100k"),
    "an area beside the coarse track": (
        {"position": None, "about": given.about(area_mgrs100k="36UUB")},
        "coarse-mismatch",
        "about.area_mgrs100k",
    ),
    "an area beside the fine track": (
        {"position_coarse": None, "about": given.about(area_mgrs100k="36UUB")},
        "coarse-mismatch",
        "about.area_mgrs100k",
    ),
    "another square": (
        {"position_coarse": telemetry.position_coarse(given.position(lat_e7=[504_500_000 + NORTH, None, 504_500_050]))},
        "coarse-mismatch",
        "position_coarse.mgrs_1km[0]",
    ),
    "a minute left out": (
        {
            "position_coarse": telemetry.position_coarse(
                given.position(lat_e7=[504_500_000, None, None], lon_e7=[305_200_000, None, None])
            )
        },
        "coarse-mismatch",
        "position_coarse.t_s",
    ),
    "a coarse track of nothing": (
        {"position": given.position(lat_e7=(), lon_e7=())},
        "coarse-mismatch",
        "position_coarse.t_s",
    ),
}


@pytest.mark.must("8.7.1")
@pytest.mark.parametrize("what", DAMAGED)
def test_portions_that_contradict_each_other_are_refused(what: str) -> None:
    """A coarse portion is released where the fine one is not: it must say what the fine one says, and no more."""
    changed, code, at = DAMAGED[what]

    with pytest.raises(Refused) as refused:
        check_record(SCHEMA, given.segment(**changed))

    assert (refused.value.code, refused.value.at) == (code, at)


COARSE_ONLY: dict[str, Any] = dict.fromkeys(telemetry.KIND.slots[3:]) | {"position": None}


@pytest.mark.parametrize(
    ("t0_ms", "t1_ms", "fits"),
    [
        (1_779_998_400_000, 1_780_002_000_000, True),
        (1_779_998_400_000, 1_780_005_600_000, True),
        (1_780_002_000_000, 1_780_002_000_000, False),
        (1_779_994_800_000, 1_779_998_400_000, False),
        (1_779_998_400_000, 1_780_000_030_000, False),
    ],
)
def test_without_a_fine_track_the_times_hold_the_coarse_one(t0_ms: int, t1_ms: int, fits: bool) -> None:
    """The exact start is withheld with `position`; what is left must still agree."""
    record = given.segment(about=given.about(rows=2, t0_ms=t0_ms, t1_ms=t1_ms), **COARSE_ONLY)

    if fits:
        check_record(SCHEMA, record)
        return
    with pytest.raises(Refused, match="rounded"):
        check_record(SCHEMA, record)


def test_without_any_track_the_times_span_the_longest_portion() -> None:
    """A segment of two hours cannot lie within one."""
    longest = telemetry.vehicle(t_ms=[0, 2 * HOUR], remaining_pct=[90, 10])
    others = {"position": None, "position_coarse": None, "kinematics": None, "link": None, "gnss": None}
    start = 1_779_998_400_000

    check_record(SCHEMA, given.segment(vehicle=longest, about=given.about(rows=2, t1_ms=start + 2 * HOUR), **others))
    with pytest.raises(Refused, match="rounded"):
        check_record(SCHEMA, given.segment(vehicle=longest, about=given.about(rows=2, t1_ms=start + HOUR), **others))


def test_the_portion_that_lasts_longest_gives_the_end() -> None:
    """`position` may stop before the battery does; `about` holds them all."""
    lasting = telemetry.vehicle(t_ms=[0, 2 * HOUR], remaining_pct=[90, 10])
    _, t1_ms = track.rounded(given.T0_US, 2 * HOUR, HOUR)

    check_record(SCHEMA, given.segment(vehicle=lasting, about=given.about(t1_ms=t1_ms)))
    with pytest.raises(Refused, match="rounded"):
        check_record(SCHEMA, given.segment(vehicle=lasting))


def test_times_of_a_log_without_a_clock_count_from_its_boot() -> None:
    """1970 plus ten minutes is no date, and must not be read as one."""
    fine = given.position(t0_us=600_000_000)
    coarse = telemetry.position_coarse(fine)
    times = {"t0_ms": 0, "t1_ms": HOUR}

    check_record(
        SCHEMA,
        given.segment(position=fine, position_coarse=coarse, about=given.about(time_source="LOG_BOOT", **times)),
    )
    with pytest.raises(Refused, match="1970"):
        check_record(SCHEMA, given.segment(position=fine, position_coarse=coarse, about=given.about(**times)))


def test_the_step_is_the_guides() -> None:
    """A unit that rounds to ten minutes says so in its guide, not in the code."""
    step = 600_000
    t0_ms, t1_ms = track.rounded(given.T0_US, given.T[-1], step)

    check_record(SCHEMA, given.segment(about=given.about(t0_ms=t0_ms, t1_ms=t1_ms)), time_step_ms=step)
    with pytest.raises(Refused, match="600000 ms"):
        check_record(SCHEMA, given.segment(), time_step_ms=step)


def test_a_track_over_a_grid_line_is_two_segments() -> None:
    """A rule about an area must never meet half a record."""
    lat, east = 504_500_000, 305_200_000 + 20_000_000
    fine = given.position(t_ms=[0, 60_000], lat_e7=[lat, lat], lon_e7=[given.KYIV[1], east])
    t0_ms, t1_ms = track.rounded(given.T0_US, given.T[-1], HOUR)
    crossing = given.segment(
        position=fine,
        position_coarse=telemetry.position_coarse(fine),
        about=given.about(t0_ms=t0_ms, t1_ms=t1_ms),
    )

    assert track.area_cuts([lat, None, lat, lat], [given.KYIV[1], None, east, east]) == [2]
    assert track.area_cuts([None, lat], [None, east]) == []
    assert track.area_cuts([lat, lat, -(1 << 63), lat], [east, -(1 << 63), east, east]) == []
    assert track.area_cuts([lat, 900_000_001, lat], [east, 0, east]) == []
    with pytest.raises(Refused, match="whole track"):
        check_record(SCHEMA, crossing)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [([1, None], [1, 1]), ([None, 1], [1, None]), ([1, 1], ()), ((), [1, 1])],
)
def test_a_row_knows_both_coordinates_or_neither(lat: list[int | None], lon: list[int | None]) -> None:
    """Half a fix is on a line round the Earth, and readers would fill the other half with zero."""
    with pytest.raises(CallerError) as wrong:
        telemetry.position(t0_us=given.T0_US, t_ms=[0, 1], lat_e7=lat, lon_e7=lon)

    assert (wrong.value.code, wrong.value.at) == ("schema", "position.lon_e7")


def test_bytes_that_only_look_like_the_mark_are_values() -> None:
    """The mark for unknown may appear across two elements; that is no gap."""
    lat = [0x00000000, 0x00800000]
    content = telemetry.position(t0_us=given.T0_US, t_ms=[0, 1], lat_e7=lat, lon_e7=[7, 7])

    assert b"\0\0\0\x80" in TelemetryPosition.FromString(content).lat_e7
    check_portion(SCHEMA, 1, parse_portion(SCHEMA, 1, content))


@st.composite
def tracks(draw: st.DrawFn) -> tuple[int, list[int], list[int | None], list[int | None]]:
    """Start, times and fixes of a track of up to some minutes, with gaps."""
    rows = draw(st.integers(1, 12))
    start = draw(st.integers(1_780_000_000_000_000, 1_780_000_060_000_000))
    times = sorted(draw(st.lists(st.integers(0, 240_000), min_size=rows, max_size=rows)))
    known = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    steps = draw(st.lists(st.integers(-50_000, 50_000), min_size=rows, max_size=rows))
    lat = [given.KYIV[0] + step if here else None for here, step in zip(known, steps, strict=True)]
    lon = [given.KYIV[1] - step if here else None for here, step in zip(known, steps, strict=True)]
    return start, times, lat, lon


@settings(max_examples=60)
@cases(tracks())
def test_the_coarse_track_is_the_first_known_fix_of_each_minute(
    drawn: tuple[int, list[int], list[int | None], list[int | None]],
) -> None:
    """Against the rule written as a loop over every row."""
    start, times, lat, lon = drawn
    expected: dict[int, str] = {}
    for t_ms, one, other in zip(times, lat, lon, strict=True):
        if one is not None and other is not None:
            expected.setdefault((start + t_ms * 1000) // 60_000_000 * 60, square_1km(one, other))

    fine = telemetry.position(t0_us=start, t_ms=times, lat_e7=lat, lon_e7=lon)
    content = telemetry.position_coarse(fine)

    if content is None:
        assert expected == {}
        assert telemetry.area(fine) == ""
        return
    coarse = parse_portion(SCHEMA, 2, content)
    assert dict(zip(track.minutes_of(coarse), coarse.mgrs_1km, strict=True)) == expected
    assert telemetry.area(fine) == next(iter(expected.values()))[:-4]


def test_a_track_whose_times_fall_back_still_ends() -> None:
    """`ranges` refuses such a column; until then a walk over it must not turn in a circle."""
    times = b"".join(t.to_bytes(4, "little") for t in (120_000, 0, 120_000, 0))
    fine = TelemetryPosition(rows=4, t0_us=given.T0_US, t_ms=times, lat_e7=bytes(16), lon_e7=bytes(16))

    assert 1 <= len(list(track.first_fixes(fine))) <= 4


@pytest.mark.parametrize(
    ("t0_us", "last_ms", "rounded"),
    [
        (0, 0, (0, 0)),
        (1, 0, (0, HOUR)),
        (HOUR * 1000, HOUR, (HOUR, 2 * HOUR)),
        (HOUR * 1000 - 1, 0, (0, HOUR)),
        (HOUR * 1000 + 1, HOUR, (HOUR, 3 * HOUR)),
    ],
)
def test_about_is_rounded_outward(t0_us: int, last_ms: int, rounded: tuple[int, int]) -> None:
    """Never later than the start, never earlier than the end, and exact on the hour."""
    assert track.rounded(t0_us, last_ms, HOUR) == rounded


@pytest.mark.parametrize("platform", ["MULTIROTOR", "FIXED_WING", "VTOL", "GROUND", "SURFACE"])
@pytest.mark.parametrize("mode", DataMode)
def test_every_platform_has_a_symbol(platform: str, mode: DataMode) -> None:
    """A log reader that knows no better says air, land or sea, friendly, and in which reality."""
    code = symbol(platform, mode)

    assert is_sidc(code)
    assert code[2] == {DataMode.REAL: "0", DataMode.EXERCISE: "1"}.get(mode, "2")
    assert code[3] == "3"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("10031000001211000000", True),
        ("130310000012110000001234567890", True),
        ("1003100000121100000", False),
        ("100310000012110000001", False),
        ("1003100000121100000012345", False),
        ("10331000001211000000", False),
        ("10071000001211000000", False),
        ("1003100000121100000a", False),
        ("1003100000121100000\u0661", False),
        ("10031000001211000000\n", False),
    ],
)
def test_a_symbol_code_has_20_or_30_digits(text: str, fits: bool) -> None:
    """Anything looser would be free text in the portion with the lowest label."""
    assert is_sidc(text) == fits


def test_kinematics_must_not_be_labelled_below_position() -> None:
    """Velocity integrates to position: inspection applies this pair to the labels."""
    assert telemetry.KIND.not_below == ((telemetry.KINEMATICS, telemetry.POSITION),)


def test_columns_hold_what_the_devices_send() -> None:
    """The largest values of each format fit; a column is narrow, not short."""
    fine = telemetry.position(
        t0_us=given.T0_US,
        t_ms=[0, telemetry.DAY_MS],
        lat_e7=[-900_000_000, 900_000_000],
        lon_e7=[-1_800_000_000, 1_800_000_000],
        alt_msl_mm=[-430_000, 40_000_000],
        alt_hae_mm=[-400_000, 40_000_000],
        h_acc_mm=[0, 2_147_483_647],
        v_acc_mm=[0, None],
        fix_type=[telemetry.FixType.PPP, telemetry.FixType.NO_GNSS],
        dead_reckoning=[True, False],
    )
    state = telemetry.vehicle(
        t_ms=[0, 1],
        failsafe_bits=[telemetry.Failsafe.BATTERY | telemetry.Failsafe.OTHER, 0],
        voltage_mv=[0, 65_534],
        current_ca=[-32_767, 32_767],
        consumed_mah=[0, 20_000],
        remaining_pct=[0, 100],
        temp_cdegc=[-4_000, 8_000],
        rpm=[0, 60_000],
    )
    radio = telemetry.link(
        t_ms=[0, 1], rssi=[0, 254], remote_rssi=[200, 201], noise=[0, 1], remote_noise=[9, 9], rx_errors=[0, 65_535],
        lost=[0, 1], band_mhz=915,
    )  # fmt: skip
    receiver = telemetry.gnss(
        t_ms=[0, 1], hdop_c=[0, 65_534], noise_per_ms=[0, 65_534], jamming_indicator=[0, 255],
        spoofing_state=[telemetry.Integrity.MITIGATED, 0], satellites=[0, 40], fix_type=[0, 8],
    )  # fmt: skip
    motion = telemetry.kinematics(
        t_ms=[0, 1], ve_cms=[-32_767, 32_767], vd_cms=[0, 0], roll_cdeg=[-18_000, 18_000], pitch_cdeg=[-9_000, 9_000],
        yaw_cdeg=[0, 35_999], airspeed_cms=[0, 32_767], rel_alt_mm=[-1, 10_000_000],
    )  # fmt: skip

    for slot, content in {1: fine, 3: motion, 4: state, 5: radio, 6: receiver}.items():
        check_portion(SCHEMA, slot, parse_portion(SCHEMA, slot, content))
