"""Everything operators sign and readers are sent: random and mutated bytes are refused by name, or are one structure.

Beside the parsers the two states are fuzzed: no message moves a reader's trust and no entry moves CONTROL except one
that says the very same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.control.agreement import Agreement
from gateway.core.control.directory import parse_dir, parse_directory_message, parse_endorsement
from gateway.core.control.endorsing import encode_endorsement_list, parse_endorsement_list
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.entry import parse_entry
from gateway.core.control.guide import Guide
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.roster import Roster
from gateway.core.control.scope import Scope
from gateway.core.control.source import SourceAdmission
from gateway.core.control.statement import encode_signatures, parse_signatures, parse_statement
from gateway.core.control.succession import named_proposal
from gateway.core.control.suspension import AgreementEnd, Lift, Objection, Suspension
from gateway.core.control.texts import line_of, read_text
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from gateway.core.labels.vocabulary import Vocabulary
from tests.fuzz.test_parsers import mutated
from tests.unit.control.given import roster_text
from tests.unit.control.world import (
    GUIDE,
    UKR,
    a_world,
    agreement_text,
    naming,
    partner_bundle,
    partner_text,
    source_text,
)

WORLD = a_world()
DIRECTED = WORLD.entries[-1]
MESSAGE = WORLD.message()
VOCABULARIES = {"UKR.1": Vocabulary.parse(UKR)}
REASON = b'reason = "a reason"\n'


def parse_guide(text: bytes) -> Guide:
    """A guide under the vocabulary there is."""
    return Guide.parse(text, VOCABULARIES)


@dataclass(frozen=True)
class Parser:
    """Good bytes to start from, the parser, and how the result spells itself, where it has an encoding."""

    octets: bytes
    parse: Callable[[bytes], object]
    again: Callable[[bytes], bytes] | None = None


PARSERS: dict[str, Parser] = {
    "statement": Parser(
        WORLD.entries[1].statement.encode(), parse_statement, lambda octets: parse_statement(octets).encode()
    ),
    "signatures": Parser(
        encode_signatures(WORLD.entries[1].signed.signatures),
        parse_signatures,
        lambda octets: encode_signatures(parse_signatures(octets)),
    ),
    "endorsement": Parser(
        MESSAGE.shown[0].endorsement.encode(), parse_endorsement, lambda octets: parse_endorsement(octets).encode()
    ),
    "dir": Parser(WORLD.newest.encode(), parse_dir, lambda octets: parse_dir(octets).encode()),
    "directory message": Parser(
        MESSAGE.encode(), parse_directory_message, lambda octets: parse_directory_message(octets).encode()
    ),
    "endorsement list": Parser(
        DIRECTED.attachments[0],
        parse_endorsement_list,
        lambda octets: encode_endorsement_list(parse_endorsement_list(octets)),
    ),
    "entry": Parser(DIRECTED.encode(), parse_entry, lambda octets: parse_entry(octets).encode()),
    "bundle": Parser(partner_bundle().encoded, parse_bundle, lambda octets: parse_bundle(octets).encoded),
    "scope": Parser(b"telemetry,tactic//REAL,TEST", lambda octets: Scope.parse(octets.decode("latin-1"))),
    "roster": Parser(roster_text(), Roster.parse),
    "source": Parser(source_text(), SourceAdmission.parse),
    "partner": Parser(partner_text(), PartnerAdmission.parse),
    "agreement": Parser(agreement_text(), Agreement.parse),
    "guide": Parser(GUIDE, parse_guide),
    "suspension": Parser(b'target = "partner/usa/arl"\n' + REASON, Suspension.parse),
    "lift": Parser(b'target = "source/src-3f07"\n' + REASON, Lift.parse),
    "objection": Parser(naming(DIRECTED.signed) + REASON, Objection.parse),
    "end": Parser(b'agreement = "UA-1"\n' + REASON, AgreementEnd.parse),
    "confirmation": Parser(naming(DIRECTED.signed), named_proposal),
}


def refusal_of(call: Callable[[], object], *families: type[GatewayError]) -> GatewayError | None:
    """The refusal of one of the families that the call ends in, None if it ends well; any other error is the test's."""
    try:
        call()
    except families as refusal:
        return refusal
    return None


def check_taken_or_refused(parser: Parser, octets: bytes) -> None:
    """The parser refuses by name, or what it took is the whole of `octets` and nothing else."""
    refusal = refusal_of(lambda: parser.parse(octets), Refused, CallerError)

    if refusal is None and parser.again is not None:
        assert parser.again(octets) == octets
    assert refusal is None or (refusal.code and refusal.message)


@pytest.mark.parametrize("name", PARSERS)
def test_the_bytes_a_parser_starts_from_are_taken(name: str) -> None:
    """A fuzzer that starts from what is refused anyway tests nothing."""
    PARSERS[name].parse(PARSERS[name].octets)

    check_taken_or_refused(PARSERS[name], PARSERS[name].octets)


@pytest.mark.must("1.2.1", "1.2.3", "1.2.4")
@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60)
@given(data=st.data())
def test_mutated_bytes_are_refused_by_name_or_are_one_structure(name: str, data: st.DataObject) -> None:
    """No input makes anything but a refusal of the tree, and none is read in two ways."""
    check_taken_or_refused(PARSERS[name], data.draw(mutated(PARSERS[name].octets)))


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=20)
@given(octets=st.binary(max_size=400))
def test_random_bytes_are_refused_by_name_or_are_one_structure(name: str, octets: bytes) -> None:
    """The same for bytes that never were anything."""
    check_taken_or_refused(PARSERS[name], octets)


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
    octets, moved = data.draw(mutated(MESSAGE.encode())), []

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
@given(data=st.data())
def test_a_mutated_kept_trust_is_a_fault_by_name_or_the_same(data: st.DataObject) -> None:
    """What a reader keeps is its own: damage is a fault, and never another state read in silence."""
    octets = data.draw(mutated(WORLD.trust().encode()))

    fault = refusal_of(lambda: Trust.decode(octets), Fault)

    assert fault is None or fault.code == "trust-unreadable"
    assert fault is not None or Trust.decode(octets).encode() == octets
