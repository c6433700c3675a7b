"""Cursors: the gateway's own note in its partner's hand, good for that subscription and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from gateway.core.errors import Refused
from gateway.core.sealing.cursor import CURSOR_BYTES, CursorBinding, Place
from tests.reference import making

KEY = bytes(range(32))
BINDING = CursorBinding("usa/arl", "UA-US-2026-014", "main", 0b110, b"incarnation 16 b")


@given(making.u64s, making.u16s, making.exactly(12))
def test_a_cursor_gives_back_its_place(position: int, idx: int, nonce: bytes) -> None:
    """Always the same length, so it does not tell how far its bearer is."""
    cursor = BINDING.seal(KEY, Place(position, idx), nonce)

    assert len(cursor) == CURSOR_BYTES
    assert BINDING.open(KEY, cursor) == Place(position, idx)


def test_an_empty_cursor_is_the_first_record() -> None:
    """Who has nothing yet starts at the beginning."""
    assert BINDING.open(KEY, b"") == Place(0, 0)


@pytest.mark.must("4.5.2")
@pytest.mark.parametrize(
    "other",
    [
        replace(BINDING, partner_id="usa/arx"),
        replace(BINDING, agreement_id="UA-US-2026-015"),
        replace(BINDING, subscription="second"),
        replace(BINDING, kinds=0b010),
        replace(BINDING, incarnation=bytes(16)),
    ],
)
def test_a_cursor_of_anybody_or_anything_else_does_not_open(other: CursorBinding) -> None:
    """A cursor cannot be lent, nor kept over a restore."""
    cursor = BINDING.seal(KEY, Place(7, 3), bytes(12))

    with pytest.raises(Refused) as refusal:
        other.open(KEY, cursor)
    assert refusal.value.code == "cursor-invalid"


@pytest.mark.must("4.5.2")
def test_a_cursor_that_was_changed_does_not_open() -> None:
    """Its bearer cannot move itself."""
    cursor = BINDING.seal(KEY, Place(7, 3), bytes(12))

    for came in (cursor[:5], cursor[:-1], cursor + b"\x00", bytes(CURSOR_BYTES), cursor[:-1] + bytes([cursor[-1] ^ 1])):
        with pytest.raises(Refused) as refusal:
            BINDING.open(KEY, came)
        assert refusal.value.code == "cursor-invalid"


def test_places_are_ordered_by_position_then_index() -> None:
    """Later records come later."""
    assert Place(1, 9) < Place(2, 0) < Place(2, 1)
