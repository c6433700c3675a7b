"""Lanes: which batch of each source comes next, and what became of every earlier one; a fold over RECORDS.

A batch is known by (source, lane, number, H(B)). One number with two different B is a fork: both are kept, and nothing
more is taken from that source until operators settle it. A lane has the `about` label of its first admitted batch: its
numbers tell how many batches there were, and that is a fact at that label.

A store that was put back has lost the last numbers of lanes, and their sources may have deleted what was acknowledged
then. So a lane of that time is open: it goes on with whatever number comes next, and what that leaves out is a gap
whose numbers count as taken. Source: SPEC.md section 3.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from enum import Enum

from gateway.core.control.restore import Restore
from gateway.core.errors import Fault
from gateway.core.ledger.entries import refusal_code
from gateway.core.records.batch import MAX_SIGNED_BATCH_BYTES, SignedBatch
from gateway.core.records.portion import parse_disclosure
from gateway.core.records.view import parse_view
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.numbers import RefusalCode
from gateway.core.suite.octets import Reader, lp16, u8, u16, u64

KIND_ADMITTED = 1
KIND_REFUSED = 2
KIND_RESTORED = 3
WHOLE_BATCH = 0xFFFF
WHOLE_RECORD = 0xFF


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a batch was refused, and where: idx 65535 is the whole batch, slot 255 the whole record."""

    code: RefusalCode
    idx: int = WHOLE_BATCH
    slot: int = WHOLE_RECORD
    at: str = ""

    def encode(self) -> bytes:
        """Code u16 | idx u16 | slot u8 | lp16(field): as the source hears it and RECORDS keeps it."""
        return u16(self.code) + u16(self.idx) + u8(self.slot) + lp16(self.at.encode("utf-8")[:1024])


def read_refusal(reader: Reader) -> Refusal:
    """The refusal at the reader; refuses `malformed`."""
    return Refusal(
        refusal_code(reader.u16("code")),
        reader.u16("idx"),
        reader.u8("slot"),
        reader.lp16("field", 1024).decode("utf-8", "replace"),
    )


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """A refused batch as RECORDS keeps it: its signed statement and the reason, nothing of its content."""

    signed: SignedBatch
    refused_at_ms: int
    refusal: Refusal

    def encode(self) -> bytes:
        """lp16(B | sig) | time u64 | refusal."""
        return lp16(self.signed.encode()) + u64(self.refused_at_ms) + self.refusal.encode()


