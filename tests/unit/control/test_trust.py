"""Laws of a reader's trust: which statements count, and what every one of them must pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.directory import Dir, DirectoryMessage
from gateway.core.control.roster import Roster
from gateway.core.control.statement import SignedStatement
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.given import DAY, HOUR, octets, roster_text, signed
from tests.unit.control.world import BOTH, World, a_world, naming

NEXT = roster_text(operators=("officer-2", "officer-3", "officer-4"))


def refusal(trust: Trust, message: DirectoryMessage, now: int) -> str:
    """The code with which the reader refuses the message."""
    with pytest.raises(Refused) as caught:
        trust.accept(message.encode(), now)
    return caught.value.code


def only(*statements: SignedStatement) -> DirectoryMessage:
    """A message of statements alone."""
    return DirectoryMessage(statements, ())


def directed(world: World, directory: Dir, by: tuple[str, ...] = BOTH, **changes: object) -> SignedStatement:
    """A DIRECTORY or, if it is not its own base, a DIRECTORY-REDATE that the gateway never applied."""
    kind = StatementKind.DIRECTORY if directory.base_no == directory.dir_no else StatementKind.DIRECTORY_REDATE
    return signed(world.statement(kind, directory.encode(), **changes), *by)


def numbered(world: World, dir_no: int) -> Dir:
    """A quorum's Dir of that number over the newest tree."""
    return replace(world.newest, dir_no=dir_no, base_no=dir_no)


def test_a_fresh_reader_needs_nothing_but_the_genesis() -> None:
    """48 bytes, spoken on receipt, are enough to know every operator."""
    world = a_world()

    trust = Trust.begin(world.genesis).accept(world.message().encode(), world.now)

    assert trust.roster == world.control.roster
    assert trust.directory == world.newest
    assert world.genesis in trust.verified


def test_a_reader_who_is_up_to_date_is_sent_no_statement_again() -> None:
    """A statement is verified once."""
    world = a_world()
    trust = world.trust()
    message = world.message(known_dir_no=world.dir_no)

    again = trust.accept(message.encode(), world.now)

    assert message.statements == ()
    assert again == trust


@pytest.mark.must("2.9.2")
def test_a_verified_statement_is_skipped_unread() -> None:
    """Sending an old statement again changes nothing, whatever is newer by now."""
    world = a_world()
    trust = world.trust()
    first = world.message()
    world.redate()
    newer = trust.accept(world.message().encode(), world.now)

    again = newer.accept(first.encode(), world.now)

    assert again.directory == newer.directory == world.newest


def test_a_redate_is_followed_with_its_base() -> None:
    """One operator keeps the directory alive while the others sleep."""
    world = a_world()
    world.now += 5 * DAY
    world.redate()

    trust = world.trust()

    assert trust.directory == world.newest
    assert (world.newest.dir_no, world.newest.base_no) == (2, 1)


@pytest.mark.parametrize("link", [b"", b"g" * 47, ZERO_HASH])
def test_a_profile_without_a_whole_genesis_is_refused(link: bytes) -> None:
    """A reader without an anchor would trust whoever speaks first."""
    with pytest.raises(Refused) as caught:
        Trust.begin(link)

    assert caught.value.code == "genesis-malformed"


@pytest.mark.must("2.9.3")
def test_a_genesis_of_another_gateway_is_refused() -> None:
    """A gateway with operators of its own must not pass for the one in the profile."""
    world = a_world()

    for message in (world.message(), only(world.entries[0].signed)):
        assert refusal(Trust.begin(octets("other", 48)), message, world.now) == "statement-genesis"


@pytest.mark.must("2.9.3")
def test_a_statement_of_another_genesis_is_refused() -> None:
    """Two gateways may have the same operators, who signed for one of them."""
    world = a_world()
    foreign = directed(world, numbered(world, 2), genesis=octets("other", 48))

    assert refusal(world.trust(), only(foreign), world.now) == "statement-genesis"


@pytest.mark.must("2.9.3")
def test_a_fresh_reader_is_sent_the_genesis_first() -> None:
    """Without a roster no signature means anything."""
    world = a_world()

    assert refusal(Trust.begin(world.genesis), only(world.message().statements[-1]), world.now) == "roster-missing"


