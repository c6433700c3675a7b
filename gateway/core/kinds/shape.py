"""What a portion and a kind are: tables of fields and the laws that bind them.

A `Portion` is one slot: a message, its fields, and a law for what no single field can say. A `Kind` is the list of its
portions with the laws between them. Both are data, so checking, building, printing, ranges and the tables of SPEC.md
all read the same rows and cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from google.protobuf.message import Message

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds import canonical
from gateway.core.kinds.columns import Column
from gateway.core.kinds.fields import Field
from gateway.core.kinds.parts import fill
from gateway.core.suite.numbers import RecordKind, Schema

YEAR_2000_MS = 946_684_800_000
YEAR_2100_MS = 4_102_444_800_000


def says_something(message: Message, at: str) -> None:
    """The law of a portion none of whose fields is required."""
    if not message.ByteSize():
        raise Refused("schema", "a portion must say something, nothing came", at=at)


def _no_law(message: Message, at: str) -> None:
    """The law of a portion whose fields say everything."""


@dataclass(frozen=True)
class Portion:
    """One slot of a kind; `law` runs after every field passed."""

    name: str
    message: type[Message]
    fields: tuple[Field, ...]
    law: Callable[[Message, str], None] = _no_law

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, in the order of the message."""
        return tuple(field for field in self.fields if isinstance(field, Column))

    def check(self, message: Message) -> None:
        """Refuses what the schema does not allow; the values inside columns are left to `ranges`."""
        for field in self.fields:
            field.check(message, self.name)
        self.law(message, self.name)

    def build(self, values: Mapping[str, object]) -> bytes:
        """The content with these fields; `None` and empty values are left out.

        `rows` is counted, not given. Raises `CallerError` naming the field.
        """
        message = self.message()
        given = {name: value for name, value in values.items() if value is not None and value not in ("", [], ())}
        if self.columns:
            given["rows"] = self._rows(given)
        fill(message, self.fields, given, self.name)
        try:
            self.check(message)
        except Refused as refusal:
            raise CallerError(refusal.code, refusal.message, at=refusal.at) from refusal
        return canonical.encode(message)

    def _rows(self, given: Mapping[str, object]) -> int:
        lengths = {
            name: len(value)
            for name, value in given.items()
            if isinstance(value, Sequence) and not isinstance(value, (str, bytes))
        }
        if len(set(lengths.values())) != 1:
            raise CallerError(
                "rows-differ", f"columns must have one length, {sorted(lengths.items())} came", at=self.name
            )
        return next(iter(lengths.values()))


@dataclass(frozen=True)
class Kind:
    """A kind of records under one schema.

    must: bit j set: slot j is in every view.
    not_below: pairs (slot, floor): the label of `slot` is never below that of `floor`; inspection applies it.
    law: refuses a whole record whose portions contradict each other; second argument the guide's time step in ms.
    design_field: field of slot 0 that names the design the record is about; empty if the kind has none.
    """

    number: RecordKind
    schema: Schema
    must: int
    portions: tuple[Portion, ...]
    not_below: tuple[tuple[int, int], ...]
    law: Callable[[Mapping[int, Message], int], None]
    design_field: str = ""

    @property
    def name(self) -> str:
        """As agreements and commands spell it."""
        return self.number.name.lower()

    def design(self, about: Message) -> str:
        """The design a record is about, from its parsed slot 0; empty if it names none."""
        return str(getattr(about, self.design_field)) if self.design_field else ""

    @property
    def n(self) -> int:
        """Number of slots."""
        return len(self.portions)

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """Slot names; the index is the slot number."""
        return tuple(portion.name for portion in self.portions)
