"""Bodies: sections with proofs that lead to the signed root, padded to a length that tells little."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.records.batch import SignedBatch
from gateway.core.sealing.body import (
    Section,
    encode_body,
    padded_length,
    parse_body,
    parse_section,
    view_digest,
)
from gateway.core.suite.numbers import MAX_BODY_BYTES
from gateway.core.suite.octets import Reader, u8, u16
from gateway.core.suite.tree import multiproof
from tests.reference import making
from tests.reference.recorded import signing_key

RECORDS = making.some_records(5)
VIEWS, COMMITMENTS = making.whole_views(RECORDS)
LEAVES = making.leaves_of(RECORDS)


def a_section(indexes: tuple[int, ...] = (1, 3), *, batch_no: int = 0) -> Section:
    """Some of five records, slot 3 withheld in the second shown."""
    batch = making.a_batch(RECORDS, signing_key("source"), batch_no=batch_no)
    signed = SignedBatch.parse(batch.encode() + making.NO_SIGNATURE)
    views = tuple(VIEWS[i].narrowed(0b1001 if i == indexes[0] else 1, COMMITMENTS[i]) for i in indexes)
    return Section(signed, views, tuple(multiproof(LEAVES, indexes)))


def _leaves(section: Section) -> list[bytes]:
    return [view.leaf() for view in section.views]


def _padded(unpadded: bytes) -> bytes:
    return unpadded.ljust(padded_length(len(unpadded)), b"\x00")


@given(st.sets(st.integers(0, 4), min_size=1))
def test_a_section_is_read_back_and_leads_to_the_signed_root(shown: set[int]) -> None:
    """Whatever is shown, the source's own signature covers it."""
    section = a_section(tuple(sorted(shown)))
    reader = Reader(section.encode(), "body")

    parsed = parse_section(reader)

    reader.done()
    assert parsed == section
    parsed.check_proof(_leaves(parsed))


@pytest.mark.must("5.5.12")
@pytest.mark.parametrize("code", ["batch-root", "proof-malformed"])
def test_a_section_that_does_not_lead_to_the_root_is_refused(code: str) -> None:
    """A record of another batch, and a proof with a node too many, are refused by name."""
    section = a_section()
    leaves = _leaves(section)
    lies = {
        "batch-root": (section, [leaves[0], bytes(48)]),
        "proof-malformed": (replace(section, proof=(*section.proof, bytes(48))), leaves),
    }
    lie, its_leaves = lies[code]

    with pytest.raises(Refused) as refusal:
        lie.check_proof(its_leaves)
    assert refusal.value.code == code


def _with_views(*order: int) -> bytes:
    section = a_section((0, 1, 2, 3, 4))
    return replace(section, views=tuple(section.views[i] for i in order)).encode()


@pytest.mark.must("5.2.1")
@pytest.mark.parametrize(
    ("section", "field"),
    [
        (_with_views(), "k"),
        (_with_views(0, 1, 2, 3, 4, 4), "k"),
        (_with_views(1, 0), "idx"),
        (_with_views(2, 2), "idx"),
        (replace(a_section((0,)), views=(replace(VIEWS[0], idx=5),)).encode(), "idx"),
        (replace(a_section((0,)), proof=(bytes(48),) * 257).encode(), "proof count"),
    ],
    ids=["k zero", "k above N", "descending", "repeated", "idx above N", "too many nodes"],
)
def test_a_section_out_of_bounds_is_refused(section: bytes, field: str) -> None:
    """N comes from the batch; every index lies below it, ascending, once."""
    with pytest.raises(Refused, match=f"`{field}` of a body"):
        parse_section(Reader(section, "body"))


@given(st.integers(1, MAX_BODY_BYTES))
def test_a_padded_length_is_little_more_and_is_its_own(length: int) -> None:
    """At most 12 % more, and padding what is padded changes nothing."""
    padded = padded_length(length)

    assert length <= padded <= length + length * 12 // 100
    assert padded_length(padded) == padded
    assert padded_length(length + 1) >= padded


