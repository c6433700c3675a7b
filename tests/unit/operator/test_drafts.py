"""Drafted texts: what an operator decides, as the gateway parses it, and nothing that the bundle does not prove."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.enrolment import PartyRole
from clients.operator.ca import PartyKind
from clients.operator.drafts import lift_text, partner_text, roster_text, source_text, suspension_text
from gateway.core.control.enrolment import Bundle
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.roster import Roster
from gateway.core.control.source import SourceAdmission
from gateway.core.control.suspension import Lift, Suspension
from gateway.core.errors import CallerError, GatewayError, Refused
from gateway.core.suite.keys import key_digest
from gateway.core.suite.numbers import Role
from tests.unit.operator.parties import CLEARANCE, a_bundle, homes

ROOT = "ab" * 32


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A partner's bundle."""
    return a_bundle(tmp_path_factory.mktemp("partner"), PartyRole.PARTNER, "usa/arl")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A source's bundle."""
    return a_bundle(tmp_path_factory.mktemp("source"), PartyRole.SOURCE, "src-3f07")


def admitted(partner: Bundle, clearance: bytes, token: bytes | None = None) -> PartnerAdmission:
    """The admission with this clearance file, and one of an issuer of tokens if it is given."""
    domain = "sluice.example"
    text = partner_text(partner, trust_domain=domain, root=ROOT, nation="USA", clearance=clearance, token=token)
    return PartnerAdmission.parse(text)


def test_a_partners_admission_names_the_keys_of_its_bundle(partner: Bundle) -> None:
    """What operators sign is the digest of what the party holds."""
    admission = admitted(partner, CLEARANCE)

    assert (admission.id, admission.nation) == ("usa/arl", "USA")
    assert admission.sign_key_digest == key_digest(partner.keys[Role.PARTNER_SIGN])
    assert admission.kem_key_digest == key_digest(partner.keys[Role.PARTNER_KEM])
    assert admission.binding.uri == "spiffe://sluice.example/partner/usa/arl"
    assert admission.binding.root == ROOT


@pytest.mark.parametrize("heading", ["", "[token]\n"])
def test_an_admission_may_name_who_issues_tokens(partner: Bundle, heading: str) -> None:
    """Both spellings of the file mean the same, and what is drafted is what the gateway's parser takes."""
    token = f'{heading}issuer = "https://idp.usa.example"\nkeys = "https://idp.usa.example/jwks"\n'
    token += 'client_id = "arl"\nsubject = "arl"\nalgorithms = ["ES256"]\n'

    admission = admitted(partner, b'[UKR]\nlevel = "T"\n', token.encode())

    assert admission.token is not None
    assert (admission.token.issuer, admission.token.algorithms) == ("https://idp.usa.example", {"ES256"})
    assert admitted(partner, b'[UKR]\nlevel = "T"\n').token is None


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (b"\xff", "token-file"),
        (b"issuer =", "token-file"),
        (b'"a b" = "x"', "token-file"),
        (b"issuer = 7", "token-file"),
        (b'issuer = "https://idp.usa.example"', "text-missing-key"),
        (b'colour = "blue"', "text-unknown-key"),
    ],
)
def test_an_issuers_file_that_is_none_is_refused_before_anyone_signs(partner: Bundle, token: bytes, code: str) -> None:
    """A mistake is found at the desk."""
    with pytest.raises(CallerError) as caught:
        admitted(partner, b'[UKR]\nlevel = "T"\n', token)

    assert caught.value.code == code


def test_a_sources_admission_names_its_key_and_scope(source: Bundle) -> None:
    """The same for a source."""
    admission = SourceAdmission.parse(
        source_text(source, trust_domain="sluice.example", root=ROOT, scope="telemetry//SIMULATED")
    )

    assert admission.key_digest == key_digest(source.keys[Role.SOURCE])
    assert admission.binding.uri == "spiffe://sluice.example/source/src-3f07"
    assert admission.scope.text == "telemetry//SIMULATED"


def test_both_spellings_of_a_clearance_file_mean_the_same(partner: Bundle) -> None:
    """Officers copy the table from an older admission."""
    prefixed = CLEARANCE.replace(b"[UKR]", b"[clearance.UKR]")

    assert admitted(partner, prefixed) == admitted(partner, CLEARANCE)


def test_a_clearance_may_hold_several_policies(partner: Bundle) -> None:
    """Until equivalence rows are in force that is how a partner reads labels of more than one nation."""
    two = CLEARANCE + b'[USA]\nlevel = "S"\nREL = ["USA"]\nSCI = ["A", "B"]\n'

    assert [one.policy for one in admitted(partner, two).clearances] == ["UKR", "USA"]


