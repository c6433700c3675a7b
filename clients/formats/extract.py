r"""What a reading child hands to its parent: integers in known columns, counts and codes, and nothing else.

A log is read in a child process that may be broken by what it reads. So this room allows no string to cross: names,
parameters, mission items and texts of a log stay in the child because the layout has no place for them. The parent
parses the bytes strictly (`parse_extract`), does the redaction itself, and trusts the numbers no further than their
ranges. The layout lives for one pipe between two processes of one machine and is no part of SPEC.md:

    "SLUICE-EXTRACT\x00" | format u8 | time_source u8 | vehicle_type u16 | messages u64
    | u8 n | (removed u8 | count u64)*n | u8 n | (finding u8 | count u64)*n
    | u16 n | (lat_e7 i32 | lon_e7 i32)*n                                         the points to keep away from
    | u8 n | (table u8 | rows u32 | column of rows × i64, native order, per column of the table)*n | "END"
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from gateway.core.errors import CallerError, Refused
from gateway.core.suite.octets import Reader, u8, u16, u32, u64

UNKNOWN = -(1 << 63)
VEHICLE_TYPE_UNKNOWN = 0xFFFF
_TAG = b"SLUICE-EXTRACT\x00"
_END = b"END"
_LIMIT = 1 << 62


class SourceFormat(IntEnum):
    """The formats this room reads."""

    MAVLINK_TLOG = 1
    DATAFLASH_BIN = 2


class TimeSource(IntEnum):
    """Where the rows' times come from; only GNSS and RTC are UTC."""

    GNSS = 1
    RTC = 2
    LOG_BOOT = 3


class Table(IntEnum):
    """The five columnar portions, and the track that redaction judges by: every fix of every stream of the vehicle."""

    POSITION = 1
    KINEMATICS = 2
    VEHICLE = 3
    LINK = 4
    GNSS = 5
    TRACK = 6


COLUMNS: dict[Table, tuple[str, ...]] = {
    Table.POSITION: (
        "t_us",
        "lat_e7",
        "lon_e7",
        "alt_msl_mm",
        "alt_hae_mm",
        "h_acc_mm",
        "v_acc_mm",
        "fix_type",
        "dead_reckoning",
    ),
    Table.KINEMATICS: (
        "t_us",
        "vn_cms",
        "ve_cms",
        "vd_cms",
        "course_cdeg",
        "roll_cdeg",
        "pitch_cdeg",
        "yaw_cdeg",
        "airspeed_cms",
        "rel_alt_mm",
    ),
    Table.VEHICLE: (
        "t_us",
        "mode",
        "armed",
        "failsafe_bits",
        "voltage_mv",
        "current_ca",
        "consumed_mah",
        "remaining_pct",
        "temp_cdegc",
        "rpm",
    ),
    Table.LINK: ("t_us", "rssi", "remote_rssi", "noise", "remote_noise", "rx_errors", "lost"),
    Table.GNSS: (
        "t_us",
        "satellites",
        "fix_type",
        "hdop_c",
        "noise_per_ms",
        "jamming_indicator",
        "jamming_state",
        "spoofing_state",
    ),
    Table.TRACK: ("t_us", "lat_e7", "lon_e7", "stream"),
}


class Removed(IntEnum):
    """What is left in the log because no portion has a place for it, counted in messages."""

    HOME = 1
    UID = 2
    PARAMETERS = 3
    MISSION = 4
    TEXT = 5
    OTHER = 6


class Finding(IntEnum):
    """What was odd about the log; each becomes a note with a code, too many rows a refusal."""

    TRUNCATED = 1
    DAMAGED = 2
    TOO_MANY_ROWS = 3
    OTHER_VEHICLES = 4


class Rows:
    """One table: equally long columns of 64-bit integers, `UNKNOWN` where the log does not say."""

    __slots__ = ("_names", "columns")

    def __init__(self, table: Table) -> None:
        self._names = COLUMNS[table]
        self.columns: list[array[int]] = [array("q") for _ in self._names]

    def __len__(self) -> int:
        return len(self.columns[0])

    def add(self, t_us: int, **values: int) -> None:
        """One row; columns not named are unknown."""
        self.columns[0].append(t_us)
        for name, column in zip(self._names[1:], self.columns[1:], strict=True):
            column.append(values.pop(name, UNKNOWN))
        if values:
            raise TypeError(f"no such columns: {sorted(values)}")

    def column(self, name: str) -> array[int]:
        """The column called `name`."""
        return self.columns[self._names.index(name)]

    def replace(self, name: str, column: array[int]) -> None:
        """Puts `column` in the place of the one called `name`; it must be as long."""
        self.columns[self._names.index(name)] = column

    def take(self, indexes: Iterable[int]) -> None:
        """Keeps only the rows at `indexes`, in that order."""
        chosen = list(indexes)
        self.columns = [array("q", [column[i] for i in chosen]) for column in self.columns]


