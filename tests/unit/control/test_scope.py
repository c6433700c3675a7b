"""Laws of a source's scope."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.control.scope import Scope, spell_scope
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import DataMode, RecordKind


@given(st.frozensets(st.sampled_from(RecordKind), min_size=1), st.frozensets(st.sampled_from(DataMode), min_size=1))
def test_a_scope_has_one_spelling(kinds: frozenset[RecordKind], modes: frozenset[DataMode]) -> None:
    """Two spellings of one scope would be two endorsements that no reader can compare."""
    scope = Scope.parse(spell_scope(kinds, modes))

    assert (scope.kinds, scope.modes) == (kinds, modes)
    assert all(
        scope.covers(kind, mode) == (kind in kinds and mode in modes) for kind in RecordKind for mode in DataMode
    )


def test_the_empty_scope_permits_nothing() -> None:
    """A source may stand in the directory and yet send nothing."""
    scope = Scope.parse("")

    assert not any(scope.covers(kind, mode) for kind in RecordKind for mode in DataMode)


@pytest.mark.must("2.5.2")
@pytest.mark.parametrize(
    "text",
    [
        "telemetry",
        "telemetry//",
        "//REAL",
        "tactic,telemetry//REAL",
        "telemetry,telemetry//REAL",
        "telemetry//REAL,REAL",
        "telemetry//TEST,REAL",
        "telemetry//real",
        "Telemetry//REAL",
        "telemetry //REAL",
        "telemetry,video//REAL",
        "telemetry//REAL//TEST",
        "telemetry//REAL" + " " * 128,
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    """What is not understood to the letter permits nothing, and is not signed."""
    with pytest.raises(CallerError) as caught:
        Scope.parse(text)

    assert caught.value.code == "scope"
