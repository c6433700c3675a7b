"""The batch statement B: what a source signs, once for up to 256 records.

All records of a batch share source, kind, data mode and `about` label; a lane is one ordered run of batches, chained
by `prev` and counted by `batch_no`. Source: SPEC.md section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.keys import SIGNATURE_BYTES, SigningKey, VerifyKey
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES, MAX_BATCH_RECORDS, DataMode, RecordKind
from gateway.core.suite.octets import Reader, lp8, u8, u16, u64

CONTEXT = b"SLUICE1/batch"
_TAG = CONTEXT + b"\x00"
MAX_SIGNED_BATCH_BYTES = 512 + SIGNATURE_BYTES


@dataclass(frozen=True, slots=True)
class Batch:
    """B, parsed. genesis, prev and root: 48 bytes; key_id and lane: 16 bytes; count: records in the batch."""

    genesis: bytes
    source_id: str
    key_id: bytes
    lane: bytes
    batch_no: int
    prev: bytes
    kind: RecordKind
    data_mode: DataMode
    count: int
    root: bytes

    def encode(self) -> bytes:
        """The bytes the source signs."""
        return b"".join(
            (
                _TAG,
                SUITE_BYTE,
                self.genesis,
                lp8(self.source_id.encode("ascii")),
                self.key_id,
                self.lane,
                u64(self.batch_no),
                self.prev,
                u8(self.kind),
                u8(self.data_mode),
                u16(self.count),
                self.root,
            )
        )


def parse_batch(statement: bytes) -> Batch:
    """B from its bytes; refuses `malformed`."""
    reader = Reader(statement, "batch")
    reader.tag(_TAG)
    reader.suite()
    genesis = reader.take(HASH_BYTES, "genesis")
    source_id = reader.name("source_id")
    key_id = reader.take(ID_BYTES, "key_id")
    lane = reader.take(ID_BYTES, "lane")
    batch_no = reader.u64("batch_no")
    prev = reader.take(HASH_BYTES, "prev")
    kind_number, mode_number = reader.u8("kind"), reader.u8("data_mode")
    count = reader.u16("count")
    root = reader.take(HASH_BYTES, "root")
    reader.done()
    if kind_number not in RecordKind.__members__.values():
        raise reader.refuse("kind", "a known record kind")
    if mode_number not in DataMode.__members__.values():
        raise reader.refuse("data_mode", "a known data mode")
    if not 1 <= count <= MAX_BATCH_RECORDS:
        raise reader.refuse("count", f"1 to {MAX_BATCH_RECORDS}")
    return Batch(
        genesis, source_id, key_id, lane, batch_no, prev, RecordKind(kind_number), DataMode(mode_number), count, root
    )


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """B and its signature as they travel; `digest` is H(B), the batch's name."""

    statement: bytes
    signature: bytes
    digest: bytes
    batch: Batch

    @classmethod
    def parse(cls, signed: bytes) -> SignedBatch:
        """Splits `B | sig` and parses B; the signature is not yet verified."""
        if len(signed) <= SIGNATURE_BYTES:
            raise Reader(signed, "batch").refuse("signature", f"{SIGNATURE_BYTES} bytes behind the statement")
        statement, signature = signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]
        return cls(statement, signature, digest(statement), parse_batch(statement))

    @classmethod
    def sign(cls, batch: Batch, key: SigningKey) -> SignedBatch:
        """The batch under the source's key."""
        statement = batch.encode()
        return cls(statement, key.sign(CONTEXT, statement), digest(statement), batch)

    def encode(self) -> bytes:
        """`B | sig`."""
        return self.statement + self.signature

    def check_signature(self, key: VerifyKey) -> None:
        """Refuses `batch-signature` unless both halves verify under `key`, and `batch-key` if B names another."""
        if key.key_id != self.batch.key_id:
            raise Refused("batch-key", "the batch names another key than the one it is checked with", at="batch.key_id")
        key.verify(CONTEXT, self.statement, self.signature, "batch")
