"""Laws of a portion's fields: what each refuses, what its builder says, what it prints."""

from __future__ import annotations

from typing import Any

import pytest
from sluice.v1.portion_pb2 import LANGUAGE_EN, LANGUAGE_UK, RecordName, Text
from sluice.v1.tactic_pb2 import (
    AltitudeBand,
    EvidenceRecord,
    TacticAbout,
    TacticConditions,
    TacticEvidence,
    TacticNarrative,
    TacticUnit,
)
from sluice.v1.telemetry_pb2 import TelemetryAbout, TelemetryLink, TelemetryPositionCoarse, TelemetryUnit

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import check_portion, parse_portion, portion_texts, portion_to_json, tactic, telemetry
from gateway.core.suite.numbers import Schema
from tests.unit.kinds import given

TELEMETRY, TACTIC = Schema.TELEMETRY_1, Schema.TACTIC_1
SIDC = "10030100001103000000"
EVIDENCE = RecordName(batch=b"\xab" * 48, idx=7)
DIGEST = b"\xcd" * 48


def a_tactic_about(**changed: Any) -> TacticAbout:
    """A tactic's `about` that is right but for `changed`."""
    values: dict[str, Any] = {
        "title": Text(en="Title"),
        "status": 1,
        "valid_from_ms": 1_793_491_200_000,
        "source_reliability": 2,
        "info_credibility": 2,
        "lang": [LANGUAGE_EN],
    }
    return TacticAbout(**values | changed)


def a_telemetry_about(**changed: Any) -> TelemetryAbout:
    """A segment's `about` that is right but for `changed`."""
    values: dict[str, Any] = {"rows": 1, "platform_class": 1, "sidc": SIDC, "source_format": 2, "time_source": 1}
    return TelemetryAbout(**values | changed)


def evidence(*records: EvidenceRecord, **counts: int) -> TacticEvidence:
    """Evidence of these records and counts."""
    return TacticEvidence(records=records, **counts)


def named(idx: int) -> EvidenceRecord:
    """A record of the batch above."""
    return EvidenceRecord(record=RecordName(batch=b"\xab" * 48, idx=idx), digest=DIGEST)


def coarse(**changed: Any) -> TelemetryPositionCoarse:
    """A coarse track of one minute that is right but for `changed`."""
    values: dict[str, Any] = {"rows": 1, "t_s": (120).to_bytes(4, "little"), "mgrs_1km": ["36UUA2391"]}
    return TelemetryPositionCoarse(**values | changed)


