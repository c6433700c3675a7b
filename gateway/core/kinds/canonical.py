"""One message, one encoding: parse, discard what is unknown, encode again, and the bytes must be equal.

Protobuf readers accept over-long varints, repeated scalars, any order, explicit defaults and unknown fields, and
unknown fields survive parsing and encoding unseen. Each is a channel for hidden bytes under the source's signature, so
none is let through. Without the discard unknown fields would survive the round trip and compare equal: it is tested.
Source: SPEC.md section 8.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from gateway.core.errors import Refused
from gateway.core.suite.numbers import MAX_CONTENT_BYTES

AnyMessage = TypeVar("AnyMessage", bound=Message)


def encode(message: Message) -> bytes:
    """The canonical bytes."""
    return message.SerializeToString(deterministic=True)


def read(message_class: type[AnyMessage], content: bytes, at: str) -> AnyMessage:
    """The message of a content that was checked before; refuses `content-not-canonical` if it does not parse."""
    try:
        return message_class.FromString(content)
    except DecodeError as error:
        raise Refused("content-not-canonical", "the content does not parse as its schema's message", at=at) from error


def parse(message_class: type[AnyMessage], content: bytes, at: str) -> AnyMessage:
    """The message whose canonical encoding is `content`; at most 1 MiB.

    Refuses `size` before parsing, `content-not-canonical` for anything that is not those bytes.
    """
    if len(content) > MAX_CONTENT_BYTES:
        raise Refused("size", f"a content has at most {MAX_CONTENT_BYTES} bytes, {len(content)} came", at=at)
    message = read(message_class, content, at)
    message.DiscardUnknownFields()
    if encode(message) != content:
        raise Refused("content-not-canonical", "the content is not its message's one encoding", at=at)
    return message
