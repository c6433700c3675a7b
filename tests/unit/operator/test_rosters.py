"""Laws of the next roster: what is drafted, what is said of it in plain words, and whose key may sign."""

from __future__ import annotations

import pytest

from clients.operator.card import OperatorCard, make_card
from clients.operator.rosters import (
    RosterChange,
    chosen_proposal,
    members_of,
    next_roster,
    roster_difference,
    succession_notes,
    write_roster,
)
from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Operator, Roster
from gateway.core.errors import CallerError, GatewayError
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.given import DAY, roster_text, signing_key
from tests.unit.control.world import BOTH, World, a_world, naming

PRESENT = Roster.parse(roster_text())
VAULT = ("vault-1", "vault-2")


def a_card(operator_id: str, key: str = "", *, offline: bool = False) -> OperatorCard:
    """The card of a key that is named after its id unless told."""
    return make_card(operator_id, signing_key(key or operator_id), b"" if offline else b"request")


def drafted(**change: object) -> Roster:
    """The next roster after this one."""
    return Roster.parse(next_roster(PRESENT, RosterChange(**change)))  # type: ignore[arg-type]  # fields of a change


def refusal(**change: object) -> GatewayError:
    """Why a change is refused."""
    with pytest.raises(GatewayError) as caught:
        drafted(**change)
    return caught.value


def test_what_is_not_mentioned_stays() -> None:
    """Nobody has to type again what holds, and so cannot mistype it."""
    following = drafted(cards=[a_card("officer-4")], persons={"officer-4": "person-4"})

    assert following.operators[:3] == PRESENT.operators
    assert following.operators[3] == Operator("officer-4", "person-4", signing_key("officer-4").key_digest)
    assert following.recovery == PRESENT.recovery
    numbers = (following.quorum, following.wait_ms, following.recovery_quorum)
    assert numbers == (PRESENT.quorum, PRESENT.wait_ms, PRESENT.recovery_quorum)


def test_a_card_of_one_who_is_there_is_their_next_key() -> None:
    """The person stays: it is the key that was lost."""
    following = drafted(cards=[a_card("officer-2", "officer-2 second")])

    assert following.operators[1] == Operator("officer-2", "person-2", signing_key("officer-2 second").key_digest)
    assert roster_difference(PRESENT, following)[0].startswith("another key: operator officer-2 (person-2), key ")


def test_recovery_keys_come_and_go_by_their_cards() -> None:
    """A card without a certificate request is one that lies offline."""
    following = drafted(cards=[a_card("vault-3", offline=True)], leaving=["vault-1"], recovery_quorum=1)

    assert [one.id for one in following.recovery] == ["vault-2", "vault-3"]
    assert [line.partition(",")[0] for line in roster_difference(PRESENT, following)] == [
        "comes: recovery key vault-3",
        "goes:  recovery key vault-1",
        "recovery quorum: 1 recovery keys",
    ]


def test_numbers_are_said_with_what_they_were() -> None:
    """A wait of one hour instead of a day is what a thief would change first."""
    lines = roster_difference(PRESENT, drafted(quorum=3, wait_hours=1))

    assert lines == ("quorum: 3 persons for what widens, was 2", "wait: 1 hours before a next roster, was 24")


def test_another_person_for_a_key_is_said() -> None:
    """Whoever holds a key counts as one person; a name that moves may be a second one."""
    moved = drafted(cards=[a_card("officer-3")], persons={"officer-3": "person-9"})

    assert roster_difference(PRESENT, moved) == ("another person: operator officer-3 (person-9), was person-3",)


def test_a_roster_that_says_the_same_says_so() -> None:
    """The gateway refuses it; the screen must not look as if somebody came."""
    assert roster_difference(PRESENT, PRESENT) == ("nothing changes but the order or the comments",)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"leaving": ["officer-9"]}, "operator-unknown"),
        ({"leaving": ["officer-2", "officer-3"]}, "roster-unsafe"),
        ({"leaving": ["officer-2"], "quorum": 3}, "roster-unsafe"),
        ({"cards": [a_card("officer-4")]}, "persons"),
        ({"cards": [a_card("officer-4")], "persons": {"officer-4": "person-1"}}, "roster-unsafe"),
        ({"cards": [a_card("officer-4", "officer-1")], "persons": {"officer-4": "person-4"}}, "roster-unsafe"),
    ],
    ids=["not there", "one left", "quorum above", "nobody's", "one person twice", "one key twice"],
)
def test_a_roster_in_which_one_person_could_act_alone_is_not_drafted(change: dict[str, object], code: str) -> None:
    """It is found at the desk, before anybody signs."""
    assert refusal(**change).code == code