WRONG = {
    "rows beyond the cap": (TELEMETRY, 0, a_telemetry_about(rows=4097), "range", "about.rows"),
    "a time beyond 2100": (TELEMETRY, 0, a_telemetry_about(t1_ms=4_102_444_800_001), "range", "about.t1_ms"),
    "no platform class": (TELEMETRY, 0, a_telemetry_about(platform_class=0), "schema", "about.platform_class"),
    "an unlisted class": (TELEMETRY, 0, a_telemetry_about(platform_class=6), "schema", "about.platform_class"),
    "no symbol": (TELEMETRY, 0, a_telemetry_about(sidc=""), "schema", "about.sidc"),
    "a symbol of 19 digits": (TELEMETRY, 0, a_telemetry_about(sidc=SIDC[1:]), "schema", "about.sidc"),
    "a design that is no identifier": (TELEMETRY, 0, a_telemetry_about(design_id="FPV 7"), "schema", "about.design_id"),
    "an area that is no square": (
        TELEMETRY,
        0,
        a_telemetry_about(area_mgrs100k="Kyiv"),
        "schema",
        "about.area_mgrs100k",
    ),
    "a list out of order": (TELEMETRY, 0, a_telemetry_about(dropped=[2, 1]), "schema", "about.dropped"),
    "a list with a repeat": (TELEMETRY, 0, a_telemetry_about(dropped=[1, 1]), "schema", "about.dropped"),
    "an unlisted value in a list": (TELEMETRY, 0, a_telemetry_about(dropped=[1, 8]), "schema", "about.dropped"),
    "an unspecified value in a list": (TELEMETRY, 0, a_telemetry_about(dropped=[0]), "schema", "about.dropped"),
    "a column portion without rows": (TELEMETRY, 5, TelemetryLink(t_ms=b"\0\0\0\0"), "range", "link.rows"),
    "a band of no radio": (
        TELEMETRY,
        5,
        TelemetryLink(rows=1, t_ms=bytes(4), band_mhz=300_001),
        "range",
        "link.band_mhz",
    ),
    "a hidden character": (TELEMETRY, 7, TelemetryUnit(callsign="a\u200bb"), "text", "unit.callsign"),
    "a text too long": (TELEMETRY, 7, TelemetryUnit(tail="a" * 129), "text", "unit.tail"),
    "a unit that says nothing": (TELEMETRY, 7, TelemetryUnit(), "schema", "unit"),
    "half a minute": (TELEMETRY, 2, coarse(t_s=(150).to_bytes(4, "little")), "range", "position_coarse.t_s"),
    "an unknown minute": (TELEMETRY, 2, coarse(t_s=b"\0\0\0\x80"), "range", "position_coarse.t_s"),
    "a minute twice": (
        TELEMETRY,
        2,
        coarse(rows=2, t_s=bytes(8), mgrs_1km=["36UUA2391"] * 2),
        "range",
        "position_coarse.t_s",
    ),
    "a minute without a square": (TELEMETRY, 2, coarse(mgrs_1km=[]), "schema", "position_coarse.mgrs_1km"),
    "a square too fine": (TELEMETRY, 2, coarse(mgrs_1km=["36UUA239491"]), "text", "position_coarse.mgrs_1km"),
    "a place that is no square": (TELEMETRY, 2, coarse(mgrs_1km=["Kyiv"]), "schema", "position_coarse.mgrs_1km"),
    "too many squares": (
        TELEMETRY,
        2,
        coarse(mgrs_1km=["36UUA2391"] * 4097),
        "schema",
        "position_coarse.mgrs_1km",
    ),
    "no title": (TACTIC, 0, a_tactic_about(title=None), "schema", "about.title"),
    "a title without words": (TACTIC, 0, a_tactic_about(title=Text()), "schema", "about.title"),
    "a title of two lines": (TACTIC, 0, a_tactic_about(title=Text(en="a\nb")), "text", "about.title.en"),
    "a topic in capitals": (TACTIC, 0, a_tactic_about(topic=["EW"]), "schema", "about.topic"),
    "topics out of order": (TACTIC, 0, a_tactic_about(topic=["fpv", "ew"]), "schema", "about.topic"),
    "too many topics": (TACTIC, 0, a_tactic_about(topic=[f"t{i:02}" for i in range(17)]), "schema", "about.topic"),
    "no languages": (TACTIC, 0, a_tactic_about(lang=[]), "schema", "about.lang"),
    "an end before the beginning": (
        TACTIC,
        0,
        a_tactic_about(valid_until_ms=1_793_491_200_000),
        "range",
        "about.valid_until_ms",
    ),
    "no credibility": (TACTIC, 0, a_tactic_about(info_credibility=0), "range", "about.info_credibility"),
    "a record name cut short": (
        TACTIC,
        0,
        a_tactic_about(supersedes=RecordName(batch=b"\xab" * 47)),
        "schema",
        "about.supersedes.batch",
    ),
    "a record beyond a batch": (
        TACTIC,
        0,
        a_tactic_about(supersedes=RecordName(batch=b"\xab" * 48, idx=256)),
        "range",
        "about.supersedes.idx",
    ),
    "conditions that say nothing": (TACTIC, 1, TacticConditions(), "schema", "conditions"),
    "a band upside down": (
        TACTIC,
        1,
        TacticConditions(altitude_m=AltitudeBand(low_m=9, high_m=9)),
        "range",
        "conditions.altitude_m",
    ),
    "an empty band": (TACTIC, 1, TacticConditions(altitude_m=AltitudeBand()), "range", "conditions.altitude_m"),
    "a counter-indication without words": (
        TACTIC,
        1,
        TacticConditions(counter_indications=[Text(uk="а"), Text()]),
        "schema",
        "conditions.counter_indications[1]",
    ),
    "too many counter-indications": (
        TACTIC,
        1,
        TacticConditions(counter_indications=[Text(uk="а")] * 17),
        "schema",
        "conditions.counter_indications",
    ),
    "a narrative without words": (TACTIC, 2, TacticNarrative(), "schema", "observation.text"),
    "a narrative too long": (
        TACTIC,
        5,
        TacticNarrative(text=Text(en="a" * 16_385)),
        "text",
        "recommendation.text.en",
    ),
    "a translation of nothing": (
        TACTIC,
        3,
        TacticNarrative(text=Text(en="a"), machine_translated=True),
        "schema",
        "discussion.machine_translated",
    ),
    "evidence of nothing": (TACTIC, 6, evidence(), "schema", "evidence"),
    "more successes than trials": (TACTIC, 6, evidence(trials=1, successes=2), "range", "evidence.successes"),
    "evidence without a name": (
        TACTIC,
        6,
        evidence(EvidenceRecord(digest=DIGEST)),
        "schema",
        "evidence.records[0].record",
    ),
    "evidence without a digest": (
        TACTIC,
        6,
        evidence(EvidenceRecord(record=EVIDENCE)),
        "schema",
        "evidence.records[0].digest",
    ),
    "evidence out of order": (TACTIC, 6, evidence(named(8), named(7)), "schema", "evidence.records"),
    "evidence twice": (TACTIC, 6, evidence(named(7), named(7)), "schema", "evidence.records"),
    "evidence beyond counting": (
        TACTIC,
        6,
        evidence(*(named(index % 256) for index in range(257))),
        "schema",
        "evidence.records",
    ),
    "nobody": (TACTIC, 7, TacticUnit(), "schema", "unit"),
}


