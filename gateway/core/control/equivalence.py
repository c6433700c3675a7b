"""Which level of one policy is which of another, for how long, and by what paper: rows that operators sign.

    id = "UA-ABROAD-1"                      # the name under which a directory carries it; never used again

    [[row]]
    from   = "UKR.1 T"                      # a level of a vocabulary in force
    to     = "NATO.1 NC"                    # and one of another policy
    basis  = "Administrative Arrangements 2016-09-28"
    starts = 2026-06-01
    ends   = 2027-06-30                     # to the end of that day, UTC

The newest table is in force, whole. It is carried to readers and acted on by nobody yet: a decision maps no level.
Source: SPEC.md section 2.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from gateway.core.control.texts import Table, read_text
from gateway.core.errors import CallerError
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.algorithms import text_digest

MAX_ROWS = 256
MAX_BASIS = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One row. source, target: policy and level; starts, ends: first and last day, both whole, UTC."""

    source: tuple[str, str]
    target: tuple[str, str]
    basis: str
    starts: date
    ends: date

    def contradicts(self, other: Row) -> bool:
        """Whether both speak of one level and one policy on some day."""
        same = (self.source, self.target[0]) == (other.source, other.target[0])
        return same and self.starts <= other.ends and other.starts <= self.ends


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The parsed text of an EQUIVALENCE."""

    id: str
    text: bytes
    rows: tuple[Row, ...]

    @classmethod
    def parse(cls, text: bytes, vocabularies: Mapping[str, Vocabulary]) -> Equivalence:
        """The table in `text`; refuses `text-…` and `equivalence-contradiction`.

        vocabularies: those in force by name; a row of another one is refused.
        """
        table = read_text(text, "equivalence", {"id", "row"})
        keys = {"from", "to", "basis", "starts", "ends"}
        rows = tuple(_read(row, vocabularies) for row in table.tables("row", keys, MAX_ROWS))
        for one, other in combinations(rows, 2):
            if one.contradicts(other):
                raise CallerError(
                    "equivalence-contradiction",
                    f"a level is one level of a policy at a time, `{one.source[0]} {one.source[1]}` has two rows",
                    at="equivalence.row",
                )
        return cls(table.name("id"), text, rows)

    @property
    def digest(self) -> bytes:
        """Its text digest under its id: what a directory endorses."""
        return text_digest(self.id, self.text)


def _read(row: Table, vocabularies: Mapping[str, Vocabulary]) -> Row:
    read = Row(
        _level(row, "from", vocabularies),
        _level(row, "to", vocabularies),
        row.string("basis", MAX_BASIS),
        row.date("starts"),
        row.date("ends"),
    )
    if read.source[0] == read.target[0] or read.ends < read.starts:
        raise CallerError(
            "equivalence-contradiction",
            "a row leads from one policy to another and ends no earlier than it starts, this one does not",
            at=row.at("to"),
        )
    return read


def _level(row: Table, key: str, vocabularies: Mapping[str, Vocabulary]) -> tuple[str, str]:
    name, _, level = row.string(key).partition(" ")
    if name not in vocabularies or vocabularies[name].rank(level) < 0:
        raise row.wrong(key, "a vocabulary in force, a space, and one of its levels")
    return vocabularies[name].policy, level
