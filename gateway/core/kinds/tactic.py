"""Kind `tactic`: a lesson as observation, discussion, conclusion and recommendation; its table, laws and builder.

A source writes it as TOML, one table a portion; `from_mapping` takes the parsed text:

    [about]
    title = { uk = "…", en = "…" }
    topic = ["ew", "fpv"]
    platform_class = ["MULTIROTOR"]
    status = "VALIDATED"
    valid_from = 2026-11-01                 # a day or an instant with its zone
    valid_until = 2027-06-30                # the end of that day
    source_reliability = "B"
    info_credibility = 2
    [conditions]
    ew = ["GNSS_JAMMING"]
    altitude_m = { low_m = 40, high_m = 120 }
    counter_indications = [{ uk = "…", en = "…" }]
    [observation]                           # discussion, conclusion, recommendation alike
    uk = "…"
    en = "…"
    machine_translated = true
    [evidence]
    records = [{ record = "<96 hex digits of H(B)>.<idx>", digest = "<96 hex digits of L>" }]
    trials = 40
    successes = 31
    [unit]
    originator = "…"

Unknown keys are errors that name the key. `lang` is counted from the texts. A signed record cannot become superseded:
its successor names it in `supersedes`. Source: SPEC.md section 8; protos/sluice/v1/tactic.proto.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import cast

from google.protobuf.message import Message
from sluice.v1 import portion_pb2, tactic_pb2

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import canonical
from gateway.core.kinds.fields import Choice, Choices, Flag, Line, Lines, Number, Octets
from gateway.core.kinds.parts import Part, Parts
from gateway.core.kinds.shape import YEAR_2000_MS, YEAR_2100_MS, Kind, Portion, says_something
from gateway.core.suite.numbers import HASH_BYTES, MAX_BATCH_RECORDS, RecordKind, Schema

ABOUT, CONDITIONS, OBSERVATION, DISCUSSION, CONCLUSION, RECOMMENDATION, EVIDENCE, UNIT = range(8)
_NARRATIVES = ("observation", "discussion", "conclusion", "recommendation")
_NARRATIVE_BYTES = 16 * 1024
_TOPIC = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_RECORD = re.compile(r"([0-9a-f]{96})\.([0-9]{1,3})")
_COUNTS = (0, 2_147_483_647)
_DAY_MS = 24 * 3_600_000


def _is_topic(text: str) -> bool:
    return _TOPIC.fullmatch(text) is not None


def _has_words(message: Message, at: str) -> None:
    text = cast("portion_pb2.Text", message)
    if not (text.uk or text.en):
        raise Refused("schema", "a text must be there in one language at least, nothing came", at=at)


def _band_rises(message: Message, at: str) -> None:
    band = cast("tactic_pb2.AltitudeBand", message)
    if band.low_m >= band.high_m:
        raise Refused("range", "`low_m` must be below `high_m`", at=at)


def _times_rise(message: Message, at: str) -> None:
    about = cast("tactic_pb2.TacticAbout", message)
    if about.valid_until_ms and about.valid_until_ms <= about.valid_from_ms:
        raise Refused("range", "`valid_until_ms` must be after `valid_from_ms`", at=f"{at}.valid_until_ms")


def _translation_has_both(message: Message, at: str) -> None:
    narrative = cast("tactic_pb2.TacticNarrative", message)
    if narrative.machine_translated and not (narrative.text.uk and narrative.text.en):
        raise Refused("schema", "a machine translation must stand beside its original", at=f"{at}.machine_translated")


def _evidence_counts(message: Message, at: str) -> None:
    evidence = cast("tactic_pb2.TacticEvidence", message)
    if not (evidence.records or evidence.trials or evidence.sample_count):
        raise Refused("schema", "evidence must name records, trials or samples, nothing came", at=at)
    if evidence.successes > evidence.trials:
        raise Refused("range", "`successes` must not be more than `trials`", at=f"{at}.successes")


def _record_key(message: Message) -> tuple[bytes, int]:
    record = cast("tactic_pb2.EvidenceRecord", message).record
    return record.batch, record.idx


def _languages(max_bytes: int, *, lines: bool = False) -> tuple[Line, ...]:
    return tuple(Line(name, max_bytes, lines=lines) for name in ("uk", "en"))


_RECORD_NAME = (Octets("batch", HASH_BYTES), Number("idx", 0, MAX_BATCH_RECORDS - 1))

_PORTIONS = (
    Portion(
        "about",
        tactic_pb2.TacticAbout,
        (
            Part("title", _languages(256), required=True, law=_has_words),
            Lines("topic", 32, 16, _is_topic, "words of a-z, 0-9 and hyphens", ascending=True),
            Choices("platform_class", portion_pb2.PlatformClass),
            Choice("status", tactic_pb2.TacticStatus),
            Part("supersedes", _RECORD_NAME),
            Number("valid_from_ms", YEAR_2000_MS, YEAR_2100_MS, "UTC ms"),
            Number("valid_until_ms", YEAR_2000_MS, YEAR_2100_MS, "UTC ms", optional=True),
            Choice("source_reliability", tactic_pb2.Reliability),
            Number("info_credibility", 1, 6),
            Choices("lang", portion_pb2.Language, required=True),
        ),
        _times_rise,
    ),
    Portion(
        "conditions",
        tactic_pb2.TacticConditions,
        (
            Choices("ew", tactic_pb2.ElectronicWarfare),
            Choices("weather", tactic_pb2.Weather),
            Choices("terrain", tactic_pb2.Terrain),
            Choices("light", tactic_pb2.Light),
            Part(
                "altitude_m", (Number("low_m", -500, 50_000, "m"), Number("high_m", -500, 50_000, "m")), law=_band_rises
            ),
            Parts("counter_indications", _languages(1024), 16, law=_has_words),
        ),
        says_something,
    ),
    *(
        Portion(
            name,
            tactic_pb2.TacticNarrative,
            (
                Part("text", _languages(_NARRATIVE_BYTES, lines=True), required=True, law=_has_words),
                Flag("machine_translated"),
            ),
            _translation_has_both,
        )
        for name in _NARRATIVES
    ),
    Portion(
        "evidence",
        tactic_pb2.TacticEvidence,
        (
            Parts(
                "records",
                (Part("record", _RECORD_NAME, required=True), Octets("digest", HASH_BYTES)),
                256,
                key=_record_key,
            ),
            Number("sample_count", *_COUNTS),
            Number("successes", *_COUNTS),
            Number("trials", *_COUNTS),
        ),
        _evidence_counts,
    ),
    Portion("unit", tactic_pb2.TacticUnit, (Line("originator", 256), Line("point_of_contact", 256)), says_something),
)


def _texts(slot: int, message: Message) -> list[portion_pb2.Text]:
    if slot == ABOUT:
        return [cast("tactic_pb2.TacticAbout", message).title]
    if slot == CONDITIONS:
        return list(cast("tactic_pb2.TacticConditions", message).counter_indications)
    if OBSERVATION <= slot <= RECOMMENDATION:
        return [cast("tactic_pb2.TacticNarrative", message).text]
    return []


def _law(messages: Mapping[int, Message], time_step_ms: int) -> None:
    """`lang` names the languages of the record's texts, and the title is there in each."""
    about = cast("tactic_pb2.TacticAbout", messages[ABOUT])
    texts = [text for slot, message in messages.items() for text in _texts(slot, message)]
    used = {portion_pb2.LANGUAGE_UK for text in texts if text.uk} | {
        portion_pb2.LANGUAGE_EN for text in texts if text.en
    }
    if used != set(about.lang):
        raise Refused("schema", "`lang` must name the languages of the texts", at="about.lang")
    titles = {portion_pb2.LANGUAGE_UK: about.title.uk, portion_pb2.LANGUAGE_EN: about.title.en}
    if not all(titles[language] for language in used):
        raise Refused("schema", "`title` must be there in every language of `lang`", at="about.title")


