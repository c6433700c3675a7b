"""A RESTORE: operators say that a store lives on; a reader believes them, on one way, and never the gateway."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.directory import DirectoryMessage
from gateway.core.control.endorsing import encode_endorsement_list
from gateway.core.control.restore import Restore, check_next, leading
from gateway.core.control.standing import needed_by_partner
from gateway.core.control.statement import SignedStatement
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.numbers import StatementKind
from gateway.core.suite.octets import u64
from tests.unit.control.given import octets, roster_text, signed
from tests.unit.control.world import BOTH, World, a_world

FIRST, SECOND, THIRD, FOURTH = (octets(f"life {number}", 16) for number in range(4))
K = octets("a tick", 48)
NEXT = roster_text(operators=("officer-2", "officer-3", "officer-4"))


def a_restore(old: bytes = FIRST, new: bytes = SECOND, last_tick: int = 6, tick_digest: bytes = K) -> Restore:
    """What operators say."""
    return Restore(old, new, last_tick, tick_digest)


def said(world: World, restore: Restore, by: tuple[str, ...] = BOTH, **changes: object) -> SignedStatement:
    """A RESTORE that the gateway never applied."""
    return signed(world.statement(StatementKind.RESTORE, restore.encode(), **changes), *by)


def refusal(trust: Trust, world: World, *statements: SignedStatement) -> str:
    """The code with which a reader refuses these statements."""
    with pytest.raises(Refused) as caught:
        trust.accept(DirectoryMessage(statements, ()).encode(), world.now)
    return caught.value.code


def sent(world: World, incarnation: bytes, present: bytes, dir_no: int = 1) -> list[StatementKind]:
    """The kinds of what a reader of `incarnation` is sent."""
    message = world.control.directory_message(dir_no, needed_by_partner("usa/arl", "all"), incarnation, present)
    return [one.statement.kind for one in message.statements]


# The body ------------------------------------------------------------------------------------------------------------


@pytest.mark.must("2.12.1")
@pytest.mark.parametrize(
    "body",
    [
        FIRST + SECOND + u64(6) + K + b"\x00",
        (FIRST + SECOND + u64(6) + K)[:-1],
        b"",
        bytes(16) + SECOND + u64(6) + K,
        FIRST + bytes(16) + u64(6) + K,
        FIRST + FIRST + u64(6) + K,
        FIRST + SECOND + u64(1) + ZERO_HASH,
    ],
    ids=["longer", "shorter", "empty", "old zero", "new zero", "the same", "a tick without its hash"],
)
def test_a_body_has_one_form(body: bytes) -> None:
    """What two officers signed must not be read in two ways."""
    with pytest.raises(Refused) as caught:
        Restore.parse(body)
    assert caught.value.code == "malformed"


@pytest.mark.parametrize(
    ("restore", "kept"),
    [(a_restore(), 7), (a_restore(last_tick=0), 1), (a_restore(last_tick=0, tick_digest=ZERO_HASH), 0)],
)
def test_a_body_says_how_many_ticks_were_kept(restore: Restore, kept: int) -> None:
    """Also that it was none: a store may be lost before its first tick."""
    assert Restore.parse(restore.encode()) == restore
    assert len(restore.encode()) == 16 + 16 + 8 + 48
    assert restore.ticks_kept == kept


def test_the_way_on_is_found_over_any_number_of_restores() -> None:
    """A party may come back after more than one."""
    way = (a_restore(), a_restore(SECOND, THIRD), a_restore(THIRD, FOURTH))

    assert leading(way, FIRST, FOURTH) == way
    assert leading(way, SECOND, FOURTH) == way[1:]
    assert leading(way, FIRST, SECOND) == way[:1]
    assert leading(way, FOURTH, FIRST) == leading(way, FOURTH, FOURTH) == leading(way, bytes(16), FOURTH) == ()
    assert leading(way[:1], FIRST, THIRD) == ()


# The gateway's side --------------------------------------------------------------------------------------------------


@pytest.mark.must("2.12.2")
@pytest.mark.parametrize(
    "restore", [a_restore(), a_restore(new=THIRD), a_restore(THIRD, FOURTH), a_restore(SECOND, FIRST)]
)
def test_each_restore_goes_on_from_the_one_before(restore: Restore) -> None:
    """The fold knows the incarnation in force from the first RESTORE on."""
    world = a_world()
    world.apply(StatementKind.RESTORE, a_restore().encode())

    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.RESTORE, restore.encode())
    assert caught.value.code == "restore-contradicts"
    world.apply(StatementKind.RESTORE, a_restore(SECOND, THIRD).encode())
    assert [one.restore.new for one in world.control.restores] == [SECOND, THIRD]


@pytest.mark.must("2.3.5")
def test_one_operator_alone_restores_nothing() -> None:
    """Else one person could put an older, wider past back."""
    world = a_world()

    with pytest.raises(Refused) as caught:
        world.apply(StatementKind.RESTORE, a_restore().encode(), by=("officer-1",))
    assert caught.value.code == "signatures-too-few"


@pytest.mark.must("2.12.5", "2.8.15")
def test_a_reader_is_sent_every_restore_since_the_life_it_names() -> None:
    """Whatever it knows of the directory, and nobody else is sent one."""
    world = a_world()
    for restore in (a_restore(), a_restore(SECOND, THIRD)):
        world.apply(StatementKind.RESTORE, restore.encode())
    restore, base, redated = StatementKind.RESTORE, StatementKind.DIRECTORY, StatementKind.DIRECTORY_REDATE

    assert sent(world, FIRST, THIRD) == [restore, restore]
    assert sent(world, SECOND, THIRD) == [restore]
    world.redate()
    assert sent(world, FIRST, THIRD) == [base, restore, restore, redated]
    assert sent(world, THIRD, THIRD, dir_no=2) == sent(world, bytes(16), THIRD, dir_no=2) == []
    assert sent(world, FOURTH, THIRD, dir_no=2) == []


@pytest.mark.must("2.12.5", "2.8.17")
def test_a_restore_waits_with_its_roster_for_a_directory() -> None:
    """A reader who is not told of the roster could not count what it signed."""
    world = a_world()
    world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    world.apply(StatementKind.RESTORE, a_restore().encode(), by=("officer-3", "officer-4"))
    trust = a_world().trust()

    with pytest.raises(Refused) as caught:
        sent(world, FIRST, SECOND)
    assert caught.value.code == "directory-due"
    assert sent(world, SECOND, SECOND) == []
    listed = world.listed()
    body = world.dir_of(listed, 2).encode()
    world.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed), by=("officer-3", "officer-4"))
    message = world.control.directory_message(1, needed_by_partner("usa/arl", "all"), FIRST, SECOND)
    assert trust.accept(message.encode(), world.now).restores == (a_restore(),)


@pytest.mark.must("2.12.6")
def test_a_number_that_was_given_again_may_name_another_directory() -> None:
    """A reader of the lost past refuses the one and takes the next; one that has seen the new one goes on with it."""
    world = a_world()
    lost = world.copy()
    lost.now += 1
    lost.redate()
    world.apply(StatementKind.RESTORE, a_restore().encode())
    world.direct()
    everything = [StatementKind.GENESIS, StatementKind.RESTORE, StatementKind.DIRECTORY]

    def shown_to(trust: Trust) -> Trust:
        message = world.control.directory_message(2, needed_by_partner("usa/arl", "all"), FIRST, SECOND)
        assert [one.statement.kind for one in message.statements] == everything
        return trust.accept(message.encode(), world.now)

    assert sent(world, SECOND, SECOND, dir_no=2) == []
    assert sent(world, FIRST, SECOND, dir_no=1) == everything[1:]
    assert shown_to(world.trust()).restores == (a_restore(),)
    with pytest.raises(Refused) as caught:
        shown_to(lost.trust())
    assert caught.value.code == "directory-decreasing"
    world.direct()
    taken = shown_to(lost.trust())
    assert (taken.directory, taken.restores) == (world.newest, (a_restore(),))


# A reader's side -----------------------------------------------------------------------------------------------------


@pytest.mark.must("2.9.4")
def test_a_reader_keeps_every_restore_that_counts() -> None:
    """It may need them at its next tick, or only after its next start."""
    world = a_world()
    trust = world.trust()
    first, second = a_restore(), a_restore(SECOND, THIRD)
    message = DirectoryMessage((said(world, first), said(world, second, position=world.control.position + 1)), ())

    taken = trust.accept(message.encode(), world.now)

    assert taken.restores == (first, second)
    assert Trust.decode(taken.encode()) == taken
    assert taken.accept(message.encode(), world.now) == taken
    assert trust.restores == ()


def test_what_was_kept_before_restores_were_known_is_still_read() -> None:
    """A reader that is newer than its file goes on."""
    trust = a_world().trust()
    kept = trust.encode()
    at = kept.rindex(max(trust.verified)) + 48
    older = kept[:15] + b"\x01" + kept[16:at] + kept[at + 2 :]

    assert Trust.decode(older) == trust


@pytest.mark.must("2.3.5")
@pytest.mark.parametrize(
    ("by", "code"),
    [
        (("officer-1",), "signatures-too-few"),
        (("officer-1", "stranger"), "signer-unknown"),
        (("vault-1", "vault-2"), "signer-unknown"),
    ],
)
def test_a_restore_counts_only_with_the_quorum(by: tuple[str, ...], code: str) -> None:
    """A gateway and one officer of its own put no older store back."""
    world = a_world()

    assert refusal(world.trust(), world, said(world, a_restore(), by)) == code


@pytest.mark.must("2.9.4")
def test_a_restore_under_an_older_roster_is_refused() -> None:
    """Operators who were removed do not bring back the time in which they counted."""
    world = a_world()
    world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    world.direct(by=("officer-3", "officer-4"))

    assert refusal(world.trust(), world, said(world, a_restore(), roster=world.genesis)) == "roster-not-in-force"


@pytest.mark.must("2.9.4")
def test_a_profile_of_a_newer_roster_counts_no_restore_under_the_older() -> None:
    """A fresh reader has no past of the lost life, and whoever was removed gives it none."""
    world = a_world()
    before = said(world, a_restore())
    world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    world.direct(by=("officer-3", "officer-4"))
    anchored = Trust.begin(world.genesis, world.control.roster_link, NEXT)

    assert refusal(anchored, world, before) == "roster-not-in-force"


@pytest.mark.must("2.12.4")
@pytest.mark.parametrize(
    "other",
    [
        a_restore(new=FOURTH),
        a_restore(last_tick=5),
        a_restore(tick_digest=octets("another tick", 48)),
        a_restore(THIRD, SECOND),
        a_restore(SECOND, FIRST),
    ],
    ids=["another way on", "another past", "another tick", "another way there", "back"],
)
def test_a_restore_that_contradicts_one_before_is_refused(other: Restore) -> None:
    """Of two stories about one past a reader believes neither more."""
    world = a_world()
    trust = world.trust().accept(DirectoryMessage((said(world, a_restore()),), ()).encode(), world.now)

    assert refusal(trust, world, said(world, other)) == "restore-contradicts"


def test_the_same_restore_signed_again_changes_nothing() -> None:
    """A store that was put back twice from one backup is restored twice, with the same words at another time."""
    world = a_world()
    trust = world.trust().accept(DirectoryMessage((said(world, a_restore()),), ()).encode(), world.now)
    again = said(world, a_restore(), proposed_at_ms=world.now + 1)

    taken = trust.accept(DirectoryMessage((again,), ()).encode(), world.now)

    assert taken.restores == trust.restores
    assert taken.verified == trust.verified | {again.statement.link}


def test_a_longer_way_may_be_learnt_from_its_end() -> None:
    """One way on from each life, and one way to each: in whatever order they are heard."""
    check_next([a_restore(SECOND, THIRD)], a_restore())
    with pytest.raises(Refused, match="another way"):
        check_next([a_restore(SECOND, THIRD), a_restore()], a_restore(THIRD, FIRST))


def test_a_restore_of_another_genesis_is_refused() -> None:
    """One gateway's loss says nothing of another's."""
    world = a_world()
    foreign = said(world, a_restore(), genesis=octets("another genesis", 48))

    assert refusal(world.trust(), world, foreign) == "statement-genesis"
    assert replace(foreign.statement, genesis=world.genesis).kind is StatementKind.RESTORE
