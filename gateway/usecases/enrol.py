"""The gateway's enrolment: its public keys with proof of possession, and the request for its server certificate."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.core.control.enrolment import Bundle, make_bundle
from gateway.core.errors import Fault
from gateway.core.suite.numbers import Role
from gateway.ports.keys import KeySet


def new_tls_key() -> bytes:
    """A fresh P-384 key as PEM."""
    return ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate_request(tls_key: bytes) -> bytes:
    """DER of a request for a PEM key; it asks for nothing but its key."""
    key = serialization.load_pem_private_key(tls_key, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Fault("key-file-unreadable", "the TLS key is a P-384 key, another came")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA384())
    return request.public_bytes(serialization.Encoding.DER)


def is_certificate_of(chain_pem: bytes, key_pem: bytes) -> bool:
    """Whether the first certificate of the chain is of this key; false for what cannot be read."""
    try:
        leaf = x509.load_pem_x509_certificate(chain_pem)
        return leaf.public_key() == serialization.load_pem_private_key(key_pem, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def gateway_bundle(gateway_id: str, keys: KeySet, tls_key: bytes) -> Bundle:
    """The bundle operators endorse."""
    return make_bundle(
        gateway_id,
        {Role.GATEWAY_STREAM: keys.stream(), Role.GATEWAY_LEDGER: keys.ledger()},
        {Role.GATEWAY_INGEST: keys.ingest().public_key},
        certificate_request(tls_key),
    )
