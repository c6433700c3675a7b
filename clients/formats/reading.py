"""From a log file to the contents of telemetry records: read in a child, redacted, cut into segments, encoded.

    reading = read_log(path, redaction="field", guide_step_ms=3_600_000)
    for contents in reading.records:       # slot -> canonical bytes, ready to be labelled and signed
        …

Nothing here labels or signs. What a log says about people and units never enters a record: `unit` comes from the
caller. A log that is whole gives a reading without notes; one that is damaged gives what can be proven of it and notes
that say what is missing, or a `CallerError`; see `sandbox` for those of reading, and here:

    log-format-unknown   the name ends neither in .tlog nor in .bin
    log-too-large        more than 10,000 records
    log-empty            no row of any portion in it
    platform-unknown     the log does not say what kind of vehicle it is, and neither does the caller
    redaction-unknown, guide-step, max-rows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from clients.formats.extract import Extract, Finding, SourceFormat, Table, TimeSource
from clients.formats.platforms import PLATFORM_CLASSES
from clients.formats.platforms import platform_class as class_of
from clients.formats.redaction import DropReport, Profile, profile_named, redact
from clients.formats.sandbox import Limits, extract_in_child
from clients.formats.segments import SLOTS, Segment, forget_impossible_values, portions_of, put_in_order, split
from gateway.core.errors import CallerError
from gateway.core.kinds import sidc, telemetry
from gateway.core.kinds.track import rounded
from gateway.core.suite.numbers import MAX_ROWS, DataMode

MAX_RECORDS = 10_000
NOTHING_LEFT = "whole flight lies within 2,000 m of take-off"
_SUFFIXES = {".tlog": SourceFormat.MAVLINK_TLOG, ".bin": SourceFormat.DATAFLASH_BIN}
_FORMAT_NAMES = {SourceFormat.MAVLINK_TLOG: "MAVLINK", SourceFormat.DATAFLASH_BIN: "DATAFLASH"}
_UNREADABLE = {Finding.TRUNCATED, Finding.DAMAGED}
_NOTES = {
    Finding.TRUNCATED: ("log-truncated", "the last {} bytes of the log are no whole message"),
    Finding.DAMAGED: ("log-damaged", "{} bytes between messages are damaged and left out"),
    Finding.OTHER_VEHICLES: ("other-vehicles", "{} rows of other vehicles in the same log are left out"),
}
_NO_FIX = "the log has no position fix, so nothing in it is proven to lie away from take-off"
# The units of a radio's numbers are those of the message that carries them: a log does not name the radio.
_DEVICES = {SourceFormat.MAVLINK_TLOG: "MAVLink RADIO_STATUS", SourceFormat.DATAFLASH_BIN: "ArduPilot RAD"}


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about a reading that succeeded."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"note[{self.code}]: {self.message}"


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What the unit says about itself; every field empty means no `unit` portion. Never read from a log."""

    unit_name: str = ""
    callsign: str = ""
    serial: str = ""
    tail: str = ""
    mission_ref: str = ""
    operator_ref: str = ""


@dataclass(frozen=True, slots=True)
class LogReading:
    """What a log became.

    records: contents by slot, in the order of time. samples: rows of all portions of all records, `rows` by portion.
    messages: how many the log holds. start_ms, end_ms: UTC milliseconds of the first and last row left, for the person
    at the source's own screen; the records carry rounded times. Both are 0 if nothing is left.
    """

    records: list[dict[int, bytes]]
    samples: int
    rows: Mapping[str, int]
    notes: list[Note]
    report: DropReport
    source_format: str
    time_source: str
    platform_class: str
    messages: int
    start_ms: int
    end_ms: int


def read_log(
    path: Path,
    *,
    redaction: str,
    guide_step_ms: int,
    limits: Limits | None = None,
    max_rows: int = MAX_ROWS,
    design_id: str | None = None,
    unit: UnitFacts | None = None,
    platform_class: str | None = None,
    data_mode: DataMode = DataMode.REAL,
) -> LogReading:
    """The records of the log at `path`; blocks for about 0.1 ms a message while a child process reads.

    redaction: `field` or `range`. guide_step_ms: the guide's coarse step, to which the times of `about` are rounded.
    max_rows: rows of a portion at which a segment closes. platform_class: overrides what the log says. data_mode: the
    context of the symbol code.
    """
    profile = profile_named(redaction)
    if not 1 <= guide_step_ms <= telemetry.DAY_MS:
        raise CallerError("guide-step", f"the guide's step must be 1 to {telemetry.DAY_MS} ms", at="guide_step_ms")
    if not 1 <= max_rows <= MAX_ROWS:
        raise CallerError("max-rows", f"a segment has 1 to {MAX_ROWS} rows, {max_rows} came", at="max_rows")
    source_format = _SUFFIXES.get(path.suffix.lower())
    if source_format is None:
        raise CallerError("log-format-unknown", "a log's name ends in .tlog or .bin", at=path.name)
    extract = extract_in_child(path, source_format, limits or Limits())
    return build_reading(
        extract,
        at=path.name,
        profile=profile,
        guide_step_ms=guide_step_ms,
        max_rows=max_rows,
        design_id=design_id,
        unit=unit,
        platform_class=platform_class,
        data_mode=data_mode,
    )


