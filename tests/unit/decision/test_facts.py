"""The facts of a decision come from the texts operators signed, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.agreement import Agreement
from gateway.core.control.partner import PartnerAdmission
from gateway.core.decision.facts import AgreementFacts, PartnerFacts
from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity
from tests.unit.decision.test_decide import (
    DIRECTORY_UNTIL,
    LEAF_FROM,
    LEAF_UNTIL,
    a_partner,
    a_record,
    an_agreement,
    outcome,
    shown,
)

AGREEMENT = b"""\
id        = "UA-US-2026-014"
from      = "ua/mod"
to        = "usa/arl"
basis     = "MoU 2026-05-11, annex B"
starts    = 2026-06-01
ends      = 2027-06-30
kinds     = ["telemetry", "tactic", "design"]
modes     = ["REAL"]
sources   = ["src-3f07", "src-91c2"]
designs   = ["FPV-7"]
ceiling   = "T"
withhold  = ["telemetry.gnss"]
purpose   = "EVALUATE"
onward    = "no"
origin    = "hidden"
delay_h   = 24
quota     = { records_per_month = 500_000 }
accounts_shown_to_sources = "amounts"
"""
PARTNER = f"""\
id       = "usa/arl"
nation   = "USA"
identity = "spiffe://usa.example/partner/arl"
root     = "{"9f" * 32}"
sign_key = "{"4c" * 48}"
kem_key  = "{"d1" * 48}"

[clearance.UKR]
level = "T"
REL   = ["USA"]
""".encode()
IDENTITY = Identity("spiffe://usa.example/partner/arl", "usa.example", LEAF_FROM, LEAF_UNTIL, "00" * 32, "1")


@pytest.mark.must("9.5.1")
def test_an_agreement_becomes_the_facts_it_states() -> None:
    """Every key the officer reads is the fact the decision uses; the ceiling is a Ukrainian grade."""
    facts = AgreementFacts.from_agreement(Agreement.parse(AGREEMENT), ended=False)

    assert facts == an_agreement(withhold=frozenset({"telemetry.gnss"}))
    assert AgreementFacts.from_agreement(Agreement.parse(AGREEMENT), ended=True).ended
    assert shown(outcome(a_record(), agreement=facts)) == {
        "about",
        "position",
        "position_coarse",
        "kinematics",
        "vehicle",
        "link",
    }


def test_both_rooms_end_an_agreement_at_the_same_moment() -> None:
    """The text and the facts read the last day alike."""
    agreement = Agreement.parse(AGREEMENT)

    facts = AgreementFacts.from_agreement(agreement, ended=False)

    assert (facts.starts_ms, facts.ends_ms) == (agreement.starts_ms, agreement.ends_ms)


@pytest.mark.must("9.5.1")
def test_an_admission_becomes_the_facts_of_its_own_connection() -> None:
    """Nation and clearance are what operators signed, the dates are the certificate's."""
    admission = PartnerAdmission.parse(PARTNER)

    facts = PartnerFacts.from_admission(admission, IDENTITY, suspended=False, directory_until_ms=DIRECTORY_UNTIL)

    assert facts == a_partner()
    assert PartnerFacts.from_admission(
        admission, IDENTITY, suspended=True, directory_until_ms=DIRECTORY_UNTIL
    ) == a_partner(suspended=True)


def test_a_certificate_of_another_party_makes_no_facts() -> None:
    """A partner's admission cannot be used from someone else's connection."""
    other = replace(IDENTITY, uri="spiffe://usa.example/partner/nrl")

    with pytest.raises(Refused, match="identity-other"):
        PartnerFacts.from_admission(
            PartnerAdmission.parse(PARTNER), other, suspended=False, directory_until_ms=DIRECTORY_UNTIL
        )
