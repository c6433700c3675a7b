"""Messages that are right by themselves and wrong where they stand: the product refuses the last, with its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from gateway.core.control.trust import Trust
from gateway.core.errors import GatewayError
from tests.reference import recorded

SCENARIOS = [name for name in recorded.names() if name.startswith("scenarios.")]


class Taker(Protocol):
    """One reader: takes a step or refuses it."""

    def take(self, step: dict[str, Any], message: bytes) -> None:
        """The next message, with what the step says of it."""
        ...


class TrustTaker:
    """A reader of directories."""

    def __init__(self, setup: dict[str, Any]) -> None:
        roster = [recorded.bytes_of(setup[name]) for name in ("roster_link", "roster_text") if name in setup]
        self.trust = Trust.begin(recorded.bytes_of(setup["genesis"]), *roster)

    def take(self, step: dict[str, Any], message: bytes) -> None:
        """A directory message."""
        self.trust = self.trust.accept(message, step["now"])


TAKERS: dict[str, Callable[[dict[str, Any]], Taker]] = {"trust": TrustTaker}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_as_it_says(name: str) -> None:
    """All its messages but the last are accepted, and the last where it says no code."""
    scenario = recorded.entry(name)
    *before, last = scenario["steps"]
    taker = TAKERS[scenario["reader"]](scenario["setup"])
    for step in before:
        taker.take(step, recorded.bytes_of(step["message"]))

    code = None
    try:
        taker.take(last, recorded.bytes_of(last["message"]))
    except GatewayError as error:
        code = error.code

    assert code == scenario["code"]
