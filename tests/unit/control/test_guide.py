"""Laws of the classification guide: a floor for every portion, and none that locks another away."""

from __future__ import annotations

import pytest

from gateway.core.control.guide import Guide
from gateway.core.errors import CallerError, Refused
from gateway.core.kinds.registry import KINDS
from gateway.core.labels.lattice import dominates
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.unit.control.world import GUIDE, UKR

VOCABULARY = Vocabulary.parse(UKR)
VOCABULARIES = {VOCABULARY.name: VOCABULARY}
OTHER_MODES = [DataMode.EXERCISE, DataMode.SIMULATED, DataMode.TEST]
ALL = "UKR.1 DSK//REL DEU,GBR,USA"
HIGHER = "UKR.1 T//REL GBR,USA"


def a_guide(text: bytes = GUIDE) -> Guide:
    """The guide in `text`."""
    return Guide.parse(text, VOCABULARIES)


@pytest.mark.parametrize(
    ("kind", "portions", "label"),
    [
        (RecordKind.TELEMETRY, "about position_coarse vehicle", ALL),
        (RecordKind.TACTIC, "about conditions conclusion recommendation", ALL),
        (RecordKind.DESIGN, "about terms performance origin", ALL),
        (RecordKind.TELEMETRY, "position kinematics link gnss", HIGHER),
        (RecordKind.TACTIC, "observation discussion evidence", HIGHER),
        (RecordKind.DESIGN, "bom maker", "UKR.1 DSK//COMMERCIAL FPV-7//REL DEU,GBR,USA"),
        (RecordKind.DESIGN, "build firmware", "UKR.1 T//COMMERCIAL FPV-7//REL USA"),
        (RecordKind.TELEMETRY, "unit", "UKR.1 T"),
        (RecordKind.TACTIC, "unit", "UKR.1 T"),
    ],
)
def test_the_default_guide_has_its_floors(kind: RecordKind, portions: str, label: str) -> None:
    """What the documentation prints is what the gateway enforces."""
    for portion in portions.split():
        assert a_guide().floor(kind, portion, DataMode.REAL, "FPV-7").text == label


@pytest.mark.parametrize("mode", OTHER_MODES)
def test_what_is_not_real_is_lower(mode: DataMode) -> None:
    """An exercise flies where everyone sees it; who a unit is stays secret."""
    guide = a_guide()

    for kind, portion in ((RecordKind.TELEMETRY, "position"), (RecordKind.TACTIC, "evidence")):
        assert guide.floor(kind, portion, mode).text == "UKR.1 DSK//REL GBR,USA"
    assert guide.floor(RecordKind.TELEMETRY, "about", mode).text == ALL
    assert guide.floor(RecordKind.TELEMETRY, "unit", mode).text == "UKR.1 T"


def test_the_default_guide_has_a_floor_for_every_portion() -> None:
    """A portion without a floor could be labelled at will."""
    guide = a_guide()

    for kind in KINDS.values():
        for portion in kind.slots:
            for mode in DataMode:
                floor = guide.floor(kind.number, portion, mode)
                assert dominates(floor, guide.floor(kind.number, "about", mode))
    assert (guide.id, guide.time_step_ms) == ("UAS-2026-2", 3_600_000)
    assert guide.digest == text_digest("UAS-2026-2", GUIDE)


@pytest.mark.parametrize("design", ["", "FPV 7", "a/b", "FPV-7,FPV-8", "x//REL USA"])
def test_a_floor_of_a_design_needs_the_design(design: str) -> None:
    """A design id must not smuggle a tag into a label."""
    with pytest.raises(Refused) as caught:
        a_guide().floor(RecordKind.DESIGN, "bom", DataMode.REAL, design)

    assert caught.value.code == "design-missing"


@pytest.mark.must("2.6.2")
@pytest.mark.parametrize(
    ("kind", "portion"), [(RecordKind.CHUNK, "about"), (RecordKind.TELEMETRY, "video"), (RecordKind.TACTIC, "")]
)
def test_what_the_guide_is_silent_on_has_no_floor(kind: RecordKind, portion: str) -> None:
    """Silence is no permission: nothing of it is taken."""
    with pytest.raises(Refused) as caught:
        a_guide().floor(kind, portion, DataMode.REAL)

    assert caught.value.code == "guide-silent"


SHORT = b"""id = "G-1"
vocabulary = "UKR.1"
time_step_s = 60
[tactic]
about = "DSK//REL USA"
conditions = "DSK//REL USA"
observation = "DSK//REL USA"
discussion = "DSK//REL USA"
conclusion = "DSK//REL USA"
recommendation = "DSK//REL USA"
evidence = "DSK//REL USA"
unit = "T"
"""


