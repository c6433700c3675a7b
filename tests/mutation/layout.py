"""Which field a byte is: the layouts of SPEC.md as a walk over an item's own lengths and counts.

Written for items that both readers accept, so nothing is checked here. A field is named `structure.field`; fields of
repeated structures carry the number of the structure, `statement[1].roster`, and `spans` gives them in order, without a
gap: every byte of an item is of one field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.suite.numbers import PublishMessage, Role, StreamMessage
from tests.mutation.recorded import File, Item, Kind

_SIGNATURE = (("ML-DSA-87", 4627), ("Ed25519", 64))
_KEYS = {Role.GATEWAY_INGEST, Role.PARTNER_KEM}


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end` of an item are this field."""

    start: int
    end: int
    field: str

    @property
    def of_kind(self) -> str:
        """The field without numbers: `statement.roster`."""
        return re.sub(r"\[\d+\]", "", self.field)


class _Walk:
    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.place = 0
        self.spans: list[Span] = []

    def take(self, length: int, field: str) -> bytes:
        if length:
            self.spans.append(Span(self.place, self.place + length, field))
        self.place += length
        return self.octets[self.place - length : self.place]

    def number(self, width: int, field: str) -> int:
        return int.from_bytes(self.take(width, field), "big")

    def prefixed(self, width: int, field: str) -> bytes:
        return self.take(self.number(width, f"{field} length"), field)

    def hashes(self, width: int, field: str) -> None:
        for _ in range(self.number(width, f"{field} count")):
            self.take(48, field)

    def tagged(self, of: str) -> None:
        self.take(self.octets.index(b"\0", self.place) + 1 - self.place, f"{of}.tag")
        self.take(1, f"{of}.suite")

    def signature(self, of: str) -> None:
        for half, length in _SIGNATURE:
            self.take(length, f"{of} {half}")

    def fields(self, of: str, *widths: tuple[str, int]) -> None:
        for field, width in widths:
            self.take(width, f"{of}.{field}")

    def rest(self, field: str) -> None:
        self.take(len(self.octets) - self.place, field)


def spans(file: File, item: Item) -> list[Span]:
    """Every field of an item, in order."""
    walk = _Walk(item.octets)
    rules: dict[Kind, Callable[[_Walk], None]] = {
        Kind.CONTROL: _entry,
        Kind.HEADER: _header,
        Kind.PIECE: _piece,
        Kind.STREAM: lambda walk: walk.rest("stream item"),
        Kind.CONNECTION: lambda walk: walk.rest("connection item"),
    }
    if item.kind is Kind.MESSAGE:
        walk.take(1, "type")
        (_OF_STREAM if file.holds == "streams" else _OF_CONNECTION)[item.octets[0]](walk)
    else:
        rules[item.kind](walk)
    return walk.spans


def _statement(walk: _Walk, of: str) -> None:
    walk.number(4, f"{of} length")
    walk.tagged(of)
    walk.fields(of, ("genesis", 48), ("position", 8), ("prev", 48), ("roster", 48), ("kind", 1))
    walk.prefixed(4, f"{of}.body")
    walk.fields(of, ("proposed_at", 8), ("expires_at", 8))
    walk.number(4, f"{of}.signatures length")
    for _ in range(walk.number(1, f"{of}.signatures n")):
        walk.prefixed(2, f"{of}.signatures key")
        walk.signature(f"{of}.signatures")


def _endorsement(walk: _Walk, of: str) -> None:
    walk.number(2, f"{of} length")
    walk.tagged(of)
    walk.fields(of, ("salt", 32), ("role", 1))
    walk.prefixed(1, f"{of}.subject_id")
    walk.fields(of, ("key_digest", 48), ("valid_from", 8), ("valid_to", 8))
    walk.prefixed(2, f"{of}.scope")
    walk.take(1, f"{of}.state")
    walk.prefixed(4, f"{of}.key or file")


def _directory(walk: _Walk) -> None:
    for number in range(walk.number(2, "statement count")):
        _statement(walk, f"statement[{number}]")
    for number in range(walk.number(2, "endorsement count")):
        walk.take(4, f"endorsement[{number}].index")
        _endorsement(walk, f"endorsement[{number}]")
        walk.hashes(1, f"endorsement[{number}].node")


def _open(walk: _Walk) -> None:
    walk.number(2, "T length")
    walk.tagged("T")
    walk.take(48, "T.genesis")
    for field in ("partner_id", "agreement_id", "subscription"):
        walk.prefixed(1, f"T.{field}")
    walk.fields("T", ("stream_id", 16), ("H(Hello)", 48), ("partner-kem key_id", 16), ("gateway-stream key_id", 16))
    walk.fields("T", ("agreement_digest", 48), ("not_after", 8))
    walk.prefixed(2, "seal to partner-kem")
    walk.prefixed(2, "seal to ephemeral")
    walk.signature("sigS")


