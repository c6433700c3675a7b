"""Laws of the fold: how operators are replaced, and how that is stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.endorsing import encode_endorsement_list, endorsements_due
from gateway.core.control.enrolment import make_bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Roster
from gateway.core.control.statement import SignedStatement
from gateway.core.control.succession import Author, weigh_roster
from gateway.core.errors import Refused
from gateway.core.suite.numbers import Role, StatementKind
from tests.unit.control.given import DAY, kem_key, octets, roster_text, signing_key
from tests.unit.control.world import BOTH, World, a_world, naming, source_text

NEXT = roster_text(operators=("officer-2", "officer-3", "officer-4"))
FRESH = roster_text(operators=("officer-7", "officer-8"))
VAULT = ("vault-1", "vault-2")
NEW = ("officer-7", "officer-8")


def propose(world: World, text: bytes = NEXT, by: tuple[str, ...] = (*BOTH, "officer-3")) -> ControlEntry:
    """Applies a ROSTER-PROPOSE."""
    return world.apply(StatementKind.ROSTER_PROPOSE, text, by=by)


def objection(proposed: ControlEntry) -> bytes:
    """The body of an OBJECT to it."""
    return naming(proposed.signed) + b'reason = "not agreed"\n'


def refusal(world: World, kind: StatementKind, body: bytes, by: tuple[str, ...] = BOTH, **changes: object) -> str:
    """The code with which the gateway refuses the statement."""
    with pytest.raises(Refused) as caught:
        world.control.apply(world.entry(kind, body, by=by, **changes))
    return caught.value.code


def test_a_roster_comes_into_force_in_two_steps() -> None:
    """Proposed by both sets, waited for, then confirmed by those who proposed it."""
    world = a_world()
    proposed = propose(world)
    (opened,) = world.control.proposals.values()
    still = world.control.roster
    world.now += DAY
    applied = world.apply(StatementKind.ROSTER, naming(proposed.signed))

    assert opened.proposal.author is Author.OPERATORS
    assert still == Roster.parse(roster_text())
    assert world.control.roster == Roster.parse(NEXT)
    assert world.control.roster_link == applied.statement.link
    assert world.control.proposals == {}
    assert refusal(world, StatementKind.LIFT, b"", by=("officer-1", "officer-2")) == "signer-unknown"


@pytest.mark.must("2.3.7")
@pytest.mark.parametrize(
    "signers", [BOTH, ("officer-3", "officer-4"), ("officer-1", "officer-3")], ids=["old only", "new only", "one old"]
)
def test_a_proposal_needs_the_quorum_of_both_sets(signers: tuple[str, ...]) -> None:
    """One set alone neither hands over nor takes over."""
    text = roster_text(operators=("officer-3", "officer-4", "officer-5"))

    assert refusal(a_world(), StatementKind.ROSTER_PROPOSE, text, by=signers) == "signatures-too-few"


@pytest.mark.must("2.4.10")
def test_a_proposal_of_the_roster_in_force_is_refused() -> None:
    """Whatever its comments say: operators who signed it would believe that something changes."""
    text = roster_text() + b"# the new one\n"

    assert refusal(a_world(), StatementKind.ROSTER_PROPOSE, text) == "nothing-to-change"


@pytest.mark.must("2.1.4")
def test_a_signature_in_no_set_is_refused() -> None:
    """A stranger under a proposal is a proposal that was tampered with."""
    assert (
        refusal(a_world(), StatementKind.ROSTER_PROPOSE, NEXT, by=(*BOTH, "officer-3", "stranger")) == "signer-unknown"
    )


@pytest.mark.must("2.3.7")
def test_progress_counts_each_set_for_itself() -> None:
    """Whoever waits for signatures must see whose are missing."""
    world = a_world()
    text = roster_text(operators=("officer-3", "officer-4", "officer-5"))

    for signers, have in (
        (("officer-1",), 1),
        (("officer-3",), 2),
        (BOTH, 2),
        (VAULT[:1], 1),
        (VAULT, 2),
        ((*BOTH, "officer-4"), 3),
    ):
        _, progress = world.control.preview(world.entry(StatementKind.ROSTER_PROPOSE, text, by=signers))
        assert (progress.have, progress.need) == (have, 4)


@pytest.mark.must("2.3.10")
def test_a_roster_waits_by_the_gateways_own_clock() -> None:
    """A proposal that calls itself old must wait all the same: there must be time to object."""
    world = a_world()
    backdated = world.entry(
        StatementKind.ROSTER_PROPOSE,
        NEXT,
        by=(*BOTH, "officer-3"),
        proposed_at_ms=world.now - 10 * DAY,
        expires_at_ms=world.now + DAY,
    )
    world.take(backdated)

    assert refusal(world, StatementKind.ROSTER, naming(backdated.signed)) == "roster-too-soon"
    world.now += DAY - 1
    assert refusal(world, StatementKind.ROSTER, naming(backdated.signed)) == "roster-too-soon"
    world.now += 1
    world.apply(StatementKind.ROSTER, naming(backdated.signed))


@pytest.mark.must("2.3.9")
def test_a_roster_says_of_itself_that_it_waited() -> None:
    """A reader has only the statements' own times, so the gateway holds them to the wait as well."""
    world = a_world()
    proposed = propose(world)
    world.now += DAY

    code = refusal(world, StatementKind.ROSTER, naming(proposed.signed), proposed_at_ms=world.now - 1)

    assert code == "roster-too-soon"


