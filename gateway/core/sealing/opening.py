"""The opening of a disclosure: what stands beside G in LEDGER and shows an auditor what G commits to.

It opens `audit`, and says which records went with which portions, so that `view_digest` can be made anew from it and
the batches: everything but the leaves, which the batches give. It is not part of the entry, so the account says the
same with it and without, and every word of it but the time is checked against G. A store that was begun before records
and time were kept has openings without them: what went is not known from those.

    opening = salt[32] | control position u64 | rules digest[HL] | Dir root[HL] | kept, or nothing
    kept    = time u64 | count u8 | (H(B) | k u16 | (idx u8 | mask u16)*k)*count

Source: SPEC.md section 5.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gateway.core.errors import Refused
from gateway.core.sealing.body import view_digest
from gateway.core.sealing.frame import Disclosure, audit_digest
from gateway.core.suite.numbers import HASH_BYTES, MAX_BATCH_RECORDS, MAX_SECTIONS, SALT_BYTES
from gateway.core.suite.octets import Reader, u8, u16, u64


@dataclass(frozen=True, slots=True)
class ShownBatch:
    """What of one batch a frame shows. records: (idx, mask), idx ascending, no mask zero."""

    batch_digest: bytes
    records: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a frame shows, in its order, and when it was entered: UTC milliseconds by the gateway's clock, a claim."""

    time_ms: int
    shown: tuple[ShownBatch, ...]

    @property
    def records(self) -> int:
        """Views in the frame."""
        return sum(len(batch.records) for batch in self.shown)

    def encode(self) -> bytes:
        """As it ends an opening."""
        return u64(self.time_ms) + encode_shown([(batch.batch_digest, batch.records) for batch in self.shown])

    def view_digest(self, leaves_of: Callable[[bytes], Sequence[bytes]]) -> bytes:
        """The digest that G names if this is what it shows. leaves_of: every L of the batch of an H(B)."""
        sections = []
        for batch in self.shown:
            leaves = leaves_of(batch.batch_digest)
            if batch.records[-1][0] >= len(leaves):
                raise Refused(
                    "view-digest", "a disclosure must show records of its batches, one is beyond", at="opening"
                )
            sections.append((batch.batch_digest, [(idx, leaves[idx], mask) for idx, mask in batch.records]))
        return view_digest(sections)


def encode_shown(shown: Sequence[tuple[bytes, Sequence[tuple[int, int]]]]) -> bytes:
    """(H(B), (idx, mask)*) of each section."""
    parts = [u8(len(shown))]
    for batch_digest, records in shown:
        parts += [batch_digest, u16(len(records))]
        parts += [bytes((idx, mask >> 8, mask & 255)) for idx, mask in records]
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class DisclosureOpening:
    """kept: None where the store did not keep it yet."""

    salt: bytes
    control_position: int
    rules_digest: bytes
    dir_root: bytes
    kept: Kept | None

    def encode(self) -> bytes:
        """The bytes beside the entry."""
        said = self.salt + u64(self.control_position) + self.rules_digest + self.dir_root
        return said + (self.kept.encode() if self.kept else b"")

    def check(self, disclosure: Disclosure, leaves_of: Callable[[bytes], Sequence[bytes]]) -> None:
        """Refuses `audit-not-opened` and `view-digest` unless it opens what the disclosure commits to."""
        audit = audit_digest(self.salt, self.control_position, self.rules_digest, self.dir_root)
        if audit != disclosure.audit:
            raise Refused("audit-not-opened", "an opening must lead to the `audit` of its disclosure", at="opening")
        if self.kept is None:
            return
        if self.kept.records != disclosure.records or self.kept.view_digest(leaves_of) != disclosure.view_digest:
            raise Refused(
                "view-digest", "what an opening shows must lead to the digest of its disclosure", at="opening"
            )


def parse_disclosure_opening(opening: bytes) -> DisclosureOpening:
    """The opening from its bytes; refuses `malformed`."""
    reader = Reader(opening, "opening")
    salt, position = reader.take(SALT_BYTES, "salt"), reader.u64("control position")
    rules_digest, dir_root = reader.take(HASH_BYTES, "rules digest"), reader.take(HASH_BYTES, "Dir root")
    kept = _read_kept(reader) if reader.left else None
    reader.done()
    return DisclosureOpening(salt, position, rules_digest, dir_root, kept)


def _read_kept(reader: Reader) -> Kept:
    time_ms, count = reader.u64("time"), reader.u8("count")
    if not 1 <= count <= MAX_SECTIONS:
        raise reader.refuse("count", f"1 to {MAX_SECTIONS}")
    shown = tuple(_read_batch(reader) for _ in range(count))
    if len({batch.batch_digest for batch in shown}) != count:
        raise reader.refuse("H(B)", "each another")
    return Kept(time_ms, shown)


def _read_batch(reader: Reader) -> ShownBatch:
    batch_digest, count = reader.take(HASH_BYTES, "H(B)"), reader.u16("k")
    if not 1 <= count <= MAX_BATCH_RECORDS:
        raise reader.refuse("k", f"1 to {MAX_BATCH_RECORDS}")
    records = tuple((reader.u8("idx"), reader.u16("mask")) for _ in range(count))
    if any(mask == 0 for _, mask in records):
        raise reader.refuse("mask", "of at least one slot")
    if any(one[0] >= after[0] for one, after in pairwise(records)):
        raise reader.refuse("idx", "ascending")
    return ShownBatch(batch_digest, records)