@pytest.mark.must("2.3.6")
def test_a_genesis_that_not_all_operators_signed_is_refused() -> None:
    """The founders must all know that they are founders."""
    world = a_world()
    founding = world.entries[0].signed
    short = SignedStatement(founding.statement, founding.signatures[:2])

    assert refusal(Trust.begin(world.genesis), only(short), world.now) == "signatures-too-few"


@pytest.mark.must("2.9.9", "2.9.15")
def test_a_reader_without_a_directory_trusts_nothing() -> None:
    """A genesis names operators, not keys."""
    world = a_world()

    assert refusal(Trust.begin(world.genesis), only(world.entries[0].signed), world.now) == "directory-missing"
    with pytest.raises(Refused) as caught:
        Trust.begin(world.genesis).check_time(world.now)
    assert caught.value.code == "directory-missing"


@pytest.mark.must("2.3.5", "2.3.12")
@pytest.mark.parametrize(
    ("signers", "code"),
    [
        (("officer-1",), "signatures-too-few"),
        (("officer-1", "stranger"), "signer-unknown"),
        (("vault-1", "vault-2"), "signer-unknown"),
    ],
)
def test_a_directory_counts_only_with_the_quorum_of_operators(signers: tuple[str, ...], code: str) -> None:
    """One compromised operator, or a gateway, must not be able to invent a key."""
    world = a_world()

    assert refusal(world.trust(), only(directed(world, numbered(world, 2), signers)), world.now) == code


@pytest.mark.must("2.1.3")
def test_a_forged_operator_signature_is_refused() -> None:
    """The gateway cannot make an operator's decision."""
    world = a_world()
    genuine = directed(world, numbered(world, 2))
    other = directed(world, numbered(world, 3))

    assert refusal(world.trust(), only(SignedStatement(genuine.statement, other.signatures)), world.now) == (
        "statement-signature"
    )


@pytest.mark.must("2.9.8")
@pytest.mark.parametrize("dir_no", [1, 2, 3])
def test_the_number_of_a_directory_only_grows(dir_no: int) -> None:
    """An older directory still endorses what has been tainted since; another of the same number is a fork."""
    world = a_world()
    for _ in range(2):
        world.now += HOUR
        world.redate()
    trust = world.trust()
    world.now += 1

    assert trust.directory is not None
    assert trust.directory.dir_no == 3
    assert refusal(trust, only(directed(world, numbered(world, dir_no))), world.now) == "directory-decreasing"
    repeated = replace(world.redated(), dir_no=max(dir_no, 2))
    assert refusal(trust, only(directed(world, repeated, ("officer-1",))), world.now) == "directory-decreasing"


@pytest.mark.must("2.8.7")
@pytest.mark.parametrize(
    "change", [{"root": octets("root", 48)}, {"size": 11}, {"base_no": 2}], ids=["root", "size", "base"]
)
def test_a_redate_with_another_tree_is_refused(change: dict[str, object]) -> None:
    """One operator alone endorses nothing new."""
    world = a_world()
    trust = world.trust()
    changed = replace(replace(world.redated(), dir_no=3), **change)  # type: ignore[arg-type] - any field

    assert refusal(trust, only(directed(world, changed, ("officer-1",))), world.now) == "redate-base"


@pytest.mark.must("2.8.9")
@pytest.mark.parametrize("dir_no", [1 + 2**16 + 1, 2**48, 2**64 - 1])
def test_one_operator_cannot_use_up_the_numbers_of_a_reader(dir_no: int) -> None:
    """A reader who took the last number could never be told of a revocation again."""
    world = a_world()
    used_up = replace(world.redated(), dir_no=dir_no)

    assert refusal(world.trust(), only(directed(world, used_up, ("officer-1",))), world.now) == "malformed"


def test_a_reader_skips_numbers_and_the_quorum_has_one_left() -> None:
    """It may have been away for long; whatever one operator re-dated it to, the quorum's next one is above."""
    world = a_world()
    message = world.message()
    furthest = directed(world, replace(world.redated(), dir_no=1 + 2**16), ("officer-1",))
    trust = world.trust().accept(DirectoryMessage((furthest,), message.shown).encode(), world.now)
    quorum = directed(world, numbered(world, 2 + 2**16))

    trust = trust.accept(DirectoryMessage((quorum,), message.shown).encode(), world.now)

    assert trust.directory is not None
    assert trust.directory.dir_no == 2 + 2**16


