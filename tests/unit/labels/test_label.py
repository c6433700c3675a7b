"""A label has one spelling, and only its vocabulary gives it meaning."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway.core.labels
from gateway.core.errors import Refused
from gateway.core.labels.label import Label
from gateway.core.labels.render import banner, portion
from gateway.core.labels.vocabulary import Vocabulary

FILES = Path(gateway.core.labels.__file__).parent / "vocabularies"
VOCABULARIES = {
    vocabulary.name: vocabulary for vocabulary in (Vocabulary.parse(f.read_bytes()) for f in sorted(FILES.iterdir()))
}
UKR = VOCABULARIES["UKR.1"]


def a_label(text: str) -> Label:
    """The label of a canonical text."""
    return Label.parse(text, VOCABULARIES)


def label_or_code(text: str) -> Label | str:
    """The label, or the code with which it is refused."""
    try:
        return a_label(text)
    except Refused as refused:
        return refused.code


@st.composite
def labels(draw: st.DrawFn) -> Label:
    """Any label of the vocabularies that ship."""
    vocabulary = draw(st.sampled_from(list(VOCABULARIES.values())))
    tags = {
        tag.code: draw(st.sets(st.sampled_from(sorted(tag.values or {"FPV-7", "fpv_8", "9.b"})), min_size=1))
        for tag in vocabulary.tags.values()
        if draw(st.booleans())
    }
    return Label.of(vocabulary, draw(st.sampled_from(vocabulary.levels)), tags)


def test_a_label_reads_as_policy_level_and_tags() -> None:
    """The parts come out of the text as they went in, from text and from bytes alike."""
    label = a_label("UKR.1 DSK//REL DEU,GBR,USA")

    assert (label.policy, label.vocabulary, label.level, label.rank) == ("UKR", "UKR.1", "DSK", 1)
    assert label.tags == {"REL": ("DEU", "GBR", "USA")}
    assert Label.parse(b"UKR.1 DSK//REL DEU,GBR,USA", VOCABULARIES) == label


@given(labels())
def test_what_is_spelled_parses_to_the_same_label(label: Label) -> None:
    """Text and meaning are one to one: spelling what was parsed gives the text again."""
    again = a_label(label.text)

    assert (again, again.level, again.tags) == (label, label.level, label.tags)
    assert Label.of(label.defined_by, label.level, label.tags).text == label.text
    assert Label.expand(label.text.partition(" ")[2], label.defined_by) == label
    assert pickle.loads(pickle.dumps(label)) == label  # noqa: S301 - our own bytes: verification runs in processes


@pytest.mark.must("9.1.2")
@given(labels(), st.data())
def test_a_changed_text_is_another_label_or_none(label: Label, data: st.DataObject) -> None:
    """No two texts spell one label: one changed, added or dropped character is refused or means something else."""
    at = data.draw(st.integers(0, len(label.text) - 1))
    character = data.draw(st.sampled_from(" /,.-1AaТ\n\x00"))
    kept = data.draw(st.integers(0, 1))
    text = label.text[:at] + character + label.text[at + kept :]

    other = label_or_code(text)

    assert other == "label" or (isinstance(other, Label) and other.text == text)
    assert (other == label) == (text == label.text)


@pytest.mark.must("9.1.2", "9.1.3")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "UKR.1",
        "UKR.1 ",
        "UKR.1  DSK",
        " UKR.1 DSK",
        "UKR.1 DSK ",
        "UKR.1 DSK\n",
        "ukr.1 DSK",
        "UKR.1 dsk",
        "UKR.1 ДСК",
        "UKR.2 DSK",
        "UKR DSK",
        "USA.1 DSK",
        "UKR.1 RESTRICTED",
        "UKR.1 DSK//",
        "UKR.1 DSK//REL",
        "UKR.1 DSK//REL ",
        "UKR.1 DSK/REL USA",
        "UKR.1 DSK //REL USA",
        "UKR.1 DSK//REL USA//",
        "UKR.1 DSK//REL  USA",
        "UKR.1 DSK//REL USA,",
        "UKR.1 DSK//REL USA,GBR",
        "UKR.1 DSK//REL GBR, USA",
        "UKR.1 DSK//REL USA,USA",
        "UKR.1 DSK//REL UKR",
        "UKR.1 DSK//REL FVEY",
        "UKR.1 DSK//REL usa",
        "UKR.1 DSK//REL GBR//REL USA",
        "UKR.1 DSK//REL USA//COMMERCIAL FPV-7",
        "UKR.1 DSK//COMMERCIAL FPV 7",
        "UKR.1 DSK//COMMERCIAL FPV/7",
        "UKR.1 DSK//ORCON USA",
        "USA.1 S//NOFORN",
        "USA.1 S//REL USA",
        "UKR.1 DSK//COMMERCIAL " + ",".join(f"FPV-{n:03}" for n in range(100)),
    ],
)
def test_anything_but_the_canonical_text_is_refused(text: str) -> None:
    """A second spelling would be a second key, and an unknown word a marking that nobody checks."""
    for form in (text, text.encode()):
        with pytest.raises(Refused) as refused:
            Label.parse(form, VOCABULARIES)

        assert refused.value.code == "label"
        assert "FPV" not in str(refused.value)


@pytest.mark.must("9.1.1")
def test_a_label_has_at_most_512_bytes() -> None:
    """The bound is exact, whichever way a label is made."""
    name = "X" * 64
    longest = {"COMMERCIAL": [f"{name[:62]}{n:02}" for n in range(7)] + ["X" * 37]}

    assert len(Label.of(UKR, "T", longest).text) == 512
    with pytest.raises(Refused, match="512"):
        Label.of(UKR, "T", {"COMMERCIAL": [*longest["COMMERCIAL"][:7], "X" * 38]})


def test_a_label_of_unordered_parts_is_spelled_in_order() -> None:
    """Whoever builds a label from parts cannot build a second spelling, nor an empty tag."""
    label = Label.of(UKR, "T", {"REL": ["USA", "GBR", "USA"], "COMMERCIAL": {"FPV-7"}})

    assert label.text == "UKR.1 T//COMMERCIAL FPV-7//REL GBR,USA"
    with pytest.raises(Refused, match="label"):
        Label.of(UKR, "T", {"REL": []})


def test_labels_of_two_vocabularies_of_one_name_are_not_equal() -> None:
    """What the words mean is part of what a label is."""
    other = Vocabulary.parse((FILES / "UKR.1.toml").read_bytes() + b"#\n")

    assert Label.parse("UKR.1 T", {"UKR.1": other}) != a_label("UKR.1 T")


@pytest.mark.parametrize(
    ("text", "long", "short"),
    [
        ("UKR.1 DSK//REL DEU,GBR,USA", "Для службового користування//REL DEU, GBR, USA", "ДСК//REL DEU, GBR, USA"),
        ("UKR.1 T", "Таємно", "Т"),
        ("UKR.1 T//COMMERCIAL FPV-7", "Таємно//КОМЕРЦІЙНА ТАЄМНИЦЯ FPV-7", "Т//КОМЕРЦІЙНА ТАЄМНИЦЯ FPV-7"),
        ("USA.1 C//REL UKR", "CONFIDENTIAL//REL TO USA, UKR", "(C//REL TO USA, UKR)"),
        ("USA.1 S", "SECRET//NOFORN", "(S//NOFORN)"),
        ("NATO.1 CTS//SPECIAL BOHEMIA", "COSMIC TOP SECRET//SPECIAL BOHEMIA", "(CTS//SPECIAL BOHEMIA)"),
        ("GBR.1 S//REL UKR", "UK SECRET//REL UKR", "UK S//REL UKR"),
        ("DEU.1 VS-NFD", "VS-NUR FÜR DEN DIENSTGEBRAUCH", "VS-NfD"),
    ],
)
def test_a_nation_prints_its_labels_its_own_way(text: str, long: str, short: str) -> None:
    """People read their own markings; the canonical text stays ASCII."""
    label = a_label(text)

    assert (banner(label), portion(label)) == (long, short)
