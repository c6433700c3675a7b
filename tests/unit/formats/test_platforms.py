"""Modes and classes: the autopilots' numbers in the schema's words."""

from __future__ import annotations

import pytest
from pymavlink.dialects.v20 import all as dialect
from sluice.v1 import portion_pb2

from clients.formats.platforms import MODE_OTHER, PLATFORM_CLASSES, mode_number, platform_class
from gateway.core.kinds.telemetry import Mode

ARDUPILOT, PX4, SLUGS = 3, 12, 2
WORDS = {
    Mode.MANUAL: ("MANUAL",),
    Mode.ACRO: ("ACRO", "QACRO"),
    Mode.STABILIZE: ("STABILIZE", "QSTABILIZE", "FLY_BY_WIRE_A", "STEERING"),
    Mode.ALTITUDE_HOLD: ("ALT_HOLD", "QHOVER", "FLY_BY_WIRE_B", "CRUISE"),
    Mode.POSITION_HOLD: ("LOITER", "QLOITER", "POSHOLD", "BRAKE", "FLOWHOLD", "HOLD"),
    Mode.MISSION: ("AUTO",),
    Mode.GUIDED: ("GUIDED", "GUIDED_NOGPS"),
    Mode.RETURN: ("RTL", "QRTL", "SMART_RTL", "AUTO_RTL"),
    Mode.LAND: ("LAND", "QLAND", "AUTOLAND", "LOITER_ALT_QLAND"),
    Mode.TAKEOFF: ("TAKEOFF",),
}


@pytest.mark.parametrize(
    ("enum", "vehicle_types"),
    [
        ("PLANE_MODE", (1, 19, 20, 21, 22, 23, 24, 25)),
        ("COPTER_MODE", (2, 3, 4, 13, 14, 15, 29, 35, 43)),
        ("ROVER_MODE", (10, 11)),
        ("SUB_MODE", (12,)),
    ],
)
def test_ardupilots_modes_are_those_of_mavlinks_definitions(enum: str, vehicle_types: tuple[int, ...]) -> None:
    """A number taken for another mode would make a landing of a loiter."""
    named = {number: entry.name.removeprefix(f"{enum}_") for number, entry in dialect.enums[enum].items()}
    expected = {
        number: next((mode for mode, words in WORDS.items() if name in words), MODE_OTHER)
        for number, name in named.items()
        if name != "ENUM_END"
    }

    for vehicle_type in vehicle_types:
        assert {number: mode_number(ARDUPILOT, vehicle_type, number) for number in expected} == expected


@pytest.mark.parametrize(
    ("main", "within", "mode"),
    [
        *((1, 0, Mode.MANUAL), (2, 0, Mode.ALTITUDE_HOLD), (3, 0, Mode.POSITION_HOLD), (5, 0, Mode.ACRO)),
        *((6, 0, Mode.GUIDED), (7, 0, Mode.STABILIZE), (4, 2, Mode.TAKEOFF), (4, 3, Mode.POSITION_HOLD)),
        *((4, 4, Mode.MISSION), (4, 5, Mode.RETURN), (4, 6, Mode.LAND), (4, 0, Mode.OTHER), (8, 4, Mode.OTHER)),
    ],
)
def test_px4s_modes_are_two_numbers_in_one(main: int, within: int, mode: Mode) -> None:
    """Within AUTO the second number says what is flown, and only there."""
    assert mode_number(PX4, 2, main << 16 | within << 24) == mode


def test_the_modes_of_an_unknown_autopilot_or_vehicle_are_other() -> None:
    """Numbers mean what their autopilot says, so another's are not guessed at."""
    assert mode_number(SLUGS, 2, 6) == MODE_OTHER
    assert mode_number(ARDUPILOT, 0xFFFF, 6) == MODE_OTHER
    assert mode_number(ARDUPILOT, 2, 200) == MODE_OTHER


def test_a_class_is_that_of_the_vehicle_type_or_empty() -> None:
    """The caller is asked where a log does not say."""
    classes = [platform_class(vehicle_type) for vehicle_type in (1, 2, 20, 10, 11, 12, 0xFFFF)]

    assert classes == ["FIXED_WING", "MULTIROTOR", "VTOL", "GROUND", "SURFACE", "", ""]


def test_the_types_that_mavlink_numbers_last_have_their_own_class() -> None:
    """46 walks and 47 takes off: one number aside and a flight would be labelled as driving."""
    assert (platform_class(46), platform_class(47)) == ("GROUND", "VTOL")


def test_a_caller_may_name_every_class_of_the_schema() -> None:
    """A class that nobody can name is one whose logs nobody can publish."""
    known = [one.name.removeprefix("PLATFORM_CLASS_") for one in portion_pb2.PlatformClass.DESCRIPTOR.values]

    assert known == ["UNSPECIFIED", *PLATFORM_CLASSES]
