"""Frames: G, the body behind it, and what of it is set aside. SPEC.md section 5."""

from __future__ import annotations

from dataclasses import dataclass

from .content import check_content
from .kinds import SCHEMAS
from .labels import Cleared, Label, Vocabulary
from .octets import HL, Cut, Refusal, h, require, tag, u16
from .origin import Batch, Portion, parse_shape, record_leaf, slots_of
from .profile import Agreement
from .statements import ROLE_VOCABULARY
from .suite import Memory, text_digest
from .trees import climb
from .trust import Trust

MOST_BODY = 3_670_016


@dataclass(frozen=True)
class Disclosure:
    """G: the entry that says what one frame shows to whom (5.3)."""

    raw: bytes
    partner_id: str
    agreement_id: str
    subscription: str
    stream_id: bytes
    seq: int
    agreement_digest: bytes
    audit: bytes
    records: int
    cursor: bytes
    view_digest: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Disclosure:
        """The disclosure of the bytes."""
        cut = Cut(raw, "disclosure").tagged("disclose")
        names = cut.identifier("partner_id"), cut.identifier("agreement_id"), cut.identifier("subscription")
        stream_id, seq = cut.take(16, "stream_id"), cut.number(8, "seq")
        digest, audit = cut.take(HL, "agreement_digest"), cut.take(HL, "audit")
        records, cursor = cut.number(4, "records"), cut.prefixed(1, "cursor", 255)
        read = cls(raw, *names, stream_id, seq, digest, audit, records, cursor, cut.take(HL, "view_digest"))
        cut.end()
        return read


@dataclass(frozen=True)
class View:
    """V: a record with some of its portions (5.1). `slots` holds D_j where the mask names slot j, else C_j."""

    idx: int
    record_id: bytes
    schema: int
    must: int
    mask: int
    slots: tuple[bytes, ...]

    @classmethod
    def parse(cls, cut: Cut, low: int, high: int) -> View:
        """The next view, whose idx is from `low` to `high`."""
        idx, record_id = cut.number(1, "idx", low, high), cut.take(16, "record_id")
        schema, must, n = parse_shape(cut)
        mask = cut.number(2, "mask", 1, (1 << n) - 1)
        slots = tuple(cut.prefixed(4, "D", MOST_BODY) if mask >> slot & 1 else cut.take(HL, "C") for slot in range(n))
        return cls(idx, record_id, schema, must, mask, slots)

    @property
    def leaf(self) -> bytes:
        """L: the same whatever is withheld."""
        commitments = [
            h(b"\x02", tag("portion"), one) if self.mask >> slot & 1 else one for slot, one in enumerate(self.slots)
        ]
        return record_leaf(self.record_id, self.schema, self.must, commitments)

    def check(self, kind: int, cleared: Cleared, vocabularies: Vocabularies) -> None:
        """Nothing, if the record may be read; a refusal here sets the record aside, and it alone (5.5, step 7)."""
        schema = SCHEMAS.get(self.schema)
        if schema is None or schema.kind != kind or len(self.slots) != len(schema.slots):
            raise Refusal("schema", "view.schema")
        require((self.must | schema.must) & ~self.mask == 0, "must", "view.must")
        portions = {slot: Portion.parse(self.slots[slot], slot) for slot in slots_of(self.mask)}
        for slot, portion in portions.items():
            label = Label.parse(portion.label)
            words = vocabularies.find(label.vocabulary)
            words.check(label)
            require(cleared.is_within(label, words), "label-above-clearance", f"portion {slot}.label")
            check_content(self.schema, slot, portion.content)


