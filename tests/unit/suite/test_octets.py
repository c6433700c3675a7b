"""Fixed layouts: what is written is read back, and nothing is read past its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.suite import octets
from gateway.core.suite.octets import Reader
from tests.reference.making import names, u16s, u32s, u64s


@pytest.mark.must("1.1.1")
@given(st.integers(0, 255), u16s, u32s, u64s, st.binary(max_size=255), st.binary(max_size=300))
def test_integers_and_prefixed_fields_are_read_back(
    one: int, two: int, four: int, eight: int, short: bytes, field: bytes
) -> None:
    """Big-endian, each width its own, lengths in front."""
    written = b"".join(
        (
            octets.u8(one),
            octets.u16(two),
            octets.u32(four),
            octets.u64(eight),
            octets.lp8(short),
            octets.lp16(field),
            octets.lp32(field),
        )
    )
    reader = Reader(written, "sample")

    assert (reader.u8("a"), reader.u16("b"), reader.u32("c"), reader.u64("d")) == (one, two, four, eight)
    assert reader.offset == 15
    assert (reader.lp8("e"), reader.lp16("f"), reader.lp32("g", 300)) == (short, field, field)
    assert reader.left == 0
    reader.done()


@pytest.mark.must("1.2.4")
@pytest.mark.parametrize("method", ["u8", "u16", "u32", "u64", "lp8", "lp16"])
def test_a_field_past_the_end_is_refused(method: str) -> None:
    """A short structure is refused before anything of it is used, and the refusal names the field."""
    with pytest.raises(Refused) as refusal:
        getattr(Reader(b"", "sample"), method)("field")

    assert (refusal.value.code, refusal.value.at) == ("malformed", "sample.field at byte 0")


@pytest.mark.must("1.2.2")
@pytest.mark.parametrize("written", [octets.lp16(b"x" * 9), octets.u16(9)])
def test_a_length_above_its_limit_is_refused_before_it_is_taken(written: bytes) -> None:
    """The limit is checked on the length, not on what follows it."""
    assert Reader(octets.lp16(b"x" * 8), "sample").lp16("field", 8) == b"x" * 8

    with pytest.raises(Refused, match="at most 8 bytes, its length says 9"):
        Reader(written, "sample").lp16("field", 8)


@pytest.mark.must("1.2.2")
def test_a_length_behind_four_bytes_has_a_limit_too() -> None:
    """No four bytes can make a reader slice what it was not given."""
    with pytest.raises(Refused, match="at most 8 bytes"):
        Reader(octets.u32(2**32 - 1), "sample").lp32("field", 8)


@pytest.mark.must("1.2.4")
def test_a_tag_is_read_byte_for_byte() -> None:
    """Another tag, a short one, and none are all another structure."""
    Reader(b"SLUICE1/batch\x00", "batch").tag(b"SLUICE1/batch\x00")

    for other in (b"SLUICE1/batchX", b"SLUICE1/batch", b""):
        with pytest.raises(Refused, match="`tag` of a batch"):
            Reader(other, "batch").tag(b"SLUICE1/batch\x00")


@pytest.mark.must("1.4.1")
@pytest.mark.parametrize("number", [0, 2, 255])
def test_only_suite_1_exists(number: int) -> None:
    """There is no negotiation, so another suite byte is another format."""
    Reader(b"\x01", "batch").suite()

    with pytest.raises(Refused, match="`suite`"):
        Reader(octets.u8(number), "batch").suite()


@given(names)
def test_an_identifier_is_read_back(name: str) -> None:
    """Names are ASCII and open with a letter or a digit."""
    assert Reader(octets.lp8(name.encode()), "sample").name("id") == name
    assert octets.is_name(name)


@pytest.mark.must("1.1.2")
@pytest.mark.parametrize("raw", [b"", b".x", b"x" * 65, b"a b", b"a\n", b"\xc3\xa9", b"-"])
def test_what_is_no_identifier_is_refused(raw: bytes) -> None:
    """A name that prints like another, or breaks a line of a log, is none."""
    with pytest.raises(Refused, match="an identifier"):
        Reader(octets.lp8(raw), "sample").name("id")
    assert not octets.is_name(raw.decode("utf-8"))


@pytest.mark.must("1.2.3")
def test_trailing_bytes_are_refused() -> None:
    """One structure has one encoding."""
    reader = Reader(b"ab", "sample")
    reader.take(1, "first")

    with pytest.raises(Refused, match="1 more came"):
        reader.done()
    assert reader.rest() == b"b"
    reader.done()
