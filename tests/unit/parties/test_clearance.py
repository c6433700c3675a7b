"""A clearance opens what it names and nothing beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import CallerError
from gateway.core.labels.label import Label
from gateway.core.labels.lattice import dominates
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import (
    Clearance,
    Shortfall,
    clearance_for,
    parse_clearances,
    shortfalls,
)
from gateway.core.parties.names import agreement_id, nation, partner_id, source_id
from tests.unit.labels.test_label import VOCABULARIES, a_label
from tests.unit.labels.test_vocabulary import SMALL

USA = parse_clearances(
    {
        "NATO": {"level": "NS", "REL": ["USA"], "ONLY": ["USA"], "SPECIAL": ["ATOMAL"]},
        "UKR": {"level": "T", "REL": ["USA"]},
    }
)
SMALL_VOCABULARY = Vocabulary.parse(SMALL.encode())


def missing(label: str, nation_code: str = "USA", designs: frozenset[str] = frozenset()) -> list[str]:
    """What a label asks beyond the clearances of the partner."""
    return [short.value for short in shortfalls(a_label(label), USA, nation_code, designs)]


@pytest.mark.parametrize(
    "label",
    [
        "UKR.1 OPEN//REL USA",
        "UKR.1 DSK//REL DEU,GBR,USA",
        "UKR.1 T//REL USA",
        "NATO.1 NS",
        "NATO.1 NS//ADMIN STAFF",
        "NATO.1 NR//ONLY GBR,USA//REL UKR//SPECIAL ATOMAL",
    ],
)
def test_a_label_within_the_clearance_is_open(label: str) -> None:
    """Level at most as high, every restrictive value held, one permissive value held, the nation listed."""
    assert missing(label) == []


@pytest.mark.must("9.4.1")
@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("UKR.1 TST//REL USA", ["level"]),
        ("UKR.1 DSK", ["permissive", "releasability"]),
        ("UKR.1 DSK//REL DEU,GBR", ["permissive", "releasability"]),
        ("UKR.1 OV//COMMERCIAL FPV-7", ["level", "restrictive", "permissive", "releasability"]),
        ("USA.1 U//REL UKR", ["policy"]),
        ("DEU.1 OFFEN//REL USA", ["policy"]),
        ("NATO.1 NR//SPECIAL ATOMAL,CRYPTO", ["restrictive"]),
        ("NATO.1 NR//ONLY DEU,GBR", ["permissive"]),
        ("NATO.1 CTS", ["level"]),
    ],
)
def test_a_label_that_asks_more_is_named_by_what_is_missing(label: str, short: list[str]) -> None:
    """One missing compartment, nation, grade or policy is enough, and each is told apart for the officer."""
    assert missing(label) == short


def test_a_nation_must_be_listed_whatever_the_clearance_says() -> None:
    """A clearance written for two nations does not open what is releasable to the other one only."""
    clearances = parse_clearances({"UKR": {"level": "T", "REL": ["GBR", "USA"]}})

    assert shortfalls(a_label("UKR.1 T//REL GBR"), clearances, "USA") == (Shortfall.RELEASABILITY,)
    assert missing("UKR.1 T//REL USA", "GBR") == ["releasability"]


def test_the_owner_reads_its_own_labels() -> None:
    """No REL means nobody but the owner, so the owner is somebody; a NATO label is open to members."""
    ukraine = parse_clearances({"UKR": {"level": "T", "REL": ["UKR"]}})

    assert shortfalls(a_label("UKR.1 T"), ukraine, "UKR") == ()
    assert shortfalls(a_label("UKR.1 T//REL USA"), ukraine, "UKR") == ()
    assert missing("NATO.1 NS", "UKR") == ["releasability"]
    assert missing("NATO.1 NS//REL UKR", "UKR") == []


def test_commercial_is_held_only_through_an_agreement_that_names_the_design() -> None:
    """A clearance that lists a design opens nothing; the agreement does, and for that design only."""
    label = a_label("UKR.1 T//COMMERCIAL FPV-7,FPV-8//REL USA")
    claimed = parse_clearances({"UKR": {"level": "T", "REL": ["USA"], "COMMERCIAL": ["FPV-7", "FPV-8"]}})

    assert shortfalls(label, claimed, "USA") == (Shortfall.RESTRICTIVE,)
    assert shortfalls(label, claimed, "USA", {"FPV-7"}) == (Shortfall.RESTRICTIVE,)
    assert shortfalls(label, claimed, "USA", {"FPV-7", "FPV-8"}) == ()


def test_a_level_that_the_vocabulary_does_not_know_opens_nothing() -> None:
    """Unknown means no, also for what an operator mistyped."""
    odd = parse_clearances({"UKR": {"level": "SECRET", "REL": ["USA"]}})

    assert shortfalls(a_label("UKR.1 OPEN//REL USA"), odd, "USA") == (Shortfall.LEVEL,)


def test_a_releasability_without_limits_asks_no_nation() -> None:
    """Where a vocabulary says that absence is unrestricted, absence releases; a list still binds."""
    open_text = SMALL.replace('absent = "nobody-but-owner"', 'absent = "unrestricted"')
    vocabulary = Vocabulary.parse(open_text.encode())
    clearances = parse_clearances({"ACM": {"level": "LOW", "REL": ["BEL"]}})

    assert shortfalls(Label.of(vocabulary, "LOW", {}), clearances, "CZE") == ()
    assert shortfalls(Label.of(vocabulary, "LOW", {"REL": ["BEL"]}), clearances, "CZE") == (Shortfall.RELEASABILITY,)


def test_two_clearances_under_one_policy_open_nothing() -> None:
    """There is no telling which of the two was meant."""
    low, high = (Clearance("UKR", level, (("REL", frozenset({"USA"})),)) for level in ("DSK", "T"))

    assert clearance_for("UKR", (low,)) is low
    assert clearance_for("UKR", (low, high)) is None
    assert shortfalls(a_label("UKR.1 DSK//REL USA"), (low, high), "USA") == (Shortfall.POLICY,)


@given(st.data())
def test_whoever_may_read_a_label_may_read_what_it_dominates(data: st.DataObject) -> None:
    """Monotone: the order of labels is the order of who may read them, for every reader."""

    def some(values: list[str]) -> list[str]:
        return data.draw(st.lists(st.sampled_from(values), unique=True))

    def a_small_label() -> Label:
        tags = {"NEED": some(["A", "B"]), "ONLY": some(["X", "Y"]), "REL": some(["BEL", "CZE"])}
        level = data.draw(st.sampled_from(SMALL_VOCABULARY.levels))
        return Label.of(SMALL_VOCABULARY, level, {tag: values for tag, values in tags.items() if values})

    high, low = a_small_label(), a_small_label()
    held = {"NEED": some(["A", "B"]), "ONLY": some(["X", "Y"]), "REL": some(["ACM", "BEL", "CZE"])}
    level = data.draw(st.sampled_from(["LOW", "HIGH"]))
    clearances = (Clearance("ACM", level, tuple((tag, frozenset(values)) for tag, values in held.items())),)
    reader = data.draw(st.sampled_from(["ACM", "BEL", "CZE", "DNK"]))

    if dominates(high, low) and not shortfalls(high, clearances, reader):
        assert not shortfalls(low, clearances, reader)


@pytest.mark.parametrize(
    ("tables", "at"),
    [
        (None, "clearance"),
        ({}, "clearance"),
        ({f"P{chr(65 + n)}X": {"level": "T"} for n in range(17)}, "clearance"),
        ({"ukr": {"level": "T"}}, "clearance"),
        ({"UKR": "T"}, "clearance.UKR"),
        ({"UKR": {"REL": ["USA"]}}, "clearance.UKR"),
        ({"UKR": {"level": "t"}}, "clearance.UKR.level"),
        ({"UKR": {"level": 1}}, "clearance.UKR.level"),
        ({"UKR": {"level": "T", "rel": ["USA"]}}, "clearance.UKR"),
        ({"UKR": {"level": "T", "REL": "USA"}}, "clearance.UKR.REL"),
        ({"UKR": {"level": "T", "REL": []}}, "clearance.UKR.REL"),
        ({"UKR": {"level": "T", "REL": ["U S A"]}}, "clearance.UKR.REL"),
        ({"UKR": {"level": "T", "REL": [1]}}, "clearance.UKR.REL"),
        ({"UKR": {"level": "T", "REL": ["USA", "USA"]}}, "clearance.UKR.REL"),
    ],
)
def test_a_clearance_of_another_shape_is_refused(tables: object, at: str) -> None:
    """An admission that cannot be read exactly admits nobody."""
    with pytest.raises(CallerError) as refused:
        parse_clearances(tables)

    assert refused.value.code == "clearance"
    assert refused.value.at.startswith(at)


def test_a_clearance_is_checked_against_its_vocabulary_before_it_is_signed() -> None:
    """A mistyped level or value would silently open nothing; the operator hears of it instead."""
    ukr, nato = VOCABULARIES["UKR.1"], VOCABULARIES["NATO.1"]

    for good, vocabulary in (
        (USA[1], ukr),
        (USA[0], nato),
        (Clearance.parse("UKR", {"level": "T", "REL": ["UKR"]}), ukr),
    ):
        good.check_against(vocabulary)
    for policy, table, vocabulary in (
        ("UKR", {"level": "T"}, nato),
        ("UKR", {"level": "SECRET"}, ukr),
        ("UKR", {"level": "T", "SCI": ["A"]}, ukr),
        ("UKR", {"level": "T", "COMMERCIAL": ["FPV-7"]}, ukr),
        ("UKR", {"level": "T", "REL": ["FVEY"]}, ukr),
        ("NATO", {"level": "NR", "SPECIAL": ["USA"]}, nato),
    ):
        with pytest.raises(CallerError, match="clearance"):
            Clearance.parse(policy, table).check_against(vocabulary)


def test_names_are_identifiers_and_nations_are_three_letters() -> None:
    """What is not a name cannot become one further in."""
    assert (partner_id("usa/arl"), source_id("src-3f07"), agreement_id("UA-US-2026-014"), nation("USA")) == (
        "usa/arl",
        "src-3f07",
        "UA-US-2026-014",
        "USA",
    )
    for make, text in (
        (partner_id, "usa arl"),
        (source_id, ""),
        (agreement_id, "-x"),
        (nation, "US"),
        (nation, "USA\n"),
    ):
        with pytest.raises(CallerError, match="name"):
            make(text)
