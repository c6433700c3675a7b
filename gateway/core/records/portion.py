"""A portion's disclosure and its commitment: what is revealed, and what stands in its place when it is not.

The label is inside the commitment, so a withheld portion's marking is hidden and nobody can relabel one.
Source: SPEC.md section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.suite.algorithms import COMMITMENT, SUITE_BYTE, digest
from gateway.core.suite.numbers import MAX_CONTENT_BYTES, MAX_LABEL_BYTES, SALT_BYTES
from gateway.core.suite.octets import Reader, lp16, u8

_COMMIT = COMMITMENT + b"SLUICE1/portion\x00" + SUITE_BYTE
MAX_DISCLOSURE_BYTES = SALT_BYTES + 1 + 2 + MAX_LABEL_BYTES + MAX_CONTENT_BYTES


@dataclass(frozen=True, slots=True)
class Portion:
    """One labelled part: slot number, canonical label text (ASCII bytes), content (canonical message bytes)."""

    slot: int
    label: bytes
    content: bytes


def encode_disclosure(salt: bytes, portion: Portion) -> bytes:
    """D of the format: salt (32 bytes), slot, label, content to the end."""
    return salt + u8(portion.slot) + lp16(portion.label) + portion.content


def parse_disclosure(disclosure: bytes) -> Portion:
    """The portion inside D; refuses `malformed` on lengths out of bounds."""
    reader = Reader(disclosure, "disclosure")
    reader.take(SALT_BYTES, "salt")
    slot = reader.u8("slot")
    label = reader.lp16("label", MAX_LABEL_BYTES)
    content = reader.rest()
    if len(content) > MAX_CONTENT_BYTES:
        raise reader.refuse("content", f"at most {MAX_CONTENT_BYTES} bytes")
    return Portion(slot, label, content)


def parse_marking(disclosure: bytes) -> tuple[int, bytes]:
    """Slot and label of D; the content is not read. Refuses `malformed` on lengths out of bounds."""
    reader = Reader(disclosure, "disclosure")
    reader.take(SALT_BYTES, "salt")
    return reader.u8("slot"), reader.lp16("label", MAX_LABEL_BYTES)


def commitment(disclosure: bytes) -> bytes:
    """C of the format: 48 bytes that hide and bind the disclosure."""
    return digest(_COMMIT + disclosure)
