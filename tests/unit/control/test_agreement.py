"""Laws of the agreement: an officer reads it, and it means what it says or it is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gateway.core.control.agreement import AccountsShown, Agreement, Purpose
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.numbers import DataMode, RecordKind
from gateway.core.suite.octets import lp8
from tests.unit.control.world import UKR, VOCABULARIES, agreement_text


def a_fee(amount: int) -> str:
    """A fee in an agreement's list of them, with a line of its own."""
    return f'{{ design = "FPV-7", basis = "PER_UNIT", amount = {amount}, currency = "USD", declared = "monthly" }},\n'


def test_an_agreement_is_read_whole() -> None:
    """Every key of the text has one meaning."""
    agreement = Agreement.parse(agreement_text())

    assert (agreement.id, agreement.authority, agreement.partner_id) == ("UA-US-2026-014", "ua/mod", "usa/arl")
    assert agreement.basis == "MoU 2026-05-11, annex B"
    assert agreement.kinds == {RecordKind.TELEMETRY, RecordKind.TACTIC, RecordKind.DESIGN}
    assert agreement.modes == {DataMode.REAL}
    assert agreement.sources == {"src-3f07"}
    assert agreement.designs == {"FPV-7"}
    assert agreement.ceiling == "T"
    assert agreement.withhold == {"telemetry.gnss"}
    assert agreement.purpose is Purpose.EVALUATE
    assert (agreement.onward, agreement.origin_hidden) == ("no", True)
    assert (agreement.delay_ms, agreement.recall_ms) == (24 * 3_600_000, 72 * 3_600_000)
    assert agreement.records_per_month == 500_000
    assert agreement.accounts_shown is AccountsShown.AMOUNTS
    assert [(fee.basis, fee.amount, fee.due, fee.declared) for fee in agreement.fees] == [
        ("FLAT", 12_000_000, date(2026, 12, 15), ""),
        ("PER_UNIT", 1_850, None, "quarterly"),
    ]


def test_the_last_day_is_whole() -> None:
    """Live streams end in the first millisecond after it, UTC."""
    agreement = Agreement.parse(agreement_text())

    assert datetime.fromtimestamp(agreement.starts_ms / 1000, UTC) == datetime(2026, 6, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(agreement.ends_ms / 1000, UTC) == datetime(2027, 7, 1, tzinfo=UTC)


def test_the_digest_is_of_the_id_and_the_very_text() -> None:
    """A partner countersigns what it has read, to the byte."""
    text = agreement_text()

    assert Agreement.parse(text).digest == digest(b"SLUICE1/text\x00" + SUITE_BYTE + lp8(b"UA-US-2026-014") + text)
    assert Agreement.parse(text + b"\n").digest != Agreement.parse(text).digest


def test_what_nothing_acts_on_yet_is_named() -> None:
    """An officer must not believe that a fee is collected because it was written."""
    short = agreement_text(fees="None", recall_h="None")

    assert Agreement.parse(agreement_text()).recorded_only == ("onward", "recall_h", "fees")
    assert Agreement.parse(short).recorded_only == ("onward",)


def test_what_is_left_out_is_nothing() -> None:
    """A forgotten line never widens an agreement."""
    left_out = {"designs": "None", "withhold": "None", "recall_h": "None", "quota": "None", "fees": "None"}
    agreement = Agreement.parse(agreement_text(**left_out))

    assert (agreement.designs, agreement.withhold, agreement.fees) == (frozenset(), frozenset(), ())
    assert (agreement.recall_ms, agreement.records_per_month) == (None, None)


WHO_AND_WHEN = ("id", "from", "to", "basis", "starts", "ends")
WHAT = ("kinds", "modes", "sources", "ceiling", "purpose", "onward", "origin", "delay_h", "accounts_shown_to_sources")


@pytest.mark.parametrize("key", [*WHO_AND_WHEN, *WHAT])
def test_what_decides_must_be_said(key: str) -> None:
    """Nobody signs a default they have not read."""
    with pytest.raises(CallerError) as caught:
        Agreement.parse(agreement_text(**{key: "None"}))

    assert (caught.value.code, caught.value.at) == ("text-missing-key", f"agreement.{key}")


def test_all_sources_is_a_word_of_its_own() -> None:
    """A source that is called `all` is not all sources."""
    assert Agreement.parse(agreement_text(sources='"all"')).sources == "all"
    assert Agreement.parse(agreement_text(sources='["all"]')).sources == {"all"}


CONTRADICTIONS = {
    "an end before the start": {"ends": "2026-05-31"},
    "REAL beside another mode": {"modes": '["REAL", "EXERCISE"]'},
    "a portion of a kind it has not": {"kinds": '["tactic"]'},
    "about withheld": {"withhold": '["telemetry.about"]'},
    "a portion of every view withheld": {"withhold": '["tactic.conditions"]'},
    "a fee for another design": {
        "fees": '[{design = "FPV-8", basis = "FLAT", amount = 1, currency = "USD", due = 2027-01-01}]'
    },
    "a flat fee that is declared": {
        "fees": '[{design = "FPV-7", basis = "FLAT", amount = 1, currency = "USD", declared = "yearly"}]'
    },
    "a fee per unit that is due": {
        "fees": '[{design = "FPV-7", basis = "PER_UNIT", amount = 1, currency = "USD", due = 2027-01-01}]'
    },
}


@pytest.mark.must("2.5.4")
@pytest.mark.parametrize("why", CONTRADICTIONS)
def test_an_agreement_that_contradicts_itself_is_refused(why: str) -> None:
    """Two readings of one text are two agreements, and a gateway must not choose."""
    with pytest.raises(CallerError) as caught:
        Agreement.parse(agreement_text(**CONTRADICTIONS[why]))

    assert caught.value.code == "agreement-contradiction"


WRONG = {
    "kinds": ['["video"]', '["chunk"]', "[]", '["TELEMETRY"]', '["tactic", "tactic"]'],
    "modes": ['["real"]', "[]", '"REAL"'],
    "sources": ['"src-3f07"', "[]", '["a b"]', "7"],
    "designs": ['["a/b"]', "[]", '["FPV-7", "FPV-7"]'],
    "withhold": ['["telemetry.video"]', '["gnss"]', '["design.bom"]', "[]"],
    "purpose": ['"EVALUATION"'],
    "onward": ['"yes"'],
    "origin": ['"visible"'],
    "delay_h": ["-1", "8785", "1.5"],
    "recall_h": ["0"],
    "quota": ["{ records_per_month = 0 }", "5"],
    "accounts_shown_to_sources": ['"all"'],
    "starts": ['"2026-06-01"', "2026-06-01T00:00:00Z"],
    "ceiling": ['"T T"', "7"],
    "from": ['""'],
    "basis": ['""'],
    "fees": [
        "[]",
        '[{design = "FPV-7", basis = "SHARE", amount = 1, currency = "USD"}]',
        '[{design = "FPV-7", basis = "FLAT", amount = 0, currency = "USD", due = 2027-01-01}]',
        '[{design = "FPV-7", basis = "FLAT", amount = 1, currency = "usd", due = 2027-01-01}]',
        '[{design = "FPV-7", basis = "FLAT", amount = 1, currency = "US1", due = 2027-01-01}]',
        '[{design = "FPV-7", basis = "FLAT", amount = 1, currency = "USDT", due = 2027-01-01}]',
        '[{design = "FPV-7", basis = "PER_UNIT", amount = 1, currency = "USD", declared = "weekly"}]',
    ],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in WRONG for value in WRONG[key]])
