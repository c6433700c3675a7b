"""What is printed for a person is a table whose columns can be read down."""

from __future__ import annotations

from clients.cli.output import aligned


def test_cells_of_a_column_stand_under_each_other() -> None:
    """At night a state is found by looking down, not by counting words."""
    rows = [("src-3f07", "active", "tactic//REAL"), ("src-91c2-second", "suspended", "")]

    assert aligned(rows) == [
        ("src-3f07       ", "active     tactic//REAL"),
        ("src-91c2-second", "suspended              "),
    ]


def test_a_table_of_nothing_has_no_lines() -> None:
    """So that a list can say in words that there is none."""
    assert aligned([]) == []
