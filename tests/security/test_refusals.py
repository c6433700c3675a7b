"""Threat: an error that repeats what it refuses carries payload into logs, answers and screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clients.operator.card import parse_card
from gateway.core.control.directory import parse_directory_message
from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.statement import parse_signatures, parse_statement
from gateway.core.errors import GatewayError
from gateway.core.ledger.receipt import parse_signed_receipt
from gateway.core.ledger.tick import parse_tick_message
from gateway.core.records.batch import SignedBatch
from gateway.core.records.states import parse_batch_item
from gateway.core.sealing.body import parse_body
from gateway.core.sealing.parcel import parse_parcel_header
from gateway.core.sealing.stream import SignedHello, StreamOpening
from tests.reference import recorded

CANARY = b"\xff\xfeCANARY-of-payload\xff\xfe"
STRUCTURES: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "statement": (recorded.octets("control.genesis_statement"), parse_statement),
    "signatures": (recorded.octets("control.suspend_signatures"), parse_signatures),
    "directory message": (recorded.octets("control.directory_message"), parse_directory_message),
    "bundle": (recorded.octets("control.enrolment_bundle"), parse_bundle),
    "card": (recorded.octets("control.card"), parse_card),
    "batch": (recorded.octets("origin.batch_0") + recorded.octets("origin.batch_0_signature"), SignedBatch.parse),
    "batch item": (recorded.octets("origin.parcel_plaintext_0"), parse_batch_item),
    "parcel": (recorded.octets("parcel.header"), parse_parcel_header),
    "hello": (recorded.octets("stream.hello") + recorded.octets("stream.hello_signature"), SignedHello.parse),
    "open": (recorded.octets("stream.open"), StreamOpening.parse),
    "body": (recorded.octets("frame.body"), parse_body),
    "tick message": (recorded.octets("ledger.tick_message_first"), parse_tick_message),
    "receipt": (recorded.octets("ledger.send_receipt"), parse_signed_receipt),
}


@pytest.mark.must("1.2.6")
@pytest.mark.parametrize("name", STRUCTURES)
def test_a_refusal_carries_none_of_the_bytes_it_refuses(name: str) -> None:
    """It names structure and field: enough to mend, nothing to steal."""
    octets, parse = STRUCTURES[name]
    refused = 0

    for at in [*range(0, min(len(octets), 400), 3), len(octets)]:
        planted = octets[:at] + CANARY + octets[at + len(CANARY) :]
        try:
            parse(planted)
        except GatewayError as error:
            refused += 1
            told = f"{error!r} {error} {error.to_json()}"
            assert "CANARY" not in told
            assert CANARY.hex() not in told.lower()

    assert refused
