"""What became of changes, counted: by file, message and sort of change, by code or kind, and where readers disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.mutation.changes import Change
from tests.mutation.harmless import KINDS, Unnamed, named
from tests.mutation.walk import Both, Walk

FLIPS, TRUNCATIONS, OTHER = SORTS = ("flips", "truncations", "other")
_SORT = {"flip": FLIPS, "bit": FLIPS, "cut": TRUNCATIONS}
SHOWN = 50


@dataclass
class Tally:
    """Counts of one piece of work; they add up.

    refused and harmless: by (file, message, sort of change, code or kind). late: refused not at the change but at an
    item behind it. fields: harmless changes by (kind, message, field or sort of change). disagreed: by (message, sort
    of change, field, the product's verdict, the second reader's), with the first place each.
    """

    refused: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    harmless: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    fields: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    late: int = 0
    disagreed: Counter[tuple[str, str, str, str, str]] = field(default_factory=Counter)
    places: dict[tuple[str, str, str, str, str], str] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)

    def note(self, walk: Walk, change: Change) -> Both:
        """Tries a change and counts what became of it."""
        both, read = walk.tell(change.place, change.instead, change.resume), walk.file
        title, sort = read.title(read.items[change.place]), _SORT.get(change.what, OTHER)
        if not both.agree:
            self._disagree(walk, change, both)
        elif both.product.code:
            self.refused[read.name, title, sort, both.product.code] += 1
            self.late += both.product.at > 0
        else:
            kind = named(walk, change, both)
            if isinstance(kind, Unnamed):
                self.unnamed.append(str(kind))
            else:
                self.harmless[read.name, title, sort, kind] += 1
                self.fields[kind, title, _field(walk, change)] += 1
        return both

    def _disagree(self, walk: Walk, change: Change, both: Both) -> None:
        item = walk.file.items[change.place]
        verdicts = [f"{said.code or 'accepted'} +{said.at}" for said in (both.product, both.second)]
        key = (walk.file.title(item), change.what, _field(walk, change), verdicts[0], verdicts[1])
        self.disagreed[key] += 1
        self.places.setdefault(key, f"{walk.file.name} item {change.place} offset {change.offset}")

    def add(self, other: Tally) -> None:
        """Adds another piece of work."""
        self.refused.update(other.refused)
        self.harmless.update(other.harmless)
        self.fields.update(other.fields)
        self.late += other.late
        self.disagreed.update(other.disagreed)
        for key, place in other.places.items():
            self.places.setdefault(key, place)
        self.unnamed += other.unnamed[: SHOWN - len(self.unnamed)]

    @property
    def changes(self) -> int:
        """How many were tried."""
        return sum(sum(one.values()) for one in (self.refused, self.harmless, self.disagreed)) + len(self.unnamed)

    @property
    def holds(self) -> bool:
        """Every change was refused by both with one code, or is harmless by name."""
        return not self.disagreed and not self.unnamed

    def to_json(self) -> dict[str, object]:
        """Everything, for `--json`."""
        return {
            "changes": self.changes,
            "refused": sum(self.refused.values()),
            "refused_later": self.late,
            "harmless": {kind: _sum(self.harmless, 3, kind) for kind in KINDS},
            "harmless_fields": [[*key, count] for key, count in sorted(self.fields.items())],
            "rows": [row.to_json() for row in self.rows()],
            "disagreed": [[*key, count, self.places[key]] for key, count in self.disagreed.most_common()],
            "unnamed": self.unnamed,
        }

    def rows(self) -> Iterator[Row]:
        """A row for each message of each file, in the order of the files."""
        keys = sorted({(file, title) for one in (self.refused, self.harmless) for file, title, _, _ in one})
        for file, title in keys:
            refused = Counter({key[2:]: count for key, count in self.refused.items() if key[:2] == (file, title)})
            harmless = Counter({key[2:]: count for key, count in self.harmless.items() if key[:2] == (file, title)})
            yield Row(file, title, refused, harmless)


@dataclass(frozen=True)
class Row:
    """One message of one file."""

    file: str
    title: str
    refused: Counter[tuple[str, str]]
    harmless: Counter[tuple[str, str]]

    def _by(self, counted: Counter[tuple[str, str]], place: int) -> Counter[str]:
        found = Counter[str]()
        for key, count in counted.items():
            found[key[place]] += count
        return found

    def to_json(self) -> dict[str, object]:
        """The row for `--json`."""
        sorts = self._by(self.refused, 0) + self._by(self.harmless, 0)
        return {
            "file": self.file,
            "message": self.title,
            **{sort: sorts[sort] for sort in SORTS},
            "refused": sum(self.refused.values()),
            "harmless": dict(self._by(self.harmless, 1)),
            "codes": dict(self._by(self.refused, 1).most_common()),
        }

    def __str__(self) -> str:
        told = self.to_json()
        harmless = ", ".join(f"{kind} {count:,}" for kind, count in self._by(self.harmless, 1).items()) or "0"
        codes = ", ".join(f"{code} {count:,}" for code, count in self._by(self.refused, 1).most_common())
        numbers = " | ".join(f"{told[name]:,}" for name in (*SORTS, "refused"))
        return f"| {self.file} | {self.title} | {numbers} | {harmless} | {codes} |"


def _field(walk: Walk, change: Change) -> str:
    if not change.is_of_bytes:
        return change.what
    return walk.field_at(change.place, change.offset).of_kind


def _sum(counted: Counter[tuple[str, str, str, str]], place: int, value: str) -> int:
    return sum(count for key, count in counted.items() if key[place] == value)


def totals(tallies: Iterable[Tally]) -> Tally:
    """All pieces of work as one."""
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole
