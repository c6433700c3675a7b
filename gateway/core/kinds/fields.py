"""The fields a portion is made of, each knowing how to check, take and print itself.

A kind is a table of these; there is no code a kind could forget to write. `check` refuses what the schema does not
allow (`schema`, `range` or `text`), `put` takes a caller's value and raises `CallerError` naming the field, `to_json`
gives the value or `None` where nothing is there. Absent and zero are one on the wire, so a field is either required and
its zero refused, or optional and its zero means nothing is there, or a plain number whose zero is a zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from gateway.core.errors import CallerError, Refused
from gateway.core.kinds.text import check_text, normalise


class Field(Protocol):
    """One field of a portion."""

    @property
    def name(self) -> str:
        """Its name in the protobuf message."""
        ...

    def check(self, message: Message, at: str) -> None:
        """Refuses what the schema does not allow; `at` is the path of the message."""
        ...

    def put(self, message: Message, value: object, at: str) -> None:
        """Sets the field from a caller's value, or raises `CallerError`."""
        ...

    def to_json(self, message: Message) -> object:
        """The value as JSON knows it; `None` if nothing is there."""
        ...


def missing(name: str, at: str) -> Refused:
    """The refusal of a required field that is not there."""
    return Refused("schema", f"`{name}` must be there, nothing came", at=f"{at}.{name}")


def wrong_type(name: str, expected: str, at: str) -> CallerError:
    """The error for a caller's value of another type."""
    return CallerError("wrong-type", f"`{name}` must be {expected}", at=f"{at}.{name}")


@dataclass(frozen=True, slots=True)
class Number:
    """An integer from `low` to `high`; `optional`: zero means nothing is there."""

    name: str
    low: int
    high: int
    unit: str = ""
    optional: bool = False

    def check(self, message: Message, at: str) -> None:
        """Refuses `range`."""
        value = getattr(message, self.name)
        if not (self.low <= value <= self.high or (self.optional and value == 0)):
            raise Refused("range", f"`{self.name}` must be {self.low} to {self.high}", at=f"{at}.{self.name}")

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes an `int`, never a `bool`."""
        if type(value) is not int:
            raise wrong_type(self.name, "an integer", at)
        if not self.low <= value <= self.high:
            raise CallerError("range", f"`{self.name}` must be {self.low} to {self.high}", at=f"{at}.{self.name}")
        setattr(message, self.name, value)

    def to_json(self, message: Message) -> int | None:
        """The number."""
        value: int = getattr(message, self.name)
        return None if self.optional and value == 0 else value


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    name: str

    def check(self, message: Message, at: str) -> None:
        """Nothing to refuse: both values are allowed."""

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes a `bool`."""
        if not isinstance(value, bool):
            raise wrong_type(self.name, "true or false", at)
        setattr(message, self.name, value)

    def to_json(self, message: Message) -> bool:
        """The flag."""
        return bool(getattr(message, self.name))


def _names(enum: EnumTypeWrapper) -> dict[int, str]:
    """Name by number without the enum's prefix and without UNSPECIFIED."""
    prefix = len(enum.keys()[0]) - len("UNSPECIFIED")
    return {number: name[prefix:] for name, number in enum.items() if number}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a closed enum, named without its prefix."""

    name: str
    enum: EnumTypeWrapper
    names: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", _names(self.enum))

    def check(self, message: Message, at: str) -> None:
        """Refuses zero and every number that is not listed."""
        if getattr(message, self.name) not in self.names:
            raise Refused("schema", f"`{self.name}` must be a listed value", at=f"{at}.{self.name}")

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes a name such as `MULTIROTOR`."""
        setattr(message, self.name, _number(self, value, at))

    def to_json(self, message: Message) -> str | None:
        """The name; `None` for a number that is not listed."""
        return self.names.get(getattr(message, self.name))


