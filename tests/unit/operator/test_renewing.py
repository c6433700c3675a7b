"""The authority answers who CONTROL admits, with what it certified before, and nobody and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from clients.certificates import certificate_request, der, leaf_of, new_tls_key, pem_of
from clients.cli.rebinding import rebound
from clients.enrolment import PartyRole, make_keys
from clients.keyfiles import read_private
from clients.operator.authorities import authorities_of, replace_authority
from clients.operator.ca import Authority, PartyKind, root_digest
from clients.operator.drafts import partner_text, source_text, suspend_text
from clients.operator.home import Home
from clients.operator.renewing import hosts_of, is_own_due, issue_next, issue_own, own_identity
from gateway.core.control.enrolment import Bundle
from gateway.core.control.renewal import Renewal, make_renewal
from gateway.core.errors import CallerError, Refused
from gateway.core.parties.identity import Identity, check_issued_by
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import Holder, StatementKind
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import CLEARANCE, NOW, NOW_MS, TRUST_DOMAIN, a_bundle

LATER = NOW + timedelta(hours=17)
SOURCE = "src-3f07"


@dataclass
class Desk:
    """A town whose officer-1 has the authority, a source and a partner that it admitted, and their keys."""

    town: Town
    folder: Path
    bundle: Bundle

    @classmethod
    def open(cls, folder: Path) -> Desk:
        """Everything signed by both."""
        town = Town.found(folder)
        town.operators[0].keep_authority(town.authority)
        bundle = a_bundle(folder, PartyRole.SOURCE, SOURCE)
        desk = cls(town, folder, bundle)
        root = root_digest(town.authority.root)
        town.apply(
            StatementKind.SOURCE,
            source_text(bundle, trust_domain=TRUST_DOMAIN, root=root, scope="tactic//TEST"),
            bundle.encoded,
        )
        return desk

    @property
    def home(self) -> Home:
        """officer-1's."""
        return self.town.operators[0]

    @property
    def tls_key(self) -> bytes:
        """The source's."""
        return read_private(self.folder / SOURCE / "tls.key")

    def certificate(
        self, kind: PartyKind = PartyKind.SOURCE, holder_id: str = SOURCE, key: bytes = b"", hosts: tuple[str, ...] = ()
    ) -> bytes:
        """What the holder has in use, DER."""
        request = certificate_request(key or self.tls_key)
        return der(leaf_of(self.town.authority.issue(request, kind, holder_id, now=NOW, hosts=hosts)))

    def renewal(self, **changed: object) -> Renewal:
        """The source's, at the hour it is due."""
        values: dict[str, object] = {
            "genesis": self.town.genesis.statement.link,
            "holder": Holder.SOURCE,
            "holder_id": SOURCE,
            "time_ms": NOW_MS + 17 * 3_600_000,
            "certificate_request": certificate_request(self.tls_key),
            "certificate": self.certificate(),
        }
        key = changed.pop("key", None) or SigningKey.from_pem(read_private(self.folder / SOURCE / "sign.pem"))
        return make_renewal(key, **{**values, **changed})  # type: ignore[arg-type]  # any field

    def issue(self, renewal: Renewal, now: datetime = LATER) -> bytes:
        """The answer."""
        return issue_next(self.town.chain(), self.home, renewal, now=now)

    def code(self, renewal: Renewal, now: datetime = LATER) -> str:
        """Why there is none."""
        with pytest.raises((Refused, CallerError)) as caught:
            self.issue(renewal, now)
        return caught.value.code


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk of its own."""
    return Desk.open(tmp_path)


def test_a_source_is_issued_what_it_had_for_another_day(desk: Desk) -> None:
    """The refusals below are for what was changed."""
    certificate = desk.issue(desk.renewal())

    before, identity = Identity.from_certificate(desk.certificate()), Identity.from_certificate(certificate)
    assert identity.uri == before.uri
    assert identity.not_after_ms == round((LATER + timedelta(hours=24)).timestamp() * 1000)
    check_issued_by(certificate, der(desk.town.authority.root))


STRANGER = SigningKey.generate()
WRONG: dict[str, tuple[Callable[[Desk], Renewal], str]] = {
    "signed by a stranger": (lambda desk: desk.renewal(key=STRANGER), "renewal-key"),
    "for another gateway": (lambda desk: desk.renewal(genesis=b"e" * 48), "renewal-genesis"),
    "in another's name": (lambda desk: desk.renewal(holder_id="src-91c2"), "source-unknown"),
    "as an operator": (lambda desk: desk.renewal(holder=Holder.OPERATOR, holder_id="officer-2"), "renewal-key"),
    "as a gateway": (lambda desk: desk.renewal(holder=Holder.GATEWAY, holder_id="demo"), "renewal-key"),
    "with another TLS key in it": (
        lambda desk: desk.renewal(certificate_request=certificate_request(new_tls_key())),
        "certificate-other-key",
    ),
    "with the certificate of another": (
        lambda desk: desk.renewal(certificate=desk.certificate(holder_id="src-91c2")),
        "certificate-other-identity",
    ),
    # Whoever has the TLS key can certify it, under a serial number that no operator has revoked.
    "with a certificate of its own making": (
        lambda desk: desk.renewal(
            certificate=der(
                leaf_of(
                    Authority.create(TRUST_DOMAIN, NOW).issue(
                        certificate_request(desk.tls_key), PartyKind.SOURCE, SOURCE, now=NOW
                    )
                )
            )
        ),
        "certificate-other-root",
    ),
    "with what is no certificate": (lambda desk: desk.renewal(certificate=b"x"), "certificate-malformed"),
    "of the week before": (lambda desk: desk.renewal(time_ms=NOW_MS - 7 * 24 * 3_600_000), "renewal-late"),
    "of tomorrow": (lambda desk: desk.renewal(time_ms=NOW_MS + 48 * 3_600_000), "renewal-late"),
}


@pytest.mark.must("12.7.11", "12.7.12", "12.7.13", "12.7.14")
@pytest.mark.parametrize("what", WRONG)
def test_nothing_is_issued_for(desk: Desk, what: str) -> None:
    """A gateway can show the authority whatever it likes."""
    made, code = WRONG[what]

    assert desk.code(made(desk)) == code


@pytest.mark.must("12.7.13")
def test_a_tls_key_that_operators_did_not_admit_is_not_certified(desk: Desk) -> None:
    """Also if the holder's signing key says so: who has taken both has not the bundle in CONTROL."""
    key = new_tls_key()
    renewal = desk.renewal(certificate_request=certificate_request(key), certificate=desk.certificate(key=key))

    assert desk.code(renewal) == "renewal-tls-key"


