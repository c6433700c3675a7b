"""TLS keys, requests for certificates and the certificates that come back, as files hold them.

A key is made where it stays. A request proves that its sender holds the key, and asks for nothing: what the certificate
will say is decided by the operator who issues it.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.core.errors import Fault, Refused
from gateway.core.parties.identity import UNREADABLE

MAX_CERTIFICATES = 16


def new_tls_key() -> bytes:
    """A fresh P-384 key as PEM, for a file of mode 0600."""
    return ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate_request(tls_key_pem: bytes) -> bytes:
    """DER of a request with no name and no extension, signed by the key."""
    request = (
        x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(_load(tls_key_pem), hashes.SHA384())
    )
    return request.public_bytes(serialization.Encoding.DER)


def is_certified(tls_key_pem: bytes, leaf: x509.Certificate) -> bool:
    """Whether `leaf` is of this key."""
    return _load(tls_key_pem).public_key() == leaf.public_key()


def load_certificates(pem: bytes, what: str) -> list[x509.Certificate]:
    """The 1 to 16 certificates of a PEM text; refuses `certificate-malformed`."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except UNREADABLE as error:
        raise Refused("certificate-malformed", f"`{what}` must be certificates in PEM", at=what) from error
    if len(certificates) > MAX_CERTIFICATES:
        raise Refused("certificate-malformed", f"`{what}` may be {MAX_CERTIFICATES} certificates at most", at=what)
    return certificates


def leaf_of(chain_pem: bytes) -> x509.Certificate:
    """The first certificate of a chain: its owner's."""
    return load_certificates(chain_pem, "certificate")[0]


def der(certificate: x509.Certificate) -> bytes:
    """The bytes that are hashed and pinned."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pem_of(certificate: bytes) -> bytes:
    """DER as a file holds it."""
    return x509.load_der_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM)


def _load(tls_key_pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(tls_key_pem, None)
    except UNREADABLE as error:
        raise Fault("key-file-unreadable", "a TLS key file holds one PKCS#8 key, something else came") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP384R1):
        raise Fault("key-file-unreadable", "a TLS key is a P-384 key, another came")
    return key