@pytest.mark.must("2.1.3")
def test_a_roster_of_another_time_than_was_signed_is_not_weighed() -> None:
    """What nobody signed says nothing, not even that it is early."""
    world = a_world()
    proposed = propose(world)
    signed = world.entry(StatementKind.ROSTER, naming(proposed.signed)).signed
    hasty = replace(signed.statement, proposed_at_ms=signed.statement.proposed_at_ms - DAY)
    entry = ControlEntry(SignedStatement(hasty, signed.signatures), (), world.now)

    with pytest.raises(Refused) as caught:
        world.control.apply(entry)

    assert caught.value.code == "statement-signature"


@pytest.mark.must("2.3.11")
def test_one_operators_objection_stops_the_others() -> None:
    """A stolen quorum is stopped by the one whose key was not stolen."""
    world = a_world()
    proposed = propose(world)
    world.apply(StatementKind.OBJECT, objection(proposed), by=("officer-3",))
    world.now += DAY

    assert refusal(world, StatementKind.ROSTER, naming(proposed.signed)) == "roster-objected"
    assert refusal(world, StatementKind.OBJECT, objection(proposed), by=("officer-1",)) == "nothing-to-change"


@pytest.mark.must("2.3.11")
def test_an_objection_is_lifted_by_the_quorum() -> None:
    """One person can delay for ever only if nobody else stands against it."""
    world = a_world()
    proposed = propose(world)
    world.apply(StatementKind.OBJECT, objection(proposed), by=("officer-3",))
    world.now += DAY
    world.lift(f"proposal/{proposed.statement.link.hex()}")

    world.apply(StatementKind.ROSTER, naming(proposed.signed))

    assert world.control.roster == Roster.parse(NEXT)


def test_a_lift_of_one_objection_leaves_the_others() -> None:
    """Each objection stands for itself."""
    world = a_world()
    first, second = propose(world), propose(world, FRESH, by=(*BOTH, *NEW))
    for proposed in (first, second):
        world.apply(StatementKind.OBJECT, objection(proposed), by=("officer-3",))
    world.lift(f"proposal/{second.statement.link.hex()}")

    assert world.control.proposals[first.statement.link].stopped
    assert not world.control.proposals[second.statement.link].stopped


