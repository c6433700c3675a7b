"""One engine for every parser: whatever comes in, a value comes out, or a refusal with a code that shows nothing bad.

A value encodes to the very bytes that came where its subject says how it is written back.

Hypothesis chooses a seed, an order of moves and a depth; each such choice is a round of many inputs derived from it
with a `random.Random`, so that a million inputs are minutes. An input that breaks the law ends the run with its octets,
its seed and its number in the round: the same choices make it again.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from zlib import crc32

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from gateway.core.errors import CallerError, Refused
from tests.fuzz.mutation import Grammar, Octets

ROUND = 250
FEWEST_ROUNDS = 15
SHOWN_BYTES = 2048
MOST_SAID = 4096
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Subject:
    """A parser under test.

    examples: valid inputs; read: bytes in, a value or a refusal out; again: the value and its input -> its encoding,
    None where more than one input may mean the same; refusals: the errors it may raise, each with a `code`.
    """

    examples: tuple[bytes, ...]
    read: Callable[[bytes], object]
    again: Callable[[Any, bytes], bytes] | None = None
    refusals: tuple[type[Exception], ...] = (Refused, CallerError)
    grammar: Callable[[tuple[bytes, ...]], Grammar] = Octets


@dataclass
class Tally:
    """What became of the inputs."""

    name: str
    inputs: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        """The same for `--json`."""
        return {
            "parser": self.name,
            "inputs": self.inputs,
            "accepted": self.accepted,
            "refused": dict(self.refused.most_common()),
            "seconds": round(self.seconds, 1),
        }


class BrokenLawError(AssertionError):
    """An input for which the law does not hold."""


def judged(subject: Subject, octets: bytes) -> str:
    """The code of the refusal, empty if a value came out; raises `BrokenLawError` with the octets if neither."""
    try:
        value = subject.read(octets)
        if subject.again is not None and subject.again(value, octets) != octets:
            raise BrokenLawError(f"what was read encodes to other bytes: {_shown(octets)}")
    except subject.refusals as refusal:
        code: str = getattr(refusal, "code", "")
        if _CODE.fullmatch(code) is None:
            raise BrokenLawError(f"a refusal without a code: {_shown(octets)}") from refusal
        said = str(refusal)
        if len(said) > MOST_SAID or not said.replace("\n", "").isprintable():
            raise BrokenLawError(f"a refusal that is not for a person's eyes: {_shown(octets)}") from refusal
        return code
    except (BrokenLawError, KeyboardInterrupt):
        raise
    except BaseException as error:
        # A panic of a library below Python is no Exception, and would end a server all the same.
        raise BrokenLawError(f"{type(error).__name__} came out: {_shown(octets)}") from error
    return ""


def _shown(octets: bytes) -> str:
    return octets.hex() if len(octets) <= SHOWN_BYTES else f"{len(octets)} bytes, {octets[:SHOWN_BYTES].hex()}..."


def run(name: str, subject: Subject, inputs: int, seed: int) -> Tally:
    """Puts at least `inputs` inputs through the parser; raises `BrokenLawError` at the first that breaks the law."""
    tally = Tally(name)
    begun = time.perf_counter()
    grammar = subject.grammar(subject.examples)
    # Hypothesis begins with the plainest choice of all, so a short run too must have many rounds.
    size = max(1, min(ROUND, inputs // FEWEST_ROUNDS))

    def one_round(start: int, moves: list[str], depth: int) -> None:
        rng = Random(start)
        for number in range(size):
            octets = grammar.mutant(rng, moves, depth)
            try:
                code = judged(subject, octets)
            except BrokenLawError as error:
                error.add_note(f"{name}: input {number} of seed {start}, depth {depth}, moves {','.join(moves)}")
                raise
            tally.inputs += 1
            if code:
                tally.refused[code] += 1
            else:
                tally.accepted += 1

    chosen = st.lists(st.sampled_from(grammar.moves), min_size=1, max_size=len(grammar.moves), unique=True)
    drive = settings(
        max_examples=max(1, -(-inputs // size)),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given(st.integers(0, 2**64 - 1), chosen, st.integers(1, 6))(one_round))
    while tally.inputs < inputs:
        seeded(crc32(name.encode()) + seed + tally.inputs)(drive)()
    tally.seconds = time.perf_counter() - begun
    return tally