def test_a_value_that_is_not_understood_is_refused(key: str, value: str) -> None:
    """Unknown means no."""
    with pytest.raises(CallerError) as caught:
        Agreement.parse(agreement_text(**{key: value}))

    assert caught.value.code == "text-value"


@pytest.mark.parametrize("line", ["witholds = []", 'fees_in = "USD"'])
def test_an_unknown_key_is_refused(line: str) -> None:
    """A misspelt restriction would be a restriction that is not there."""
    with pytest.raises(CallerError) as caught:
        Agreement.parse(agreement_text(fees="None") + line.encode())

    assert caught.value.code == "text-unknown-key"


@pytest.mark.must("2.5.7")
@pytest.mark.parametrize("ceiling", ["t", "T.1", "ua/T", "1", "-T", "T" * 33])
def test_a_ceiling_is_spelled_as_a_level(ceiling: str) -> None:
    """Who reads the text without its vocabulary still refuses what no vocabulary can have."""
    assert Agreement.parse(agreement_text(ceiling='"OV-2"')).ceiling == "OV-2"
    with pytest.raises(CallerError) as caught:
        Agreement.parse(agreement_text(ceiling=f'"{ceiling}"'))
    assert (caught.value.code, caught.value.at) == ("text-value", "agreement.ceiling")


@pytest.mark.must("1.2.2")
@pytest.mark.parametrize(
    ("key", "highest", "above"),
    [
        ("basis", f'"{"b" * 256}"', f'"{"b" * 257}"'),
        ("quota", "{ records_per_month = 1_000_000_000 }", "{ records_per_month = 1_000_000_001 }"),
        ("fees", f"[{a_fee(10**12)}]", f"[{a_fee(10**12 + 1)}]"),
        ("fees", f"[{a_fee(1) * 64}]", f"[{a_fee(1) * 65}]"),
    ],
    ids=["basis", "quota", "amount", "fees"],
)
def test_what_an_agreement_says_is_bounded(key: str, highest: str, above: str) -> None:
    """A limit is the last value allowed, and both who read an agreement stop at the same."""
    assert Agreement.parse(agreement_text(**{key: highest})).id == "UA-US-2026-014"
    with pytest.raises(CallerError) as caught:
        Agreement.parse(agreement_text(**{key: above}))
    assert caught.value.code == "text-value"


@pytest.mark.must("2.5.5")
def test_the_ceiling_is_a_grade_of_the_releasing_authority() -> None:
    """`SECRET` of another nation is not a Ukrainian grade."""
    ukr, usa = Vocabulary.parse(UKR), Vocabulary.parse((VOCABULARIES / "USA.1.toml").read_bytes())
    agreement, foreign = Agreement.parse(agreement_text()), Agreement.parse(agreement_text(ceiling='"S"'))

    agreement.check_against([ukr, usa])
    for candidate, vocabularies in ((agreement, [usa]), (agreement, []), (foreign, [ukr, usa])):
        with pytest.raises(CallerError, match="ceiling"):
            candidate.check_against(vocabularies)