@dataclass(frozen=True, slots=True)
class Choices:
    """A set of values of a closed enum: ascending, each once."""

    name: str
    enum: EnumTypeWrapper
    required: bool = False
    names: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", _names(self.enum))

    def check(self, message: Message, at: str) -> None:
        """Refuses unlisted numbers and any other order."""
        values = list(getattr(message, self.name))
        if self.required and not values:
            raise missing(self.name, at)
        if values != sorted(set(values)) or not self.names.keys() >= set(values):
            raise Refused(
                "schema", f"`{self.name}` must hold listed values, ascending, each once", at=f"{at}.{self.name}"
            )

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes names in any order."""
        numbers = {_number(self, item, at) for item in sequence(self.name, value, at)}
        getattr(message, self.name).extend(sorted(numbers))

    def to_json(self, message: Message) -> list[str | None]:
        """The names."""
        return [self.names.get(value) for value in getattr(message, self.name)]


def _number(choice: Choice | Choices, value: object, at: str) -> int:
    for number, name in choice.names.items():
        if name == value:
            return number
    raise CallerError(
        "unknown-value", f"`{choice.name}` must be one of {', '.join(choice.names.values())}", at=f"{at}.{choice.name}"
    )


def sequence(name: str, value: object, at: str) -> Sequence[object]:
    """`value` as a list; raises `CallerError`."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise wrong_type(name, "a list", at)
    return value


def _clean(name: str, value: object, at: str) -> str:
    """A caller's text, normalised; half of a surrogate pair has no UTF-8 and cannot enter a message."""
    if not isinstance(value, str) or re.search("[\ud800-\udfff]", value):
        raise wrong_type(name, "a text of whole characters", at)
    return normalise(value)


@dataclass(frozen=True, slots=True)
class Line:
    """A text of at most `max_bytes`; `form` says whether its spelling is allowed, `expected` names that form."""

    name: str
    max_bytes: int
    required: bool = False
    lines: bool = False
    form: Callable[[str], bool] | None = None
    expected: str = ""

    def check(self, message: Message, at: str) -> None:
        """Refuses `text`, or `schema` where a required text is missing or has another form."""
        text: str = getattr(message, self.name)
        if not text:
            if self.required:
                raise missing(self.name, at)
            return
        check_text(text, self.max_bytes, f"{at}.{self.name}", lines=self.lines)
        if self.form is not None and not self.form(text):
            raise Refused("schema", f"`{self.name}` must be {self.expected}", at=f"{at}.{self.name}")

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes a `str` and normalises it."""
        setattr(message, self.name, _clean(self.name, value, at))

    def to_json(self, message: Message) -> str | None:
        """The text."""
        text: str = getattr(message, self.name)
        return text or None


@dataclass(frozen=True, slots=True)
class Lines:
    """Several texts of one form; `ascending`: sorted, each once."""

    name: str
    max_bytes: int
    max_count: int
    form: Callable[[str], bool]
    expected: str
    ascending: bool = False

    def check(self, message: Message, at: str) -> None:
        """Refuses `schema` for count, form and order, `text` for characters."""
        texts = list(getattr(message, self.name))
        where = f"{at}.{self.name}"
        if len(texts) > self.max_count:
            raise Refused("schema", f"`{self.name}` holds at most {self.max_count}", at=where)
        for text in texts:
            check_text(text, self.max_bytes, where)
            if not self.form(text):
                raise Refused("schema", f"`{self.name}` must hold {self.expected}", at=where)
        if self.ascending and texts != sorted(set(texts)):
            raise Refused("schema", f"`{self.name}` must ascend, each once", at=where)

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes a list of `str`; sorts where the field ascends."""
        texts = [_clean(self.name, item, at) for item in sequence(self.name, value, at)]
        getattr(message, self.name).extend(sorted(set(texts)) if self.ascending else texts)

    def to_json(self, message: Message) -> list[str]:
        """The texts."""
        return list(getattr(message, self.name))


@dataclass(frozen=True, slots=True)
class Octets:
    """A digest: exactly `length` bytes."""

    name: str
    length: int

    def check(self, message: Message, at: str) -> None:
        """Refuses any other length."""
        if len(getattr(message, self.name)) != self.length:
            raise Refused("schema", f"`{self.name}` must have {self.length} bytes", at=f"{at}.{self.name}")

    def put(self, message: Message, value: object, at: str) -> None:
        """Takes `bytes`, or their hex."""
        if isinstance(value, str):
            try:
                value = bytes.fromhex(value)
            except ValueError as error:
                raise wrong_type(self.name, "hex digits", at) from error
        if not isinstance(value, bytes):
            raise wrong_type(self.name, f"{self.length} bytes or their hex", at)
        setattr(message, self.name, value)

    def to_json(self, message: Message) -> str:
        """Hex."""
        octets: bytes = getattr(message, self.name)
        return octets.hex()
