"""What tests of lying gateways share: a gateway that was honest once, and a partner that never listened to anybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.suite.numbers import RecordKind
from tests.loopback import Loopback, a_segment, a_tactic
from tests.security.listener import Listener
from tests.truth import Truth


@pytest.fixture(scope="session")
def honest_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Two partners, two sources; a batch of two tracks, then one of a tactic."""
    world = Loopback(tmp_path_factory.mktemp("world"))
    try:
        world.start("usa/arl", "gbr/dstl", sources=("src-3f07", "src-91c2"))
        world.publish(RecordKind.TELEMETRY, a_segment(), a_segment())
        world.publish(RecordKind.TACTIC, a_tactic())
        yield world
    finally:
        world.close()


@pytest.fixture(scope="session")
def truth(honest_world: Loopback) -> Truth:
    """Everything the real gateway knows."""
    return Truth.of(honest_world)


@pytest.fixture
def partner(honest_world: Loopback, truth: Truth, tmp_path: Path) -> Listener:
    """A partner that has never listened to anybody."""
    return Listener(honest_world, truth, tmp_path / "state")
