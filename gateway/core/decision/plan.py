"""Outcomes kept by everything they were decided on: one dictionary hit per record and partner.

    decider = Decider()
    basis = Basis(position, partner, agreement, vocabularies)      # once per stream, anew when any of it moves
    outcome = decider.plan_for(basis, record, now_ms)              # View(mask, …) or Withheld(reasons, …)

Rules a change must keep:

* A fact that `decide` reads is in the key, or it is time. A test perturbs each one and sees the outcome decided anew.
* Time is not in the key but bounds every entry on both sides: an outcome stands from the last turn of a dated fact to
  the next, so neither a later nor an earlier `now` can borrow it.
* What was decided while the clock was not trusted is not kept.
* The table is bounded: a source chooses labels, and must not be able to fill the memory with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.decision.decide import decide, turns_ms
from gateway.core.decision.facts import AgreementFacts, PartnerFacts, RecordFacts
from gateway.core.decision.outcome import View, Withheld
from gateway.core.labels.vocabulary import Vocabulary

MAX_ENTRIES = 65_536


class Basis:
    """Who asks, and under what: everything decided on that is not the record.

    position: number of applied control statements. Equal only if all four are; its hash is computed once.
    """

    __slots__ = ("_hash", "_identity", "agreement", "partner", "position", "vocabularies")

    def __init__(
        self,
        position: int,
        partner: PartnerFacts,
        agreement: AgreementFacts,
        vocabularies: Mapping[str, Vocabulary],
    ) -> None:
        self.position = position
        self.partner = partner
        self.agreement = agreement
        # A copy: a vocabulary that the caller replaces later must not change what an equal basis means.
        self.vocabularies = dict(vocabularies)
        self._identity = (position, partner, agreement, tuple(sorted(self.vocabularies.items(), key=lambda i: i[0])))
        self._hash = hash(self._identity)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Basis) and self._identity == other._identity


DecisionKey = tuple[Basis, RecordFacts]


@dataclass(frozen=True, slots=True)
class _Kept:
    from_ms: int
    until_ms: int
    outcome: View | Withheld


class Decider:
    """Decides each key once per span of time; holds nothing that cannot be decided again."""

    __slots__ = ("_kept", "_limit")

    def __init__(self, limit: int = MAX_ENTRIES) -> None:
        self._limit = limit
        self._kept: dict[DecisionKey, _Kept] = {}

    def plan_for(self, basis: Basis, record: RecordFacts, now_ms: int | None) -> View | Withheld:
        """The outcome of `decide` for this basis and record at `now_ms`. Never raises."""
        key = (basis, record)
        kept = self._kept.get(key)
        if kept is not None and now_ms is not None and kept.from_ms <= now_ms < kept.until_ms:
            return kept.outcome
        outcome = decide(basis.partner, basis.agreement, record, basis.vocabularies, now_ms)
        if now_ms is not None:
            if len(self._kept) >= self._limit:
                self._kept.clear()
            passed = (turn for turn in turns_ms(basis.partner, basis.agreement) if turn <= now_ms)
            self._kept[key] = _Kept(max(passed, default=0), outcome.valid_until_ms, outcome)
        return outcome