def test_a_roster_is_weighed_against_the_proposal_it_names() -> None:
    """The signatures of one proposal must not carry another."""
    world = a_world()
    propose(world)
    other = propose(world, FRESH, by=(*BOTH, *NEW))
    first, _ = world.control.proposals.values()
    world.now += DAY
    entry = world.entry(StatementKind.ROSTER, naming(other.signed))

    with pytest.raises(Refused) as caught:
        weigh_roster(entry.signed, first.proposal, world.control.roster)

    assert caught.value.code == "roster-proposal"


@pytest.mark.must("2.3.8")
def test_recovery_keys_replace_lost_operators() -> None:
    """When the operators' keys are gone the gateway is not."""
    world = a_world()
    proposed = propose(world, FRESH, by=(*VAULT, *NEW))
    (opened,) = world.control.proposals.values()
    world.now += DAY

    assert opened.proposal.author is Author.RECOVERY
    assert refusal(world, StatementKind.ROSTER, naming(proposed.signed), by=BOTH) == "signer-unknown"
    assert refusal(world, StatementKind.ROSTER, naming(proposed.signed), by=VAULT[:1]) == "signatures-too-few"
    world.apply(StatementKind.ROSTER, naming(proposed.signed), by=VAULT)
    assert world.control.roster == Roster.parse(FRESH)


@pytest.mark.must("2.3.11")
def test_a_recovery_is_stopped_by_the_quorum_only() -> None:
    """It is made because operators' keys may be in wrong hands: one such hand must not stop it."""
    world = a_world()
    proposed = propose(world, FRESH, by=(*VAULT, *NEW))

    assert refusal(world, StatementKind.OBJECT, objection(proposed), by=("officer-1",)) == "signatures-too-few"
    world.apply(StatementKind.OBJECT, objection(proposed), by=BOTH)
    world.now += DAY
    assert refusal(world, StatementKind.ROSTER, naming(proposed.signed), by=VAULT) == "roster-objected"


def test_what_operators_and_recovery_sign_is_the_operators() -> None:
    """A recovery signature must not take the operators' objection away."""
    world = a_world()
    propose(world, FRESH, by=(*BOTH, *VAULT, *NEW))

    (opened,) = world.control.proposals.values()

    assert opened.proposal.author is Author.OPERATORS


@pytest.mark.must("2.3.13")
def test_proposals_end_with_the_roster_they_were_made_under() -> None:
    """What the former operators proposed is not the new ones' proposal."""
    world = a_world()
    first, second = propose(world), propose(world, FRESH, by=(*BOTH, *NEW))
    world.now += DAY
    world.apply(StatementKind.ROSTER, naming(first.signed))

    assert (
        refusal(world, StatementKind.ROSTER, naming(second.signed), by=("officer-2", "officer-3")) == "proposal-unknown"
    )


@pytest.mark.must("2.7.4")
def test_only_an_open_proposal_is_confirmed_or_objected_to() -> None:
    """A link that names nothing stops nothing and starts nothing."""
    world = a_world()
    unknown = f'proposal = "{octets("none", 48).hex()}"\n'.encode()

    assert refusal(world, StatementKind.ROSTER, unknown) == "proposal-unknown"
    assert refusal(world, StatementKind.OBJECT, unknown + b'reason = "x"\n') == "proposal-unknown"


@pytest.mark.must("2.4.7")
@pytest.mark.parametrize("owner", ["src-3f07", "usa/arl", "stream"])
def test_a_party_is_no_operator(owner: str) -> None:
    """One key, one purpose: what signs batches or ticks signs no statement."""
    text = roster_text(operators=("officer-1", "officer-2", owner))

    assert refusal(a_world(), StatementKind.ROSTER_PROPOSE, text) == "key-reused"


def test_a_party_admitted_meanwhile_is_no_operator_either() -> None:
    """The wait is long enough for a key to be admitted as something else."""
    world = a_world()
    proposed = propose(world, roster_text(operators=("officer-1", "officer-2", "src-new")), by=BOTH)
    world.source("src-new")
    world.now += DAY

    assert refusal(world, StatementKind.ROSTER, naming(proposed.signed)) == "key-reused"


