"""What one partner may have of one record, fact by fact."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision.decide import decide, explain
from gateway.core.decision.facts import DAY_MS, NO_TOKEN, AgreementFacts, PartnerFacts, RecordFacts, TokenFacts
from gateway.core.decision.outcome import FOREVER_MS, Reason, View, Withheld
from gateway.core.decision.pace import due_at_ms, month_start_ms, quota_left
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import parse_clearances
from gateway.core.parties.names import AgreementId, Nation, PartnerId, SourceId
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.unit.labels.test_label import FILES, VOCABULARIES

SLOTS = ("about", "position", "position_coarse", "kinematics", "vehicle", "link", "gnss", "unit")
WIDE, NARROW, OWN = "UKR.1 DSK//REL DEU,GBR,USA", "UKR.1 T//REL GBR,USA", "UKR.1 T"
GUIDE = (WIDE, NARROW, WIDE, NARROW, WIDE, NARROW, NARROW, OWN)


def moment(text: str) -> int:
    """UTC milliseconds of an ISO moment."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOW = moment("2026-11-20T14:00")
STARTS = moment("2026-06-01")
AFTER = moment("2027-07-01")
LEAF_FROM, LEAF_UNTIL = moment("2026-11-20"), moment("2026-11-21")
DIRECTORY_UNTIL = moment("2026-11-24")


def a_partner(**changes: Any) -> PartnerFacts:
    """An American laboratory, cleared to T, on a certificate of a day."""
    facts: dict[str, Any] = {
        "partner_id": PartnerId("usa/arl"),
        "nation": Nation("USA"),
        "clearances": parse_clearances({"UKR": {"level": "T", "REL": ["USA"]}}),
        "suspended": False,
        "certificate_from_ms": LEAF_FROM,
        "certificate_until_ms": LEAF_UNTIL,
        "directory_until_ms": DIRECTORY_UNTIL,
    }
    return PartnerFacts(**facts | changes)


def an_agreement(**changes: Any) -> AgreementFacts:
    """UA-US-2026-014 of the officer's page."""
    facts: dict[str, Any] = {
        "agreement_id": AgreementId("UA-US-2026-014"),
        "partner_id": PartnerId("usa/arl"),
        "starts": date(2026, 6, 1),
        "ends": date(2027, 6, 30),
        "ended": False,
        "kinds": frozenset({RecordKind.TELEMETRY, RecordKind.TACTIC, RecordKind.DESIGN}),
        "modes": frozenset({DataMode.REAL}),
        "sources": frozenset({SourceId("src-3f07"), SourceId("src-91c2")}),
        "designs": frozenset({"FPV-7"}),
        "ceiling_policy": "UKR",
        "ceiling_level": "T",
        "withhold": frozenset(),
        "origin_hidden": True,
        "delay_ms": 24 * 3600 * 1000,
        "records_per_month": 500_000,
    }
    return AgreementFacts(**facts | changes)


def a_record(*labels: str | None, **changes: Any) -> RecordFacts:
    """A telemetry record labelled as the default guide says, or with these labels instead, the first slots first."""
    texts = (*labels, *GUIDE[len(labels) :])
    facts: dict[str, Any] = {
        "kind": RecordKind.TELEMETRY,
        "data_mode": DataMode.REAL,
        "source_id": SourceId("src-3f07"),
        "source_suspended": False,
        "design": "",
        "held": False,
        "slots": SLOTS,
        "labels": tuple(None if text is None else text.encode() for text in texts),
        "must": 0b1,
    }
    return RecordFacts(**facts | changes)


def outcome(
    record: RecordFacts | None = None,
    partner: PartnerFacts | None = None,
    agreement: AgreementFacts | None = None,
    now_ms: int | None = NOW,
) -> View | Withheld:
    """The decision with whatever is not given as it usually is."""
    return decide(partner or a_partner(), agreement or an_agreement(), record or a_record(), VOCABULARIES, now_ms)


def shown(decision: View | Withheld) -> set[str]:
    """Names of the released slots."""
    return {name for slot, name in enumerate(SLOTS) if isinstance(decision, View) and decision.mask >> slot & 1}


def reasons(decision: View | Withheld) -> tuple[str, ...]:
    """Why nothing is released; empty for a view."""
    return tuple(reason.value for reason in decision.reasons) if isinstance(decision, Withheld) else ()


def test_each_nation_gets_the_portions_its_labels_name() -> None:
    """The guide in one picture: the exact position to two nations, the coarse one to three, the unit to none."""
    usa = outcome()
    germany = outcome(
        partner=a_partner(nation=Nation("DEU"), clearances=parse_clearances({"UKR": {"level": "T", "REL": ["DEU"]}}))
    )

    assert shown(usa) == set(SLOTS) - {"unit"}
    assert shown(germany) == {"about", "position_coarse", "vehicle"}