def build_reading(
    extract: Extract,
    *,
    at: str,
    profile: Profile,
    guide_step_ms: int,
    max_rows: int,
    design_id: str | None,
    unit: UnitFacts | None,
    platform_class: str | None,
    data_mode: DataMode,
) -> LogReading:
    """The reading of what a child handed back; `extract` is consumed. The trusted half of `read_log`."""
    notes = [
        *_findings(extract),
        *_counted("times-implausible", "{} rows bear a time that cannot be and are left out", put_in_order(extract)),
        *_counted("values-out-of-range", "{} values out of range are unknown", forget_impossible_values(extract)),
    ]
    if not any(len(rows) for rows in extract.tables.values()):
        raise CallerError("log-empty", f"the log holds {extract.messages:,} messages and no telemetry", at=at)
    has_fix = len(extract.tables[Table.TRACK]) > 0
    report = redact(extract, profile)
    segments = list(islice(split(extract.tables, max_rows), MAX_RECORDS + 1))
    if len(segments) > MAX_RECORDS:
        raise CallerError("log-too-large", f"a log gives at most {MAX_RECORDS} records, more came", at=at)
    vehicle = platform_class or class_of(extract.vehicle_type)
    if not segments:
        notes.append(Note("nothing-left", NOTHING_LEFT) if has_fix else Note("no-position-fix", _NO_FIX))
    elif not vehicle:
        raise CallerError(
            "platform-unknown",
            "the log does not say what kind of vehicle it is, and neither did the caller",
            at=at,
            do=f"add `--platform CLASS`: {', '.join(PLATFORM_CLASSES)}",
        )
    unreadable = _UNREADABLE & extract.findings.keys()
    fixed: dict[str, object] = {
        "platform_class": vehicle,
        "source_format": _FORMAT_NAMES[extract.source_format],
        "time_source": extract.time_source.name,
        "design_id": design_id or "",
        "dropped": [*report.dropped, "UNREADABLE"] if unreadable else report.dropped,
    }
    if segments:
        fixed["sidc"] = sidc.symbol(vehicle, data_mode)
    unit_content = telemetry.unit(**asdict(unit)) if unit is not None and any(asdict(unit).values()) else None
    records = []
    for segment in segments:
        contents = portions_of(extract.tables, segment, _DEVICES[extract.source_format])
        if unit_content is not None:
            contents[telemetry.UNIT] = unit_content
        contents[telemetry.ABOUT] = _about(segment, contents, guide_step_ms, fixed)
        records.append(dict(sorted(contents.items())))
    return LogReading(
        records=records,
        samples=sum(segment.samples for segment in segments),
        rows={telemetry.KIND.slots[slot]: len(extract.tables[table]) for table, slot in SLOTS.items()},
        notes=notes,
        report=report,
        source_format=_FORMAT_NAMES[extract.source_format],
        time_source=extract.time_source.name,
        platform_class=vehicle,
        messages=extract.messages,
        start_ms=segments[0].start_us // 1000 if segments else 0,
        end_ms=segments[-1].last_us // 1000 if segments else 0,
    )


def _about(segment: Segment, contents: Mapping[int, bytes], step_ms: int, fixed: Mapping[str, object]) -> bytes:
    last_ms = (segment.last_us - segment.start_us) // 1000
    t0_ms, t1_ms = rounded(segment.start_us, last_ms, step_ms)
    values = {
        **fixed,
        "rows": segment.rows,
        "t0_ms": t0_ms,
        "t1_ms": t1_ms,
        "area_mgrs100k": telemetry.area(contents[telemetry.POSITION]) if telemetry.POSITION in contents else "",
    }
    return telemetry.KIND.portions[telemetry.ABOUT].build(values)


def _counted(code: str, message: str, count: int) -> list[Note]:
    return [Note(code, message.format(f"{count:,}"))] if count else []


def _findings(extract: Extract) -> list[Note]:
    notes = []
    for finding, (code, message) in _NOTES.items():
        notes += _counted(code, message, extract.findings.get(finding, 0))
    if extract.time_source is TimeSource.RTC:
        notes.append(Note("time-from-recorder", "without satellite time, times are those of the recording computer"))
    if extract.time_source is TimeSource.LOG_BOOT:
        notes.append(Note("time-since-boot", "without satellite time, times count from the vehicle's boot"))
    return notes
