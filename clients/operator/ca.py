"""The built-in certificate authority: one P-384 root in an operator's home, short-lived P-384 leaves.

What a certificate says is decided by the operator who issues it. Of a certificate request only the public key is
taken, after its proof of possession: names, uses and extensions asked for in it are never copied. A leaf carries

* exactly one `spiffe://<trust domain>/<kind>/<id>` URI, and no subject at all, so nobody can go by a common name;
* one extended use: `clientAuth` for sources, partners and operators, `serverAuth` for the gateway;
* host names and addresses for the gateway only, as the operator typed them.

A leaf lives 24 hours unless told otherwise, at most a week, and never longer than the root: there is no revocation
list to consult on a bad link, so lives are short and CONTROL has the last word. Source: architecture section 6.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.core.errors import CallerError, Fault, Refused
from gateway.core.parties.identity import UNREADABLE
from gateway.core.parties.request import checked_request
from gateway.core.suite.octets import is_name

LEAF_HOURS = 24
MAX_LEAF_HOURS = 7 * 24
ROOT_DAYS = 5 * 365
# Clocks of parties differ by minutes; a certificate that is valid only from now on would fail at half of them.
_BACKDATE = timedelta(minutes=5)
_TRUST_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z")
_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z", re.IGNORECASE)


class PartyKind(Enum):
    """Who a leaf is for; the value is the first step of the identity's path."""

    SOURCE = "source"
    PARTNER = "partner"
    OPERATOR = "operator"
    GATEWAY = "gateway"


def spiffe_id(trust_domain: str, kind: PartyKind, party_id: str) -> str:
    """`spiffe://sluice.example/partner/usa/arl`: the one identity of a party."""
    if not is_name(party_id) or any(step in ("", ".", "..") for step in party_id.split("/")):
        raise CallerError("party-id", "an id must be letters, digits and `._-/`, each step with a name", at=party_id)
    return f"spiffe://{trust_domain}/{kind.value}/{party_id}"


def root_digest(root: x509.Certificate) -> str:
    """Hex SHA-256 over the DER of a root: the `root` of an admission text."""
    return hashlib.sha256(root.public_bytes(serialization.Encoding.DER)).hexdigest()


def trust_domain_of(root: x509.Certificate) -> str:
    """The trust domain a root names; refuses `root-unnamed` if it does not name exactly one."""
    try:
        names = root.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        domains = [uri.removeprefix("spiffe://") for uri in names.get_values_for_type(x509.UniformResourceIdentifier)]
    except (x509.ExtensionNotFound, *UNREADABLE):
        domains = []
    if len(domains) != 1 or not _TRUST_DOMAIN.match(domains[0]):
        raise Refused("root-unnamed", "a root must name one trust domain, like `spiffe://sluice.example`", at="root")
    return domains[0]


@dataclass(frozen=True, slots=True)
class Authority:
    """A root and its key: what can issue."""

    trust_domain: str
    root: x509.Certificate
    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, trust_domain: str, now: datetime) -> Authority:
        """A fresh root for one trust domain, valid five years."""
        if len(trust_domain) > 128 or not _TRUST_DOMAIN.match(trust_domain):
            raise CallerError("trust-domain", "a trust domain must be a lower-case DNS name", at=trust_domain)
        key = ec.generate_private_key(ec.SECP384R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Sluice {trust_domain}"[:64])])
        root = (
            _certificate(key.public_key(), name, name, now, now + timedelta(days=ROOT_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")]),
                critical=False,
            )
            .sign(key, hashes.SHA384())
        )
        return cls(trust_domain, root, key)

    @classmethod
    def load(cls, root_pem: bytes, key_pem: bytes) -> Authority:
        """The authority of two files; `ca-unreadable` unless they are a root and its own key."""
        try:
            root = x509.load_pem_x509_certificate(root_pem)
            key = serialization.load_pem_private_key(key_pem, None)
            named = root.public_key()
        except UNREADABLE as error:
            raise Fault("ca-unreadable", "a root and its key must be PEM", at="ca") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != named:
            raise Fault("ca-unreadable", "a root must be of its own key", at="ca")
        return cls(trust_domain_of(root), root, key)

    def root_pem(self) -> bytes:
        """The public half, for `--roots` and profiles."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """PEM text for a file of mode 0600 in an operator's home, and for nothing else."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def issue(
        self,
        request: bytes,
        kind: PartyKind,
        party_id: str,
        *,
        now: datetime,
        hosts: Sequence[str] = (),
        hours: int = LEAF_HOURS,
    ) -> bytes:
        """A leaf as PEM for the key of `request` (DER).

        hosts: host names and addresses, needed for a gateway and refused for anyone else.
        """
        key = checked_request(request)
        identity = spiffe_id(self.trust_domain, kind, party_id)
        if bool(hosts) != (kind is PartyKind.GATEWAY):
            raise CallerError("hosts", "host names must be given for a gateway, and for nobody else", at=identity)
        if not 1 <= hours <= MAX_LEAF_HOURS:
            raise CallerError("hours", f"a certificate lives 1 to {MAX_LEAF_HOURS} hours, {hours} came", at=identity)
        if now >= self.root.not_valid_after_utc:
            raise Fault(
                "ca-expired",
                "the root must still be valid to issue",
                at=f"until {self.root.not_valid_after_utc:%Y-%m-%d}",
            )
        ends = min(now + timedelta(hours=hours), self.root.not_valid_after_utc)
        use = ExtendedKeyUsageOID.SERVER_AUTH if kind is PartyKind.GATEWAY else ExtendedKeyUsageOID.CLIENT_AUTH
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(identity), *map(_host_name, hosts)]
        leaf = (
            _certificate(key, x509.Name([]), self.root.subject, now, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            # Critical because the subject is empty: RFC 5280 section 4.2.1.6.
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA384())
        )
        return leaf.public_bytes(serialization.Encoding.PEM)


def _certificate(
    key: ec.EllipticCurvePublicKey, subject: x509.Name, issuer: x509.Name, now: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _BACKDATE)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if len(host) > 253 or not _DNS_NAME.match(host):
            raise CallerError("hosts", "a host must be a DNS name or an address", at=host) from None
        return x509.DNSName(host.lower())
