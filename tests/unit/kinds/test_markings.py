"""Markings in texts: what is taken for one, and which label covers it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gateway.core.labels
from gateway.core.errors import Refused
from gateway.core.kinds.markings import check_markings, markings_in
from gateway.core.labels.label import Label
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import Schema
from tests.unit.kinds import given

FOLDER = Path(gateway.core.labels.__file__).parent / "vocabularies"
VOCABULARIES = {v.name: v for v in (Vocabulary.parse(path.read_bytes()) for path in FOLDER.glob("*.toml"))}

MARKED = {
    "ДСК": ["Для службового користування", "ДЛЯ СЛУЖБОВОГО\nКОРИСТУВАННЯ", "гриф ДСК", "(дск)", "дск\nтекст"],
    "Таємно": ["ТАЄМНО", "Таємно\nтекст", "(таємно)", "гриф: ТАЄМНО.", "TAЄMHO"],
    "Цілком таємно": ["цілком таємно", "ЦІЛКОМ ТАЄМНО", "Цілком - таємно"],
    "Особливої важливості": ["ОСОБЛИВОЇ ВАЖЛИВОСТІ", "Особливої важливості"],
    "CONFIDENTIAL": ["CONFIDENTIAL", "Confidential", "x (C//REL TO USA, GBR) y"],
    "SECRET": ["SECRET", "is SECRET.", "secret\nplan", "[ secret ]", "(S//REL TO USA, GBR)", "\u0405ECRET"],
    "TOP SECRET": ["TOP SECRET", "top secret", "Top-Secret", "x (TS) y", "(TS//SI)"],
    "NOFORN": ["NOFORN", "x noforn\n(noforn)", "SIGINT/NF"],
    "ORCON": ["ORCON"],
    "PROPIN": ["PROPIN"],
    "IMCON": ["IMCON"],
    "OFFICIAL-SENSITIVE": ["OFFICIAL-SENSITIVE", "official sensitive"],
    "NATO RESTRICTED": ["NATO RESTRICTED", "nato restricted", "x (NR) y"],
    "NATO CONFIDENTIAL": ["NATO CONFIDENTIAL", "(//NC)"],
    "NATO SECRET": ["NATO SECRET", "Nato Secret", "(//NS//ATOMIC)"],
    "COSMIC TOP SECRET": ["COSMIC TOP SECRET", "(CTS)"],
    "ATOMAL": ["ATOMAL"],
    "BOHEMIA": ["BOHEMIA"],
    "VS-NfD": ["VS-NfD", "VS-NUR FÜR DEN DIENSTGEBRAUCH", "vs nfd", "nur für den Dienstgebrauch"],
    "VS-VERTRAULICH": ["VS-Vertraulich"],
    "GEHEIM": ["GEHEIM", "Geheim\ntext"],
    "STRENG GEHEIM": ["streng geheim", "STRENG GEHEIM"],
    "RESTREINT UE": ["RESTREINT UE", "EU RESTRICTED"],
    "SECRET UE": ["SECRET UE", "EU SECRET"],
}
PROSE = [
    "",
    "The secret of flying low is patience.",
    "Діяли таємно, щоб не видати позицію.",
    "питання особливої важливості для взводу",
    "drone(s) and battery (C) or (S), item (T)",
    "a confidential talk in the restricted area",
    "sécrétaire, SECRETARY, ДСКА, NSA, GEHEIMNIS",
    "an official statement",
    "UNCLASSIFIED, OFFICIAL, відкрито, NATO",
]


@pytest.mark.parametrize(("words", "text"), [(words, text) for words, texts in MARKED.items() for text in texts])
def test_a_marking_is_found(words: str, text: str) -> None:
    """In capitals, in brackets, on a line of its own, or spelled with letters of the other alphabet."""
    assert words in [marking.words for marking in markings_in(text)]


@pytest.mark.parametrize("text", PROSE)
def test_plain_words_are_no_marking(text: str) -> None:
    """A lesson that may not say `secret` would teach its author to leave the guard."""
    assert markings_in(text) == ()


@pytest.mark.parametrize(("longer", "shorter"), [("NATO SECRET", "SECRET"), ("ЦІЛКОМ ТАЄМНО", "Таємно")])
def test_a_longer_marking_is_not_found_twice(longer: str, shorter: str) -> None:
    """NATO SECRET is not the SECRET of the United States."""
    assert len(markings_in(longer)) == 1
    assert shorter in [marking.words for marking in markings_in(f"{longer} {shorter.upper()}")]


def covered(text: str, label: str) -> bool:
    """Whether every marking of `text` may stand under `label`."""
    return all(marking.is_covered_by(Label.parse(label, VOCABULARIES)) for marking in markings_in(text))


@pytest.mark.parametrize(
    ("text", "label", "may_stand"),
    [
        ("ДСК", "UKR.1 DSK", True),
        ("ДСК", "UKR.1 OPEN", False),
        ("ДСК", "UKR.1 T//REL USA", True),
        ("ТАЄМНО", "UKR.1 DSK//REL DEU,GBR,USA", False),
        ("ТАЄМНО", "UKR.1 T", True),
        ("ЦІЛКОМ ТАЄМНО", "UKR.1 T", False),
        ("ОСОБЛИВОЇ ВАЖЛИВОСТІ", "UKR.1 OV", True),
        ("SECRET", "UKR.1 OV", False),
        ("SECRET", "USA.1 S", True),
        ("SECRET", "USA.1 C", False),
        ("SECRET", "GBR.1 S", True),
        ("TOP SECRET", "GBR.1 TS", True),
        ("NATO SECRET", "NATO.1 NS", True),
        ("NATO SECRET", "USA.1 TS", False),
        ("NOFORN", "USA.1 U", True),
        ("NOFORN", "USA.1 S//REL UKR", False),
        ("NOFORN", "UKR.1 T", False),
        ("ORCON", "USA.1 S//DISSEM ORCON", True),
        ("ORCON", "USA.1 S//DISSEM PROPIN", False),
        ("ORCON", "USA.1 S", False),
        ("OFFICIAL-SENSITIVE", "GBR.1 O//CAVEAT SENSITIVE", True),
        ("OFFICIAL-SENSITIVE", "GBR.1 S", False),
        ("VS-NfD", "DEU.1 GEHEIM", True),
        ("RESTREINT UE", "UKR.1 OV", False),
        ("nothing of the kind", "UKR.1 OPEN", True),
    ],
)
def test_a_label_covers_its_own_policys_markings_up_to_its_level(text: str, label: str, may_stand: bool) -> None:
    """No row says how two policies compare, so another policy's marking may not stand at all."""
    assert covered(text, label) == may_stand


