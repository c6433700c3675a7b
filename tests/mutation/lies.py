"""What a lie of the malicious gateway is, and what a reader has to make of it.

A lie changes one recorded stream before it is made again. It is refused with a code of annex E; or a record is set
aside; or the leaf stays owed; or it lies in what SPEC.md section 6.7 says that no reader can verify, named by the first
words of that point. Both readers have to say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.mutation.resealed import Told

# 48 bytes that are the hash of nothing.
STRANGE = bytes(range(48))
USA, WIDER = "usa-arl.UA-US-2026-014.sluice", "usa-arl.UA-US-2026-022.sluice"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of the day: the file and its number in it."""

    file: str
    number: int


# A fresh reader; one that is told two leaves of a stream that broke; one that hears of a new roster, with three frames
# under three ticks; one whose gateway was put back; a reader with a profile only, at noon.
FIRST, OLDS, LATER, RESTORED, NOON = (
    Stream(USA, 0),
    Stream(USA, 2),
    Stream(USA, 3),
    Stream(USA, 5),
    Stream(WIDER, 0),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Both readers refuse with this code."""

    code: str


@dataclass(frozen=True, slots=True)
class Aside:
    """The stream goes on, and records are set aside for this code."""

    code: str


@dataclass(frozen=True, slots=True)
class Owed:
    """The stream goes on, and a leaf stays owed: the reader knows that something was entered and did not come."""


@dataclass(frozen=True, slots=True)
class Listed:
    """No reader can see it: `words` begin the point of section 6.7 that says so."""

    words: str


Outcome = Refused | Aside | Owed | Listed

POLICY = Listed("**Completeness against policy**")
SPREAD = Listed("How records are spread")
AUDIT = Listed("`audit` and `control`")
TIME = Listed("`time` of a tick")
CURSOR = Listed("`cursor`")
GAPS = Listed("Gaps between tick numbers")
WORDS = Listed("`stored`, `waiting` and `refused`")
TWO_READERS = Listed("That two readers who never speak")
OPERATORS = Listed("What operators decided of others")
INVENTED_OLD = Listed("That the stream of an `old`")
RECORDS = Listed("**Completeness of an account against RECORDS**")


@dataclass(frozen=True, slots=True)
class Lie:
    """A lie, told of a stream."""

    tell: Callable[[Told], None]
    stream: Stream
    outcome: Outcome

    @property
    def name(self) -> str:
        """As its function is called."""
        return self.tell.__name__


LIES: list[Lie] = []


def lie(outcome: str | Outcome, stream: Stream = FIRST) -> Callable[[Callable[[Told], None]], Callable[[Told], None]]:
    """Registers a lie; a string is the code it is refused with."""

    def register(tell: Callable[[Told], None]) -> Callable[[Told], None]:
        LIES.append(Lie(tell, stream, Refused(outcome) if isinstance(outcome, str) else outcome))
        return tell

    return register
