"""Lies about bodies and their disclosures: each is entered, hashed and sealed as if it were true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.core.records.portion import parse_disclosure
from gateway.core.records.view import View
from gateway.core.sealing.body import Section, encode_body
from gateway.core.suite.tree import multiproof
from tests.mutation.lies import POLICY, SPREAD, Aside, lie
from tests.mutation.resealed import Told

TRACKS, TACTICS = 0, 1


def section_of(told: Told, number: int, change: Callable[[Section], Section]) -> None:
    """Another section in place of one of the first frame."""
    sections = told.frames[0].sections
    sections[number] = change(sections[number])


def _view(told: Told, change: Callable[[View], View], number: int = TRACKS) -> None:
    section_of(told, number, lambda one: replace(one, views=(change(one.views[0]), *one.views[1:])))


def _slots(view: View, place: int, octets: bytes, mask: int | None = None) -> View:
    slots = (*view.slots[:place], octets, *view.slots[place + 1 :])
    return replace(view, slots=slots, mask=view.mask if mask is None else mask)


# Records.


@lie("batch-root")
def content(told: Told) -> None:
    """Another content under the source's label."""
    _view(told, lambda view: _slots(view, 2, view.slots[2][:-1] + bytes([view.slots[2][-1] ^ 1])))


@lie("batch-root")
def label(told: Told) -> None:
    """A portion relabelled so that more may read it."""
    _view(told, lambda view: _slots(view, 2, view.slots[2].replace(parse_disclosure(view.slots[2]).label[-3:], b"DEU")))


@lie("batch-root")
def salt(told: Told) -> None:
    """Another salt of a portion."""
    _view(told, lambda view: _slots(view, 0, bytes(32) + view.slots[0][32:]))


@lie("batch-root")
def slot(told: Told) -> None:
    """A portion that says it is of another slot."""
    _view(told, lambda view: _slots(view, 2, view.slots[2][:32] + b"\x03" + view.slots[2][33:]))


@lie("batch-root")
def exchanged_portions(told: Told) -> None:
    """Two portions in each other's slot."""
    _view(told, lambda view: _slots(_slots(view, 2, view.slots[3]), 3, view.slots[2]))


@lie("batch-root")
def record_id(told: Told) -> None:
    """Another name of a record."""
    _view(told, lambda view: replace(view, record_id=bytes(16)))


@lie("batch-root")
def schema(told: Told) -> None:
    """A record read as one of another kind."""
    _view(told, lambda view: replace(view, schema=2))


@lie("batch-root")
def must(told: Told) -> None:
    """A must mask that lets less be shown."""
    _view(told, lambda view: replace(view, must=1), TACTICS)


@lie("malformed")
def must_of_nothing(told: Told) -> None:
    """A must mask without slot 0."""
    _view(told, lambda view: replace(view, must=2))


@lie("batch-root")
def another_commitment(told: Told) -> None:
    """A decoy of the gateway's own."""
    _view(told, lambda view: _slots(view, 1, bytes(48)))


@lie("batch-root")
def invented_portion(told: Told) -> None:
    """A portion where the source's commitment was."""
    _view(told, lambda view: _slots(view, 1, view.slots[0][:32] + b"\x01" + view.slots[0][33:], view.mask | 2))


@lie("batch-root")
def another_index(told: Told) -> None:
    """A record in another place of its batch."""

    def moved(section: Section) -> Section:
        first, second, third = section.views
        return replace(section, views=(replace(second, idx=0), replace(first, idx=1), third))

    section_of(told, TACTICS, moved)


@lie("malformed")
def views_swapped(told: Told) -> None:
    """Views that do not ascend."""
    section_of(told, TRACKS, lambda one: replace(one, views=one.views[::-1]))


# What is withheld.


@lie(POLICY)
def withheld_portion(told: Told) -> None:
    """A portion that the agreement allows, shown as its commitment."""
    _view(told, lambda view: view.narrowed(view.mask & ~8, view.commitments()))


@lie(Aside("must"))
def withheld_must(told: Told) -> None:
    """A portion without which no other may be shown."""
    _view(told, lambda view: view.narrowed(1, view.commitments()), TACTICS)


@lie(POLICY)
def withheld_record(told: Told) -> None:
    """A record left out, with the proof of the others."""

    def without(section: Section) -> Section:
        proof = multiproof([view.leaf() for view in section.views], (0, 2))
        return replace(section, views=(section.views[0], section.views[2]), proof=tuple(proof))

    section_of(told, TACTICS, without)


@lie("proof-malformed")
def withheld_record_without_proof(told: Told) -> None:
    """A record left out, and what stood in its place too."""
    section_of(told, TACTICS, lambda one: replace(one, views=one.views[::2]))


@lie(POLICY)
def withheld_batch(told: Told) -> None:
    """A whole section left out, and entered without it."""
    del told.frames[0].sections[TACTICS]


@lie(SPREAD)
def section_order(told: Told) -> None:
    """The newest batch first."""
    told.frames[0].sections.reverse()


@lie(SPREAD)
def split(told: Told) -> None:
    """One frame as two."""
    first = told.frames[0]
    more = replace(first, sections=first.sections[1:], was=b"\x01" * 48, g={"seq": 1})
    first.sections = first.sections[:1]
    for later in told.frames[1:]:
        later.g["seq"] = later.entry.seq + 1
    told.steps.insert(told.steps.index(first) + 1, more)
    _listed(told, first.was, more.was)


@lie(SPREAD)
def reissued(told: Told) -> None:
    """The same records under one more disclosure."""
    first, last = told.frames[0], told.frames[-1]
    again = replace(first, sections=list(first.sections), was=b"\x01" * 48, g={"seq": len(told.frames)})
    told.steps.insert(told.steps.index(last) + 1, again)
    _listed(told, last.was, again.was)


def _listed(told: Told, behind: bytes, leaf: bytes) -> None:
    """One more leaf under the tick that lists another."""
    for tick in told.ticks:
        leaves = list(tick.message.leaves)
        if behind in leaves:
            leaves.insert(leaves.index(behind) + 1, leaf)
            tick.message = replace(tick.message, leaves=tuple(leaves))


# The body.


def _encoded(told: Told) -> bytes:
    return encode_body([one.encode() for one in told.frames[0].sections])


@lie("malformed")
def hidden_in_padding(told: Told) -> None:
    """A channel in what nobody looks at."""
    told.frames[0].body = _encoded(told)[:-1] + b"\x01"


@lie("malformed")
def more_padding(told: Told) -> None:
    """A length that says something."""
    told.frames[0].body = _encoded(told) + bytes(4096)


@lie("malformed")
def less_padding(told: Told) -> None:
    """A length that says what is in it."""
    told.frames[0].body = _encoded(told)[:-1]


@lie("malformed")
def batch_twice(told: Told) -> None:
    """A batch in two sections of one body."""
    told.frames[0].sections.insert(0, told.frames[0].sections[0])
