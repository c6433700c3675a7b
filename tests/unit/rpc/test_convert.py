"""Laws of the one-field wrapper: one encoding a message, the same as protobuf's."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.v1 import publish_pb2

from gateway.core.errors import CallerError
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.rpc.convert import unwrap, wrap

LENGTHS = [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_wrapped_is_what_protobuf_writes_and_reads(length: int) -> None:
    """At every length of the length."""
    message = b"x" * length

    assert wrap(message) == publish_pb2.PublishRequest(message=message).SerializeToString()
    assert publish_pb2.PublishRequest.FromString(wrap(message)).message == message
    assert unwrap(wrap(message)) == message


@given(st.binary(max_size=300))
def test_unwrap_takes_back_what_wrap_made_and_nothing_else(encoded: bytes) -> None:
    """Any other bytes are refused, or are the one encoding of what they say."""
    taken = b""
    with suppress(CallerError):
        taken = wrap(unwrap(encoded))

    assert taken in {b"", encoded}


def test_the_bound_is_on_the_whole_message() -> None:
    """What gRPC would let through by a byte is refused here."""
    head = len(wrap(bytes(MAX_MESSAGE_BYTES // 2))) - MAX_MESSAGE_BYTES // 2

    assert len(unwrap(wrap(bytes(MAX_MESSAGE_BYTES - head)))) == MAX_MESSAGE_BYTES - head
    with pytest.raises(CallerError):
        unwrap(wrap(bytes(MAX_MESSAGE_BYTES - head + 1)))