class Vocabularies:
    """The vocabularies that a reader reads labels by: endorsed under the newest Dir, and pinned in its profile.

    `pinned` are text digests by name, or None for a reader that takes what is endorsed.
    """

    def __init__(self, trust: Trust, pinned: dict[str, bytes] | None) -> None:
        self._trust = trust
        self._pinned = pinned
        self.known: dict[str, Vocabulary] = {}

    def check_pinned(self) -> None:
        """Nothing, if every pinned vocabulary is there under its name, with the digest pinned, and is one (4.4)."""
        for name, digest in (self._pinned or {}).items():
            raw = self._trust.file(ROLE_VOCABULARY, name)
            require(text_digest(name, raw) == digest, "vocabulary-pinned", "endorsement.key_digest")
            require(Vocabulary.parse(raw).name == name, "vocabulary", "vocabulary.policy")

    def find(self, name: str) -> Vocabulary:
        """The vocabulary of that name; a label under one that is not in force for the reader is none."""
        require(self._pinned is None or name in self._pinned, "label", "label.vocabulary")
        if name not in self.known:
            try:
                self.known[name] = Vocabulary.parse(self._trust.file(ROLE_VOCABULARY, name))
            except Refusal as refusal:
                raise Refusal("label", "label.vocabulary") from refusal
        return self.known[name]


@dataclass(frozen=True)
class Section:
    """The shown records of one batch, with the proof (5.2)."""

    batch: Batch
    views: tuple[View, ...]
    proof: list[bytes]

    @classmethod
    def parse(cls, cut: Cut) -> Section:
        """The next section."""
        batch = Batch.signed(cut)
        views: list[View] = []
        for _ in range(cut.number(2, "k", 1, batch.n)):
            views.append(View.parse(cut, views[-1].idx + 1 if views else 0, batch.n - 1))
        return cls(batch, tuple(views), cut.hashes(2, "multiproof", 4096))

    def check_root(self) -> None:
        """Nothing, if the multiproof is consumed exactly and leads to the root of B."""
        found = climb({view.idx: view.leaf for view in self.views}, self.batch.n, self.proof)
        require(found == self.batch.root, "batch-root", "section.multiproof")

    def check(self, agreement: Agreement, kinds: int, trust: Trust, memory: Memory) -> None:
        """Nothing, if all that section 5.5 asks in step 6 holds."""
        batch = self.batch
        require(batch.genesis == trust.genesis, "batch-genesis", "batch.genesis")
        require(kinds >> batch.kind & 1 and batch.kind in agreement.kinds, "outside-agreement", "batch.kind")
        require(batch.mode in agreement.modes, "outside-agreement", "batch.data_mode")
        listed = agreement.sources is None or batch.source_id in agreement.sources
        require(listed, "outside-agreement", "batch.source_id")
        batch.check_signed(trust, memory, retired=True)
        self.check_root()


def padded(length: int) -> int:
    """The Padmé length of an unpadded one (5.2)."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    last = (1 << exponent - exponent.bit_length()) - 1
    return length + last & ~last


def parse_body(raw: bytes) -> list[Section]:
    """The sections of a body, which is padded as it must be."""
    cut = Cut(raw, "body")
    sections = [Section.parse(cut) for _ in range(cut.number(1, "count", 1, 64))]
    require(len({one.batch.digest for one in sections}) == len(sections), "malformed", "body.section")
    right = len(raw) == padded(cut.place) and not any(cut.rest())
    require(right, "malformed", "body.padding")
    return sections


def view_digest(sections: list[Section]) -> bytes:
    """What G says of the views of a body (5.3)."""
    listed = b"".join(
        one.batch.digest
        + u16(len(one.views))
        + b"".join(bytes([view.idx]) + view.leaf + u16(view.mask) for view in one.views)
        for one in sections
    )
    return h(b"\x04", tag("view"), bytes([len(sections)]), listed)


def check_views(sections: list[Section], g: Disclosure) -> None:
    """Nothing, if the views are those that G entered (5.5, step 5)."""
    require(view_digest(sections) == g.view_digest, "frame-not-as-entered", "disclosure.view_digest")
    views = sum(len(one.views) for one in sections)
    require(views == g.records, "frame-not-as-entered", "disclosure.records")