@given(st.integers(1, 6))
def test_a_body_is_read_back(count: int) -> None:
    """Its sections and nothing else."""
    sections = [a_section(batch_no=number) for number in range(count)]

    assert parse_body(encode_body([section.encode() for section in sections])) == sections


def test_the_limits_of_a_body_and_of_a_proof_are_inside_them() -> None:
    """64 sections, 256 nodes and 3.5 MiB are taken: a limit is the last value allowed."""
    sections = [a_section(batch_no=number) for number in range(64)]
    longest = replace(a_section(), proof=(bytes(48),) * 256)

    assert parse_body(encode_body([section.encode() for section in sections])) == sections
    assert parse_section(Reader(longest.encode(), "body")) == longest
    assert padded_length(MAX_BODY_BYTES) == MAX_BODY_BYTES
    assert len(encode_body([bytes(MAX_BODY_BYTES - 1)])) == MAX_BODY_BYTES
    with pytest.raises(Refused, match="`count` of a body"):
        parse_body(bytes(MAX_BODY_BYTES))


@pytest.mark.must("5.2.2")
def test_a_body_above_its_limit_is_refused_on_both_sides() -> None:
    """One message holds it whole, so it is bounded before it is built and before it is read."""
    with pytest.raises(Refused) as refusal:
        encode_body([bytes(MAX_BODY_BYTES)])
    assert refusal.value.code == "size"
    with pytest.raises(Refused, match="`length` of a body"):
        parse_body(bytes(MAX_BODY_BYTES + 1))


@pytest.mark.must("5.2.2")
@pytest.mark.parametrize("count", [0, 65])
def test_a_body_of_no_section_or_too_many_is_refused(count: int) -> None:
    """One to 64."""
    with pytest.raises(Refused, match="`count` of a body"):
        parse_body(u8(count) + bytes(7))


@pytest.mark.must("5.2.2")
def test_a_batch_twice_in_one_body_is_refused() -> None:
    """A batch may be split over frames, not over sections."""
    sections = [a_section((0,)).encode(), a_section((1,)).encode()]

    with pytest.raises(Refused, match="`sections` of a body"):
        parse_body(encode_body(sections))


@pytest.mark.must("5.2.3")
def test_padding_that_is_not_zero_not_needed_or_not_enough_is_refused() -> None:
    """A body has one encoding, and nothing hides in it."""
    unpadded = u8(1) + a_section().encode()
    body = _padded(unpadded)
    assert len(body) > len(unpadded)
    parse_body(body)

    for came in (unpadded, body + b"\x00", body[:-1] + b"\x01"):
        with pytest.raises(Refused, match="`padding` of a body"):
            parse_body(came)


@pytest.mark.must("5.5.5")
@given(making.hashes, st.integers(0, 255), making.hashes, making.u16s)
def test_the_view_digest_binds_batches_records_and_masks(digest: bytes, idx: int, leaf: bytes, mask: int) -> None:
    """G names exactly what its frame shows."""
    made = view_digest([(digest, [(idx, leaf, mask)])])

    others = [
        view_digest([]),
        view_digest([(digest, [])]),
        view_digest([(digest, [(idx ^ 1, leaf, mask)])]),
        view_digest([(digest, [(idx, leaf, mask ^ 1)])]),
        view_digest([(digest, [(idx, leaf, mask)]), (digest, [])]),
    ]
    assert made not in others


def test_a_section_cut_short_is_refused() -> None:
    """Each field is read within what is there."""
    encoded = a_section().encode()

    for length in (0, 2, 5000, len(encoded) - 1):
        with pytest.raises(Refused) as refusal:
            parse_section(Reader(encoded[:length], "body"))
        assert refusal.value.code == "malformed"
    assert encoded[-48 * len(a_section().proof) - 2 :][:2] == u16(len(a_section().proof))
