"""What the lists of parsers are made of: an entry names the public functions it covers and builds its subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.fuzz.engine import Subject
from tests.reference import recorded


@dataclass(frozen=True)
class Entry:
    """covers: the public functions that the subject puts inputs through; build: made on demand, keys are not free."""

    covers: tuple[Callable[..., object], ...]
    build: Callable[[], Subject]


class Encodable(Protocol):
    """A structure that knows its one encoding."""

    def encode(self) -> bytes:
        """The bytes it was read from."""
        ...


def encoded(value: Encodable, _octets: bytes) -> bytes:
    """How most structures write themselves back."""
    return value.encode()


def vectors(*names: str) -> tuple[bytes, ...]:
    """Valid inputs from protos/vectors."""
    return tuple(recorded.octets(name) for name in names)


def worded(octets: bytes) -> str:
    """The text of any octets, for parsers that are given a `str`; `octets_of` undoes it."""
    return octets.decode("utf-8", "surrogateescape")


def octets_of(text: str) -> bytes:
    """The octets that `worded` read."""
    return text.encode("utf-8", "surrogateescape")
