"""A certificate names exactly one party, or none."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity, check_for_clients, check_issued_by, fingerprint

ARL = "spiffe://usa.example/partner/arl"
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
START_MS = int(START.timestamp()) * 1000

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def a_name(text: str) -> x509.Name:
    """A subject or issuer of one common name."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """A root of one party."""

    def __init__(self, name: str = "USA root", *, is_authority: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP384R1())
        self.name = a_name(name)
        own = self._builder(self.name, self.key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        self.der = self._signed(own)

    def _builder(self, subject: x509.Name, key: PublicKey, serial: int = 0) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(START + timedelta(hours=24))
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self.key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)

    def issue(
        self,
        names: Sequence[x509.GeneralName] | None = (x509.UniformResourceIdentifier(ARL),),
        key: PublicKey | None = None,
        is_authority: bool | None = None,
        uses: Sequence[x509.ObjectIdentifier] = (),
        serial: int = 0,
    ) -> bytes:
        """DER of a leaf; `names` None leaves the extension out."""
        builder = self._builder(a_name(ARL), key or ec.generate_private_key(ec.SECP384R1()).public_key(), serial)
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if is_authority is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        return self._signed(builder)


@pytest.fixture(scope="module")
def root() -> Authority:
    """One root for the module: making keys is the slow part."""
    return Authority()


def refusal_of(der: bytes) -> str:
    """The code with which a certificate is refused."""
    with pytest.raises(Refused) as refused:
        Identity.from_certificate(der)
    return refused.value.code


def test_an_identity_is_the_one_uri_with_its_dates(root: Authority) -> None:
    """What the gateway looks up is the URI and nothing else of the certificate."""
    der = root.issue(is_authority=False)

    identity = Identity.from_certificate(der)

    assert (identity.uri, identity.trust_domain) == (ARL, "usa.example")
    assert (identity.not_before_ms, identity.not_after_ms) == (START_MS, START_MS + 24 * 3600 * 1000)
    assert identity.fingerprint == fingerprint(der) == hashlib.sha256(der).hexdigest()


@pytest.mark.must("12.4.9")
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_certificate_has_a_serial_number_that_a_revocation_can_name(root: Authority) -> None:
    """What could not be revoked by its number must not come in."""
    longest = (1 << 159) - 1
    der = root.issue(serial=longest)
    at = der.index(b"\x02\x14" + longest.to_bytes(20, "big"))

    assert Identity.from_certificate(der).serial == f"{longest:x}"
    assert Identity.from_certificate(root.issue(serial=0x7B)).serial == "7b"
    # DER of zero, of a negative number, and of 21 bytes, in the place of a number of 20.
    for number in (b"\x02\x01\x00", b"\x02\x14\x80" + bytes(19), b"\x02\x15\x7f" + bytes(20)):
        assert refusal_of(_with(der, at, number)) == "certificate-malformed"


def _with(der: bytes, at: int, number: bytes) -> bytes:
    """The certificate with another DER number at `at`; both sequences around it are told their new lengths."""
    grown = len(number) - 22
    lengths = [int.from_bytes(der[place : place + 2], "big") + grown for place in (2, 6)]
    head = der[:2] + lengths[0].to_bytes(2, "big") + der[4:6] + lengths[1].to_bytes(2, "big") + der[8:at]
    return head + number + der[at + 22 :]


USES = {
    "nothing": (),
    "servers": (ExtendedKeyUsageOID.SERVER_AUTH,),
    "anything": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,),
    "code": (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION),
}


@pytest.mark.must("12.4.8")
@pytest.mark.parametrize("uses", USES.values(), ids=USES)
def test_a_certificate_that_does_not_say_it_is_for_clients_is_none(
    root: Authority, uses: tuple[x509.ObjectIdentifier, ...]
) -> None:
    """TLS would take one that says nothing, and one for anything."""
    check_for_clients(root.issue(uses=(ExtendedKeyUsageOID.CLIENT_AUTH,)))
    check_for_clients(root.issue(uses=(ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)))

    with pytest.raises(Refused) as caught:
        check_for_clients(root.issue(uses=uses))
    assert caught.value.code == "certificate-use"


@pytest.mark.must("12.4.4")
def test_host_names_and_addresses_beside_the_uri_are_no_identity(root: Authority) -> None:
    """A server needs a host name for its clients' libraries; it names no party."""
    der = root.issue(
        [
            x509.DNSName("gw.example"),
            x509.UniformResourceIdentifier(ARL),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
    )

    assert Identity.from_certificate(der).uri == ARL


@pytest.mark.must("12.4.2", "12.4.4")
@pytest.mark.parametrize(
    "names",
    [
        None,
        [],
        [x509.DNSName("usa.example")],
        [x509.UniformResourceIdentifier(ARL), x509.UniformResourceIdentifier("spiffe://gbr.example/partner/dstl")],
        [x509.UniformResourceIdentifier(ARL), x509.UniformResourceIdentifier(ARL)],
        [x509.UniformResourceIdentifier(ARL), x509.UniformResourceIdentifier("https://usa.example/")],
        *(
            [x509.UniformResourceIdentifier(uri)]
            for uri in (
                "",
                "https://usa.example/partner/arl",
                "SPIFFE://usa.example/partner/arl",
                "spiffe://usa.example",
                "spiffe://usa.example/",
                "spiffe://usa.example/partner/arl/",
                "spiffe://usa.example//arl",
                "spiffe://usa.example/partner/../arl",
                "spiffe://usa.example/./arl",
                "spiffe://USA.example/partner/arl",
                "spiffe:///partner/arl",
                "spiffe://usa.example:443/partner/arl",
                "spiffe://user@usa.example/partner/arl",
                "spiffe://usa.example/partner/arl?x=1",
                "spiffe://usa.example/partner/arl#x",
                "spiffe://usa.example/partner/a%72l",
                "spiffe://usa.example/partner/arl\n",
                "spiffe://usa.example/" + "a" * 240,
            )
        ),
    ],
)
def test_a_certificate_without_exactly_one_spiffe_uri_has_no_identity(
    root: Authority, names: list[x509.GeneralName] | None
) -> None:
    """Two URIs, a common name only, or a URI that could be read in two ways name nobody."""
    assert refusal_of(root.issue(names)) == "certificate-identity"


@pytest.mark.must("12.4.2")
def test_an_authority_is_no_party(root: Authority) -> None:
    """A certificate that may issue others must not also speak for one."""
    assert refusal_of(root.issue(is_authority=True)) == "certificate-identity"


@pytest.mark.must("12.4.3")
def test_only_p384_keys_are_taken(root: Authority) -> None:
    """One curve; Ed25519 certificates do not work in gRPC and the others are weaker or unknown."""
    p384 = root.issue()
    unknown_curve = p384.replace(bytes.fromhex("06052b81040022"), bytes.fromhex("06052b81047f22"), 1)
    unknown_key = p384.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d027f"), 1)

    assert refusal_of(root.issue(key=ec.generate_private_key(ec.SECP256R1()).public_key())) == "certificate-key"
    assert refusal_of(root.issue(key=ed25519.Ed25519PrivateKey.generate().public_key())) == "certificate-key"
    assert refusal_of(root.issue(key=rsa.generate_private_key(65537, 2048).public_key())) == "certificate-key"
    assert refusal_of(unknown_curve) == "certificate-key"
    assert refusal_of(unknown_key) == "certificate-key"


def test_what_is_no_certificate_is_refused(root: Authority) -> None:
    """Truncated, trailing, oversized, PEM or with an extension twice: one code, no crash."""
    der = root.issue()
    pem = x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
    # Two extensions that are made the same by their object identifiers (2.5.29.19 becomes 2.5.29.17).
    twice = root.issue(is_authority=False).replace(bytes.fromhex("0603551d13"), bytes.fromhex("0603551d11"), 1)

    for malformed in (b"", der[:-1], der + b"\x00", pem, bytes(20_000), twice):
        assert refusal_of(malformed) == "certificate-malformed"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_every_damaged_byte_is_an_identity_or_a_named_refusal(root: Authority) -> None:
    """No flipped byte of a certificate crashes the reader, and none yields another URI unseen."""
    der = root.issue(is_authority=False)
    codes = {"certificate-malformed", "certificate-key", "certificate-identity"}
    for at, mask in product(range(len(der)), (0x01, 0x41, 0x80, 0xFF)):
        damaged = der[:at] + bytes([der[at] ^ mask]) + der[at + 1 :]
        try:
            found = Identity.from_certificate(damaged).fingerprint
        except Refused as refused:
            found = refused.code
        assert found in codes or found == fingerprint(damaged)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_damaged_leaf_is_issued_by_no_root(root: Authority) -> None:
    """No flipped byte of a leaf is still what the root signed."""
    der = root.issue(is_authority=False)
    for at in range(len(der)):
        with pytest.raises(Refused, match="certificate-"):
            check_issued_by(der[:at] + bytes([der[at] ^ 0x41]) + der[at + 1 :], root.der)


@pytest.mark.must("12.4.6")
def test_a_certificate_is_good_between_its_dates(root: Authority) -> None:
    """The first moment is in, the last is out; an open stream ends by the same rule."""
    identity = Identity.from_certificate(root.issue())

    identity.check_valid(identity.not_before_ms)
    identity.check_valid(identity.not_after_ms - 1)
    with pytest.raises(Refused, match="certificate-not-yet-valid"):
        identity.check_valid(identity.not_before_ms - 1)
    with pytest.raises(Refused, match="certificate-expired"):
        identity.check_valid(identity.not_after_ms)


def test_only_the_root_that_signed_a_leaf_stands_behind_it(root: Authority) -> None:
    """Another party's root, even of the same name, cannot speak for this one."""
    leaf = root.issue()
    namesake, stranger, no_authority = Authority(), Authority("GBR root"), Authority(is_authority=False)

    check_issued_by(leaf, root.der)
    for other in (namesake, stranger, no_authority):
        with pytest.raises(Refused, match="certificate-other-root"):
            check_issued_by(leaf, other.der)
    with pytest.raises(Refused, match="certificate-other-root"):
        check_issued_by(no_authority.issue(), no_authority.der)
    with pytest.raises(Refused, match="certificate-other-root"):
        check_issued_by(leaf, leaf)
