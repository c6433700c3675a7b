"""Laws of the guard at admission: one wrong thing is named by record, slot and code, and nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from google.protobuf.message import Message
from sluice.v1.tactic_pb2 import TacticAbout, TacticNarrative
from sluice.v1.telemetry_pb2 import TelemetryPositionCoarse

from clients.source.batcher import Lane, sign_batch
from clients.source.labelling import Labelling
from gateway.core.control.scope import Scope
from gateway.core.kinds import KINDS, canonical, telemetry
from gateway.core.records.states import RecordInput, parse_stored_batch, verify_batch
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import DataMode, RecordKind, RefusalCode
from gateway.ports.journal import Journal
from gateway.usecases.admit import drain
from gateway.usecases.inspect import inspecting
from gateway.usecases.lanes import KIND_REFUSED, WHOLE_BATCH, WHOLE_RECORD, Refusal, parse_refused_entry
from tests.unit.control.given import signing_key
from tests.unit.kinds import given
from tests.unit.usecases.house import a_house
from tests.unit.usecases.town import Origin, a_record, a_town

SCOPE = Scope.parse("tactic//REAL")
OBSERVATION = KINDS[RecordKind.TACTIC].slots.index("observation")


def portion(record: RecordInput, slot: int, **changed: bytes) -> RecordInput:
    """The record with one portion changed."""
    portions = tuple(replace(one, **changed) if one.slot == slot else one for one in record.portions)
    return replace(record, portions=portions)


def relabelled(slot: int, label: bytes) -> Callable[[RecordInput], RecordInput]:
    """One portion under another label."""
    return lambda record: portion(record, slot, label=label)


def without(slot: int) -> Callable[[RecordInput], RecordInput]:
    """One portion left out."""
    return lambda record: replace(record, portions=tuple(one for one in record.portions if one.slot != slot))


WRONG: list[tuple[str, Callable[[RecordInput], RecordInput], RefusalCode, int]] = [
    ("another schema", lambda record: replace(record, schema=1), RefusalCode.SCHEMA, WHOLE_RECORD),
    ("an unknown schema", lambda record: replace(record, schema=999), RefusalCode.SCHEMA, WHOLE_RECORD),
    ("more slots", lambda record: replace(record, slot_count=16), RefusalCode.SCHEMA, WHOLE_RECORD),
    ("fewer must", lambda record: replace(record, must=1), RefusalCode.MUST, WHOLE_RECORD),
    ("without a portion of its must", without(1), RefusalCode.MUST, WHOLE_RECORD),
    ("a label that is none", relabelled(0, b"UKR.1 DSK//REL USA,GBR"), RefusalCode.LABEL, 0),
    ("a label of an unknown vocabulary", relabelled(0, b"USA.1 S"), RefusalCode.LABEL, 0),
    ("a label below the guide", relabelled(OBSERVATION, b"UKR.1 DSK//REL GBR,USA"), RefusalCode.LABEL_BELOW_GUIDE, 2),
    ("content that is no message", lambda r: portion(r, 0, content=b"\xff"), RefusalCode.CONTENT_NOT_CANONICAL, 0),
    (
        "an unknown field at the end",
        lambda r: portion(r, 0, content=r.portions[0].content + b"\xfa\x3e\x01x"),
        RefusalCode.CONTENT_NOT_CANONICAL,
        0,
    ),
]


@pytest.mark.must("3.2.3", "3.5.6", "8.5.2", "9.3.1")
@pytest.mark.parametrize(("what", "change", "code", "slot"), WRONG, ids=[what for what, *_ in WRONG])
def test_one_wrong_record_refuses_the_batch_and_names_itself(
    what: str, change: Callable[[RecordInput], RecordInput], code: RefusalCode, slot: int
) -> None:
    """The second record of three is wrong; the answer and the journal say which, where and why, and hold no content."""

    async def scenario() -> Refusal:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            records = [a_record(1), change(a_record(2)), a_record(3)]
            await house.admit(origin.batch(records))
            (stored,) = house.journals.read(Journal.RECORDS, 0)
            assert stored.kind == KIND_REFUSED
            for record in records:
                for one in record.portions:
                    assert one.content not in stored.entry or len(one.content) < 2
            return parse_refused_entry(stored.entry).refusal

    refusal = asyncio.run(scenario())
    assert (refusal.code, refusal.idx, refusal.slot) == (code, 1, slot)


def _set(slot: int, **values: object) -> Callable[[dict[int, Message]], None]:
    """One portion with fields of other values."""

    def change(messages: dict[int, Message]) -> None:
        for name, value in values.items():
            setattr(messages[slot], name, value)

    return change


def _say(words: str) -> Callable[[dict[int, Message]], None]:
    """Other words in the observation."""

    def change(messages: dict[int, Message]) -> None:
        observation = messages[OBSERVATION]
        assert isinstance(observation, TacticNarrative)
        observation.text.en = words

    return change


def _untitled(messages: dict[int, Message]) -> None:
    """A title in one language of two."""
    about = messages[0]
    assert isinstance(about, TacticAbout)
    about.title.uk = ""


def _elsewhere(messages: dict[int, Message]) -> None:
    """A square beside the one where the platform was."""
    coarse = messages[telemetry.POSITION_COARSE]
    assert isinstance(coarse, TelemetryPositionCoarse)
    coarse.mgrs_1km[0] = "36UUA2292"


FALLING = (100).to_bytes(4, "little") + bytes(4)
CHECKS: list[tuple[str, RecordKind, Callable[[dict[int, Message]], None], RefusalCode, int]] = [
    ("a field", RecordKind.TACTIC, _set(0, info_credibility=7), RefusalCode.RANGE, 0),
    ("a rule below a table", RecordKind.TACTIC, _set(6, successes=41), RefusalCode.RANGE, 6),
    ("a text", RecordKind.TACTIC, _say("One\u200b."), RefusalCode.TEXT, OBSERVATION),
    ("a marking", RecordKind.TACTIC, _say("(TOP SECRET) One."), RefusalCode.MARKING_IN_TEXT, OBSERVATION),
    ("a law of tactics", RecordKind.TACTIC, _untitled, RefusalCode.SCHEMA, WHOLE_RECORD),
    ("a column's length", RecordKind.TELEMETRY, _set(4, t_ms=bytes(4)), RefusalCode.SCHEMA, 4),
    ("a column's values", RecordKind.TELEMETRY, _set(4, t_ms=FALLING), RefusalCode.RANGE, 4),
    ("a law of telemetry", RecordKind.TELEMETRY, _set(0, rows=2), RefusalCode.RANGE, WHOLE_RECORD),
    ("the coarse track", RecordKind.TELEMETRY, _elsewhere, RefusalCode.COARSE_MISMATCH, WHOLE_RECORD),
]


@pytest.mark.must("8.2.2", "8.5.2", "8.7.1", "8.8.1")
@pytest.mark.parametrize(("what", "kind", "change", "code", "slot"), CHECKS, ids=[what for what, *_ in CHECKS])
def test_each_check_of_a_portion_is_made_at_the_door(
    what: str, kind: RecordKind, change: Callable[[dict[int, Message]], None], code: RefusalCode, slot: int
) -> None:
    """A partner may see only a part of the record, and leaves values to the gateway: what passes here passes."""
    messages = given.segment() if kind is RecordKind.TELEMETRY else given.lesson()
    change(messages)

    refusal = _judged(_labelled(kind, messages))

    assert (refusal.code, refusal.slot) == (code, slot)


@pytest.mark.must("8.7.1")
def test_kinematics_below_position_are_refused() -> None:
    """Each is above its floor; but velocity integrates to position, so it must not be shown to more."""
    record = _labelled(RecordKind.TELEMETRY, given.segment())
    raised = portion(record, telemetry.POSITION, label=b"UKR.1 T//REL USA")

    refusal = _judged(raised)

    assert (refusal.code, refusal.slot) == (RefusalCode.LABEL_BELOW_GUIDE, telemetry.KINEMATICS)


def _labelled(kind: RecordKind, messages: dict[int, Message]) -> RecordInput:
    guide = a_town().control.guide
    assert guide is not None
    contents = {slot: canonical.encode(message) for slot, message in messages.items()}
    return Labelling(guide, kind, DataMode.REAL, {}).label(0, contents)


def _judged(record: RecordInput) -> Refusal:
    """What the gateway says of a batch of this record alone."""
    control = a_town().control
    kind = RecordKind.TELEMETRY if record.schema == telemetry.KIND.schema else RecordKind.TACTIC
    key = signing_key("src-3f07")
    batch = sign_batch(control.genesis, "src-3f07", key, Lane.new(), kind, DataMode.REAL, [record])
    verified = verify_batch(batch, _key(), control.genesis)
    inspected, refusal = drain(inspecting(control, Scope.parse("telemetry,tactic//REAL"), verified))
    assert inspected is None
    assert refusal is not None
    return refusal


@pytest.mark.must("3.4.3")
def test_records_of_one_batch_have_one_label_for_being_there() -> None:
    """Counts of a lane are facts at that level; one record must not hide among others."""

    async def scenario() -> Refusal:
        async with a_house() as house:
            higher = relabelled(0, b"UKR.1 T//REL GBR,USA")(a_record(2))
            raised = replace(
                higher,
                portions=tuple(replace(one, label=b"UKR.1 T//REL GBR,USA") for one in higher.portions if one.slot != 7),
            )
            batch = Origin(house.control().genesis).batch([a_record(1), raised])
            await house.admit(batch)
            return parse_refused_entry(house.journals.read(Journal.RECORDS, 0)[0].entry).refusal

    refusal = asyncio.run(scenario())
    assert (refusal.code, refusal.idx) == (RefusalCode.ABOUT_LABELS_DIFFER, 1)


@pytest.mark.parametrize("scope", ["", "telemetry//REAL", "tactic//SIMULATED"])
def test_a_kind_or_mode_outside_the_scope_is_refused_whole(scope: str) -> None:
    """Not a record of it is looked at."""

    async def scenario() -> object:
        async with a_house() as house:
            control = house.control()
            batch = Origin(control.genesis).batch()
            verified = verify_batch(batch, _key(), control.genesis)
            return drain(inspecting(control, Scope.parse(scope), verified))

    inspected, refusal = asyncio.run(scenario())  # type: ignore[misc]  # a verdict
    assert inspected is None
    assert (refusal.code, refusal.idx) == (RefusalCode.SCOPE, WHOLE_BATCH)


@pytest.mark.must("2.6.2")
@pytest.mark.parametrize("is_silent", [False, True], ids=["no guide", "a guide that is silent on the kind"])
def test_without_a_floor_nothing_is_taken(is_silent: bool) -> None:
    """There is none to hold a label against."""
    control = a_town().control
    assert control.guide is not None
    guide = replace(control.guide, floors={}, patterns={}) if is_silent else None
    verified = verify_batch(Origin(control.genesis).batch(), _key(), control.genesis)

    inspected, refusal = drain(inspecting(replace(control, guide=guide), SCOPE, verified))

    assert inspected is None
    assert refusal is not None
    assert refusal.code == RefusalCode.LABEL_BELOW_GUIDE


def _key() -> VerifyKey:
    return VerifyKey.parse(signing_key("src-3f07").public_key)


def test_other_work_goes_on_while_a_large_batch_is_inspected() -> None:
    """One batch of 256 records must not hold the loop."""

    async def scenario() -> int:
        async with a_house() as house:
            control = house.control()
            verified = verify_batch(Origin(control.genesis).batch([a_record()] * 256), _key(), control.genesis)
            return sum(1 for _ in inspecting(control, SCOPE, verified))

    assert asyncio.run(scenario()) == 4


@pytest.mark.must("3.3.3")
def test_an_admitted_batch_is_kept_whole_and_its_seed_is_not() -> None:
    """What is stored is what the source signed; what it was derived from is forgotten."""

    async def scenario() -> None:
        async with a_house() as house:
            batch = Origin(house.control().genesis).batch(3)
            await house.admit(batch)
            entry = house.journals.read(Journal.RECORDS, 0)[0].entry
            stored = parse_stored_batch(entry)

            assert stored.signed == batch.signed
            assert stored.admitted_at_ms == house.now_ms
            assert [tuple(view.portions()) for view in stored.views] == [record.portions for record in batch.records]
            assert batch.seed not in entry

    asyncio.run(scenario())
