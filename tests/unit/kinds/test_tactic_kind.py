"""Laws of a tactic: what its author writes, and what its portions must say together."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sluice.v1.portion_pb2 import LANGUAGE_UK, Text
from sluice.v1.tactic_pb2 import TacticAbout

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import check_record, portion_to_json, tactic
from gateway.core.suite.numbers import Schema
from tests.unit.kinds import given

SCHEMA = Schema.TACTIC_1


def about_table(**changed: Any) -> dict[str, Any]:
    """The author's `about`, changed; `None` takes a key out."""
    return {key: value for key, value in (given.tactic_tables()["about"] | changed).items() if value is not None}


def test_a_whole_tactic_is_accepted() -> None:
    """The tactic that every test below damages in one place."""
    check_record(SCHEMA, given.lesson())


def test_the_example_of_the_module_is_a_tactic() -> None:
    """Authors copy it."""
    text = (tactic.__doc__ or "").split("takes the parsed text:")[1].split("Unknown keys")[0]
    names = text.replace("<96 hex digits of H(B)>.<idx>", f"{given.BATCH}.7").replace(
        "<96 hex digits of L>", given.LEAF
    )

    contents = tactic.from_mapping(tomllib.loads(names))

    assert sorted(contents) == [0, 1, 2, 6, 7]


def test_the_least_tactic_is_about_and_conditions() -> None:
    """They are `must`: without them a reader could not tell what it is, or use it where it harms."""
    least = given.tactic_tables(observation=None, evidence=None, unit=None)

    assert sorted(tactic.from_mapping(least)) == [0, 1]
    for name in ("about", "conditions"):
        with pytest.raises(CallerError) as wrong:
            tactic.from_mapping({key: table for key, table in least.items() if key != name})
        assert (wrong.value.code, wrong.value.at) == ("missing-key", name)


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        (date(2027, 6, 30), 1_814_400_000_000),
        (datetime(2027, 6, 30, 12, tzinfo=UTC), 1_814_356_800_000),
        (datetime(2027, 6, 30, 15, tzinfo=timezone(timedelta(hours=3))), 1_814_356_800_000),
    ],
)
def test_a_day_ends_when_it_is_over(written: date, milliseconds: int) -> None:
    """`valid_until` names the last day; the field names the first instant after it."""
    message = given.lesson(about=about_table(valid_until=written))[0]

    assert portion_to_json(SCHEMA, 0, message)["valid_until_ms"] == milliseconds


def test_a_successor_names_the_record_it_replaces() -> None:
    """A signed record cannot become superseded; only its successor can say so."""
    message = given.lesson(about=about_table(supersedes=f"{given.BATCH}.0"))[0]

    assert portion_to_json(SCHEMA, 0, message)["supersedes"] == {"batch": given.BATCH, "idx": 0}


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a table nobody knows": ({"summary": {}}, "unknown-key", "summary"),
    "a table that is none": ({"conditions": "everywhere"}, "wrong-type", "conditions"),
    "a key nobody knows": ({"about": about_table(tittle="a")}, "unknown-key", "about.tittle"),
    "a condition nobody knows": ({"conditions": {"fog": True}}, "unknown-key", "conditions.fog"),
    "a narrative's key nobody knows": ({"conclusion": {"de": "a"}}, "unknown-key", "conclusion.de"),
    "a narrative inside itself": ({"conclusion": {"text": {"uk": "a"}}}, "unknown-key", "conclusion.text"),
    "a narrative without words": ({"conclusion": {}}, "schema", "conclusion.text"),
    "a narrative of spaces": ({"conclusion": {"en": "  "}}, "schema", "conclusion.text"),
    "no title": ({"about": about_table(title=None)}, "schema", "about.title"),
    "no status": ({"about": about_table(status=None)}, "schema", "about.status"),
    "no beginning": ({"about": about_table(valid_from=None)}, "range", "about.valid_from_ms"),
    "a time in milliseconds": ({"about": about_table(valid_from_ms=1)}, "unknown-key", "about.valid_from_ms"),
    "a time without a zone": (
        {"about": about_table(valid_from=datetime(2026, 11, 1))},
        "wrong-type",
        "about.valid_from",
    ),
    "the end of the calendar": (
        {"about": about_table(valid_until=date(9999, 12, 31))},
        "range",
        "about.valid_until_ms",
    ),
    "a time as text": ({"about": about_table(valid_until="2027-06-30")}, "wrong-type", "about.valid_until"),
    "an end before the beginning": (
        {"about": about_table(valid_until=date(2026, 10, 30))},
        "range",
        "about.valid_until_ms",
    ),
    "a record named short": ({"about": about_table(supersedes="abab.1")}, "wrong-type", "about.supersedes"),
    "a record named by number": ({"about": about_table(supersedes=7)}, "wrong-type", "about.supersedes"),
    "a record beyond a batch": (
        {"about": about_table(supersedes=f"{given.BATCH}.256")},
        "range",
        "about.supersedes.idx",
    ),
    "evidence as text": ({"evidence": {"records": "all"}}, "wrong-type", "evidence.records"),
    "evidence as texts": ({"evidence": {"records": ["all"]}}, "wrong-type", "evidence.records"),
    "evidence named badly": (
        {"evidence": {"records": [{"record": "all", "digest": given.LEAF}]}},
        "wrong-type",
        "evidence.records[0].record",
    ),
    "evidence unnamed": ({"evidence": {"records": [{"digest": given.LEAF}]}}, "schema", "evidence.records[0].record"),
    "a language the texts are not in": ({"about": about_table(lang=["EN"])}, "schema", "about.lang"),
    "a language no text is in": (
        {"about": about_table(lang=["UK", "EN"], title={"uk": "Обхід"}), "observation": {"uk": "Перше."}},
        "schema",
        "about.lang",
    ),
    "a title missing in one language": ({"about": about_table(title={"en": "Title"})}, "schema", "about.title"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_author_hears_which_key_is_wrong(what: str) -> None:
    """A key that is silently ignored is a condition that is silently not there."""
    changed, code, at = WRONG[what]

    with pytest.raises(CallerError) as wrong:
        tactic.from_mapping(given.tactic_tables(**changed))

    assert (wrong.value.code, wrong.value.at) == (code, at)


def test_languages_are_counted_from_the_texts() -> None:
    """Nobody has to say them, and nobody can say them wrongly."""
    title = {"uk": "Обхід завад"}
    only_uk = given.lesson(about=about_table(title=title), observation={"uk": "Перше."})
    counter = {"ew": ["NONE"], "counter_indications": [{"uk": "Ні", "en": "No"}]}

    assert portion_to_json(SCHEMA, 0, only_uk[0])["lang"] == ["UK"]
    assert portion_to_json(SCHEMA, 0, given.lesson(conditions=counter, observation=None)[0])["lang"] == ["UK", "EN"]


@pytest.mark.must("8.8.1")
@pytest.mark.parametrize(
    ("changed", "at"),
    [({"lang": [LANGUAGE_UK]}, "about.lang"), ({"title": Text(uk="Обхід завад")}, "about.title")],
)
def test_a_record_whose_languages_disagree_is_refused(changed: dict[str, Any], at: str) -> None:
    """`about` is what a reader without the other portions has."""
    record = given.lesson()
    whole = record[0]
    assert isinstance(whole, TacticAbout)
    fields = {"title": whole.title, "lang": list(whole.lang)} | changed
    record[0] = TacticAbout(**fields)

    with pytest.raises(Refused) as refused:
        check_record(SCHEMA, record)

    assert (refused.value.code, refused.value.at) == ("schema", at)
