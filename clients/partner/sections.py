"""From a section of a frame to typed records: the source's signature, the proof, the masks, the labels, the content.

What fails as signature, proof, order or binding is raised and ends the stream; what fails as schema, label or `must`
sets that one record aside unread. Source: SPEC.md section 5.5.

A record may come again with more slots, after a widening. Only masks are kept of what was handed up, no contents; so
such a record is handed up with every portion of the view that came, and says which of them are new. A view without a
new slot is counted and dropped: nothing is handed up twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.control.agreement import Agreement
from gateway.core.errors import GatewayError, Refused
from gateway.core.kinds import KINDS, check_portion, parse_portion, portion_to_json
from gateway.core.labels.label import Label
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.ledger.receipt import Quarantined
from gateway.core.parties.clearance import Clearance, shortfalls
from gateway.core.records.portion import Portion
from gateway.core.records.view import View
from gateway.core.sealing.body import Section
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import DataMode, RecordKind, RefusalCode

MAX_VERIFIED = 65_536


@dataclass(frozen=True, slots=True)
class ReceivedPortion:
    """One portion as its source signed it. rank: its label's level; values: its fields by name, columns as lists."""

    name: str
    label: str
    rank: int
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReceivedRecord:
    """A record after every check.

    id: `9d0c11e2.4`. portions: those of the view that came, by slot.
    mask: slots handed up of this record until now, the union; new_mask: those among them that came for the first time.
    """

    id: str
    batch_digest: bytes
    idx: int
    record_id: bytes
    kind: RecordKind
    data_mode: DataMode
    source_id: str
    mask: int
    new_mask: int
    portions: tuple[ReceivedPortion, ...]

    def to_json(self) -> dict[str, object]:
        """One object per record, for sinks: label is the highest of its portions' by level, new names what is new."""
        slots = KINDS[self.kind].slots
        return {
            "id": self.id,
            "kind": self.kind.name.lower(),
            "mode": self.data_mode.name,
            "source": self.source_id,
            "label": max(self.portions, key=lambda portion: portion.rank).label,
            "verified": "ORIGIN",
            "new": [name for slot, name in enumerate(slots) if self.new_mask >> slot & 1],
            "portions": {portion.name: {"label": portion.label, **portion.values} for portion in self.portions},
        }


@dataclass(frozen=True, slots=True)
class Sifted:
    """Views of a section after the checks of single records: to hand up, to set aside, and how many add nothing."""

    records: tuple[ReceivedRecord, ...]
    aside: tuple[Quarantined, ...]
    repeated: int


@dataclass(frozen=True, slots=True)
class Reader:
    """What a partner checks records against. source_key: the endorsed key of (source_id, key_id) or a refusal."""

    nation: str
    clearances: tuple[Clearance, ...]
    agreement: Agreement
    vocabularies: Mapping[str, Vocabulary]
    source_key: Callable[[str, bytes, RecordKind, DataMode], VerifyKey]
    _verified: set[bytes] = field(default_factory=set)

    def check_section(self, section: Section, leaves: Sequence[bytes]) -> None:
        """Source, signature and proof of a section; refuses, and the stream ends. leaves: of its views, in order."""
        batch, signed = section.signed.batch, section.signed
        agreement = self.agreement
        if batch.kind not in agreement.kinds or batch.data_mode not in agreement.modes:
            raise Refused("outside-agreement", "the section is of a kind or mode the agreement lacks", at="section")
        if agreement.sources != "all" and batch.source_id not in agreement.sources:
            raise Refused("outside-agreement", "the section is of a source the agreement lacks", at="section")
        key = self.source_key(batch.source_id, batch.key_id, batch.kind, batch.data_mode)
        # A source's signature costs more than all else here, and a batch may come in several frames. The reader lives
        # as long as its directory, so a key that is tainted later verifies nothing out of memory.
        whole = digest(signed.encode())
        if whole not in self._verified:
            signed.check_signature(key)
            if len(self._verified) >= MAX_VERIFIED:
                self._verified.clear()
            self._verified.add(whole)
        section.check_proof(leaves)

    def read(self, section: Section, held: Callable[[bytes, int], int]) -> Sifted:
        """The records of a checked section; `held`: slots of (H(B), idx) that were handed up before."""
        records, aside, repeated = [], [], 0
        for view in section.views:
            before = held(section.signed.digest, view.idx)
            if not view.mask & ~before:
                repeated += 1
                continue
            try:
                portions = tuple(self._portions(section, view))
            except GatewayError as error:
                aside.append(Quarantined(section.signed.digest, view.idx, _code(error)))
                continue
            batch = section.signed.batch
            records.append(
                ReceivedRecord(
                    id=f"{section.signed.digest.hex()[:8]}.{view.idx}",
                    batch_digest=section.signed.digest,
                    idx=view.idx,
                    record_id=view.record_id,
                    kind=batch.kind,
                    data_mode=batch.data_mode,
                    source_id=batch.source_id,
                    mask=before | view.mask,
                    new_mask=view.mask & ~before,
                    portions=portions,
                )
            )
        return Sifted(tuple(records), tuple(aside), repeated)

    def _portions(self, section: Section, view: View) -> Iterable[ReceivedPortion]:
        kind = KINDS.get(section.signed.batch.kind)
        if kind is None or kind.schema != view.schema or kind.n != len(view.slots):
            raise Refused("schema", "the record's schema must be its kind's")
        must = view.must | kind.must
        if must & ~view.mask:
            raise Refused("must", "the record must show every portion of its must mask")
        for portion in view.portions():
            label = self._label(portion)
            message = parse_portion(view.schema, portion.slot, portion.content)
            check_portion(view.schema, portion.slot, message)
            yield ReceivedPortion(
                kind.slots[portion.slot],
                label.text,
                label.rank,
                portion_to_json(view.schema, portion.slot, message),
            )

    def _label(self, portion: Portion) -> Label:
        label = Label.parse(portion.label, self.vocabularies)
        if shortfalls(label, self.clearances, self.nation, self.agreement.designs):
            raise Refused("label-above-clearance", "the label must be within the partner's own clearance")
        return label


def _code(error: GatewayError) -> RefusalCode:
    name = error.code.upper().replace("-", "_")
    return RefusalCode[name] if name in RefusalCode.__members__ else RefusalCode.MALFORMED
