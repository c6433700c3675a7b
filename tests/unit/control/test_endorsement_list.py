"""Laws of the endorsement list: what travels beside a DIRECTORY is read one way only."""

from __future__ import annotations

import pytest

from gateway.core.control.endorsing import encode_endorsement_list, parse_endorsement_list
from gateway.core.errors import Refused
from gateway.core.suite.numbers import StatementKind
from gateway.core.suite.octets import u16
from tests.unit.control.world import UKR_2, a_world


@pytest.mark.must("1.2.2", "1.2.3")
@pytest.mark.parametrize("encoded", [b"", u16(0), u16(4097), u16(1), u16(1) + b"\x00\x00" + bytes(4)])
def test_an_endorsement_list_out_of_bounds_is_malformed(encoded: bytes) -> None:
    """A directory endorses something, and what it endorses can be read."""
    with pytest.raises(Refused) as caught:
        parse_endorsement_list(encoded)

    assert caught.value.code == "malformed"


def test_an_endorsement_list_has_one_encoding() -> None:
    """What operators looked at is what the gateway checks."""
    world = a_world()
    world.apply(StatementKind.VOCABULARY, UKR_2)
    listed = world.listed()

    assert parse_endorsement_list(encode_endorsement_list(listed)) == listed
    with pytest.raises(Refused):
        parse_endorsement_list(encode_endorsement_list(listed) + b"\x00")
