"""How a valid input is bent: moves over octets, over the tokens of a text, and over the fields of a protobuf message.

A `Grammar` is made once from valid inputs and then derives any number of others from a seeded `random.Random`: most of
them close to valid, so that they reach the checks behind the first one, some of them extreme or noise. Which moves may
be made is the caller's choice for each round: a round that only ever stretches lengths goes deeper than one that does
everything at once (swarm testing, Groce et al. 2012).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

BOUNDARIES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF, 2**63, 2**64 - 1)
# The longest input that is made: a little over the longest that any parser has to look at as a whole.
LONGEST = 1 << 18
_MOST_SITES = 256


class Grammar(Protocol):
    """What a kind of inputs is made of."""

    @property
    def moves(self) -> tuple[str, ...]:
        """The names of the moves."""
        ...

    def mutant(self, rng: Random, moves: Sequence[str], depth: int) -> bytes:
        """An input made from a valid one by 1 to `depth` of the `moves`."""
        ...


def sites(octets: bytes) -> list[tuple[int, int, int]]:
    """(place, width, value) wherever a big-endian integer of 1, 2 or 4 bytes could be the length of what follows."""
    found: dict[int, list[tuple[int, int, int]]] = {1: [], 2: [], 4: []}
    for width, places in found.items():
        for place in range(min(len(octets) - width, 4096 if width > 1 else 256)):
            value = int.from_bytes(octets[place : place + width], "big")
            if 0 < value <= len(octets) - place - width:
                places.append((place, width, value))
    return [site for places in found.values() for site in places[:_MOST_SITES]]


class Octets:
    """Inputs of fixed layouts: lengths, counts, hashes, signatures."""

    def __init__(self, examples: Sequence[bytes]) -> None:
        self.examples = tuple(examples)
        self._sites = {example: sites(example) for example in self.examples}
        self._moves: dict[str, Callable[[Random, bytearray, bytes], None]] = {
            "flip": self._flip,
            "set": self._set,
            "cut": self._cut,
            "drop": self._drop,
            "insert": self._insert,
            "repeat": self._repeat,
            "swap": self._swap,
            "integer": self._integer,
            "length": self._length,
            "stretch": self._stretch,
            "splice": self._splice,
            "keep-head": self._keep_head,
            "noise": self._noise,
        }

    @property
    def moves(self) -> tuple[str, ...]:
        """The names of the moves."""
        return tuple(self._moves)

    def mutant(self, rng: Random, moves: Sequence[str], depth: int) -> bytes:
        """An input made from a valid one by 1 to `depth` of the `moves`."""
        example = self.examples[int(rng.random() * len(self.examples))]
        return self.bent(rng, example, moves, depth)

    def bent(self, rng: Random, example: bytes, moves: Sequence[str], depth: int) -> bytes:
        """The same from this example, whose sites need not be known."""
        octets = bytearray(example)
        for _ in range(1 + int(rng.random() * depth)):
            self._moves[moves[int(rng.random() * len(moves))]](rng, octets, example)
        return bytes(octets[:LONGEST])

    @staticmethod
    def _place(rng: Random, octets: bytearray) -> int:
        # Structures open with what everything after them is read by, so every third change is made there.
        span = len(octets) + 1
        return int(rng.random() * (span if rng.random() < 0.67 else min(span, 160)))

    def _flip(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        at = self._place(rng, octets)
        if at < len(octets):
            octets[at] ^= 1 << int(rng.random() * 8)

    def _set(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        at = self._place(rng, octets)
        if at < len(octets):
            octets[at] = int(rng.random() * 256)

    def _cut(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        del octets[self._place(rng, octets) :]

    def _drop(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        at = self._place(rng, octets)
        del octets[at : at + 1 + int(rng.random() * 64)]

    def _insert(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        at = self._place(rng, octets)
        octets[at:at] = rng.randbytes(1 + int(rng.random() * 48))

    def _repeat(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        at, to = self._place(rng, octets), self._place(rng, octets)
        times = 1 if rng.random() < 0.9 else 64
        octets[to:to] = octets[at : at + 1 + int(rng.random() * 128)] * times

    def _swap(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        first, second = sorted((self._place(rng, octets), self._place(rng, octets)))
        run = min(1 + int(rng.random() * 64), second - first, len(octets) - second)
        if run > 0:
            kept = octets[first : first + run]
            octets[first : first + run] = octets[second : second + run]
            octets[second : second + run] = kept

    def _integer(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        at, width = self._place(rng, octets), (1, 2, 4, 8)[int(rng.random() * 4)]
        value = BOUNDARIES[int(rng.random() * len(BOUNDARIES))] % (1 << 8 * width)
        octets[at : at + width] = value.to_bytes(width, "big")

    def _length(self, rng: Random, octets: bytearray, example: bytes) -> None:
        known = self._sites.get(example)
        if not known:
            return self._integer(rng, octets, example)
        place, width, value = known[int(rng.random() * len(known))]
        changed = value + rng.choice((-1, 1, -value, rng.randrange(-8, 9), 1 << 8 * width - 1, (1 << 8 * width) - 1))
        octets[place : place + width] = (changed % (1 << 8 * width)).to_bytes(width, "big")
        return None

    def _stretch(self, rng: Random, octets: bytearray, example: bytes) -> None:
        """A field made longer or shorter with its length, and every length around it."""
        known = self._sites.get(example)
        if not known or octets != example:
            return self._drop(rng, octets, example)
        place, width, value = known[int(rng.random() * len(known))]
        at = place + width + int(rng.random() * (value + 1))
        change = max(-(place + width + value - at), int(rng.random() * 48) - 16)
        if change < 0:
            del octets[at : at - change]
        else:
            octets[at:at] = rng.randbytes(change)
        for outer, size, held in known:
            around = outer <= place and size >= width and outer + size + held >= place + width + value
            if around and (outer == place or rng.random() < 0.7):
                octets[outer : outer + size] = ((held + change) % (1 << 8 * size)).to_bytes(size, "big")
        return None

    def _splice(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        other = self.examples[int(rng.random() * len(self.examples))]
        at = self._place(rng, octets)
        start = at if rng.random() < 0.5 else int(rng.random() * (len(other) + 1))
        octets[at:] = other[start:]

    def _keep_head(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        at = int(rng.random() * min(len(octets) + 1, 160))
        octets[at:] = rng.randbytes(int(rng.random() * 512))

    def _noise(self, rng: Random, octets: bytearray, _example: bytes) -> None:
        octets[:] = rng.randbytes(int(rng.random() ** 2 * 2048))
