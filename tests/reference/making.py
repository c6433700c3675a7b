"""Small factories and strategies for the structures of the format: what a test does not name is fixed or drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from gateway.core.ledger import entries, receipt, tick
from gateway.core.records.batch import Batch, SignedBatch
from gateway.core.records.portion import Portion
from gateway.core.records.seed import expand
from gateway.core.records.states import RecordInput, UnverifiedBatch, batch_leaves, build_view
from gateway.core.records.view import View
from gateway.core.sealing import frame, stream
from gateway.core.suite.keys import SIGNATURE_BYTES, SigningKey
from gateway.core.suite.numbers import SLOT_COUNTS, DataMode, KeyState, RecordKind, RefusalCode
from gateway.core.suite.tree import tree_root

GENESIS = bytes(range(48))
LANE = b"lane of sixteen!"
NO_SIGNATURE = bytes(SIGNATURE_BYTES)
SEED = b"a seed of exactly 32 bytes, sir."

# Strategies ----------------------------------------------------------------------------------------------------------

_FIRST = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
names = st.builds(str.__add__, st.sampled_from(_FIRST), st.text(_FIRST + "._/-", max_size=63))
u16s = st.integers(0, 2**16 - 1)
u32s = st.integers(0, 2**32 - 1)
u64s = st.integers(0, 2**64 - 1)


def exactly(length: int) -> st.SearchStrategy[bytes]:
    """Byte strings of one length."""
    return st.binary(min_size=length, max_size=length)


hashes = exactly(48)
ids = exactly(16)
salts = exactly(32)
hash_tuples = st.lists(hashes, max_size=4).map(tuple)

batches = st.builds(
    Batch,
    genesis=hashes,
    source_id=names,
    key_id=ids,
    lane=ids,
    batch_no=u64s,
    prev=hashes,
    kind=st.sampled_from(RecordKind),
    data_mode=st.sampled_from(DataMode),
    count=st.integers(1, 256),
    root=hashes,
)
hellos = st.builds(
    stream.Hello,
    genesis=hashes,
    partner_id=names,
    agreement_id=names,
    subscription=names,
    agreement_digest=hashes,
    sign_key_id=ids,
    nonce=salts,
    time_ms=u64s,
    kinds=u16s,
    dir_no=u64s,
    incarnation=ids,
    next_tick=u64s,
    account_size=u64s,
    cursor=st.binary(max_size=255),
    ephemeral_key=st.binary(min_size=1665, max_size=1665),
)
terms = st.builds(
    stream.StreamTerms,
    genesis=hashes,
    partner_id=names,
    agreement_id=names,
    subscription=names,
    stream_id=ids,
    hello_digest=hashes,
    kem_key_id=ids,
    stream_key_id=ids,
    agreement_digest=hashes,
    not_after_ms=u64s,
)
disclosures = st.builds(
    frame.Disclosure,
    partner_id=names,
    agreement_id=names,
    subscription=names,
    stream_id=ids,
    seq=u64s,
    agreement_digest=hashes,
    audit=hashes,
    records=u32s,
    cursor=st.binary(max_size=255),
    view_digest=hashes,
)
ticks = st.builds(
    tick.Tick,
    genesis=hashes,
    key_id=ids,
    incarnation=ids,
    number=u64s,
    time_ms=u64s,
    ledger=hashes,
    control=hashes,
    accounts_root=hashes,
)
tick_messages = st.builds(
    lambda path, place, **rest: tick.TickMessage(path=path, place=place % (1 << len(path)), **rest),
    statement=st.binary(max_size=1024),
    signature=st.just(NO_SIGNATURE),
    salt=salts,
    size=u64s,
    root=hashes,
    place=u32s,
    path=hash_tuples,
    leaves=hash_tuples,
    ledger_nodes=hash_tuples,
)
receipts = st.builds(
    receipt.Receipt,
    genesis=hashes,
    partner_id=names,
    agreement_id=names,
    subscription=names,
    key_id=ids,
    incarnation=ids,
    tick=u64s,
    size=u64s,
    root=hashes,
    quarantine_digest=hashes,
    time_ms=u64s,
)
quarantines = st.lists(st.builds(receipt.Quarantined, hashes, st.integers(0, 255), st.sampled_from(RefusalCode)))
source_entries = st.one_of(
    st.builds(entries.Admitted, salts, ids, u64s, hashes),
    st.builds(entries.RefusedBatch, salts, ids, u64s, hashes, st.sampled_from(RefusalCode)),
    st.builds(
        entries.Disclosed, salts, hashes, st.integers(0, 255), st.integers(1, 65_535), st.one_of(names, st.just(""))
    ),
)
key_events = st.builds(entries.KeyEvent, hashes, st.sampled_from(KeyState))


@st.composite
def record_inputs(draw: st.DrawFn) -> RecordInput:
    """A record of any slot count whose `must` is present."""
    count = draw(st.sampled_from(SLOT_COUNTS))
    present = draw(st.integers(0, (1 << count) - 1)) | 1
    must = (draw(st.integers(0, (1 << count) - 1)) & present) | 1
    portions = tuple(
        Portion(slot, draw(st.binary(max_size=64)), draw(st.binary(max_size=64)))
        for slot in range(count)
        if present >> slot & 1
    )
    return RecordInput(draw(u16s), must, count, portions)


@st.composite
def views(draw: st.DrawFn) -> View:
    """A view of one record with any mask, not all of it necessarily of `must`."""
    record = draw(record_inputs())
    (secret,) = expand(draw(salts), [record.slot_count])
    whole, commitments = build_view(draw(st.integers(0, 255)), record, secret)
    return whole.narrowed(draw(st.integers(0, record.present)) & record.present or 1, commitments)


# Factories -----------------------------------------------------------------------------------------------------------


def a_record(
    contents: Mapping[int, bytes], *, slots: int = 8, must: int = 1, label: bytes = b"UKR.1 DSK"
) -> RecordInput:
    """A record with these contents per slot."""
    portions = tuple(Portion(slot, label, content) for slot, content in sorted(contents.items()))
    return RecordInput(2, must, slots, portions)


def some_records(count: int) -> list[RecordInput]:
    """Records of two portions that all differ."""
    return [a_record({0: b"about %d" % number, 3: b"more of %d" % number}) for number in range(count)]


def a_batch(records: Sequence[RecordInput], key: SigningKey, *, batch_no: int = 0, genesis: bytes = GENESIS) -> Batch:
    """B over these records under the seed of this module."""
    return Batch(
        genesis, "src-3f07", key.key_id, LANE, batch_no, bytes(48), RecordKind.TACTIC, DataMode.TEST, len(records),
        tree_root(leaves_of(records)),
    )  # fmt: skip


def whole_views(records: Sequence[RecordInput]) -> tuple[list[View], list[tuple[bytes, ...]]]:
    """Full views and commitments of these records under the seed of this module."""
    secrets = expand(SEED, [record.slot_count for record in records])
    built = [build_view(idx, record, secret) for idx, (record, secret) in enumerate(zip(records, secrets, strict=True))]
    return [view for view, _ in built], [committed for _, committed in built]


def leaves_of(records: Sequence[RecordInput]) -> list[bytes]:
    """L of each record under the seed of this module."""
    return batch_leaves(*whole_views(records))


def an_item(records: Sequence[RecordInput], key: SigningKey, *, batch_no: int = 0) -> UnverifiedBatch:
    """A signed batch as its parcel carries it."""
    signed = SignedBatch.sign(a_batch(records, key, batch_no=batch_no), key)
    return UnverifiedBatch(signed, SEED, tuple(records))
