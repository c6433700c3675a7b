"""A request to restore as a file: one encoding, behind a RESTORE nothing that widens, and what a floor says is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.restore import NO_INCARNATION, Restore
from gateway.core.control.restoring import Lost, RestoreRequest, check_proposed, lost_facts, lost_since
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Refused
from gateway.core.suite.numbers import StatementKind
from gateway.core.suite.octets import lp8, lp16
from tests.unit.control.given import octets, signed
from tests.unit.control.world import World, a_world

OLD, NEW, OTHER = (octets(f"life {number}", 16) for number in range(3))
LOCK = b'target = "gateway"\nreason = "the disk failed"\n'


def a_request(world: World, *behind: SignedStatement, **changed: object) -> RestoreRequest:
    """A request that one officer has signed; the floor has seen three ticks and two statements more."""
    body = Restore(OLD, NEW, 6, octets("a tick", 48)).encode()
    restoring = signed(world.statement(StatementKind.RESTORE, body), "officer-1")
    position = world.control.position
    request = RestoreRequest(
        OLD, 10, position + 2, 7, tuple(world.entries), (restoring, *behind), {"officer-1": "the disk failed"}
    )
    return replace(request, **changed)  # type: ignore[arg-type]  # fields of a request


@pytest.fixture(scope="module")
def world() -> World:
    """Statements up to the backup."""
    return a_world()


def test_a_request_is_read_back_as_it_was_written(world: World) -> None:
    """Two persons sign one file, and nobody carries what the other did not."""
    lockdown = signed(world.statement(StatementKind.LOCKDOWN, LOCK), "officer-1")
    unsigned = SignedStatement(world.statement(StatementKind.LOCKDOWN, LOCK), ())
    for request in (
        a_request(world, lockdown, unsigned),
        a_request(world, reasons={}),
        a_request(world, ran_last=NO_INCARNATION, ticks=0, statements=0),
    ):
        assert RestoreRequest.parse(request.encode()) == request
    assert a_request(world).restore == Restore(OLD, NEW, 6, octets("a tick", 48))


def test_what_a_person_signs_is_added_with_the_reason(world: World) -> None:
    """Reasons are kept by name, so that the second person reads the first one's."""
    request = a_request(world)

    after = request.signed(request.proposed, "officer-2", "seen")

    assert after.reasons == {"officer-1": "the disk failed", "officer-2": "seen"}


@pytest.mark.parametrize(
    ("tail", "field"),
    [
        (lp8(b"officer-9") + lp16(b"\xff"), "reason"),
        (lp8(b"officer-9") + lp16("\u202e".encode()), "reason"),
        (lp8(b"no name!") + lp16(b"x"), "operator"),
        (b"".join(lp8(b"clerk-%d" % number) + lp16(b"x") for number in range(64)), "end"),
        (lp8(b"officer-1") + lp16(b"again"), "operator"),
    ],
)
def test_a_reason_that_could_not_be_shown_is_refused(world: World, tail: bytes, field: str) -> None:
    """It is printed beside what is signed."""
    with pytest.raises(Refused) as caught:
        RestoreRequest.parse(a_request(world).encode() + tail)

    assert caught.value.at.startswith(f"restore request.{field}")


def test_a_request_without_a_past_or_without_a_restore_is_refused(world: World) -> None:
    """There would be nothing to verify, or nothing to sign."""
    for changed in ({"entries": ()}, {"proposed": ()}):
        with pytest.raises(Refused) as caught:
            RestoreRequest.parse(a_request(world, **changed).encode())
        assert caught.value.code == "malformed"


@pytest.mark.must("2.12.7")
def test_behind_a_restore_stands_only_what_one_person_may_do(world: World) -> None:
    """What widens is proposed while a gateway runs, where everybody sees it."""
    lift = signed(world.statement(StatementKind.LIFT, LOCK), "officer-1", "officer-2")
    with pytest.raises(Refused) as caught:
        RestoreRequest.parse(a_request(world, lift).encode())
    assert caught.value.code == "restore-behind"

    with pytest.raises(Refused) as caught:
        check_proposed([lift])
    assert caught.value.code == "restore-expected"


def test_what_was_lost_is_what_the_floor_has_seen_more(world: World) -> None:
    """At least so much; of another incarnation everything, and without a floor nobody knows."""
    position = world.control.position
    lost = a_request(world).lost

    assert lost is not None
    assert (lost.incarnation, lost.ticks, lost.statements) == (OLD, range(7, 10), range(position, position + 2))
    assert a_request(world, ran_last=NO_INCARNATION).lost is None
    of_other = a_request(world, ran_last=OTHER).lost
    assert of_other is not None
    assert (of_other.incarnation, of_other.ticks) == (OTHER, range(10))
    less = lost_since(OLD, 3, 2, OLD, 7, 9)
    assert (list(less.ticks), list(less.statements)) == ([], [])


def test_what_was_lost_is_told_by_its_ends_and_as_null_where_nobody_knows() -> None:
    """No floor, and nothing of a kind, are two answers, and neither is a number."""
    lost = Lost(OLD, range(7, 10), range(2, 3))

    assert lost_facts(None) is None
    assert lost_facts(lost) == {
        "incarnation": OLD.hex(),
        "ticks": {"from": 7, "to": 9},
        "statements": {"from": 2, "to": 2},
    }
    assert lost_facts(replace(lost, ticks=range(7, 7))) == {
        "incarnation": OLD.hex(),
        "ticks": None,
        "statements": {"from": 2, "to": 2},
    }
