"""A certificate request gives its key and nothing else, and only if its sender holds that key."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gateway.core.errors import Refused
from gateway.core.parties.request import checked_request

# The object identifier of an elliptic curve key, and one that names nothing.
_EC_KEY, _NO_KEY = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d027f")


def a_request(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None) -> bytes:
    """A certificate request of a fresh P-384 key, unless another is given."""
    key = key or ec.generate_private_key(ec.SECP384R1())
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA384()
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


def test_a_request_gives_the_key_that_signed_it() -> None:
    """What is certified is what was proven."""
    key = ec.generate_private_key(ec.SECP384R1())

    assert checked_request(a_request(key)) == key.public_key()


@pytest.mark.must("12.2.1")
def test_a_request_that_is_not_signed_by_its_own_key_is_refused() -> None:
    """Else anyone could get a certificate for a key somebody else holds."""
    signed = a_request()
    forged = signed[:-1] + bytes([signed[-1] ^ 1])

    with pytest.raises(Refused) as caught:
        checked_request(forged)

    assert caught.value.code == "request-signature"


@pytest.mark.must("12.4.1")
@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"", "request-malformed"),
        (b"-----BEGIN CERTIFICATE REQUEST-----", "request-malformed"),
        (a_request(ec.generate_private_key(ec.SECP256R1())), "request-key"),
        (a_request(ed25519.Ed25519PrivateKey.generate()), "request-key"),
        (a_request().replace(_EC_KEY, _NO_KEY), "request-malformed"),
    ],
)
def test_a_request_of_another_form_or_key_is_refused_by_name(request_bytes: bytes, code: str) -> None:
    """The transport cannot use Ed25519 certificates, and one curve leaves nothing to negotiate."""
    with pytest.raises(Refused) as caught:
        checked_request(request_bytes)

    assert caught.value.code == code