@pytest.mark.must("12.7.11")
def test_a_suspended_source_is_issued_nothing(desk: Desk) -> None:
    """The chain is read before every answer."""
    desk.town.apply(StatementKind.SUSPEND, suspend_text(f"source/{SOURCE}", "a test"))

    assert desk.code(desk.renewal()) == "renewal-stopped"


@pytest.mark.must("12.7.14")
def test_a_revoked_certificate_is_not_followed(desk: Desk) -> None:
    """Somebody may have its key."""
    renewal = desk.renewal()
    fingerprint = Identity.from_certificate(renewal.certificate).fingerprint
    text = f'target = "certificate/{fingerprint}"\nreason = "laptop stolen"\n'.encode()

    desk.town.apply(StatementKind.REVOKE, text)

    assert desk.code(renewal) == "certificate-revoked"


@pytest.mark.must("12.7.14")
def test_the_last_request_is_answered_again_and_an_older_one_never(desk: Desk) -> None:
    """An answer may be lost; and a gateway may keep requests, to ask for certificates as it likes."""
    older, newer = desk.renewal(), desk.renewal(time_ms=NOW_MS + 17 * 3_600_000 + 1)

    first = desk.issue(newer)

    assert desk.issue(newer, LATER + timedelta(hours=1)) == first
    assert desk.code(older) == "renewal-replayed"
    assert desk.issue(desk.renewal(time_ms=newer.time_ms + 1)) != first


@pytest.mark.must("12.7.12")
def test_another_authority_answers_for_its_own(desk: Desk, tmp_path: Path) -> None:
    """A partner's nation has its own root, and its officers their own tool."""
    other = Home.create(tmp_path / "other", "officer-9")
    other.keep_authority(Authority.create("usa.example", NOW))

    with pytest.raises(Refused) as caught:
        issue_next(desk.town.chain(), other, desk.renewal(), now=LATER)

    assert caught.value.code == "root-other"


