"""Laws of the texts that admit and stop parties."""

from __future__ import annotations

import pytest

from gateway.core.control.partner import PartnerAdmission, newest_of
from gateway.core.control.source import SourceAdmission
from gateway.core.control.suspension import AgreementEnd, Lift, Objection, Suspension
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.unit.control.given import ROOT_OF, digest_of, kem_key
from tests.unit.control.world import UKR, UKR_2, partner_text, source_text

VOCABULARY = Vocabulary.parse(UKR)
NEWER = Vocabulary.parse(UKR_2)


def test_a_source_is_bound_to_its_certificate_and_its_key() -> None:
    """The pseudonym alone opens nothing."""
    source = SourceAdmission.parse(source_text())

    assert source.id == "src-3f07"
    assert source.binding.uri == "spiffe://ua.example/source/src-3f07"
    assert (source.binding.trust_domain, source.binding.root) == ("ua.example", ROOT_OF["ua.example"])
    assert source.key_digest.hex() == digest_of("src-3f07")
    assert source.scope.covers(RecordKind.TACTIC, DataMode.REAL)
    assert SourceAdmission.parse(source_text(scope="")).scope.text == ""


def test_a_partner_is_bound_to_its_certificate_and_its_keys() -> None:
    """A clearance is under one policy and is never mapped to another."""
    partner = PartnerAdmission.parse(partner_text())

    assert (partner.id, partner.nation) == ("usa/arl", "USA")
    assert partner.sign_key_digest.hex() == digest_of("usa/arl")
    assert partner.kem_key_digest == kem_key("usa/arl").key_digest
    assert [(clearance.policy, clearance.level) for clearance in partner.clearances] == [("UKR", "T")]


@pytest.mark.must("2.2.7", "2.5.2")
@pytest.mark.parametrize(
    "change",
    [
        {"source_id": "src 1"},
        {"scope": "telemetry"},
        {"key": "not hex"},
        {"root": "11"},
        {"identity": "spiffe://UA.example/source/src-1"},
        {"identity": "spiffe://ua.example"},
        {"identity": "spiffe://ua.example/../x"},
        {"identity": "spiffe://ua.example/./x"},
        {"identity": "https://ua.example/source"},
        {"identity": "spiffe://ua.example/source/src-1?x"},
        {"colour": "blue"},
    ],
    ids=str,
)
def test_a_source_text_that_is_not_understood_is_refused(change: dict[str, str]) -> None:
    """Unknown means no."""
    key = change.pop("key", None)
    text = source_text(**change) if key is None else source_text().replace(digest_of("src-3f07").encode(), key.encode())

    with pytest.raises(CallerError):
        SourceAdmission.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        partner_text().replace(b'nation = "USA"', b'nation = "usa"'),
        partner_text().replace(b'nation = "USA"', b'nation = "US"'),
        partner_text(clearance=" "),
        partner_text(clearance='clearance = "T"\n'),
        partner_text(clearance='[clearance.UKR]\nREL = ["USA"]\n'),
        partner_text(clearance='[clearance.UKR]\nlevel = "T"\nREL = "USA"\n'),
        partner_text(sign_key="00"),
        partner_text(kem_key="00"),
    ],
    ids=range(8),
)
def test_a_partner_text_that_is_not_understood_is_refused(text: bytes) -> None:
    """A clearance that nobody can read clears nobody."""
    with pytest.raises(CallerError):
        PartnerAdmission.parse(text)


@pytest.mark.must("2.5.3")
@pytest.mark.parametrize(
    "clearance",
    [
        '[clearance.UKR]\nlevel = "SECRET"\n',
        '[clearance.UKR]\nlevel = "T"\nREL = ["ATLANTIS"]\n',
        '[clearance.UKR]\nlevel = "T"\nCOMMERCIAL = ["FPV-7"]\n',
        '[clearance.USA]\nlevel = "S"\n',
    ],
)
def test_a_clearance_names_what_its_vocabulary_has(clearance: str) -> None:
    """What no vocabulary in force defines cannot be cleared, and a design is held through an agreement only."""
    PartnerAdmission.parse(partner_text()).check_against([VOCABULARY])

    with pytest.raises(CallerError) as caught:
        PartnerAdmission.parse(partner_text(clearance=clearance)).check_against([VOCABULARY])

    assert caught.value.code == "clearance"


def test_the_newest_vocabulary_of_a_policy_counts() -> None:
    """A clearance is checked against what labels mean now."""
    assert newest_of("UKR", [NEWER, VOCABULARY]) is NEWER
    assert newest_of("UKR", [VOCABULARY, NEWER]) is NEWER
    assert newest_of("USA", [VOCABULARY]) is None


@pytest.mark.parametrize("target", ["partner/usa/arl", "source/src-3f07"])
def test_a_suspension_names_a_party_and_a_reason(target: str) -> None:
    """Who was stopped, and why, is read by whoever lifts it."""
    text = f'target = "{target}"\nreason = "key lost"\n'.encode()

    assert Suspension.parse(text) == Suspension(target, "key lost")
    assert Lift.parse(text) == Lift(target, "key lost")


@pytest.mark.parametrize(
    "target", ["usa/arl", "partner/", "partner", "operator/officer-1", "source/a b", "proposal/00"]
)
def test_a_suspension_of_something_else_is_refused(target: str) -> None:
    """A misspelt name must not look like a party that is stopped."""
    text = f'target = "{target}"\nreason = "key lost"\n'.encode()

    for parse in (Suspension.parse, Lift.parse):
        with pytest.raises(CallerError, match="target"):
            parse(text)


def test_an_objection_names_a_proposal() -> None:
    """It stops one proposal and no other."""
    link = "ab" * 48
    text = f'proposal = "{link}"\nreason = "not agreed"\n'.encode()

    assert Objection.parse(text) == Objection(bytes.fromhex(link), "not agreed")
    assert Lift.parse(f'target = "proposal/{link}"\nreason = "agreed"\n'.encode()).target == f"proposal/{link}"


def test_an_end_names_an_agreement() -> None:
    """An agreement ended early stays in the ledger under its id."""
    assert AgreementEnd.parse(b'agreement = "UA-1"\nreason = "over"\n') == AgreementEnd("UA-1", "over")


@pytest.mark.must("2.7.5")
@pytest.mark.parametrize("reason", ['""', f'"{"a" * 513}"', '"two\\nlines"', "7"])
def test_a_reason_is_one_line(reason: str) -> None:
    """A reason is printed beside a change; it must not print a second one."""
    with pytest.raises(CallerError, match="reason"):
        Suspension.parse(f'target = "partner/usa/arl"\nreason = {reason}\n'.encode())
