"""A certificate takes another's place only if it says the same for longer, under the pinned root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from clients.certificates import certificate_request, der, leaf_of, new_tls_key
from clients.operator.ca import Authority, PartyKind
from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity
from gateway.core.parties.renewed import check_next, check_same_key, renewal_due_ms

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=20)
ARL = "spiffe://usa.example/partner/arl"


def ms(moment: datetime) -> int:
    """UTC milliseconds."""
    return round(moment.timestamp() * 1000)


@dataclass
class Holder:
    """A TLS key and what an authority issues for it."""

    authority: Authority
    key_pem: bytes

    @classmethod
    def fresh(cls) -> Holder:
        """Of an authority of its own."""
        return cls(Authority.create("usa.example", NOW - timedelta(days=1)), new_tls_key())

    @property
    def root(self) -> bytes:
        """DER."""
        return der(self.authority.root)

    def issued(
        self, now: datetime, *, party_id: str = "arl", hours: int = 24, authority: Authority | None = None
    ) -> bytes:
        """A certificate of the key, DER."""
        request = certificate_request(self.key_pem)
        issuer = authority or self.authority
        return der(leaf_of(issuer.issue(request, PartyKind.PARTNER, party_id, now=now, hours=hours)))

    def signed(self, uses: list[x509.ObjectIdentifier] | None) -> bytes:
        """A certificate for other uses than the authority would issue."""
        key = serialization.load_pem_private_key(self.key_pem, None)
        root_key = serialization.load_pem_private_key(self.authority.key_pem(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert isinstance(root_key, ec.EllipticCurvePrivateKey)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.authority.root.subject)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(NOW)
            .not_valid_after(LATER + timedelta(days=2))
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ARL)]), critical=True)
        )
        if uses is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        return builder.sign(root_key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


HOLDER = Holder.fresh()
PRESENT = HOLDER.issued(NOW)


def test_what_says_the_same_for_longer_may_follow() -> None:
    """The refusals below are for what was changed."""
    following = HOLDER.issued(LATER)

    identity = check_next(PRESENT, following, HOLDER.root, ms(LATER))

    assert (identity.uri, identity.not_after_ms) == (ARL, ms(LATER + timedelta(hours=24)))


REFUSED = {
    "another key": (lambda: Holder(HOLDER.authority, new_tls_key()).issued(LATER), "certificate-other-key"),
    "another name": (lambda: HOLDER.issued(LATER, party_id="nrl"), "certificate-other-identity"),
    "another root": (
        lambda: HOLDER.issued(LATER, authority=Authority.create("usa.example", NOW)),
        "certificate-other-root",
    ),
    "for a server too": (
        lambda: HOLDER.signed([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
        "certificate-other-use",
    ),
    "for no use": (lambda: HOLDER.signed(None), "certificate-other-use"),
    "not yet good": (lambda: HOLDER.issued(LATER + timedelta(hours=1)), "certificate-not-yet-valid"),
    "over already": (lambda: HOLDER.issued(LATER - timedelta(hours=2), hours=1), "certificate-expired"),
    "over as soon": (lambda: HOLDER.issued(NOW), "certificate-not-later"),
    "no certificate": (lambda: b"nonsense", "certificate-malformed"),
}


@pytest.mark.must("12.7.9")
@pytest.mark.parametrize("what", REFUSED)
def test_what_says_something_else_may_not(what: str) -> None:
    """Who carries certificates can withhold one, and do nothing else with it."""
    made, code = REFUSED[what]

    with pytest.raises(Refused) as caught:
        check_next(PRESENT, made(), HOLDER.root, ms(LATER))

    assert caught.value.code == code


def test_a_request_goes_with_the_certificate_of_its_own_key() -> None:
    """Another key in it would be certified by nobody's wish."""
    identity = check_same_key(PRESENT, certificate_request(HOLDER.key_pem))

    with pytest.raises(Refused) as caught:
        check_same_key(PRESENT, certificate_request(new_tls_key()))

    assert identity.uri == ARL
    assert caught.value.code == "certificate-other-key"


def test_a_certificate_is_due_when_a_third_of_its_life_is_left() -> None:
    """Of a day that is a night in which nobody has to be awake."""
    identity = Identity.from_certificate(PRESENT)

    due_ms = renewal_due_ms(identity)

    whole = identity.not_after_ms - identity.not_before_ms
    assert identity.not_after_ms - due_ms == whole // 3
