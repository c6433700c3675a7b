"""Two deciders, many random cases, no disagreement.

    python -m tests.unit.decision.differential --count 1000000 --seed 7

Cases are drawn near the edge: mostly permitted, each fact now and then wrong, moments on and beside the turns. Every
eighth case is also decided just before and at the moment until which its outcome stands, with and without keeping.
A failure names the case: `case_number(seed, number)` draws it again.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import gateway.core.labels
from gateway.core.decision.decide import decide
from gateway.core.decision.facts import DAY_MS, AgreementFacts, PartnerFacts, RecordFacts, TokenFacts
from gateway.core.decision.outcome import View, Withheld
from gateway.core.decision.plan import Basis, Decider
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.clearance import parse_clearances
from gateway.core.parties.names import AgreementId, Nation, PartnerId, SourceId
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.reference.decider import Case, released
from tests.unit.labels.test_vocabulary import SMALL

_FILES = Path(gateway.core.labels.__file__).parent / "vocabularies"
TEXTS = {"ACM.7": SMALL.encode(), **{f"{p}.1": (_FILES / f"{p}.1.toml").read_bytes() for p in ("UKR", "USA", "NATO")}}
VOCABULARIES = {name: Vocabulary.parse(text) for name, text in TEXTS.items()}
TABLES = {name: tomllib.loads(text.decode()) for name, text in TEXTS.items()}

_NATIONS = ("DEU", "GBR", "UKR", "USA", "BEL", "CZE", "ACM")
_DESIGNS = ("FPV-7", "FPV-8")
_SLOTS = ("about", "position", "position_coarse", "kinematics", "vehicle", "link", "gnss", "unit")
_STARTS = date(2026, 6, 1)


def case_number(seed: int, number: int) -> Case:
    """The same case again, whatever was drawn before it."""
    return _a_case(Random(f"{seed}/{number}"))


def _a_case(rng: Random) -> Case:
    rarely = 0.03
    policy = rng.choices(("UKR", "NATO", "USA", "ACM"), (7, 1, 1, 1))[0]
    nation = rng.choice(_NATIONS)
    ends = _STARTS + timedelta(days=rng.choice((0, 1, 29, 394)))
    begin = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1000
    end = begin + ((ends - _STARTS).days + 1) * DAY_MS
    certificate = [begin - rng.choice((0, DAY_MS)), end + rng.choice((-1000, 0, DAY_MS))]
    directory_until = end + rng.choice((-2000, 0, DAY_MS))
    token_until = end + rng.choice((-1000, 0, DAY_MS))
    turns = (begin, end, *certificate, directory_until, token_until)
    now = rng.choice(turns) + rng.choice((-1, 0, 1)) if rng.random() < 0.3 else rng.randrange(begin, end)
    kind = rng.choice(("telemetry", "tactic", "design"))
    mode = rng.choice(("REAL", "EXERCISE", "SIMULATED"))
    slots = list(_SLOTS[: rng.choice((8, 8, 8, 1, 3))])
    must = sorted({0, *rng.sample(range(len(slots)), rng.choice((0, 0, 1, 2)) % (len(slots) + 1))})
    labels = [None if rng.random() < 0.1 and slot else _label(rng, policy, nation) for slot in range(len(slots))]

    def off(value: object, wrong: object) -> object:
        return wrong if rng.random() < rarely else value

    modes = [mode] if mode == "REAL" else sorted({mode, "EXERCISE"})
    return {
        "now": off(now, None),
        "vocabularies": TABLES,
        "partner": {
            "id": "usa/arl",
            "nation": nation,
            "clearance": _clearance(rng, policy, nation),
            "suspended": off(False, True),
            "certificate": certificate,
            "directory_until": directory_until,
            "token": rng.choice((None, _token(rng, policy, kind, token_until))),
        },
        "agreement": {
            "to": off("usa/arl", "gbr/dstl"),
            "starts": _STARTS.isoformat(),
            "ends": ends.isoformat(),
            "ended": off(False, True),
            "kinds": sorted({off(kind, "chunk"), "tactic"}, key=str),
            "modes": off(modes, ["EXERCISE", "REAL"]),
            "sources": rng.choice(("all", ["src-1"], ["src-1", "src-2"])),
            "designs": sorted(rng.sample(_DESIGNS, rng.choice((0, 1, 2, 2)))),
            "ceiling": [off(policy, "UKR"), _level(rng, policy, 3)],
            "withhold": [f"{kind}.{name}" for name in slots if rng.random() < rarely],
            "origin": rng.choice(("hidden", "shown")),
        },
        "record": {
            "kind": off(kind, "chunk"),
            "mode": off(mode, "TEST"),
            "source": off("src-1", "src-2"),
            "source_suspended": off(False, True),
            "design": rng.choice(("", "", "FPV-7")),
            "held": off(False, True),
            "unverifiable": off(False, True),
            "slots": off(slots, slots[:-1]),
            "labels": labels,
            "must": off(off(must, [0, len(slots)]), must[1:] or [0]),
        },
    }


def _level(rng: Random, policy: str, lean: int) -> str:
    codes = [entry["code"] for entry in TABLES[_name(policy)]["level"]]
    return rng.choice(codes[-lean:]) if rng.random() < 0.97 else "NONE"


def _token(rng: Random, policy: str, kind: str, until: int) -> Case:
    kinds = sorted({kind if rng.random() < 0.95 else "chunk", "tactic"})
    return {"until": until, "kinds": kinds, "ceiling": rng.choice((None, _level(rng, policy, 3)))}


def _name(policy: str) -> str:
    return next(name for name in TABLES if name.startswith(policy))


def _clearance(rng: Random, policy: str, nation: str) -> Case:
    clearances: Case = {"UKR": {"level": "T", "REL": [nation]}}
    held: Case = {"level": _level(rng, policy, 2)}
    for code, tag in TABLES[_name(policy)]["tag"].items():
        pool = _pool(code, tag, nation)
        values = (
            [nation] if code in ("REL", "ONLY") and rng.random() < 0.95 else rng.sample(pool, rng.randint(0, len(pool)))
        )
        if values:
            held[code] = values
    clearances[policy] = held
    if rng.random() < 0.03:
        del clearances[policy]
    return clearances or {"USA": {"level": "TS"}}


def _pool(code: str, tag: Case, nation: str) -> list[str]:
    if tag["values"] == "identifiers":
        return list(_DESIGNS)
    if code in ("REL", "ONLY"):
        near = dict.fromkeys((nation, "GBR", "UKR", "BEL", "X"))
        return [value for value in near if value in tag["values"]] or tag["values"][:1]
    return list(tag["values"][:2])


def _label(rng: Random, policy: str, nation: str) -> str:
    if rng.random() < 0.03:
        policy = rng.choice(("UKR", "NATO", "USA", "ACM"))
    name = _name(policy)
    codes = [entry["code"] for entry in TABLES[name]["level"]]
    parts = [f"{name} {rng.choice(codes[:3] if rng.random() < 0.9 else codes)}"]
    for code, tag in sorted(TABLES[name]["tag"].items()):
        pool = _pool(code, tag, nation)
        wanted = 0.9 if code == "REL" else 0.15
        if rng.random() < wanted:
            values = {*rng.sample(pool, rng.randint(1, len(pool))), *(pool[:1] if code == "REL" else ())}
            parts.append(f"{code} {','.join(sorted(values))}")
    text = "//".join(parts)
    return _misspelled(rng, text) if rng.random() < 0.03 else text


def _misspelled(rng: Random, text: str) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice((" ", ",", "/", "//", "\n", "A", "z", "Т", "")) + text[at + rng.choice((0, 1)) :]


def _token_facts(token: Case | None) -> TokenFacts | None:
    if token is None:
        return None
    kinds = frozenset(RecordKind[kind.upper()] for kind in token["kinds"])
    return TokenFacts(token["until"], kinds, token["ceiling"])


def facts_of(case: Case) -> tuple[PartnerFacts, AgreementFacts, RecordFacts]:
    """The case as the gateway states it."""
    partner, agreement, record = case["partner"], case["agreement"], case["record"]
    return (
        PartnerFacts(
            partner_id=PartnerId(partner["id"]),
            nation=Nation(partner["nation"]),
            clearances=parse_clearances(partner["clearance"]),
            suspended=partner["suspended"],
            certificate_from_ms=partner["certificate"][0],
            certificate_until_ms=partner["certificate"][1],
            directory_until_ms=partner["directory_until"],
            token=_token_facts(partner["token"]),
        ),
        AgreementFacts(
            agreement_id=AgreementId("UA-US-2026-014"),
            partner_id=PartnerId(agreement["to"]),
            starts=date.fromisoformat(agreement["starts"]),
            ends=date.fromisoformat(agreement["ends"]),
            ended=agreement["ended"],
            kinds=frozenset(RecordKind[kind.upper()] for kind in agreement["kinds"]),
            modes=frozenset(DataMode[mode] for mode in agreement["modes"]),
            sources="all" if agreement["sources"] == "all" else frozenset(map(SourceId, agreement["sources"])),
            designs=frozenset(agreement["designs"]),
            ceiling_policy=agreement["ceiling"][0],
            ceiling_level=agreement["ceiling"][1],
            withhold=frozenset(agreement["withhold"]),
            origin_hidden=agreement["origin"] == "hidden",
            delay_ms=0,
            records_per_month=None,
        ),
        RecordFacts(
            kind=RecordKind[record["kind"].upper()],
            data_mode=DataMode[record["mode"]],
            source_id=SourceId(record["source"]),
            source_suspended=record["source_suspended"],
            design=record["design"],
            held=record["held"],
            unverifiable=record["unverifiable"],
            slots=tuple(record["slots"]),
            labels=tuple(None if label is None else label.encode() for label in record["labels"]),
            must=sum(1 << slot for slot in record["must"]),
        ),
    )


@dataclass(slots=True)
class Tally:
    """What was seen: outcomes and reasons, and the first disagreements."""

    seen: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)


def _slots(outcome: View | Withheld) -> set[int]:
    return {slot for slot in range(16) if isinstance(outcome, View) and outcome.mask >> slot & 1}


def compare(seed: int, count: int) -> Tally:
    """Decides `count` cases both ways; the tally's disagreements are empty when they agree on all."""
    tally = Tally()
    decider = Decider(limit=1024)
    for number in range(count):
        case = case_number(seed, number)
        partner, agreement, record = facts_of(case)
        basis = Basis(1, partner, agreement, VOCABULARIES)
        outcome = decider.plan_for(basis, record, case["now"])
        tally.seen[type(outcome).__name__] += 1
        if isinstance(outcome, Withheld):
            tally.seen.update(reason.value for reason in outcome.reasons)
        expected = released(case)
        if _slots(outcome) != expected:
            tally.disagreements.append(f"case_number({seed}, {number}): {outcome} {expected}")
        if number % 8 == 0:
            tally.disagreements += _over_time(f"case_number({seed}, {number})", case, decider, outcome)
    return tally


def _over_time(name: str, case: Case, decider: Decider, outcome: View | Withheld) -> list[str]:
    """Disagreements around the moment until which the outcome is said to stand, and back at the first moment."""
    partner, agreement, record = facts_of(case)
    basis = Basis(1, partner, agreement, VOCABULARIES)
    until = min(outcome.valid_until_ms, 2**42)
    found = []
    for now in (until - 1, until, case["now"]):
        expected = released({**case, "now": now})
        kept = _slots(decider.plan_for(basis, record, now))
        fresh = _slots(decide(partner, agreement, record, VOCABULARIES, now))
        stands = now == until or case["now"] is None or fresh == _slots(outcome)
        if not (kept == fresh == expected and stands):
            found.append(f"{name} at {now}: {kept} {fresh} {expected}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when both deciders agree on every case."""
    parser = argparse.ArgumentParser(description="compare the decider with the reference decider")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    tally = compare(options.seed, options.count)
    sys.stdout.write(f"seed {options.seed}, {options.count} cases, {len(tally.disagreements)} disagreements\n")
    sys.stdout.writelines(f"{line}\n" for line in (*tally.disagreements[:5], *map(str, sorted(tally.seen.items()))))
    return 1 if tally.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
