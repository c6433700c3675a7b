"""A batch on its way out: decided per stream, built once per group of equal outcomes.

Portions are opaque slices here: withholding replaces a disclosure by its commitment and parses nothing twice. Encoded
sections are kept per tuple of masks, so partners with equal outcomes share the work. Source: architecture section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.core.decision.facts import RecordFacts
from gateway.core.kinds import KINDS, design_of
from gateway.core.parties.names import SourceId
from gateway.core.records.batch import SignedBatch
from gateway.core.records.portion import parse_disclosure
from gateway.core.records.states import InspectedBatch, StoredBatch, batch_leaves
from gateway.core.records.view import View
from gateway.core.sealing.body import Section
from gateway.core.sealing.cursor import Place
from gateway.core.suite.numbers import MAX_BODY_BYTES, MAX_SECTIONS
from gateway.core.suite.tree import multiproof

# Room for the count, the sections' fixed parts and at most 3 % of padding.
_SECTION_LIMIT = MAX_BODY_BYTES * 9 // 10


@dataclass(frozen=True, slots=True)
class BuiltSection:
    """A section ready for a body. shown: (idx, L, mask) per view; last: whether no other of the same masks follows."""

    encoded: bytes
    shown: tuple[tuple[int, bytes, int], ...]
    last: bool


@dataclass(slots=True)
class OutgoingBatch:
    """Everything about a stored batch that releasing needs. position: in RECORDS."""

    position: int
    admitted_at_ms: int
    signed: SignedBatch
    views: tuple[View, ...]
    commitments: tuple[tuple[bytes, ...], ...]
    leaves: tuple[bytes, ...]
    facts: tuple[RecordFacts, ...]
    _sections: dict[tuple[int, ...], list[BuiltSection]] = field(default_factory=dict)

    @classmethod
    def of_inspected(cls, position: int, admitted_at_ms: int, inspected: InspectedBatch) -> OutgoingBatch:
        """From a batch just inspected: nothing is hashed again."""
        verified = inspected.verified
        facts = _facts(verified.signed, verified.views, inspected.labels, inspected.designs)
        return cls(
            position, admitted_at_ms, verified.signed, verified.views, verified.commitments, verified.leaves, facts
        )

    @classmethod
    def of_stored(cls, position: int, stored: StoredBatch) -> OutgoingBatch:
        """From a batch read back: commitments and leaves are computed anew."""
        commitments = tuple(view.commitments() for view in stored.views)
        leaves = tuple(batch_leaves(stored.views, commitments))
        labels = [view.labels() for view in stored.views]
        designs = [design_of(view.schema, parse_disclosure(view.slots[0]).content) for view in stored.views]
        facts = _facts(stored.signed, stored.views, labels, designs)
        return cls(position, stored.admitted_at_ms, stored.signed, stored.views, commitments, leaves, facts)

    def sections(self, masks: tuple[int, ...]) -> list[BuiltSection]:
        """Sections showing record i with `masks[i]`, 0 for not at all; split where a body would be too large."""
        built = self._sections.get(masks)
        if built is None:
            built = self._sections[masks] = self._build(masks)
        return built

    def _build(self, masks: tuple[int, ...]) -> list[BuiltSection]:
        runs: list[list[View]] = [[]]
        size = 0
        for view, committed, mask in zip(self.views, self.commitments, masks, strict=True):
            if mask:
                narrowed = view if mask == view.mask else view.narrowed(mask, committed)
                length = sum(len(slot) + 4 for slot in narrowed.slots) + 64
                if runs[-1] and size + length > _SECTION_LIMIT:
                    runs.append([])
                    size = 0
                runs[-1].append(narrowed)
                size += length
        return [self._section(tuple(run), number == len(runs) - 1) for number, run in enumerate(runs) if run]

    def _section(self, views: tuple[View, ...], last: bool) -> BuiltSection:
        proof = tuple(multiproof(self.leaves, [view.idx for view in views]))
        shown = tuple((view.idx, self.leaves[view.idx], view.mask) for view in views)
        return BuiltSection(Section(self.signed, views, proof).encode(), shown, last)


def _facts(
    signed: SignedBatch,
    views: Sequence[View],
    labels: Sequence[tuple[bytes | None, ...]],
    designs: Sequence[str],
) -> tuple[RecordFacts, ...]:
    batch = signed.batch
    kind = KINDS[batch.kind]
    source_id = SourceId(batch.source_id)
    return tuple(
        RecordFacts(
            kind=batch.kind,
            data_mode=batch.data_mode,
            source_id=source_id,
            source_suspended=False,
            design=design,
            held=False,
            slots=kind.slots,
            labels=row,
            must=view.must,
        )
        for view, row, design in zip(views, labels, designs, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Framed:
    """Sections that go out as one frame. after: where the subscription stands once its records are stored."""

    sections: tuple[BuiltSection, ...]
    batches: tuple[bytes, ...]
    sources: tuple[str, ...]
    after: Place

    @property
    def records(self) -> int:
        """Views in the frame."""
        return sum(len(section.shown) for section in self.sections)

    @property
    def size(self) -> int:
        """Bytes of the sections."""
        return sum(len(section.encoded) for section in self.sections)


@dataclass(frozen=True, slots=True)
class Release:
    """What of a batch goes out: `masks[i]` of record i, 0 for nothing. whole: nothing of it is left for later."""

    batch: OutgoingBatch
    masks: tuple[int, ...]
    whole: bool = True


def framed(released: Sequence[Release]) -> list[Framed]:
    """Packs what is released, in order, into frames: at most 64 sections, 3.5 MiB, and each batch once in a frame."""
    frames: list[Framed] = []
    sections: list[BuiltSection] = []
    batches: list[bytes] = []
    sources: list[str] = []
    size = 0
    after = Place(0)

    def close() -> None:
        nonlocal size
        if sections:
            frames.append(Framed(tuple(sections), tuple(batches), tuple(sources), after))
        sections.clear()
        batches.clear()
        sources.clear()
        size = 0

    for item in released:
        batch = item.batch
        for section in batch.sections(item.masks):
            full = len(sections) == MAX_SECTIONS or size + len(section.encoded) > _SECTION_LIMIT
            if full or batch.signed.digest in batches:
                close()
            sections.append(section)
            batches.append(batch.signed.digest)
            sources.append(batch.signed.batch.source_id)
            size += len(section.encoded)
            done = section.last and item.whole
            after = Place(batch.position + 1) if done else Place(batch.position, section.shown[-1][0] + 1)
    close()
    return frames
