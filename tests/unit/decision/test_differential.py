"""Two deciders that share no line agree."""

from __future__ import annotations

import ast
import inspect

import pytest

from gateway.core.decision.outcome import Reason
from tests.reference import decider as reference
from tests.unit.decision.differential import compare


@pytest.mark.must("9.5.1")
def test_both_deciders_agree_on_twenty_thousand_random_cases(seed: int) -> None:
    """A release that one of two independent readings of SPEC.md forbids is a bug in one of them."""
    tally = compare(seed, 20_000)

    assert tally.disagreements == []
    # The cases are worth their time only if every outcome and every reason is among them.
    assert tally.seen["View"] > 2_000
    assert tally.seen["Withheld"] > 2_000
    assert {reason.value for reason in Reason} <= set(tally.seen)


def test_the_reference_decider_imports_nothing_of_the_product() -> None:
    """An independent reading must not call the reading it is there to doubt."""
    tree = ast.parse(inspect.getsource(reference))
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported == {"__future__", "datetime", "re", "typing"}