@pytest.mark.must("2.8.7")
def test_a_redate_without_its_base_is_refused() -> None:
    """The base carries the quorum's signatures; without it one person would endorse everything."""
    world = a_world()
    world.redate()
    founding, _, redated = world.message().statements

    assert refusal(Trust.begin(world.genesis), only(founding, redated), world.now) == "redate-base"


@pytest.mark.must("2.8.6")
def test_a_directory_that_names_another_base_is_refused() -> None:
    """A quorum's Dir has its own number as its base."""
    world = a_world()
    odd = replace(world.newest, dir_no=2)
    statement = world.statement(StatementKind.DIRECTORY, odd.encode())

    assert refusal(world.trust(), only(signed(statement, *BOTH)), world.now) == "directory-base"


@pytest.mark.must("2.9.9")
@pytest.mark.parametrize(
    ("shift", "code"),
    [(-5 * 60_000 - 1, "directory-early"), (7 * DAY, "directory-expired")],
    ids=["early", "expired"],
)
def test_a_directory_is_good_in_its_time_only(shift: int, code: str) -> None:
    """A gateway that is cut off from its operators cannot go on for ever."""
    world = a_world()
    trust = world.trust()

    assert refusal(Trust.begin(world.genesis), world.message(), world.now + shift) == code
    assert refusal(trust, world.message(world.dir_no), world.now + shift) == code
    with pytest.raises(Refused) as caught:
        trust.check_time(world.now + shift)
    assert caught.value.code == code
    edge = -5 * 60_000 if code == "directory-early" else 7 * DAY - 1
    trust.check_time(world.now + edge)


@pytest.mark.must("2.9.10")
def test_a_statement_that_expired_at_the_gateway_still_counts_for_a_reader() -> None:
    """`expires_at` binds the gateway alone: a reader may come months later."""
    world = a_world()
    world.now += 6 * DAY
    genesis_expired = world.entries[0].statement.expires_at_ms

    trust = Trust.begin(world.genesis).accept(world.message().encode(), world.now)

    assert genesis_expired < world.now
    assert trust.directory == world.newest


@pytest.mark.must("2.9.5")
@pytest.mark.parametrize("kind", [StatementKind.SUSPEND, StatementKind.OBJECT, StatementKind.PARTNER])
def test_a_reader_is_sent_no_other_statement(kind: StatementKind) -> None:
    """Who is admitted or stopped is nobody else's business."""
    world = a_world()
    other = signed(world.statement(kind, b""), *BOTH)

    assert refusal(world.trust(), only(other), world.now) == "statement-unexpected"


def test_a_reader_follows_a_change_of_roster() -> None:
    """Operators come and go; the genesis in the profile stays."""
    world = a_world()
    before = world.trust()
    world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    world.direct(by=("officer-3", "officer-4"))

    fresh, following = world.trust(), before.accept(world.message(before_no(before)).encode(), world.now)

    assert fresh.roster == following.roster == Roster.parse(NEXT)
    assert fresh.directory == following.directory == world.newest
    assert following.roster_link == world.control.roster_link


def before_no(trust: Trust) -> int:
    """The number a reader names in its Hello."""
    return trust.directory.dir_no if trust.directory else 0


@pytest.mark.must("2.9.4")
def test_a_roster_no_longer_in_force_signs_nothing_that_counts() -> None:
    """A removed operator keeps the key; it must open nothing."""
    world = a_world()
    world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    world.direct(by=("officer-3", "officer-4"))
    trust = world.trust()
    removed = directed(world, numbered(world, 9), roster=world.genesis)
    extended = directed(world, world.redated(), ("officer-1",), roster=world.genesis)

    assert refusal(trust, only(removed), world.now) == "roster-not-in-force"
    assert refusal(trust, only(extended), world.now) == "roster-not-in-force"