class Centres:
    """The first and the last place of every stream of positions: what redaction keeps away from.

    Several streams, because one damaged fix must not move the only centre there is.
    """

    def __init__(self) -> None:
        self._ends: dict[tuple[object, ...], list[tuple[int, int]]] = {}

    def see(self, stream: tuple[object, ...], lat_e7: int, lon_e7: int) -> bool:
        """Whether this is a place on the globe and not the zero that means no fix; if so it is remembered."""
        if not (-900_000_000 <= lat_e7 <= 900_000_000 and -1_800_000_000 <= lon_e7 <= 1_800_000_000):
            return False
        if lat_e7 == 0 and lon_e7 == 0:
            return False
        place = (lat_e7, lon_e7)
        self._ends.setdefault(stream, [place, place])[1] = place
        return True

    def points(self) -> list[tuple[int, int]]:
        """All of them, each once."""
        return list(dict.fromkeys(place for ends in self._ends.values() for place in ends))


def empty_tables() -> dict[Table, Rows]:
    """Every table without rows."""
    return {table: Rows(table) for table in Table}


@dataclass(slots=True)
class Extract:
    """Everything that leaves the child.

    vehicle_type: a MAV_TYPE, or VEHICLE_TYPE_UNKNOWN.
    messages: how many messages of the format were recognised; 0 means the file is no such log.
    centres: (lat_e7, lon_e7) of the first and last fix of every stream of positions, and of recorded homes.
    """

    source_format: SourceFormat
    time_source: TimeSource = TimeSource.LOG_BOOT
    vehicle_type: int = VEHICLE_TYPE_UNKNOWN
    messages: int = 0
    tables: dict[Table, Rows] = field(default_factory=empty_tables)
    centres: list[tuple[int, int]] = field(default_factory=list)
    removed: dict[Removed, int] = field(default_factory=dict)
    findings: dict[Finding, int] = field(default_factory=dict)

    def find(self, finding: Finding, count: int) -> None:
        """Adds `count` to a finding; zero says nothing."""
        if count:
            self.findings[finding] = self.findings.get(finding, 0) + count

    def remove(self, kind: Removed, count: int = 1) -> None:
        """Adds `count` messages to what was left in the log."""
        if count:
            self.removed[kind] = self.removed.get(kind, 0) + count


def whole(value: object, scale: float = 1.0) -> int:
    """`value` × `scale` rounded to an integer, or UNKNOWN for anything that is no finite number of sane size."""
    if isinstance(value, int) and scale == 1.0:
        return value if -_LIMIT < value < _LIMIT else UNKNOWN
    if not isinstance(value, int | float):
        return UNKNOWN
    scaled = value * scale
    return round(scaled) if -_LIMIT < scaled < _LIMIT else UNKNOWN


def field_of(message: object, name: str, scale: float = 1.0, unknown: int | None = None) -> int:
    """A field of a decoded message × `scale`, rounded; UNKNOWN if it is absent, no number, or the value `unknown`.

    pymavlink's messages have no types, so a field is whatever the log made of it until it has been through here.
    """
    value = getattr(message, name, None)
    return UNKNOWN if value is None or value == unknown else whole(value, scale)


def encode_extract(extract: Extract) -> Iterator[bytes]:
    """The bytes of the module's layout in parts, so that large columns are not held twice."""
    yield b"".join(
        [
            _TAG,
            u8(extract.source_format),
            u8(extract.time_source),
            u16(extract.vehicle_type),
            u64(extract.messages),
            _counts(extract.removed),
            _counts(extract.findings),
            u16(len(extract.centres)),
            *(struct.pack(">ii", lat, lon) for lat, lon in extract.centres),
            u8(len(extract.tables)),
        ]
    )
    for table, rows in extract.tables.items():
        yield u8(table) + u32(len(rows))
        for column in rows.columns:
            yield column.tobytes()
    yield _END


def _counts(counts: dict[Removed, int] | dict[Finding, int]) -> bytes:
    return u8(len(counts)) + b"".join(u8(key) + u64(count) for key, count in counts.items())


def parse_extract(encoded: bytes, *, max_rows: int) -> Extract:
    """The extract of exactly these bytes; `max_rows` bounds every table. `CallerError("log-unreadable")` otherwise."""
    reader = Reader(encoded, "extract")
    try:
        reader.tag(_TAG)
        extract = Extract(SourceFormat(reader.u8("format")), TimeSource(reader.u8("time_source")))
        extract.vehicle_type = reader.u16("vehicle_type")
        extract.messages = reader.u64("messages")
        for _ in range(reader.u8("removed")):
            extract.remove(Removed(reader.u8("removed")), reader.u64("removed count"))
        for _ in range(reader.u8("findings")):
            extract.find(Finding(reader.u8("finding")), reader.u64("finding count"))
        centres = reader.u16("centres")
        points = struct.Struct(">ii").iter_unpack(reader.take(centres * 8, "centres"))
        extract.centres = [(lat, lon) for lat, lon in points]
        if reader.u8("tables") != len(Table):
            raise reader.refuse("tables", "every table once")
        for expected in Table:
            if reader.u8("table") != expected:
                raise reader.refuse("table", "every table in order")
            _parse_table(reader, extract.tables[expected], max_rows)
        reader.tag(_END)
        reader.done()
    except (Refused, ValueError) as error:
        raise CallerError("log-unreadable", "the reading process did not hand back a whole result") from error
    return extract


def _parse_table(reader: Reader, rows: Rows, max_rows: int) -> None:
    count = reader.u32("rows")
    if count > max_rows:
        raise reader.refuse("rows", f"at most {max_rows}")
    for column in rows.columns:
        column.frombytes(reader.take(count * 8, "column"))
