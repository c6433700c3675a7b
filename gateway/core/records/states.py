"""The steps of a batch through the gateway, as types: each function takes the step before and no other.

    UnverifiedBatch ─verify_batch─▶ VerifiedBatch ─inspect (use case)─▶ InspectedBatch ─commit (use case)─▶ StoredBatch

`verify_batch` is pure and picklable, so it can run in another process. The type checker refuses a skipped check.
Source: SPEC.md sections 3 and 7; architecture section 3.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.records.batch import MAX_SIGNED_BATCH_BYTES, SignedBatch
from gateway.core.records.portion import Portion, commitment, encode_disclosure
from gateway.core.records.record import check_shape, record_leaf
from gateway.core.records.seed import RecordSecrets, expand
from gateway.core.records.view import View, parse_view
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import MAX_BATCH_BYTES, MAX_CONTENT_BYTES, MAX_LABEL_BYTES, SALT_BYTES
from gateway.core.suite.octets import Reader, lp16, lp32, u8, u16, u64
from gateway.core.suite.tree import tree_root

SLICE_RECORDS = 64


@dataclass(frozen=True, slots=True)
class RecordInput:
    """A record as its source hands it over: no salts, no decoys, no id; they come from the seed."""

    schema: int
    must: int
    slot_count: int
    portions: tuple[Portion, ...]

    @property
    def present(self) -> int:
        """Bit j is set where slot j holds a portion."""
        mask = 0
        for portion in self.portions:
            mask |= 1 << portion.slot
        return mask


@dataclass(frozen=True, slots=True)
class UnverifiedBatch:
    """A batch opened from a parcel: parsed within bounds, nothing else known."""

    signed: SignedBatch
    seed: bytes
    records: tuple[RecordInput, ...]

    def encode(self) -> bytes:
        """The plaintext of a parcel item."""
        parts = [lp16(self.signed.encode()), self.seed]
        for record in self.records:
            parts += [u16(record.schema), u16(record.must), u8(record.slot_count), u16(record.present)]
            for portion in record.portions:
                parts += [lp16(portion.label), lp32(portion.content)]
        return b"".join(parts)


def parse_batch_item(plaintext: bytes) -> UnverifiedBatch:
    """A parcel item's plaintext; refuses `malformed` and, above 3 MiB of labels and contents, `size`."""
    reader = Reader(plaintext, "batch item")
    signed = SignedBatch.parse(reader.lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
    seed = reader.take(32, "seed")
    records, total = [], 0
    for _ in range(signed.batch.count):
        schema, must = reader.u16("schema"), reader.u16("must")
        count, present = reader.u8("n"), reader.u16("present")
        check_shape(count, must, present)
        if must & ~present:
            raise reader.refuse("present", "a mask with every slot of `must`")
        portions = []
        for slot in range(count):
            if present >> slot & 1:
                label = reader.lp16("label", MAX_LABEL_BYTES)
                content = reader.lp32("content", MAX_CONTENT_BYTES)
                total += len(label) + len(content)
                portions.append(Portion(slot, label, content))
        records.append(RecordInput(schema, must, count, tuple(portions)))
    reader.done()
    if total > MAX_BATCH_BYTES:
        raise Refused("size", f"labels and contents of a batch may have {MAX_BATCH_BYTES} bytes, {total} came")
    return UnverifiedBatch(signed, seed, tuple(records))


def build_view(idx: int, record: RecordInput, secret: RecordSecrets) -> tuple[View, tuple[bytes, ...]]:
    """The full view of one record and its commitments, with salts, decoys and id from the seed."""
    slots = list(secret.slots)
    committed = list(secret.slots)
    for portion in record.portions:
        disclosure = encode_disclosure(secret.slots[portion.slot][:SALT_BYTES], portion)
        slots[portion.slot] = disclosure
        committed[portion.slot] = commitment(disclosure)
    view = View(idx, secret.record_id, record.schema, record.must, record.present, tuple(slots))
    return view, tuple(committed)


def batch_leaves(views: Sequence[View], commitments: Sequence[tuple[bytes, ...]]) -> list[bytes]:
    """L of each record in order."""
    return [
        record_leaf(view.record_id, view.schema, view.must, committed)
        for view, committed in zip(views, commitments, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class VerifiedBatch:
    """The source signed exactly these records. views: full; commitments and leaves: per record."""

    signed: SignedBatch
    views: tuple[View, ...]
    commitments: tuple[tuple[bytes, ...], ...]
    leaves: tuple[bytes, ...]


def verifying(unverified: UnverifiedBatch, key: VerifyKey, genesis: bytes) -> Generator[None, None, VerifiedBatch]:
    """Verifies a batch, yielding after every 64 records so that a caller can let other work in.

    The signature comes before any record is hashed. Refuses `batch-genesis`, `batch-signature` and `batch-root`.
    """
    signed = unverified.signed
    if signed.batch.genesis != genesis:
        raise Refused("batch-genesis", "the batch is for another genesis", at="batch.genesis")
    signed.check_signature(key)
    secrets = expand(unverified.seed, [record.slot_count for record in unverified.records])
    views, commitments = [], []
    for idx, (record, secret) in enumerate(zip(unverified.records, secrets, strict=True)):
        view, committed = build_view(idx, record, secret)
        views.append(view)
        commitments.append(committed)
        if idx % SLICE_RECORDS == SLICE_RECORDS - 1:
            yield
    leaves = batch_leaves(views, commitments)
    if tree_root(leaves) != signed.batch.root:
        raise Refused("batch-root", "the records do not hash to the root the source signed", at="batch.root")
    return VerifiedBatch(signed, tuple(views), tuple(commitments), tuple(leaves))


def verify_batch(unverified: UnverifiedBatch, key: VerifyKey, genesis: bytes) -> VerifiedBatch:
    """`verifying` in one go: pure, and its arguments and result can cross to another process."""
    steps = verifying(unverified, key, genesis)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            verified: VerifiedBatch = end.value
            return verified


@dataclass(frozen=True, slots=True)
class InspectedBatch:
    """The guard found every label, portion and law in order.

    labels[i][j]: label text of slot j of record i, None where the slot is a decoy.
    designs[i]: the design record i is about, empty if it names none.
    """

    verified: VerifiedBatch
    labels: tuple[tuple[bytes | None, ...], ...]
    designs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """An admitted batch as RECORDS keeps it: signed statement, admission time, full views; no seed."""

    signed: SignedBatch
    admitted_at_ms: int
    views: tuple[View, ...]

    def encode(self) -> bytes:
        """The journal entry: lp16(B | sig) | admitted_at u64 | V * N. SPEC.md section 7."""
        return b"".join((lp16(self.signed.encode()), u64(self.admitted_at_ms), *(view.encode() for view in self.views)))


def read_admitted_at_ms(entry: bytes) -> int:
    """When the batch of a RECORDS entry was admitted; its records are not parsed."""
    reader = Reader(entry, "stored batch")
    reader.lp16("signed batch", MAX_SIGNED_BATCH_BYTES)
    return reader.u64("admitted_at")


def parse_stored_batch(entry: bytes) -> StoredBatch:
    """An admitted batch read back from RECORDS."""
    reader = Reader(entry, "stored batch")
    signed = SignedBatch.parse(reader.lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
    admitted_at_ms = reader.u64("admitted_at")
    views = tuple(parse_view(reader) for _ in range(signed.batch.count))
    reader.done()
    return StoredBatch(signed, admitted_at_ms, views)