def test_a_persons_name_is_written_as_it_is() -> None:
    """Quotes and backslashes are part of a text, not of its form."""
    named = [Operator(one.id, f'{one.person} "the \\ second"'[:60], one.key_digest) for one in PRESENT.operators]

    with pytest.raises(CallerError) as caught:
        write_roster(named, PRESENT.recovery, quorum=2, wait_hours=1, recovery_quorum=1)

    # A person is an identifier: the text parsed, and its value was refused.
    assert caught.value.code == "text-value"


def test_a_proposal_is_signed_by_those_who_are_there_who_come_and_by_recovery_keys() -> None:
    """And by nobody else: a stranger's home must not even show it for signing."""
    world = a_world()
    entry = world.entry(StatementKind.ROSTER_PROPOSE, roster_text(operators=("officer-1", "officer-7")))

    names = ("officer-1", "officer-2", "officer-3", "officer-7", *VAULT)
    assert members_of(entry, world.control.roster, {}) == {signing_key(name).key_digest for name in names}


@pytest.mark.parametrize(
    ("proposed_by", "signers"),
    [((*BOTH, "officer-7"), ("officer-1", "officer-2", "officer-3")), ((*VAULT, "officer-1", "officer-7"), VAULT)],
    ids=["operators", "recovery"],
)
def test_a_roster_is_signed_by_the_set_whose_proposal_it_is(
    proposed_by: tuple[str, ...], signers: tuple[str, ...]
) -> None:
    """What operators proposed recovery keys do not confirm, nor the other way round."""
    world, adopting = adopting_entry(proposed_by)

    members = members_of(adopting, world.control.roster, world.control.proposals)

    assert members == {signing_key(name).key_digest for name in signers}


def adopting_entry(proposed_by: tuple[str, ...]) -> tuple[World, ControlEntry]:
    """A roster proposed a day ago, and the ROSTER that puts it in force."""
    world = a_world()
    text = roster_text(operators=("officer-1", "officer-7"))
    proposed = world.apply(StatementKind.ROSTER_PROPOSE, text, by=proposed_by)
    world.now += DAY
    return world, world.entry(StatementKind.ROSTER, naming(proposed.signed))


def test_who_comes_and_goes_is_said_where_a_roster_is_signed() -> None:
    """The body of a ROSTER is a link; nobody knows a roster by its link."""
    world, adopting = adopting_entry((*BOTH, "officer-7"))

    notes = succession_notes(adopting, world.control.roster, world.control.proposals)

    assert [note.partition(",")[0] for note in notes[:3]] == [
        "comes: operator officer-7 (person-7)",
        "goes:  operator officer-2 (person-2)",
        "goes:  operator officer-3 (person-3)",
    ]
    assert notes[3].startswith("proposed by operators, open to objection since 2026-05-28T")
    with pytest.raises(GatewayError) as caught:
        succession_notes(adopting, world.control.roster, {})
    assert caught.value.code == "proposal-unknown"


def test_a_proposal_is_named_by_the_beginning_of_its_link() -> None:
    """Where one is open it needs no name; where two are, nobody guesses."""
    world = a_world()
    for operators in (("officer-1", "officer-7"), ("officer-1", "officer-8")):
        world.apply(StatementKind.ROSTER_PROPOSE, roster_text(operators=operators), by=(*BOTH, operators[1]))
    proposals = world.control.proposals
    first, second = proposals

    assert chosen_proposal(proposals, first.hex()[:16])[0] == first
    assert chosen_proposal({second: proposals[second]}, "")[0] == second
    for typed, code in (("", "proposal-ambiguous"), ("zz", "proposal-unknown")):
        with pytest.raises(GatewayError) as caught:
            chosen_proposal(proposals, typed)
        assert caught.value.code == code