def parse_refused_entry(entry: bytes) -> RefusedEntry:
    """A refused batch read back."""
    reader = Reader(entry, "refused batch")
    signed = SignedBatch.parse(reader.lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
    refused = RefusedEntry(signed, reader.u64("time"), read_refusal(reader))
    reader.done()
    return refused


class Verdict(Enum):
    """What a batch is to its lane."""

    NEXT = "next"
    ADMITTED = "admitted before"
    REFUSED = "refused before"
    AHEAD = "ahead"
    FORK = "fork"
    BROKEN = "broken chain"


@dataclass(slots=True)
class _Lane:
    """is_open: may leave out numbers, because a restore lost some.

    digests: of the numbers that came in order; gaps: (first number left out, first behind); late: came for a gap.
    """

    is_open: bool
    digests: list[bytes] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    late: dict[int, bytes] = field(default_factory=dict)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    forks: dict[tuple[int, bytes], Refusal] = field(default_factory=dict)
    about: bytes = b""

    @property
    def next_no(self) -> int:
        """The lane's next number."""
        return len(self.digests) + sum(end - start for start, end in self.gaps)

    def digest_of(self, number: int) -> bytes | None:
        """H(B) of a number that is taken; None for one of a gap that no batch came for."""
        left_out = 0
        for start, end in self.gaps:
            if number < start:
                break
            if number < end:
                return self.late.get(number)
            left_out += end - start
        return self.digests[number - left_out]


class Lanes:
    """All lanes of all sources. 48 bytes of memory a batch, plus the list.

    ends: where in RECORDS each earlier incarnation ended; what lies behind was stored by a later one.
    entered: H(B) of the batches that stand in an account of the present incarnation; empty before the first restore,
    when all of them do.
    """

    def __init__(self) -> None:
        self._lanes: dict[tuple[str, bytes], _Lane] = {}
        self._forks: dict[str, set[tuple[bytes, bytes]]] = {}
        self._size = 0
        self.admitted = 0
        self.ends: dict[bytes, int] = {}
        self.entered: set[bytes] = set()

    def is_held(self, source_id: str, settled: Set[tuple[bytes, bytes]]) -> bool:
        """Whether the source signed two batches with one number, and operators did not settle each such fork."""
        return not self._forks.get(source_id, set()) <= settled

    def has_fork(self, fork: tuple[bytes, bytes]) -> bool:
        """Whether a source signed these two with one number. fork: H(B) that has the number, H(B) of the other."""
        return any(fork in forks for forks in self._forks.values())

    def open_forks(self, settled: Set[tuple[bytes, bytes]]) -> tuple[tuple[str, bytes, bytes], ...]:
        """(source, H(B) that has the number, H(B) of the other) of each fork that was not settled; by source."""
        return tuple(
            sorted((source, *fork) for source, forks in self._forks.items() for fork in forks if fork not in settled)
        )

    def judge(self, signed: SignedBatch) -> tuple[Verdict, Refusal | None]:
        """What the batch is to its lane, and the earlier refusal if it has one."""
        batch = signed.batch
        lane = self._lane(signed)
        if batch.batch_no < lane.next_no:
            return self._judge_taken(lane, signed)
        if lane.is_open:
            return Verdict.NEXT, None
        if batch.batch_no > lane.next_no:
            return Verdict.AHEAD, None
        prev = lane.digests[-1] if lane.digests else ZERO_HASH
        return (Verdict.NEXT if batch.prev == prev else Verdict.BROKEN), None

    @staticmethod
    def _judge_taken(lane: _Lane, signed: SignedBatch) -> tuple[Verdict, Refusal | None]:
        number = signed.batch.batch_no
        taken = lane.digest_of(number)
        if taken is None:
            return Verdict.BROKEN, None
        if taken == signed.digest:
            refusal = lane.refusals.get(number)
            return (Verdict.REFUSED, refusal) if refusal else (Verdict.ADMITTED, None)
        fork = lane.forks.get((number, signed.digest))
        return (Verdict.REFUSED, fork) if fork else (Verdict.FORK, None)

    def _lane(self, signed: SignedBatch) -> _Lane:
        """The batch's lane, or one that nothing came on yet; one that does not begin with 0 began in the lost past."""
        found = self._lanes.get((signed.batch.source_id, signed.batch.lane))
        return found or _Lane(is_open=bool(self.ends) and signed.batch.batch_no > 0)

    def is_due_again(self, signed: SignedBatch) -> bool:
        """Whether the entry of a batch that came before stands in an account of an earlier incarnation only."""
        return bool(self.ends) and signed.digest not in self.entered

    def fits(self, signed: SignedBatch, about: bytes) -> bool:
        """Whether the batch's lane is of that `about` label, or of none yet."""
        lane = self._lanes.get((signed.batch.source_id, signed.batch.lane))
        return lane is None or lane.about in {b"", about}

    def take(self, signed: SignedBatch, refusal: Refusal | None, about: bytes = b"") -> None:
        """Remembers a batch that consumed its number, or a fork that did not. about: an admitted batch's label."""
        batch = signed.batch
        lane = self._lanes.setdefault((batch.source_id, batch.lane), self._lane(signed))
        if refusal and refusal.code is RefusalCode.FORK:
            lane.forks[batch.batch_no, signed.digest] = refusal
            kept = lane.digest_of(batch.batch_no) or ZERO_HASH
            self._forks.setdefault(batch.source_id, set()).add((kept, signed.digest))
            return
        next_no = lane.next_no
        if refusal and batch.batch_no < next_no and lane.digest_of(batch.batch_no) is None:
            lane.late[batch.batch_no], lane.refusals[batch.batch_no] = signed.digest, refusal
            return
        if batch.batch_no > next_no and lane.is_open:
            lane.gaps.append((next_no, batch.batch_no))
        elif batch.batch_no != next_no:
            raise Fault("journal-damaged", "a lane's batches do not follow one another", at="RECORDS")
        if refusal:
            lane.refusals[batch.batch_no] = refusal
        else:
            self.admitted += 1
            lane.about = lane.about or about
        lane.digests.append(signed.digest)

    def apply(self, kind: int, entry: bytes) -> None:
        """Folds one RECORDS entry in, at start."""
        self._size += 1
        if kind == KIND_ADMITTED:
            reader = Reader(entry, "stored batch")
            signed = SignedBatch.parse(reader.lp16("signed batch", MAX_SIGNED_BATCH_BYTES))
            reader.u64("admitted_at")
            self.take(signed, None, parse_disclosure(parse_view(reader).slots[0]).label)
        elif kind == KIND_REFUSED:
            refused = parse_refused_entry(entry)
            self.take(refused.signed, refused.refusal)
        elif kind == KIND_RESTORED:
            self.ends[Restore.parse(entry).old] = self._size - 1
            for lane in self._lanes.values():
                lane.is_open = True
        else:
            raise Fault("journal-damaged", f"records entry kind {kind} is unknown", at="RECORDS")
