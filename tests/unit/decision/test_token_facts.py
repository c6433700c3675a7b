"""What a token leaves of a decision: never more than there was without it."""

from __future__ import annotations

import pytest

from gateway.core.decision.facts import TokenFacts
from gateway.core.suite.numbers import RecordKind
from tests.unit.decision.test_decide import NOW, a_partner, an_agreement, outcome, shown


@pytest.mark.must("9.5.12")
@pytest.mark.parametrize(
    ("ceiling", "token", "expected"),
    [
        ("T", None, {"about", "position", "vehicle"}),
        ("T", "DSK", {"about", "vehicle"}),
        ("DSK", "T", {"about", "vehicle"}),
        ("DSK", "TST", {"about", "vehicle"}),
        ("T", "NONE", set()),
    ],
)
def test_a_tokens_ceiling_only_lowers_the_agreements(ceiling: str, token: str | None, expected: set[str]) -> None:
    """The lower of both counts, and a level that nobody knows is below everything."""
    kinds = frozenset({RecordKind.TELEMETRY})
    partner, agreement = a_partner(token=TokenFacts(NOW + 1, kinds, token)), an_agreement(ceiling_level=ceiling)

    released = shown(outcome(partner=partner, agreement=agreement))

    assert released & {"about", "position", "vehicle"} == expected
    assert released <= shown(outcome(agreement=agreement))


def test_a_decision_under_a_token_stands_until_it_expires() -> None:
    """The millisecond in which it expires is decided anew."""
    token = TokenFacts(NOW + 5, frozenset({RecordKind.TELEMETRY}), None)

    assert outcome(partner=a_partner(token=token)).valid_until_ms == NOW + 5
    assert outcome().valid_until_ms > NOW + 5
