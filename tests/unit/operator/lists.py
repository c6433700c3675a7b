"""Lists of revoked certificates, as an authority would publish them and as none should."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clients.operator.ca import Authority

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Extension = tuple[x509.ExtensionType, bool]


def a_list(
    authority: Authority,
    *serials: int,
    key: ec.EllipticCurvePrivateKey | None = None,
    last: datetime = NOW - DAY,
    until: datetime = NOW + DAY,
    extensions: Sequence[Extension] = (),
    of_entries: Sequence[Extension] = (),
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    """DER, signed by the authority's key or by another; extensions: with whether each is critical."""
    builder = x509.CertificateRevocationListBuilder(authority.root.subject, last, until)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder(serial, last)
        for value, critical in of_entries:
            entry = entry.add_extension(value, critical=critical)
        builder = builder.add_revoked_certificate(entry.build())
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    signed = builder.sign(key or key_of(authority), digest or hashes.SHA384())
    return signed.public_bytes(serialization.Encoding.DER)


def key_of(authority: Authority) -> ec.EllipticCurvePrivateKey:
    """The key that signs for it."""
    key = serialization.load_pem_private_key(authority.key_pem(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def as_pem(der: bytes) -> bytes:
    """The same list as text."""
    return x509.load_der_x509_crl(der).public_bytes(serialization.Encoding.PEM)


def point(**changed: object) -> x509.IssuingDistributionPoint:
    """What a list says of itself that it covers."""
    values: dict[str, object] = {
        "full_name": [x509.UniformResourceIdentifier("http://ca.example/list.crl")],
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**values, **changed})  # type: ignore[arg-type]  # any field
