r"""The renewal request: a party, an operator or a gateway asks for its next certificate.

    renewal = "SLUICE1/renewal\0" | suite | genesis | holder u8 | lp8(holder_id) | time u64 | lp16(public key)
            | lp16(certificate request) | lp16(certificate in use) | sig

The signature is of the key that CONTROL knows the holder by: a source's, a partner's signing key, an operator's, a
gateway's ledger key. So who carries the request, also the gateway, can neither exchange the key that is certified nor
ask in another's name. It asks for nothing but the same once more: of the certificate request only the key counts, and
it is the key of the certificate in use. Parsing verifies the signature; `check_renewable` whether CONTROL knows the key
for this holder now. Source: SPEC.md section 12.7.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.binding import Binding
from gateway.core.control.standing import Standing
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.keys import SIGN_KEY_BYTES, SIGNATURE_BYTES, SigningKey, VerifyKey, key_digest
from gateway.core.suite.numbers import HASH_BYTES, MAX_RENEWAL_BYTES, MAX_REQUEST_BYTES, Holder, KeyState, Role
from gateway.core.suite.octets import Reader, lp8, lp16, u8, u64

CONTEXT = b"SLUICE1/renewal"
_TAG = CONTEXT + b"\x00"


@dataclass(frozen=True, slots=True)
class Renewal:
    """A request whose signature verifies.

    genesis: 48 bytes; time_ms: UTC milliseconds; public_key: of the key that signed.
    certificate_request, certificate: DER, of PKCS#10 and of the certificate in use; encoded: the bytes that travelled.
    """

    genesis: bytes
    holder: Holder
    holder_id: str
    time_ms: int
    public_key: bytes
    certificate_request: bytes
    certificate: bytes
    encoded: bytes

    @property
    def digest(self) -> bytes:
        """48 bytes: how an answer names the request."""
        return digest(self.encoded)

    @property
    def name(self) -> str:
        """`partner/usa/arl`: for whom it is."""
        return f"{self.holder.name.lower()}/{self.holder_id}"


def make_renewal(
    key: SigningKey,
    *,
    genesis: bytes,
    holder: Holder,
    holder_id: str,
    time_ms: int,
    certificate_request: bytes,
    certificate: bytes,
) -> Renewal:
    """The request of a holder, signed; refuses what `parse_renewal` would."""
    unsigned = b"".join(
        (
            _TAG,
            SUITE_BYTE,
            genesis,
            u8(holder),
            lp8(holder_id.encode("ascii")),
            u64(time_ms),
            lp16(key.public_key),
            lp16(certificate_request),
            lp16(certificate),
        )
    )
    return parse_renewal(unsigned + key.sign(CONTEXT, unsigned))


def parse_renewal(encoded: bytes) -> Renewal:
    """The request, its signature verified; refuses `malformed`, `key-malformed` and `renewal-signature`."""
    reader = Reader(encoded, "renewal")
    if len(encoded) > MAX_RENEWAL_BYTES:
        raise reader.refuse("size", f"at most {MAX_RENEWAL_BYTES} bytes")
    reader.tag(_TAG)
    reader.suite()
    genesis = reader.take(HASH_BYTES, "genesis")
    number = reader.u8("holder")
    if number not in Holder.__members__.values():
        raise reader.refuse("holder", "a known holder")
    holder_id = reader.name("holder_id")
    time_ms = reader.u64("time")
    public_key = reader.lp16("public key", SIGN_KEY_BYTES)
    certificate_request = reader.lp16("certificate request", MAX_REQUEST_BYTES)
    certificate = reader.lp16("certificate", MAX_REQUEST_BYTES)
    unsigned = encoded[: reader.offset]
    signature = reader.take(SIGNATURE_BYTES, "signature")
    reader.done()
    VerifyKey.parse(public_key).verify(CONTEXT, unsigned, signature, "renewal")
    return Renewal(genesis, Holder(number), holder_id, time_ms, public_key, certificate_request, certificate, encoded)


def check_renewable(standing: Standing, renewal: Renewal) -> Binding | None:
    """What the admission binds a party's certificates to; None for an operator and the gateway, who have none.

    Refuses `renewal-genesis`; `renewal-stopped` for a party that is suspended or while everything is stopped, which
    stops neither operators nor gateway; `renewal-key` unless the key that signed is the one CONTROL has for the holder,
    active; and as the state does for a party or operator it does not know.
    """
    if renewal.genesis != standing.genesis:
        raise Refused(
            "renewal-genesis", "the renewal must be for this genesis, it is for another", at="renewal.genesis"
        )
    own = key_digest(renewal.public_key)
    binding: Binding | None = None
    if renewal.holder is Holder.SOURCE:
        source = standing.source(renewal.holder_id).admission
        admitted, binding = source.key_digest, source.binding
    elif renewal.holder is Holder.PARTNER:
        partner = standing.partner(renewal.holder_id).admission
        admitted, binding = partner.sign_key_digest, partner.binding
    else:
        admitted = _of_the_house(standing, renewal, own)
    if binding is not None and standing.is_stopped(renewal.name):
        raise Refused("renewal-stopped", "a stopped party is given no certificate", at=renewal.name)
    if own != admitted or standing.stop_of(own) is not KeyState.ACTIVE:
        raise Refused("renewal-key", "the renewal must be signed by the holder's own active key", at=renewal.name)
    return binding


def _of_the_house(standing: Standing, renewal: Renewal, own: bytes) -> bytes:
    """The digest of the operator's key, or `own` if it is the endorsed ledger key of the gateway; else of no key."""
    if renewal.holder is Holder.OPERATOR:
        keys = {operator.id: operator.key_digest for operator in standing.roster.operators}
        return keys.get(renewal.holder_id, b"")
    endorsed = standing.directory.endorsed if standing.directory else {}
    found = endorsed.get((Role.GATEWAY_LEDGER, own[:16]))
    named = found.endorsement if found else None
    is_own = named is not None and (named.subject_id, named.state) == (renewal.holder_id, KeyState.ACTIVE)
    return own if is_own else b""
