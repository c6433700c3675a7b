"""Laws of frames: within their bounds, in order, and a cursor that never stands behind what was not shown."""

from __future__ import annotations

import asyncio
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.records.states import StoredBatch, UnverifiedBatch, parse_stored_batch, verify_batch
from gateway.core.sealing.body import encode_body, parse_body
from gateway.core.sealing.cursor import Place
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import MAX_BODY_BYTES, MAX_SECTIONS
from gateway.usecases.outgoing import OutgoingBatch, Release, framed
from tests.unit.control.given import signing_key
from tests.unit.usecases.house import a_house
from tests.unit.usecases.town import SOURCE, Origin, a_record

GENESIS = b"g" * 48
KEY = VerifyKey.parse(signing_key(SOURCE).public_key)


def outgoing(position: int, batch: UnverifiedBatch) -> OutgoingBatch:
    """A batch as read back from the journal."""
    verified = verify_batch(batch, KEY, GENESIS)
    return OutgoingBatch.of_stored(position, StoredBatch(verified.signed, 0, verified.views))


@cache
def some(count: int) -> tuple[OutgoingBatch, ...]:
    """Batches of four records at positions from 10 on."""
    origin = Origin(GENESIS)
    return tuple(outgoing(10 + number, origin.batch(4)) for number in range(count))


@settings(max_examples=60)
@given(st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=6), st.booleans())
def test_what_is_released_is_framed_once_and_in_order(chosen: list[tuple[bool, ...]], whole: bool) -> None:
    """Each record that has a mask, no other; and each frame's cursor stands right behind its last record."""
    batches = some(6)
    released = [
        Release(batch, tuple(view.mask if shown else 0 for view, shown in zip(batch.views, row, strict=True)), whole)
        for batch, row in zip(batches, chosen, strict=False)
        if any(row)
    ]

    frames = framed(released)

    shown = [
        (section.signed.digest, view.idx)
        for frame in frames
        for section in parse_body(encode_body([one.encoded for one in frame.sections]))
        for view in section.views
    ]
    expected = [(item.batch.signed.digest, idx) for item in released for idx, mask in enumerate(item.masks) if mask]
    assert shown == expected
    assert sum(frame.records for frame in frames) == len(expected)
    if frames:
        last, idx = released[-1].batch, max(idx for idx, mask in enumerate(released[-1].masks) if mask)
        assert frames[-1].after == (Place(last.position + 1) if whole else Place(last.position, idx + 1))


def test_nothing_released_is_no_frame() -> None:
    """An empty frame would be a disclosure of nothing."""
    assert framed([]) == []


def test_a_frame_holds_so_many_sections_and_no_more() -> None:
    """Each batch once in a frame."""
    batch = some(1)[0]
    full = tuple(view.mask for view in batch.views)
    batches = [
        OutgoingBatch(n, 0, batch.signed, batch.views, batch.commitments, batch.leaves, batch.facts) for n in range(3)
    ]
    several = [outgoing(number, Origin(GENESIS).batch([a_record(1)])) for number in range(MAX_SECTIONS + 2)]

    assert [len(frame.sections) for frame in framed([Release(one, full) for one in batches])] == [1, 1, 1]
    masks = (several[0].views[0].mask,)
    assert [len(frame.sections) for frame in framed([Release(one, masks) for one in several])] == [MAX_SECTIONS, 2]


def test_a_batch_that_does_not_fit_is_split_and_the_cursor_stands_in_its_middle() -> None:
    """A reader that stores the first part and is cut off goes on with the second."""
    batch = some(1)[0]
    wide = [
        # A portion of almost a megabyte: opaque here, checked at admission.
        type(view)(view.idx, view.record_id, view.schema, view.must, view.mask, (view.slots[0] * 8000, *view.slots[1:]))
        for view in batch.views
    ]
    large = OutgoingBatch(5, 0, batch.signed, tuple(wide), batch.commitments, batch.leaves, batch.facts)
    full = tuple(view.mask for view in wide)

    frames = framed([Release(large, full)])

    assert len(frames) > 1
    assert all(len(encode_body([one.encoded for one in frame.sections])) <= MAX_BODY_BYTES for frame in frames)
    assert frames[-1].after == Place(6)
    assert [frame.after for frame in frames[:-1]] == sorted({frame.after for frame in frames[:-1]})
    assert all(frame.after.position == 5 for frame in frames[:-1])
    assert sum(frame.records for frame in frames) == len(wide)


def test_a_batch_is_decided_the_same_live_and_from_the_journal() -> None:
    """What inspection hands on is what is read back: labels, designs, commitments and leaves."""

    async def scenario() -> tuple[OutgoingBatch, OutgoingBatch]:
        async with a_house() as house:
            inspected = house.judged(Origin(house.control().genesis).batch(3)).inspected
            assert inspected is not None
            stored = StoredBatch(inspected.verified.signed, 7, inspected.verified.views)
            read_back = parse_stored_batch(stored.encode())
            return OutgoingBatch.of_inspected(4, 7, inspected), OutgoingBatch.of_stored(4, read_back)

    live, trailing = asyncio.run(scenario())

    assert live == trailing
    assert len(live.facts) == 3
