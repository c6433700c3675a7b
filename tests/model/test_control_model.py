"""Laws of CONTROL as a whole: whatever operators sign, in whatever order, it does what a page of sets says."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.errors import GatewayError
from tests.model.explore import explore
from tests.model.reference import ALONE, COMES, VAULT, Reference
from tests.model.town import FACETS, Town, everyone, facts, founded, width

STEPS = sorted({step for facet in FACETS.values() for step in facet.split()})

SIGNERS = st.frozensets(st.sampled_from((*everyone(4), COMES, *sorted(VAULT))), min_size=1, max_size=4)


class Governing(RuleBasedStateMachine):
    """Operators sign what they like; the fold and the reference are asked the same."""

    @initialize(operators=st.integers(2, 4))
    def found(self, operators: int) -> None:
        """A gateway with so many operators."""
        self.town: Town = founded(operators).copy()
        self.reference: Reference = facts(self.town.control)
        self.past: list[Control] = []

    @rule(step=st.sampled_from(STEPS), signers=SIGNERS)
    def try_step(self, step: str, signers: frozenset[str]) -> None:
        """Some people sign some step."""
        if step in {"propose", "return"}:
            # Whoever comes signs beside the others, and is no signer of their own here.
            signers = signers - {COMES if step == "propose" else self.reference.left} or frozenset({"officer-1"})
        before, expected = self.town.control, self.reference.attempt(step, signers)
        try:
            self.town.take(self.town.signed(step, signers))
        except GatewayError:
            assert expected is None, step
            assert self.town.control is before
            return
        assert expected is not None, step
        self.reference = expected
        self.past.append(before)
        if len(signers) == 1:
            assert step in ALONE
            assert width(self.town.control) <= width(before)

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """An old statement again, here or at a store that was put back to a place that is not its own."""
        entry = data.draw(st.sampled_from(self.town.entries))
        control = data.draw(st.sampled_from([*self.past, self.town.control]))
        if control.position == entry.statement.position and control.head == entry.statement.prev:
            return
        again = ControlEntry(entry.signed, entry.attachments, max(entry.applied_at_ms, control.clock_ms))
        with pytest.raises(GatewayError):
            control.apply(again)

    @invariant()
    def both_say_the_same(self) -> None:
        """Every fact that the reference knows."""
        if hasattr(self, "town"):
            assert facts(self.town.control) == self.reference


TestGoverning = Governing.TestCase
TestGoverning.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)


@pytest.mark.must("2.3.5", "2.3.7", "2.3.8", "2.3.14", "2.4.2", "2.8.18")
@pytest.mark.parametrize("facet", FACETS)
def test_no_way_of_a_few_steps_widens_anything_by_one_person(facet: str) -> None:
    """`make explore` goes eight steps, with two, three and four operators."""
    tally = explore(3, facet, 2)

    assert tally.wrong == []
    assert tally.states > 5
    assert 0 < tally.counted < tally.attempts