def test_a_level_the_vocabulary_does_not_know_is_not_covered() -> None:
    """A future vocabulary may drop a level; an unknown one is above everything."""
    text = (FOLDER / "UKR.1.toml").read_bytes().replace(b'"OV"', b'"OVX"')
    highest = Label.expand("OVX", Vocabulary.parse(text))

    assert [marking.is_covered_by(highest) for marking in markings_in("ОСОБЛИВОЇ ВАЖЛИВОСТІ")] == [False]


def test_a_portion_with_a_marking_above_its_label_is_refused_at_that_text() -> None:
    """Copied text brings its marking along; the portion's label would release it too widely."""
    message = given.lesson(conclusion={"uk": "Висновок.\nЦІЛКОМ ТАЄМНО", "en": "One."})[4]
    above, below = (Label.parse(f"UKR.1 {level}", VOCABULARIES) for level in ("TST", "T"))

    check_markings(Schema.TACTIC_1, 4, message, above)
    with pytest.raises(Refused) as refused:
        check_markings(Schema.TACTIC_1, 4, message, below)

    assert (refused.value.code, refused.value.at) == ("marking-in-text", "conclusion.text.uk")


@pytest.mark.parametrize("worst", ["\n", "(", "(a", "NATO - ", "secret\n", "- ", "[[[ ", "vs-"])
def test_no_text_makes_the_search_slow(worst: str) -> None:
    """Linear: with a cost that grows as the square this would not end before the watchdog."""
    text = worst * (200_000 // len(worst))

    assert len(markings_in(text)) <= 1
