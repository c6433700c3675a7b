"""Parsers of who got what: openings of disclosures, evidence about accounts, and what an officer types."""

from __future__ import annotations

from collections.abc import Callable

from clients.operator.disclosed import RecordName
from clients.operator.proving import read_evidence
from clients.operator.seen_ledger import SeenLedger
from gateway.core.ledger import evidence
from gateway.core.sealing.opening import parse_disclosure_opening
from gateway.core.suite.octets import lp32, u8
from gateway.core.suite.tree import Frontier, leaf_hash
from tests.fuzz.engine import Subject
from tests.fuzz.mutation_texts import Text
from tests.fuzz.subject import Entry, encoded, octets_of, vectors, worded
from tests.fuzz.subjects_clients import in_a_file
from tests.reference import recorded

ITEMS = {
    "tick item": (evidence.parse_opened_tick, evidence.TICK),
    "account item": (evidence.parse_shown_account, evidence.ACCOUNT),
    "entry item": (evidence.parse_shown_entry, evidence.ENTRY),
    "skipped item": (evidence.parse_skipped, evidence.SKIPPED),
    "evidence batch": (evidence.parse_shown_batch, evidence.BATCH),
}
_VECTORS = {name: f"evidence.{name.replace(' ', '_')}" for name in ITEMS} | {"evidence batch": "evidence.batch_item"}


def _item(octets: bytes) -> bytes:
    return octets[:1] + evidence.parse_evidence_item(octets[0] if octets else 0, octets[1:]).encode()


def _items() -> tuple[bytes, ...]:
    return tuple(u8(kind) + recorded.octets(_VECTORS[name]) for name, (_, kind) in ITEMS.items())


def _file() -> bytes:
    items = [item[:1] + lp32(item[1:]) for item in _items()]
    return evidence.FILE_TAG + b"".join(items)


def _read_file(octets: bytes) -> list[tuple[int, bytes]]:
    return list(read_evidence(in_a_file("evidence", octets), limit=len(octets)))


def _written_file(items: list[tuple[int, bytes]], _octets: bytes) -> bytes:
    return evidence.FILE_TAG + b"".join(u8(kind) + lp32(item) for kind, item in items)


def _seen() -> tuple[bytes, ...]:
    ledger, found = Frontier(), [b""]
    for number in range(7):
        statement = recorded.octets(f"ledger.tick_{number}")
        found.append(SeenLedger(statement, ledger.copy()).encode())
        ledger.append(leaf_hash(statement))
    return tuple(found[:3] + found[-1:])


def _record(octets: bytes) -> RecordName:
    return RecordName.parse(worded(octets))


def _named(name: RecordName, _octets: bytes) -> bytes:
    return octets_of(name.digits if name.idx is None else f"{name.digits}.{name.idx}")


def _item_subject(parse: Callable[[bytes], evidence.EvidenceItem], name: str) -> Callable[[], Subject]:
    return lambda: Subject(vectors(_VECTORS[name]), parse, encoded)


SUBJECTS: dict[str, Entry] = {
    **{name: Entry((parse,), _item_subject(parse, name)) for name, (parse, _) in ITEMS.items()},
    "evidence item": Entry((evidence.parse_evidence_item,), lambda: Subject(_items(), _item, lambda value, _: value)),
    "opening of a disclosure": Entry(
        (parse_disclosure_opening,),
        lambda: Subject(vectors("evidence.opening", "evidence.opening_before"), parse_disclosure_opening, encoded),
    ),
    "file of evidence": Entry((read_evidence,), lambda: Subject((_file(),), _read_file, _written_file)),
    "seen tick": Entry((SeenLedger.decode,), lambda: Subject(_seen(), SeenLedger.decode, encoded)),
    "name of a record": Entry((RecordName.parse,), lambda: Subject((b"9d0c", b"9d0c11e2.4"), _record, grammar=Text)),
}
