"""Threat: a partner tells a withheld portion from one that never was, and so learns what it was not to know.

The same batch is made twice from one seed: once with a portion that the partner does not get, once with nothing in that
slot. Everything the partner is sent is compared field by field and byte by byte: what differs is that C_j, and what
hashes it. All lengths are equal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.kinds import KINDS
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    KIND_TICK,
    AccountEntry,
    Book,
    DraftTick,
    encode_account,
    encode_account_entries,
)
from gateway.core.ledger.entries import HOUSE, Admitted, Disclosed, SourceEntry, partner_account, source_account
from gateway.core.ledger.tick import TickMessage, parse_tick, parse_tick_message, sign_tick
from gateway.core.records.batch import Batch, SignedBatch
from gateway.core.records.portion import Portion
from gateway.core.records.seed import expand
from gateway.core.records.states import RecordInput, UnverifiedBatch, batch_leaves, build_view
from gateway.core.sealing.body import Section, encode_body, parse_body, view_digest
from gateway.core.sealing.frame import Disclosure, SealedFrame, seal_frame
from gateway.core.sealing.stream import StreamKeys
from gateway.core.suite.algorithms import Cipherstate
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import DataMode, RecordKind, StreamMessage
from gateway.core.suite.octets import lp32, u8, u16, u32, u64
from gateway.core.suite.tree import aligned_subtrees, leaf_hash, multiproof, tree_root
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.town import Origin, a_record, terms

SOURCE_KEY, LEDGER_KEY = SigningKey.generate(), SigningKey.generate()
GENESIS, LANE = b"\x01" * 48, b"\x02" * 16
PARTNER = partner_account("usa/arl", "UA-US-1", "main")
KEYS = StreamKeys(b"\x03" * 48, Cipherstate(bytes(range(44))))
HASH, TAG = 48, 16

Fields = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Case:
    """A batch, one slot of it, and what a partner gets. masks[i]: slots shown of record i, 0 for none at all."""

    seed: bytes
    records: tuple[RecordInput, ...]
    masks: tuple[int, ...]
    idx: int
    slot: int

    @property
    def without(self) -> tuple[RecordInput, ...]:
        """The same records, but for the portion of that slot."""
        record = self.records[self.idx]
        kept = replace(record, portions=tuple(one for one in record.portions if one.slot != self.slot))
        return (*self.records[: self.idx], kept, *self.records[self.idx + 1 :])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any batch in which one slot holds a portion that this partner is not shown."""
    slots = draw(st.sampled_from([2, 4, 8, 16]))
    slot = draw(st.integers(1, slots - 1))
    count = draw(st.integers(1, 6))
    idx = draw(st.integers(0, count - 1))
    records = []
    for number in range(count):
        present = draw(st.integers(0, (1 << slots) - 1)) | 1 | (number == idx) << slot
        texts = st.binary(max_size=80)
        portions = [Portion(j, draw(texts), draw(texts)) for j in range(slots) if present >> j & 1]
        records.append(RecordInput(2, 1, slots, tuple(portions)))
    shown = draw(st.lists(st.booleans(), min_size=count, max_size=count).filter(any))
    masks = [(draw(st.integers(0, (1 << slots) - 1)) & record.present | 1) for record in records]
    masks[idx] &= ~(1 << slot)
    masks = [mask if is_shown else 0 for mask, is_shown in zip(masks, shown, strict=True)]
    return Case(draw(st.binary(min_size=32, max_size=32)), tuple(records), tuple(masks), idx, slot)


def section_of(case: Case, records: Sequence[RecordInput]) -> Section:
    """What the gateway releases of the batch under the case's masks."""
    secrets = expand(case.seed, [record.slot_count for record in records])
    built = [build_view(idx, record, secret) for idx, (record, secret) in enumerate(zip(records, secrets, strict=True))]
    leaves = batch_leaves([view for view, _ in built], [committed for _, committed in built])
    batch = Batch(
        genesis=GENESIS,
        source_id="src-3f07",
        key_id=SOURCE_KEY.key_id,
        lane=LANE,
        batch_no=7,
        prev=b"\x04" * 48,
        kind=RecordKind.TACTIC,
        data_mode=DataMode.TEST,
        count=len(records),
        root=tree_root(leaves),
    )
    views = [view.narrowed(mask, committed) for (view, committed), mask in zip(built, case.masks, strict=True) if mask]
    proof = multiproof(leaves, [view.idx for view in views])
    return Section(SignedBatch.sign(batch, SOURCE_KEY), tuple(views), tuple(proof))