def _tick(walk: _Walk) -> None:
    walk.number(2, "K length")
    walk.tagged("K")
    walk.fields("K", ("genesis", 48), ("key_id", 16), ("incarnation", 16), ("tick", 8), ("time", 8), ("ledger", 48))
    walk.fields("K", ("control", 48), ("accounts_root", 48))
    walk.signature("sigK")
    walk.fields("head", ("salt", 32), ("size", 8), ("root", 48), ("place", 4))
    walk.hashes(1, "path")
    walk.hashes(4, "leaf")
    walk.hashes(1, "ledger node")


def _leaves(walk: _Walk) -> None:
    walk.hashes(4, "leaf")


def _sealed(walk: _Walk) -> None:
    walk.take(8, "seq")
    walk.prefixed(4, "ct")


def _frame(walk: _Walk) -> None:
    walk.take(8, "seq")
    walk.prefixed(4, "G ct")
    walk.prefixed(4, "body ct")


def _stored(walk: _Walk) -> None:
    walk.take(48, "H(B)")


def _waiting(walk: _Walk) -> None:
    walk.fields("answer", ("H(B)", 48), ("code", 2))


def _refused(walk: _Walk) -> None:
    walk.fields("answer", ("H(B)", 48), ("code", 2), ("idx", 2), ("slot", 1))
    walk.prefixed(2, "answer.field")


def _entries(walk: _Walk) -> None:
    for number in range(walk.number(4, "entry count")):
        of = f"entry[{number}]"
        end = walk.number(4, f"{of} length") + walk.place
        tag = walk.octets[walk.place :].split(b"\0", 1)[0]
        walk.tagged(of)
        walk.take(32, f"{of}.salt")
        if tag.endswith(b"disclosed"):
            walk.fields(of, ("H(B)", 48), ("idx", 1), ("mask", 2))
            walk.prefixed(1, f"{of}.partner_id")
        else:
            walk.fields(of, ("lane", 16), ("batch_no", 8), ("H(B)", 48))
        walk.take(end - walk.place, f"{of}.code")


def _entry(walk: _Walk) -> None:
    _statement(walk, "statement")
    for number in range(walk.number(2, "attachment count")):
        of = f"attachment[{number}]"
        end = walk.number(4, f"{of} length") + walk.place
        (_bundle if walk.octets[walk.place :].startswith(b"SLUICE1/enrol\0") else _list)(walk, of)
        walk.take(end - walk.place, f"{of} rest")
    walk.take(8, "applied_at")


def _bundle(walk: _Walk, of: str) -> None:
    walk.tagged(f"{of}.bundle")
    walk.prefixed(1, f"{of}.bundle.subject_id")
    signing = 0
    for _ in range(walk.number(1, f"{of}.bundle.n")):
        signing += walk.number(1, f"{of}.bundle.role") not in _KEYS
        walk.prefixed(2, f"{of}.bundle.key")
    walk.prefixed(2, f"{of}.bundle.certificate request")
    for _ in range(signing):
        walk.signature(f"{of}.bundle.sig")


def _list(walk: _Walk, of: str) -> None:
    for number in range(walk.number(2, f"{of}.list count")):
        _endorsement(walk, f"{of}.E[{number}]")


def _header(walk: _Walk) -> None:
    walk.tagged("parcel")
    walk.take(48, "parcel.genesis")
    walk.prefixed(1, "parcel.source_id")
    walk.fields("parcel", ("parcel_id", 16), ("gateway-ingest key_id", 16))
    walk.prefixed(2, "parcel.seal")


def _piece(walk: _Walk) -> None:
    walk.take(1, "type")
    walk.prefixed(4, "ct")


_OF_STREAM: dict[int, Callable[[_Walk], None]] = {
    StreamMessage.DIRECTORY: _directory,
    StreamMessage.OPEN: _open,
    StreamMessage.TICK: _tick,
    StreamMessage.LEAVES: _leaves,
    StreamMessage.OLD: _sealed,
    StreamMessage.FRAME: _frame,
    StreamMessage.NOTICE: _sealed,
    StreamMessage.END: _sealed,
}
_OF_CONNECTION: dict[int, Callable[[_Walk], None]] = {
    PublishMessage.DIRECTORY: _directory,
    PublishMessage.TICK: _tick,
    PublishMessage.STORED: _stored,
    PublishMessage.WAITING: _waiting,
    PublishMessage.REFUSED: _refused,
    PublishMessage.ENTRIES: _entries,
}
