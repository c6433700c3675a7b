"""The laws of the order of labels: by Hypothesis over the vocabularies that ship, and exhaustively over a small one."""

from __future__ import annotations

from itertools import chain, combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.labels.label import Label
from gateway.core.labels.lattice import below_floor, dominates, join, meet
from gateway.core.labels.vocabulary import TagKind, Vocabulary
from tests.unit.labels.test_label import VOCABULARIES, a_label
from tests.unit.labels.test_vocabulary import SMALL

SMALL_VOCABULARY = Vocabulary.parse(SMALL.encode())


@st.composite
def labels_of_one_vocabulary(draw: st.DrawFn, count: int) -> list[Label]:
    """`count` labels that can be compared, alike often enough to be ordered."""
    vocabulary = draw(st.sampled_from([*VOCABULARIES.values(), SMALL_VOCABULARY]))
    few = {tag.code: sorted(tag.values or {"FPV-7", "FPV-8", "a"})[:3] for tag in vocabulary.tags.values()}

    def one() -> Label:
        tags = {code: draw(st.sets(st.sampled_from(values))) for code, values in few.items()}
        level = draw(st.sampled_from(vocabulary.levels))
        return Label.of(vocabulary, level, {code: values for code, values in tags.items() if values})

    return [one() for _ in range(count)]


def binding(label: Label) -> tuple[str, dict[str, tuple[str, ...]]]:
    """What of a label binds a reader: everything but what informs."""
    kinds = label.defined_by.tags
    return label.level, {t: v for t, v in label.tags.items() if kinds[t].kind is not TagKind.INFORMATIVE}


@given(labels_of_one_vocabulary(1))
def test_a_label_dominates_itself(drawn: list[Label]) -> None:
    """Reflexive: what may be read may be read."""
    (label,) = drawn

    assert dominates(label, label)
    assert not below_floor(label, label)


@given(labels_of_one_vocabulary(2))
def test_labels_that_dominate_each_other_bind_alike(drawn: list[Label]) -> None:
    """Antisymmetric: one restriction has one spelling, apart from what only informs."""
    one, other = drawn

    assert (dominates(one, other) and dominates(other, one)) == (binding(one) == binding(other))


@given(labels_of_one_vocabulary(3))
def test_dominance_is_transitive(drawn: list[Label]) -> None:
    """A label above one that is above a third is above the third."""
    high, middle, low = drawn

    assert not (dominates(high, middle) and dominates(middle, low)) or dominates(high, low)


@given(labels_of_one_vocabulary(3))
def test_join_is_the_least_upper_bound(drawn: list[Label]) -> None:
    """A join dominates both and whatever dominates both dominates it; without one, nothing dominates both."""
    one, other, third = drawn

    upper = join(one, other)

    both = dominates(third, one) and dominates(third, other)
    if upper is None:
        assert not both
    else:
        assert dominates(upper, one)
        assert dominates(upper, other)
        assert both == dominates(third, upper)


@given(labels_of_one_vocabulary(3))
def test_meet_is_the_greatest_lower_bound(drawn: list[Label]) -> None:
    """Both dominate the meet, and it dominates whatever both dominate."""
    one, other, third = drawn

    lower = meet(one, other)

    assert lower is not None
    assert dominates(one, lower)
    assert dominates(other, lower)
    assert (dominates(one, third) and dominates(other, third)) == dominates(lower, third)


@given(labels_of_one_vocabulary(3))
def test_join_and_meet_are_commutative_idempotent_and_monotone(drawn: list[Label]) -> None:
    """The order in which portions are rolled up does not matter, and a higher part never lowers the whole."""
    one, other, third = drawn

    assert join(one, other) == join(other, one)
    assert meet(one, other) == meet(other, one)
    assert join(one, one) == one == meet(one, one)
    if dominates(one, other):
        upper, lower = join(one, third), join(other, third)
        assert upper is None or (lower is not None and dominates(upper, lower))
        above, below = meet(one, third), meet(other, third)
        assert above is not None
        assert below is not None
        assert dominates(above, below)


@given(labels_of_one_vocabulary(2))
def test_what_is_stored_parses_again(drawn: list[Label]) -> None:
    """Joins and meets are labels like any other: canonical and known to their vocabulary."""
    for label in (join(*drawn), meet(*drawn)):
        if label is not None:
            assert Label.parse(label.text, {label.vocabulary: label.defined_by}) == label


