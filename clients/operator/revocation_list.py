"""A list of revoked certificates (CRL, RFC 5280 section 5) as an authority publishes it, read for what it takes back.

A list is only ever read to revoke more: what it does not name, and what it names no more, is revoked nowhere else and
given back by nobody. So a list that covers a part of an authority's certificates is taken; what is refused is one that
would be read wrongly: a delta, which speaks of another list; an indirect one, whose entries are of other authorities;
and one with a critical extension that is not understood here. An old list is refused although it could do no harm:
whoever imports it believes to have imported the present one. Source: SPEC.md section 12.4.

    found = read_revocation_list(content, roots, datetime.now(UTC))
    found.root, found.serials
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from clients.operator.ca import root_digest
from gateway.core.errors import Refused
from gateway.core.parties.identity import MAX_SERIAL_BYTES, UNREADABLE

MAX_LIST_BYTES = 2 * 1024 * 1024
_SKEW = timedelta(minutes=5)
_PEM = b"-----BEGIN X509 CRL-----"
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
# What a list or an entry may say critically: these alone change what it means, and each is looked at below.
_UNDERSTOOD = (x509.DeltaCRLIndicator, x509.IssuingDistributionPoint, x509.CertificateIssuer, x509.CRLReason)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """root: hex SHA-256 of the root that signed it; serials: as a REVOKE spells them, ascending.

    number: the list's own, where it says one. until: when its authority promised the next.
    """

    root: str
    serials: tuple[str, ...]
    number: int | None
    until: datetime


def read_revocation_list(content: bytes, roots: Sequence[x509.Certificate], now: datetime) -> RevocationList:
    """The list in `content`, DER or PEM, signed by one of `roots`.

    Refuses `crl-size`, `crl-malformed`, `crl-root`, `crl-expired`, `crl-early`, `crl-kind` and `crl-extension`.
    """
    if len(content) > MAX_LIST_BYTES:
        raise Refused("crl-size", f"a list has at most {MAX_LIST_BYTES} bytes, {len(content)} came", at="crl")
    try:
        listed = x509.load_pem_x509_crl(content) if content.startswith(_PEM) else x509.load_der_x509_crl(content)
        root = _signer(listed, roots)
        until = _check_dates(listed, now)
        number = _check_extensions(listed.extensions)
        serials = sorted(set(_revoked(listed)))
    except UNREADABLE as error:
        raise Refused(
            "crl-malformed", "a list of revoked certificates is DER or PEM, it does not parse", at="crl"
        ) from error
    return RevocationList(root_digest(root), tuple(f"{serial:x}" for serial in serials), number, until)


def _signer(listed: x509.CertificateRevocationList, roots: Sequence[x509.Certificate]) -> x509.Certificate:
    for root in roots:
        if root.subject == listed.issuer and _may_sign(root) and _is_signed_by(listed, root):
            return root
    raise Refused(
        "crl-root",
        "a list must be signed by a root that the gateway accepts and an admission names, this one is not",
        at="crl",
        do="ask its authority for the list of the root that issues the certificates",
    )


def _may_sign(root: x509.Certificate) -> bool:
    try:
        return root.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _is_signed_by(listed: x509.CertificateRevocationList, root: x509.Certificate) -> bool:
    key = root.public_key()
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return listed.is_signature_valid(key)
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return False
    return isinstance(listed.signature_hash_algorithm, _HASHES) and listed.is_signature_valid(key)


def _check_dates(listed: x509.CertificateRevocationList, now: datetime) -> datetime:
    until = listed.next_update_utc
    if until is None or until <= now:
        said = f"it was due at {until:%Y-%m-%dT%H:%M:%SZ}" if until else "it says none"
        raise Refused(
            "crl-expired",
            f"a list must be in its time, before its next update; {said}",
            at="crl",
            do="fetch the present list from its authority",
        )
    if listed.last_update_utc > now + _SKEW:
        raise Refused("crl-early", "a list must not be from the future, this one is", at="crl")
    return until


def _check_extensions(extensions: x509.Extensions) -> int | None:
    """The list's number; refuses what would change the meaning of the entries."""
    number: int | None = None
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            raise _kind("a whole one, a delta came")
        if isinstance(value, x509.IssuingDistributionPoint) and (
            value.indirect_crl or value.only_contains_attribute_certs or value.only_some_reasons is not None
        ):
            raise _kind("of its own authority's certificates and for every reason, another came")
        if isinstance(value, x509.CRLNumber):
            number = value.crl_number
        _check_understood(extension)
    return number


def _revoked(listed: x509.CertificateRevocationList) -> Iterator[int]:
    for entry in listed:
        for extension in entry.extensions:
            value = extension.value
            if isinstance(value, x509.CertificateIssuer):
                raise _kind("of its own authority's certificates, one of another is in it")
            if isinstance(value, x509.CRLReason) and value.reason is x509.ReasonFlags.remove_from_crl:
                raise _kind("a whole one, an entry takes one back")
            _check_understood(extension)
        serial = entry.serial_number
        if serial <= 0 or serial.bit_length() > 8 * MAX_SERIAL_BYTES:
            raise ValueError
        yield serial


def _check_understood(extension: x509.Extension[x509.ExtensionType]) -> None:
    if extension.critical and not isinstance(extension.value, _UNDERSTOOD):
        raise Refused(
            "crl-extension",
            f"a list may have critical extensions that are understood, {extension.oid.dotted_string} came",
            at="crl",
        )


def _kind(expected: str) -> Refused:
    return Refused("crl-kind", f"a list must be {expected}", at="crl")
