"""Portions from hostile sources: whatever the bytes, the answer is a message with that one encoding, or `Refused`."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.kinds import (
    SCHEMAS,
    Portion,
    canonical,
    check_portion,
    check_record,
    parse_portion,
    portion_texts,
    portion_to_json,
)
from gateway.core.kinds.markings import markings_in
from gateway.core.kinds.ranges import check_ranges
from gateway.core.suite.numbers import RefusalCode
from tests.unit.kinds.given import lesson, segment

WHOLE = {1: segment(), 2: lesson()}
CONTENTS = [(s, slot, canonical.encode(m)) for s, record in WHOLE.items() for slot, m in record.items()]
CODES = {code.name.lower().replace("_", "-") for code in RefusalCode}
FIELD_1007 = bytes.fromhex("fa3e06736563726574")


def guarded(schema: int, slot: int, content: bytes) -> Message | None:
    """Everything inspection does with one portion; `None` if it refuses, an error of any other kind passes through."""
    try:
        message = parse_portion(schema, slot, content)
        assert canonical.encode(message) == content
        check_portion(schema, slot, message)
        check_ranges(schema, slot, message)
    except Refused as refusal:
        return _known(refusal)
    assert isinstance(portion_to_json(schema, slot, message), dict)
    for _, text in portion_texts(schema, slot, message):
        markings_in(text)
    return message


def _known(refusal: Refused) -> None:
    """A source's account has a number for the code."""
    assert refusal.code in CODES


def judged(schema: int, messages: dict[int, Message]) -> None:
    """A whole record through the laws between its portions."""
    try:
        check_record(schema, messages)
    except Refused as refusal:
        _known(refusal)


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_STRING:
        return st.one_of(st.sampled_from(["36UUA", "36UUA2391", "10030100000000000000", "a"]), st.text(max_size=12))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.one_of(st.binary(max_size=32), st.sampled_from([bytes(8), b"\0\0\0\x80" * 2, bytes(48)]))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_ENUM:
        return st.integers(0, 12)
    largest = {FieldDescriptor.TYPE_UINT32: (0, (1 << 32) - 1), FieldDescriptor.TYPE_UINT64: (0, (1 << 64) - 1)}
    largest |= {FieldDescriptor.TYPE_SINT32: (-(1 << 31), (1 << 31) - 1)}
    low, high = largest.get(field.type, (-(1 << 63), (1 << 63) - 1))
    near = [value for value in (1, 2, 60, 3_600_000, 1_793_491_200_000, -1) if low <= value <= high]
    return st.one_of(st.sampled_from(near), st.integers(low, high))


def _fill(draw: st.DrawFn, message: Message) -> None:
    for field in message.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        held = getattr(message, field.name)
        if field.message_type is not None:
            parts = [held.add() for _ in range(draw(st.integers(0, 2)))] if field.is_repeated else [held]
            for part in parts:
                part.SetInParent()
                _fill(draw, part)
        elif field.is_repeated:
            held.extend(draw(st.lists(_scalar(field), max_size=3)))
        else:
            setattr(message, field.name, draw(_scalar(field)))


@st.composite
def records(draw: st.DrawFn) -> tuple[int, dict[int, bytes]]:
    """Well-formed messages of arbitrary values in some slots of a record."""
    schema = draw(st.sampled_from(sorted(SCHEMAS)))
    contents = {}
    for slot, portion in enumerate(SCHEMAS[schema].portions):
        if draw(st.booleans()):
            contents[slot] = _content(draw, portion)
    return schema, contents


def _content(draw: st.DrawFn, portion: Portion) -> bytes:
    message = portion.message()
    _fill(draw, message)
    return canonical.encode(message)


@settings(max_examples=120)
@given(records())
def test_arbitrary_values_in_every_field_are_judged_or_refused(drawn: tuple[int, dict[int, bytes]]) -> None:
    """Well-formed messages come past the parser to every check behind it."""
    schema, contents = drawn
    accepted = dict(WHOLE[schema])
    for slot, content in contents.items():
        message = guarded(schema, slot, content)
        if message is not None:
            accepted[slot] = message

    judged(schema, accepted)


@pytest.mark.parametrize(("schema", "slot", "content"), CONTENTS)
def test_no_portion_takes_an_unknown_field_anywhere(schema: int, slot: int, content: bytes) -> None:
    """Field 1007 before, after, and inside every part of every portion."""
    hidden = [FIELD_1007 + content, content + FIELD_1007]
    for number in range(len(_parts(parse_portion(schema, slot, content)))):
        message = parse_portion(schema, slot, content)
        _parts(message)[number].MergeFromString(FIELD_1007)
        hidden.append(canonical.encode(message))

    for octets in hidden:
        assert octets != content
        with pytest.raises(Refused) as refused:
            parse_portion(schema, slot, octets)
        assert refused.value.code == "content-not-canonical"


def _parts(message: Message) -> list[Message]:
    found = []
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                found += [part, *_parts(part)]
    return found


@pytest.mark.parametrize(("schema", "slot", "content"), CONTENTS)
def test_every_prefix_of_a_portion_is_judged_or_refused(schema: int, slot: int, content: bytes) -> None:
    """A cut at any byte is a named refusal, or happens to be a smaller portion."""
    for end in range(len(content)):
        message = guarded(schema, slot, content[:end])
        assert message is None or canonical.encode(message) == content[:end]
