"""Batches: signed once by their source, parsed within bounds, verified before any record is hashed."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.records.batch import Batch, SignedBatch, parse_batch
from gateway.core.records.states import (
    InspectedBatch,
    RecordInput,
    StoredBatch,
    UnverifiedBatch,
    parse_batch_item,
    parse_stored_batch,
    read_admitted_at_ms,
    verify_batch,
    verifying,
)
from gateway.core.suite.keys import SIGNATURE_BYTES
from gateway.core.suite.numbers import MAX_BATCH_BYTES
from gateway.core.suite.octets import lp16, u8, u16
from tests.reference import making
from tests.reference.recorded import signing_key, verify_key

SOURCE, SOURCE_PUBLIC = signing_key("source"), verify_key("source")


def _changed(statement: bytes, offset: int, octets: bytes) -> bytes:
    return statement[:offset] + octets + statement[offset + len(octets) :]


@given(making.batches)
def test_a_statement_is_read_back(batch: Batch) -> None:
    """Every field, and no byte more."""
    assert parse_batch(batch.encode()) == batch
    with pytest.raises(Refused, match="1 more came"):
        parse_batch(batch.encode() + b"\x00")


@pytest.mark.parametrize(("field", "number"), [("kind", 0), ("kind", 200), ("data_mode", 0), ("data_mode", 9)])
def test_an_unknown_kind_or_mode_is_refused(field: str, number: int) -> None:
    """Unknown means no."""
    statement = making.a_batch(making.some_records(1), SOURCE).encode()
    offset = len(statement) - 48 - 2 - (2 if field == "kind" else 1)

    with pytest.raises(Refused, match=f"`{field}`"):
        parse_batch(_changed(statement, offset, u8(number)))


@pytest.mark.must("3.4.1")
@pytest.mark.parametrize("count", [0, 257, 65535])
def test_a_batch_of_no_record_or_too_many_is_refused(count: int) -> None:
    """One to 256 records, so no index needs more than a byte."""
    statement = making.a_batch(making.some_records(1), SOURCE).encode()

    with pytest.raises(Refused, match="`count`"):
        parse_batch(_changed(statement, len(statement) - 50, u16(count)))


def test_a_signed_batch_splits_into_statement_and_signature() -> None:
    """H(B) covers the statement alone: a signature may be made twice, a batch has one name."""
    batch = making.a_batch(making.some_records(2), SOURCE)
    first, second = SignedBatch.sign(batch, SOURCE), SignedBatch.sign(batch, SOURCE)

    assert SignedBatch.parse(first.encode()) == first
    assert first.digest == second.digest
    assert first.signature != second.signature


@pytest.mark.parametrize("length", [0, SIGNATURE_BYTES])
def test_a_signature_without_a_statement_is_refused(length: int) -> None:
    """There must be something signed."""
    with pytest.raises(Refused, match="`signature` of a batch"):
        SignedBatch.parse(bytes(length))


@pytest.mark.must("3.4.8")
def test_a_batch_is_checked_with_the_key_it_names_only() -> None:
    """A source cannot be credited with what another signed."""
    signed = SignedBatch.sign(making.a_batch(making.some_records(1), SOURCE), SOURCE)

    signed.check_signature(SOURCE_PUBLIC)

    with pytest.raises(Refused) as refusal:
        signed.check_signature(verify_key("officer-1"))
    assert refusal.value.code == "batch-key"
    with pytest.raises(Refused) as refusal:
        replace(signed, signature=bytes(SIGNATURE_BYTES)).check_signature(SOURCE_PUBLIC)
    assert refusal.value.code == "batch-signature"


@given(st.lists(making.record_inputs(), min_size=1, max_size=4))
def test_a_batch_item_is_read_back(records: list[RecordInput]) -> None:
    """Labels and contents travel once; salts, decoys and ids do not travel."""
    batch = replace(making.a_batch(making.some_records(1), SOURCE), count=len(records))
    signed = SignedBatch.parse(batch.encode() + making.NO_SIGNATURE)
    item = UnverifiedBatch(signed, making.SEED, tuple(records))

    assert parse_batch_item(item.encode()) == item
    with pytest.raises(Refused, match="1 more came"):
        parse_batch_item(item.encode() + b"\x00")


@pytest.mark.must("3.2.3", "3.6.10")
def test_a_must_portion_that_is_absent_is_refused() -> None:
    """A record without its caveat would say something else."""
    record = making.a_record({0: b"about"}, must=0b11)
    signed = SignedBatch.parse(making.a_batch([record], SOURCE).encode() + making.NO_SIGNATURE)

    with pytest.raises(Refused, match="every slot of `must`"):
        parse_batch_item(UnverifiedBatch(signed, making.SEED, (record,)).encode())


@pytest.mark.must("3.2.1", "3.6.10")
@pytest.mark.parametrize(
    "record",
    [
        RecordInput(2, 1, 3, (making.Portion(0, b"", b""),)),
        RecordInput(2, 0, 8, (making.Portion(0, b"", b""),)),
        RecordInput(2, 1, 8, ()),
        RecordInput(2, 1, 4, (making.Portion(0, b"", b""), making.Portion(4, b"", b""))),
    ],
    ids=["three slots", "must without slot 0", "nothing present", "a slot beyond n"],
)
def test_a_record_of_no_shape_is_refused(record: RecordInput) -> None:
    """Slot count, must and present are checked before any portion is read."""
    batch = replace(making.a_batch(making.some_records(1), SOURCE), count=1)
    signed = SignedBatch.parse(batch.encode() + making.NO_SIGNATURE)

    with pytest.raises(Refused) as refusal:
        parse_batch_item(UnverifiedBatch(signed, making.SEED, (record,)).encode())
    assert refusal.value.at.startswith("record.")


@pytest.mark.must("3.4.7")
def test_a_batch_above_three_mebibytes_is_refused() -> None:
    """The sum is bounded, not only each portion."""
    records = [making.a_record({0: bytes(2**20), 1: bytes(2**20), 2: bytes(2**20)}, label=b"")]
    signed = SignedBatch.parse(making.a_batch(records, SOURCE).encode() + making.NO_SIGNATURE)
    fits = UnverifiedBatch(signed, making.SEED, tuple(records))
    too_much = replace(fits, records=(making.a_record({0: bytes(2**20), 1: bytes(2**20), 2: bytes(2**20)}),))

    assert parse_batch_item(fits.encode()) == fits
    with pytest.raises(Refused, match=f"may have {MAX_BATCH_BYTES} bytes") as refusal:
        parse_batch_item(too_much.encode())
    assert refusal.value.code == "size"


def test_a_verified_batch_holds_what_its_source_signed() -> None:
    """Each view leads to its leaf, and the leaves to the signed root."""
    records = making.some_records(65)
    item = making.an_item(records, SOURCE)

    verified = verify_batch(item, SOURCE_PUBLIC, making.GENESIS)

    assert verified.signed == item.signed
    assert list(verified.leaves) == [view.leaf() for view in verified.views] == making.leaves_of(records)
    assert [view.commitments() for view in verified.views] == list(verified.commitments)
    assert [view.idx for view in verified.views] == list(range(65))


@pytest.mark.parametrize(("count", "pauses"), [(63, 0), (64, 1), (130, 2)])
def test_verifying_lets_other_work_in_after_every_64_records(count: int, pauses: int) -> None:
    """A large batch does not hold the loop."""
    steps = verifying(making.an_item(making.some_records(count), SOURCE), SOURCE_PUBLIC, making.GENESIS)

    assert sum(1 for _ in steps) == pauses


def test_a_batch_and_its_verdict_cross_a_process_boundary() -> None:
    """Verification may run in a spawned process."""
    item = making.an_item(making.some_records(2), SOURCE)
    verified = verify_batch(item, SOURCE_PUBLIC, making.GENESIS)

    assert pickle.loads(pickle.dumps((item, verified))) == (item, verified)  # noqa: S301 - our own bytes


@pytest.mark.must("3.5.1")
def test_a_batch_for_another_genesis_is_refused() -> None:
    """A batch cannot be carried from one gateway to another."""
    with pytest.raises(Refused) as refusal:
        verify_batch(making.an_item(making.some_records(1), SOURCE), SOURCE_PUBLIC, bytes(48))
    assert refusal.value.code == "batch-genesis"


FULL = {0: b"about 0", 3: b"more of 0"}


@pytest.mark.must("3.5.5")
@pytest.mark.parametrize(
    "first",
    [
        making.a_record(FULL, must=0b1001),
        making.a_record({0: b"about 0"}),
        making.a_record(FULL, label=b"UKR.1 T"),
        making.a_record(FULL | {3: b"else"}),
        making.some_records(2)[1],
    ],
    ids=["must", "a portion less", "label", "content", "order"],
)
def test_records_that_are_not_the_signed_ones_are_refused(first: RecordInput) -> None:
    """The gateway cannot forge a unit's record, and nobody before it can."""
    item = making.an_item(making.some_records(2), SOURCE)
    assert item.records[0] == making.a_record(FULL)

    for changed in (replace(item, records=(first, item.records[1])), replace(item, seed=bytes(32))):
        with pytest.raises(Refused) as refusal:
            verify_batch(changed, SOURCE_PUBLIC, making.GENESIS)
        assert refusal.value.code == "batch-root"