@pytest.mark.must("8.5.1")
@pytest.mark.parametrize("what", WRONG)
def test_a_message_that_breaks_its_table_is_refused_by_name(what: str) -> None:
    """The source must hear which field to mend, and a partner must know it was not read."""
    schema, slot, message, code, at = WRONG[what]

    with pytest.raises(Refused) as refused:
        check_portion(schema, slot, message)

    assert (refused.value.code, refused.value.at) == (code, at)


@pytest.mark.parametrize("slot", range(8))
def test_a_whole_segment_and_a_whole_tactic_pass(slot: int) -> None:
    """The tables above differ from these in one place each."""
    for schema, record in ((TELEMETRY, given.segment()), (TACTIC, given.lesson())):
        if slot in record:
            check_portion(schema, slot, record[slot])


WRONG_VALUES: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "a key nobody knows": (telemetry.KIND.portions[7], {"call_sign": "a"}, "unknown-key", "unit.call_sign"),
    "a number as text": (telemetry.KIND.portions[5], {"t_ms": [0], "band_mhz": "433"}, "wrong-type", "link.band_mhz"),
    "a number as truth": (telemetry.KIND.portions[5], {"t_ms": [0], "band_mhz": True}, "wrong-type", "link.band_mhz"),
    "a number too large": (telemetry.KIND.portions[5], {"t_ms": [0], "band_mhz": 10**9}, "range", "link.band_mhz"),
    "columns of two lengths": (telemetry.KIND.portions[5], {"t_ms": [0, 1], "rssi": [1]}, "rows-differ", "link"),
    "no columns": (telemetry.KIND.portions[5], {"device": "SiK"}, "rows-differ", "link"),
    "no times": (telemetry.KIND.portions[5], {"rssi": [1]}, "schema", "link.t_ms"),
    "rows beyond the cap": (telemetry.KIND.portions[5], {"t_ms": range(4097)}, "range", "link.rows"),
    "a text as number": (telemetry.KIND.portions[7], {"callsign": 3}, "wrong-type", "unit.callsign"),
    "half a character": (telemetry.KIND.portions[7], {"callsign": "\ud800"}, "wrong-type", "unit.callsign"),
    "a value nobody knows": (
        telemetry.KIND.portions[0],
        {"platform_class": "BALLOON"},
        "unknown-value",
        "about.platform_class",
    ),
    "the value that means none": (
        telemetry.KIND.portions[0],
        {"platform_class": "UNSPECIFIED"},
        "unknown-value",
        "about.platform_class",
    ),
    "a list as text": (telemetry.KIND.portions[0], {"dropped": "HOME"}, "wrong-type", "about.dropped"),
    "topics as numbers": (tactic.KIND.portions[0], {"topic": [1]}, "wrong-type", "about.topic"),
    "a part as text": (tactic.KIND.portions[0], {"title": "Title"}, "wrong-type", "about.title"),
    "a key nobody knows inside a part": (
        tactic.KIND.portions[0],
        {"title": {"de": "a"}},
        "unknown-key",
        "about.title.de",
    ),
    "parts as texts": (
        tactic.KIND.portions[1],
        {"counter_indications": ["a"]},
        "wrong-type",
        "conditions.counter_indications",
    ),
    "a flag as number": (
        tactic.KIND.portions[2],
        {"machine_translated": 1},
        "wrong-type",
        "observation.machine_translated",
    ),
    "a digest that is no hex": (
        tactic.KIND.portions[6],
        {"records": [{"digest": "xy"}]},
        "wrong-type",
        "evidence.records[0].digest",
    ),
    "a digest as number": (
        tactic.KIND.portions[6],
        {"records": [{"digest": 5}]},
        "wrong-type",
        "evidence.records[0].digest",
    ),
}


