"""Batches are within the format's bounds, of one `about` label, and chained along their lane."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clients.source.batcher import BACKLOG_SEGMENTS, Lane, grouped, record_size, sign_batch
from gateway.core.errors import CallerError
from gateway.core.records.portion import Portion
from gateway.core.records.states import RecordInput, parse_batch_item, verifying
from gateway.core.suite.keys import SigningKey, VerifyKey
from gateway.core.suite.numbers import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, DataMode, RecordKind, Schema
from tests.reference.making import GENESIS

KEY = SigningKey.generate()


def record(size: int = 10, label: bytes = b"UKR.1 DSK", portions: int = 1) -> RecordInput:
    """A record whose portions have `size` bytes together with their labels."""
    each = size // portions - len(label)
    return RecordInput(Schema.TACTIC_1, 1, 8, tuple(Portion(slot, label, bytes(each)) for slot in range(portions)))


def signed(lane: Lane, *records: RecordInput) -> bytes:
    """The plaintext of the next batch."""
    return sign_batch(GENESIS, "src-1", KEY, lane, RecordKind.TACTIC, DataMode.TEST, records).encode()


def test_a_batch_holds_as_many_records_as_the_format_lets_it() -> None:
    """And a track segment is long, so fewer of them."""
    records = [record() for _ in range(MAX_BATCH_RECORDS + 1)]

    assert [len(run) for run in grouped(RecordKind.TACTIC, records)] == [MAX_BATCH_RECORDS, 1]
    assert [len(run) for run in grouped(RecordKind.TELEMETRY, records[:40])] == [BACKLOG_SEGMENTS, 8]
    assert list(grouped(RecordKind.TACTIC, [])) == []


def test_a_batch_is_not_larger_than_the_format_lets_it() -> None:
    """Bytes of labels and contents."""
    records = [record(MAX_BATCH_BYTES // 2, portions=2) for _ in range(3)]

    assert sum(map(record_size, records[:2])) <= MAX_BATCH_BYTES
    assert [len(run) for run in grouped(RecordKind.TACTIC, records)] == [2, 1]


@pytest.mark.must("3.4.2")
def test_a_batch_has_one_about_label() -> None:
    """Its number is a fact at that level, and a count over two levels would tell of the other."""
    lower, higher = record(), record(label=b"UKR.1 T")

    assert [len(run) for run in grouped(RecordKind.TACTIC, [lower, lower, higher, lower])] == [2, 1, 1]


@pytest.mark.parametrize("wrong", [record(MAX_BATCH_BYTES + 64, portions=4), record(1024 * 1024 + 64)])
def test_what_no_batch_can_hold_is_refused_before_it_is_signed(wrong: RecordInput) -> None:
    """A batch that the gateway cannot parse would block the outbox for ever."""
    with pytest.raises(CallerError) as refused:
        list(grouped(RecordKind.TACTIC, [wrong]))

    assert refused.value.code == "size"


def test_a_signed_batch_verifies_under_the_sources_key() -> None:
    """Salts, decoys and ids come from the seed, at both ends alike."""
    unverified = parse_batch_item(signed(Lane.new(), record(), record(40)))

    steps = verifying(unverified, VerifyKey.parse(KEY.public_key), GENESIS)
    with pytest.raises(StopIteration) as verified:
        next(steps)

    assert len(verified.value.value.views) == 2


@pytest.mark.must("3.4.6")
def test_a_lane_counts_and_chains() -> None:
    """Each batch names the one before it."""
    lane = Lane.new()
    first = parse_batch_item(signed(lane, record())).signed
    second = parse_batch_item(signed(lane.after(first), record())).signed

    assert (first.batch.batch_no, first.batch.prev) == (0, bytes(48))
    assert (second.batch.batch_no, second.batch.prev) == (1, first.digest)
    assert first.batch.lane == second.batch.lane != Lane.new().lane


@pytest.mark.must("3.3.1")
def test_no_two_batches_share_a_seed() -> None:
    """The same record twice gives two ids and two roots: nobody can tell that it came again."""
    one, two = (parse_batch_item(signed(replace(Lane.new(), lane=bytes(16)), record())) for _ in range(2))

    assert one.seed != two.seed
    assert one.signed.batch.root != two.signed.batch.root
