"""Section 13 of the format: what somebody received, kept as it came. A file of the story's stream and of its parcel."""

from __future__ import annotations

from tests.reference.writer_control import HOUR, NOW, World
from tests.reference.writer_octets import Fields, Vectors, fixed, leaf, lp8, lp32, tag, u8, u64
from tests.reference.writer_scene_ledger import ledger_state

STREAM, MESSAGE, CONNECTION, CONTROL, PARCEL = 1, 2, 3, 4, 5


def write_ledger_state(vectors: Vectors) -> None:
    """Of the reader of the story: it verified K_1, stands at place 2, and holds the first of its entries."""
    first, second = vectors.made("ledger.tick_0"), vectors.made("ledger.tick_1")
    held = leaf(vectors.made("frame.disclosure_held"))
    vectors.fields("evidence.ledger_state", ledger_state(second, [first], 2, [held], []))


def write_evidence(vectors: Vectors, world: World) -> None:
    """One item of each type, and the files that they make."""
    then = NOW + 30 * HOUR
    hello = vectors.made("stream.hello") + vectors.made("stream.hello_signature")
    ephemeral = vectors.octets("evidence.ephemeral_pem", world.sealed_to["ephemeral"].pem())
    state = vectors.made("evidence.ledger_state")
    stream = vectors.fields(
        "evidence.stream_item",
        [("Hello and sig", lp32(hello)), ("ephemeral KEM key", lp32(ephemeral)), ("ledger state", lp32(state))],
    )
    heard = [
        u8(0) + vectors.made("materials.directory_message"),
        u8(1) + vectors.made("stream.open"),
        u8(2) + vectors.made("ledger.tick_message"),
        u8(4) + vectors.made("frame.old"),
        u8(5) + vectors.made("frame.frame"),
        u8(6) + vectors.made("frame.notice"),
        u8(7) + vectors.made("frame.end"),
    ]
    items: Fields = [("STREAM", _item(STREAM, stream))]
    for place, message in enumerate(heard):
        item = u64(then + place * 1000) + message
        items.append((f"MESSAGE {place}", _item(MESSAGE, item)))
    vectors.fields("evidence.message_item", [("time", u64(then)), ("message", heard[0])])
    vectors.fields("evidence.stream_file", [("tag", tag("recording")), *items])
    # It asks from the tick and the size of the state beside it, and for the directory whole.
    begin = u8(0) + fixed("incarnation", 16) + u64(2) + u64(1) + u64(0)
    vectors.fields(
        "evidence.connection_item",
        [("source_id", lp8(b"src-3f07")), ("begin", lp32(begin)), ("ledger state", lp32(state))],
    )
    parcel = _item(PARCEL, vectors.made("parcel.whole"))
    vectors.fields("evidence.parcel_file", [("tag", tag("recording")), ("PARCEL", parcel)])


def _item(kind: int, item: bytes) -> bytes:
    return u8(kind) + lp32(item)
