"""Parsers of the ledger: entries, ticks, accounts, receipts, and what a reader keeps of them."""

from __future__ import annotations

from gateway.core.ledger import book, entries, receipt, tick
from gateway.core.ledger.reader import LedgerReader
from gateway.core.suite.tree import Frontier
from tests.fuzz.engine import Subject
from tests.fuzz.subject import Entry, encoded, vectors
from tests.fuzz.subjects_records import GENESIS
from tests.reference import recorded
from tests.unit.ledger.honest import MINE, a_gateway

_SOURCE_ENTRIES = ("ledger.entry_admitted", "ledger.entry_refused", "ledger.entry_disclosed")


def _states() -> tuple[bytes, ...]:
    found = [LedgerReader(GENESIS, MINE).encode()]
    for count in (1, 3, 7):
        gateway = a_gateway(*(bytes([number]) for number in range(count)))
        reader = LedgerReader(gateway.genesis, MINE)
        reader.accept(gateway.message(0, 0)[1], [], recorded.verify_key("gateway-ledger"))
        found.append(reader.encode())
        reader.settle(b"\x00")
        found.append(reader.encode())
    return tuple(found)


def _state(octets: bytes) -> LedgerReader:
    return LedgerReader.decode(octets, GENESIS, MINE)


def _entries(octets: bytes) -> list[bytes]:
    return tick.parse_entries(octets, entries.MAX_ENTRY_BYTES)


def _commits() -> tuple[bytes, ...]:
    one, two = book.AccountEntry(b"one", b"entry", b"opening"), book.AccountEntry(b"two", b"")
    return book.encode_account_entries([one, two]), book.encode_account_entries([one])


def _ticks() -> tuple[bytes, ...]:
    return vectors(*(f"ledger.tick_{number}" for number in range(7)))


def _frontier(octets: bytes) -> Frontier:
    nodes = [octets[at : at + 48] for at in range(8, len(octets), 48)]
    return Frontier.from_nodes(int.from_bytes(octets[:8], "big"), nodes)


def _frontiers() -> tuple[bytes, ...]:
    found = []
    for size in (0, 1, 6, 255):
        frontier = Frontier()
        for number in range(size):
            frontier.append(bytes([number]) * 48)
        found.append(size.to_bytes(8, "big") + b"".join(frontier.nodes()))
    return tuple(found)


SUBJECTS: dict[str, Entry] = {
    "tick": Entry((tick.parse_tick,), lambda: Subject(_ticks(), tick.parse_tick, encoded)),
    "tick message": Entry(
        (tick.parse_tick_message,),
        lambda: Subject(vectors("ledger.tick_message_first", "ledger.tick_message"), tick.parse_tick_message, encoded),
    ),
    "leaves": Entry(
        (tick.parse_leaves,),
        lambda: Subject(
            vectors("ledger.leaves_message"), tick.parse_leaves, lambda value, _: tick.encode_leaves(value)
        ),
    ),
    "entries": Entry(
        (tick.parse_entries,),
        lambda: Subject(vectors("ledger.entries_message"), _entries, lambda value, _: tick.encode_entries(value)),
    ),
    "source entry": Entry(
        (entries.parse_source_entry,),
        lambda: Subject(vectors(*_SOURCE_ENTRIES), entries.parse_source_entry, encoded),
    ),
    "name of an account": Entry(
        (entries.account_name,),
        lambda: Subject(
            (entries.HOUSE, entries.source_account("src-3f07"), entries.partner_account("usa/arl", "UA-1", "main")),
            entries.account_name,
        ),
    ),
    "receipt": Entry(
        (receipt.parse_receipt,), lambda: Subject(vectors("ledger.receipt"), receipt.parse_receipt, encoded)
    ),
    "signed receipt": Entry(
        (receipt.parse_signed_receipt,),
        lambda: Subject(vectors("ledger.send_receipt"), receipt.parse_signed_receipt, encoded),
    ),
    "quarantine list": Entry(
        (receipt.parse_quarantine,),
        lambda: Subject(
            vectors("ledger.quarantine"),
            receipt.parse_quarantine,
            lambda value, _: receipt.encode_quarantine(value),
        ),
    ),
    "ledger state": Entry((LedgerReader.decode,), lambda: Subject(_states(), _state, encoded)),
    "frontier": Entry((Frontier.from_nodes,), lambda: Subject(_frontiers(), _frontier)),
    "account entries": Entry(
        (book.parse_account_entries,),
        lambda: Subject(_commits(), book.parse_account_entries, lambda value, _: book.encode_account_entries(value)),
    ),
    "stored tick": Entry(
        (book.parse_stored_tick,), lambda: Subject((a_gateway(b"a").journal[-1][1],), book.parse_stored_tick)
    ),
}
