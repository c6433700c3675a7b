"""Guides: the lowest label that each portion may carry. SPEC.md section 2.6."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import texts
from .kinds import MUST_SLOTS, SCHEMAS
from .labels import Label, Vocabulary
from .octets import IDENTIFIER, Refusal, require

_NUMBERS = {"telemetry": 1, "tactic": 2}


@dataclass(frozen=True)
class Guide:
    """A guide: the floor of each portion, by kind, mode and slot. What it is silent on has none, and is not taken."""

    id: str
    vocabulary: Vocabulary
    floors: dict[tuple[int, int, str], Label]

    @classmethod
    def parse(cls, raw: bytes, in_force: dict[str, Vocabulary]) -> Guide:
        """The guide of a text, every floor of which is a label and dominates the floors of its kind's must set."""
        body = texts.read_text(raw, "guide")
        kinds = {name: one for name, one in body.items() if name in texts.KINDS}
        head = {"id": texts.form(IDENTIFIER), "vocabulary": _word, "time_step_s": texts.whole(1, 86_400)}
        texts.table(head, dict.fromkeys(kinds, _any))(body, "guide")
        if body["vocabulary"] not in in_force:
            raise Refusal("text-value", "guide.vocabulary")
        words = in_force[str(body["vocabulary"])]
        floors = {}
        for kind, rows in kinds.items():
            for mode, number in texts.MODES.items():
                for slot, label in _floors(kind, rows, mode, words).items():
                    floors[texts.KINDS[kind], number, slot] = label
        return cls(str(body["id"]), words, floors)

    def check(self, kind: int, mode: int, slot: str, label: Label) -> None:
        """Nothing, if the label is not below the floor of the portion (9.3)."""
        floor = self.floors.get((kind, mode, slot))
        right = floor and label.vocabulary == self.vocabulary.name and self.vocabulary.dominates(label, floor)
        require(right, "label-below-guide", f"{slot}.label")


def _word(value: object, at: str) -> str:
    if not isinstance(value, str):
        raise Refusal("text-value", at)
    return value


def _any(value: object, _at: str) -> object:
    return value


def _floors(kind: str, rows: object, mode: str, words: Vocabulary) -> dict[str, Label]:
    """Slots and floors of one kind and mode: the table, and what differs in the mode's own."""
    at = f"guide.{kind}"
    if not isinstance(rows, dict):
        raise Refusal("text-value", at)
    plain = {name: one for name, one in rows.items() if name not in texts.MODES}
    other = rows.get(mode, {})
    if not isinstance(other, dict):
        raise Refusal("text-value", at)
    require("REAL" not in rows and set(other) <= set(plain), "text-unknown-key", at)
    read = {}
    for name, one in {**plain, **other}.items():
        # `<design>` stands alone under its tag, or the order of values would depend on the design.
        short = re.sub(r" <design>(?=//|$)", " DESIGN", _word(one, f"{at}.{name}"))
        read[name] = Label.parse(f"{words.name} {short}".encode())
        words.check(read[name])
    if kind in _NUMBERS:
        slots = {slot for slot, _ in SCHEMAS[_NUMBERS[kind]].slots}
        require(set(read) <= slots, "text-unknown-key", at)
        require(set(read) == slots, "guide-incomplete", at)
        for must in MUST_SLOTS[kind]:
            covered = all(words.dominates(one, read[must]) for one in read.values())
            require(covered, "unreachable-portion", f"{at}.{must}")
    return read
