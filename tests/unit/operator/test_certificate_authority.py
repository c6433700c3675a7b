"""The built-in authority: what its certificates say, judged by an independent verifier, and what it refuses."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.operator.ca import (
    Authority,
    PartyKind,
    root_digest,
    spiffe_id,
    trust_domain_of,
)
from gateway.core.errors import CallerError, Fault, Refused

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
# The object identifiers of an elliptic curve key and of P-384, and two that name nothing.
_EC_KEY, _NO_KEY = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d027f")
_P384, _NO_CURVE = bytes.fromhex("06052b81040022"), bytes.fromhex("06052b8104007f")
AUTHORITY = Authority.create("sluice.example", NOW)


def a_request(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None, *extensions: x509.ExtensionType
) -> bytes:
    """A certificate request of a fresh P-384 key, unless another is given."""
    key = key or ec.generate_private_key(ec.SECP384R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA384()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


def issued(
    kind: PartyKind, party_id: str, *, hosts: tuple[str, ...] = (), hours: int = 24, request: bytes = b""
) -> x509.Certificate:
    """A leaf as the authority issues it now."""
    pem = AUTHORITY.issue(request or a_request(), kind, party_id, now=NOW, hosts=hosts, hours=hours)
    return x509.load_pem_x509_certificate(pem)


def verified_client(leaf: x509.Certificate, authority: Authority, when: datetime) -> list[x509.GeneralName] | None:
    """The names of a leaf after an independent verifier accepted it as a client's."""
    store = verification.Store([authority.root])
    policy = verification.PolicyBuilder().store(store).time(when.replace(tzinfo=None)).max_chain_depth(1)
    return policy.build_client_verifier().verify(leaf, []).subjects


@pytest.mark.must("12.4.1")
@pytest.mark.parametrize("kind", [PartyKind.SOURCE, PartyKind.PARTNER, PartyKind.OPERATOR])
def test_a_party_certificate_verifies_as_a_client_with_one_identity(kind: PartyKind) -> None:
    """The gateway goes by exactly one URI, so the certificate carries it and no other name."""
    leaf = issued(kind, "usa/arl")

    subjects = verified_client(leaf, AUTHORITY, NOW)

    assert subjects == [x509.UniformResourceIdentifier(f"spiffe://sluice.example/{kind.value}/usa/arl")]
    assert leaf.subject == x509.Name([])


@pytest.mark.must("12.4.1")
def test_a_gateway_certificate_verifies_as_the_server_of_its_hosts_and_as_no_client() -> None:
    """A server that could also pose as a party would need one theft fewer."""
    leaf = issued(PartyKind.GATEWAY, "demo", hosts=("gw.example.ua", "127.0.0.1"))
    store = verification.Store([AUTHORITY.root])
    policy = verification.PolicyBuilder().store(store).time(NOW.replace(tzinfo=None))

    policy.build_server_verifier(x509.DNSName("gw.example.ua")).verify(leaf, [])

    with pytest.raises(verification.VerificationError):
        policy.build_server_verifier(x509.DNSName("other.example.ua")).verify(leaf, [])
    with pytest.raises(verification.VerificationError):
        policy.build_client_verifier().verify(leaf, [])


def test_a_leaf_is_refused_under_another_root() -> None:
    """Each root speaks for its own trust domain and for no other."""
    other = Authority.create("sluice.example", NOW)

    with pytest.raises(verification.VerificationError):
        verified_client(issued(PartyKind.PARTNER, "usa/arl"), other, NOW)


def test_a_leaf_dies_after_a_day_unless_told_otherwise() -> None:
    """There is no revocation list on a bad link, so a stolen certificate must end by itself."""
    leaf = issued(PartyKind.SOURCE, "src-3f07")

    verified_client(leaf, AUTHORITY, NOW + timedelta(hours=23))

    with pytest.raises(verification.VerificationError):
        verified_client(leaf, AUTHORITY, NOW + timedelta(hours=25))


@pytest.mark.must("12.4.5")
def test_a_leaf_never_outlives_the_root() -> None:
    """A chain whose root is gone would fail in a way nobody expects."""
    late = AUTHORITY.root.not_valid_after_utc - timedelta(hours=1)

    pem = AUTHORITY.issue(a_request(), PartyKind.PARTNER, "usa/arl", now=late)

    assert x509.load_pem_x509_certificate(pem).not_valid_after_utc == AUTHORITY.root.not_valid_after_utc


def test_an_expired_root_issues_nothing() -> None:
    """An operator learns of it at the desk, not from a partner's failed handshake."""
    with pytest.raises(Fault) as caught:
        AUTHORITY.issue(a_request(), PartyKind.PARTNER, "usa/arl", now=AUTHORITY.root.not_valid_after_utc)

    assert caught.value.code == "ca-expired"


@pytest.mark.must("12.2.2")
def test_nothing_but_the_key_is_taken_from_a_request() -> None:
    """A request that asks for the gateway's name and use must not get them."""
    key = ec.generate_private_key(ec.SECP384R1())
    greedy = a_request(
        key,
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://sluice.example/gateway/demo")]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.BasicConstraints(ca=True, path_length=None),
    )

    leaf = issued(PartyKind.SOURCE, "src-3f07", request=greedy)

    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier("spiffe://sluice.example/source/src-3f07")]
    uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.public_key() == key.public_key()


