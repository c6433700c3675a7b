"""The hot messages: one protobuf `bytes` field, handled without a protobuf object.

Publish and Follow carry a single field number 1 of type bytes. The wrapper is written and read here by hand, so that a
frame is copied once; what does not have exactly this shape is refused. Source: SPEC.md sections 3 and 4.
"""

from __future__ import annotations

from gateway.core.errors import CallerError
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES

_FIELD_1_BYTES = 0x0A


def wrap(message: bytes) -> bytes:
    """The protobuf encoding of a message whose field 1 is `message`."""
    length, prefix = len(message), bytearray((_FIELD_1_BYTES,))
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + message


def unwrap(encoded: bytes) -> bytes:
    """Field 1 of `encoded`; refuses `malformed` on any other field, a spare byte or an over-long length."""
    if len(encoded) > MAX_MESSAGE_BYTES or encoded[:1] != b"\x0a":
        raise CallerError("malformed", f"a message is one bytes field of at most {MAX_MESSAGE_BYTES} bytes")
    length, offset = 0, 1
    for shift in (0, 7, 14, 21):
        if offset >= len(encoded):
            break
        byte = encoded[offset]
        offset += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    message = encoded[offset:]
    if len(message) != length or wrap(message) != encoded:
        raise CallerError("malformed", "a message is exactly one bytes field in its shortest encoding")
    return message
