"""Laws of the guard at admission: one wrong thing is named by record, slot and code, and nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.core.control.scope import Scope
from gateway.core.kinds import KINDS
from gateway.core.records.states import RecordInput, parse_stored_batch, verify_batch
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import RecordKind, RefusalCode
from gateway.ports.journal import Journal
from gateway.usecases.admit import drain
from gateway.usecases.inspect import inspecting
from gateway.usecases.lanes import KIND_REFUSED, WHOLE_BATCH, WHOLE_RECORD, Refusal, parse_refused_entry
from tests.unit.control.given import signing_key
from tests.unit.usecases.house import a_house
from tests.unit.usecases.town import Origin, a_record

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


@pytest.mark.must("3.2.3", "3.5.6")
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
def test_without_a_guide_nothing_is_taken() -> None:
    """There is no floor to hold a label against."""

    async def scenario() -> object:
        async with a_house() as house:
            control = replace(house.control(), guide=None)
            verified = verify_batch(Origin(control.genesis).batch(), _key(), control.genesis)
            return drain(inspecting(control, SCOPE, verified))

    inspected, _ = asyncio.run(scenario())  # type: ignore[misc]  # a verdict
    assert inspected is None


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
