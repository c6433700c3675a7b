"""The doctor: every check is made and told, and the exit code is that of the first failure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clients.certificates import new_tls_key
from clients.cli.sluice_client import client
from clients.enrolment import PartyRole
from clients.operator.ca import Authority, PartyKind, root_digest
from clients.operator.drafts import partner_text
from clients.profile import Profile
from gateway.core.control.agreement import Agreement
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.statement import SignedStatement
from tests.tokens import Issuer
from tests.unit.operator.parties import AGREEMENT, CLEARANCE, TRUST_DOMAIN, a_genesis, a_profile, homes

# The doctor looks at this machine's clock.
LASTING = AGREEMENT.replace(b"2027-06-30", b"2099-06-30")


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> SignedStatement:
    """A founding statement."""
    return a_genesis(homes(tmp_path_factory.mktemp("operators")))


@pytest.fixture
def profile(tmp_path: Path, genesis: SignedStatement) -> Profile:
    """A partner's profile whose gateway is not there."""
    lasting = (Agreement.parse(LASTING),)
    return replace(a_profile(tmp_path, genesis), endpoint="127.0.0.1:9", agreements=lasting)


def examined(profile: Profile) -> tuple[int, dict[str, Any]]:
    """Exit code, and what each check found or failed with."""
    path = profile.folder / "x.profile"
    profile.write(path)
    ran = CliRunner().invoke(client, ["doctor", "--profile", str(path), "--json"])
    facts = json.loads(ran.stdout)
    assert facts["ok"] == (ran.exit_code == 0)
    return ran.exit_code, {one["check"]: one["found"] or one["error"]["code"] for one in facts["checks"]}


def test_whose_access_token_is_needed_is_said(profile: Profile) -> None:
    """Whoever sets up the issuer must know client and audience; an agreement that asks for none says nothing."""
    required = Agreement.parse(LASTING + b'token = "required"\n')
    bound = replace(
        profile, agreements=(required,), admission_text=profile.admission_text + Issuer(keys={}).table().encode()
    )

    found = examined(bound)[1]["token"]

    assert found == (
        "UA-US-2026-014 requires one of https://idp.usa.example for arl-sluice, "
        "audience spiffe://sluice.example/gateway/demo"
    )
    assert "token" not in examined(profile)[1]
    assert examined(replace(profile, agreements=(required,)))[1]["token"] == "token-issuer-missing"  # noqa: S105


def test_a_gateway_that_is_away_is_the_only_thing_wrong(profile: Profile) -> None:
    """Everything that can be checked at home is, and says what it found."""
    code, found = examined(profile)

    assert code == 8
    assert found["gateway"] == "gateway-unreachable"
    assert found["profile"].startswith("partner usa/arl of spiffe://sluice.example/gateway/demo; words `")
    assert found["keys"].endswith("usa-arl/ (0600), as admitted")
    assert "certificate 23 h left" in found["identity"]
    assert found["cleared"] == "USA: UKR T"
    assert found["agreement"] == "UA-US-2026-014 in force to 2099-06-30: telemetry tactic; SIMULATED; ceiling T"


def test_each_failure_is_told_with_what_to_do(profile: Profile) -> None:
    """One call to the operator is enough."""
    path = profile.folder / "x.profile"
    profile.write(path)
    (profile.key_folder() / "kem.pem").chmod(0o644)

    ran = CliRunner().invoke(client, ["doctor", "--profile", str(path)])

    assert ran.exit_code == 1
    assert "keys      FAILED [key-file-open-to-others]" in ran.stdout
    assert "do: `chmod go=" in ran.stdout
    assert "gateway   FAILED [gateway-unreachable]" in ran.stdout


@pytest.mark.parametrize("name", ["tls.key", "sign.pem", "kem.pem"])
def test_a_missing_key_is_found(profile: Profile, name: str) -> None:
    """The usual mistake is a profile that lies beside another folder."""
    (profile.key_folder() / name).unlink()

    code, found = examined(profile)

    assert (code, found["keys"]) == (1, "key-missing")


def test_a_certificate_of_another_key_is_found(profile: Profile) -> None:
    """The handshake would fail and say nothing."""
    key = profile.key_folder() / "tls.key"
    key.write_bytes(new_tls_key())

    code, found = examined(profile)

    assert (code, found["keys"], found["gateway"]) == (1, "certificate-key", "credentials")


def test_an_expired_certificate_is_found(tmp_path: Path, profile: Profile) -> None:
    """The commonest failure of all."""
    past = datetime.now(UTC) - timedelta(days=3)
    authority = Authority.create(TRUST_DOMAIN, past)
    bundle = parse_bundle((tmp_path / "usa-arl.enrol").read_bytes())
    root = root_digest(authority.root)
    expired = replace(
        profile,
        roots_pem=authority.root_pem(),
        certificate_pem=authority.issue(bundle.certificate_request, PartyKind.PARTNER, "usa/arl", now=past),
        admission_text=partner_text(bundle, trust_domain=TRUST_DOMAIN, root=root, nation="USA", clearance=CLEARANCE),
    )

    code, found = examined(expired)

    assert (code, found["identity"]) == (4, "certificate-expired")


def test_an_agreement_that_is_over_is_found(profile: Profile) -> None:
    """Nothing will be released under it, and the gateway would not say why."""
    over = AGREEMENT.replace(b"ends = 2027-06-30", b"ends = 2026-06-30")

    code, found = examined(replace(profile, agreements=(Agreement.parse(over),)))

    assert (code, found["agreement"]) == (8, "agreement-ended")


def test_an_agreement_that_is_to_come_says_from_when(profile: Profile) -> None:
    """It is no mistake, only early."""
    early = AGREEMENT.replace(b"2026-06-01", b"2098-01-01").replace(b"2027-06-30", b"2099-01-01")

    _, found = examined(replace(profile, agreements=(Agreement.parse(early),)))

    assert found["agreement"].startswith("UA-US-2026-014 from 2098-01-01 to 2099-01-01")


def test_a_partner_without_agreements_is_told_that_nothing_will_come(profile: Profile) -> None:
    """Silence would look like a fault of the link."""
    _, found = examined(replace(profile, agreements=()))

    assert found["agreement"] == "none: nothing will be released"


def test_a_source_is_told_what_it_may_send(tmp_path: Path, genesis: SignedStatement) -> None:
    """Scope instead of clearance and agreements."""
    source = replace(a_profile(tmp_path, genesis, PartyRole.SOURCE, "src-3f07"), endpoint="127.0.0.1:9")

    code, found = examined(source)

    assert (code, found["may send"]) == (8, "telemetry,tactic//SIMULATED")
    assert "cleared" not in found
