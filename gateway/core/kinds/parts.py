"""Messages inside a portion, and what is done with all fields of a message: filling, printing, reading its texts.

The rules are those of `fields`; a part adds a law for what none of its fields can say, and a list of parts an order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds.fields import Field, Line, missing, sequence, wrong_type


def fill(message: Message, fields: Sequence[Field], values: Mapping[str, object], at: str) -> None:
    """Puts every value into its field; a key without a field is an error that names it."""
    known = {field.name: field for field in fields}
    for key, value in values.items():
        if key not in known:
            raise CallerError(
                "unknown-key", f"expected one of {', '.join(sorted(known))}, another key came", at=f"{at}.{key}"
            )
        known[key].put(message, value, at)


@dataclass(frozen=True, slots=True)
class Part:
    """A message inside the portion; `law` refuses what no single field can."""

    name: str
    fields: tuple[Field, ...]
    required: bool = False
    law: Callable[[Message, str], None] | None = None

    def check(self, message: Message, at: str) -> None:
        """Checks every field of it, if it is there."""
        if message.HasField(self.name):
            _check_part(self, getattr(message, self.name), f"{at}.{self.name}")
        elif self.required:
            raise missing(self.name, at)

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes a mapping of its fields."""
        part = getattr(message, self.name)
        part.SetInParent()
        fill(part, self.fields, _mapping(self.name, value, at), f"{at}.{self.name}")

    def to_json(self, message: Message) -> dict[str, object] | None:
        """Its fields, if it is there."""
        return to_json(getattr(message, self.name), self.fields) if message.HasField(self.name) else None


@dataclass(frozen=True, slots=True)
class Parts:
    """At most `max_count` messages of one shape; `key`: what they ascend by, each once."""

    name: str
    fields: tuple[Field, ...]
    max_count: int
    law: Callable[[Message, str], None] | None = None
    key: Callable[[Message], object] | None = None

    def check(self, message: Message, at: str) -> None:
        """Checks count, every field and the order."""
        parts = getattr(message, self.name)
        if len(parts) > self.max_count:
            raise Refused("schema", f"`{self.name}` holds at most {self.max_count}", at=f"{at}.{self.name}")
        for index, part in enumerate(parts):
            _check_part(self, part, f"{at}.{self.name}[{index}]")
        if self.key is not None:
            keys = [self.key(part) for part in parts]
            if keys != sorted(set(keys)):  # type: ignore[type-var]  # keys are tuples of bytes and int
                raise Refused("schema", f"`{self.name}` must ascend, each once", at=f"{at}.{self.name}")

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes a list of mappings."""
        parts = getattr(message, self.name)
        for index, item in enumerate(sequence(self.name, value, at)):
            where = f"{at}.{self.name}[{index}]"
            fill(parts.add(), self.fields, _mapping(self.name, item, at), where)
        if self.key is not None:
            parts.sort(key=self.key)

    def to_json(self, message: Message) -> list[dict[str, object]]:
        """Each as a mapping."""
        return [to_json(part, self.fields) for part in getattr(message, self.name)]


def _check_part(part: Part | Parts, message: Message, at: str) -> None:
    for part_field in part.fields:
        part_field.check(message, at)
    if part.law is not None:
        part.law(message, at)


def _mapping(name: str, value: object, at: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise wrong_type(name, "a table", at)
    return value


def to_json(message: Message, fields: Sequence[Field]) -> dict[str, object]:
    """What is there, by field name, in the order of the schema."""
    values = ((shown.name, shown.to_json(message)) for shown in fields)
    return {name: value for name, value in values if value is not None and value != []}


def texts(message: Message, fields: Sequence[Field], at: str) -> Iterator[tuple[str, str]]:
    """Path and words of every text a person wrote freely; texts of a fixed form are left out."""
    for field in fields:
        where = f"{at}.{field.name}"
        if isinstance(field, Line) and field.form is None:
            words = field.to_json(message)
            if words:
                yield where, words
        elif isinstance(field, Part) and message.HasField(field.name):
            yield from texts(getattr(message, field.name), field.fields, where)
        elif isinstance(field, Parts):
            for index, part in enumerate(getattr(message, field.name)):
                yield from texts(part, field.fields, f"{where}[{index}]")