@pytest.mark.must("9.5.4")
@pytest.mark.parametrize(
    ("partner", "agreement", "record", "now_ms", "reason"),
    [
        ({}, {}, {}, None, "untimed"),
        ({"suspended": True}, {}, {}, NOW, "partner-suspended"),
        ({}, {}, {}, LEAF_FROM - 1, "certificate"),
        ({}, {}, {}, LEAF_UNTIL, "certificate"),
        ({"directory_until_ms": NOW}, {}, {}, NOW, "directory"),
        ({"token": NO_TOKEN}, {}, {}, NOW, "token"),
        ({"token": TokenFacts(NOW, frozenset({RecordKind.TELEMETRY}), None)}, {}, {}, NOW, "token"),
        ({"token": TokenFacts(NOW + 1, frozenset({RecordKind.TACTIC}), None)}, {}, {}, NOW, "token"),
        ({"partner_id": PartnerId("usa/nrl")}, {}, {}, NOW, "other-partner"),
        ({}, {"ended": True}, {}, NOW, "agreement-ended"),
        ({}, {"starts": date(2026, 11, 21)}, {}, NOW, "not-in-force"),
        ({}, {"ends": date(2026, 11, 19)}, {}, NOW, "not-in-force"),
        ({}, {"kinds": frozenset({RecordKind.TACTIC})}, {}, NOW, "kind"),
        ({}, {"modes": frozenset({DataMode.SIMULATED})}, {}, NOW, "mode"),
        ({}, {"modes": frozenset({DataMode.REAL, DataMode.EXERCISE})}, {}, NOW, "mode"),
        ({}, {"sources": frozenset({SourceId("src-91c2")})}, {}, NOW, "source"),
        ({}, {}, {"source_suspended": True}, NOW, "source-suspended"),
        ({}, {}, {"design": "FPV-8"}, NOW, "design"),
        ({}, {}, {"held": True}, NOW, "held"),
        ({}, {}, {"unverifiable": True}, NOW, "unverifiable"),
    ],
)
def test_one_fact_that_does_not_hold_withholds_the_record(
    partner: dict[str, Any], agreement: dict[str, Any], record: dict[str, Any], now_ms: int | None, reason: str
) -> None:
    """Every circumstance is necessary, and the officer hears which one it was."""
    decision = outcome(a_record(**record), a_partner(**partner), an_agreement(**agreement), now_ms)

    assert reason in reasons(decision)
    assert reasons(decision) == (reason,) or now_ms is None


@pytest.mark.must("9.5.4")
def test_a_chunk_is_not_released_while_nothing_names_its_parent() -> None:
    """What withholds the parent's portion withholds its chunks, so a chunk alone is not decidable."""
    chunk = a_record(kind=RecordKind.CHUNK)

    assert reasons(outcome(chunk, agreement=an_agreement(kinds=frozenset(RecordKind)))) == ("kind",)


def test_all_sources_and_a_named_design_are_inside() -> None:
    """`all` admits every source; a design is inside if the agreement names it."""
    record = a_record(source_id=SourceId("src-new"), design="FPV-7")

    assert "position" in shown(outcome(record, agreement=an_agreement(sources="all")))


@pytest.mark.must("9.5.2", "9.5.4")
@pytest.mark.parametrize(
    "changes",
    [
        {"slots": SLOTS[:-1]},
        {"slots": (), "labels": ()},
        {"slots": ("about",) * 17, "labels": (WIDE.encode(),) * 17},
        {"must": 0},
        {"must": 0b10},
        {"must": 0b1_0000_0001},
        {"must": -1},
    ],
)
def test_a_record_whose_parts_do_not_fit_is_withheld(changes: dict[str, Any]) -> None:
    """A decision about a record that is not understood is no decision."""
    assert reasons(outcome(a_record(**changes))) == ("malformed",)


@pytest.mark.must("9.5.5")
@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("UKR.1 T//REL USA,GBR", Reason.LABEL),
        ("UKR.2 T//REL USA", Reason.LABEL),
        ("USA.1 U//REL UKR", Reason.POLICY),
        ("UKR.1 TST//REL USA", Reason.LEVEL),
        ("UKR.1 T//COMMERCIAL FPV-8//REL USA", Reason.RESTRICTIVE),
        ("UKR.1 T//REL GBR", Reason.PERMISSIVE),
        ("UKR.1 T", Reason.RELEASABILITY),
    ],
)
def test_a_portion_is_withheld_for_each_thing_its_label_asks(label: str, reason: Reason) -> None:
    """One portion goes missing, the others stay, and the steps say why."""
    explanation = explain(a_partner(), an_agreement(), a_record(WIDE, label), VOCABULARIES, NOW)

    failing = {step.reason for step in explanation.steps if not step.holds and step.subject == "position"}
    assert reason in failing
    assert shown(explanation.outcome) == set(SLOTS) - {"unit", "position"}


