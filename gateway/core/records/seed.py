"""Salts, decoys and record ids from the batch's seed, so they carry no chosen bits and cost no bytes on the radio.

The seed is never stored: the source forgets it after the acknowledgement, the gateway after admission.
Source: SPEC.md section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.suite.algorithms import keystream
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES


@dataclass(frozen=True, slots=True)
class RecordSecrets:
    """record_id: 16 bytes; slots: 48 bytes each, whole as a decoy, the first 32 as a salt."""

    record_id: bytes
    slots: tuple[bytes, ...]


def expand(seed: bytes, slot_counts: Sequence[int]) -> list[RecordSecrets]:
    """One `RecordSecrets` per record in order; `seed`: 32 bytes, `slot_counts`: n of each record."""
    stream = keystream(seed, sum(ID_BYTES + HASH_BYTES * count for count in slot_counts))
    secrets, offset = [], 0
    for count in slot_counts:
        record_id = stream[offset : offset + ID_BYTES]
        offset += ID_BYTES
        slots = tuple(stream[offset + HASH_BYTES * j : offset + HASH_BYTES * (j + 1)] for j in range(count))
        offset += HASH_BYTES * count
        secrets.append(RecordSecrets(record_id, slots))
    return secrets