@pytest.mark.must("3.5.4")
def test_the_signature_comes_before_any_record_is_hashed() -> None:
    """A stranger's batch costs one verification, whatever it carries."""
    item = making.an_item(making.some_records(1), SOURCE)
    unsigned = replace(item, signed=replace(item.signed, signature=bytes(SIGNATURE_BYTES)), records=())

    with pytest.raises(Refused) as refusal:
        verify_batch(unsigned, SOURCE_PUBLIC, making.GENESIS)
    assert refusal.value.code == "batch-signature"


@pytest.mark.must("3.3.3")
def test_a_stored_batch_is_read_back_without_its_seed() -> None:
    """What the gateway keeps is the statement, the time and the full views."""
    verified = verify_batch(making.an_item(making.some_records(3), SOURCE), SOURCE_PUBLIC, making.GENESIS)
    inspected = InspectedBatch(verified, ((b"UKR.1 DSK",),) * 3, ("",) * 3)
    stored = StoredBatch(inspected.verified.signed, 1_780_000_000_000, inspected.verified.views)

    assert parse_stored_batch(stored.encode()) == stored
    assert read_admitted_at_ms(stored.encode()) == stored.admitted_at_ms
    assert making.SEED not in stored.encode()
    with pytest.raises(Refused, match="1 more came"):
        parse_stored_batch(stored.encode() + b"\x00")


def test_a_batch_item_whose_batch_is_too_long_is_refused() -> None:
    """The statement has a bound of its own."""
    with pytest.raises(Refused, match="`signed batch`"):
        parse_batch_item(lp16(bytes(6000)))
