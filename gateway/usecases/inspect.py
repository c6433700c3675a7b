"""The guard: what a source signed is looked at whole before any of it is kept.

Bounds and salts were checked on the way here. Per record: the schema is the kind's, the source may send it, labels are
understood and not below the guide, portions are canonical and in range, portions agree with each other, text carries no
marking above its label. A failure is an answer: code, record, slot and field, and nothing of the content is kept.
Source: architecture section 3; SPEC.md sections 3 and 8.
"""

from __future__ import annotations

from collections.abc import Generator

from google.protobuf.message import Message

from gateway.core.control.fold import Control
from gateway.core.control.guide import Guide
from gateway.core.control.scope import Scope
from gateway.core.errors import GatewayError, Refused
from gateway.core.kinds import KINDS, Kind, check_portion, check_record, parse_portion
from gateway.core.kinds.markings import check_markings
from gateway.core.kinds.ranges import check_ranges
from gateway.core.labels.label import Label
from gateway.core.labels.lattice import below_floor
from gateway.core.records.states import SLICE_RECORDS, InspectedBatch, VerifiedBatch
from gateway.core.records.view import View
from gateway.core.suite.numbers import DataMode, RefusalCode
from gateway.usecases.lanes import WHOLE_RECORD, Refusal

Verdict = tuple[InspectedBatch | None, Refusal | None]


def inspecting(control: Control, scope: Scope, verified: VerifiedBatch) -> Generator[None, None, Verdict]:
    """The inspected batch or the refusal, yielding after every 64 records so that a caller can let other work in.

    scope: what the directory in force lets the source's key send; an empty one lets it send nothing.
    """
    batch = verified.signed.batch
    guide, kind = control.guide, KINDS.get(batch.kind)
    if kind is None or not scope.covers(batch.kind, batch.data_mode):
        return None, Refusal(RefusalCode.SCOPE, at="batch.kind")
    if guide is None:
        return None, Refusal(RefusalCode.LABEL_BELOW_GUIDE, at="batch.kind")
    labels: list[tuple[bytes | None, ...]] = []
    designs: list[str] = []
    known: dict[bytes, Label] = {}
    about = b""
    for view in verified.views:
        guard = _RecordGuard(control, guide, kind, batch.data_mode, view, known)
        try:
            row = guard.check()
            if about and row[0] != about:
                raise Refused("about-labels-differ", "all records of a batch have one `about` label", at="about")
        except GatewayError as error:
            return None, Refusal(_code(error), view.idx, guard.slot, error.at)
        about = row[0] or b""
        labels.append(row)
        designs.append(guard.design)
        if view.idx % SLICE_RECORDS == SLICE_RECORDS - 1:
            yield
    return InspectedBatch(verified, tuple(labels), tuple(designs)), None


class _RecordGuard:
    """The checks of one record; `slot` says where a refusal happened, 255 for the whole record.

    design: what the record is about, once it was checked.
    """

    def __init__(
        self, control: Control, guide: Guide, kind: Kind, mode: DataMode, view: View, known: dict[bytes, Label]
    ) -> None:
        self._control = control
        self._guide = guide
        self._kind = kind
        self._mode = mode
        self._view = view
        self._known = known
        self.slot = WHOLE_RECORD
        self.design = ""

    def check(self) -> tuple[bytes | None, ...]:
        """Label text per slot; refuses with a code of RefusalCode."""
        view, kind = self._view, self._kind
        if view.schema != kind.schema or len(view.slots) != kind.n:
            raise Refused("schema", "the record's schema and slots must be its kind's", at="record.schema")
        if kind.must & ~view.must or view.must & ~view.mask:
            raise Refused("must", "the must mask must hold the schema's", at="record.must")
        row: list[bytes | None] = [None] * kind.n
        messages: dict[int, Message] = {}
        labels: dict[int, Label] = {}
        for portion in view.portions():
            self.slot = portion.slot
            row[portion.slot] = portion.label
            labels[portion.slot] = label = self._label(portion.label)
            message = parse_portion(view.schema, portion.slot, portion.content)
            check_portion(view.schema, portion.slot, message)
            check_ranges(view.schema, portion.slot, message)
            check_markings(view.schema, portion.slot, message, label)
            messages[portion.slot] = message
        self.design = kind.design(messages[0])
        self._check_floors(labels)
        self.slot = WHOLE_RECORD
        check_record(view.schema, messages, time_step_ms=self._guide.time_step_ms)
        return tuple(row)

    def _label(self, text: bytes) -> Label:
        label = self._known.get(text)
        if label is None:
            label = self._known[text] = Label.parse(text, self._control.vocabularies)
        return label

    def _check_floors(self, labels: dict[int, Label]) -> None:
        kind = self._kind
        for slot, label in labels.items():
            self.slot = slot
            name = kind.slots[slot]
            floor = self._guide.floor(kind.number, name, self._mode, self.design)
            if below_floor(label, floor):
                raise Refused("label-below-guide", f"`{name}` must not be labelled below the guide", at=name)
        for slot, floor_slot in kind.not_below:
            self.slot = slot
            if slot in labels and floor_slot in labels and below_floor(labels[slot], labels[floor_slot]):
                raise Refused(
                    "label-below-guide",
                    f"`{kind.slots[slot]}` must not be labelled below `{kind.slots[floor_slot]}`",
                    at=kind.slots[slot],
                )


def _code(error: GatewayError) -> RefusalCode:
    """The wire code of a refusal: its own name, or `malformed` where the table has none."""
    if error.code == "guide-silent":
        # No label dominates a floor that is not there.
        return RefusalCode.LABEL_BELOW_GUIDE
    name = error.code.upper().replace("-", "_")
    return RefusalCode[name] if name in RefusalCode.__members__ else RefusalCode.MALFORMED
