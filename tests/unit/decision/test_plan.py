"""A kept outcome is used again only while everything it was decided on is the same."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from gateway.core.decision.decide import decide
from gateway.core.decision.facts import AgreementFacts, PartnerFacts, RecordFacts, TokenFacts
from gateway.core.decision.outcome import View, Withheld
from gateway.core.decision.plan import Basis, Decider
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import parse_clearances
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.unit.decision.test_decide import (
    LEAF_UNTIL,
    NOW,
    STARTS,
    WIDE,
    a_partner,
    a_record,
    an_agreement,
)
from tests.unit.labels.test_label import FILES, VOCABULARIES

PARTNER: dict[str, Any] = {
    "partner_id": "usa/nrl",
    "nation": "GBR",
    "clearances": parse_clearances({"UKR": {"level": "DSK", "REL": ["USA"]}}),
    "suspended": True,
    "certificate_from_ms": NOW + 1,
    "certificate_until_ms": NOW,
    "directory_until_ms": NOW,
    "token": TokenFacts(NOW + 1, frozenset({RecordKind.TELEMETRY}), None),
}
AGREEMENT: dict[str, Any] = {
    "agreement_id": "UA-US-2026-015",
    "partner_id": "usa/nrl",
    "starts": date(2026, 11, 21),
    "ends": date(2026, 11, 19),
    "ended": True,
    "kinds": frozenset({RecordKind.TACTIC}),
    "modes": frozenset({DataMode.TEST}),
    "sources": frozenset({"src-91c2"}),
    "designs": frozenset(),
    "ceiling_policy": "USA",
    "ceiling_level": "DSK",
    "withhold": frozenset({"telemetry.link"}),
    "origin_hidden": False,
    "delay_ms": 0,
    "records_per_month": None,
}
RESIGNED = Vocabulary.parse((FILES / "UKR.1.toml").read_bytes() + b"#\n")
RECORD: dict[str, Any] = {
    "kind": RecordKind.CHUNK,
    "data_mode": DataMode.SIMULATED,
    "source_id": "src-0000",
    "source_suspended": True,
    "design": "FPV-8",
    "held": True,
    "unverifiable": True,
    "slots": ("about",),
    "labels": (WIDE.encode(),) * 8,
    "must": 0b1000_0001,
}


def a_basis(
    position: int = 7,
    partner: PartnerFacts | None = None,
    agreement: AgreementFacts | None = None,
    vocabularies: dict[str, Vocabulary] | None = None,
) -> Basis:
    """The usual partner under the usual agreement."""
    return Basis(position, partner or a_partner(), agreement or an_agreement(), vocabularies or VOCABULARIES)


def test_an_equal_question_gets_the_kept_outcome() -> None:
    """The same facts, built again, hit the same entry: the hot path decides nothing twice."""
    decider = Decider()

    first = decider.plan_for(a_basis(), a_record(), NOW)

    assert first == decide(a_partner(), an_agreement(), a_record(), VOCABULARIES, NOW)
    assert decider.plan_for(a_basis(), a_record(), NOW + 1) is first


def test_every_fact_has_a_perturbation() -> None:
    """A fact added later without a line here would be a fact nobody knows to be in the key."""
    assert set(PARTNER) == {field.name for field in fields(PartnerFacts)}
    assert set(AGREEMENT) == {field.name for field in fields(AgreementFacts)}
    assert set(RECORD) == set(RecordFacts._fields)


@pytest.mark.must("9.5.3")
@pytest.mark.parametrize(
    ("basis", "record"),
    [
        (a_basis(position=8), a_record()),
        (a_basis(vocabularies={"UKR.1": VOCABULARIES["UKR.1"]}), a_record()),
        (a_basis(vocabularies={**VOCABULARIES, "UKR.1": RESIGNED}), a_record()),
        *((a_basis(partner=replace(a_partner(), **{name: value})), a_record()) for name, value in PARTNER.items()),
        *(
            (a_basis(agreement=replace(an_agreement(), **{name: value})), a_record())
            for name, value in AGREEMENT.items()
        ),
        *((a_basis(), a_record()._replace(**{name: value})) for name, value in RECORD.items()),
        *(
            (a_basis(), a_record()._replace(labels=(*a_record().labels[:slot], None, *a_record().labels[slot + 1 :])))
            for slot in range(8)
        ),
    ],
)
def test_one_changed_fact_is_decided_anew(basis: Basis, record: RecordFacts) -> None:
    """No outcome is borrowed by a question that differs in anything decided on."""
    decider = Decider()
    first = decider.plan_for(a_basis(), a_record(), NOW)

    other = decider.plan_for(basis, record, NOW)

    assert other is not first
    assert other == decide(basis.partner, basis.agreement, record, basis.vocabularies, NOW)
    assert decider.plan_for(a_basis(), a_record(), NOW) is first


@pytest.mark.must("9.5.3")
def test_time_passes_no_turn_unnoticed_in_either_direction() -> None:
    """A later moment beyond a turn, and an earlier one before it, are decided anew."""
    decider = Decider()
    basis = a_basis(partner=a_partner(certificate_from_ms=0))
    first = decider.plan_for(basis, a_record(), NOW)

    last = decider.plan_for(basis, a_record(), LEAF_UNTIL - 1)
    after = decider.plan_for(basis, a_record(), LEAF_UNTIL)
    back = decider.plan_for(basis, a_record(), STARTS - 1)
    again = decider.plan_for(basis, a_record(), STARTS)

    assert isinstance(first, View)
    assert last is first
    assert isinstance(after, Withheld)
    assert isinstance(back, Withheld)
    assert isinstance(again, View)


@pytest.mark.must("9.5.11")
def test_an_untimed_outcome_is_never_kept_nor_given() -> None:
    """While the clock is not trusted nothing kept is released, and nothing decided then is kept."""
    decider = Decider()
    first = decider.plan_for(a_basis(), a_record(), NOW)

    untimed = decider.plan_for(a_basis(), a_record(), None)

    assert isinstance(untimed, Withheld)
    assert decider.plan_for(a_basis(), a_record(), None) is not untimed
    assert decider.plan_for(a_basis(), a_record(), NOW) is first


def test_a_vocabulary_replaced_by_its_owner_changes_no_basis() -> None:
    """A basis keeps what it was made with, so equal bases always mean the same."""
    vocabularies = dict(VOCABULARIES)
    basis = a_basis(vocabularies=vocabularies)

    vocabularies.clear()

    assert isinstance(Decider().plan_for(basis, a_record(), NOW), View)
    assert basis == a_basis()
    assert basis != (7, a_partner())


def test_the_table_is_bounded() -> None:
    """A source that writes a new label with every record cannot fill the memory; it only costs itself the hits."""
    decider = Decider(limit=2)
    first = decider.plan_for(a_basis(), a_record(), NOW)
    decider.plan_for(a_basis(), a_record(must=0b11), NOW)

    assert decider.plan_for(a_basis(), a_record(), NOW) is first
    decider.plan_for(a_basis(), a_record(must=0b111), NOW)
    assert decider.plan_for(a_basis(), a_record(), NOW) is not first
