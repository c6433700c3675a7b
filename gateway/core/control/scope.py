"""The scope of a source: which kinds of records it may send, in which data modes.

`telemetry,tactic//REAL`: kinds, then modes, each once and in the order of their numbers, so a scope has one spelling.
The empty scope permits nothing. Source: SPEC.md section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gateway.core.errors import CallerError
from gateway.core.suite.numbers import MAX_SCOPE_BYTES, DataMode, RecordKind


@dataclass(frozen=True, slots=True)
class Scope:
    """Parsed; equal scopes have equal text."""

    text: str
    kinds: frozenset[RecordKind]
    modes: frozenset[DataMode]

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The scope in `text`; refuses `scope` for anything but the one spelling."""
        if len(text) > MAX_SCOPE_BYTES:
            raise _wrong()
        if not text:
            return cls("", frozenset(), frozenset())
        kinds_text, separator, modes_text = text.partition("//")
        kinds = frozenset(kind for kind in RecordKind if _name(kind) in kinds_text.split(","))
        modes = frozenset(mode for mode in DataMode if mode.name in modes_text.split(","))
        if not separator or not kinds or not modes or spell_scope(kinds, modes) != text:
            raise _wrong()
        return cls(text, kinds, modes)

    def covers(self, kind: RecordKind, mode: DataMode) -> bool:
        """Whether the source may send this kind in this mode."""
        return kind in self.kinds and mode in self.modes


def spell_scope(kinds: frozenset[RecordKind], modes: frozenset[DataMode]) -> str:
    """The one spelling."""
    return f"{','.join(map(_name, sorted(kinds)))}//{','.join(mode.name for mode in sorted(modes))}"


def _name(kind: IntEnum) -> str:
    return kind.name.lower()


def _wrong() -> CallerError:
    return CallerError(
        "scope", "a scope is kinds, `//` and modes in the order of their numbers, like `telemetry//REAL`", at="scope"
    )
