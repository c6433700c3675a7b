"""Logs written for the tests of this room: message by message, with the library's own encoder or none at all."""

from __future__ import annotations

import struct
from typing import Any

from pymavlink.dialects.v20 import all as dialect

from clients.formats.dataflash import DataflashReader
from clients.formats.extract import Extract
from clients.formats.mavlink import TlogReader

START_US = 1_780_000_000_000_000
PLACE = (481_234_500, -203_456_700)
# Metres of a ten-millionth of a degree of latitude, near enough for choosing places.
METRES_PER_E7 = 0.01112
_CODES = {
    "B": "B",
    "b": "b",
    "H": "H",
    "h": "h",
    "I": "I",
    "i": "i",
    "Q": "Q",
    "f": "f",
    "n": "4s",
    "N": "16s",
    "Z": "64s",
}
_CODES |= {"c": "h", "C": "H", "e": "i", "E": "I", "L": "i", "M": "b", "q": "q", "d": "d"}


class Tlog:
    """A `.tlog` in the making."""

    def __init__(self) -> None:
        self.log = b""
        self._senders: dict[tuple[int, int], Any] = {}

    def frame(self, name: str, *fields: Any, system: int = 1, component: int = 1, **extensions: Any) -> bytes:
        """One frame without its timestamp."""
        sender = self._senders.setdefault((system, component), dialect.MAVLink(None, system, component))
        message = getattr(dialect, f"MAVLink_{name.lower()}_message")(*fields, **extensions)
        packed: bytes = message.pack(sender)
        return packed

    def add(self, at_ms: int, name: str, *fields: Any, **how: Any) -> Tlog:
        """One message that arrived `at_ms` after the start."""
        self.log += struct.pack(">Q", START_US + at_ms * 1000) + self.frame(name, *fields, **how)
        return self

    def heartbeat(self, at_ms: int = 0, vehicle_type: int = 2, mode: int = 3, base: int = 129, **how: Any) -> Tlog:
        """An ArduPilot heartbeat."""
        return self.add(at_ms, "HEARTBEAT", vehicle_type, 3, base, mode, how.pop("state", 4), 3, **how)

    def position(self, at_ms: int, place: tuple[int, int] = PLACE, boot_ms: int | None = None, **how: Any) -> Tlog:
        """A fused position at 120 m above the sea and 20 m above home."""
        boot = at_ms if boot_ms is None else boot_ms
        return self.add(at_ms, "GLOBAL_POSITION_INT", boot, *place, 120_000, 20_000, 100, 200, -50, 4_500, **how)

    def fix(self, at_ms: int, place: tuple[int, int] = PLACE, fix_type: int = 3, stamp_us: int = 0, **how: Any) -> Tlog:
        """A receiver's fix at 119 m above the sea."""
        fields = (stamp_us, fix_type, *place, 119_000, 80, 120, 1500, 4_600, 17)
        return self.add(at_ms, "GPS_RAW_INT", *fields, **how)

    def read(self, max_rows: int = 100_000) -> Extract:
        """What the reader makes of it, in this process."""
        reader = TlogReader(self.log, max_rows)
        reader.read()
        return reader.extract()


class Dataflash:
    """A `.BIN` in the making: every kind of message defines itself before its first use."""

    def __init__(self) -> None:
        self.log = b""
        self._kinds: dict[str, tuple[int, str]] = {}
        self._define(128, "FMT", "BBnNZ", "Type,Length,Name,Format,Columns")

    def _define(self, number: int, name: str, form: str, columns: str) -> None:
        layout = "<" + "".join(_CODES[code] for code in form)
        self._kinds[name] = (number, layout)
        body = struct.pack(
            "<BB4s16s64s", number, struct.calcsize(layout) + 3, *(s.encode() for s in (name, form, columns))
        )
        self.log += bytes((0xA3, 0x95, 128)) + body

    def add(self, definition: str, *values: Any) -> Dataflash:
        """One message; definition: `NAME format Column,Column`; values as they are stored."""
        name, form, columns = definition.split(" ")
        if name not in self._kinds:
            self._define(len(self._kinds), name, form, columns)
        number, layout = self._kinds[name]
        stored = [value.encode() if isinstance(value, str) else value for value in values]
        self.log += bytes((0xA3, 0x95, number)) + struct.pack(layout, *stored)
        return self

    def gps(
        self, t_us: int, place: tuple[int, int] = PLACE, *, status: int = 3, receiver: int = 0, week: int = 2421
    ) -> Dataflash:
        """A receiver's fix; week 2421 began on 2026-05-31."""
        columns = "GPS QBBIHBcLLeffB TimeUS,I,Status,GMS,GWk,NSats,HDop,Lat,Lng,Alt,Spd,GCrs,U"
        return self.add(columns, t_us, receiver, status, t_us // 1000, week, 11, 77, *place, 58_882, 1.0, 361.0, 1)

    def pos(self, t_us: int, place: tuple[int, int] = PLACE) -> Dataflash:
        """A fused position at 584 m above the sea and 2 m above home."""
        return self.add("POS QLLfff TimeUS,Lat,Lng,Alt,RelHomeAlt,RelOriginAlt", t_us, *place, 584.0, 2.0, 1.0)

    def read(self, max_rows: int = 100_000) -> Extract:
        """What the reader makes of it, in this process."""
        return read_dataflash(self.log, max_rows)


def read_dataflash(log: bytes, max_rows: int = 100_000) -> Extract:
    """What the reader makes of these bytes, in this process."""
    reader = DataflashReader(log, max_rows)
    reader.read()
    return reader.extract()
