"""Threat: whoever holds a wire or a file changes what lies on it. A sample of `make flips`, drawn by the run's seed.

Each field of each message is flipped and cut a few times, short messages at every byte, and one file of a partner and
one of a source lose, repeat, exchange and are given messages. RESULTS.md says what every byte of the whole day gave.
"""

from __future__ import annotations

import itertools
import random
import re
import sys
from pathlib import Path

import pytest

from tests.mutation.campaign import Task, changes_of, report, tasks, tried
from tests.mutation.changes import Change, exchanged, injected, of_bytes, of_order
from tests.mutation.harmless import KINDS, Unnamed, named
from tests.mutation.layout import Span
from tests.mutation.recorded import Kind, file, names
from tests.mutation.tally import Tally
from tests.mutation.walk import Both, Said, walk_of

SPEC = Path(__file__).resolve().parents[2] / "protos" / "SPEC.md"
UNCHANGED = {Kind.STREAM, Kind.CONNECTION}
EACH_FIELD = 16
SHORT = 400


def fields_of(holds: str) -> dict[tuple[str, str], list[tuple[str, int, Span]]]:
    """Where each field of each message stands, in all files of a kind."""
    found: dict[tuple[str, str], list[tuple[str, int, Span]]] = {}
    for name in names(holds):
        walk = walk_of(name)
        for place, item in enumerate(walk.file.items):
            if item.kind not in UNCHANGED:
                for span in walk.fields(place):
                    found.setdefault((walk.file.title(item), span.of_kind), []).append((name, place, span))
    return found


def settled(tally: Tally) -> None:
    """Every change was refused by both readers with one code, or is harmless by name."""
    assert tally.unnamed == []
    assert tally.disagreed == {}
    assert tally.changes > 0
    sys.stdout.write(f"{tally.changes:,} changes, {sum(tally.refused.values()):,} refused, {dict(tally.fields)}\n")


@pytest.mark.must("1.2.1", "1.2.3", "1.2.4", "10.1.1")
@pytest.mark.parametrize("holds", ["streams", "connections", "control", "parcels"])
def test_no_byte_of_any_field_is_without_effect_but_where_the_format_says_so(holds: str, rng: random.Random) -> None:
    """What a reader does not look at is where somebody else writes."""
    tally = Tally()
    for places in fields_of(holds).values():
        for name, place, span in rng.sample(places, min(EACH_FIELD, len(places))):
            item, offset = file(name).items[place], rng.randrange(span.start, span.end)
            tally.note(walk_of(name), of_bytes(item, place, "flip", offset, rng.randrange(1, 256)))
            tally.note(walk_of(name), of_bytes(item, place, "bit", offset))
            tally.note(walk_of(name), of_bytes(item, place, "cut", offset))
            tally.note(walk_of(name), of_bytes(item, place, "longer", len(item.octets), rng.randrange(256)))

    settled(tally)


@pytest.mark.must("1.2.3", "1.2.4", "10.1.1")
@pytest.mark.parametrize("holds", ["streams", "connections", "parcels"])
def test_a_short_message_is_changed_at_every_byte(holds: str, rng: random.Random) -> None:
    """Of what is short nothing is left to chance: every byte, every length, every other type and number."""
    tally, shorts = Tally(), dict[str, list[tuple[str, int]]]()
    for name in names(holds):
        for place, item in enumerate(file(name).items):
            if item.kind not in UNCHANGED and len(item.octets) <= SHORT:
                shorts.setdefault(file(name).title(item), []).append((name, place))
    for places in shorts.values():
        name, place = rng.choice(places)
        for change in changes_of(Task(name, rng.randrange(1 << 32), place, 0, len(file(name).items[place].octets))):
            tally.note(walk_of(name), change)
        for change in exchanged(file(name), place):
            tally.note(walk_of(name), change)

    settled(tally)


@pytest.mark.must("4.1.1", "4.1.2", "5.4.1", "6.4.5", "6.4.6", "10.1.1")
@pytest.mark.parametrize("name", ["usa-arl.UA-US-2026-014.sluice", "src-91c2.sluice", "control.sluice"])
def test_messages_that_are_moved_repeated_left_out_or_put_in_are_noticed(name: str) -> None:
    """A message that is right in itself is still wrong at another place, but where the format says why it is not."""
    tally = Tally()
    for change in [*of_order(file(name)), *injected(file(name))]:
        tally.note(walk_of(name), change)

    settled(tally)


@pytest.mark.must("3.6.1", "3.6.2", "3.6.3", "3.6.4", "10.1.1")
@pytest.mark.parametrize("name", names("parcels"))
def test_pieces_of_a_parcel_have_their_places(name: str) -> None:
    """Each batch is bound to its number; a parcel may only end early."""
    tally = Tally()
    for change in [*of_order(file(name)), *injected(file(name))]:
        tally.note(walk_of(name), change)

    settled(tally)
    assert {kind for kind, _, _ in tally.fields} == {"cut off"}


