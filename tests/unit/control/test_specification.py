"""What section 2 of the specification shows is what the product takes: its texts, its words, its characters."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.control.agreement import Agreement
from gateway.core.control.compromise import Revocation, Taint
from gateway.core.control.equivalence import Equivalence
from gateway.core.control.guide import Guide
from gateway.core.control.hold import Hold, Lockdown
from gateway.core.control.moment import TrueTime
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.roster import Roster
from gateway.core.control.source import SourceAdmission
from gateway.core.control.suspension import Suspension
from gateway.core.control.texts import MAX_LINE_BYTES, check_readable
from gateway.core.control.words import _WORDS, spoken_words
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Vocabulary
from tests.unit.control.given import roster_text
from tests.unit.control.world import UKR, VOCABULARIES, agreement_text, partner_text

PROTOS = Path(__file__).resolve().parents[3] / "protos"
ASSEMBLED, PART = PROTOS / "SPEC.md", PROTOS / "spec-parts" / "control.md"
# Section 2 where it stands: in the assembled text, or still in its part.
TEXT = (ASSEMBLED if ASSEMBLED.exists() and "### 2.11 Words" in ASSEMBLED.read_text("utf-8") else PART).read_text(
    "utf-8"
)
SECTION = TEXT.split("## 2. Trust")[1].split("\n## 3.")[0]
BLOCKS = dict(re.findall(r"^```(?:toml )?(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL))
UKR_1 = Vocabulary.parse(UKR)
NATO_1 = Vocabulary.parse((VOCABULARIES / "NATO.1.toml").read_bytes())

TEXTS: dict[str, Callable[[bytes], object]] = {
    "roster": Roster.parse,
    "source": SourceAdmission.parse,
    "partner": PartnerAdmission.parse,
    "key_exchange": lambda text: PartnerAdmission.parse(text + partner_text()),
    "token": lambda text: PartnerAdmission.parse(partner_text() + text),
    "agreement": Agreement.parse,
    "guide": lambda text: Guide.parse(text, {"UKR.1": UKR_1}),
    "suspension": Suspension.parse,
    "equivalence": lambda text: Equivalence.parse(text, {"UKR.1": UKR_1, "NATO.1": NATO_1}),
    "taint": Taint.parse,
    "revocation": Revocation.parse,
    "time": TrueTime.parse,
    "hold": Hold.parse,
    "lockdown": Lockdown.parse,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_the_specification_is_taken(name: str) -> None:
    """Whoever copies an example must not be refused."""
    assert TEXTS[name](BLOCKS[name].encode())


def test_the_words_of_the_specification_are_the_products() -> None:
    """Two implementations must say the same words on both ends of a telephone."""
    rows = [line.split() for line in BLOCKS["words"].splitlines()]

    assert [word for row in rows for word in row[1:]] == list(_WORDS)
    assert [int(row[0], 16) for row in rows] == list(range(0, 256, 8))
    assert " ".join(spoken_words(b"a" * 48)) in SECTION


@pytest.mark.must("2.2.2")
def test_the_characters_of_the_specification_are_the_ones_refused() -> None:
    """One reader that takes what another refuses is two gateways."""
    listed = re.search(r"comments among it: (.*?);", SECTION, re.DOTALL)
    assert listed is not None
    refused = set()
    for first, last in re.findall(r"U\+([0-9A-F]+)(?:\s+to\s+U\+([0-9A-F]+))?", listed[1]):
        refused |= set(range(int(first, 16), int(last or first, 16) + 1))
    refused -= {0x09, 0x0A}

    for code in [
        *range(0x3000),
        *range(0x3100, 0x3200),
        *range(0xDFFD, 0x10100),
        *range(0x1BC90, 0x1BCB0),
        0xE0001,
        0x10FFFF,
    ]:
        if not 0xD800 <= code <= 0xDFFF:
            assert is_refused(chr(code)) == (code in refused), hex(code)


def is_refused(character: str) -> bool:
    """Whether a text with this character is refused."""
    try:
        check_readable(b"# " + character.encode(), "paper")
    except CallerError:
        return True
    return False


@pytest.mark.parametrize("file", sorted(path.name for path in VOCABULARIES.glob("*.toml")))
def test_every_vocabulary_that_is_shipped_can_be_signed(file: str) -> None:
    """A file that no gateway would apply is no starting point."""
    text = (VOCABULARIES / file).read_bytes()

    assert check_readable(text, "vocabulary") == text.decode()
    assert Vocabulary.parse(text).name == file.removesuffix(".toml")


def test_the_texts_of_these_tests_are_within_the_limits() -> None:
    """A line limit that a real agreement of many sources could not keep would be no limit but a trap."""
    many = "[\n" + "".join(f'  "src-{number:04x}",\n' for number in range(1000)) + "]"

    assert len(Agreement.parse(agreement_text(sources=many)).sources) == 1000
    assert max(map(len, roster_text().split(b"\n"))) < MAX_LINE_BYTES
