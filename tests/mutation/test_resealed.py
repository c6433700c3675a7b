"""Threat: a gateway with all keys of its own changes what it was given, and hashes, seals and signs it again.

Every lie is told to both readers, over a stream or a connection of the recorded day that is made anew; each is refused
with the code that stands beside it, or it is one of those of which SPEC.md section 6.7 says that no reader sees them.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.mutation import lies_directory, lies_disclosures, lies_frames, lies_ledger, lies_source, lies_stream
from tests.mutation.lies import FIRST, LIES, SPREAD, TWO_READERS, Aside, Lie, Listed, Owed, Refused
from tests.mutation.lies_source import LIES as SOURCE_LIES
from tests.mutation.lies_source import SourceLie
from tests.mutation.product import ProductStreams
from tests.mutation.recorded import DAY, names
from tests.mutation.resealed import Told
from tests.mutation.resealed_source import ToldSource
from tests.mutation.second import SecondSession
from tests.mutation.walk import Both, walk_of

SPEC = Path(__file__).resolve().parents[2] / "protos" / "SPEC.md"
# Lies register themselves where they are told.
TOLD_IN = (lies_directory, lies_disclosures, lies_frames, lies_ledger, lies_source, lies_stream)


def heard(lie: Lie) -> Both:
    """What both readers make of a lie."""
    walk = walk_of(lie.stream.file)
    told = Told.of(walk, lie.stream.number)
    lie.tell(told)
    return walk.tell(told.place, told.again(), len(walk.file.items))


def heard_by_a_source(lie: SourceLie) -> Both:
    """What both readers make of a lie towards a source."""
    walk = walk_of(lie.stream.file)
    told = ToldSource.of(walk, lie.stream.number)
    lie.tell(told)
    return walk.tell(told.place, told.again(), len(walk.file.items))


def streams() -> list[tuple[str, int]]:
    """Every stream of the day."""
    return [(name, number) for name in names("streams") for number in range(DAY["files"][name]["streams"])]


def connections() -> list[tuple[str, int]]:
    """Every connection of the day."""
    return [(name, number) for name in names("connections") for number in range(DAY["files"][name]["connections"])]


@pytest.mark.parametrize(("name", "number"), streams())
def test_a_stream_that_is_made_again_without_a_lie_is_believed(name: str, number: int) -> None:
    """Without this, every refusal below could be for a hash that was forgotten."""
    walk = walk_of(name)
    told = Told.of(walk, number)

    both = walk.tell(told.place, told.again(), len(walk.file.items))

    assert (both.product.code, both.second.code) == ("", "")
    end = told.place + len(told.steps) + sum(len(tick.leaves) for tick in told.ticks)
    assert both.product.end.masks() == both.second.end.masks() == walk.product[end].masks()


@pytest.mark.parametrize(("name", "number"), connections())
def test_a_connection_that_is_made_again_without_a_lie_is_believed(name: str, number: int) -> None:
    """The same towards sources: the account is signed by whoever lies about it."""
    walk = walk_of(name)
    told = ToldSource.of(walk, number)

    both = walk.tell(told.place, told.again(), len(walk.file.items))

    assert (both.product.code, both.second.code) == ("", "")


@pytest.mark.must("2.1.3", "2.1.4", "2.9.3", "2.9.4", "2.9.6", "2.9.7", "2.9.11", "2.9.12", "2.9.15")
@pytest.mark.must("4.4.2", "4.4.3", "4.4.4", "4.4.5", "4.4.6", "5.1.3", "5.2.1", "5.2.2", "5.2.3", "5.4.4")
@pytest.mark.must("5.5.1", "5.5.2", "5.5.3", "5.5.4", "5.5.5", "5.5.6", "5.5.7", "5.5.8", "5.5.9", "5.5.10", "5.5.12")
@pytest.mark.must("6.4.1", "6.4.2", "6.4.3", "6.4.4", "6.4.5", "6.4.6", "6.4.7", "6.4.8", "6.4.9", "6.4.11", "6.4.12")
@pytest.mark.must("5.5.14", "5.5.19", "6.4.14", "10.1.1")
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_partner_refuses_what_the_gateway_changed_or_it_is_said_that_nobody_can_see_it(lie: Lie) -> None:
    """Both readers, one verdict: a gateway cannot choose the client that believes it."""
    both = heard(lie)

    assert both.agree
    assert both.product.code == (lie.outcome.code if isinstance(lie.outcome, Refused) else "")
    if not isinstance(lie.outcome, Refused):
        check_left(lie, both.product.end, both.second.end)


def check_left(lie: Lie, product: object, second: object) -> None:
    """What both readers are left with by a lie that they did not refuse."""
    assert isinstance(product, ProductStreams)
    assert isinstance(second, SecondSession)
    assert product.masks() == second.masks()
    aside = tuple(code for _, _, code in second.session.reader.quarantined)
    owed = list(second.session.reader.ledger.owed)
    assert product.aside == aside
    assert product._replay._checks.ledger.owed == owed
    assert set(aside) == ({lie.outcome.code} if isinstance(lie.outcome, Aside) else set())
    assert bool(owed) is isinstance(lie.outcome, Owed)
    if lie.outcome is SPREAD:
        honest = heard(Lie(lambda told: None, lie.stream, lie.outcome))
        assert product.masks() == honest.product.end.masks()


@pytest.mark.must("3.7.3", "3.7.8", "6.1.5", "6.4.4", "6.4.8", "6.4.11", "6.4.12", "6.4.15", "10.1.1")
@pytest.mark.parametrize("lie", SOURCE_LIES, ids=lambda lie: lie.name)
def test_a_source_refuses_what_the_gateway_changed_or_it_is_said_that_nobody_can_see_it(lie: SourceLie) -> None:
    """An account is what a source deletes its batches by."""
    both = heard_by_a_source(lie)

    assert both.agree
    assert both.product.code == (lie.outcome.code if isinstance(lie.outcome, Refused) else "")
    if not both.product.code:
        assert both.product.end.masks() == both.second.end.masks()


def test_two_ticks_of_one_number_are_seen_only_by_readers_who_speak() -> None:
    """Each of two partners has a ledger that is whole; beside each other the K's show the fork."""
    walk = walk_of(FIRST.file)
    one, other = Told.of(walk, FIRST.number), Told.of(walk, FIRST.number)
    other.ticks[0].k = {"time_ms": 1}

    ends = [walk.tell(told.place, told.again(), len(walk.file.items)) for told in (one, other)]

    assert [both.product.code for both in ends] == [both.second.code for both in ends] == ["", ""]
    first, second = (both.second.end.session.reader.ledger.last for both in ends)
    assert first.number == second.number
    assert first.raw != second.raw
    assert TWO_READERS.words in points()[TWO_READERS.words]


