"""What a source makes: portions, records, batches, and the parcels they travel in. SPEC.md section 3."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from . import statements as st
from .content import check_content
from .kinds import SCHEMAS
from .octets import HL, Cut, Refusal, h, lp16, require, tag, u16, u64
from .suite import (
    SEAL,
    SIGNATURE,
    KemKey,
    Memory,
    expand,
    key_digest,
    key_stream,
    open_sealed,
)
from .trees import leaf, root
from .trust import Trust

MOST_CONTENT = 1_048_576
MOST_OF_BATCH = 3_145_728


@dataclass(frozen=True)
class Batch:
    """B: what a source signs at once (3.4)."""

    raw: bytes
    signature: bytes
    genesis: bytes
    source_id: str
    key_id: bytes
    lane: bytes
    batch_no: int
    prev: bytes
    kind: int
    mode: int
    n: int
    root: bytes

    @classmethod
    def parse(cls, raw: bytes, signature: bytes = b"") -> Batch:
        """The batch of the bytes of B."""
        cut = Cut(raw, "batch").tagged("batch")
        read = cls(
            raw,
            signature,
            genesis=cut.take(HL, "genesis"),
            source_id=cut.identifier("source_id"),
            key_id=cut.take(16, "key_id"),
            lane=cut.take(16, "lane"),
            batch_no=cut.number(8, "batch_no"),
            prev=cut.take(HL, "prev"),
            kind=cut.listed(1, "kind", range(1, 5)),
            mode=cut.listed(1, "data_mode", range(1, 5)),
            n=cut.number(2, "N", 1, 256),
            root=cut.take(HL, "root"),
        )
        cut.end()
        return read

    @classmethod
    def signed(cls, cut: Cut) -> Batch:
        """The next `lp16(B | sig)`."""
        both = cut.prefixed(2, "B and sig", 65_535, SIGNATURE)
        return cls.parse(both[:-SIGNATURE], both[-SIGNATURE:])

    @property
    def digest(self) -> bytes:
        """H(B), the batch's name."""
        return h(self.raw)

    def check_signed(self, trust: Trust, memory: Memory, *, retired: bool) -> None:
        """Nothing, if the source's key is endorsed for the batch's kind and mode, and the signature verifies."""
        endorsement, key = trust.find(st.ROLE_SOURCE, self.key_id, self.source_id, retired=retired)
        within = self.kind in endorsement.kinds and self.mode in endorsement.modes
        require(within, "scope", "batch.kind")
        self.check_signature(key, memory)

    def check_signature(self, key: bytes, memory: Memory) -> None:
        """Nothing, if the batch names the key and the key signed it."""
        require(key_digest(key)[:16] == self.key_id, "batch-key", "batch.key_id")
        memory.verify(key, "batch", self.raw, self.signature, "batch-signature")


@dataclass(frozen=True)
class Portion:
    """D_j: one labelled part of a record (3.1)."""

    raw: bytes
    label: bytes
    content: bytes

    @classmethod
    def parse(cls, raw: bytes, slot: int) -> Portion:
        """The portion that stands in this slot."""
        cut = Cut(raw, "portion")
        cut.take(32, "salt")
        require(cut.number(1, "slot") == slot, "malformed", "portion.slot")
        label = cut.prefixed(2, "label", 512)
        return cls(raw, label, cut.rest())

    @property
    def commitment(self) -> bytes:
        """C_j, which binds and hides it."""
        return h(b"\x02", tag("portion"), self.raw)


def record_leaf(record_id: bytes, schema: int, must: int, commitments: list[bytes]) -> bytes:
    """L: the leaf of the record R with these commitments (3.2)."""
    shape = u16(schema) + u16(must) + bytes([len(commitments)])
    return leaf(tag("record") + record_id + shape + b"".join(commitments))


def parse_shape(cut: Cut) -> tuple[int, int, int]:
    """schema, must and n of a record; which schema it is decides its reader, not the parser (3.2, 5.5)."""
    schema, must, n = cut.number(2, "schema"), cut.number(2, "must"), cut.listed(1, "n", {1, 2, 4, 8, 16})
    require(must & 1 and must < 1 << n, "malformed", f"{cut.name}.must")
    return schema, must, n


def slots_of(mask: int) -> list[int]:
    """The slots that a mask names, ascending."""
    return [slot for slot in range(16) if mask >> slot & 1]


def check_schema(kind: int, schema: int, must: int, n: int) -> None:
    """Nothing, if schema, n and `must` are those of the kind (3.2, 8)."""
    known = SCHEMAS.get(schema)
    if known is None or known.kind != kind or n != len(known.slots):
        raise Refusal("schema", "record.schema")
    require(must & known.must == known.must, "must", "record.must")


