"""A label for every portion: the guide's floor, or higher where the unit says so; never lower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.control.guide import Guide
from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import KINDS, design_of
from gateway.core.labels.label import Label
from gateway.core.labels.lattice import below_floor
from gateway.core.records.portion import Portion
from gateway.core.records.states import RecordInput
from gateway.core.suite.numbers import DataMode, RecordKind


@dataclass(frozen=True, slots=True)
class Labelling:
    """How one publication is labelled. raised: slot name to a short label above the guide's floor."""

    guide: Guide
    kind: RecordKind
    data_mode: DataMode
    raised: Mapping[str, str]

    def label(self, record_no: int, contents: Mapping[int, bytes]) -> RecordInput:
        """The record with labels; refuses `label-below-guide` and an unknown portion name."""
        kind = KINDS[self.kind]
        unknown = set(self.raised) - set(kind.slots)
        if unknown:
            raise CallerError(
                "portion-unknown",
                f"portions of {kind.name} are {', '.join(kind.slots)}; `{sorted(unknown)[0]}` is none",
                at="--label",
            )
        design = design_of(kind.schema, contents[0])
        labels = {slot: self._label(record_no, slot, kind.slots[slot], design) for slot in sorted(contents)}
        self._check_order(record_no, labels)
        portions = [Portion(slot, label.text.encode("ascii"), contents[slot]) for slot, label in labels.items()]
        return RecordInput(kind.schema, kind.must, kind.n, tuple(portions))

    def _check_order(self, record_no: int, labels: Mapping[int, Label]) -> None:
        """What the gateway would refuse after the upload: a portion labelled below one that follows from it."""
        kind = KINDS[self.kind]
        for slot, base in kind.not_below:
            if slot in labels and base in labels and below_floor(labels[slot], labels[base]):
                name, other = kind.slots[slot], kind.slots[base]
                raise CallerError(
                    "label-below-guide",
                    f"`{name}` is labelled `{_short(labels[slot])}`, it must not be below `{other}`",
                    at=f"record {record_no}, slot {slot}",
                    do=f"add --label {name}={_short(labels[base])}",
                )

    def _label(self, record_no: int, slot: int, name: str, design: str) -> Label:
        floor = self.guide.floor(self.kind, name, self.data_mode, design)
        short = self.raised.get(name)
        if short is None:
            return floor
        at = f"record {record_no}, slot {slot}"
        try:
            label = Label.expand(short, self.guide.vocabulary)
        except Refused as error:
            raise CallerError(error.code, error.message, at=f"--label {name}") from error
        if below_floor(label, floor):
            raise CallerError(
                "label-below-guide",
                f"`{name}` is labelled `{short}`, guide {self.guide.id} requires at least `{_short(floor)}`",
                at=at,
                do="drop --label, or ask for a guide change",
            )
        return label


def _short(label: Label) -> str:
    return label.text.partition(" ")[2]