def points() -> dict[str, str]:
    """The points of section 6.7, by the words of a lie's outcome that begin them."""
    section = re.search(r"^### 6\.7 .*?(?=^## )", SPEC.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert section is not None
    told = [line[2:] for line in section[0].splitlines() if line.startswith("* ")]
    wanted = {lie.outcome.words for lie in [*LIES, *SOURCE_LIES] if isinstance(lie.outcome, Listed)}
    return {words: line for words in {*wanted, TWO_READERS.words} for line in told if line.startswith(words)}


def test_what_nobody_can_see_is_listed_where_a_reader_looks_for_it() -> None:
    """A weakness that is only in a test is one that partners do not know of."""
    wanted = {lie.outcome.words for lie in [*LIES, *SOURCE_LIES] if isinstance(lie.outcome, Listed)}

    assert points().keys() >= wanted


def test_the_lies_are_counted() -> None:
    """What was tried stands in the output of the run: by what became of it."""
    outcomes = Counter(type(lie.outcome).__name__ for lie in [*LIES, *SOURCE_LIES])
    codes = {lie.outcome.code for lie in [*LIES, *SOURCE_LIES] if isinstance(lie.outcome, Refused)}
    listed = Counter(lie.outcome.words for lie in [*LIES, *SOURCE_LIES] if isinstance(lie.outcome, Listed))
    sys.stdout.write(f"lies: {dict(outcomes)}, {len(codes)} codes {sorted(codes)}\nlisted: {dict(listed)}\n")

    assert len({lie.name for lie in LIES}) == len(LIES)
    assert outcomes["Refused"] > 100
