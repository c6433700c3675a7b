"""What a record commits to: its id, schema, must mask and one commitment or decoy per slot.

`must` names the slots without which no other may be shown, slot 0 always among them. Source: SPEC.md section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.numbers import SLOT_COUNTS
from gateway.core.suite.octets import u8, u16
from gateway.core.suite.tree import leaf_hash

_TAG = b"SLUICE1/record\x00" + SUITE_BYTE


def check_shape(slots: int, must: int, mask: int) -> None:
    """Refuses `malformed` unless n is a slot count, `must` holds slot 0 and real slots, and `mask` real slots only."""
    if slots not in SLOT_COUNTS:
        raise Refused("malformed", f"a record has {SLOT_COUNTS} slots, {slots} came", at="record.n")
    if not must & 1 or must >> slots:
        raise Refused("malformed", "`must` names slot 0 and slots of the record only", at="record.must")
    if not mask or mask >> slots:
        raise Refused("malformed", "a mask names at least one slot and slots of the record only", at="record.mask")


def record_leaf(record_id: bytes, schema: int, must: int, commitments: Sequence[bytes]) -> bytes:
    """L of the format: the leaf hash over R. 48 bytes."""
    return leaf_hash(
        b"".join((_TAG, record_id, u16(schema), u16(must), u8(len(commitments)), *commitments)),
    )
