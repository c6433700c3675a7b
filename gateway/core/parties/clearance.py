"""What a partner is cleared for, per policy, and what a label asks beyond it.

A clearance is one level and the tag values held, under the names of one policy: it is never mapped to another. So a
label of a policy that no clearance names is out of reach, whatever its level. A partner's admission carries one table
per policy:

    [clearance.UKR]
    level = "T"
    REL   = ["USA"]

`shortfalls` is the acceptance rule of ADatP-4774 as SPEC.md section 9 narrows it: the level is as high; every
RESTRICTIVE value is held; of every PERMISSIVE tag one value is held; INFORMATIVE tags are ignored; and the nation
itself is among the label's releasability, whatever values were written into the clearance. The gateway uses it for a
release and a partner's client for what it receives, so both mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.errors import CallerError
from gateway.core.labels.label import Label
from gateway.core.labels.vocabulary import Absence, Held, Tag, TagKind, Vocabulary

MAX_POLICIES = 16
MAX_VALUES = 256

_POLICY = re.compile(r"[A-Z]{3,8}")
_CODE = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Shortfall(StrEnum):
    """What a label asks that a reader does not have."""

    POLICY = "policy"
    LEVEL = "level"
    RESTRICTIVE = "restrictive"
    PERMISSIVE = "permissive"
    RELEASABILITY = "releasability"


@dataclass(frozen=True, slots=True)
class Clearance:
    """Level and values held under one policy. held: tag code and its values, ascending by code."""

    policy: str
    level: str
    held: tuple[tuple[str, frozenset[str]], ...]

    @classmethod
    def parse(cls, policy: str, table: object) -> Clearance:
        """The clearance of one TOML table: `level`, then tag = [values]. CallerError `clearance` on anything else."""
        at = f"clearance.{policy}"
        if _POLICY.fullmatch(policy) is None:
            raise _wrong("clearance", "named by policies of 3 to 8 capital letters")
        if not isinstance(table, dict) or "level" not in table:
            raise _wrong(at, "a table with a `level`")
        held = [(tag, _values(tag, values, at)) for tag, values in sorted(table.items()) if tag != "level"]
        return cls(policy, _code(table["level"], f"{at}.level"), tuple(held))

    def values(self, tag: str) -> frozenset[str]:
        """Values held of a tag; none if the clearance does not name it."""
        for code, values in self.held:
            if code == tag:
                return values
        return frozenset()

    def check_against(self, vocabulary: Vocabulary) -> None:
        """Refuses `clearance` unless level, tags and values exist in `vocabulary` and none comes by agreement only.

        A reader's nation may be an owner of the policy, so owners are values of the releasability here.
        """
        at = f"clearance.{self.policy}"
        if vocabulary.policy != self.policy or self.level not in vocabulary.levels:
            raise _wrong(f"{at}.level", f"a level of {vocabulary.name}")
        for code, values in self.held:
            tag = vocabulary.tags.get(code)
            if tag is None or tag.held is Held.AGREEMENT:
                raise _wrong(f"{at}.{code}", f"a tag of {vocabulary.name} that a clearance can hold")
            owners: Set[str] = vocabulary.owner if code == vocabulary.releasability else frozenset()
            if not all(tag.permits(value) or value in owners for value in values):
                raise _wrong(f"{at}.{code}", f"values that {vocabulary.name} permits")


def parse_clearances(tables: object) -> tuple[Clearance, ...]:
    """The clearances of a `[clearance]` table, one per policy, ascending. CallerError `clearance` on anything else."""
    if not isinstance(tables, dict) or not 1 <= len(tables) <= MAX_POLICIES:
        raise _wrong("clearance", f"1 to {MAX_POLICIES} tables, one per policy")
    return tuple(Clearance.parse(policy, tables[policy]) for policy in sorted(tables))


def clearance_for(policy: str, clearances: Iterable[Clearance]) -> Clearance | None:
    """The one clearance under `policy`; None if there is none, or more than one and so no telling which."""
    found = [clearance for clearance in clearances if clearance.policy == policy]
    return found[0] if len(found) == 1 else None


def shortfalls(
    label: Label, clearances: Iterable[Clearance], nation: str, agreed: Set[str] = frozenset()
) -> tuple[Shortfall, ...]:
    """What `label` asks beyond the clearances, in the order above; empty means it is within them.

    agreed: what an agreement gives of the tags that are held by agreement only (the designs it names).
    """
    clearance = clearance_for(label.policy, clearances)
    if clearance is None:
        return (Shortfall.POLICY,)
    vocabulary = label.defined_by
    found = []
    if label.rank > vocabulary.rank(clearance.level):
        found.append(Shortfall.LEVEL)
    if not all(_holds_every(label, tag, clearance, agreed) for tag in _of(vocabulary, TagKind.RESTRICTIVE)):
        found.append(Shortfall.RESTRICTIVE)
    if not all(_holds_one(label, tag, clearance) for tag in _of(vocabulary, TagKind.PERMISSIVE)):
        found.append(Shortfall.PERMISSIVE)
    releasable = _admitted(label, vocabulary.tags[vocabulary.releasability])
    if releasable is not None and nation not in releasable:
        found.append(Shortfall.RELEASABILITY)
    return tuple(found)


def _of(vocabulary: Vocabulary, kind: TagKind) -> Iterable[Tag]:
    return (tag for tag in vocabulary.tags.values() if tag.kind is kind)


def _holds_every(label: Label, tag: Tag, clearance: Clearance, agreed: Set[str]) -> bool:
    held = agreed if tag.held is Held.AGREEMENT else clearance.values(tag.code)
    return all(value in held for value in label.tags.get(tag.code, ()))


def _holds_one(label: Label, tag: Tag, clearance: Clearance) -> bool:
    admitted = _admitted(label, tag)
    return admitted is None or not admitted.isdisjoint(clearance.values(tag.code))


def _admitted(label: Label, tag: Tag) -> frozenset[str] | None:
    """Values of which one opens the label; None if none is asked. The owner may always read its own labels."""
    values = label.tags.get(tag.code, ())
    if not values and tag.absent is Absence.UNRESTRICTED:
        return None
    vocabulary = label.defined_by
    return vocabulary.owner.union(values) if tag.code == vocabulary.releasability else frozenset(values)


def _wrong(at: str, expected: str) -> CallerError:
    return CallerError("clearance", f"`{at}` must be {expected}, something else came", at=at)


def _code(value: object, at: str) -> str:
    if not isinstance(value, str) or _CODE.fullmatch(value) is None:
        raise _wrong(at, "a code of capital letters, digits and hyphens")
    return value


def _values(tag: str, values: object, at: str) -> frozenset[str]:
    _code(tag, at)
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_VALUES:
        raise _wrong(f"{at}.{tag}", f"a list of 1 to {MAX_VALUES} values")
    if not all(isinstance(value, str) and _VALUE.fullmatch(value) for value in values) or len(set(values)) != len(
        values
    ):
        raise _wrong(f"{at}.{tag}", "a list of different values")
    return frozenset(values)
