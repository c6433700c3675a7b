"""Every parser of what comes from outside: random and mutated bytes are refused by name or are exactly one structure.

Nothing but an error of the tree leaves a parser, and what a parser takes encodes to the very bytes that came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Fault, GatewayError, Refused
from gateway.core.ledger import book, entries, receipt, tick
from gateway.core.ledger.reader import LedgerReader
from gateway.core.records import batch, portion, states
from gateway.core.records.view import View, parse_view
from gateway.core.sealing import body, frame, parcel, stream
from gateway.core.sealing.cursor import CursorBinding
from gateway.core.suite.algorithms import Cipherstate
from gateway.core.suite.keys import KemKey, SigningKey, VerifyKey
from gateway.core.suite.octets import Reader
from tests.reference import recorded
from tests.unit.ledger.honest import MINE, a_gateway

KEYS = stream.StreamKeys(recorded.octets("stream.th"), Cipherstate(recorded.octets("stream.key_iv")))
CURSORS = CursorBinding("usa/arl", "UA-US-2026-014", "main", 4, recorded.field("stream.cursor_aad", "incarnation"))
GENESIS = recorded.octets("control.genesis_link")


def _view(octets: bytes) -> View:
    reader = Reader(octets, "view")
    view = parse_view(reader)
    reader.done()
    return view


def _section(octets: bytes) -> body.Section:
    reader = Reader(octets, "section")
    section = body.parse_section(reader)
    reader.done()
    return section


def _portion_again(octets: bytes) -> bytes:
    return portion.encode_disclosure(octets[:32], portion.parse_disclosure(octets))


def _item(octets: bytes) -> object:
    header = parcel.parse_parcel_header(recorded.octets("parcel.header"))
    return parcel.ParcelReader(header, recorded.kem_key("gateway-ingest")).open(octets)


def _stored_batch() -> bytes:
    item = states.parse_batch_item(recorded.octets("origin.parcel_plaintext_0"))
    verified = states.verify_batch(item, recorded.verify_key("source"), GENESIS)
    return states.StoredBatch(verified.signed, 1, verified.views).encode()


def _ledger_state() -> bytes:
    reader = LedgerReader(GENESIS, MINE)
    gateway = a_gateway(b"a", b"b", b"c")
    reader = LedgerReader(gateway.genesis, MINE)
    reader.accept(gateway.message(0, 0)[1], [], recorded.verify_key("gateway-ledger"))
    reader.settle(b"a")
    return reader.encode()


def _entries_of_a_commit() -> bytes:
    return book.encode_account_entries(
        [book.AccountEntry(b"one", b"entry", b"opening"), book.AccountEntry(b"two", b"")]
    )


@dataclass(frozen=True)
class Parser:
    """Real bytes to start from, the parser, and what writes its result back (None where bytes are opened, not kept)."""

    octets: bytes
    parse: Callable[[bytes], object]
    again: Callable[[bytes], bytes] | None


def _signed(name: str) -> bytes:
    return recorded.octets(f"origin.{name}") + recorded.octets(f"origin.{name}_signature")


HELLO = recorded.octets("stream.hello") + recorded.octets("stream.hello_signature")
TICK_MESSAGE = recorded.octets("ledger.tick_message_first")
RECEIPT = recorded.octets("ledger.send_receipt")
SEAL = recorded.octets("stream.seal_ephemeral")

PARSERS: dict[str, Parser] = {
    "disclosure": Parser(recorded.octets("origin.disclosure_0_0_2"), portion.parse_disclosure, _portion_again),
    "batch": Parser(
        recorded.octets("origin.batch_0"), batch.parse_batch, lambda octets: batch.parse_batch(octets).encode()
    ),
    "signed batch": Parser(
        _signed("batch_0"), batch.SignedBatch.parse, lambda octets: batch.SignedBatch.parse(octets).encode()
    ),
    "batch item": Parser(
        recorded.octets("origin.parcel_plaintext_0"),
        states.parse_batch_item,
        lambda octets: states.parse_batch_item(octets).encode(),
    ),
    "stored batch": Parser(
        _stored_batch(), states.parse_stored_batch, lambda octets: states.parse_stored_batch(octets).encode()
    ),
    "view": Parser(recorded.octets("frame.view_0_0"), _view, lambda octets: _view(octets).encode()),
    "section": Parser(recorded.octets("frame.section_0"), _section, lambda octets: _section(octets).encode()),
    "body": Parser(
        recorded.octets("frame.body"),
        body.parse_body,
        lambda octets: body.encode_body([section.encode() for section in body.parse_body(octets)]),
    ),
    "disclosure entry": Parser(
        recorded.octets("frame.disclosure"),
        frame.parse_disclosure_entry,
        lambda octets: frame.parse_disclosure_entry(octets).encode(),
    ),
    "frame": Parser(recorded.octets("frame.frame"), frame.SealedFrame.parse, None),
    "old": Parser(recorded.octets("frame.old"), lambda octets: frame.open_old(KEYS, octets), None),
    "end": Parser(recorded.octets("frame.end"), lambda octets: frame.open_end(KEYS, octets), None),
    "notice": Parser(recorded.octets("frame.notice"), lambda octets: frame.open_notice(KEYS, octets), None),
    "hello": Parser(
        HELLO, stream.SignedHello.parse, lambda octets: stream.SignedHello.parse(octets).hello.encode() + octets[-4691:]
    ),
    "terms": Parser(
        recorded.octets("stream.t"),
        stream.parse_stream_terms,
        lambda octets: stream.parse_stream_terms(octets).encode(),
    ),
    "open": Parser(recorded.octets("stream.open"), stream.StreamOpening.parse, None),
    "parcel header": Parser(recorded.octets("parcel.header"), parcel.parse_parcel_header, None),
    "parcel item": Parser(recorded.octets("parcel.item_0"), _item, None),
    "tick": Parser(recorded.octets("ledger.tick_6"), tick.parse_tick, lambda octets: tick.parse_tick(octets).encode()),
    "tick message": Parser(
        TICK_MESSAGE, tick.parse_tick_message, lambda octets: tick.parse_tick_message(octets).encode()
    ),
    "leaves": Parser(
        recorded.octets("ledger.leaves_message"),
        tick.parse_leaves,
        lambda octets: tick.encode_leaves(tick.parse_leaves(octets)),
    ),
    "entries": Parser(
        recorded.octets("ledger.entries_message"),
        lambda octets: tick.parse_entries(octets, entries.MAX_ENTRY_BYTES),
        lambda octets: tick.encode_entries(tick.parse_entries(octets, entries.MAX_ENTRY_BYTES)),
    ),
    "admitted": Parser(
        recorded.octets("ledger.entry_admitted"),
        entries.parse_source_entry,
        lambda octets: entries.parse_source_entry(octets).encode(),
    ),
    "refused": Parser(
        recorded.octets("ledger.entry_refused"),
        entries.parse_source_entry,
        lambda octets: entries.parse_source_entry(octets).encode(),
    ),
    "disclosed": Parser(
        recorded.octets("ledger.entry_disclosed"),
        entries.parse_source_entry,
        lambda octets: entries.parse_source_entry(octets).encode(),
    ),
    "receipt": Parser(
        recorded.octets("ledger.receipt"),
        receipt.parse_receipt,
        lambda octets: receipt.parse_receipt(octets).encode(),
    ),
    "signed receipt": Parser(
        RECEIPT, receipt.parse_signed_receipt, lambda octets: receipt.parse_signed_receipt(octets).encode()
    ),
    "ledger state": Parser(
        _ledger_state(),
        lambda octets: LedgerReader.decode(octets, GENESIS, MINE),
        lambda octets: LedgerReader.decode(octets, GENESIS, MINE).encode(),
    ),
    "account entries": Parser(
        _entries_of_a_commit(),
        book.parse_account_entries,
        lambda octets: book.encode_account_entries(book.parse_account_entries(octets)),
    ),
    "stored tick": Parser(
        a_gateway(b"a").journal[-1][1],
        book.parse_stored_tick,
        None,
    ),
    "cursor": Parser(
        recorded.octets("stream.cursor"),
        lambda octets: CURSORS.open(recorded.octets("stream.cursor_key"), octets),
        None,
    ),
    "signing key": Parser(
        recorded.octets("keys.source"), VerifyKey.parse, lambda octets: VerifyKey.parse(octets).public_key
    ),
    "seal": Parser(
        SEAL, lambda octets: recorded.kem_key("ephemeral").open(octets, recorded.octets("stream.t"), "open"), None
    ),
}

INTEGERS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF, 2**63, 2**64 - 1]


@st.composite
def mutated(draw: st.DrawFn, octets: bytes) -> bytes:
    """The bytes with one to four changes: a flip, a cut, a spare run, a repeat, a boundary integer."""
    changed = bytearray(octets)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(changed)))
        run = draw(st.integers(1, 16))
        change = draw(st.sampled_from(["flip", "cut", "drop", "insert", "repeat", "integer"]))
        if change == "flip" and at < len(changed):
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del changed[at:]
        elif change == "drop":
            del changed[at : at + run]
        elif change == "insert":
            changed[at:at] = draw(st.binary(min_size=1, max_size=16))
        elif change == "repeat":
            changed[at:at] = changed[at : at + run]
        elif change == "integer":
            width = draw(st.sampled_from([1, 2, 4, 8]))
            changed[at : at + width] = (draw(st.sampled_from(INTEGERS)) % (1 << 8 * width)).to_bytes(width, "big")
    return bytes(changed)


def _code(family: type[GatewayError], taken: Callable[[bytes], object], octets: bytes) -> str | None:
    try:
        taken(octets)
    except family as refusal:
        return refusal.code
    return None


def check_taken_or_refused(parser: Parser, octets: bytes) -> None:
    """The parser refuses by name, or what it took is the whole of `octets` and nothing else."""
    code = _code(Refused, parser.parse, octets)
    if code is None and parser.again is not None:
        assert parser.again(octets) == octets
    assert code != ""


@pytest.mark.parametrize("name", PARSERS)
def test_the_bytes_a_parser_starts_from_are_taken(name: str) -> None:
    """A fuzzer that starts from what is refused anyway tests nothing."""
    parser = PARSERS[name]

    parser.parse(parser.octets)

    check_taken_or_refused(parser, parser.octets)


@pytest.mark.must("1.2.1", "1.2.3", "1.2.4")
@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60)
@given(data=st.data())
def test_mutated_bytes_are_refused_by_name_or_are_one_structure(name: str, data: st.DataObject) -> None:
    """No input of a peer makes anything but a refusal of the tree, and none is read in two ways."""
    parser = PARSERS[name]

    octets = data.draw(mutated(parser.octets))

    check_taken_or_refused(parser, octets)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=20)
@given(octets=st.binary(max_size=400))
def test_random_bytes_are_refused_by_name_or_are_one_structure(name: str, octets: bytes) -> None:
    """The same for bytes that never were anything."""
    check_taken_or_refused(PARSERS[name], octets)


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from([0, 1]))
def test_a_mutated_key_file_is_read_or_is_a_fault_by_name(data: st.DataObject, kind: int) -> None:
    """A damaged key file never ends a process without its name."""
    pem = (recorded.signing_key("source").to_pem(), recorded.kem_key("ephemeral").to_pem())[kind]
    read: Callable[[bytes], object] = (SigningKey.from_pem, KemKey.from_pem)[kind]

    octets = data.draw(mutated(pem))

    assert _code(Fault, read, octets) in {None, "key-file-unreadable"}


@settings(max_examples=60)
@given(data=st.data(), kind=st.integers(0, 5))
def test_a_mutated_journal_entry_is_taken_or_is_a_fault_by_name(data: st.DataObject, kind: int) -> None:
    """A damaged ledger stops a gateway with a name, never with a traceback."""
    gateway = a_gateway(b"a")
    entry = gateway.journal[data.draw(st.integers(0, len(gateway.journal) - 1))][1]

    octets = data.draw(mutated(entry))

    assert _code(Fault, lambda came: gateway.commit(kind, came), octets) in {None, "journal-damaged"}
