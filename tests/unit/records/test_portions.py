"""Portions, their commitments, and the secrets that a batch's seed expands to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.records.portion import Portion, commitment, encode_disclosure, parse_disclosure
from gateway.core.records.record import check_shape, record_leaf
from gateway.core.records.seed import expand
from gateway.core.suite.numbers import MAX_CONTENT_BYTES, MAX_LABEL_BYTES, SLOT_COUNTS
from tests.reference.making import hashes, ids, salts, u16s

portions = st.builds(Portion, st.integers(0, 255), st.binary(max_size=MAX_LABEL_BYTES), st.binary(max_size=64))


@given(salts, portions)
def test_a_disclosure_is_read_back(salt: bytes, portion: Portion) -> None:
    """What is committed to is what is read, whatever the content is."""
    assert parse_disclosure(encode_disclosure(salt, portion)) == portion


@given(salts, portions, salts, portions)
def test_a_commitment_binds_salt_slot_label_and_content(
    salt: bytes, portion: Portion, other_salt: bytes, other: Portion
) -> None:
    """Nobody can relabel a portion or move it to another slot: other bytes have another commitment."""
    made, others = encode_disclosure(salt, portion), encode_disclosure(other_salt, other)

    assert (commitment(made) == commitment(others)) == ((salt, portion) == (other_salt, other))
    assert len(commitment(made)) == 48


def test_a_label_or_content_too_long_is_refused() -> None:
    """Bounds hold before anything is allocated for what lies inside."""
    long_label = encode_disclosure(bytes(32), Portion(0, b"x" * (MAX_LABEL_BYTES + 1), b""))
    long_content = encode_disclosure(bytes(32), Portion(0, b"", bytes(MAX_CONTENT_BYTES + 1)))

    parse_disclosure(long_content[:-1])
    for too_long, field in ((long_label, "label"), (long_content, "content")):
        with pytest.raises(Refused, match=f"`{field}`"):
            parse_disclosure(too_long)


@pytest.mark.parametrize("length", [0, 31, 32, 33, 34])
def test_a_disclosure_without_all_its_fields_is_refused(length: int) -> None:
    """A salt alone discloses nothing."""
    with pytest.raises(Refused, match="of a disclosure"):
        parse_disclosure(bytes(length))


@given(salts, st.lists(st.sampled_from(SLOT_COUNTS), max_size=6))
def test_secrets_are_cut_from_one_stream_in_record_order(seed: bytes, counts: list[int]) -> None:
    """Source and gateway derive the same ids and salts, and none of them twice."""
    secrets = expand(seed, counts)

    assert [len(secret.slots) for secret in secrets] == counts
    assert expand(seed, counts[:3]) == secrets[:3]
    drawn = [secret.record_id for secret in secrets] + [slot for secret in secrets for slot in secret.slots]
    assert len(set(drawn)) == len(drawn)
    assert all(len(secret.record_id) == 16 for secret in secrets)


@pytest.mark.must("3.2.1")
@pytest.mark.parametrize("slots", [0, 3, 5, 15, 17, 255])
def test_a_record_has_a_power_of_two_of_slots(slots: int) -> None:
    """Few counts, so a count tells little."""
    with pytest.raises(Refused) as refusal:
        check_shape(slots, 1, 1)
    assert refusal.value.at == "record.n"


@pytest.mark.must("3.2.2")
@pytest.mark.parametrize("must", [0, 0b10, 0b1_0000_0001])
def test_must_names_slot_0_and_real_slots(must: int) -> None:
    """The label of the fact that the record exists is always shown."""
    with pytest.raises(Refused) as refusal:
        check_shape(8, must, 1)
    assert refusal.value.at == "record.must"


@pytest.mark.must("5.1.1")
@pytest.mark.parametrize("mask", [0, 0b1_0000_0000])
def test_a_mask_names_real_slots_and_at_least_one(mask: int) -> None:
    """A view of nothing is no view."""
    with pytest.raises(Refused) as refusal:
        check_shape(8, 1, mask)
    assert refusal.value.at == "record.mask"


@given(ids, u16s, u16s, st.lists(hashes, min_size=1, max_size=4))
def test_a_leaf_binds_every_field_of_a_record(
    record_id: bytes, schema: int, must: int, commitments: list[bytes]
) -> None:
    """Another id, schema, must or commitment is another record."""
    leaf = record_leaf(record_id, schema, must, commitments)

    others = [
        record_leaf(bytes([record_id[0] ^ 1]) + record_id[1:], schema, must, commitments),
        record_leaf(record_id, schema ^ 1, must, commitments),
        record_leaf(record_id, schema, must ^ 1, commitments),
        record_leaf(record_id, schema, must, [*commitments, bytes(48)]),
    ]
    assert leaf not in others
