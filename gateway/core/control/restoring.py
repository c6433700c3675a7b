r"""A request to restore: what a machine shows its operators of a store that was put back, and what they sign for it.

    file = "SLUICE1/restore-request\0" | suite | ran last[16] | ticks u64 | statements u64 | shown u64
           | count u32 | lp32(entry)* | count u16 | (lp32(St) | lp32(sigs, or nothing))* | word*
    word = lp8(operator) | lp16(reason), as many as the rest of the file holds

`ran last`, `ticks` and `statements` are the floor's: incarnation, ticks signed, statements applied; zeros where there
is no floor. `shown` counts the ticks of its incarnation that the store has. The entries are the whole of CONTROL as the
store has it, so whoever signs verifies it from their own genesis; then the RESTORE, and behind it what only stops: one
operator alone may put back before the start what the backup does not know. What the machine says of its floor is its
own word, and so is a reason its operator's; neither is signed. Nothing is verified here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.restore import NO_INCARNATION, Restore
from gateway.core.control.roster import ONE_SIGNATURE
from gateway.core.control.statement import (
    MAX_SIGNATURES_BYTES,
    MAX_STATEMENT_BYTES,
    SignedStatement,
    encode_signatures,
    parse_signatures,
    parse_statement,
)
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.numbers import ID_BYTES, MAX_MESSAGE_BYTES, StatementKind
from gateway.core.suite.octets import Reader, lp8, lp16, lp32, u16, u32, u64

MAX_REQUEST_FILE_BYTES = 256 * 1024 * 1024
MAX_REASON_BYTES = 1024
_TAG = b"SLUICE1/restore-request\x00"
_MAX_WORDS = 64


@dataclass(frozen=True, slots=True)
class Lost:
    """What a store lacks, at least. ticks: numbers, of `incarnation`, which ran last; statements: positions."""

    incarnation: bytes
    ticks: range
    statements: range


def lost_since(ran_last: bytes, ticks: int, statements: int, old: bytes, shown: int, position: int) -> Lost:
    """What lies between a floor and a store.

    ran_last, ticks, statements: the floor's; old, shown, position: incarnation, ticks and statements of the store. Of
    another incarnation than the store's everything is lost.
    """
    first = shown if ran_last == old else 0
    return Lost(ran_last, range(min(first, ticks), ticks), range(min(position, statements), statements))


def lost_facts(lost: Lost | None) -> dict[str, object] | None:
    """As JSON: first and last of ticks and of statements, null where there are none; null where no floor says."""
    if lost is None:
        return None
    return {
        "incarnation": lost.incarnation.hex(),
        "ticks": _ends(lost.ticks),
        "statements": _ends(lost.statements),
    }


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """The file. ran_last: 16 bytes, zero if no floor says; proposed: the RESTORE, then what stands behind it."""

    ran_last: bytes
    ticks: int
    statements: int
    shown: int
    entries: tuple[ControlEntry, ...]
    proposed: tuple[SignedStatement, ...]
    reasons: Mapping[str, str]

    @classmethod
    def parse(cls, encoded: bytes) -> RestoreRequest:
        """The file; refuses `malformed`, `restore-expected` and `restore-behind`. Verifies no signature."""
        reader = Reader(encoded, "restore request")
        reader.tag(_TAG)
        reader.suite()
        ran_last = reader.take(ID_BYTES, "ran last")
        ticks, statements, shown = reader.u64("ticks"), reader.u64("statements"), reader.u64("shown")
        entries = tuple(_entry(reader) for _ in range(reader.u32("entries")))
        proposed = tuple(_signed(reader) for _ in range(reader.u16("proposed")))
        reasons: dict[str, str] = {}
        while reader.left and len(reasons) < _MAX_WORDS:
            operator = reader.name("operator")
            if operator in reasons:
                raise reader.refuse("operator", "each once")
            reasons[operator] = _reason(reader)
        reader.done()
        if not entries or not proposed:
            raise reader.refuse("entries", "at least the genesis and a RESTORE")
        check_proposed(proposed)
        return cls(ran_last, ticks, statements, shown, entries, proposed, reasons)

    def encode(self) -> bytes:
        """The bytes of the file."""
        return b"".join(
            (
                _TAG,
                SUITE_BYTE,
                self.ran_last,
                *map(u64, (self.ticks, self.statements, self.shown)),
                u32(len(self.entries)),
                *(lp32(entry.encode()) for entry in self.entries),
                u16(len(self.proposed)),
                *(lp32(one.statement.encode()) + lp32(_sigs(one)) for one in self.proposed),
                *(lp8(name.encode()) + lp16(reason.encode()) for name, reason in self.reasons.items()),
            )
        )

    @property
    def restore(self) -> Restore:
        """What the RESTORE says."""
        return Restore.parse(self.proposed[0].statement.body)

    @property
    def lost(self) -> Lost | None:
        """What the floor knows and the store has not; None if no floor says."""
        if self.ran_last == NO_INCARNATION:
            return None
        return lost_since(self.ran_last, self.ticks, self.statements, self.restore.old, self.shown, len(self.entries))

    def signed(self, proposed: tuple[SignedStatement, ...], operator: str, reason: str) -> RestoreRequest:
        """The same with what `operator` has signed."""
        return replace(self, proposed=proposed, reasons={**self.reasons, operator: reason})


def check_proposed(proposed: Sequence[SignedStatement]) -> Restore:
    """The RESTORE that comes first; refuses `restore-expected`, its body as its parser does, and `restore-behind`.

    Behind it may stand what one person may sign.
    """
    first = proposed[0].statement
    if first.kind is not StatementKind.RESTORE:
        raise Refused("restore-expected", "a RESTORE was expected, another statement came", at="statement.kind")
    for one in proposed[1:]:
        if one.statement.kind not in ONE_SIGNATURE:
            raise Refused(
                "restore-behind",
                f"behind a RESTORE may stand what only stops, {one.statement.kind.name} came",
                at="statement.kind",
                do="propose it once the gateway runs",
            )
    return Restore.parse(first.body)


def _ends(span: range) -> dict[str, int] | None:
    return {"from": span[0], "to": span[-1]} if span else None


def _signed(reader: Reader) -> SignedStatement:
    """A statement and its signatures; nobody may have signed it yet."""
    statement = parse_statement(reader.lp32("statement", MAX_STATEMENT_BYTES))
    sigs = reader.lp32("signatures", MAX_SIGNATURES_BYTES)
    return SignedStatement(statement, parse_signatures(sigs) if sigs else ())


def _sigs(signed: SignedStatement) -> bytes:
    return encode_signatures(signed.signatures) if signed.signatures else b""


def _entry(reader: Reader) -> ControlEntry:
    return parse_entry(reader.lp32("entry", MAX_MESSAGE_BYTES))


def _reason(reader: Reader) -> str:
    try:
        reason = reader.lp16("reason", MAX_REASON_BYTES).decode()
    except UnicodeDecodeError as error:
        raise reader.refuse("reason", "UTF-8") from error
    # It is printed: nothing that moves a terminal's cursor comes by way of a file.
    if not reason.isprintable():
        raise reader.refuse("reason", "one line whose every character can be seen")
    return reason