KIND = Kind(
    number=RecordKind.TACTIC,
    schema=Schema.TACTIC_1,
    must=1 << ABOUT | 1 << CONDITIONS,
    portions=_PORTIONS,
    not_below=(),
    law=_law,
)


def from_mapping(mapping: Mapping[str, object]) -> dict[int, bytes]:
    """Content by slot of a tactic written as tables, see the module; a portion without a table is not there.

    Raises `CallerError` naming the first key that is unknown, missing or wrong.
    """
    for name in mapping:
        if name not in KIND.slots:
            raise CallerError("unknown-key", f"expected tables {', '.join(KIND.slots)}, another key came", at=name)
    tables = {name: _table(name, mapping[name]) for name in KIND.slots if name in mapping}
    for name in ("about", "conditions"):
        if name not in tables:
            raise CallerError("missing-key", f"every tactic has a table `{name}`, none came", at=name)
    tables["about"] = _about(tables["about"], tables)
    for name in _NARRATIVES:
        if name in tables:
            tables[name] = _narrative(name, tables[name])
    if "evidence" in tables:
        tables["evidence"] = _evidence(tables["evidence"])
    contents = {slot: _PORTIONS[slot].build(tables[name]) for slot, name in enumerate(KIND.slots) if name in tables}
    try:
        _law({slot: canonical.parse(_PORTIONS[slot].message, content, "") for slot, content in contents.items()}, 0)
    except Refused as refusal:
        raise CallerError(refusal.code, refusal.message, at=refusal.at) from refusal
    return contents


