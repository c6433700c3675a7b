"""Views: a record with some of its portions, the same record all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.records.view import View, parse_view
from gateway.core.suite.octets import Reader
from tests.reference import making


@given(making.views())
def test_a_view_is_read_back(view: View) -> None:
    """Withheld slots stand as commitments, shown ones as disclosures."""
    reader = Reader(view.encode(), "view")

    assert parse_view(reader) == view
    reader.done()


@pytest.mark.must("5.1.2", "5.1.3")
@given(making.record_inputs(), st.integers(1, 2**16 - 1))
def test_withholding_changes_neither_leaf_nor_commitments(record: object, wanted: int) -> None:
    """The origin's signature survives: two portions of eight lead to the same leaf as all eight."""
    assert isinstance(record, making.RecordInput)
    (whole,), (commitments,) = making.whole_views([record])
    mask = wanted & record.present or 1

    narrowed = whole.narrowed(mask, commitments)

    assert narrowed.leaf() == whole.leaf()
    assert narrowed.commitments() == whole.commitments() == commitments
    assert [portion.slot for portion in narrowed.portions()] == [j for j in range(record.slot_count) if mask >> j & 1]
    assert set(narrowed.portions()) <= set(record.portions)
    shown = {portion.slot: portion.label for portion in narrowed.portions()}
    assert narrowed.labels() == tuple(shown.get(j) for j in range(record.slot_count))


@pytest.mark.must("3.1.2")
@given(making.record_inputs())
def test_a_withheld_portion_and_one_that_never_was_look_alike(record: object) -> None:
    """Of what is not shown, every slot is 48 bytes and none holds the content."""
    assert isinstance(record, making.RecordInput)
    (whole,), (commitments,) = making.whole_views([record])

    narrowed = whole.narrowed(1, commitments)

    assert all(len(slot) == 48 for slot in narrowed.slots[1:])
    assert len(narrowed.encode()) == len(narrowed.slots[0]) + 48 * (record.slot_count - 1) + 28


@pytest.mark.must("3.1.1")
def test_a_portion_that_stands_in_anothers_slot_is_refused() -> None:
    """The slot is inside the commitment, so a portion cannot pass for another."""
    (whole,), _ = making.whole_views([making.a_record({0: b"about", 1: b"conditions"})])
    swapped = View(0, whole.record_id, 2, 1, 0b11, (whole.slots[1], whole.slots[0], *whole.slots[2:]))

    with pytest.raises(Refused, match="slot 1 stands in slot 0"):
        swapped.portions()
    with pytest.raises(Refused, match="slot 1 stands in slot 0"):
        swapped.labels()


@pytest.mark.parametrize(("offset", "value"), [(21, 7), (20, 0), (20, 2), (23, 0)], ids=["n", "must", "must", "mask"])
def test_a_view_of_no_shape_is_refused(offset: int, value: int) -> None:
    """Slot count, must and mask are checked before any slot is read."""
    (whole,), (commitments,) = making.whole_views([making.a_record({0: b"about"})])
    encoded = bytearray(whole.narrowed(1, commitments).encode())
    encoded[offset] = value

    with pytest.raises(Refused) as refusal:
        parse_view(Reader(bytes(encoded), "view"))
    assert refusal.value.code == "malformed"
