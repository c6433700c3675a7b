"""Section 12.7: the renewal by which a source asks for its next certificate."""

from __future__ import annotations

from tests.reference.writer_control import NOW, World
from tests.reference.writer_octets import Fields, Vectors, join, lp8, lp16, opened, u8, u64

SOURCE = 1


def write_renewal(vectors: Vectors, world: World) -> None:
    """Signed with the key that CONTROL has for the source; request and certificate stand as names here."""
    key = world.signers["source"]
    signed: Fields = [
        *opened("renewal"),
        ("genesis", world.genesis),
        ("holder", u8(SOURCE)),
        ("holder_id", lp8(b"src-3f07")),
        ("time", u64(NOW)),
        ("public key", lp16(key.public)),
        ("certificate request", lp16(b"a certificate request in DER")),
        ("certificate in use", lp16(b"a certificate in DER")),
    ]
    signature = vectors.sign("identity.renewal_signature", key, "renewal", join(signed))
    vectors.fields("identity.renewal", [*signed, ("sig", signature)])
