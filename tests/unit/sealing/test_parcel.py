"""Parcels: items open in their order, in their parcel, for their gateway, and not otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.sealing.parcel import ParcelReader, ParcelWriter, parse_parcel_header, read_parcel_header
from gateway.core.suite.algorithms import Cipherstate, hkdf_expand
from gateway.core.suite.keys import seal_to
from gateway.core.suite.numbers import MAX_PARCEL_BATCHES
from gateway.core.suite.octets import Reader, lp16, lp32, u8, u16, u64
from tests.reference.making import GENESIS
from tests.reference.recorded import kem_key

INGEST = kem_key("gateway-ingest")
SECRET, PARCEL_ID = bytes(range(48)), b"parcel 16 bytes."


def a_writer(parcel_id: bytes = PARCEL_ID, secret: bytes = SECRET) -> ParcelWriter:
    """A parcel of the fixed source."""
    return ParcelWriter(GENESIS, "src-3f07", INGEST.public_key, parcel_id, secret)


def a_reader(writer: ParcelWriter) -> ParcelReader:
    """The gateway's side of it."""
    return ParcelReader(parse_parcel_header(writer.header), INGEST)


@given(st.lists(st.binary(max_size=64), max_size=5))
def test_what_was_sealed_comes_out_in_its_order(batches: list[bytes]) -> None:
    """A parcel is the same on the wire, in the outbox and on a stick."""
    writer = a_writer()
    items = [writer.seal(batch) for batch in batches]
    assert writer.batches == len(batches)
    closing = writer.close()
    reader = a_reader(writer)

    assert [reader.open(item) for item in items] == batches
    assert not reader.complete
    assert reader.open(closing) is None
    assert reader.complete


def test_a_header_names_genesis_source_parcel_and_key() -> None:
    """It is parsed before it is opened, and lies at the start of a file too."""
    writer = a_writer()
    item = writer.seal(b"batch")

    header = parse_parcel_header(writer.header)
    reader = Reader(writer.header + item, "parcel")
    again = read_parcel_header(reader, writer.header + item)

    assert (header.genesis, header.source_id, header.parcel_id) == (GENESIS, "src-3f07", PARCEL_ID)
    assert header.ingest_key_id == INGEST.key_id
    assert again == header
    assert reader.rest() == item


@pytest.mark.must("3.6.4")
def test_a_parcel_for_another_gateway_is_refused_by_name() -> None:
    """A parcel does not open under another ingest key, nor under another gateway's name."""
    header = a_writer().header
    claimed = header.replace(INGEST.key_id, kem_key("ephemeral").key_id)

    for came, said in ((header, "sealed to another ingest key"), (claimed, "not sealed to this key")):
        with pytest.raises(Refused, match=said) as refusal:
            ParcelReader(parse_parcel_header(came), kem_key("ephemeral"))
        assert refusal.value.code == "parcel-not-for-us"


@pytest.mark.must("3.6.4")
def test_a_header_that_was_changed_does_not_open() -> None:
    """The seal is bound to genesis, source and parcel."""
    changed = a_writer().header.replace(b"src-3f07", b"src-3f08")

    with pytest.raises(Refused) as refusal:
        ParcelReader(parse_parcel_header(changed), INGEST)
    assert refusal.value.code == "parcel-not-for-us"


@pytest.mark.parametrize("secret", [b"", bytes(47), bytes(49)])
def test_a_seal_of_another_length_is_refused(secret: bytes) -> None:
    """A secret is 48 bytes, never none."""
    opening = parse_parcel_header(a_writer().header).opening

    with pytest.raises(Refused, match="`seal` of a parcel"):
        parse_parcel_header(opening + lp16(seal_to(INGEST.public_key, opening, secret)))


def test_a_header_with_more_behind_it_is_refused() -> None:
    """On the wire a header stands alone."""
    with pytest.raises(Refused, match="1 more came"):
        parse_parcel_header(a_writer().header + b"\x00")


