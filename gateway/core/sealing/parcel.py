"""Parcels: the same bytes on the wire, in a source's outbox and on a USB stick.

A parcel is sealed to the gateway's ingest key and forgotten by its writer: a captured laptop cannot read its outbox.
Items count from 0 and are bound to their place; without the closing item a parcel is open, its batches count all the
same. Source: SPEC.md section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE, Cipherstate, hkdf_expand
from gateway.core.suite.keys import SEAL_BYTES, KemKey, key_id, seal_to
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, MAX_MESSAGE_BYTES, MAX_PARCEL_BATCHES, UpMessage
from gateway.core.suite.octets import Reader, lp8, lp16, lp32, u8, u16, u64

_TAG = b"SLUICE1/parcel\x00"


def _cipher(secret: bytes, parcel_id: bytes) -> Cipherstate:
    return Cipherstate(hkdf_expand(secret, b"SLUICE1/parcel-key\x00" + SUITE_BYTE + parcel_id, 44))


def _associated(parcel_id: bytes, item_type: int, counter: int) -> bytes:
    return b"SLUICE1/parcel-ct\x00" + parcel_id + u8(item_type) + u64(counter)


class ParcelWriter:
    """Seals batches of one source into one parcel; `secret` (48 bytes) and `parcel_id` (16) are fresh and random."""

    __slots__ = ("_cipher", "_counter", "_parcel_id", "header")

    def __init__(self, genesis: bytes, source_id: str, ingest_key: bytes, parcel_id: bytes, secret: bytes) -> None:
        opening = b"".join((_TAG, SUITE_BYTE, genesis, lp8(source_id.encode("ascii")), parcel_id, key_id(ingest_key)))
        self.header = opening + lp16(seal_to(ingest_key, opening, secret))
        self._parcel_id = parcel_id
        self._cipher = _cipher(secret, parcel_id)
        self._counter = 0

    @property
    def batches(self) -> int:
        """Batches sealed so far."""
        return self._counter

    def _item(self, item_type: UpMessage, plaintext: bytes) -> bytes:
        sealed = self._cipher.seal(self._counter, plaintext, _associated(self._parcel_id, item_type, self._counter))
        self._counter += 1
        return u8(item_type) + lp32(sealed)

    def seal(self, batch_item: bytes) -> bytes:
        """The next item with one batch; at most 64 a parcel."""
        if self._counter >= MAX_PARCEL_BATCHES:
            raise Refused("parcel-full", f"a parcel holds {MAX_PARCEL_BATCHES} batches", at="parcel")
        return self._item(UpMessage.ITEM, batch_item)

    def close(self) -> bytes:
        """The closing item with the batch count; nothing may follow it."""
        return self._item(UpMessage.PARCEL_END, u16(self._counter))


@dataclass(frozen=True, slots=True)
class ParcelHeader:
    """A parcel's header, parsed; `opening` is everything before the seal."""

    genesis: bytes
    source_id: str
    parcel_id: bytes
    ingest_key_id: bytes
    opening: bytes
    sealed: bytes


def parse_parcel_header(header: bytes) -> ParcelHeader:
    """Refuses `malformed`."""
    reader = Reader(header, "parcel")
    parsed = read_parcel_header(reader, header)
    reader.done()
    return parsed


def read_parcel_header(reader: Reader, data: bytes) -> ParcelHeader:
    """The header at the start of `data`, leaving the reader behind it: for parcels that lie in a file."""
    reader.tag(_TAG)
    reader.suite()
    genesis = reader.take(HASH_BYTES, "genesis")
    source_id = reader.name("source_id")
    parcel_id = reader.take(ID_BYTES, "parcel_id")
    ingest_key_id = reader.take(ID_BYTES, "ingest key_id")
    opening = data[: reader.offset]
    sealed = reader.lp16("seal", SEAL_BYTES)
    if len(sealed) != SEAL_BYTES:
        raise reader.refuse("seal", f"{SEAL_BYTES} bytes: a secret of 48, sealed")
    return ParcelHeader(genesis, source_id, parcel_id, ingest_key_id, opening, sealed)


class ParcelReader:
    """Opens the items of one parcel in order; refuses `parcel-not-for-us` and `parcel-not-authentic`."""

    __slots__ = ("_cipher", "_counter", "_parcel_id", "complete")

    def __init__(self, header: ParcelHeader, ingest_key: KemKey) -> None:
        if header.ingest_key_id != ingest_key.key_id:
            raise Refused("parcel-not-for-us", "the parcel is sealed to another ingest key", at="parcel")
        self._parcel_id = header.parcel_id
        secret = ingest_key.open(header.sealed, header.opening, "parcel")
        self._cipher = _cipher(secret, header.parcel_id)
        self._counter = 0
        self.complete = False

    def open(self, item: bytes) -> bytes | None:
        """The next batch item's plaintext, or None for the closing item."""
        reader = Reader(item, "parcel item")
        item_type = reader.u8("type")
        sealed = reader.lp32("ciphertext", MAX_MESSAGE_BYTES)
        reader.done()
        if item_type not in {UpMessage.ITEM, UpMessage.PARCEL_END} or self.complete:
            raise reader.refuse("type", "a batch or the one closing item")
        associated = _associated(self._parcel_id, item_type, self._counter)
        plaintext = self._cipher.open(self._counter, sealed, associated, "parcel")
        if item_type == UpMessage.ITEM:
            if self._counter >= MAX_PARCEL_BATCHES:
                raise reader.refuse("count", f"at most {MAX_PARCEL_BATCHES} batches")
            self._counter += 1
            return plaintext
        if plaintext != u16(self._counter):
            raise reader.refuse("count", f"{self._counter}, the batches that came")
        self.complete = True
        return None
