"""The admission of a source: who it is, which key signs its batches, and what it may send.

    id       = "src-3f07"                              # a pseudonym; the unit's name is a portion
    identity = "spiffe://ua.example/source/src-3f07"
    root     = "9f…"                                   # hex SHA-256 of the root certificate
    key      = "4c…"                                   # hex key digest
    scope    = "telemetry,tactic//SIMULATED"           # "" may send nothing

The key itself comes in the enrolment bundle beside the statement; the digest here is what operators sign.
Source: SPEC.md section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.binding import Binding
from gateway.core.control.scope import Scope
from gateway.core.control.texts import read_text
from gateway.core.parties.names import SourceId
from gateway.core.suite.numbers import MAX_SCOPE_BYTES


@dataclass(frozen=True, slots=True)
class SourceAdmission:
    """The parsed text of a SOURCE. key_digest: 48 bytes."""

    id: SourceId
    binding: Binding
    key_digest: bytes
    scope: Scope

    @classmethod
    def parse(cls, text: bytes) -> SourceAdmission:
        """The admission in `text`; refuses `text-…` and `scope`."""
        table = read_text(text, "source", {"id", "identity", "root", "key", "scope"})
        return cls(
            id=SourceId(table.name("id")),
            binding=Binding.read(table),
            key_digest=table.hex_bytes("key"),
            scope=Scope.parse(table.string("scope", MAX_SCOPE_BYTES, shortest=0)),
        )
