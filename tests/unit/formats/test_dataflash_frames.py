"""What is a message of a `.BIN` and what is not: definitions, values, damage."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink import DFReader

from clients.formats.dataflash_frames import DataflashFrames, Message, parse_definition
from clients.formats.extract import UNKNOWN, whole

SAMPLE = "mavlink/ardupilot_dataflash_test.BIN"
HEAD = b"\xa3\x95"


def a_definition(
    number: int, name: bytes = b"ABC", form: bytes = b"B", labels: bytes = b"x", length: int | None = None
) -> bytes:
    """An FMT message; the length is right for formats of one-byte values unless it is given."""
    counted = 3 + len(form) if length is None else length
    return HEAD + bytes((128, number, counted)) + struct.pack("<4s16s64s", name, form, labels)


def a_message(number: int, body: bytes = b"\x07") -> bytes:
    """A message of a type."""
    return HEAD + bytes((number,)) + body


def walk(log: bytes) -> tuple[list[tuple[str, int]], int, int]:
    """Every message as (name, start), and the bytes between and after them."""
    frames = DataflashFrames(log)
    messages = [(definition.name, start) for definition, start in frames.messages()]
    return messages, frames.gaps.between, frames.gaps.after


def the_message(form: bytes, body: bytes, labels: bytes = b"x") -> Message:
    """The one message of a type of this format."""
    log = a_definition(1, b"ABC", form, labels, 3 + len(body)) + a_message(1, body)
    *_, (definition, start) = DataflashFrames(log).messages()
    return definition.message(log, start)


def test_every_value_of_a_real_log_is_the_librarys(samples: Path) -> None:
    """An independent reader that users trust must find the same messages with the same values in them."""
    log = (samples / SAMPLE).read_bytes()
    library = DFReader.DFReader_binary(str(samples / SAMPLE))
    frames = DataflashFrames(log)
    compared = 0

    for definition, start in frames.messages():
        ours, theirs = definition.message(log, start), library.recv_msg()
        assert theirs.get_type() == definition.name
        for label in ours.columns:
            value = getattr(theirs, label)
            # A definition says text even of what the library makes a mode's name or bytes of.
            if isinstance(value, str | bytes):
                assert definition.name in ("FMT", "MODE") or ours.text(label) == value
            else:
                assert ours.number(label, 1e7) == whole(value, 1e7)
            compared += 1

    assert library.recv_msg() is None
    assert compared > 10_000
    assert (frames.gaps.between, frames.gaps.after) == (0, 24)


@pytest.mark.parametrize(
    ("form", "body", "scale", "value"),
    [
        (b"b", struct.pack("<b", -7), 1, -7),
        (b"B", struct.pack("<B", 200), 1, 200),
        (b"M", struct.pack("<B", 11), 1, 11),
        (b"h", struct.pack("<h", -30_000), 1, -30_000),
        (b"H", struct.pack("<H", 60_000), 1, 60_000),
        (b"i", struct.pack("<i", -(1 << 31)), 1, -(1 << 31)),
        (b"I", struct.pack("<I", (1 << 32) - 1), 1, (1 << 32) - 1),
        (b"q", struct.pack("<q", -(1 << 40)), 1, -(1 << 40)),
        (b"Q", struct.pack("<Q", (1 << 53) + 1), 1, (1 << 53) + 1),
        (b"g", struct.pack("<e", 1.5), 100, 150),
        (b"f", struct.pack("<f", -2.5), 100, -250),
        (b"d", struct.pack("<d", 0.125), 1000, 125),
        (b"c", struct.pack("<h", -718), 100, -718),
        (b"C", struct.pack("<H", 161), 1000, 1610),
        (b"e", struct.pack("<i", 58_882), 1000, 588_820),
        (b"E", struct.pack("<I", 58_882), 1, 589),
        (b"L", struct.pack("<i", -1_800_000_000), 1e7, -1_800_000_000),
        (b"f", struct.pack("<f", math.nan), 1, UNKNOWN),
        (b"d", struct.pack("<d", math.inf), 1, UNKNOWN),
        (b"Q", b"\xff" * 8, 1, UNKNOWN),
        (b"n", b"4\x00\x00\x00", 1, UNKNOWN),
        (b"a", bytes(64), 1, UNKNOWN),
    ],
)
def test_every_format_character_is_read_as_the_format_says(form: bytes, body: bytes, scale: float, value: int) -> None:
    """A scale taken wrong moves a vehicle a hundredfold; what is no number is unknown."""
    message = the_message(form, body)

    assert message.number("x", scale) == value
    assert message.number("absent") == UNKNOWN


def test_the_value_that_means_unknown_is_unknown() -> None:
    """A sensor that is not there logs zero."""
    assert the_message(b"c", b"\x00\x00").number("x", 100, unknown=0) == UNKNOWN


def test_a_text_ends_at_its_first_zero_and_only_texts_are_text() -> None:
    """What an autopilot left behind the end of a text is nobody's."""
    assert the_message(b"Z", b"ArduPlane\x00old".ljust(64, b"\x00")).text("x") == "ArduPlane"
    assert the_message(b"N", b"\xff".ljust(16, b"\x00")).text("x") == "\ufffd"
    assert the_message(b"B", b"A").text("x") == ""
    assert the_message(b"B", b"A").text("absent") == ""