@pytest.mark.must("12.4.1")
@pytest.mark.parametrize(
    ("kind", "hosts"),
    [(PartyKind.GATEWAY, ()), (PartyKind.PARTNER, ("gw.example.ua",)), (PartyKind.GATEWAY, ("*.example.ua",))],
)
def test_host_names_belong_to_gateways_only_and_name_one_host(kind: PartyKind, hosts: tuple[str, ...]) -> None:
    """A partner's certificate with a host name could answer in the gateway's place."""
    with pytest.raises(CallerError) as caught:
        AUTHORITY.issue(a_request(), kind, "demo", now=NOW, hosts=hosts)

    assert caught.value.code == "hosts"


@pytest.mark.must("12.4.5")
@pytest.mark.parametrize("hours", [0, -1, 7 * 24 + 1])
def test_a_life_outside_the_limits_is_refused(hours: int) -> None:
    """A certificate for a year is a key that cannot be taken back."""
    with pytest.raises(CallerError) as caught:
        AUTHORITY.issue(a_request(), PartyKind.PARTNER, "usa/arl", now=NOW, hours=hours)

    assert caught.value.code == "hours"


@pytest.mark.parametrize("party_id", ["", "/usa", "usa//arl", "usa/../ops", "usa/arl/", "usa arl", "усa/arl", "a" * 65])
def test_an_id_that_is_not_one_path_is_refused(party_id: str) -> None:
    """Two spellings of one identity, or a step out of its own kind, would be two parties or another one."""
    with pytest.raises(CallerError) as caught:
        spiffe_id("sluice.example", PartyKind.PARTNER, party_id)

    assert caught.value.code == "party-id"


@pytest.mark.parametrize("trust_domain", ["", "Sluice.example", "sluice..example", "-x", "a/b", "a" * 129])
def test_a_trust_domain_must_be_a_lower_case_dns_name(trust_domain: str) -> None:
    """SPIFFE compares trust domains byte for byte."""
    with pytest.raises(CallerError) as caught:
        Authority.create(trust_domain, NOW)

    assert caught.value.code == "trust-domain"


def test_an_authority_comes_back_from_its_two_files() -> None:
    """What the home keeps is the same authority."""
    again = Authority.load(AUTHORITY.root_pem(), AUTHORITY.key_pem())

    assert again.trust_domain == "sluice.example"
    assert root_digest(again.root) == root_digest(AUTHORITY.root)


def _with(pem: bytes, was: bytes, becomes: bytes) -> bytes:
    """The PEM with something else in its DER."""
    begin, *body, end = pem.splitlines()
    octets = base64.b64decode(b"".join(body))
    assert was in octets
    return b"\n".join((begin, base64.b64encode(octets.replace(was, becomes)), end, b""))


def _pem_of(key: ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("root_pem", "key_pem"),
    [
        (b"", AUTHORITY.key_pem()),
        (AUTHORITY.root_pem(), b""),
        (AUTHORITY.root_pem(), Authority.create("other.example", NOW).key_pem()),
        (AUTHORITY.root_pem(), _pem_of(ed25519.Ed25519PrivateKey.generate())),
        (AUTHORITY.root_pem(), _with(AUTHORITY.key_pem(), _P384, _NO_CURVE)),
        (_with(AUTHORITY.root_pem(), _P384, _NO_CURVE), AUTHORITY.key_pem()),
        (_with(AUTHORITY.root_pem(), _EC_KEY, _NO_KEY), AUTHORITY.key_pem()),
    ],
)
def test_files_that_are_not_a_root_and_its_key_are_a_fault(root_pem: bytes, key_pem: bytes) -> None:
    """A root with somebody else's key would issue certificates that nobody accepts."""
    with pytest.raises(Fault) as caught:
        Authority.load(root_pem, key_pem)

    assert caught.value.code == "ca-unreadable"


def a_root_named(*uris: str) -> x509.Certificate:
    """A self-signed certificate with these names."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA384())


def test_a_root_names_its_trust_domain() -> None:
    """Parties of the domain are bound to it."""
    assert trust_domain_of(AUTHORITY.root) == "sluice.example"
    assert trust_domain_of(a_root_named("spiffe://usa.example")) == "usa.example"


@pytest.mark.must("12.4.7")
@pytest.mark.parametrize(
    "uris", [(), ("spiffe://a.example", "spiffe://b.example"), ("https://a.example",), ("spiffe://a.example/x",)]
)
def test_a_root_that_names_no_one_trust_domain_binds_nobody(uris: tuple[str, ...]) -> None:
    """Whose identities it may issue would be anybody's guess."""
    with pytest.raises(Refused) as caught:
        trust_domain_of(a_root_named(*uris))

    assert caught.value.code == "root-unnamed"


def test_a_root_whose_names_cannot_be_read_binds_nobody() -> None:
    """The library reads names only when they are asked for, and then says so in words of its own."""
    name = b"\x86\x17spiffe://sluice.example"
    damaged = _with(AUTHORITY.root_pem(), name, b"\x86\x16" + name[2:])

    with pytest.raises(Refused) as caught:
        Authority.load(damaged, AUTHORITY.key_pem())

    assert caught.value.code == "root-unnamed"


def test_the_private_key_is_in_no_printed_form_of_an_authority() -> None:
    """An authority that ends in a log or a traceback must not take its key there."""
    assert "PRIVATE" not in repr(AUTHORITY)
    assert "_key" not in repr(AUTHORITY)