@pytest.mark.parametrize(
    "clearance",
    [
        b"",
        b"\xff",
        b"[UKR",
        b"level = 'T'",
        b"[clearance]\n",
        b"['U K']\nlevel = 'T'",
        b"[UKR]\nlevel = 3",
        b"[UKR]\nlevel = 'T'\nREL = [3]",
        b'[UKR]\nlevel = "T"\n"A\\nroot" = "x"',
        b"[UKR]\nREL = ['USA']",
    ],
)
def test_a_clearance_file_that_is_none_is_refused_before_anyone_signs(partner: Bundle, clearance: bytes) -> None:
    """A clearance read otherwise than it was meant releases what it should not."""
    with pytest.raises(CallerError) as caught:
        admitted(partner, clearance)

    assert caught.value.code == "clearance"


@pytest.mark.parametrize("nation", ["usa", "US", 'U"A', "USA\n"])
def test_a_nation_is_three_letters(partner: Bundle, nation: str) -> None:
    """It is compared with releasabilities."""
    with pytest.raises(CallerError):
        partner_text(partner, trust_domain="sluice.example", root=ROOT, nation=nation, clearance=CLEARANCE)


def test_a_bundle_is_admitted_as_what_it_is(partner: Bundle, source: Bundle) -> None:
    """A source admitted as a partner would have keys nobody seals to."""
    with pytest.raises(Refused) as caught:
        partner_text(source, trust_domain="sluice.example", root=ROOT, nation="USA", clearance=CLEARANCE)
    assert caught.value.code == "bundle-role"
    with pytest.raises(Refused) as caught:
        source_text(partner, trust_domain="sluice.example", root=ROOT, scope="telemetry//REAL")
    assert caught.value.code == "bundle-role"


@pytest.mark.parametrize("scope", ["telemetry", "REAL//telemetry", 'telemetry//REAL"\nroot = "'])
def test_a_scope_has_one_spelling(source: Bundle, scope: str) -> None:
    """The gateway compares it as text."""
    with pytest.raises(GatewayError):
        source_text(source, trust_domain="sluice.example", root=ROOT, scope=scope)


def test_a_suspension_and_a_lift_name_the_party_and_the_reason() -> None:
    """The reason is part of what is signed, quotes and all."""
    reason = 'he said "no" \\ left'

    assert Suspension.parse(suspension_text(PartyKind.PARTNER, "deu/wtd81", reason)) == Suspension(
        "partner/deu/wtd81", reason
    )
    assert Lift.parse(lift_text(PartyKind.SOURCE, "src-3f07", reason)) == Lift("source/src-3f07", reason)


@pytest.mark.parametrize("reason", ["", "a\nb", "a\u202eb", "x" * 513])
def test_a_reason_is_one_line_that_can_be_seen(reason: str) -> None:
    """Whoever reads it later must read what was signed."""
    with pytest.raises(CallerError):
        suspension_text(PartyKind.PARTNER, "deu/wtd81", reason)


def test_a_roster_names_operators_persons_and_recovery_keys(tmp_path: Path) -> None:
    """Everything else stands on it."""
    first, second, *recovery = homes(tmp_path)
    cards = [first.card(), second.card()]

    roster = Roster.parse(
        roster_text(
            [(cards[0], "kovalenko"), (cards[1], "shevchuk")],
            [home.card() for home in recovery],
            quorum=2,
            wait_hours=48,
            recovery_quorum=2,
        )
    )

    assert [(one.id, one.person, one.key_digest) for one in roster.operators] == [
        ("officer-1", "kovalenko", cards[0].key_digest),
        ("officer-2", "shevchuk", cards[1].key_digest),
    ]
    assert [one.id for one in roster.recovery] == ["recovery-1", "recovery-2"]


def test_one_person_cannot_be_two_operators(tmp_path: Path) -> None:
    """A quorum of one person with two keys is no quorum."""
    first, second, *recovery = homes(tmp_path)

    with pytest.raises(CallerError) as caught:
        roster_text(
            [(first.card(), "kovalenko"), (second.card(), "Kovalenko")],
            [home.card() for home in recovery],
            quorum=2,
            wait_hours=48,
            recovery_quorum=2,
        )

    assert caught.value.code == "roster-unsafe"


def test_a_recovery_key_is_no_operator(tmp_path: Path) -> None:
    """It has no TLS key, so it could never speak to the gateway."""
    first, _, *recovery = homes(tmp_path)

    with pytest.raises(CallerError) as caught:
        roster_text(
            [(first.card(), "kovalenko"), (recovery[0].card(), "shevchuk")],
            [],
            quorum=2,
            wait_hours=48,
            recovery_quorum=2,
        )

    assert caught.value.code == "card"