def body_of(section: Section) -> Fields:
    """The body of one section, cut into its fields."""
    signed = section.signed
    fields = [
        ("count", u8(1)),
        ("length", u16(len(signed.encode()))),
        ("B", signed.statement[:-HASH]),
        ("root", signed.statement[-HASH:]),
        ("sig", signed.signature),
        ("k", u16(len(section.views))),
    ]
    for view in section.views:
        head = u8(view.idx) + view.record_id + u16(view.schema) + u16(view.must) + u8(len(view.slots)) + u16(view.mask)
        fields.append((f"V {view.idx}", head))
        for j, slot in enumerate(view.slots):
            fields.append((f"slot {view.idx}.{j}", lp32(slot) if view.mask >> j & 1 else slot))
    fields.append(("nodes", u16(len(section.proof))))
    fields += [(f"node {place}", node) for place, node in enumerate(section.proof)]
    body = encode_body([section.encode()])
    fields.append(("padding", body[sum(len(value) for _, value in fields) :]))
    assert b"".join(value for _, value in fields) == body
    return fields


def disclosure_of(section: Section) -> Fields:
    """G, cut before its view digest."""
    shown = [(section.signed.digest, [(view.idx, view.leaf(), view.mask) for view in section.views])]
    entry = Disclosure(
        partner_id="usa/arl",
        agreement_id="UA-US-1",
        subscription="main",
        stream_id=b"\x05" * 16,
        seq=0,
        agreement_digest=b"\x06" * 48,
        audit=b"\x07" * 48,
        records=len(section.views),
        cursor=b"\x08" * 38,
        view_digest=view_digest(shown),
    ).encode()
    return [("G", entry[:-HASH]), ("view_digest", entry[-HASH:])]


def joined(fields: Fields) -> bytes:
    """The bytes that the fields make."""
    return b"".join(value for _, value in fields)


def frame_of(disclosure: Fields, body: Fields) -> Fields:
    """The sealed frame: counter mode keeps every field in its place, a tag stands behind each part."""
    sealed = seal_frame(KEYS, 1, joined(disclosure), joined(body))
    fields, at = [("seq", sealed[:8])], 8
    for part in (disclosure, body):
        cut = [("length", 4), *((name, len(value)) for name, value in part), (f"tag of {part[0][0]}", TAG)]
        for name, length in cut:
            fields.append((name, sealed[at : at + length]))
            at += length
    assert at == len(sealed)
    return fields


def tick_of(entry: bytes) -> Fields:
    """The tick message that covers G, of a ledger with four accounts and five ticks before it."""
    book = Book(GENESIS)
    book.apply(0, KIND_INCARNATION, b"\x09" * 16)
    for place, account_id in enumerate((HOUSE, source_account("src-3f07"), PARTNER)):
        book.apply(book.size, KIND_ACCOUNT, encode_account(account_id, place))
    for time_ms in range(5):
        draft = drafted(book, time_ms)
        book.apply(book.size, KIND_TICK, draft.encode(bytes(4691)))
    book.apply(book.size, KIND_ENTRIES, encode_account_entries([AccountEntry(PARTNER, entry)]))
    draft = drafted(book, 5)
    _, message = book.message(draft, sign_tick(draft.statement, LEDGER_KEY), PARTNER, 0, 2)
    return fields_of_tick(message)


def drafted(book: Book, time_ms: int) -> DraftTick:
    """The next tick from one randomness."""
    return book.draft(
        key_id=LEDGER_KEY.key_id,
        time_ms=time_ms,
        control_position=1,
        control_link=b"\x0a" * 48,
        control_salt=b"\x0b" * 32,
        tick_seed=bytes([time_ms]) * 32,
    )