def test_commercial_is_released_only_for_a_design_the_agreement_names() -> None:
    """The agreement, not the clearance, opens a maker's commercial secret."""
    record = a_record(WIDE, "UKR.1 T//COMMERCIAL FPV-7//REL USA")

    assert "position" in shown(outcome(record))
    assert "position" not in shown(outcome(record, agreement=an_agreement(designs=frozenset())))


@pytest.mark.must("9.5.5")
def test_nothing_above_the_ceiling_goes_whatever_its_releasability() -> None:
    """A label that lists the nation does not outvote the agreement."""
    assert shown(outcome(agreement=an_agreement(ceiling_level="DSK"))) == {"about", "position_coarse", "vehicle"}
    assert reasons(outcome(agreement=an_agreement(ceiling_level="SECRET"))) == ("ceiling", "must")
    assert reasons(outcome(agreement=an_agreement(ceiling_policy="USA", ceiling_level="TS"))) == ("ceiling", "must")


def test_a_label_of_another_policy_is_above_the_ceiling_until_a_row_says_otherwise() -> None:
    """No equivalence is in force, so a grade that cannot be compared with the ceiling is not under it."""
    both = parse_clearances({"UKR": {"level": "T", "REL": ["USA"]}, "NATO": {"level": "NS", "REL": ["USA"]}})
    record = a_record(WIDE, "NATO.1 NU")

    assert "position" not in shown(outcome(record, a_partner(clearances=both)))


@pytest.mark.must("9.4.1", "9.5.5")
def test_a_ceiling_caps_only_its_own_policy_even_where_two_name_a_level_alike() -> None:
    """The American `S` and the British `S` are two grades: a ceiling in one says nothing about the other."""
    britain = a_partner(nation=Nation("GBR"), clearances=parse_clearances({"USA": {"level": "S", "REL": ["GBR"]}}))
    record = a_record(*["USA.1 S//REL GBR"] * 8)

    assert shown(outcome(record, britain, an_agreement(ceiling_policy="USA", ceiling_level="S")))
    assert reasons(outcome(record, britain, an_agreement(ceiling_policy="GBR", ceiling_level="TS"))) == (
        "ceiling",
        "must",
    )
    assert reasons(outcome(record, britain, an_agreement(ceiling_policy="GBR", ceiling_level="S"))) == (
        "ceiling",
        "must",
    )


@pytest.mark.must("9.5.6")
def test_what_the_agreement_withholds_never_goes() -> None:
    """`telemetry.gnss` is that slot of that kind, and no other."""
    withholding = an_agreement(withhold=frozenset({"telemetry.gnss", "tactic.link"}))

    assert shown(outcome(agreement=withholding)) == set(SLOTS) - {"unit", "gnss"}


@pytest.mark.must("9.5.6")
def test_a_hidden_origin_hides_the_unit_even_where_its_label_would_show_it() -> None:
    """`origin = hidden` is a promise to the unit, not to the label."""
    record = a_record(*GUIDE[:7], WIDE)

    assert "unit" not in shown(outcome(record))
    assert "unit" in shown(outcome(record, agreement=an_agreement(origin_hidden=False)))


@pytest.mark.must("9.5.7")
def test_must_is_all_there_or_there_is_nothing() -> None:
    """A partner never sees a record without what its origin says must be read with it."""
    assert shown(outcome(a_record(must=0b11)))
    assert reasons(outcome(a_record(WIDE, "UKR.1 TST//REL USA", must=0b11))) == ("level", "ceiling", "must")
    assert reasons(outcome(a_record(OWN))) == ("permissive", "releasability", "must")
    assert reasons(outcome(a_record(None))) == ("must",)


@pytest.mark.must("9.5.4")
def test_an_agreement_ends_with_its_last_day() -> None:
    """The officer's date is a whole day, UTC: the last millisecond is in, the next one is out."""
    partner = a_partner(certificate_until_ms=FOREVER_MS, directory_until_ms=FOREVER_MS)

    assert outcome(partner=partner, now_ms=AFTER - 1) == View(0b0111_1111, AFTER)
    assert outcome(partner=partner, now_ms=AFTER) == Withheld((Reason.NOT_IN_FORCE,), FOREVER_MS)
    assert shown(outcome(partner=a_partner(certificate_from_ms=0), now_ms=STARTS))
    assert outcome(partner=a_partner(certificate_from_ms=0), now_ms=STARTS - 1) == Withheld(
        (Reason.NOT_IN_FORCE,), STARTS
    )


