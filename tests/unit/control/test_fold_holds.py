"""Laws of the fold: what one operator holds back or stops, and what only the quorum lets go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.core.control.hold import Hold, Lockdown
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.world import World, a_world

BATCH = "ab" * 48
HELD = ["agreement/UA-US-2026-014", f"batch/{BATCH}", f"record/{BATCH}.0", f"record/{BATCH}.255"]


def refusal(apply: Callable[[], object]) -> str:
    """The code with which the gateway refuses."""
    with pytest.raises(GatewayError) as caught:
        apply()
    return caught.value.code


@pytest.mark.parametrize("target", HELD)
def test_one_operator_holds_and_the_quorum_lets_go(target: str) -> None:
    """Whoever sees what should not go out need not look for a second person first."""
    world = a_world()

    world.hold(target, by=("officer-3",))

    assert world.control.held == {target}
    lift = f'target = "{target}"\nreason = "looked at"\n'.encode()
    assert refusal(lambda: world.apply(StatementKind.LIFT, lift, by=("officer-3",))) == "signatures-too-few"
    world.lift(target)
    assert world.control.held == frozenset()
    assert refusal(lambda: world.lift(target)) == "nothing-to-change"


@pytest.mark.parametrize(
    "target",
    [
        "gateway",
        "partner/usa/arl",
        "batch/ab",
        f"batch/{BATCH.upper()}",
        f"record/{BATCH}",
        f"record/{BATCH}.256",
        f"record/{BATCH}.01",
        "agreement/",
        "record",
    ],
)
def test_a_hold_of_something_else_is_refused(target: str) -> None:
    """A misspelt name must not look like a record that is held."""
    assert refusal(lambda: Hold.parse(f'target = "{target}"\nreason = "x"\n'.encode())) == "text-value"


@pytest.mark.parametrize("target", ["", "gateway/", "all", "gateway/ua-gw"])
def test_a_lockdown_has_one_spelling(target: str) -> None:
    """In a hurry there is one thing to write, and it is the same for whoever lifts it."""
    assert refusal(lambda: Lockdown.parse(f'target = "{target}"\nreason = "x"\n'.encode())) == "text-value"


def test_a_hold_of_an_agreement_that_is_not_in_force_is_refused() -> None:
    """What has ended needs no hold, and what is not there cannot have one."""
    world = a_world()
    assert refusal(lambda: world.hold("agreement/UA-1")) == "agreement-unknown"
    world.apply(StatementKind.END, b'agreement = "UA-US-2026-014"\nreason = "over"\n')

    assert refusal(lambda: world.hold("agreement/UA-US-2026-014")) == "nothing-to-change"


@pytest.mark.must("2.4.10")
def test_a_hold_and_a_lockdown_change_something() -> None:
    """Twice is a misunderstanding."""
    world = a_world()
    world.hold(HELD[0])
    world.lock()

    assert refusal(lambda: world.hold(HELD[0])) == "nothing-to-change"
    assert refusal(world.lock) == "nothing-to-change"


def test_a_lockdown_stops_every_party_until_the_quorum_lifts_it() -> None:
    """What was suspended before stays suspended after."""
    world = a_world()
    world.suspend("source/src-3f07")

    world.lock(by=("officer-1",))

    parties = ["partner/usa/arl", "partner/gbr/dstl", "source/src-3f07", "source/src-91c2"]
    assert all(map(world.control.is_stopped, parties))
    world.direct()
    lift = b'target = "gateway"\nreason = "over"\n'
    assert refusal(lambda: world.apply(StatementKind.LIFT, lift, by=("officer-1",))) == "signatures-too-few"
    world.lift("gateway")
    assert [party for party in parties if world.control.is_stopped(party)] == ["source/src-3f07"]
    assert refusal(lambda: world.lift("gateway")) == "nothing-to-change"


def test_a_lockdown_retires_no_key() -> None:
    """It is over with a LIFT; a directory signed meanwhile must not outlast it."""
    world: World = a_world()
    world.lock()

    assert {one.state.name for one, _ in world.listed()} == {"ACTIVE"}


OTHER = "cd" * 48


@pytest.mark.parametrize("target", [f"fork/{BATCH}", f"fork/{BATCH}/{BATCH}", f"fork/{BATCH}/{OTHER}/", "fork/"])
def test_a_fork_is_named_by_two_batches(target: str) -> None:
    """A LIFT that names one could be read as a permit for the other."""
    world = a_world()

    assert refusal(lambda: world.lift(target)) == "text-value"


@pytest.mark.must("2.4.10")
def test_a_fork_is_settled_once() -> None:
    """The state keeps which two it was."""
    world = a_world()

    world.lift(f"fork/{BATCH}/{OTHER}")

    assert world.control.settled == {(bytes.fromhex(BATCH), bytes.fromhex(OTHER))}
    assert refusal(lambda: world.lift(f"fork/{BATCH}/{OTHER}")) == "nothing-to-change"