def fields_of_tick(message: TickMessage) -> Fields:
    """A tick message, cut into its fields."""
    fields = [
        ("length", u16(len(message.statement))),
        ("K", message.statement[:-HASH]),
        ("accounts_root", message.statement[-HASH:]),
        ("sigK", message.signature),
        ("salt", message.salt),
        ("size", u64(message.size)),
        ("account root", message.root),
        ("place", u32(message.place)),
        ("path", u8(len(message.path)) + b"".join(message.path)),
        ("leaf count", u32(len(message.leaves))),
        *((f"leaf {number}", leaf) for number, leaf in enumerate(message.leaves)),
        ("ledger nodes", u8(len(message.ledger_nodes)) + b"".join(message.ledger_nodes)),
    ]
    assert joined(fields) == message.encode()
    return fields


def differing(one: Fields, other: Fields) -> set[str]:
    """Names of the fields that differ; fails unless both have the same fields of the same lengths."""
    assert [(name, len(value)) for name, value in one] == [(name, len(value)) for name, value in other]
    return {name for (name, value), (_, twin) in zip(one, other, strict=True) if value != twin}


def nodes_above(idx: int, count: int, known: Sequence[int]) -> set[str]:
    """Which nodes of a multiproof stand over the leaf `idx`: none if it is itself known."""
    over, number = set(), 0
    indexes, width, height = sorted(known), count, 0
    while width > 1:
        for i in indexes:
            if i ^ 1 < width and i ^ 1 not in indexes:
                if i ^ 1 == idx >> height:
                    over.add(f"node {number}")
                number += 1
        indexes, width, height = sorted({i >> 1 for i in indexes}), (width + 1) >> 1, height + 1
    return over


@pytest.mark.must("3.1.2", "5.1.2")
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_a_decoy_and_a_withheld_portion_differ_in_that_commitment_and_what_hashes_it(case: Case) -> None:
    """Body, disclosure, sealed frame and tick, byte by byte: ids, salts, padding and every length are the same."""
    withheld, decoy = section_of(case, case.records), section_of(case, case.without)
    bodies = body_of(withheld), body_of(decoy)
    disclosures = disclosure_of(withheld), disclosure_of(decoy)
    frames = frame_of(disclosures[0], bodies[0]), frame_of(disclosures[1], bodies[1])
    ticks = tick_of(joined(disclosures[0])), tick_of(joined(disclosures[1]))

    known = [view.idx for view in withheld.views]
    commitment = {f"slot {case.idx}.{case.slot}"} if case.idx in known else set()
    in_body = {"root", "sig", *commitment, *nodes_above(case.idx, len(case.records), known)}

    assert differing(*bodies) == in_body
    assert differing(*disclosures) == {"view_digest"}
    assert differing(*frames) == in_body | {"view_digest", "tag of G", "tag of count"}
    assert differing(*ticks) == {"accounts_root", "sigK", "account root", "leaf 0"}
    assert ticks[0][-2][1] == leaf_hash(joined(disclosures[0]))
    # The one C_j is a hash, the other what the seed gives there: the salt of the first and sixteen bytes more.
    secret = expand(case.seed, [record.slot_count for record in case.records])[case.idx].slots[case.slot]
    if case.idx in known:
        shown = {view.idx: view.slots for view in decoy.views}[case.idx]
        assert shown[case.slot] == secret


@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_a_sources_account_tells_the_two_apart_by_the_name_of_the_batch_only(case: Case) -> None:
    """`admitted` and `disclosed` hold H(B) and a mask: nothing of what was not shown."""
    entries = []
    for records in (case.records, case.without):
        named = section_of(case, records).signed.digest
        admitted = Admitted(b"\x0c" * 32, LANE, 7, named).encode()
        shown = [
            Disclosed(b"\x0d" * 32, named, idx, mask, "usa/arl").encode() for idx, mask in enumerate(case.masks) if mask
        ]
        fields = [(f"entry {number}", entry.replace(named, b"")) for number, entry in enumerate((admitted, *shown))]
        entries.append([*fields, ("H(B)", named)])

    assert differing(*entries) == {"H(B)"}


