"""A view: a record with only the portions one reader may have; commitments stand for the rest.

The gateway keeps admitted records as views with every present portion, so withholding is choosing another mask.
Source: SPEC.md section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.errors import Refused
from gateway.core.records.portion import MAX_DISCLOSURE_BYTES, Portion, commitment, parse_disclosure, parse_marking
from gateway.core.records.record import check_shape, record_leaf
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES
from gateway.core.suite.octets import Reader, lp32, u8, u16


@dataclass(frozen=True, slots=True)
class View:
    """V. `slots[j]` is the disclosure D_j where bit j of `mask` is set, else the 48 bytes C_j."""

    idx: int
    record_id: bytes
    schema: int
    must: int
    mask: int
    slots: tuple[bytes, ...]

    def encode(self) -> bytes:
        """V as it stands in a section."""
        parts = [
            u8(self.idx),
            self.record_id,
            u16(self.schema),
            u16(self.must),
            u8(len(self.slots)),
            u16(self.mask),
        ]
        parts += [lp32(slot) if self.mask >> j & 1 else slot for j, slot in enumerate(self.slots)]
        return b"".join(parts)

    def commitments(self) -> tuple[bytes, ...]:
        """C_0 .. C_{n-1}: computed where disclosed, as they stand where withheld."""
        return tuple(commitment(slot) if self.mask >> j & 1 else slot for j, slot in enumerate(self.slots))

    def leaf(self) -> bytes:
        """L of the record: the same whatever is withheld."""
        return record_leaf(self.record_id, self.schema, self.must, self.commitments())

    def narrowed(self, mask: int, commitments: tuple[bytes, ...]) -> View:
        """The view with only the slots of `mask`; `commitments` as this view's own give them."""
        slots = tuple(slot if mask >> j & 1 else commitments[j] for j, slot in enumerate(self.slots))
        return View(self.idx, self.record_id, self.schema, self.must, mask, slots)

    def portions(self) -> list[Portion]:
        """The disclosed portions, ascending; refuses `malformed` if one stands in another's slot."""
        portions = []
        for j, slot in enumerate(self.slots):
            if self.mask >> j & 1:
                portion = parse_disclosure(slot)
                _check_slot(portion.slot, j)
                portions.append(portion)
        return portions

    def labels(self) -> tuple[bytes | None, ...]:
        """Label text of every slot, None where withheld, without copying content; refuses as `portions` does."""
        row: list[bytes | None] = [None] * len(self.slots)
        for j, slot in enumerate(self.slots):
            if self.mask >> j & 1:
                number, row[j] = parse_marking(slot)
                _check_slot(number, j)
        return tuple(row)


def _check_slot(number: int, place: int) -> None:
    if number != place:
        raise Refused("malformed", f"a portion of slot {number} stands in slot {place}", at="view.slot")


def parse_view(reader: Reader) -> View:
    """The next V of a section; refuses `malformed`."""
    idx = reader.u8("idx")
    record_id = reader.take(ID_BYTES, "record_id")
    schema = reader.u16("schema")
    must = reader.u16("must")
    count = reader.u8("n")
    mask = reader.u16("mask")
    check_shape(count, must, mask)
    slots = tuple(
        reader.lp32("disclosure", MAX_DISCLOSURE_BYTES) if mask >> j & 1 else reader.take(HASH_BYTES, "commitment")
        for j in range(count)
    )
    return View(idx, record_id, schema, must, mask, slots)