@pytest.mark.must("2.9.7")
def test_a_roster_counts_only_with_a_directory_under_it() -> None:
    """Else what the removed operators endorsed last would stay good for days."""
    world = a_world()
    trust = world.trust()
    proposed, applied = world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    repeated = directed(world, world.redated(), ("officer-3",))

    assert refusal(trust, only(proposed.signed, applied.signed), world.now) == "directory-missing"
    assert refusal(trust, only(proposed.signed, applied.signed, repeated), world.now) == "redate-base"


@pytest.mark.must("2.9.6")
def test_a_roster_without_its_proposal_is_refused() -> None:
    """The proposal carries the text and the signatures of the next operators."""
    world = a_world()
    trust = world.trust()
    _, applied = world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))

    assert refusal(trust, only(applied.signed), world.now) == "roster-proposal"


@pytest.mark.must("2.3.9")
def test_a_roster_before_its_wait_is_over_is_refused() -> None:
    """A reader sees the haste of a stolen quorum in the statements themselves."""
    world = a_world()
    trust = world.trust()
    proposed = world.apply(StatementKind.ROSTER_PROPOSE, NEXT, by=(*BOTH, "officer-3"))
    hasty = signed(
        world.statement(StatementKind.ROSTER, naming(proposed.signed), proposed_at_ms=world.now + DAY - 1), *BOTH
    )

    assert refusal(trust, only(proposed.signed, hasty), world.now) == "roster-too-soon"


@pytest.mark.must("2.3.8")
@pytest.mark.parametrize(
    ("signers", "code"), [(("officer-1",), "signatures-too-few"), (("officer-2", "officer-4"), "signer-unknown")]
)
def test_a_roster_is_confirmed_by_the_quorum_that_proposed_it(signers: tuple[str, ...], code: str) -> None:
    """The next operators do not put themselves in force."""
    world = a_world()
    trust = world.trust()
    proposed = world.apply(StatementKind.ROSTER_PROPOSE, NEXT, by=(*BOTH, "officer-3"))
    world.now += DAY
    confirmed = signed(world.statement(StatementKind.ROSTER, naming(proposed.signed)), *signers)

    assert refusal(trust, only(proposed.signed, confirmed), world.now) == code


@pytest.mark.must("2.3.7")
@pytest.mark.parametrize("signers", [BOTH, ("officer-3", "officer-4")], ids=["not the next", "not the present"])
def test_a_proposal_needs_the_quorum_of_both_rosters(signers: tuple[str, ...]) -> None:
    """Nobody is made an operator unasked, and nobody makes themselves one."""
    world = a_world()
    text = roster_text(operators=("officer-3", "officer-4", "officer-5"))
    proposal = signed(world.statement(StatementKind.ROSTER_PROPOSE, text), *signers)

    assert refusal(world.trust(), only(proposal), world.now) == "signatures-too-few"


@pytest.mark.must("2.9.4")
def test_what_an_older_roster_proposed_is_passed_over() -> None:
    """A fresh reader with a newer profile is sent the whole history and reads what it needs."""
    world = a_world()
    world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    world.direct(by=("officer-3", "officer-4"))
    anchored = Trust.begin(world.genesis, world.control.roster_link, NEXT)

    trust = anchored.accept(world.message().encode(), world.now)

    assert trust.directory == world.newest
    assert trust.roster_link == world.control.roster_link


@pytest.mark.must("2.9.4")
def test_a_profile_with_its_roster_is_not_shown_an_older_one() -> None:
    """A fresh reader could otherwise be led by operators who were removed long ago."""
    old, world = a_world(), a_world()
    world.change_roster(NEXT, proposed_by=(*BOTH, "officer-3"))
    anchored = Trust.begin(world.genesis, world.control.roster_link, NEXT)

    assert refusal(anchored, old.message(), old.now) == "roster-not-in-force"


def test_recovery_keys_replace_the_roster_and_nothing_else() -> None:
    """When operators' keys are lost the gateway is not; but a vault signs no directory."""
    world = a_world()
    text = roster_text(operators=("officer-7", "officer-8"))
    before = world.trust()
    world.change_roster(text, by=("vault-1", "vault-2"), proposed_by=("vault-1", "vault-2", "officer-7", "officer-8"))
    world.direct(by=("officer-7", "officer-8"))

    trust = before.accept(world.message(1).encode(), world.now)

    assert trust.roster == Roster.parse(text)
