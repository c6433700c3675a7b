"""The enrolment bundle: a party's public keys, signed by those of them that can sign, on the way to an operator.

The keys were made at the party and stay there. The bundle proves possession, nothing more: it may have been exchanged
on the way, so operator and party compare its words by voice before anyone signs an admission (room `words`).
A source brings one signing key, a partner a key to open with and a key to sign with, a gateway its three. The
certificate request is opaque here. Source: SPEC.md section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.control.directory import GATEWAY_ROLES, SIGNING_ROLES
from gateway.core.control.words import spoken_words
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.keys import KEM_KEY_BYTES, SIGN_KEY_BYTES, SIGNATURE_BYTES, SigningKey, VerifyKey, parse_kem_key
from gateway.core.suite.numbers import MAX_REQUEST_BYTES, Role
from gateway.core.suite.octets import Reader, lp8, lp16, u8

CONTEXT = b"SLUICE1/enrol"
_TAG = CONTEXT + b"\x00"
MAX_BUNDLE_BYTES = 32 * 1024
SOURCE_ROLES = frozenset({Role.SOURCE})
PARTNER_ROLES = frozenset({Role.PARTNER_KEM, Role.PARTNER_SIGN})


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signatures verify. keys: public keys by role; encoded: the bytes that travelled."""

    subject_id: str
    keys: Mapping[Role, bytes]
    certificate_request: bytes
    encoded: bytes

    def words(self) -> tuple[str, ...]:
        """Four words to compare by voice: of every byte of the bundle, signatures too. About a tenth of a second."""
        return spoken_words(digest(self.encoded))


def make_bundle(
    subject_id: str, signing: Mapping[Role, SigningKey], sealing: Mapping[Role, bytes], certificate_request: bytes
) -> Bundle:
    """The bundle of a party. signing: its signing keys; sealing: public KEM keys; refuses what `parse_bundle` would."""
    public = {role: key.public_key for role, key in signing.items()} | dict(sealing)
    unsigned = b"".join(
        (
            _TAG,
            SUITE_BYTE,
            lp8(subject_id.encode("ascii")),
            u8(len(public)),
            *(u8(role) + lp16(public[role]) for role in sorted(public)),
            lp16(certificate_request),
        )
    )
    return parse_bundle(unsigned + b"".join(signing[role].sign(CONTEXT, unsigned) for role in sorted(signing)))


def parse_bundle(encoded: bytes) -> Bundle:
    """The bundle, verified; refuses `malformed`, `key-malformed` and `bundle-signature`."""
    reader = Reader(encoded, "bundle")
    if len(encoded) > MAX_BUNDLE_BYTES:
        raise reader.refuse("size", f"at most {MAX_BUNDLE_BYTES} bytes")
    reader.tag(_TAG)
    reader.suite()
    subject_id = reader.name("subject_id")
    keys: dict[Role, bytes] = {}
    last = 0
    for _ in range(reader.u8("n")):
        number = reader.u8("role")
        if number not in Role.__members__.values() or number <= last:
            raise reader.refuse("role", "a known role, in ascending order")
        role, last = Role(number), number
        public_key = reader.lp16("public key", SIGN_KEY_BYTES)
        if len(public_key) != (SIGN_KEY_BYTES if role in SIGNING_ROLES else KEM_KEY_BYTES):
            raise reader.refuse("public key", "of its role's size")
        keys[role] = public_key
    if keys.keys() not in (SOURCE_ROLES, PARTNER_ROLES, GATEWAY_ROLES):
        raise reader.refuse("roles", "those of a source, of a partner or of a gateway")
    certificate_request = reader.lp16("certificate request", MAX_REQUEST_BYTES)
    unsigned = encoded[: reader.offset]
    signatures = [(role, reader.take(SIGNATURE_BYTES, "signature")) for role in keys if role in SIGNING_ROLES]
    reader.done()
    for role, signature in signatures:
        VerifyKey.parse(keys[role]).verify(CONTEXT, unsigned, signature, "bundle")
    for role in keys.keys() - SIGNING_ROLES:
        parse_kem_key(keys[role])
    return Bundle(subject_id, keys, certificate_request, encoded)
