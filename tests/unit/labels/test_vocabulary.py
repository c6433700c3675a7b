"""A vocabulary is what its signers read, or it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gateway.core.labels
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Absence, Held, TagKind, Vocabulary

FILES = Path(gateway.core.labels.__file__).parent / "vocabularies"

SMALL = """\
policy = "ACM"
version = 7
owner = ["ACM"]
releasability = "REL"
[print]
prefix = "ACME "
brackets = true
list_owner = true
[[level]]
code = "LOW"
name = "LOW"
short = "L"
[[level]]
code = "HIGH"
name = "HIGH"
short = "H"
[tag.NEED]
kind = "restrictive"
held = "clearance"
values = ["A", "B"]
printed = "NEED"
[tag.NOTE]
kind = "informative"
values = "identifiers"
printed = "NOTE"
[tag.ONLY]
kind = "permissive"
absent = "unrestricted"
absent_printed = ""
values = ["X", "Y"]
printed = "ONLY"
[tag.REL]
kind = "permissive"
absent = "nobody-but-owner"
absent_printed = "NOBODY"
values = ["BEL", "CZE"]
printed = "REL"
"""


def parsed(text: str = SMALL) -> Vocabulary:
    """The small vocabulary, or a variation of its text."""
    return Vocabulary.parse(text.encode())


def vocabulary_or_code(text: bytes) -> Vocabulary | str:
    """The vocabulary, or the code with which it is refused."""
    try:
        return Vocabulary.parse(text)
    except CallerError as refused:
        return refused.code


def test_a_vocabulary_says_levels_in_order_and_what_each_absence_means() -> None:
    """Everything the lattice stands on comes out of the file and nothing else."""
    vocabulary = parsed()

    assert (vocabulary.name, vocabulary.policy, vocabulary.version) == ("ACM.7", "ACM", 7)
    assert vocabulary.levels == ("LOW", "HIGH")
    assert [vocabulary.rank(level) for level in ("LOW", "HIGH", "MIDDLE")] == [0, 1, -1]
    assert {code: (tag.kind, tag.absent, tag.held) for code, tag in vocabulary.tags.items()} == {
        "NEED": (TagKind.RESTRICTIVE, Absence.UNRESTRICTED, Held.CLEARANCE),
        "NOTE": (TagKind.INFORMATIVE, Absence.UNRESTRICTED, Held.CLEARANCE),
        "ONLY": (TagKind.PERMISSIVE, Absence.UNRESTRICTED, Held.CLEARANCE),
        "REL": (TagKind.PERMISSIVE, Absence.NOBODY_BUT_OWNER, Held.CLEARANCE),
    }
    assert (vocabulary.releasability, set(vocabulary.owner)) == ("REL", {"ACM"})


def test_vocabularies_are_equal_only_if_their_bytes_are() -> None:
    """One changed comment is another vocabulary, because it is another text than the one that was signed."""
    assert parsed() == parsed()
    assert hash(parsed()) == hash(parsed())
    assert parsed() != parsed(SMALL + "# said twice\n")


@pytest.mark.parametrize(
    ("name", "levels", "tags"),
    [
        ("UKR.1", ("OPEN", "DSK", "T", "TST", "OV"), {"COMMERCIAL", "REL"}),
        ("USA.1", ("U", "C", "S", "TS"), {"DISSEM", "REL"}),
        ("NATO.1", ("NU", "NR", "NC", "NS", "CTS"), {"ADMIN", "ONLY", "REL", "SPECIAL"}),
        ("GBR.1", ("O", "S", "TS"), {"CAVEAT", "REL"}),
        ("DEU.1", ("OFFEN", "VS-NFD", "VS-V", "GEHEIM", "STRENG-GEHEIM"), {"REL"}),
    ],
)
def test_the_files_for_operators_to_sign_parse(name: str, levels: tuple[str, ...], tags: set[str]) -> None:
    """The five vocabularies that ship are strict, small, and releasable to nobody but the owner unless they say so."""
    text = (FILES / f"{name}.toml").read_bytes()

    vocabulary = Vocabulary.parse(text)

    assert len(text) < 2048
    assert (vocabulary.name, vocabulary.levels, set(vocabulary.tags)) == (name, levels, tags)
    assert vocabulary.tags[vocabulary.releasability].absent is Absence.NOBODY_BUT_OWNER


def test_commercial_is_held_through_an_agreement_only() -> None:
    """No clearance opens a maker's commercial secret; the agreement that names the design does."""
    vocabulary = Vocabulary.parse((FILES / "UKR.1.toml").read_bytes())

    assert vocabulary.tags["COMMERCIAL"].held is Held.AGREEMENT
    assert vocabulary.tags["COMMERCIAL"].permits("FPV-7")
    assert not vocabulary.tags["COMMERCIAL"].permits("FPV/7")
    assert not vocabulary.tags["COMMERCIAL"].permits("FPV-7\n")


