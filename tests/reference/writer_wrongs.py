"""Ways to make right bytes wrong by one change."""

from __future__ import annotations

from tests.reference.writer_octets import Vectors, u8

# Bytes that are refused as `malformed`, or a code of annex E and the bytes.
Wrong = bytes | tuple[str, bytes]
Cases = dict[str, dict[str, Wrong]]


def altered(vectors: Vectors, name: str, **fields: bytes) -> bytes:
    """The structure with fields replaced; `_` in a field's name may stand for a space."""
    parts = vectors.parts(name)
    names = {field for field, _ in parts}
    changed = {field if field in names else field.replace("_", " "): octets for field, octets in fields.items()}
    if not changed.keys() <= names:
        raise KeyError(f"`{name}` has other fields than {sorted(changed)}")
    return b"".join(changed.get(field, octets) for field, octets in parts)


def flip(octets: bytes, place: int) -> bytes:
    """One bit of one byte changed."""
    place %= len(octets)
    return octets[:place] + u8(octets[place] ^ 1) + octets[place + 1 :]