def test_every_law_holds_on_every_label_of_a_small_vocabulary() -> None:
    """Exhaustive: all 128 binding labels of two levels, two needs, two audiences and two nations, in all pairs."""

    def subsets(values: str) -> list[tuple[str, ...]]:
        words = values.split()
        return list(chain.from_iterable(combinations(words, size) for size in range(len(words) + 1)))

    every = [
        Label.of(SMALL_VOCABULARY, level, {t: v for t, v in zip(("NEED", "ONLY", "REL"), tags, strict=True) if v})
        for level in SMALL_VOCABULARY.levels
        for tags in product(subsets("A B"), subsets("X Y"), subsets("BEL CZE"))
    ]
    place = {label: number for number, label in enumerate(every)}
    above = [sum(1 << i for i, high in enumerate(every) if dominates(high, low)) for low in every]
    below = [sum(1 << i for i, low in enumerate(every) if dominates(high, low)) for high in every]

    assert len(place) == 128
    for i, j in product(range(len(every)), repeat=2):
        if above[i] >> j & 1:
            assert above[j] & above[i] == above[j]
            assert i == j or not above[j] >> i & 1
        upper, lower = join(every[i], every[j]), meet(every[i], every[j])
        assert above[i] & above[j] == (0 if upper is None else above[place[upper]])
        assert lower is not None
        assert below[i] & below[j] == below[place[lower]]


@pytest.mark.must("9.3.1")
@pytest.mark.parametrize(
    ("high", "low"),
    [
        ("UKR.1 T", "UKR.1 DSK"),
        ("UKR.1 T", "UKR.1 T//REL USA"),
        ("UKR.1 T//REL USA", "UKR.1 DSK//REL GBR,USA"),
        ("UKR.1 T//COMMERCIAL FPV-7//REL USA", "UKR.1 T//REL USA"),
        ("NATO.1 NS//ONLY GBR", "NATO.1 NS"),
        ("NATO.1 NS//ADMIN STAFF", "NATO.1 NS//ADMIN MEDICAL"),
    ],
)
def test_above_a_floor_is_accepted_and_below_it_is_not(high: str, low: str) -> None:
    """A guide refuses what is labelled below its floor and accepts everything above."""
    assert not below_floor(a_label(high), a_label(low))
    assert below_floor(a_label(low), a_label(high)) == ("ADMIN" not in high)


@pytest.mark.must("9.3.1")
@pytest.mark.parametrize(
    ("label", "floor"),
    [
        ("UKR.1 DSK//REL USA", "UKR.1 T//REL USA"),
        ("UKR.1 T//REL GBR,USA", "UKR.1 T//REL USA"),
        ("UKR.1 OV//REL DEU", "UKR.1 T//REL USA"),
        ("UKR.1 OV//REL USA", "UKR.1 T"),
        ("UKR.1 OV", "UKR.1 T//COMMERCIAL FPV-7"),
        ("UKR.1 OV//COMMERCIAL FPV-8", "UKR.1 T//COMMERCIAL FPV-7"),
        ("NATO.1 CTS", "NATO.1 NR//ONLY GBR"),
        ("USA.1 TS", "UKR.1 OPEN"),
    ],
)
def test_a_lower_wider_or_incomparable_label_is_below_the_floor(label: str, floor: str) -> None:
    """A higher level never buys a wider audience, a missing value, or another policy."""
    assert below_floor(a_label(label), a_label(floor))


@pytest.mark.must("9.4.1")
def test_labels_of_two_vocabularies_have_no_order_and_no_bounds() -> None:
    """Grades of two policies, or of two versions of one, are never compared without an equivalence in force."""
    one, other = a_label("UKR.1 OV"), a_label("USA.1 U")

    assert not dominates(one, other)
    assert not dominates(other, one)
    assert join(one, other) is None
    assert meet(one, other) is None


def test_a_join_that_admits_nobody_or_has_no_spelling_is_none() -> None:
    """Audiences that do not meet leave the owner where absence says so, and nobody elsewhere; 512 bytes bound both."""
    assert join(a_label("UKR.1 T//REL USA"), a_label("UKR.1 DSK//REL DEU")) == a_label("UKR.1 T")
    assert join(a_label("NATO.1 NS//ONLY USA"), a_label("NATO.1 NS//ONLY DEU")) is None
    one, other = (
        Label.of(VOCABULARIES["UKR.1"], "T", {"COMMERCIAL": [f"{side}{n}".ljust(60, "x") for n in range(5)]})
        for side in "ab"
    )
    assert join(one, other) is None
