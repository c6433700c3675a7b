"""Parsers of what stands in a portion: every message of every kind, and a tactic as a person writes it."""

from __future__ import annotations

import tomllib
from functools import partial

from google.protobuf.message import Message

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import (
    canonical,
    check_portion,
    check_record,
    parse_portion,
    portion_texts,
    portion_to_json,
)
from gateway.core.kinds.columns import unpack
from gateway.core.kinds.markings import markings_in
from gateway.core.kinds.ranges import check_ranges
from gateway.core.kinds.registry import design_of
from gateway.core.kinds.tactic import from_mapping
from gateway.core.kinds.text import check_text
from gateway.core.suite.numbers import RefusalCode, Schema
from tests.fuzz.engine import BrokenLawError, Subject
from tests.fuzz.mutation_messages import Messages
from tests.fuzz.mutation_texts import Text
from tests.fuzz.subject import Entry, octets_of, worded
from tests.unit.kinds.given import lesson, segment

WHOLE: dict[int, dict[int, Message]] = {Schema.TELEMETRY_1: segment(), Schema.TACTIC_1: lesson()}
# A refusal of a record goes into its source's account, which has a number for each of these and for no other.
NUMBERED = {code.name.lower().replace("_", "-") for code in RefusalCode}
TACTIC = """
[about]
title = { uk = "Обхід глушіння GNSS", en = "Flying around GNSS jamming" }
topic = ["ew"]
platform_class = ["MULTIROTOR"]
status = "VALIDATED"
valid_from = 2026-11-01
valid_until = 2027-01-01
source_reliability = "B"
info_credibility = 2
[conditions]
ew = ["GNSS_JAMMING"]
altitude_m = { low_m = 10, high_m = 120 }
counter_indications = [{ uk = "туман", en = "fog" }]
[observation]
uk = "Перший рядок\\nдругий рядок"
en = "First line\\nsecond line"
[evidence]
sample_count = 4096
trials = 12
successes = 9
[unit]
originator = "SIMULATED UNIT 404"
"""


def alone(schema: int, octets: bytes) -> Message:
    """One portion judged without the record it stands in."""
    if not octets:
        raise Refused("schema", "a slot goes before the content")
    message = parse_portion(schema, octets[0], octets[1:])
    check_portion(schema, octets[0], message)
    check_ranges(schema, octets[0], message)
    return message


def _contents(schema: int) -> tuple[bytes, ...]:
    return tuple(bytes((slot,)) + canonical.encode(message) for slot, message in WHOLE[schema].items())


def _portion(schema: int, octets: bytes) -> Message:
    """Everything inspection does with one portion, and with a record that has it."""
    if not octets:
        raise Refused("schema", "a slot goes before the content")
    slot = octets[0]
    try:
        message = parse_portion(schema, slot, octets[1:])
        check_portion(schema, slot, message)
        check_ranges(schema, slot, message)
        for _, words in portion_texts(schema, slot, message):
            markings_in(words)
        portion_to_json(schema, slot, message)
        check_record(schema, WHOLE[schema] | {slot: message})
    except Refused as refusal:
        if refusal.code not in NUMBERED:
            raise BrokenLawError(f"no number says `{refusal.code}` in an account") from refusal
        raise
    return message


def _portion_subject(schema: int) -> Subject:
    return Subject(
        _contents(schema),
        partial(_portion, schema),
        lambda message, octets: octets[:1] + canonical.encode(message),
        grammar=Messages,
    )


def _design(octets: bytes) -> str:
    return design_of(Schema.TELEMETRY_1, octets[1:])


def _tactic(octets: bytes) -> dict[int, bytes]:
    try:
        mapping = tomllib.loads(octets.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CallerError("tactic-unreadable", "what is no TOML never comes this far") from error
    return from_mapping(mapping)


def _column(octets: bytes) -> list[int | None]:
    width = (1, 2, 4)[octets[0] % 3]
    whole = len(octets[1:]) // width * width
    return unpack(-5, octets[1 : 1 + whole], width)


def _text(octets: bytes) -> str:
    words = worded(octets)
    check_text(words, 512, "text", lines=True)
    markings_in(words)
    return words


SUBJECTS: dict[str, Entry] = {
    "telemetry portion": Entry((parse_portion, canonical.parse), lambda: _portion_subject(Schema.TELEMETRY_1)),
    "tactic portion": Entry((parse_portion, canonical.parse), lambda: _portion_subject(Schema.TACTIC_1)),
    "design of a record": Entry(
        (design_of, canonical.read), lambda: Subject(_contents(Schema.TELEMETRY_1)[:1], _design, grammar=Messages)
    ),
    "tactic tables": Entry((from_mapping,), lambda: Subject((TACTIC.encode(),), _tactic, grammar=Text)),
    "text of a portion": Entry(
        (check_text, markings_in),
        lambda: Subject(
            ("Політ за маршрутом, SECRET // REL USA\n(U) nothing".encode(), b"First line\nsecond"),
            _text,
            lambda words, _: octets_of(words),
            grammar=partial(Text, words=("SECRET", "ЦІЛКОМ ТАЄМНО", "(S)", "NOFORN", "//", "ДСК", "REL TO USA")),
        ),
    ),
}
