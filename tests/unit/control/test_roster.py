"""Laws of the roster: whose signatures count, and how many it takes."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.control.roster import ONE_SIGNATURE, Roster, check_signatures, signature_progress
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.given import HOUR, genesis, roster_text, signed, statement

WIDENING = sorted(set(StatementKind) - ONE_SIGNATURE - {StatementKind.GENESIS})


def test_a_roster_says_who_and_how_many() -> None:
    """The text that operators read is what the gateway understands."""
    roster = Roster.parse(roster_text())

    assert [operator.id for operator in roster.operators] == ["officer-1", "officer-2", "officer-3"]
    assert [operator.person for operator in roster.operators] == ["person-1", "person-2", "person-3"]
    assert [key.id for key in roster.recovery] == ["vault-1", "vault-2"]
    assert (roster.quorum, roster.recovery_quorum, roster.wait_ms) == (2, 2, 24 * HOUR)


UNSAFE = {
    "one person twice": roster_text().replace(b"person-2", b"person-1"),
    "one person in two spellings": roster_text().replace(b"person-2", b"PERSON-1"),
    "one id twice": roster_text().replace(b'"officer-2"', b'"officer-1"'),
    "an id of a recovery key": roster_text().replace(b'"vault-1"', b'"officer-1"'),
    "one key twice": roster_text(operators=("officer-1", "officer-2"), recovery=("vault-1", "officer-2")),
    "a quorum of one": roster_text(quorum=1),
    "a quorum nobody can reach": roster_text(quorum=4),
    "a recovery nobody can reach": roster_text(recovery_quorum=3),
    "a single operator": roster_text(operators=("officer-1",)),
}


@pytest.mark.must("2.3.2", "2.3.4")
@pytest.mark.parametrize("why", UNSAFE)
def test_a_roster_under_which_one_person_could_act_alone_is_refused(why: str) -> None:
    """One compromised operator must not widen anything, whatever the text calls itself."""
    with pytest.raises(CallerError) as caught:
        Roster.parse(UNSAFE[why])

    assert caught.value.code == "roster-unsafe"


@pytest.mark.must("2.3.1", "2.3.2")
@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"operators": tuple(f"officer-{number}" for number in range(17))}, "roster.operator"),
        ({"operators": ()}, "roster.operator"),
        ({"recovery": tuple(f"vault-{number}" for number in range(17))}, "roster.recovery"),
        ({"recovery": ()}, "roster.recovery"),
        ({"recovery_quorum": 0}, "roster.recovery_quorum"),
    ],
    ids=["17 operators", "no operator", "17 recovery keys", "no recovery key", "a recovery by nobody"],
)
def test_a_roster_of_too_many_or_too_few_keys_is_refused(changes: dict[str, Any], at: str) -> None:
    """More signatures than a statement may carry, or no way back when operators' keys are lost."""
    officers, vaults = (tuple(f"{name}-{number}" for number in range(16)) for name in ("officer", "vault"))
    assert len(Roster.parse(roster_text(officers, vaults)).recovery) == 16

    with pytest.raises(CallerError) as caught:
        Roster.parse(roster_text(**changes))

    assert (caught.value.code, caught.value.at) in {("text-value", at), ("text-missing-key", at)}


@pytest.mark.must("2.3.3")
@pytest.mark.parametrize("wait_hours", [0, 2161])
def test_a_roster_without_a_waiting_time_is_refused(wait_hours: int) -> None:
    """Without a wait nobody has time to object to a stolen quorum."""
    with pytest.raises(CallerError, match="wait_hours"):
        Roster.parse(roster_text(wait_hours=wait_hours))


@pytest.mark.must("2.3.5")
@pytest.mark.parametrize("kind", WIDENING)
def test_widening_takes_two_persons(kind: StatementKind) -> None:
    """One compromised operator widens nothing."""
    roster = Roster.parse(roster_text())

    check_signatures(signed(statement(kind), "officer-1", "officer-2"), roster)
    with pytest.raises(Refused) as caught:
        check_signatures(signed(statement(kind), "officer-1"), roster)

    assert caught.value.code == "signatures-too-few"


@pytest.mark.parametrize("kind", sorted(ONE_SIGNATURE))
def test_denying_takes_one_person(kind: StatementKind) -> None:
    """Whoever sees harm first must be able to stop it alone."""
    progress = signature_progress(signed(statement(kind), "officer-3"), Roster.parse(roster_text()))

    assert (progress.have, progress.need) == (1, 1)


def test_all_operators_sign_the_genesis() -> None:
    """Nobody is an operator unasked, and nobody founds a gateway for others."""
    roster = Roster.parse(roster_text())
    founding = genesis()

    check_signatures(founding, roster)
    with pytest.raises(Refused) as caught:
        check_signatures(signed(founding.statement, "officer-1", "officer-2"), roster)

    assert caught.value.code == "signatures-too-few"


@pytest.mark.must("2.1.4")
@pytest.mark.parametrize("stranger", ["stranger", "vault-1"])
def test_a_signature_of_no_operator_is_refused_even_beside_enough(stranger: str) -> None:
    """A key that counts for nothing has no business under a statement; recovery keys replace the roster only."""
    with pytest.raises(Refused) as caught:
        check_signatures(signed(statement(), "officer-1", "officer-2", stranger), Roster.parse(roster_text()))

    assert caught.value.code == "signer-unknown"


@pytest.mark.must("2.1.3")
def test_every_signature_must_verify_even_beyond_the_quorum() -> None:
    """A bad signature is a sign of tampering, not a vote to be ignored."""
    good = signed(statement(StatementKind.PARTNER), "officer-1", "officer-2", "officer-3")
    signatures = list(good.signatures)
    signatures[1] = type(signatures[1])(signatures[1].public_key, signatures[0].signature)

    with pytest.raises(Refused) as caught:
        check_signatures(type(good)(good.statement, tuple(signatures)), Roster.parse(roster_text()))

    assert caught.value.code == "statement-signature"
