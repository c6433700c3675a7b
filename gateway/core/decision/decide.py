"""The decision: total, pure, deny by default, with the moment until which it stands.

Steps, numbered as in architecture section 4:

1. facts: the partner is active and its certificate and directory are good; the agreement is its own and in force;
   kind, mode, source and design are inside it; the token, where it requires one, is good and has the kind; no hold; the
   record is one this decider understands;
2. lattice, per portion: the label is within the partner's clearance under the label's own policy, releasable to the
   partner's nation, and not above the ceilings of agreement and token. A clearance is never mapped, and no equivalence
   of two policies exists yet: what is graded under another policy than the ceiling is above it;
3. operators' rules have no place here yet;
4. the agreement's `withhold`, the hidden origin, and `must`: all of it, or nothing of the record.

INVARIANT: a slot is in the mask only if every claim about it and every claim of step 1 holds. Claims are added, never
alternatives: no step can restore what another withheld. `explain` cannot differ: `decide` is its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.core.decision.facts import AgreementFacts, PartnerFacts, RecordFacts
from gateway.core.decision.outcome import FOREVER_MS, Explanation, Reason, Step, View, Withheld
from gateway.core.errors import Refused
from gateway.core.labels.label import Label
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import Shortfall, shortfalls
from gateway.core.suite.numbers import DataMode, RecordKind

# A chunk follows its parent's portion, which no fact here names yet.
_DECIDABLE = frozenset({RecordKind.TELEMETRY, RecordKind.TACTIC, RecordKind.DESIGN})
_ORIGIN_SLOT = "unit"
_CLAIMS = (
    (Shortfall.POLICY, Reason.POLICY, "the partner is cleared under its policy"),
    (Shortfall.LEVEL, Reason.LEVEL, "the clearance is as high as its level"),
    (Shortfall.RESTRICTIVE, Reason.RESTRICTIVE, "every restrictive value is held, a design's through the agreement"),
    (Shortfall.PERMISSIVE, Reason.PERMISSIVE, "one value of each permissive tag is held"),
    (Shortfall.RELEASABILITY, Reason.RELEASABILITY, "the partner's nation is in its releasability"),
)


def decide(
    partner: PartnerFacts,
    agreement: AgreementFacts,
    record: RecordFacts,
    vocabularies: Mapping[str, Vocabulary],
    now_ms: int | None,
) -> View | Withheld:
    """What of `record` the partner may have at `now_ms` (UTC; None while the clock is not trusted). Never raises."""
    return explain(partner, agreement, record, vocabularies, now_ms).outcome


def explain(
    partner: PartnerFacts,
    agreement: AgreementFacts,
    record: RecordFacts,
    vocabularies: Mapping[str, Vocabulary],
    now_ms: int | None,
) -> Explanation:
    """The decision with every step, past or hypothetical: `now_ms` is whatever moment is asked about."""
    until = next_turn_ms(partner, agreement, now_ms)
    steps = list(_fact_steps(partner, agreement, record, now_ms))
    reasons = _failing(steps)
    if Reason.MALFORMED in reasons:
        return Explanation(Withheld(reasons, until), tuple(steps))
    mask = 0
    lacking: list[Step] = []
    for slot, label in enumerate(record.labels):
        if label is None:
            continue
        name = record.slots[slot]
        found = [
            *_lattice_steps(name, _understood(label, vocabularies), partner, agreement),
            *_agreement_steps(name, record.kind, agreement),
        ]
        steps += found
        if all(step.holds for step in found):
            mask |= 1 << slot
        elif record.must >> slot & 1:
            lacking += found
    must = Step(4, "record", "every portion it must show may be shown", not record.must & ~mask, Reason.MUST)
    steps.append(must)
    # What step 1 withholds needs no further reason; the steps are all there for whoever asks.
    reasons = reasons or _failing((*lacking, must))
    return Explanation(Withheld(reasons, until) if reasons else View(mask, until), tuple(steps))


def turns_ms(partner: PartnerFacts, agreement: AgreementFacts) -> tuple[int, ...]:
    """Every moment at which a fact turns by time alone, ascending."""
    return tuple(
        sorted(
            (
                partner.certificate_from_ms,
                partner.certificate_until_ms,
                partner.directory_until_ms,
                agreement.starts_ms,
                agreement.ends_ms,
                *((partner.token.until_ms,) if partner.token else ()),
            )
        )
    )


def next_turn_ms(partner: PartnerFacts, agreement: AgreementFacts, now_ms: int | None) -> int:
    """The first turn after `now_ms`; 0 while the clock is not trusted, so that such an outcome never stands."""
    if now_ms is None:
        return 0
    return next((turn for turn in turns_ms(partner, agreement) if turn > now_ms), FOREVER_MS)


def _failing(steps: list[Step] | tuple[Step, ...]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(step.reason for step in steps if not step.holds))


def _fact_steps(
    partner: PartnerFacts, agreement: AgreementFacts, record: RecordFacts, now_ms: int | None
) -> Iterator[Step]:
    def step(subject: str, claim: str, holds: bool, reason: Reason) -> Step:
        return Step(1, subject, claim, holds, reason)

    timed = now_ms is not None
    now = now_ms if now_ms is not None else -1
    yield step("clock", "the clock is trusted", timed, Reason.UNTIMED)
    yield step("partner", "it is not suspended", not partner.suspended, Reason.PARTNER_SUSPENDED)
    certified = timed and partner.certificate_from_ms <= now < partner.certificate_until_ms
    yield step("partner", "its certificate is in its dates", certified, Reason.CERTIFICATE)
    listed = timed and now < partner.directory_until_ms
    yield step("partner", "the directory that names its keys has not expired", listed, Reason.DIRECTORY)
    if partner.token is not None:
        unexpired = timed and now < partner.token.until_ms
        yield step("token", "it was shown and has not expired", unexpired, Reason.TOKEN)
        yield step("token", "its scope has the record's kind", record.kind in partner.token.kinds, Reason.TOKEN)
    own = agreement.partner_id == partner.partner_id
    yield step("agreement", "it is with this partner", own, Reason.OTHER_PARTNER)
    yield step("agreement", "no operator ended it", not agreement.ended, Reason.AGREEMENT_ENDED)
    in_force = timed and agreement.starts_ms <= now < agreement.ends_ms
    yield step("agreement", "it is in force from its first to the end of its last day", in_force, Reason.NOT_IN_FORCE)
    kind = record.kind in agreement.kinds and record.kind in _DECIDABLE
    yield step("agreement", "it has the record's kind", kind, Reason.KIND)
    # REAL never shares a stream with another mode, so an agreement that mixes them is not understood.
    mixed = DataMode.REAL in agreement.modes and len(agreement.modes) > 1
    mode = record.data_mode in agreement.modes and not mixed
    yield step("agreement", "it has the record's data mode, and REAL only alone", mode, Reason.MODE)
    source = agreement.sources == "all" or record.source_id in agreement.sources
    yield step("agreement", "it has the record's source", source, Reason.SOURCE)
    yield step("source", "it is not suspended", not record.source_suspended, Reason.SOURCE_SUSPENDED)
    yield step("source", "a reader can verify the key that signed it", not record.unverifiable, Reason.UNVERIFIABLE)
    design = not record.design or record.design in agreement.designs
    yield step("agreement", "it names the record's design, if there is one", design, Reason.DESIGN)
    yield step("record", "no hold or recall names it", not record.held, Reason.HELD)
    yield step("record", "its slots, labels and must fit together", _is_well_formed(record), Reason.MALFORMED)


def _is_well_formed(record: RecordFacts) -> bool:
    must = record.must
    slots = len(record.slots)
    return 1 <= slots <= 16 and len(record.labels) == slots and must > 0 and must & 1 == 1 and not must >> slots


def _lattice_steps(name: str, label: Label | None, partner: PartnerFacts, agreement: AgreementFacts) -> Iterator[Step]:
    yield Step(2, name, "its label is canonical, under a vocabulary in force", label is not None, Reason.LABEL)
    if label is None:
        return
    short = shortfalls(label, partner.clearances, partner.nation, agreement.designs)
    for shortfall, reason, claim in _CLAIMS:
        yield Step(2, name, claim, shortfall not in short, reason)
    capped = _is_under_ceiling(label, agreement, agreement.ceiling_level)
    yield Step(2, name, "its level is not above the agreement's ceiling", capped, Reason.CEILING)
    if partner.token is not None and partner.token.ceiling_level is not None:
        capped = _is_under_ceiling(label, agreement, partner.token.ceiling_level)
        yield Step(2, name, "its level is not above the token's ceiling", capped, Reason.TOKEN)


def _agreement_steps(name: str, kind: RecordKind, agreement: AgreementFacts) -> Iterator[Step]:
    kept = f"{kind.name.lower()}.{name}" in agreement.withhold
    yield Step(4, name, "the agreement does not withhold it", not kept, Reason.WITHHOLD)
    hidden = agreement.origin_hidden and name == _ORIGIN_SLOT
    yield Step(4, name, "it does not show an origin that the agreement hides", not hidden, Reason.ORIGIN_HIDDEN)


def _understood(label_text: bytes, vocabularies: Mapping[str, Vocabulary]) -> Label | None:
    try:
        return Label.parse(label_text, vocabularies)
    except Refused:
        return None


def _is_under_ceiling(label: Label, agreement: AgreementFacts, level: str) -> bool:
    # A ceiling that its vocabulary does not know has rank -1, and every label is above it.
    return label.policy == agreement.ceiling_policy and label.rank <= label.defined_by.rank(level)