@pytest.mark.parametrize(
    "definition",
    [
        a_definition(1, length=5),
        a_definition(1, form=b"?"),
        a_definition(1, form=b"BB"),
        a_definition(1, form=b"BB", labels=b"x,x"),
        a_definition(1, form=b"BB", labels=b"x,"),
        a_definition(1, form=b"", labels=b""),
        a_definition(1, form=b"aaaa", labels=b"x,y,z,w", length=3),
        a_definition(1, name=b""),
        a_definition(1, name=b"A\x00B"),
        a_definition(1, name=b"A\x1b"),
        a_definition(1, name=b"A\xe9"),
        a_definition(1, labels=b"x\x00y"),
        a_definition(1, name=b"FMT"),
        a_definition(128, name=b"ABC"),
    ],
)
def test_a_definition_that_contradicts_itself_defines_nothing(definition: bytes) -> None:
    """One flipped bit in a definition would give every message of its type another meaning."""
    log = definition + a_message(1) + a_definition(2, b"XYZ") + a_message(2)

    assert parse_definition(definition[3:]) is None
    assert walk(log) == ([("FMT", 93), ("XYZ", 182)], 93, 0)


def test_a_definition_may_fill_its_fields_to_the_last_byte() -> None:
    """A text that fills its field has no zero after it."""
    labels = b",".join(b"%03d" % number for number in range(16)) + b"x"
    log = a_definition(1, b"ABCD", b"B" * 16, labels) + a_message(1, bytes(range(16)))

    *_, (definition, start) = DataflashFrames(log).messages()

    assert definition.name == "ABCD"
    assert definition.message(log, start).number("015x") == 15


def test_of_two_definitions_of_one_number_none_is_believed() -> None:
    """Nobody can say which of them the flipped bit is in; the same one twice is no contradiction."""
    first, second = a_definition(1, b"POS", b"B"), a_definition(1, b"POS", b"b")

    assert walk(first + first + a_message(1))[0] == [("FMT", 0), ("FMT", 89), ("POS", 178)]
    assert walk(first + second + a_message(1) + first + a_message(1)) == ([("FMT", 0), ("FMT", 89), ("FMT", 182)], 4, 4)


def test_of_two_numbers_with_one_name_none_is_believed() -> None:
    """One flipped bit makes a third estimator call itself the first."""
    log = a_definition(1, b"NKF1") + a_definition(3, b"NKF1") + a_message(1) + a_message(3) + a_definition(4, b"POS")

    assert walk(log) == ([("FMT", 0), ("FMT", 89), ("FMT", 186)], 8, 0)