def test_the_last_day_of_the_calendar_is_still_a_day() -> None:
    """The largest date a text can say does not break the arithmetic."""
    assert shown(outcome(agreement=an_agreement(ends=date.max)))


def test_a_decision_names_the_next_turn_of_any_fact() -> None:
    """What is kept of it must not outlive the certificate, the directory or the agreement, whichever turns first."""
    assert outcome().valid_until_ms == LEAF_UNTIL
    assert outcome(partner=a_partner(directory_until_ms=NOW + 1)).valid_until_ms == NOW + 1
    assert outcome(partner=a_partner(suspended=True)).valid_until_ms == LEAF_UNTIL
    assert outcome(now_ms=None).valid_until_ms == 0


def test_an_explanation_ends_where_the_decision_does_and_shows_every_step() -> None:
    """The officer sees the steps the gateway took, those that hold and those that do not."""
    explanation = explain(a_partner(), an_agreement(), a_record(), VOCABULARIES, NOW)

    assert explanation.outcome == outcome()
    assert [step.number for step in explanation.steps] == [1] * 15 + ([2] * 7 + [4] * 2) * 8 + [4]
    assert {(step.subject, step.reason.value) for step in explanation.steps if not step.holds} == {
        ("unit", "permissive"),
        ("unit", "releasability"),
        ("unit", "origin-hidden"),
    }
    assert all(step.claim for step in explanation.steps)


@given(st.data())
def test_more_restriction_never_releases_more(data: st.DataObject) -> None:
    """Narrowing any fact can only take slots away, never add one."""
    record = a_record(*data.draw(st.lists(st.sampled_from([WIDE, NARROW, OWN, None]), max_size=8)))
    narrowed_partner = data.draw(
        st.sampled_from(
            [
                a_partner(),
                a_partner(suspended=True),
                a_partner(clearances=parse_clearances({"UKR": {"level": "DSK", "REL": ["USA"]}})),
                a_partner(clearances=()),
            ]
        )
    )
    narrowed_agreement = data.draw(
        st.sampled_from(
            [
                an_agreement(),
                an_agreement(ceiling_level="DSK"),
                an_agreement(withhold=frozenset({"telemetry.link"})),
                an_agreement(ended=True),
            ]
        )
    )
    narrowed_record = record._replace(must=record.must | data.draw(st.sampled_from([0, 0b10, 0b1000_0000])))

    assert shown(outcome(narrowed_record, narrowed_partner, narrowed_agreement)) <= shown(outcome(record))


@pytest.mark.must("9.5.2")
@given(
    st.lists(st.none() | st.binary(max_size=40) | st.sampled_from([text.encode() for text in GUIDE]), max_size=20),
    st.integers(-(2**20), 2**20),
    st.none() | st.integers(-(2**70), 2**70),
)
def test_a_decision_never_raises_and_shows_only_what_is_there(
    labels: list[bytes | None], must: int, now_ms: int | None
) -> None:
    """Whatever a record says of itself, the answer is a view of its own slots or nothing."""
    record = a_record(slots=SLOTS[: len(labels)], labels=tuple(labels), must=must)

    decision = outcome(record, now_ms=now_ms)

    if isinstance(decision, View):
        assert decision.mask & must == must
        assert all(labels[slot] is not None for slot in range(16) if decision.mask >> slot & 1)
    else:
        assert decision.reasons


@pytest.mark.must("9.1")
def test_a_label_is_read_by_the_vocabulary_in_force_and_no_other() -> None:
    """Without its vocabulary a label is unknown, and unknown means no."""
    assert reasons(decide(a_partner(), an_agreement(), a_record(), {}, NOW)) == ("label", "must")
    reversed_text = (FILES / "UKR.1.toml").read_bytes().replace(b'"DSK"', b'"XXX"')
    other = {"UKR.1": Vocabulary.parse(reversed_text)}
    assert reasons(decide(a_partner(), an_agreement(), a_record(), other, NOW)) == ("label", "must")


def test_delay_and_quota_hold_back_and_never_skip() -> None:
    """Both come after the decision: a record is due later, and a month has an end."""
    agreement = an_agreement()

    assert due_at_ms(agreement, NOW) == NOW + DAY_MS
    assert due_at_ms(an_agreement(delay_ms=0), NOW) == NOW
    assert quota_left(agreement, 458_800) == 41_200
    assert quota_left(agreement, 500_001) == 0
    assert quota_left(an_agreement(records_per_month=None), 10**9) is None
    assert month_start_ms(NOW) == moment("2026-11-01")
    assert month_start_ms(moment("2026-11-01")) == moment("2026-11-01")
    assert month_start_ms(moment("2026-11-01") - 1) == moment("2026-10-01")
