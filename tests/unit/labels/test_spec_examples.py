"""Every example of SPEC.md section 9 is what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gateway.core.decision.decide import decide
from gateway.core.decision.outcome import View
from gateway.core.errors import Refused
from gateway.core.labels.label import Label
from gateway.core.labels.lattice import dominates, join, meet
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import shortfalls
from gateway.core.suite.octets import lp16
from tests.reference.decider import parse_label
from tests.unit.decision.test_decide import NOW, a_partner, a_record, an_agreement
from tests.unit.labels.test_label import FILES, VOCABULARIES, a_label

PROTOS = Path(__file__).resolve().parents[3] / "protos"
SPEC = next(text for path in sorted(PROTOS.rglob("*.md")) if "### 9.1 Label text" in (text := path.read_text("utf-8")))
TABLES = {name: tomllib.loads((FILES / f"{name}.toml").read_text("utf-8")) for name in VOCABULARIES}


def rows(*header: str) -> list[list[str]]:
    """Cells of the table with this header, without their code marks."""
    lines = SPEC.splitlines()
    start = lines.index(f"| {' | '.join(header)} |") + 2
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return table


def fenced(before: str) -> str:
    """What stands in the first fenced block after a sentence."""
    return re.split(r"```[a-z]*\n", SPEC.partition(before)[2], maxsplit=2)[1]


@pytest.mark.parametrize(("text", "level", "tags"), rows("label", "level", "tags"))
def test_a_label_of_the_specification_reads_as_it_says(text: str, level: str, tags: str) -> None:
    """Two readers that share no line, and the text, agree on level and tags."""
    label = a_label(text)
    second = parse_label(text, TABLES)

    assert second is not None
    assert label.level == second[1] == level
    assert {tag: list(values) for tag, values in label.tags.items()} == second[2]
    assert "; ".join(f"{tag}: {' '.join(values)}" for tag, values in label.tags.items()) == tags.replace("none", "")


@pytest.mark.must("9.1.2", "9.1.3")
@pytest.mark.parametrize(("text", "why"), rows("text", "why it is no label"))
def test_what_the_specification_says_is_no_label_is_none(text: str, why: str) -> None:
    """Both readers refuse it."""
    assert why
    assert parse_label(text, TABLES) is None
    with pytest.raises(Refused, match="label"):
        a_label(text)


def test_the_hexadecimal_example_is_the_first_label() -> None:
    """The bytes in a portion are the text behind its length."""
    shown = bytes.fromhex(fenced("as it stands in a portion"))

    assert shown == lp16(a_label("UKR.1 DSK//REL DEU,GBR,USA").text.encode("ascii"))


def test_the_vocabulary_of_the_specification_parses_to_the_digest_it_shows() -> None:
    """Whoever hashes the file of the text gets the number of the text."""
    vocabulary = Vocabulary.parse(SPEC.partition("```toml\n")[2].partition("```")[0].encode())

    assert vocabulary.name == "ACM.7"
    assert vocabulary.digest.hex() == "".join(fenced("over the bytes between the fences").split())


@pytest.mark.parametrize(
    ("one", "other", "above", "below", "upper", "lower"),
    rows("one", "other", "one dominates", "other dominates", "join", "meet"),
)
def test_the_order_of_labels_is_the_one_of_the_specification(
    one: str, other: str, above: str, below: str, upper: str, lower: str
) -> None:
    """Dominance both ways, join and meet of each row."""

    def text(label: Label | None) -> str:
        return label.text if label else "none"

    assert dominates(a_label(one), a_label(other)) == (above == "yes")
    assert dominates(a_label(other), a_label(one)) == (below == "yes")
    assert (text(join(a_label(one), a_label(other))), text(meet(a_label(one), a_label(other)))) == (upper, lower)


@pytest.mark.parametrize(("text", "within", "beyond"), rows("label", "within", "asks beyond"))
def test_a_clearance_opens_what_the_specification_says(text: str, within: str, beyond: str) -> None:
    """And what is missing is named as there."""
    found = shortfalls(a_label(text), a_partner().clearances, "USA", {"FPV-7"})

    assert (not found) == (within == "yes")
    assert ", ".join(found) == beyond


def test_the_worked_decision_is_the_one_of_the_specification() -> None:
    """Slot by slot, the mask, and nothing at all once a slot that must be there is not."""
    table = rows("slot", "label", "released")
    record = a_record(*(label for _, label, _ in table), slots=tuple(slot for slot, _, _ in table))
    agreement = an_agreement(withhold=frozenset({"telemetry.gnss"}))

    outcome = decide(a_partner(), agreement, record, VOCABULARIES, NOW)

    assert isinstance(outcome, View)
    assert [outcome.mask >> slot & 1 == 1 for slot in range(8)] == [released == "yes" for _, _, released in table]
    assert f"The mask is `0x{outcome.mask:04x}`" in SPEC
    assert not isinstance(decide(a_partner(), agreement, record._replace(must=0b10_0001), VOCABULARIES, NOW), View)