def test_what_fmt_says_of_itself_changes_nothing() -> None:
    """Other writers call its last column otherwise, and no message may take the definitions away."""
    itself = a_definition(128, b"FMT", b"BBnNZ", b"Type,Length,Name,Format,Labels", 89)
    log = itself + a_definition(128, b"FMT", b"BB", b"x,y") + a_definition(1) + a_message(1)

    assert [name for name, _ in walk(log)[0]] == ["FMT", "FMT", "FMT", "ABC"]


def test_a_message_before_its_definition_is_no_message() -> None:
    """Its length is not known yet, and a second walk knows no more than the first."""
    log = a_definition(2, b"XYZ") + a_message(1) + a_message(2) + a_definition(1) + a_message(1)
    frames = DataflashFrames(log)

    walks = [[(definition.name, start) for definition, start in frames.messages()] for _ in range(2)]

    assert walks[0] == walks[1] == [("FMT", 0), ("XYZ", 93), ("FMT", 97), ("ABC", 186)]


def test_a_message_whose_end_is_lost_takes_nothing_from_the_next() -> None:
    """Where a block of a card is lost, half a position and half of something else would be a place nobody was at."""
    body = bytes(range(12))
    begin = a_definition(1, b"POS", b"B" * 12, b"a,b,c,d,e,f,g,h,i,j,k,l")
    log = begin + a_message(1, body)[:9] + a_message(1, body) + a_message(1, body)

    assert walk(log) == ([("FMT", 0), ("POS", 98), ("POS", 113)], 9, 0)


def test_a_head_inside_a_message_does_not_tear_it() -> None:
    """Values are any bytes, also those of a head."""
    begin = a_definition(1, b"POS", b"B" * 8, b"a,b,c,d,e,f,g,h") + a_definition(2, b"XYZ")
    followed = a_message(1, a_message(2) + a_message(2)) + a_message(2)
    alone = a_message(1, a_message(2) + bytes(4)) + bytes(7)

    assert walk(begin + followed) == ([("FMT", 0), ("FMT", 89), ("POS", 178), ("XYZ", 189)], 0, 0)
    assert walk(begin + alone) == ([("FMT", 0), ("FMT", 89), ("POS", 178)], 0, 7)


def test_what_touches_no_message_is_none() -> None:
    """Noise holds heads now and then; a message stands in a row with others."""
    log = a_definition(1) + bytes(9) + a_message(1) + bytes(9) + a_message(1) + a_message(1) + bytes(9)

    assert walk(log) == ([("FMT", 0), ("ABC", 111), ("ABC", 115)], 22, 9)


PIECES = st.sampled_from(
    [
        *(a_definition(number, b"N%d" % number) for number in (1, 2, 3)),
        a_definition(1, b"N2", b"BB", b"x,y"),
        a_definition(2, b"TOP", b"Z" * 3 + b"B", b"x,y,z,w", 196),
        *(a_message(number) for number in (1, 2, 3)),
        a_message(2, bytes(193)),
        *(HEAD, HEAD + b"\x80", b"\xa3", bytes(5)),
    ]
)
PART = st.tuples(st.one_of(PIECES, st.binary(max_size=8)), st.integers(1, 200)).map(lambda part: part[0][: part[1]])


@settings(max_examples=200)
@given(st.lists(PART, max_size=30).map(b"".join))
def test_every_byte_of_any_log_belongs_to_one_message_or_to_a_gap(log: bytes) -> None:
    """Whatever a log holds: the walk ends, messages lie in order within the log, and what they leave is counted."""
    frames = DataflashFrames(log)
    covered = end = 0

    for definition, start in frames.messages():
        assert start >= end
        assert log[start : start + 2] == HEAD
        covered += definition.length
        end = start + definition.length
        definition.message(log, start)

    assert end <= len(log)
    assert frames.gaps.between + frames.gaps.after + covered == len(log)
    assert frames.gaps.after == len(log) - end
