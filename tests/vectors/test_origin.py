"""Portions, records, batches and parcels: the recorded bytes are made, and opened, by the product."""

from __future__ import annotations

import pytest

from gateway.core.records.batch import Batch, SignedBatch, parse_batch
from gateway.core.records.portion import Portion, commitment, encode_disclosure, parse_disclosure
from gateway.core.records.seed import expand
from gateway.core.records.states import RecordInput, UnverifiedBatch, batch_leaves, build_view, parse_batch_item
from gateway.core.records.states import verify_batch as verify
from gateway.core.sealing.parcel import ParcelReader, ParcelWriter, parse_parcel_header
from gateway.core.suite.algorithms import Cipherstate, hkdf_expand
from gateway.core.suite.numbers import DataMode, RecordKind
from gateway.core.suite.octets import u8, u16, u64
from gateway.core.suite.tree import tree_root
from tests.reference import recorded

BATCHES = (0, 1)


def _inputs(number: int) -> list[RecordInput]:
    schema, must, n = (recorded.value(f"origin.{name}") for name in ("schema", "must", "n"))
    records = []
    for record in recorded.value("origin.contents")[number]:
        portions = [Portion(int(slot), label.encode(), bytes.fromhex(c)) for slot, (label, c) in record.items()]
        records.append(RecordInput(schema, must, n, tuple(portions)))
    return records


def _signed(number: int) -> SignedBatch:
    return SignedBatch.parse(
        recorded.octets(f"origin.batch_{number}") + recorded.octets(f"origin.batch_{number}_signature")
    )


@pytest.mark.must("3.1.2")
@pytest.mark.parametrize("number", BATCHES)
def test_disclosures_commitments_records_and_leaves_are_the_recorded_ones(number: int) -> None:
    """Salts, decoys and ids come from the seed; everything above is hashed from them."""
    secrets = expand(recorded.octets(f"origin.seed_{number}"), [8] * len(_inputs(number)))
    built = [
        build_view(*numbered, secret) for numbered, secret in zip(enumerate(_inputs(number)), secrets, strict=True)
    ]
    views, commitments = [view for view, _ in built], [committed for _, committed in built]
    leaves = batch_leaves(views, commitments)

    for index, (view, committed) in enumerate(zip(views, commitments, strict=True)):
        name = f"{number}_{index}"
        assert view.record_id == recorded.field(f"origin.record_{name}", "record_id")
        assert leaves[index] == view.leaf() == recorded.octets(f"origin.leaf_{name}")
        for slot in range(8):
            assert committed[slot] == recorded.field(f"origin.record_{name}", f"C_{slot}")
            if view.mask >> slot & 1:
                assert view.slots[slot] == recorded.octets(f"origin.disclosure_{name}_{slot}")
                assert committed[slot] == recorded.octets(f"origin.commitment_{name}_{slot}")
    assert tree_root(leaves) == recorded.field(f"origin.batch_{number}", "root")


def test_a_disclosure_is_made_and_read_back() -> None:
    """Salt, slot, label, content to the end."""
    made = recorded.octets("origin.disclosure_0_0_2")

    portion = parse_disclosure(made)

    assert (portion.slot, portion.label) == (2, b"UKR.1 T//REL GBR,USA")
    assert portion.content == recorded.field("origin.disclosure_0_0_2", "content")
    assert encode_disclosure(recorded.field("origin.disclosure_0_0_2", "salt"), portion) == made
    assert commitment(made) == recorded.octets("origin.commitment_0_0_2")


@pytest.mark.parametrize("number", BATCHES)
def test_a_batch_statement_is_the_recorded_one_and_its_signature_verifies(number: int) -> None:
    """B names everything a source stands for; H(B) is its name."""
    previous = recorded.octets("origin.batch_0_digest") if number else bytes(48)
    name = f"origin.batch_{number}"
    batch = Batch(
        genesis=recorded.octets("control.genesis_link"),
        source_id=recorded.value("origin.source_id"),
        key_id=recorded.signing_key("source").key_id,
        lane=recorded.octets("origin.lane"),
        batch_no=number,
        prev=previous,
        kind=RecordKind(recorded.value("origin.kind")),
        data_mode=DataMode(recorded.value("origin.data_mode")),
        count=len(recorded.value("origin.contents")[number]),
        root=recorded.field(name, "root"),
    )

    assert batch.encode() == recorded.octets(name)
    assert parse_batch(recorded.octets(name)) == batch
    assert _signed(number).digest == recorded.octets(f"{name}_digest")
    _signed(number).check_signature(recorded.verify_key("source"))


@pytest.mark.must("3.3.4")
@pytest.mark.parametrize("number", BATCHES)
def test_a_batch_item_is_the_recorded_plaintext_and_verifies(number: int) -> None:
    """Labels and contents travel once; the gateway derives the rest and finds the signed root."""
    item = UnverifiedBatch(_signed(number), recorded.octets(f"origin.seed_{number}"), tuple(_inputs(number)))

    assert item.encode() == recorded.octets(f"origin.parcel_plaintext_{number}")
    parsed = parse_batch_item(item.encode())
    assert parsed == item
    verified = verify(parsed, recorded.verify_key("source"), recorded.octets("control.genesis_link"))
    assert len(verified.leaves) == len(item.records)


def test_the_recorded_parcel_opens_item_by_item() -> None:
    """The header's seal gives the secret, the secret opens the items in order, and the parcel is complete."""
    header = parse_parcel_header(recorded.octets("parcel.header"))
    reader = ParcelReader(header, recorded.kem_key("gateway-ingest"))

    opened = [reader.open(recorded.octets(f"parcel.item_{number}")) for number in (0, 1, 2)]

    assert header.opening == recorded.octets("parcel.header_context")
    assert opened == [*(recorded.octets(f"origin.parcel_plaintext_{n}") for n in BATCHES), None]
    assert reader.complete


def test_the_items_of_the_recorded_secret_are_made_again() -> None:
    """Once the secret is known the rest of a parcel is determined."""
    parcel_id = parse_parcel_header(recorded.octets("parcel.header")).parcel_id
    key = recorded.kem_key("gateway-ingest").public_key
    writer = ParcelWriter(
        recorded.octets("control.genesis_link"), "src-3f07", key, parcel_id, recorded.octets("parcel.secret")
    )

    items = [writer.seal(recorded.octets(f"origin.parcel_plaintext_{number}")) for number in BATCHES]
    items.append(writer.close())

    assert items == [recorded.octets(f"parcel.item_{number}") for number in (0, 1, 2)]
    assert writer.header[: -len(recorded.octets("parcel.header_seal")) - 2] == recorded.octets("parcel.header_context")
    assert recorded.octets("parcel.whole") == recorded.octets("parcel.header") + b"".join(items)


def test_a_parcel_key_is_expanded_from_its_secret() -> None:
    """Key and iv are the recorded ones, and the closing item holds the count."""
    parcel_id = parse_parcel_header(recorded.octets("parcel.header")).parcel_id
    drawn = hkdf_expand(recorded.octets("parcel.secret"), b"SLUICE1/parcel-key\x00\x01" + parcel_id, 44)
    closing = recorded.octets("parcel.item_2")

    plaintext = Cipherstate(drawn).open(2, closing[5:], b"SLUICE1/parcel-ct\x00" + parcel_id + u8(2) + u64(2), "parcel")

    assert drawn == recorded.octets("parcel.key_iv")
    assert plaintext == u16(2)