class Recording(Follower):
    """A partner that also keeps every message as it came. sections: their lengths, which padding would blur."""

    def __init__(self, house: House, partner_id: str, agreement_id: str) -> None:
        self.messages: list[bytes] = []
        self.sections: list[int] = []
        super().__init__(house, partner_id, agreement_id, "main")

    async def _write(self, message: bytes) -> None:
        self.messages.append(message)
        await super()._write(message)

    def _frame(self, body: bytes, keys: StreamKeys) -> int:
        self.sections += [len(one.encode()) for one in parse_body(SealedFrame.parse(body).open_body(keys))]
        return super()._frame(body, keys)

    def shape(self) -> list[tuple[str, int]]:
        """Type and length of every message; a tick's without its ledger nodes, which are as many as time made ticks."""
        shape, seen = [], 0
        for message in self.messages:
            kind, length = StreamMessage(message[0]), len(message)
            if kind is StreamMessage.TICK:
                tick = parse_tick_message(message[1:])
                number = parse_tick(tick.statement).number
                assert len(tick.ledger_nodes) == len(aligned_subtrees(seen, number))
                length, seen = length - HASH * len(tick.ledger_nodes), number + 1
            shape.append((kind.name, length))
        return shape


def without(record: RecordInput, slot: int) -> RecordInput:
    """The record with nothing in that slot."""
    return replace(record, portions=tuple(one for one in record.portions if one.slot != slot))


def masks_of(entries: Sequence[SourceEntry], partner_id: str) -> list[int]:
    """What the source's account says that this partner was shown, record by record."""
    return [entry.mask for entry in entries if isinstance(entry, Disclosed) and entry.partner_id == partner_id]


async def told(slot: int, *, is_there: bool) -> tuple[Recording, list[SourceEntry]]:
    """A partner's stream and a source's account: a batch of the journal, then one that comes while both listen.

    usa/arl does not get what stands in the slot, gbr/dstl does.
    """
    name = KINDS[RecordKind.TACTIC].slots[slot]
    agreements = (terms(withhold=f'["tactic.{name}"]'), terms("gbr/dstl", "UA-GB-1", origin='"shown"'))
    async with a_house(*agreements) as house:
        origin = Origin(house.control().genesis)

        def batch(*numbers: int) -> UnverifiedBatch:
            records = [a_record(number) for number in numbers]
            return origin.batch([*records[:-1], records[-1] if is_there else without(records[-1], slot)])

        await house.admit(batch(1, 2, 3))
        usa, gbr = Recording(house, "usa/arl", "UA-US-1"), Recording(house, "gbr/dstl", "UA-GB-1")
        for partner in (usa, gbr):
            partner.open()
            await partner.caught_up()
        await house.admit(batch(4, 5))
        for partner in (usa, gbr):
            await partner.received(5)
        sender = Sender(house)
        await sender.send()
        return usa, cast("list[SourceEntry]", sender.entries)


@pytest.mark.must("3.1.2")
@pytest.mark.parametrize("slot", [2, 6], ids=lambda slot: KINDS[RecordKind.TACTIC].slots[slot])
def test_real_streams_have_one_shape_whether_a_withheld_portion_is_there_or_not(slot: int) -> None:
    """Types, numbers and lengths of all messages, of the journal and live, while another partner gets the portion."""
    usa, entries = asyncio.run(told(slot, is_there=True))
    blind, same = asyncio.run(told(slot, is_there=False))

    assert usa.shape() == blind.shape()
    assert usa.sections == blind.sections
    assert len(usa.records) == len(blind.records) == 5
    assert [type(entry) for entry in entries] == [type(entry) for entry in same]
    assert [len(entry.encode()) for entry in entries] == [len(entry.encode()) for entry in same]
    assert masks_of(entries, "usa/arl") == masks_of(same, "usa/arl")
    # What there is goes to the other partner: it is withheld from this one, not from everyone.
    assert any(mask >> slot & 1 for mask in masks_of(entries, "gbr/dstl"))
    assert masks_of(entries, "gbr/dstl") != masks_of(same, "gbr/dstl")
