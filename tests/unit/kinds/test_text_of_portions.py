"""Laws of texts in portions: what a person can see, in one spelling."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.kinds.text import check_text, normalise

HIDDEN = {
    "NUL": "a\0b",
    "TAB": "a\tb",
    "CARRIAGE RETURN": "a\rb",
    "ESCAPE": "a\x1b[2Jb",
    "SOFT HYPHEN": "a\u00adb",
    "ZERO WIDTH SPACE": "a\u200bb",
    "ZERO WIDTH JOINER": "a\u200db",
    "RIGHT-TO-LEFT OVERRIDE": "a\u202eb",
    "FIRST STRONG ISOLATE": "a\u2068b",
    "BYTE ORDER MARK": "a\ufeffb",
    "LINE SEPARATOR": "a\u2028b",
    "THIN SPACE": "a\u2009b",
    "VARIATION SELECTOR": "a\ufe0fb",
    "VARIATION SELECTOR SUPPLEMENT": "a\U000e0101b",
    "TAG CHARACTER": "a\U000e0041b",
    "HANGUL FILLER": "a\u3164b",
    "GRAPHEME JOINER": "a\u034fb",
    "BRAILLE BLANK": "a\u2800b",
    "PRIVATE USE": "a\ue000b",
    "NONCHARACTER": "a\uffffb",
    "SURROGATE": "a\ud800b",
}


@pytest.mark.must("8.3.1")
@pytest.mark.parametrize("name", HIDDEN)
def test_what_does_not_print_is_refused(name: str) -> None:
    """A reader must see every character that the source signed."""
    for lines in (False, True):
        with pytest.raises(Refused) as refused:
            check_text(HIDDEN[name], 100, "unit.callsign", lines=lines)

        assert (refused.value.code, refused.value.at) == ("text", "unit.callsign")


@pytest.mark.must("8.3.1")
def test_every_character_that_passes_is_seen() -> None:
    """All code points, one by one: letters, marks, numbers, punctuation, symbols and two spaces, no more."""
    shown = {"L", "M", "N", "P", "S"}

    for code in range(sys.maxunicode + 1):
        character = chr(code)
        try:
            check_text(f"a{character}b", 100, "x")
        except Refused:
            continue
        assert unicodedata.category(character)[0] in shown or character in " \u00a0"


@pytest.mark.must("8.3.1")
def test_a_line_feed_needs_a_field_with_lines() -> None:
    """A narrative has paragraphs; a callsign with one could forge a second line of a log."""
    check_text("перше\nдруге", 100, "x", lines=True)

    with pytest.raises(Refused, match="control"):
        check_text("перше\nдруге", 100, "x")


@pytest.mark.must("8.3.1")
def test_a_text_has_one_normal_form() -> None:
    """Two spellings that print alike would be two texts, and one of them could carry a bit."""
    composed, decomposed = "Зайці й їжаки", unicodedata.normalize("NFD", "Зайці й їжаки")

    check_text(composed, 100, "x")
    with pytest.raises(Refused, match="NFC"):
        check_text(decomposed, 100, "x")


@pytest.mark.must("8.3.1")
@pytest.mark.parametrize("text", [" a", "a ", "\u00a0a"])
def test_space_at_an_end_is_refused(text: str) -> None:
    """Nobody sees it, and it compares unequal."""
    with pytest.raises(Refused, match="either end"):
        check_text(text, 100, "x")


@pytest.mark.parametrize(("text", "fits"), [("a" * 8, True), ("a" * 9, False), ("їїїї", True), ("їїїїї", False)])
def test_length_counts_bytes_of_utf_8(text: str, fits: bool) -> None:
    """The limit is on what travels and is stored."""
    if fits:
        check_text(text, 8, "x")
        return
    with pytest.raises(Refused, match="at most 8"):
        check_text(text, 8, "x")


@given(st.text(alphabet=st.characters(categories=("L", "M", "N", "P", "S", "Zs"))))
def test_a_normalised_text_has_the_form(text: str) -> None:
    """What a source cleans by `normalise` can be refused for a character, never for its form or its ends."""
    clean = normalise(text)

    assert unicodedata.is_normalized("NFC", clean)
    assert clean == clean.strip() == normalise(clean)
