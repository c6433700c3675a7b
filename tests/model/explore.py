"""Every way that two to four operators can go, up to a depth, by the fold itself: nobody alone widens anything.

    python -m tests.model.explore --depth 8                make explore

From each state every step is tried by every operator alone, by a quorum, by an operator who was removed, by the quorum
of the roster before, and where it is about recovery by recovery keys, alone, together and with operators. Each attempt
must end as the small reference says; what one person did must leave nothing wider; what removed operators sign must not
count, and no key of a roster gets another purpose. Then every statement of the way there is handed in again, at the
state and at each store put back to an earlier one: none may count a second time, or in another past. States that differ
in nothing but their bytes are one state. Prints how many there were.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.errors import GatewayError
from tests.model.reference import ALONE, VAULT, Reference
from tests.model.town import FACETS, Town, everyone, facts, founded, width


@dataclass
class Tally:
    """What was explored. attempts: statements handed to the fold; counted: those that it applied."""

    states: int = 0
    attempts: int = 0
    counted: int = 0
    replayed: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class _Way:
    """A state with the way there: the steps, and the state before each statement."""

    town: Town
    steps: tuple[str, ...]
    before: tuple[Control, ...]


def explore(operators: int, facet: str, depth: int) -> Tally:
    """Every state of that facet within so many steps, each looked at once."""
    tally = Tally()
    first = founded(operators).copy()
    first.entries = []
    queue = deque([_Way(first, (), ())])
    seen = {_key(facts(first.control))}
    while queue:
        way = queue.popleft()
        tally.states += 1
        _replay(way, tally)
        for step in FACETS[facet].split():
            for signers in _signers(way.town.control, operators, with_recovery=facet == "recovery"):
                after = _attempt(way, step, signers, tally)
                if after is None or len(after.steps) > depth or _key(facts(after.town.control)) in seen:
                    continue
                seen.add(_key(facts(after.town.control)))
                queue.append(after)
    return tally


def _key(state: Reference) -> tuple[object, ...]:
    return (
        state.operators,
        state.stopped,
        state.tainted,
        state.revoked,
        state.ended,
        state.agreements,
        state.present,
        tuple(sorted(state.directory.items())),
        state.is_directory_old,
        state.proposal,
        state.author,
        state.left,
        state.certificates,
        state.root,
    )


def _signers(control: Control, operators: int, *, with_recovery: bool) -> Iterator[frozenset[str]]:
    """Each operator alone, a quorum, each removed one alone, the first quorum there was; recovery keys with them."""
    present = sorted(operator.id for operator in control.roster.operators)
    yield from (frozenset({name}) for name in present)
    yield frozenset(present[: control.roster.quorum])
    removed = sorted(set(everyone(operators)) - set(present))
    yield from (frozenset({name}) for name in removed)
    if removed:
        yield frozenset({*removed, present[0]})
    if with_recovery:
        vault = sorted(VAULT)
        yield from (frozenset(vault[:1]), VAULT, frozenset({present[0], vault[0]}), frozenset({present[0], *vault}))
        yield frozenset({*present[: control.roster.quorum], *vault})


def _attempt(way: _Way, step: str, signers: frozenset[str], tally: Tally) -> _Way | None:
    town = way.town.copy()
    before, expected = town.control, facts(town.control).attempt(step, signers)
    tally.attempts += 1
    where = f"{' '.join(way.steps)} | {step} by {', '.join(sorted(signers))}"
    try:
        town.take(town.signed(step, signers))
    except GatewayError as error:
        if expected is not None:
            tally.wrong.append(f"{where}: refused, {error.code}")
        return None
    tally.counted += 1
    if expected is None or _key(expected) != _key(facts(town.control)):
        tally.wrong.append(f"{where}: counted, the reference says otherwise")
    if len(signers) == 1 and (step not in ALONE or not width(town.control) <= width(before)):
        tally.wrong.append(f"{where}: one person widened something")
    return _Way(town, (*way.steps, step), (*way.before, before))


def _replay(way: _Way, tally: Tally) -> None:
    """Every statement again: now, and at each earlier state but the one it was written for."""
    for number, entry in enumerate(way.town.entries):
        places = [*way.before[:number], *way.before[number + 1 :], way.town.control]
        for control in places:
            tally.replayed += 1
            if _counts(control, entry):
                tally.wrong.append(f"{' '.join(way.steps)}: statement {number} counted again")


def _counts(control: Control, entry: ControlEntry) -> bool:
    try:
        control.apply(ControlEntry(entry.signed, entry.attachments, max(entry.applied_at_ms, control.clock_ms)))
    except GatewayError:
        return False
    return True


def main() -> int:
    """0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--depth", type=int, default=8, help="steps from the beginning")
    parser.add_argument("--operators", type=int, nargs="*", default=[2, 3, 4], help="how many there are")
    chosen = parser.parse_args()
    wrong = 0
    sys.stdout.write(f"{'facet':<12} operators  depth  states  attempts  counted  replayed  wrong\n")
    for facet in FACETS:
        for operators in chosen.operators:
            tally = explore(operators, facet, chosen.depth)
            sys.stdout.write(
                f"{facet:<12} {operators:>9} {chosen.depth:>6} {tally.states:>7} {tally.attempts:>9} "
                f"{tally.counted:>8} {tally.replayed:>9} {len(tally.wrong):>6}\n"
            )
            sys.stdout.write("".join(f"  {line}\n" for line in tally.wrong[:10]))
            sys.stdout.flush()
            wrong += len(tally.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