@pytest.mark.parametrize("what", WRONG_VALUES)
def test_a_builder_names_the_value_it_cannot_take(what: str) -> None:
    """An author or a log reader can mend what is named."""
    portion, values, code, at = WRONG_VALUES[what]

    with pytest.raises(CallerError) as wrong:
        portion.build(values)

    assert (wrong.value.code, wrong.value.at) == (code, at)


def test_a_builder_puts_lists_in_order_and_texts_in_form() -> None:
    """There is one encoding, so nobody has to know the order to write a tactic."""
    content = tactic.KIND.portions[6].build({"records": [_entry(8), _entry(7)], "trials": 0})
    evidence_message = parse_portion(TACTIC, 6, content)
    unit = parse_portion(TELEMETRY, 7, telemetry.unit(callsign="  И\u0306од "))
    about = parse_portion(TELEMETRY, 0, given.about(dropped=["MISSION", "HOME", "HOME"]))

    assert [item.record.idx for item in evidence_message.records] == [7, 8]
    assert unit.callsign == "Йод"
    assert portion_to_json(TELEMETRY, 0, about)["dropped"] == ["HOME", "MISSION"]


def _entry(idx: int) -> dict[str, object]:
    return {"record": {"batch": b"\xab" * 48, "idx": idx}, "digest": given.LEAF}


