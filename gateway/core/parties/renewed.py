"""The certificate that follows another: what it must have before anyone puts it in the place of the one in use.

It is of the same key, the same identity and the same use, of the root that is pinned, in its dates now, and good for
longer than the one before. So whoever carries certificates can withhold one and do nothing else with it.
Source: SPEC.md section 12.7.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity, check_issued_by
from gateway.core.parties.request import checked_request


def renewal_due_ms(identity: Identity) -> int:
    """From when a certificate is renewed, UTC milliseconds: when less than a third of its life is left."""
    return identity.not_after_ms - (identity.not_after_ms - identity.not_before_ms) // 3


def check_same_key(certificate: bytes, request: bytes) -> Identity:
    """The identity of a certificate; refuses `request-…`, and `certificate-other-key` unless both are of one key."""
    return _check_certifies(certificate, checked_request(request))


def check_next(present: bytes, following: bytes, root: bytes, now_ms: int) -> Identity:
    """The identity of `following`, which may take the place of `present`; all three are DER.

    root: the one that the certificates of this party come from. Refuses `certificate-malformed`, `-identity`, `-key`,
    `-other-identity`, `-other-key`, `-other-use`, `-other-root`, `-not-yet-valid`, `-expired` and `-not-later`.
    """
    before = Identity.from_certificate(present)
    identity = _check_certifies(following, x509.load_der_x509_certificate(present).public_key())
    if identity.uri != before.uri:
        raise Refused(
            "certificate-other-identity", f"the certificate must name `{before.uri}`, it does not", at="certificate"
        )
    if _uses(following) != _uses(present):
        raise Refused(
            "certificate-other-use", "the certificate must be for the use of the one before", at="certificate"
        )
    check_issued_by(following, root)
    identity.check_valid(now_ms)
    if identity.not_after_ms <= before.not_after_ms:
        raise Refused(
            "certificate-not-later", "the certificate must be good for longer than the one before", at="certificate"
        )
    return identity


def _check_certifies(certificate: bytes, key: CertificatePublicKeyTypes) -> Identity:
    identity = Identity.from_certificate(certificate)
    if x509.load_der_x509_certificate(certificate).public_key() != key:
        raise Refused(
            "certificate-other-key", "the certificate must be of the key that asked, it is of another", at="certificate"
        )
    return identity


def _uses(certificate: bytes) -> frozenset[str]:
    extensions = x509.load_der_x509_certificate(certificate).extensions
    try:
        uses = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(use.dotted_string for use in uses)