@dataclass(frozen=True)
class Unpacked:
    """The plaintext of a parcel's item: a batch and its records, as the source sealed them (3.6)."""

    batch: Batch
    seed: bytes
    records: tuple[tuple[int, int, int, dict[int, tuple[bytes, bytes]]], ...]

    @classmethod
    def parse(cls, raw: bytes) -> Unpacked:
        """The batch of the plaintext."""
        cut = Cut(raw, "batch item")
        batch, seed = Batch.signed(cut), cut.take(32, "seed")
        records, held = [], 0
        for _ in range(batch.n):
            schema, must, n = parse_shape(cut)
            present = cut.number(2, "present", 1, (1 << n) - 1)
            require(present & must == must, "malformed", "batch item.present")
            portions = {}
            for slot in slots_of(present):
                portions[slot] = (cut.prefixed(2, "label", 512), cut.prefixed(4, "content", MOST_CONTENT))
                held += sum(map(len, portions[slot]))
                require(held <= MOST_OF_BATCH, "malformed", "batch item.content")
            records.append((schema, must, n, portions))
        cut.end()
        return cls(batch, seed, tuple(records))

    def check_root(self) -> None:
        """Nothing, if ids, salts and decoys of the seed lead to the root that the source signed (3.3, 3.5)."""
        stream = Cut(key_stream(self.seed, sum(16 + HL * n for _, _, n, _ in self.records)), "seed")
        leaves = []
        for schema, must, n, portions in self.records:
            record_id, commitments = stream.take(16, "record_id"), []
            for slot in range(n):
                taken = stream.take(HL, "slot")
                if slot in portions:
                    label, content = portions[slot]
                    disclosure = taken[:32] + bytes([slot]) + lp16(label) + content
                    taken = Portion.parse(disclosure, slot).commitment
                commitments.append(taken)
            leaves.append(record_leaf(record_id, schema, must, commitments))
        require(root(leaves) == self.batch.root, "batch-root", "batch.root")

    def check_contents(self) -> None:
        """Nothing, if every record is of its kind and every content canonical (3.2, 8)."""
        for schema, must, n, portions in self.records:
            check_schema(self.batch.kind, schema, must, n)
            for slot, (_, content) in portions.items():
                check_content(schema, slot, content)


class ParcelReader:
    """A parcel being opened with the ingest key it is sealed to (3.6).

    With `trust` every batch must verify under an endorsed key of its source; without, only the parcel itself and the
    roots of its batches are checked. `batches` are those taken; what a gateway makes of them is `ControlReader.judge`.
    """

    def __init__(self, key: KemKey, genesis: bytes, trust: Trust | None = None, source_id: str | None = None) -> None:
        self.key = key
        self.genesis = genesis
        self.trust = trust
        self.source_id = source_id
        self.parcel_id = b""
        self.keys: tuple[bytes, int] | None = None
        self.closed = False
        self.batches: tuple[Unpacked, ...] = ()

    def copy(self) -> ParcelReader:
        """The same parcel as far as it was read."""
        return copy.copy(self)

    def read(self, parcel: bytes) -> None:
        """Takes a parcel whole, or nothing of it; it has to be closed."""
        draft, cut = self.copy(), Cut(parcel, "parcel")
        draft.take(_header(cut))
        while cut.more():
            start = cut.place
            cut.take(1, "type")
            cut.prefixed(4, "ct", 4_194_304)
            draft.take(parcel[start : cut.place])
        require(draft.closed, "parcel-not-authentic", "parcel.end")
        self.__dict__.update(draft.__dict__)

    def take(self, piece: bytes) -> None:
        """Takes the header first, then each item with its type byte; a refused one changes nothing."""
        if self.keys is None:
            self._open(piece)
            return
        cut = Cut(piece, "parcel item")
        kind, counter = cut.listed(1, "type", {1, 2}), len(self.batches)
        sealed = cut.prefixed(4, "ct", 4_194_304)
        cut.end()
        # Nothing follows the closing item, and 64 batches close a parcel.
        require(not self.closed and (kind == 2 or counter < 64), "malformed", "parcel item.type")
        aad = b"SLUICE1/parcel-ct\0" + self.parcel_id + bytes([kind]) + u64(counter)
        plaintext = open_sealed(self.keys, counter, sealed, aad, "parcel-not-authentic", "parcel item.ct")
        if kind == 2:
            last = Cut(plaintext, "closing item")
            count = last.number(2, "count")
            last.end()
            require(count == counter, "malformed", "closing item.count")
            self.closed = True
            return
        unpacked = Unpacked.parse(plaintext)
        self._check(unpacked)
        self.batches = (*self.batches, unpacked)

    def _open(self, header: bytes) -> None:
        cut = Cut(header, "parcel")
        opening = _opening(cut)
        sealed = cut.prefixed(2, "seal", SEAL, SEAL)
        cut.end()
        fields = Cut(opening, "parcel").tagged("parcel")
        require(fields.take(HL, "genesis") == self.genesis, "parcel-not-for-us", "parcel.genesis")
        source_id, parcel_id, key_id = fields.identifier("source_id"), fields.take(16, "parcel_id"), fields.rest()
        require(self.source_id in {None, source_id}, "parcel-not-for-us", "parcel.source_id")
        require(key_id == self.key.id, "parcel-not-for-us", "parcel.key_id")
        secret = self.key.open(opening, sealed, "parcel-not-for-us", "parcel.seal")
        self.keys = expand(secret, tag("parcel-key") + parcel_id)
        self.source_id, self.parcel_id = source_id, parcel_id

    def _check(self, unpacked: Unpacked) -> None:
        # 3.5: whose it is, then the signature, and only then is anything hashed.
        batch = unpacked.batch
        require(batch.genesis == self.genesis, "batch-genesis", "batch.genesis")
        require(batch.source_id == self.source_id, "key-not-endorsed", "batch.source_id")
        if self.trust:
            batch.check_signed(self.trust, self.trust.memory, retired=False)
        unpacked.check_root()


def _opening(cut: Cut) -> bytes:
    start = cut.place
    cut.tagged("parcel").take(HL, "genesis")
    cut.identifier("source_id")
    cut.take(32, "parcel_id")
    return cut.raw[start : cut.place]


def _header(cut: Cut) -> bytes:
    start = cut.place
    _opening(cut)
    cut.prefixed(2, "seal", SEAL, SEAL)
    return cut.raw[start : cut.place]