@pytest.mark.must("9.2.1")
@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ('policy = "ACM"', 'policy = "acm"', "policy"),
        ('policy = "ACM"', "policy = 1", "policy"),
        ("version = 7", "version = 0", "version"),
        ("version = 7", "version = true", "version"),
        ("version = 7", 'version = "7"', "version"),
        ("version = 7", "version = 7\nextra = 1", "file"),
        ("version = 7\n", "", "file"),
        ("version = 7", "version = ", "file"),
        ("version = 7", "version = 7\nversion = 7", "file"),
        ("version = 7", f"version = {'9' * 1000}", "version"),
        ("version = 7", "version = " + "[" * 1000, "file"),
        ("version = 7", f"version = 7 # {'x' * 1024}", "file"),
        ("version = 7", "version = 7 # \u202e", "file"),
        ("version = 7", "version = 7\r", "file"),
        ("version = 7", "version = 7\t", "file"),
        ('owner = ["ACM"]', 'owner = "ACM"', "owner"),
        ('owner = ["ACM"]', "owner = []", "owner"),
        ('owner = ["ACM"]', 'owner = ["acme"]', "owner"),
        ('owner = ["ACM"]', 'owner = ["ACM", "ACM"]', "owner"),
        ('owner = ["ACM"]', 'owner = ["BEL"]', "tag.REL.values"),
        ('releasability = "REL"', 'releasability = "NEED"', "releasability"),
        ('releasability = "REL"', 'releasability = "GONE"', "releasability"),
        ('releasability = "REL"', "releasability = 1", "releasability"),
        ('releasability = "REL"', 'releasability = "ONLY"', "tag.ONLY.values"),
        ('absent = "unrestricted"', 'absent = "nobody-but-owner"', "tag.ONLY.absent"),
        ('absent = "unrestricted"', 'absent = "anybody"', "tag.ONLY.absent"),
        ('values = ["BEL", "CZE"]', 'values = "identifiers"', "releasability"),
        ('values = ["BEL", "CZE"]', 'values = ["BELGIUM", "CZE"]', "tag.REL.values"),
        ('values = ["X", "Y"]', 'values = ["Y", "X"]', "tag.ONLY.values"),
        ('values = ["X", "Y"]', 'values = ["X,Y"]', "tag.ONLY.values"),
        ('values = ["X", "Y"]', "values = [1]", "tag.ONLY.values"),
        ('prefix = "ACME "', "prefix = 1", "print.prefix"),
        ('prefix = "ACME "', 'prefix = "\\u202e"', "print.prefix"),
        ("brackets = true", "brackets = 1", "print.brackets"),
        ("list_owner = true", 'list_owner = "yes"', "print.list_owner"),
        ("list_owner = true", "list_owner = true\nextra = 1", "print"),
        ('short = "H"', 'short = ""', "level[1].short"),
        ('short = "H"', f'short = "{"H" * 81}"', "level[1].short"),
        ('short = "H"', 'short = "\\u0415\\u0308"', "level[1].short"),
        ('code = "HIGH"', 'code = "LOW"', "level"),
        ('code = "HIGH"', 'code = "High"', "level[1].code"),
        ('kind = "informative"', 'kind = "optional"', "tag.NOTE.kind"),
        ('kind = "informative"', 'kind = "informative"\nheld = "clearance"', "tag.NOTE"),
        ('held = "clearance"', 'held = "mother"', "tag.NEED.held"),
        ("[tag.NOTE]", "[tag.note]", "tag"),
        ("[tag.NEED]", "[other]", "file"),
    ],
)
def test_a_vocabulary_that_could_be_read_in_two_ways_is_refused_by_name(old: str, new: str, at: str) -> None:
    """Each defect is refused whole and names the key, so that what was signed is what is meant."""
    assert SMALL.count(old) >= 1

    with pytest.raises(CallerError) as refused:
        parsed(SMALL.replace(old, new, 1))

    assert (refused.value.code, refused.value.at) == ("vocabulary", at)


@pytest.mark.must("9.2.1")
@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("[tag.", "[[tag.").replace("]\nkind", "]]\nkind"),
        SMALL.partition("[tag.NEED]")[0].replace("[print]", "tag = {}\n[print]"),
        SMALL.partition("[tag.NEED]")[0].replace("[print]", "tag = 1\n[print]"),
        SMALL.partition("[print]")[0]
        + "level = []\n[print]"
        + SMALL.partition("[print]")[2].replace("[[level]]", "[x]", 1),
        SMALL.replace("[[level]]", "[level]", 1).replace("[[level]]", "[level.b]", 1),
        "tag = 1",
        "",
    ],
)
def test_a_vocabulary_of_another_shape_is_refused(text: str) -> None:
    """Tables where lists belong, and nothing where something belongs, are refused and never a crash."""
    with pytest.raises(CallerError, match="vocabulary"):
        parsed(text)


@pytest.mark.must("9.2.1")
def test_a_vocabulary_is_bounded_before_it_is_read() -> None:
    """A file beyond 64 KiB, and one that is no UTF-8, cost nothing but the refusal."""
    for text in (b"#" * 65_537, b"# \xff", SMALL.encode("utf-16")):
        with pytest.raises(CallerError, match="vocabulary"):
            Vocabulary.parse(text)


@settings(max_examples=200)
@given(st.data())
def test_a_vocabulary_either_parses_or_is_refused(data: st.DataObject) -> None:
    """Whatever a few changed bytes do to the file, there is one error or one vocabulary."""
    text = bytearray(SMALL.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))

    vocabulary = vocabulary_or_code(bytes(text))

    assert vocabulary == "vocabulary" or isinstance(vocabulary, Vocabulary)
    assert (vocabulary == parsed()) == (text == SMALL.encode())
