"""What a platform is and what its flight mode means, in the words of the telemetry schema.

A log says MAV_TYPE and a mode number that pymavlink turns into a name; the schema has closed lists. A type that fits no
class is not guessed at: the caller must say the class. A mode that fits no word is OTHER, which is a value of the list.
"""

from __future__ import annotations

_CLASSES = {
    1: "FIXED_WING",
    **dict.fromkeys((2, 3, 13, 14, 15, 29, 35, 43), "MULTIROTOR"),
    **dict.fromkeys((19, 20, 21, 22, 23, 24, 25), "VTOL"),
    **dict.fromkeys((10, 47), "GROUND"),
    11: "SURFACE",
}
MODE_OTHER = 0
_MODE_OF_NAME = {
    **dict.fromkeys(("MANUAL",), 1),
    **dict.fromkeys(("ACRO", "QACRO", "RATE_ACRO"), 2),
    **dict.fromkeys(("STABILIZE", "STABILIZED", "STAB", "FBWA", "QSTABILIZE", "STEERING"), 3),
    **dict.fromkeys(("ALT_HOLD", "ALTCTL", "FBWB", "CRUISE", "QHOVER"), 4),
    **dict.fromkeys(("LOITER", "QLOITER", "OF_LOITER", "POSHOLD", "POSITION", "POSCTL"), 5),
    **dict.fromkeys(("FLOWHOLD", "BRAKE", "HOLD"), 5),
    **dict.fromkeys(("AUTO", "MISSION"), 6),
    **dict.fromkeys(("GUIDED", "GUIDED_NOGPS", "OFFBOARD"), 7),
    **dict.fromkeys(("RTL", "QRTL", "SMART_RTL", "AUTO_RTL", "RTGS"), 8),
    **dict.fromkeys(("LAND", "QLAND", "AUTOLAND", "LOITERALTQLAND"), 9),
    **dict.fromkeys(("TAKEOFF",), 10),
}


def mode_number(mode_name: str) -> int:
    """The schema's number of a pymavlink mode name."""
    return _MODE_OF_NAME.get(mode_name.upper(), MODE_OTHER)


def platform_class(vehicle_type: int) -> str:
    """The class of a MAV_TYPE; empty if it fits none."""
    return _CLASSES.get(vehicle_type, "")