def test_a_segment_prints_as_lists_with_null_for_unknown() -> None:
    """What a partner's analyst reads: names with units, times beside values."""
    printed = {slot: portion_to_json(TELEMETRY, slot, message) for slot, message in given.segment().items()}

    assert printed[0] == {
        "rows": 3,
        "t0_ms": 1_779_998_400_000,
        "t1_ms": 1_780_002_000_000,
        "platform_class": "MULTIROTOR",
        "sidc": "10030100000000000000",
        "area_mgrs100k": "36UUA",
        "source_format": "DATAFLASH",
        "time_source": "GNSS",
    }
    assert printed[1] == {
        "rows": 3,
        "t0_us": given.T0_US,
        "t_ms": [0, 100, 65_000],
        "lat_e7": [504_500_000, None, 504_500_050],
        "lon_e7": [305_200_000, None, 305_200_000],
    }
    assert printed[2] == {"rows": 2, "t_s": [1_779_999_960, 1_780_000_020], "mgrs_1km": ["36UUA2391", "36UUA2391"]}
    assert printed[3]["course_cdeg"] == [0, 35_999, None]
    assert printed[4] == {"rows": 2, "t_ms": [0, 100], "mode": ["MISSION", None], "armed": [True, False]}
    assert printed[5] == {"rows": 1, "t_ms": [0], "device": "SiK 433", "rssi": [200]}
    assert printed[6]["jamming_state"] == ["OK", None, "DETECTED"]
    assert printed[7] == {"callsign": "Шуліка-3"}


def test_a_tactic_prints_as_its_tables() -> None:
    """The same names the author wrote, with times in milliseconds."""
    printed = {slot: portion_to_json(TACTIC, slot, message) for slot, message in given.lesson().items()}

    assert printed[0] == {
        "title": {"uk": "Обхід завад", "en": "Flying round jamming"},
        "topic": ["ew", "fpv"],
        "platform_class": ["MULTIROTOR"],
        "status": "VALIDATED",
        "valid_from_ms": 1_793_491_200_000,
        "source_reliability": "B",
        "info_credibility": 2,
        "lang": ["UK", "EN"],
    }
    assert printed[1] == {"ew": ["GNSS_JAMMING"], "altitude_m": {"low_m": 40, "high_m": 120}}
    assert printed[2] == {"text": {"uk": "Перше.\nДруге.", "en": "One.\nTwo."}, "machine_translated": True}
    assert printed[6] == {
        "records": [{"record": {"batch": given.BATCH, "idx": 7}, "digest": given.LEAF}],
        "sample_count": 0,
        "successes": 31,
        "trials": 40,
    }
    assert printed[7] == {"originator": "47 омбр"}


def test_a_code_nobody_listed_prints_as_its_number() -> None:
    """Printing comes after checking, but a log of a refused record must not fail on it."""
    message = telemetry.telemetry_pb2.TelemetryGnss(rows=1, t_ms=bytes(4), fix_type=b"\x63")

    assert portion_to_json(TELEMETRY, 6, message)["fix_type"] == [99]


def test_texts_are_what_people_wrote_and_nothing_else() -> None:
    """Markings are looked for in words, not in codes and squares."""
    counter = {"ew": ["NONE"], "counter_indications": [{"uk": "Ні"}, {"uk": "Так", "en": "Yes"}]}
    texts = {slot: portion_texts(TACTIC, slot, message) for slot, message in given.lesson(conditions=counter).items()}

    assert texts[0] == [("about.title.uk", "Обхід завад"), ("about.title.en", "Flying round jamming")]
    assert texts[1] == [
        ("conditions.counter_indications[0].uk", "Ні"),
        ("conditions.counter_indications[1].uk", "Так"),
        ("conditions.counter_indications[1].en", "Yes"),
    ]
    assert texts[2] == [("observation.text.uk", "Перше.\nДруге."), ("observation.text.en", "One.\nTwo.")]
    assert texts[6] == []
    assert portion_texts(TELEMETRY, 0, given.segment()[0]) == []
    assert portion_texts(TELEMETRY, 5, given.segment()[5]) == [("link.device", "SiK 433")]
    assert portion_texts(TACTIC, 2, TacticNarrative()) == []


def test_language_numbers_are_the_ones_of_the_contract() -> None:
    """`lang` is signed: a renumbering would turn one language into the other."""
    assert (LANGUAGE_UK, LANGUAGE_EN) == (1, 2)
