"""What a certificate says about who holds it: exactly one `spiffe://` URI, a P-384 key, a serial number, two dates.

The common name, DNS names and addresses are never read as an identity. A certificate with two URIs has none: a peer
could otherwise be one party to this check and another to the next. The chain up to the accepted roots is checked by
TLS, which accepts any of them; so each party's root is pinned in its admission, and `check_issued_by` is what stops
the root of one party from naming another. Source: architecture section 6; X.509-SVID.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.core.errors import Refused

MAX_CERTIFICATE_BYTES = 16 * 1024
MAX_URI_BYTES = 256
MAX_SERIAL_BYTES = 20

# What the library says of a certificate, a request or a key in them that is not what it claims to be.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InternalError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_SPIFFE = re.compile(r"spiffe://([a-z0-9][a-z0-9._-]{0,127})((?:/[A-Za-z0-9._-]+)+)")


@dataclass(frozen=True, slots=True)
class Identity:
    """A parsed leaf certificate.

    uri, trust_domain: `spiffe://usa.example/partner/arl` and its `usa.example`.
    not_before_ms, not_after_ms: UTC milliseconds; good while `not_before_ms <= now < not_after_ms`.
    fingerprint: hex SHA-256 of the DER bytes. serial: lower-case hexadecimal without leading zeros, 1 to 20 bytes.
    """

    uri: str
    trust_domain: str
    not_before_ms: int
    not_after_ms: int
    fingerprint: str
    serial: str

    @classmethod
    def from_certificate(cls, der: bytes) -> Identity:
        """The identity in `der`; refuses `certificate-malformed`, `certificate-key` and `certificate-identity`."""
        certificate = _load(der)
        _check_key(certificate)
        uri = _only_uri(certificate)
        matched = _SPIFFE.fullmatch(uri)
        segments = uri.split("/")[3:]
        if matched is None or len(uri) > MAX_URI_BYTES or "." in segments or ".." in segments:
            raise _no_identity("a URI `spiffe://trust-domain/path`")
        return cls(
            uri=uri,
            trust_domain=matched[1],
            not_before_ms=int(certificate.not_valid_before_utc.timestamp()) * 1000,
            not_after_ms=int(certificate.not_valid_after_utc.timestamp()) * 1000,
            fingerprint=fingerprint(der),
            serial=_serial(certificate),
        )

    def check_valid(self, now_ms: int) -> None:
        """Refuses `certificate-not-yet-valid` or `certificate-expired`."""
        if now_ms < self.not_before_ms:
            raise Refused("certificate-not-yet-valid", "the certificate is not valid yet", at="certificate")
        if now_ms >= self.not_after_ms:
            raise Refused("certificate-expired", "the certificate has expired", at="certificate")


def fingerprint(der: bytes) -> str:
    """Hex SHA-256 of a certificate's DER bytes: how an admission pins a root and a log names a leaf."""
    return hashlib.sha256(der).hexdigest()


def check_issued_by(leaf_der: bytes, root_der: bytes) -> None:
    """Refuses `certificate-other-root` unless the root's key itself signed the leaf and the root is a CA."""
    leaf, root = _load(leaf_der), _load(root_der)
    try:
        if not _is_authority(root):
            raise Refused("certificate-other-root", "a root is a certificate authority, this one is none", at="root")
        leaf.verify_directly_issued_by(root)
    except (InvalidSignature, *UNREADABLE) as error:
        raise Refused(
            "certificate-other-root",
            "the certificate must be issued by the root its party is bound to",
            at="certificate",
        ) from error


def check_for_clients(der: bytes) -> None:
    """Refuses `certificate-use` unless the certificate says that it is for clients.

    TLS takes one that says nothing of its use for any, so a certificate made for something else would open this door.
    """
    try:
        uses = _load(der).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        uses = x509.ExtendedKeyUsage([])
    if ExtendedKeyUsageOID.CLIENT_AUTH not in uses:
        raise Refused(
            "certificate-use", "the certificate of a client must say clientAuth, it does not", at="certificate"
        )


def _load(der: bytes) -> x509.Certificate:
    try:
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise ValueError
        certificate = x509.load_der_x509_certificate(der)
        # Extensions are parsed when first read; a duplicate or unreadable one is refused here, once.
        _ = certificate.extensions
    except UNREADABLE as error:
        raise Refused(
            "certificate-malformed",
            f"a certificate is DER of at most {MAX_CERTIFICATE_BYTES} bytes, something else came",
            at="certificate",
        ) from error
    return certificate


def _serial(certificate: x509.Certificate) -> str:
    """Its number as a REVOKE spells it: what could not be revoked is not taken."""
    number = certificate.serial_number
    if number <= 0 or number.bit_length() > 8 * MAX_SERIAL_BYTES:
        raise Refused(
            "certificate-malformed",
            f"a serial number has 1 to {MAX_SERIAL_BYTES} bytes, another came",
            at="certificate",
        )
    return f"{number:x}"


def _check_key(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except UNREADABLE as error:
        raise Refused("certificate-key", "the key of a certificate is a P-384 key", at="certificate") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise Refused("certificate-key", "the key of a certificate is a P-384 key, another came", at="certificate")


def _only_uri(certificate: x509.Certificate) -> str:
    if _is_authority(certificate):
        raise _no_identity("no authority to issue others")
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise _no_identity("a subject alternative name; the common name is no identity") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise _no_identity(f"exactly one URI, {len(uris)} came")
    return uris[0]


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _no_identity(expected: str) -> Refused:
    return Refused("certificate-identity", f"the certificate of a party must have {expected}", at="certificate")
