"""What lies beside a disclosure: it says what was shown, and nothing that the entry does not commit to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.ledger.book import MAX_OPENING_BYTES
from gateway.core.sealing.body import view_digest
from gateway.core.sealing.frame import Disclosure, audit_digest
from gateway.core.sealing.opening import (
    DisclosureOpening,
    Kept,
    ShownBatch,
    parse_disclosure_opening,
)

BATCH, OTHER = b"B" * 48, b"O" * 48
LEAVES = {BATCH: [bytes([idx]) * 48 for idx in range(3)], OTHER: [b"o" * 48]}
SHOWN = (ShownBatch(BATCH, ((0, 0b11), (2, 0b1))), ShownBatch(OTHER, ((0, 0b100),)))
OPENING = DisclosureOpening(b"s" * 32, 7, b"r" * 48, b"d" * 48, Kept(1_780_000_000_000, SHOWN))


def a_disclosure(opening: DisclosureOpening = OPENING, records: int = 3) -> Disclosure:
    """The entry that the opening opens."""
    shown = [
        (one.batch_digest, [(idx, LEAVES[one.batch_digest][idx], mask) for idx, mask in one.records]) for one in SHOWN
    ]
    audit = audit_digest(opening.salt, opening.control_position, opening.rules_digest, opening.dir_root)
    return Disclosure("usa/arl", "UA-1", "main", bytes(16), 0, bytes(48), audit, records, b"", view_digest(shown))


@st.composite
def batches(draw: st.DrawFn) -> ShownBatch:
    """A batch of which something is shown."""
    shown = draw(st.dictionaries(st.integers(0, 255), st.integers(1, 0xFFFF), min_size=1, max_size=9))
    return ShownBatch(draw(st.binary(min_size=48, max_size=48)), tuple(sorted(shown.items())))


@pytest.mark.must("5.6.1")
@given(st.integers(0, 2**64 - 1), st.lists(batches(), min_size=1, max_size=5, unique_by=lambda one: one.batch_digest))
def test_an_opening_is_read_back_as_it_was_kept(time_ms: int, shown: list[ShownBatch]) -> None:
    """What went is known years later, or not at all."""
    opening = replace(OPENING, kept=Kept(time_ms, tuple(shown)))

    assert parse_disclosure_opening(opening.encode()) == opening


@pytest.mark.must("5.6.3")
def test_an_opening_of_a_store_that_kept_no_records_says_so() -> None:
    """Stores founded before are opened still, and nobody takes silence for an answer."""
    before = replace(OPENING, kept=None)

    read = parse_disclosure_opening(before.encode())

    assert read.kept is None
    read.check(a_disclosure(before, records=99), LEAVES.__getitem__)


@pytest.mark.must("13.1.16")
def test_an_opening_that_leads_to_its_entry_is_taken() -> None:
    """Audit commitment and view digest are made again from it."""
    OPENING.check(a_disclosure(), LEAVES.__getitem__)


@pytest.mark.must("13.1.16")
@pytest.mark.parametrize(
    ("opening", "code"),
    [
        (replace(OPENING, control_position=8), "audit-not-opened"),
        (replace(OPENING, salt=b"t" * 32), "audit-not-opened"),
        (replace(OPENING, kept=Kept(1, SHOWN[:1])), "view-digest"),
        (replace(OPENING, kept=Kept(1, (ShownBatch(BATCH, ((0, 0b11), (2, 0b11))), SHOWN[1]))), "view-digest"),
        (replace(OPENING, kept=Kept(1, (ShownBatch(BATCH, ((0, 0b11), (1, 0b1))), SHOWN[1]))), "view-digest"),
        (replace(OPENING, kept=Kept(1, (ShownBatch(BATCH, ((0, 0b11), (3, 0b1))), SHOWN[1]))), "view-digest"),
    ],
)
def test_an_opening_that_says_anything_else_is_refused(opening: DisclosureOpening, code: str) -> None:
    """Another position, another salt, a batch left out, another mask, another record, one beyond the batch."""
    with pytest.raises(Refused) as refused:
        opening.check(a_disclosure(), LEAVES.__getitem__)

    assert refused.value.code == code


def test_the_largest_frame_has_room_beside_its_entry() -> None:
    """A frame that could be sent and not be entered would stop its stream for ever."""
    records = tuple((idx, 0xFFFF) for idx in range(256))
    shown = tuple(ShownBatch(bytes([number]) * 48, records) for number in range(64))

    assert len(replace(OPENING, kept=Kept(2**64 - 1, shown)).encode()) <= MAX_OPENING_BYTES
