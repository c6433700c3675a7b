r"""A pending change in a file, on its way to an operator without a link and back.

    file = "SLUICE1/change-file\0" | suite | count u32 | lp32(entry)* | count u16 | lp32(pending entry)* | word*
    word = lp8(operator) | lp16(reason), as many as the rest of the file holds

The entries are the whole of CONTROL, so whoever signs verifies the chain from their own genesis as they would at the
gateway. The pending entries are those the change is written on and, last, the change. One that nobody has signed yet, a
draft for keys that are all offline, has an empty `sigs`. What a word says is its operator's reason, for the others to
read; it is not signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clients.operator.chain import Chain, Change, Folding
from clients.operator.home import Home, SeenHead
from clients.operator.kept_chain import KeptChain
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.statement import (
    MAX_SIGNATURES_BYTES,
    MAX_STATEMENT_BYTES,
    SignedStatement,
    parse_statement,
)
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.core.suite.octets import Reader, lp8, lp16, lp32, u16, u32

MAX_CARRIED_BYTES = 256 * 1024 * 1024
MAX_REASON_BYTES = 1024
_TAG = b"SLUICE1/change-file\x00"
_MAX_WORDS = 64


@dataclass(frozen=True, slots=True)
class Carried:
    """A change with everything that is needed to judge it. pending: the change itself is the last of them."""

    entries: tuple[ControlEntry, ...]
    pending: tuple[ControlEntry, ...]
    reasons: Mapping[str, str]

    @classmethod
    def of(cls, chain: Chain, change: Change) -> Carried:
        """The change as it stands at the gateway, and those it is written on."""
        before = [one.entry for one in chain.pending if one.entry.statement.position < change.entry.statement.position]
        return cls(chain.entries, (*before, change.entry), {})

    @classmethod
    def parse(cls, encoded: bytes) -> Carried:
        """The file; refuses `malformed`. Verifies nothing."""
        reader = Reader(encoded, "change file")
        reader.tag(_TAG)
        reader.suite()
        entries = tuple(_entry(reader) for _ in range(reader.u32("entries")))
        pending = tuple(_pending(reader) for _ in range(reader.u16("pending entries")))
        reasons: dict[str, str] = {}
        while reader.left and len(reasons) < _MAX_WORDS:
            operator = reader.name("operator")
            reasons[operator] = _reason(reader)
        reader.done()
        if not pending:
            raise reader.refuse("pending entries", "at least the change itself")
        return cls(entries, pending, reasons)

    def encode(self) -> bytes:
        """The bytes of the file."""
        return b"".join(
            (
                _TAG,
                SUITE_BYTE,
                u32(len(self.entries)),
                *(lp32(entry.encode()) for entry in self.entries),
                u16(len(self.pending)),
                *(lp32(entry.encode() if entry.signed.signatures else _unsigned(entry)) for entry in self.pending),
                *(lp8(name.encode()) + lp16(reason.encode()) for name, reason in self.reasons.items()),
            )
        )

    @property
    def change(self) -> ControlEntry:
        """The change itself."""
        return self.pending[-1]

    def signed(self, entry: ControlEntry, operator: str, reason: str) -> Carried:
        """The same with the change as `operator` has signed it."""
        return replace(self, pending=(*self.pending[:-1], entry), reasons={**self.reasons, operator: reason})

    def verified(self, home: Home, genesis: bytes, now_ms: int) -> tuple[ControlEntry, Control]:
        """The change as it would be applied now, and what stands before all that is pending.

        genesis: the link of the genesis this home is held to. Every entry is verified, the change's signatures too;
        refuses as the gateway would. A home that knows its gateway remembers the head.
        """
        folding = Folding(genesis, home.seen(), home)
        for entry in self.entries:
            folding.take(entry.encode())
        _, control = folding.done()
        if home.is_connected():
            home.remember(SeenHead(control.position, control.head))
            KeptChain(home.path).keep(self.entries)
        tip, change = control, self.change
        for pending in self.pending:
            change = replace(pending, applied_at_ms=max(now_ms, control.clock_ms))
            tip, _ = tip.preview(change)
        return change, control

    def told(self, reason: str) -> str:
        """`reason` with those the signers gave, as long as a reason may be."""
        given = [reason, *(f"{name}: {one}" for name, one in self.reasons.items())]
        return "; ".join(given).encode()[:MAX_REASON_BYTES].decode(errors="ignore")


def _entry(reader: Reader) -> ControlEntry:
    return parse_entry(reader.lp32("entry", MAX_MESSAGE_BYTES))


def _pending(reader: Reader) -> ControlEntry:
    encoded = reader.lp32("pending entry", MAX_MESSAGE_BYTES)
    parts = Reader(encoded, "change file")
    statement = parts.lp32("statement", MAX_STATEMENT_BYTES)
    if parts.lp32("signatures", MAX_SIGNATURES_BYTES):
        return parse_entry(encoded)
    parts.done()
    return ControlEntry(SignedStatement(parse_statement(statement), ()), (), 0)


def _unsigned(entry: ControlEntry) -> bytes:
    """What nobody has signed yet: a statement with nothing beside it."""
    return lp32(entry.statement.encode()) + lp32(b"")


def _reason(reader: Reader) -> str:
    reason = reader.lp16("reason", MAX_REASON_BYTES).decode(errors="replace")
    # It is printed: nothing that moves a terminal's cursor comes by way of a file.
    if not reason.isprintable():
        raise reader.refuse("reason", "one line whose every character can be seen")
    return reason