@pytest.mark.parametrize("name", names())
def test_every_byte_of_the_day_is_of_a_field(name: str) -> None:
    """A change is named by its field, so no byte may be between two of them."""
    walk = walk_of(name)

    for place, item in enumerate(walk.file.items):
        fields = walk.fields(place)
        assert [fields[0].start, fields[-1].end] == [0, len(item.octets)]
        assert all(one.end == other.start for one, other in itertools.pairwise(fields))


def test_the_kinds_of_harmless_changes_are_those_of_the_format() -> None:
    """At most five, each explained where a reader of the format looks for it."""
    section = re.search(r"^### 10\.1 .*?(?=^## )", SPEC.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert section is not None
    told = re.findall(r"^\| ([a-z ]+) \| .+ \| .+ \|$", section[0], re.MULTILINE)

    assert [kind for kind in told if kind != "kind"] == list(KINDS)
    assert len(KINDS) == 5


@pytest.mark.must("10.1.1")
@pytest.mark.parametrize(
    ("name", "title", "field"),
    [
        ("usa-arl.UA-US-2026-014.sluice", "DIRECTORY", "statement.signatures Ed25519"),
        ("src-91c2.sluice", "DIRECTORY", "statement.signatures ML-DSA-87"),
        ("src-91c2.sluice", "REFUSED", "answer.field"),
        ("control.sluice", "CONTROL", "applied_at"),
    ],
)
def test_what_is_harmless_is_so_to_the_last_item_of_the_file(name: str, title: str, field: str) -> None:
    """A run stops where a reader stands as it would; here it reads on, and ends as it would."""
    walk, ended = walk_of(name), 0

    for place, item in enumerate(walk.file.items):
        for span in walk.fields(place) if walk.file.title(item) == title else ():
            change = of_bytes(item, place, "bit", span.end - 1)
            if span.of_kind != field or walk.tell(place, change.instead, change.resume).product.code:
                continue
            for states in (walk.product, walk.second):
                reader = states[place].copy()
                for one in (*change.instead, *walk.file.items[change.resume :]):
                    reader.take(one)
                assert reader.outcome() == states[-1].outcome()
            ended += 1

    assert ended > 0


def test_an_accepted_change_of_any_other_kind_ends_a_run() -> None:
    """Had both readers taken a flipped salt of a tick, it would be said where."""
    name = "usa-arl.UA-US-2026-014.sluice"
    walk = walk_of(name)
    place = next(number for number, item in enumerate(walk.file.items) if walk.file.title(item) == "TICK")
    span = next(span for span in walk.fields(place) if span.field == "head.salt")
    change = of_bytes(walk.file.items[place], place, "flip", span.start, 3)

    unnamed = named(walk, change, Both(Said("", same=True), Said("", same=True)))

    assert isinstance(unnamed, Unnamed)
    assert (unnamed.file, unnamed.item, unnamed.title, unnamed.field) == (name, place, "TICK", "head.salt")
    assert f"offset {span.start} field head.salt" in str(unnamed)


def test_a_harmless_change_that_left_something_else_behind_ends_a_run() -> None:
    """A name is not enough: what both readers are left with has to be what they would have had."""
    walk = walk_of("src-91c2.sluice")
    place = next(number for number, item in enumerate(walk.file.items) if walk.file.title(item) == "STORED")
    item = walk.file.items[place]
    left = Both(Said("", end=walk.product[0]), Said("", end=walk.second[0]))

    unnamed = named(walk, of_bytes(item, place, "flip", 5, 1), left)
    cut = named(walk, Change("drop", place, (), place + 1), Both(Said("", same=True), Said("", same=True)))

    assert isinstance(unnamed, Unnamed)
    assert "words" in unnamed.why
    assert cut == "words"


def test_readers_that_disagree_are_counted_with_the_first_place() -> None:
    """Two codes for one fault are as good as none."""
    tally, walk = Tally(), walk_of("control.sluice")
    change = of_bytes(walk.file.items[3], 3, "flip", 20, 1)

    tally._disagree(walk, change, Both(Said("malformed"), Said("stale-change", 1)))

    key = ("CONTROL", "flip", walk.field_at(3, 20).of_kind, "malformed +0", "stale-change +1")
    assert tally.disagreed == {key: 1}
    assert tally.places == {key: "control.sluice item 3 offset 20"}
    assert not tally.holds
    assert "control.sluice item 3 offset 20" in report(tally)


def test_a_sample_of_a_campaign_is_the_same_for_the_same_seed() -> None:
    """What a run found has to be found again."""
    first, second = (list(tasks(["control.sluice"], seed=7, sample=1)) for _ in range(2))
    task, tally = tried(first[5])

    assert first == second
    assert tally.holds
    assert tally.to_json()["changes"] == tally.changes == len(list(changes_of(task)))
    assert [row.to_json()["message"] for row in tally.rows()] == ["CONTROL"]