REMAINING = ("officer-2", "officer-3")


def after_officer_1() -> World:
    """Officer-1 was an operator and vault-1 a recovery key; both have left the roster."""
    world = a_world()
    text = roster_text(operators=("officer-2", "officer-3", "officer-4"), recovery=("vault-2", "vault-3"))
    world.change_roster(text, proposed_by=(*BOTH, "officer-3"))
    return world


@pytest.mark.must("2.3.14", "2.4.7")
@pytest.mark.parametrize("key", ["officer-1", "vault-1", "officer-4", "vault-3"])
def test_a_key_that_was_ever_in_a_roster_is_no_partys(key: str) -> None:
    """Whoever once decided with it, or keeps it offline to decide, signs no batch with it."""
    world = after_officer_1()
    bundle = make_bundle("src-0001", {Role.SOURCE: signing_key(key)}, {}, b"")

    with pytest.raises(Refused) as caught:
        world.control.apply(
            world.entry(StatementKind.SOURCE, source_text("src-0001", key=key), bundle.encoded, by=REMAINING)
        )

    assert caught.value.code == "key-reused"


@pytest.mark.must("2.3.14")
@pytest.mark.parametrize("key", ["officer-1", "vault-1"])
def test_a_key_that_was_ever_in_a_roster_is_no_gateways(key: str) -> None:
    """A directory admits the gateway's keys, so it asks as an admission does."""
    world = after_officer_1()
    bundle = make_bundle(
        "ua-gw",
        {Role.GATEWAY_STREAM: signing_key("stream 2"), Role.GATEWAY_LEDGER: signing_key(key)},
        {Role.GATEWAY_INGEST: kem_key("ingest 2").public_key},
        b"",
    )
    salts = (octets(f"roster keys {number}", 32) for number in range(64))
    listed = endorsements_due(world.control, bundle, salts, world.now - DAY, world.now + DAY)
    body = world.dir_of(listed, world.dir_no + 1).encode()

    with pytest.raises(Refused) as caught:
        world.control.apply(world.entry(StatementKind.DIRECTORY, body, encode_endorsement_list(listed), by=REMAINING))

    assert caught.value.code == "key-reused"


@pytest.mark.must("2.3.14")
@pytest.mark.parametrize(
    ("operators", "recovery"),
    [
        (("officer-2", "officer-3", "vault-2"), ("vault-4",)),
        (("officer-2", "officer-3", "vault-1"), ("vault-4",)),
        (("officer-2", "officer-3"), ("officer-4",)),
        (("officer-2", "officer-3"), ("officer-1",)),
    ],
    ids=["present recovery key", "former recovery key", "present operator", "former operator"],
)
def test_operators_and_recovery_keys_never_change_places(operators: tuple[str, ...], recovery: tuple[str, ...]) -> None:
    """A key that lies offline for the worst day is worth little once it was used every day."""
    text = roster_text(operators=operators, recovery=recovery, recovery_quorum=1)

    assert refusal(after_officer_1(), StatementKind.ROSTER_PROPOSE, text, by=REMAINING) == "key-reused"


@pytest.mark.must("2.3.14")
def test_who_left_the_roster_may_come_back_as_what_they_were() -> None:
    """Their key has had no other purpose in the meantime."""
    world = after_officer_1()
    back = roster_text(operators=("officer-1", "officer-2", "officer-3"))

    world.change_roster(back, by=REMAINING, proposed_by=REMAINING)

    assert world.control.roster == Roster.parse(back)


@pytest.mark.must("2.3.14")
def test_a_key_that_was_only_proposed_is_not_taken() -> None:
    """A proposal puts nothing in force: whoever writes one could else take any key away from its owner."""
    world = a_world()
    propose(world, roster_text(operators=(*BOTH, "src-0001"), recovery=("vault-1", "vault-2")))

    world.source("src-0001")

    assert world.control.keys.keys().isdisjoint(world.control.roster_keys)
