"""States under hostile input: no message moves a reader's trust, and no entry CONTROL or a ledger, in silence.

What the parsers before them refuse is `test_every_parser`'s; here a change that parses must still change nothing except
what was signed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.control.entry import parse_entry
from gateway.core.control.texts import line_of, read_text
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from tests.fuzz.mutation import Octets
from tests.unit.control.world import a_world
from tests.unit.ledger.honest import a_gateway

WORLD = a_world()
MESSAGE = WORLD.message().encode()


def mutated(octets: bytes) -> st.SearchStrategy[bytes]:
    """The octets with one to four changes."""
    grammar = Octets([octets])
    return st.integers(0, 2**64 - 1).map(lambda seed: grammar.mutant(Random(seed), grammar.moves, 4))


def refusal_of(call: Callable[[], object], *families: type[GatewayError]) -> GatewayError | None:
    """The refusal of one of the families that the call ends in, None if it ends well; any other error is the test's."""
    try:
        call()
    except families as refusal:
        return refusal
    return None


@settings(max_examples=100)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever can be typed into an editor is an error with a place, or a table."""
    octets = text.encode("utf-8", "surrogatepass")

    refusal = refusal_of(lambda: read_text(octets, "paper", {"id"}), CallerError)

    assert refusal is None or refusal.code in {"text-malformed", "text-unknown-key"}
    assert refusal is not None or line_of(octets, "", "absent from it") is None


@pytest.mark.must("1.2.5", "2.9.1")
@settings(max_examples=80)
@given(data=st.data())
def test_no_mutated_message_moves_a_readers_trust(data: st.DataObject) -> None:
    """A reader is where operators put it, or it has refused."""
    octets, moved = data.draw(mutated(MESSAGE)), []

    refusal = refusal_of(
        lambda: moved.append(Trust.begin(WORLD.genesis).accept(octets, WORLD.now)), Refused, CallerError
    )

    honest = WORLD.trust()
    assert len(moved) == (refusal is None)
    for trust in moved:
        assert (trust.roster, trust.directory) == (honest.roster, honest.directory)
        assert all(honest.endorsed[place] == found for place, found in trust.endorsed.items())


@pytest.mark.must("1.2.5", "2.4.1")
@settings(max_examples=80)
@given(data=st.data())
def test_no_mutated_entry_moves_control(data: st.DataObject) -> None:
    """What is applied is what operators signed; only the gateway's own time beside it is not theirs."""
    world = a_world()
    honest = world.copy().suspend()
    octets, moved = data.draw(mutated(honest.encode())), []

    refusal = refusal_of(lambda: moved.append(world.control.apply(parse_entry(octets))), Refused, CallerError)

    assert len(moved) == (refusal is None)
    for control in moved:
        assert control.head == honest.statement.link
        assert control.suspended == {"partner/usa/arl"}


@settings(max_examples=60)
@given(data=st.data(), kind=st.integers(0, 5))
def test_a_mutated_journal_entry_is_taken_or_is_a_fault_by_name(data: st.DataObject, kind: int) -> None:
    """A damaged ledger stops a gateway with a name, never with a traceback."""
    gateway = a_gateway(b"a")
    entry = gateway.journal[data.draw(st.integers(0, len(gateway.journal) - 1))][1]

    octets = data.draw(mutated(entry))

    fault = refusal_of(lambda: gateway.commit(kind, octets), Fault)
    assert fault is None or fault.code == "journal-damaged"
