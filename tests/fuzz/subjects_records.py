"""Parsers of records, frames, parcels and streams, and where their valid inputs come from."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cache, partial

from gateway.core.records import batch, portion, states
from gateway.core.records.view import View, parse_view
from gateway.core.sealing import body, frame, parcel, stream
from gateway.core.sealing.cursor import CursorBinding
from gateway.core.suite.algorithms import Cipherstate
from gateway.core.suite.keys import KemKey
from gateway.core.suite.octets import Reader, lp32, u64
from tests.fuzz.engine import Subject
from tests.fuzz.subject import Entry, encoded, vectors
from tests.reference import recorded

KEYS = stream.StreamKeys(recorded.octets("stream.th"), Cipherstate(recorded.octets("stream.key_iv")))
CURSORS = CursorBinding("usa/arl", "UA-US-2026-014", "main", 4, recorded.field("stream.cursor_aad", "incarnation"))
GENESIS = recorded.octets("control.genesis_link")
_SIGNATURE = 4691


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


def _parcel_header(octets: bytes) -> parcel.ParcelHeader:
    return parcel.read_parcel_header(Reader(octets, "parcel"), octets)


def _header_again(header: parcel.ParcelHeader, _octets: bytes) -> bytes:
    return header.opening + len(header.sealed).to_bytes(2, "big") + header.sealed


@cache
def _parcel() -> parcel.ParcelReader:
    header = parcel.parse_parcel_header(recorded.octets("parcel.header"))
    return parcel.ParcelReader(header, recorded.kem_key("gateway-ingest"))


def _item(octets: bytes) -> bytes | None:
    # A reader that took an item waits for the next; each input gets one that waits for the first.
    return copy(_parcel()).open(octets)


def _stored_batch() -> bytes:
    item = states.parse_batch_item(recorded.octets("origin.parcel_plaintext_0"))
    verified = states.verify_batch(item, recorded.verify_key("source"), GENESIS)
    return states.StoredBatch(verified.signed, 1, verified.views).encode()


def _signed_batch() -> bytes:
    return recorded.octets("origin.batch_0") + recorded.octets("origin.batch_0_signature")


def _hello() -> bytes:
    return recorded.octets("stream.hello") + recorded.octets("stream.hello_signature")


def _disclosures() -> tuple[bytes, ...]:
    return tuple(recorded.octets(name) for name in recorded.names() if name.startswith("origin.disclosure_"))


def _sealed_again(opened: Callable[[bytes], object], tag: bytes, plaintext: bytes) -> object:
    """Opens what the right key sealed over the wrong words: past the seal there is a parser too."""
    return opened(u64(3) + lp32(KEYS.cipher.seal(6, plaintext, tag + KEYS.th + u64(3))))


def _opened_with_one_key(octets: bytes) -> object:
    return recorded.kem_key("ephemeral").open(octets, recorded.octets("stream.t"), "open")


SUBJECTS: dict[str, Entry] = {
    "disclosure": Entry(
        (portion.parse_disclosure,),
        lambda: Subject(
            _disclosures(),
            portion.parse_disclosure,
            lambda value, octets: portion.encode_disclosure(octets[:32], value),
        ),
    ),
    "marking": Entry((portion.parse_marking,), lambda: Subject(_disclosures(), portion.parse_marking)),
    "batch": Entry((batch.parse_batch,), lambda: Subject(vectors("origin.batch_0"), batch.parse_batch, encoded)),
    "signed batch": Entry(
        (batch.SignedBatch.parse,), lambda: Subject((_signed_batch(),), batch.SignedBatch.parse, encoded)
    ),
    "batch item": Entry(
        (states.parse_batch_item,),
        lambda: Subject(vectors("origin.parcel_plaintext_0"), states.parse_batch_item, encoded),
    ),
    "stored batch": Entry(
        (states.parse_stored_batch,), lambda: Subject((_stored_batch(),), states.parse_stored_batch, encoded)
    ),
    "admitted at": Entry(
        (states.read_admitted_at_ms,), lambda: Subject((_stored_batch(),), states.read_admitted_at_ms)
    ),
    "view": Entry(
        (parse_view,), lambda: Subject(vectors("frame.view_0_0", "frame.view_0_2", "frame.view_1_0"), _view, encoded)
    ),
    "section": Entry(
        (body.parse_section,), lambda: Subject(vectors("frame.section_0", "frame.section_1"), _section, encoded)
    ),
    "body": Entry(
        (body.parse_body,),
        lambda: Subject(
            vectors("frame.body"),
            body.parse_body,
            lambda value, _: body.encode_body([section.encode() for section in value]),
        ),
    ),
    "disclosure entry": Entry(
        (frame.parse_disclosure_entry,),
        lambda: Subject(
            vectors("frame.disclosure", "frame.disclosure_held", "frame.disclosure_owed"),
            frame.parse_disclosure_entry,
            encoded,
        ),
    ),
    "frame": Entry((frame.SealedFrame.parse,), lambda: Subject(vectors("frame.frame"), frame.SealedFrame.parse)),
    "old": Entry((frame.open_old,), lambda: Subject(vectors("frame.old"), partial(frame.open_old, KEYS))),
    "end": Entry((frame.open_end,), lambda: Subject(vectors("frame.end"), partial(frame.open_end, KEYS))),
    "notice": Entry((frame.open_notice,), lambda: Subject(vectors("frame.notice"), partial(frame.open_notice, KEYS))),
    "end under its seal": Entry(
        (frame.open_end,),
        lambda: Subject(
            vectors("frame.end_plaintext"),
            partial(_sealed_again, partial(frame.open_end, KEYS), b"SLUICE1/end\x00"),
        ),
    ),
    "hello": Entry(
        (stream.SignedHello.parse,),
        lambda: Subject(
            (_hello(),), stream.SignedHello.parse, lambda value, octets: value.hello.encode() + octets[-_SIGNATURE:]
        ),
    ),
    "stream terms": Entry(
        (stream.parse_stream_terms,), lambda: Subject(vectors("stream.t"), stream.parse_stream_terms, encoded)
    ),
    "open": Entry((stream.StreamOpening.parse,), lambda: Subject(vectors("stream.open"), stream.StreamOpening.parse)),
    "parcel header": Entry(
        (parcel.parse_parcel_header,),
        lambda: Subject(vectors("parcel.header"), parcel.parse_parcel_header, _header_again),
    ),
    "parcel header in a file": Entry(
        (parcel.read_parcel_header,), lambda: Subject(vectors("parcel.header", "parcel.whole"), _parcel_header)
    ),
    "parcel item": Entry((parcel.ParcelReader.open,), lambda: Subject(vectors("parcel.item_0"), _item)),
    "cursor": Entry(
        (CursorBinding.open,),
        lambda: Subject(vectors("stream.cursor"), partial(CURSORS.open, recorded.octets("stream.cursor_key"))),
    ),
    "seal": Entry((KemKey.open,), lambda: Subject(vectors("stream.seal_ephemeral"), _opened_with_one_key)),
}