def _refused(reader: ParcelReader, item: bytes) -> str:
    with pytest.raises(Refused) as refusal:
        reader.open(item)
    return refusal.value.code


@pytest.mark.must("3.6.4")
def test_items_cut_reordered_repeated_or_from_another_parcel_are_refused() -> None:
    """Each item is bound to its place and its parcel."""
    writer = a_writer()
    first, second, closing = writer.seal(b"first"), writer.seal(b"second"), writer.close()
    other = a_writer(b"another parcel..")
    foreign = other.seal(b"first")

    assert _refused(a_reader(writer), second) == "parcel-not-authentic"
    assert _refused(a_reader(writer), foreign) == "parcel-not-authentic"
    assert _refused(a_reader(writer), closing) == "parcel-not-authentic"
    reader = a_reader(writer)
    reader.open(first)
    assert _refused(reader, first) == "parcel-not-authentic"
    assert _refused(reader, closing) == "parcel-not-authentic"
    assert _refused(reader, second[:-1]) == "malformed"
    assert _refused(reader, second + b"\x00") == "malformed"
    assert reader.open(second) == b"second"


@pytest.mark.must("3.6.4")
@pytest.mark.parametrize("place", [5, 9, -1])
def test_an_item_with_one_bit_flipped_is_refused(place: int) -> None:
    """Nothing of it is read."""
    writer = a_writer()
    item = bytearray(writer.seal(b"first batch"))
    item[place] ^= 1

    assert _refused(a_reader(writer), bytes(item)) == "parcel-not-authentic"


def test_an_item_of_another_type_is_refused() -> None:
    """A batch cannot pass for the closing item."""
    writer = a_writer()
    item = writer.seal(u16(0))

    assert _refused(a_reader(writer), u8(2) + item[1:]) == "parcel-not-authentic"
    for unknown in (0, 3, 255):
        assert _refused(a_reader(writer), u8(unknown) + item[1:]) == "malformed"


@pytest.mark.must("3.6.2")
def test_nothing_follows_the_closing_item() -> None:
    """A complete parcel stays complete."""
    writer = a_writer()
    closing, late = writer.close(), writer.seal(b"late")
    reader = a_reader(writer)
    reader.open(closing)

    assert _refused(reader, late) == "malformed"
    assert _refused(reader, closing) == "malformed"


@pytest.mark.must("3.6.1")
def test_a_closing_item_with_another_count_is_refused() -> None:
    """A cut in the middle cannot be closed over."""
    writer = a_writer()
    cipher = Cipherstate(hkdf_expand(SECRET, b"SLUICE1/parcel-key\x00\x01" + PARCEL_ID, 44))
    lie = cipher.seal(0, u16(1), b"SLUICE1/parcel-ct\x00" + PARCEL_ID + u8(2) + u64(0))
    reader = a_reader(writer)

    assert _refused(reader, u8(2) + lp32(lie)) == "malformed"
    assert not reader.complete


@pytest.mark.must("3.6.9")
def test_a_parcel_holds_64_batches_on_both_sides() -> None:
    """A source that writes more is refused by its own writer and by the gateway."""
    writer = a_writer()
    items = [writer.seal(b"") for _ in range(MAX_PARCEL_BATCHES)]
    cipher = Cipherstate(hkdf_expand(SECRET, b"SLUICE1/parcel-key\x00\x01" + PARCEL_ID, 44))
    one_more = cipher.seal(64, b"", b"SLUICE1/parcel-ct\x00" + PARCEL_ID + u8(1) + u64(64))
    reader = a_reader(writer)
    for item in items:
        reader.open(item)

    with pytest.raises(Refused) as refusal:
        writer.seal(b"")
    assert refusal.value.code == "parcel-full"
    assert _refused(reader, u8(1) + lp32(one_more)) == "malformed"
    assert reader.open(writer.close()) is None
