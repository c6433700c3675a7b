"""Threat: one operator, or one operator's stolen key, widens something by a statement that is meant to deny.

Each statement of one signature is tried on everything that operators stopped before; what was stopped stays stopped,
and what is given back takes the quorum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from gateway.core.control.endorsing import encode_endorsement_list
from gateway.core.control.fold import Control
from gateway.core.control.keystates import key_states
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import KeyState, StatementKind
from tests.unit.control.given import digest_of
from tests.unit.control.world import (
    World,
    a_world,
    partner_bundle,
    partner_text,
    source_bundle,
    source_text,
)

KEY = digest_of("src-3f07")
EVE = ("officer-3",)


def refusal(world: World, apply: Callable[[], object]) -> str:
    """The code of the refusal, which changes nothing."""
    before = world.control
    with pytest.raises(GatewayError) as caught:
        apply()
    assert world.control is before
    return caught.value.code


def no_better(before: Control, after: Control) -> bool:
    """Whether no key is in a better state than before."""
    known = key_states(before)
    return all(state >= known.get(digest, KeyState.ACTIVE) for digest, state in key_states(after).items())


STOPPED: dict[str, Callable[[World], object]] = {
    "tainted": lambda world: world.taint(KEY),
    "revoked": lambda world: world.revoke(KEY),
    "followed": lambda world: world.rotate(),
    "suspended": lambda world: world.suspend("source/src-3f07"),
    "held": lambda world: world.hold("agreement/UA-US-2026-014"),
    "locked": lambda world: world.lock(),
}
TRIED: dict[str, Callable[[World], object]] = {
    "a re-date": lambda world: world.redate(by=EVE),
    "a directory": lambda world: world.direct(by=EVE),
    "a lift of the key": lambda world: world.apply(
        StatementKind.LIFT, f'target = "key/{KEY}"\nreason = "x"\n'.encode(), by=EVE
    ),
    "a lift of the party": lambda world: world.apply(
        StatementKind.LIFT, b'target = "source/src-3f07"\nreason = "x"\n', by=EVE
    ),
    "a lift of the hold": lambda world: world.apply(
        StatementKind.LIFT, b'target = "agreement/UA-US-2026-014"\nreason = "x"\n', by=EVE
    ),
    "a lift of the lockdown": lambda world: world.apply(
        StatementKind.LIFT, b'target = "gateway"\nreason = "x"\n', by=EVE
    ),
    "a time": lambda world: world.apply(
        StatementKind.TIME,
        b'from = 2026-05-28T20:00:00Z\nuntil = 2026-05-28T21:00:00Z\nreason = "x"\n',
        by=EVE,
    ),
    "a lockdown": lambda world: world.lock(by=EVE),
    "a revocation": lambda world: world.revoke(KEY, by=EVE),
    "the source again": lambda world: world.apply(
        StatementKind.SOURCE, source_text(scope="telemetry//REAL"), source_bundle().encoded, by=EVE
    ),
    "a partner again": lambda world: world.apply(
        StatementKind.PARTNER,
        partner_text(clearance='[clearance.UKR]\nlevel = "TST"\nREL = ["USA"]\n'),
        partner_bundle().encoded,
        by=EVE,
    ),
}


@pytest.mark.must("2.3.5", "2.8.18")
@pytest.mark.parametrize("tried", TRIED)
@pytest.mark.parametrize("stopped", STOPPED)
def test_one_operator_gives_nothing_back(stopped: str, tried: str) -> None:
    """Whatever one signature may do afterwards, no key, party or right is more than it was."""
    world = a_world()
    STOPPED[stopped](world)
    before = world.control

    try:
        TRIED[tried](world)
    except GatewayError:
        assert world.control is before

    after = world.control
    assert no_better(before, after)
    assert before.suspended <= after.suspended
    assert before.tainted <= after.tainted
    assert before.revoked <= after.revoked
    assert before.held <= after.held
    assert before.is_locked <= after.is_locked
    assert (before.sources, before.partners) == (after.sources, after.partners)


def test_a_directory_drafted_before_a_taint_cannot_be_pushed_through_behind_it() -> None:
    """Eve has the quorum's list from an hour ago; her own signature and one hurried colleague's are not enough."""
    world = a_world()
    listed = world.listed()
    world.taint(KEY, by=("officer-1",))
    body = world.dir_of(listed, world.dir_no + 1).encode()

    for by in (EVE, ("officer-2", *EVE)):
        entry = world.entry(StatementKind.DIRECTORY, body, encode_endorsement_list(listed), by=by)
        assert refusal(world, partial(world.take, entry)) in {"signatures-too-few", "endorsement-state"}


def test_a_taint_is_no_way_to_stop_the_other_operators() -> None:
    """Their keys are no party's: they go by a roster, which takes a quorum and a waiting time."""
    world = a_world()

    for officer in ("officer-1", "officer-2", "vault-1"):
        assert refusal(world, partial(world.taint, digest_of(officer), EVE)) == "key-unknown"


def test_a_lift_that_was_signed_for_one_stop_does_not_fit_the_next() -> None:
    """A replayed approval is of another head."""
    world = a_world()
    world.taint(KEY)
    lifted = world.lift(f"key/{KEY}")
    world.taint(KEY)

    assert refusal(world, lambda: world.take(lifted)) == "stale-change"
