"""A certificate request, PKCS#10: its public key, once the request proved that its sender holds it, and nothing else.

Names, uses and extensions that a request asks for are never looked at. Source: SPEC.md section 12.2; RFC 2986.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.core.errors import Refused
from gateway.core.parties.identity import UNREADABLE


def checked_request(request: bytes) -> ec.EllipticCurvePublicKey:
    """The P-384 public key of a DER certificate request whose own signature verifies; nothing else of it is kept.

    Refuses `request-malformed`, `request-key` and `request-signature`.
    """
    try:
        parsed = x509.load_der_x509_csr(request)
        key = parsed.public_key()
        proven = parsed.is_signature_valid
    except UNREADABLE as error:
        raise Refused("request-malformed", "a certificate request must be DER of PKCS#10", at="request") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise Refused("request-key", "a certificate request must carry a P-384 key", at="request")
    if not proven:
        raise Refused("request-signature", "the request must be signed by the key it names", at="request")
    return key
