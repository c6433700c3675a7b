"""The body of a frame: sections of released records with what a reader needs to check the source's own signature.

A section is one batch's released records with a multiproof; a body is padded to a Padmé length, so its size tells
little. `view_digest` binds exactly these records and masks into the disclosure G. Source: SPEC.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.records.batch import MAX_SIGNED_BATCH_BYTES, SignedBatch
from gateway.core.records.view import View, parse_view
from gateway.core.suite.algorithms import SUITE_BYTE, VIEW, digest
from gateway.core.suite.numbers import HASH_BYTES, MAX_BATCH_RECORDS, MAX_BODY_BYTES, MAX_SECTIONS
from gateway.core.suite.octets import Reader, lp16, u8, u16
from gateway.core.suite.tree import root_from_multiproof

_VIEW_TAG = VIEW + b"SLUICE1/view\x00" + SUITE_BYTE


@dataclass(frozen=True, slots=True)
class Section:
    """Released records of one batch. views: idx ascending; proof: multiproof nodes, 48 bytes each."""

    signed: SignedBatch
    views: tuple[View, ...]
    proof: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The section as it stands in a body."""
        return b"".join(
            (
                lp16(self.signed.encode()),
                u16(len(self.views)),
                *(view.encode() for view in self.views),
                u16(len(self.proof)),
                *self.proof,
            )
        )

    def check_proof(self, leaves: Sequence[bytes]) -> None:
        """Refuses `proof-malformed` or `batch-root` unless the views lead to the root the source signed."""
        known = {view.idx: leaf for view, leaf in zip(self.views, leaves, strict=True)}
        if root_from_multiproof(known, self.signed.batch.count, self.proof) != self.signed.batch.root:
            raise Refused("batch-root", "the records do not lead to the root the source signed", at="section")


def parse_section(reader: Reader) -> Section:
    """The next section of a body; refuses `malformed`."""
    signed = SignedBatch.parse(reader.lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
    count = reader.u16("k")
    if not 1 <= count <= signed.batch.count:
        raise reader.refuse("k", f"1 to {signed.batch.count}")
    views = tuple(parse_view(reader) for _ in range(count))
    indexes = [view.idx for view in views]
    if indexes != sorted(set(indexes)) or indexes[-1] >= signed.batch.count:
        raise reader.refuse("idx", f"ascending and below {signed.batch.count}")
    nodes = reader.u16("proof count")
    if nodes > MAX_BATCH_RECORDS:
        raise reader.refuse("proof count", f"at most {MAX_BATCH_RECORDS}")
    return Section(signed, views, tuple(reader.take(HASH_BYTES, "proof node") for _ in range(nodes)))


def padded_length(length: int) -> int:
    """`length` rounded up to a Padmé length: at most 12 % more. SPEC.md section 5."""
    exponent = length.bit_length() - 1
    step = 1 << max(exponent - exponent.bit_length(), 0)
    return (length + step - 1) // step * step


def encode_body(sections: Sequence[bytes]) -> bytes:
    """count, encoded sections, zero padding; refuses `size` above 3.5 MiB."""
    unpadded = u8(len(sections)) + b"".join(sections)
    length = padded_length(len(unpadded))
    if length > MAX_BODY_BYTES:
        raise Refused("size", f"a frame body has at most {MAX_BODY_BYTES} bytes, {length} came", at="body")
    return unpadded.ljust(length, b"\x00")


def parse_body(body: bytes) -> list[Section]:
    """The sections; refuses `malformed`, also on padding that is not zero, not needed or not enough."""
    reader = Reader(body, "body")
    if len(body) > MAX_BODY_BYTES:
        raise reader.refuse("length", f"at most {MAX_BODY_BYTES} bytes")
    count = reader.u8("count")
    if not 1 <= count <= MAX_SECTIONS:
        raise reader.refuse("count", f"1 to {MAX_SECTIONS}")
    sections = [parse_section(reader) for _ in range(count)]
    if len({section.signed.digest for section in sections}) != count:
        raise reader.refuse("sections", "each of another batch")
    if len(body) != padded_length(reader.offset) or any(reader.rest()):
        raise reader.refuse("padding", "zero bytes up to the next Padmé length")
    return sections


def view_digest(sections: Sequence[tuple[bytes, Sequence[tuple[int, bytes, int]]]]) -> bytes:
    """Digest over (H(B), [(idx, L, mask), ...]) per section: 48 bytes, named by G."""
    parts = [_VIEW_TAG, u8(len(sections))]
    for batch_digest, views in sections:
        parts += [batch_digest, u16(len(views))]
        parts += [u8(idx) + leaf + u16(mask) for idx, leaf, mask in views]
    return digest(b"".join(parts))
