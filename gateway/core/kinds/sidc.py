"""Symbol identification codes: 20 or 30 digits, MIL-STD-2525D / APP-6D.

Digits 1-2 version, 3 context (0 reality, 1 exercise, 2 simulation), 4 standard identity (0 to 6, 3 friend), 5-6
symbol set, 7 status, 8 headquarters or dummy, 9-10 echelon, 11-16 entity, 17-20 modifiers; ten more in the long form.
Only what every version agrees on is checked: length, digits, context and identity.
"""

from __future__ import annotations

import re

from gateway.core.suite.numbers import DataMode

_FORM = re.compile(r"[0-9]{2}[0-2][0-6][0-9]{16}(?:[0-9]{10})?")
_SETS = {"MULTIROTOR": "01", "FIXED_WING": "01", "VTOL": "01", "GROUND": "15", "SURFACE": "30"}
_CONTEXTS = {DataMode.REAL: "0", DataMode.EXERCISE: "1", DataMode.SIMULATED: "2", DataMode.TEST: "2"}


def is_sidc(text: str) -> bool:
    """Whether `text` is a symbol identification code."""
    return _FORM.fullmatch(text) is not None


def symbol(platform_class: str, data_mode: DataMode = DataMode.REAL) -> str:
    """The friendly symbol that says no more than the platform's dimension: air, land equipment or sea surface."""
    return f"10{_CONTEXTS[data_mode]}3{_SETS[platform_class]}".ljust(20, "0")