@pytest.mark.must("2.6.3")
@pytest.mark.parametrize(
    ("change", "line"),
    [
        ((b'about = "DSK//REL USA"', b'about = "T//REL USA"'), "line 6: tactic.conditions"),
        (
            (b'recommendation = "DSK//REL USA"', b'recommendation = "DSK//REL GBR,USA"'),
            "line 10: tactic.recommendation",
        ),
        ((b'unit = "T"\n', b'unit = "T"\n[tactic.TEST]\nevidence = "DSK//REL GBR,USA"\n'), "line 14: tactic.evidence"),
        ((b'unit = "T"\n', b'unit = "T"\n[tactic.TEST]\nabout = "T"\n'), "line 6: tactic.conditions"),
        ((b'unit = "T"\n', b'unit = "T"\nTEST = {evidence = "DSK//REL GBR,USA"}\n'), "line 11: tactic.evidence"),
    ],
)
def test_a_portion_that_could_never_be_released_is_named(change: tuple[bytes, bytes], line: str) -> None:
    """Who may have the portion may not have `about`, so the officer would wait for ever."""
    a_guide(SHORT)

    with pytest.raises(CallerError) as caught:
        a_guide(SHORT.replace(*change))

    assert caught.value.code == "unreachable-portion"
    assert line in caught.value.at


def test_a_portion_spelled_without_a_line_of_its_own_is_named_all_the_same() -> None:
    """TOML has more than one way to write a table."""
    inline = (
        SHORT.partition(b"[tactic]")[0]
        + b"tactic = {"
        + SHORT.partition(b"[tactic]\n")[2].strip().replace(b"\n", b", ").replace(b'about = "DSK', b'about = "T')
        + b"}\n"
    )

    with pytest.raises(CallerError) as caught:
        a_guide(inline)

    assert caught.value.code == "unreachable-portion"
    assert caught.value.at.startswith("guide: tactic.")


REFUSED = {
    "an unknown vocabulary": ((b'"UKR.1"', b'"UKR.9"'), "text-value"),
    "a label that is none": ((b'unit = "T"', b'unit = "SECRET"'), "label"),
    "a label of a nation twice": ((b'unit = "T"', b'unit = "T//REL USA,USA"'), "label"),
    "a portion forgotten": ((b'unit = "T"\n', b""), "guide-incomplete"),
    "a portion unknown": ((b"unit", b"video"), "text-unknown-key"),
    "a kind unknown": ((b"[tactic]", b"[video]"), "text-unknown-key"),
    "REAL as an exception": ((b'unit = "T"\n', b'unit = "T"\n[tactic.REAL]\nunit = "T"\n'), "text-unknown-key"),
    "an exception for an unknown portion": (
        (b'unit = "T"\n', b'unit = "T"\n[tactic.TEST]\nvideo = "T"\n'),
        "text-unknown-key",
    ),
    "no time step": ((b"time_step_s = 60\n", b""), "text-missing-key"),
    "a time step of nothing": ((b"time_step_s = 60", b"time_step_s = 0"), "text-value"),
    "a design beside another value": ((b'unit = "T"', b'unit = "T//COMMERCIAL A,<design>"'), "text-value"),
    "a design inside a value": ((b'unit = "T"', b'unit = "T//COMMERCIAL X<design>"'), "text-value"),
    "a kind that is no table": ((SHORT[SHORT.index(b"[tactic]") :], b"tactic = 1\n"), "text-value"),
    "a design portion that is no label": ((b'unit = "T"\n', b'unit = "T"\n[design]\nbom = 1\n'), "text-value"),
}


@pytest.mark.must("2.6.1")
@pytest.mark.parametrize("why", REFUSED)
def test_a_guide_that_is_not_understood_is_refused(why: str) -> None:
    """A floor that nobody can read is no floor."""
    change, code = REFUSED[why]

    with pytest.raises(CallerError) as caught:
        a_guide(SHORT.replace(*change))

    assert caught.value.code == code


def test_a_guide_may_name_the_design_in_a_kind_that_is_not_built() -> None:
    """A unit signs its guide once, and the gateway learns the kind later."""
    text = SHORT + b'[design]\nbom = "T//COMMERCIAL <design>//REL USA"\n[design.TEST]\nbom = "DSK//REL USA"\n'

    guide = a_guide(text)

    assert guide.floor(RecordKind.DESIGN, "bom", DataMode.REAL, "A-1").text == "UKR.1 T//COMMERCIAL A-1//REL USA"
    assert guide.floor(RecordKind.DESIGN, "bom", DataMode.TEST).text == "UKR.1 DSK//REL USA"
