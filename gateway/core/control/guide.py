"""The classification guide: the lowest label each portion of each kind may carry, per data mode.

The gateway refuses labels below it and accepts labels above. A guide is one text:

    id          = "UAS-2026-2"
    vocabulary  = "UKR.1"
    time_step_s = 3600                 # the times of `about` are rounded to this

    [telemetry]                        # every portion of the kind has its floor
    position = "T//REL GBR,USA"
    [telemetry.SIMULATED]              # what differs in one data mode; REAL is the table above
    position = "DSK//REL GBR,USA"

`<design>` in a label stands for the design the record is about. A portion whose floor admits a reader that a portion
which must be in every view does not admit could never reach that reader: the guide is refused, `unreachable-portion`,
with the line. A kind, mode or portion the guide is silent on has no floor, and so nothing of it is taken.
Source: SPEC.md section 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.control.agreement import is_design
from gateway.core.control.texts import Table, line_of, read_text
from gateway.core.errors import CallerError, Refused
from gateway.core.kinds.registry import KINDS
from gateway.core.labels.label import Label
from gateway.core.labels.lattice import dominates
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import DataMode, RecordKind
from gateway.core.suite.octets import is_name

MAX_TIME_STEP_S = 24 * 3600
MAX_SHORT_LABEL = 256
_DESIGN = "<design>"
# Alone under its tag: beside other values the ascending order would depend on the design.
_WHOLE_VALUE = re.compile(r" <design>(?=//|$)")
_SAMPLE_DESIGN = "DESIGN"
_KIND_NAMES = {kind.name.lower(): kind for kind in RecordKind if kind is not RecordKind.CHUNK}
_OTHER_MODES = {mode.name: mode for mode in DataMode if mode is not DataMode.REAL}

Place = tuple[RecordKind, DataMode, str]


@dataclass(frozen=True, slots=True)
class Guide:
    """The parsed text.

    time_step_ms: to which the times of `about` are rounded.
    floors: labels by kind, mode and portion; patterns: the short labels of those that name the record's design.
    """

    id: str
    vocabulary: Vocabulary
    time_step_ms: int
    floors: Mapping[Place, Label]
    patterns: Mapping[Place, str]
    digest: bytes

    @classmethod
    def parse(cls, text: bytes, vocabularies: Mapping[str, Vocabulary]) -> Guide:
        """The guide in `text`, under `vocabularies` by name.

        Refuses `text-…`, `label`, `guide-incomplete` and `unreachable-portion`.
        """
        table = read_text(text, "guide", {"id", "vocabulary", "time_step_s"} | _KIND_NAMES.keys())
        identifier = table.name("id")
        vocabulary = vocabularies.get(table.name("vocabulary"))
        if vocabulary is None:
            raise table.wrong("vocabulary", "the name of a vocabulary in force")
        written: dict[Place, str] = {}
        for name in filter(_KIND_NAMES.__contains__, table.written()):
            written |= _kind_floors(table, name, vocabulary)
        guide = cls(
            id=identifier,
            vocabulary=vocabulary,
            time_step_ms=table.integer("time_step_s", 1, MAX_TIME_STEP_S) * 1000,
            floors={place: Label.expand(s, vocabulary) for place, s in written.items() if _DESIGN not in s},
            patterns={place: short for place, short in written.items() if _DESIGN in short},
            digest=text_digest(identifier, text),
        )
        guide._check_reachable(text)
        return guide

    def floor(self, kind: RecordKind, slot_name: str, data_mode: DataMode, design: str = "") -> Label:
        """The lowest label that portion may carry.

        design: the id of the design the record is about; refuses `design-missing` where the floor names one and the
        record does not, and `guide-silent` where there is no floor.
        """
        place = (kind, data_mode, slot_name)
        if place in self.floors:
            return self.floors[place]
        if place not in self.patterns:
            raise Refused(
                "guide-silent",
                f"the guide {self.id} has no floor for `{slot_name}` of {kind.name.lower()} in {data_mode.name}",
                at=slot_name,
            )
        if not is_design(design):
            raise Refused("design-missing", f"the floor of `{slot_name}` names the design, none came", at=slot_name)
        return Label.expand(self.patterns[place].replace(_DESIGN, design), self.vocabulary)

    def _check_reachable(self, text: bytes) -> None:
        for kind_number, mode, portion in (*self.floors, *self.patterns):
            kind = KINDS.get(kind_number)
            if kind is None:
                continue
            floor = self.floor(kind_number, portion, mode, _SAMPLE_DESIGN)
            for slot, required in enumerate(kind.slots):
                if not kind.must >> slot & 1:
                    continue
                above = self.floor(kind_number, required, mode, _SAMPLE_DESIGN)
                if not dominates(floor, above):
                    raise CallerError(
                        "unreachable-portion",
                        f"the guide labels `{portion}` {_short(floor)} but `{required}` {_short(above)}: "
                        "who may have the one may not have the other, and it could never be released",
                        at=_where(text, kind.name, mode, portion),
                        do="raise the one or lower the other",
                    )


def _short(label: Label) -> str:
    return label.text.partition(" ")[2]


def _kind_floors(guide: Table, name: str, vocabulary: Vocabulary) -> dict[Place, str]:
    kind_number = _KIND_NAMES[name]
    kind = KINDS.get(kind_number)
    raw = guide.raw(name)
    portions = kind.slots if kind else tuple(key for key in raw if is_name(key) and key not in _OTHER_MODES)
    table = guide.table(name, set(portions) | _OTHER_MODES.keys())
    missing = [portion for portion in portions if not table.has(portion)]
    if missing:
        raise CallerError(
            "guide-incomplete",
            f"a guide that has `{name}` must have a floor for each portion, `{missing[0]}` has none",
            at=table.at(missing[0]),
        )
    floors: dict[Place, str] = {
        (kind_number, mode, portion): _label(table, portion, vocabulary) for mode in DataMode for portion in portions
    }
    for mode_name in filter(_OTHER_MODES.__contains__, table.written()):
        differing = table.table(mode_name, set(portions))
        for portion in differing.written():
            floors[(kind_number, _OTHER_MODES[mode_name], portion)] = _label(differing, portion, vocabulary)
    return floors


def _label(table: Table, portion: str, vocabulary: Vocabulary) -> str:
    short = table.string(portion, MAX_SHORT_LABEL)
    if short.count(_DESIGN) != len(_WHOLE_VALUE.findall(short)):
        raise table.wrong(portion, "a label where `<design>` is the only value of its tag")
    try:
        Label.expand(short.replace(_DESIGN, _SAMPLE_DESIGN), vocabulary)
    except Refused as refusal:
        raise CallerError(refusal.code, refusal.message, at=table.at(portion)) from refusal
    return short


def _where(text: bytes, kind: str, mode: DataMode, portion: str) -> str:
    line = line_of(text, f"{kind}.{mode.name}", portion) or line_of(text, kind, portion)
    return f"guide line {line}: {kind}.{portion}" if line else f"guide: {kind}.{portion}"
