"""Records into signed batches: within the format's bounds, along one lane per `about` label.

The seed of a batch is drawn here, used once and forgotten: what it derives travels only inside the sealed parcel.
Source: SPEC.md section 3.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.core.errors import CallerError
from gateway.core.records.batch import Batch, SignedBatch
from gateway.core.records.seed import expand
from gateway.core.records.states import RecordInput, UnverifiedBatch, batch_leaves, build_view
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, MAX_CONTENT_BYTES, DataMode, RecordKind
from gateway.core.suite.tree import tree_root

BACKLOG_SEGMENTS = 32


@dataclass(frozen=True, slots=True)
class Lane:
    """One ordered run of batches. lane: 16 random bytes; prev: H(B) of the last batch, zero before the first."""

    lane: bytes
    next_no: int
    prev: bytes

    @classmethod
    def new(cls) -> Lane:
        """A lane nobody has seen: also after an outbox was lost."""
        return cls(secrets.token_bytes(16), 0, ZERO_HASH)

    def after(self, signed: SignedBatch) -> Lane:
        """The lane behind a batch."""
        return Lane(self.lane, self.next_no + 1, signed.digest)


def record_size(record: RecordInput) -> int:
    """Bytes that count against a batch's 3 MiB."""
    return sum(len(portion.label) + len(portion.content) for portion in record.portions)


def grouped(kind: RecordKind, records: Iterable[RecordInput]) -> Iterator[list[RecordInput]]:
    """Runs of records for one batch each: one `about` label, at most 256 records (32 segments) and 3 MiB."""
    limit = BACKLOG_SEGMENTS if kind is RecordKind.TELEMETRY else MAX_BATCH_RECORDS
    run: list[RecordInput] = []
    size = 0
    for record in records:
        length, largest = record_size(record), max(len(portion.content) for portion in record.portions)
        if length > MAX_BATCH_BYTES:
            raise CallerError("size", f"a record may have {MAX_BATCH_BYTES} bytes, {length} came", at="record")
        if largest > MAX_CONTENT_BYTES:
            raise CallerError("size", f"a portion may have {MAX_CONTENT_BYTES} bytes, {largest} came", at="record")
        other_label = run and run[0].portions[0].label != record.portions[0].label
        if run and (other_label or len(run) == limit or size + length > MAX_BATCH_BYTES):
            yield run
            run, size = [], 0
        run.append(record)
        size += length
    if run:
        yield run


def sign_batch(
    genesis: bytes,
    source_id: str,
    key: SigningKey,
    lane: Lane,
    kind: RecordKind,
    data_mode: DataMode,
    records: Sequence[RecordInput],
) -> UnverifiedBatch:
    """The next batch of the lane, ready for a parcel."""
    seed = secrets.token_bytes(32)
    expanded = expand(seed, [record.slot_count for record in records])
    built = [build_view(idx, record, expanded[idx]) for idx, record in enumerate(records)]
    leaves = batch_leaves([view for view, _ in built], [committed for _, committed in built])
    batch = Batch(
        genesis=genesis,
        source_id=source_id,
        key_id=key.key_id,
        lane=lane.lane,
        batch_no=lane.next_no,
        prev=lane.prev,
        kind=kind,
        data_mode=data_mode,
        count=len(records),
        root=tree_root(leaves),
    )
    return UnverifiedBatch(SignedBatch.sign(batch, key), seed, tuple(records))
