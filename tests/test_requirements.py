"""Each MUST of the specification has a test beside it: a law that nothing would catch breaking is a wish."""

from __future__ import annotations

from tests.requirements import SPEC, Law, laws, markers_of, missing, with_annex

TEXT = SPEC.read_text("utf-8")


def test_every_must_has_an_id_and_a_test_and_every_marker_a_must() -> None:
    """Who changes a law finds its test, and who changes a test finds its law."""
    assert missing(TEXT) == []


def test_the_annex_says_what_the_markers_say() -> None:
    """If this fails: `python -m tests.requirements`, and commit it with the test."""
    assert with_annex(TEXT) == TEXT


def test_a_law_is_found_wherever_it_stands() -> None:
    """A MUST that the reading passes over would need no test."""
    spec = (
        "The key words MUST, MUST NOT and MAY are\nthose of RFC 2119.\n\n## 1. Bytes\n\nA parser MUST [1.1] do so and "
        "MUST\n  NOT [1.2] do otherwise.\n\n### 1.1 Which MUST\n\n```\nMUST\n# MUST\n```\n| 13 | MUST | a code |\n"
        "| key | which a client MUST have |\n\n## Annex B. Numbers\n\nIt MUST NOT [B.1].\n"
    )

    assert laws(spec) == [
        Law("1", "1.1", 6),
        Law("1", "1.2", 6),
        Law("1.1", None, 16),
        Law("B", "B.1", 20),
    ]


def test_a_marker_is_found_on_a_test_a_case_a_table_and_a_module() -> None:
    """A marker that the reading passes over would leave its law without a test."""
    module = (
        "pytestmark = [pytest.mark.must('1.1')]\n"
        "CASES: list[object] = [1, pytest.param(2, marks=pytest.mark.must('1.2'))]\n"
        "@pytest.mark.must('1.3', '1.4')\ndef test_one() -> None: ...\n"
        "@pytest.mark.parametrize('case', CASES)\nasync def test_two(case) -> None: ...\n"
        "@pytest.mark.parametrize('case', [pytest.param(1, marks=[pytest.mark.must('1.5')])])\n"
        "def test_three(case) -> None: ...\n"
        "def a_helper() -> None: ...\n"
    )

    assert markers_of(module) == {
        "test_one": {"1.1", "1.3", "1.4"},
        "test_two": {"1.1", "1.2"},
        "test_three": {"1.1", "1.5"},
    }
