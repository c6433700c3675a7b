"""What a platform is and what its flight mode means, in the words of the telemetry schema.

A log says MAV_TYPE and the autopilot's own mode number; the schema has closed lists. A type that fits no class is not
guessed at: the caller must say the class. A mode that fits no word is OTHER, which is a value of the list, and so is
every mode of an autopilot whose numbers are not written down here. ArduPilot's numbers are those of the enums
PLANE_MODE, COPTER_MODE, ROVER_MODE and SUB_MODE of MAVLink's message definitions; PX4's are its `px4_custom_mode`: a
main mode in bits 16 to 23 and, where that is AUTO, a second one in bits 24 to 31.
"""

from __future__ import annotations

# The classes of the telemetry schema that a caller may name.
PLATFORM_CLASSES = ("MULTIROTOR", "FIXED_WING", "VTOL", "GROUND", "SURFACE")
_CLASSES = {
    1: "FIXED_WING",
    **dict.fromkeys((2, 3, 13, 14, 15, 29, 35, 43), "MULTIROTOR"),
    **dict.fromkeys((19, 20, 21, 22, 23, 24, 25, 47), "VTOL"),
    **dict.fromkeys((10, 46), "GROUND"),
    11: "SURFACE",
}
ARDUPILOT = 3
_PX4, _PX4_AUTO = 12, 4
MODE_OTHER = 0


def _modes(*numbers: tuple[int, ...]) -> dict[int, int]:
    """An autopilot's numbers for the schema's modes, from 1 on, as a table from its number to the schema's."""
    return {number: mode for mode, of_mode in enumerate(numbers, start=1) for number in of_mode}


# In the schema's order: manual, acro, stabilize, hold altitude, hold position, mission, guided, return, land, take-off.
_PLANE = _modes((0,), (4, 23), (2, 5, 17), (6, 7, 18), (12, 19), (10,), (15,), (11, 21), (20, 25, 26), (13,))
# 8 and 10 are of releases before MAVLink's enum, 29 is of one after it.
_COPTER = _modes((), (1, 29), (0,), (2,), (5, 8, 10, 16, 17, 22), (3,), (4, 20), (6, 21, 27), (9,), ())
_ROVER = _modes((0,), (1,), (3,), (), (4, 5), (10,), (15,), (11, 12), (), ())
_SUB = _modes((19,), (1,), (0,), (2,), (16,), (3,), (4,), (), (), ())
_PX4_MAIN = _modes((1,), (5,), (7,), (2,), (3,), (), (6,), (), (), ())
_PX4_WITHIN_AUTO = _modes((), (), (), (), (3,), (4,), (), (5, 7), (6,), (2,))
_ARDUPILOT_MODES = {
    **dict.fromkeys((1, 19, 20, 21, 22, 23, 24, 25), _PLANE),
    **dict.fromkeys((2, 3, 4, 13, 14, 15, 29, 35, 43), _COPTER),
    **dict.fromkeys((10, 11), _ROVER),
    12: _SUB,
}


def mode_number(autopilot: int, vehicle_type: int, custom_mode: int) -> int:
    """The schema's number of a mode; autopilot: a MAV_AUTOPILOT, vehicle_type: a MAV_TYPE, custom_mode: its own."""
    if autopilot == ARDUPILOT:
        return _ARDUPILOT_MODES.get(vehicle_type, {}).get(custom_mode, MODE_OTHER)
    if autopilot == _PX4:
        main, within = custom_mode >> 16 & 0xFF, custom_mode >> 24 & 0xFF
        return _PX4_WITHIN_AUTO.get(within, MODE_OTHER) if main == _PX4_AUTO else _PX4_MAIN.get(main, MODE_OTHER)
    return MODE_OTHER


def platform_class(vehicle_type: int) -> str:
    """The class of a MAV_TYPE; empty if it fits none."""
    return _CLASSES.get(vehicle_type, "")
