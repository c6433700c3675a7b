"""Every kind there is, and the way from the numbers in a record to its portions.

A new kind is one file in this room, one proto message file, one vector and its line below. A number without a kind is
unknown, and unknown means no.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf.message import Message

from gateway.core.errors import Refused
from gateway.core.kinds import canonical, parts, tactic, telemetry
from gateway.core.kinds.shape import Kind, Portion
from gateway.core.suite.numbers import RecordKind, Schema

_ALL = (
    telemetry.KIND,
    tactic.KIND,
)
KINDS: Mapping[RecordKind, Kind] = MappingProxyType({kind.number: kind for kind in _ALL})
SCHEMAS: Mapping[Schema, Kind] = MappingProxyType({kind.schema: kind for kind in _ALL})


def kind_of(schema: int) -> Kind:
    """The kind of a schema number; refuses `schema`."""
    for number, kind in SCHEMAS.items():
        if number == schema:
            return kind
    raise Refused("schema", f"a schema must be {', '.join(str(int(known)) for known in SCHEMAS)}, {schema} came")


def portion_of(schema: int, slot: int) -> Portion:
    """The portion of a slot; refuses `schema`."""
    kind = kind_of(schema)
    if not 0 <= slot < kind.n:
        raise Refused("schema", f"a slot of `{kind.name}` must be 0 to {kind.n - 1}, {slot} came")
    return kind.portions[slot]


def parse_portion(schema: int, slot: int, content: bytes) -> Message:
    """The message of a portion whose bytes are canonical; refuses `size` or `content-not-canonical`."""
    portion = portion_of(schema, slot)
    return canonical.parse(portion.message, content, portion.name)


def check_portion(schema: int, slot: int, message: Message) -> None:
    """Refuses `schema`, `range` or `text` where a message breaks its table; column values are left to `ranges`."""
    portion_of(schema, slot).check(message)


def check_record(schema: int, messages: Mapping[int, Message], *, time_step_ms: int = 3_600_000) -> None:
    """Refuses a record whose portions contradict each other, or that lacks a `must` portion.

    messages: every portion of the record by slot, each passed by `check_portion` and `ranges.check_ranges`. A view with
        withheld portions cannot be checked: what is missing would count as wrong.
    time_step_ms: the guide's coarse step, to which `about` is rounded.
    """
    kind = kind_of(schema)
    for slot, name in enumerate(kind.slots):
        if kind.must >> slot & 1 and slot not in messages:
            raise Refused("must", f"every record of `{kind.name}` has `{name}`, none came", at=name)
    kind.law(messages, time_step_ms)


def portion_texts(schema: int, slot: int, message: Message) -> list[tuple[str, str]]:
    """Path and words of every text in the portion that a person wrote freely."""
    portion = portion_of(schema, slot)
    return list(parts.texts(message, portion.fields, portion.name))


def design_of(schema: int, about: bytes) -> str:
    """The design a record is about, from the content of its slot 0 as admitted; empty if it names none."""
    kind = kind_of(schema)
    if not kind.design_field:
        return ""
    return kind.design(canonical.read(kind.portions[0].message, about, "about"))


def portion_to_json(schema: int, slot: int, message: Message) -> dict[str, object]:
    """The portion by field names with their units; columns as lists, `None` for unknown; absent fields left out."""
    return parts.to_json(message, portion_of(schema, slot).fields)
