"""What a text of a portion may contain: what a person can see, in one spelling.

Refused: text that is not NFC; control, format, bidirectional, zero-width, surrogate, private and unassigned characters;
line and paragraph separators; every space but SPACE and NO-BREAK SPACE; space at either end; characters that print as
nothing though Unicode calls them letters or marks. LINE FEED is allowed where a field has lines. So no text hides a
message, spoofs a terminal or reads otherwise than it prints. Unassigned means unknown: a reader whose Unicode is older
refuses a character it does not know. Source: SPEC.md section 8.
"""

from __future__ import annotations

import re
import unicodedata

from gateway.core.errors import Refused

# These pass `str.isprintable` and yet show nothing: grapheme joiner, Hangul fillers, Khmer inherent vowels, Mongolian
# and other variation selectors, the blank Braille pattern.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_SPACES = str.maketrans({"\u00a0": " "})
_SPACES_AND_LINES = str.maketrans({"\u00a0": " ", "\n": " "})


def normalise(text: str) -> str:
    """NFC without space at either end: what a source does to what a person typed, before it signs."""
    return unicodedata.normalize("NFC", text).strip()


def check_text(text: str, max_bytes: int, at: str, *, lines: bool = False) -> None:
    """Refuses `text` with code `text`, saying which rule of this room it breaks.

    max_bytes: in UTF-8.
    lines: LINE FEED is allowed.
    """
    if len(text) > max_bytes or len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise Refused("text", f"a text here has at most {max_bytes} bytes of UTF-8", at=at)
    if not text.translate(_SPACES_AND_LINES if lines else _SPACES).isprintable() or _INVISIBLE.search(text):
        raise Refused("text", "a text holds no control, bidirectional or invisible characters", at=at)
    if not unicodedata.is_normalized("NFC", text):
        raise Refused("text", "a text is in Unicode form NFC", at=at)
    if text != text.strip():
        raise Refused("text", "a text has no space at either end", at=at)
