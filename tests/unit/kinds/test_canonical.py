"""One message, one encoding: everything protobuf tolerates beside it is refused."""

from __future__ import annotations

import pytest
from sluice.v1.tactic_pb2 import TacticUnit

from gateway.core.errors import Refused
from gateway.core.kinds import canonical, check_portion, design_of, parse_portion
from gateway.core.suite.numbers import MAX_CONTENT_BYTES, Schema
from tests.unit.kinds import given

TELEMETRY, TACTIC = Schema.TELEMETRY_1, Schema.TACTIC_1
FIELD_1007 = bytes.fromhex("fa3e06736563726574")  # field 1007, wire type 2, six bytes
UNIT = bytes.fromhex("0a0141120142")  # unit_name "A", callsign "B"


def narrative(inner: bytes) -> bytes:
    """A tactic's observation around the bytes of its text."""
    return b"\x0a" + bytes([len(inner)]) + inner


MALLEABLE = {
    "an unknown field at the end": (TELEMETRY, 7, UNIT + FIELD_1007),
    "an unknown field at the start": (TELEMETRY, 7, FIELD_1007 + UNIT),
    "an unknown field inside a part": (TACTIC, 2, narrative(b"\x12\x01A" + FIELD_1007)),
    "an unknown group": (TELEMETRY, 7, UNIT + bytes.fromhex("fb3efc3e")),
    "an over-long varint": (TELEMETRY, 5, bytes.fromhex("0881001204000000002081800000")[:-1]),
    "an over-long tag": (TELEMETRY, 7, bytes.fromhex("8a000141")),
    "an over-long length": (TELEMETRY, 7, bytes.fromhex("0a810041")),
    "a scalar twice": (TELEMETRY, 7, bytes.fromhex("0a01420a0141")),
    "a part twice": (TACTIC, 2, narrative(b"\x12\x01A") + narrative(b"\x0a\x01A")),
    "fields in another order": (TELEMETRY, 7, UNIT[3:] + UNIT[:3]),
    "an explicit default": (TELEMETRY, 7, UNIT + bytes.fromhex("1a00")),
    "an explicit zero": (TACTIC, 2, narrative(b"\x12\x01A") + b"\x10\x00"),
    "an unpacked list": (TACTIC, 1, bytes.fromhex("08010802")),
    "a list packed in two pieces": (TACTIC, 1, bytes.fromhex("0a01010a0102")),
    "a bool that is not one": (TACTIC, 2, narrative(b"\x0a\x01A\x12\x01A") + b"\x10\x02"),
    "a number wider than its type": (TACTIC, 6, bytes.fromhex("2081808080801f")),
    "text that is no UTF-8": (TELEMETRY, 7, bytes.fromhex("0a01ff")),
    "bytes that end early": (TELEMETRY, 7, UNIT[:-1]),
    "a field number zero": (TELEMETRY, 7, bytes.fromhex("020141")),
    "another wire type": (TELEMETRY, 7, bytes.fromhex("0801")),
    "no protobuf at all": (TELEMETRY, 7, b"\xff" * 9),
}


@pytest.mark.must("8.1.2")
@pytest.mark.parametrize("what", MALLEABLE)
def test_a_second_encoding_is_refused(what: str) -> None:
    """Each tolerance is a place to hide bytes under the source's signature."""
    schema, slot, content = MALLEABLE[what]

    with pytest.raises(Refused) as refused:
        parse_portion(schema, slot, content)

    assert refused.value.code == "content-not-canonical"


def test_an_unknown_field_survives_protobuf_itself() -> None:
    """Why the discard is there: without it the round trip is equal and hides the field."""
    message = TacticUnit.FromString(UNIT + FIELD_1007)

    assert canonical.encode(message) == UNIT + FIELD_1007
    assert "secret" not in str(message)


@pytest.mark.must("8.6.1")
def test_an_unknown_enum_number_is_refused() -> None:
    """Enums are open to the parser and closed to us."""
    message = parse_portion(TACTIC, 1, bytes.fromhex("0a0163"))

    with pytest.raises(Refused) as refused:
        check_portion(TACTIC, 1, message)

    assert (refused.value.code, refused.value.at) == ("schema", "conditions.ew")


@pytest.mark.must("8.1.1")
def test_a_content_is_measured_before_it_is_parsed() -> None:
    """Four megabytes of small fields would become seventy in memory."""
    largest = b"\x0a" + b"\xfc\xff\x3f" + b"A" * (MAX_CONTENT_BYTES - 4)

    assert len(parse_portion(TELEMETRY, 7, largest).SerializeToString()) == MAX_CONTENT_BYTES
    with pytest.raises(Refused, match="at most") as refused:
        parse_portion(TELEMETRY, 7, largest + b"\xff")

    assert refused.value.code == "size"


def test_the_design_of_a_record_is_read_from_its_about() -> None:
    """A decision asks whether the agreement names the design."""
    assert design_of(TELEMETRY, given.about(design_id="FPV-7")) == "FPV-7"
    assert design_of(TELEMETRY, given.about()) == ""
    assert design_of(TACTIC, b"anything") == ""
    with pytest.raises(Refused):
        design_of(TELEMETRY, b"\xff")