def _table(name: str, value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise CallerError("wrong-type", f"`{name}` must be a table", at=name)
    return dict(value)


def _about(table: dict[str, object], tables: Mapping[str, object]) -> dict[str, object]:
    """`about` with its times in milliseconds, its record name as fields, and the languages counted if not given."""
    for key in ("valid_from_ms", "valid_until_ms"):
        if key in table:
            raise CallerError("unknown-key", f"write a date as `{key[:-3]}`, `{key}` came", at=f"about.{key}")
    if "valid_from" in table:
        table["valid_from_ms"] = _instant("valid_from", table.pop("valid_from"), 0)
    if "valid_until" in table:
        table["valid_until_ms"] = _instant("valid_until", table.pop("valid_until"), _DAY_MS)
    if "supersedes" in table:
        table["supersedes"] = _record_name(table["supersedes"], "about.supersedes")
    return {"lang": sorted(_languages_in(tables)), **table}


def _narrative(name: str, table: dict[str, object]) -> dict[str, object]:
    """A narrative with its languages under `text`."""
    if "text" in table:
        raise CallerError("unknown-key", "write the languages as `uk` and `en`, `text` came", at=f"{name}.text")
    text = {key: table.pop(key) for key in ("uk", "en") if key in table}
    return {"text": text, **table}


def _evidence(table: dict[str, object]) -> dict[str, object]:
    """Evidence with its record names as fields."""
    records = table.get("records", [])
    if not isinstance(records, list) or not all(isinstance(item, Mapping) for item in records):
        raise CallerError("wrong-type", "`records` must be a list of tables", at="evidence.records")
    named = [
        {**item, "record": _record_name(item["record"], f"evidence.records[{index}].record")}
        if "record" in item
        else item
        for index, item in enumerate(records)
    ]
    return {**table, "records": named}


def _record_name(value: object, at: str) -> dict[str, object]:
    match = _RECORD.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise CallerError("wrong-type", "a record is named by 96 hex digits, a dot and its index", at=at)
    return {"batch": bytes.fromhex(match[1]), "idx": int(match[2])}


def _instant(name: str, value: object, day_end_ms: int) -> int:
    """UTC milliseconds of an instant with its zone, or of a day; `day_end_ms` later if it is a day."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise CallerError("wrong-type", f"`{name}` must say its zone", at=f"about.{name}")
        moment, later_ms = value, 0
    elif isinstance(value, date):
        moment, later_ms = datetime(value.year, value.month, value.day, tzinfo=UTC), day_end_ms
    else:
        raise CallerError("wrong-type", f"`{name}` must be a date", at=f"about.{name}")
    # The calendar ends with the year 9999; milliseconds do not, so the end of its last day is only out of range.
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) + later_ms


def _languages_in(value: object) -> set[str]:
    """Names of the languages that any table inside has words in."""
    if isinstance(value, Mapping):
        here = {key.upper() for key in ("uk", "en") if value.get(key)}
        return here.union(*(_languages_in(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_languages_in(item) for item in value))
    return set()