@pytest.mark.must("12.7.15")
def test_hosts_of_a_gateway_are_those_of_the_certificate_this_authority_issued(desk: Desk) -> None:
    """A request asks for nothing; who could name a host could be taken for another server."""
    certificate = desk.certificate(PartyKind.GATEWAY, "demo", hosts=("gw.example", "127.0.0.1", "::1"))

    assert list(hosts_of(certificate)) == ["gw.example", "127.0.0.1", "::1"]


def test_an_operator_is_issued_its_next_by_the_roster(desk: Desk) -> None:
    """Its statement key signs, and its certificate in use says which TLS key it is."""
    second = desk.town.operators[1]
    renewal = second.renewal(NOW_MS + 17 * 3_600_000)

    certificate = desk.issue(renewal)
    installed = second.install(certificate, NOW_MS + 17 * 3_600_000)

    assert installed.uri == "spiffe://sluice.example/operator/officer-2"
    assert own_identity(second) == installed


def test_the_operator_with_the_authority_renews_without_anybody(desk: Desk) -> None:
    """Also when its certificate has expired: nobody else could let it in."""
    expired = LATER + timedelta(days=3)

    certificate = issue_own(desk.home, now=expired)

    assert certificate is not None
    assert issue_own(desk.town.operators[1], now=expired) is None
    assert is_own_due(desk.home, expired)
    assert not is_own_due(desk.home, NOW)
    desk.home.install(certificate, round(expired.timestamp() * 1000))
    assert not is_own_due(desk.home, expired)


def test_an_operator_installs_only_what_may_follow(desk: Desk) -> None:
    """The gateway that hands it over could hand over anything."""
    second = desk.town.operators[1]
    others = desk.home.connection().certificate_pem

    with pytest.raises(Refused) as caught:
        second.install(der(leaf_of(others)), NOW_MS)

    assert caught.value.code == "certificate-other-key"


def test_a_replaced_authority_goes_on_for_who_is_bound_to_it(desk: Desk) -> None:
    """Until every party has its new profile, the old one must not run out under it."""
    before = desk.town.authority
    fresh = Authority.create(TRUST_DOMAIN, LATER)

    replace_authority(desk.home, fresh)

    assert [root_digest(one.root) for one in authorities_of(desk.home)] == [
        root_digest(fresh.root),
        root_digest(before.root),
    ]
    check_issued_by(desk.issue(desk.renewal()), der(before.root))
    assert root_digest(desk.home.authority().root) == root_digest(fresh.root)


def test_a_party_bound_anew_is_certified_by_the_new_authority(desk: Desk) -> None:
    """With the certificate of the old one in use: its TLS key is in CONTROL."""
    fresh = Authority.create(TRUST_DOMAIN, LATER)
    replace_authority(desk.home, fresh)
    entry = desk.town.entries[-1]

    body = rebound(PartyRole.SOURCE, entry.body, root_digest(fresh.root))
    desk.town.apply(StatementKind.SOURCE, body, *entry.attachments)

    check_issued_by(desk.issue(desk.renewal()), der(fresh.root))
    assert body != entry.body
    assert len(body) == len(entry.body)


def test_a_rebound_admission_differs_in_its_root_alone(tmp_path: Path) -> None:
    """Whoever replaces an authority decides nothing else."""
    make_keys(tmp_path / "other", PartyRole.PARTNER)
    bundle = a_bundle(tmp_path, PartyRole.PARTNER, "usa/arl")
    text = partner_text(bundle, trust_domain=TRUST_DOMAIN, root="11" * 32, nation="USA", clearance=CLEARANCE)

    fresh = rebound(PartyRole.PARTNER, text, "22" * 32)

    assert fresh == text.replace(b"11" * 32, b"22" * 32)
    with pytest.raises(CallerError) as caught:
        rebound(PartyRole.PARTNER, text.replace(b'root     = "', b'"root" = "'), "22" * 32)
    assert caught.value.code == "root-unreplaced"


def test_a_certificate_in_a_file_is_the_one_that_was_answered(desk: Desk) -> None:
    """DER on the wire, PEM on the disk, one certificate."""
    certificate = desk.issue(desk.renewal())

    assert der(x509.load_pem_x509_certificate(pem_of(certificate))) == certificate
