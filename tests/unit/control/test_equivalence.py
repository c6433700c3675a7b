"""Laws of equivalence tables: what may be called equal, and how a table reaches a reader."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.core.control.endorsing import Listed
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import Role, StatementKind
from tests.unit.control.world import UKR, VOCABULARIES, World, a_world

NATO = (VOCABULARIES / "NATO.1.toml").read_bytes()


def row(**changes: str) -> str:
    """A row of a table, with keys changed."""
    values = {
        "from": '"UKR.1 T"',
        "to": '"NATO.1 NC"',
        "basis": '"annex 3"',
        "starts": "2026-06-01",
        "ends": "2027-06-30",
    } | changes
    return "\n[[row]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def table(*rows: str, name: str = "EQ-1") -> bytes:
    """A table of these rows."""
    return (f'id = "{name}"\n' + "".join(rows or (row(),))).encode()


def two_policies() -> World:
    """A world with two vocabularies."""
    world = a_world()
    world.apply(StatementKind.VOCABULARY, NATO)
    return world


def refusal(apply: Callable[[], object]) -> str:
    """The code with which the gateway refuses."""
    with pytest.raises(GatewayError) as caught:
        apply()
    return caught.value.code


def test_a_table_replaces_the_one_before_and_is_carried_as_a_file() -> None:
    """A reader gets one table, under the name that operators gave it."""
    world = two_policies()
    world.apply(StatementKind.EQUIVALENCE, table())
    old = table_of(world.listed())
    world.apply(StatementKind.EQUIVALENCE, table(row(ends="2028-06-30"), name="EQ-2"))

    world.direct()

    assert old == ["EQ-1"]
    assert table_of(world.listed()) == ["EQ-2"]
    assert world.trust().file(Role.VOCABULARY, "EQ-2") == table(row(ends="2028-06-30"), name="EQ-2")
    assert world.control.equivalence is not None
    assert [(one.source, one.target) for one in world.control.equivalence.rows] == [(("UKR", "T"), ("NATO", "NC"))]


def table_of(listed: tuple[Listed, ...]) -> list[str]:
    """Names of the files of role VOCABULARY that are no vocabularies."""
    files = [one.subject_id for one, _ in listed if one.role is Role.VOCABULARY]
    return [name for name in files if name not in {"UKR.1", "NATO.1"}]


def test_a_directory_has_no_table_of_a_time_before() -> None:
    """Two tables at once could call one level two things."""
    world = two_policies()
    world.apply(StatementKind.EQUIVALENCE, table())
    listed = world.listed()
    world.apply(StatementKind.EQUIVALENCE, table(name="EQ-2"))

    assert refusal(lambda: world.direct(listed)) == "endorsement-not-admitted"


@pytest.mark.must("2.13.1", "2.13.2")
@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((row(**{"from": '"UKR.1 X"'}),), "text-value"),
        ((row(**{"from": '"UKR.9 T"'}),), "text-value"),
        ((row(**{"from": '"UKR.1T"'}),), "text-value"),
        ((row(to='"UKR.1 DSK"'),), "equivalence-contradiction"),
        ((row(ends="2026-05-31"),), "equivalence-contradiction"),
        ((row(), row(to='"NATO.1 NS"', starts="2027-06-30", ends="2028-01-01")), "equivalence-contradiction"),
        ((row(basis='""'),), "text-value"),
        ((row(note='"x"'),), "text-unknown-key"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(rows: tuple[str, ...], code: str) -> None:
    """Whoever reads it must come to one level, or to none."""
    world = two_policies()

    assert refusal(lambda: world.apply(StatementKind.EQUIVALENCE, table(*rows))) == code


def test_a_level_may_become_another_when_the_first_row_has_ended() -> None:
    """Agreements follow one another."""
    world = two_policies()

    world.apply(StatementKind.EQUIVALENCE, table(row(), row(to='"NATO.1 NS"', starts="2027-07-01", ends="2028-01-01")))

    assert world.control.equivalence is not None
    assert len(world.control.equivalence.rows) == 2


@pytest.mark.must("2.4.6")
def test_the_name_of_a_table_is_used_once_and_is_no_vocabularys() -> None:
    """Both are files of one role."""
    world = two_policies()
    world.apply(StatementKind.EQUIVALENCE, table())
    world.apply(StatementKind.EQUIVALENCE, table(name="POL.1"))

    assert refusal(lambda: world.apply(StatementKind.EQUIVALENCE, table())) == "id-reused"
    assert refusal(lambda: world.apply(StatementKind.EQUIVALENCE, table(name="UKR.1"))) == "id-reused"
    polish = UKR.replace(b'"UKR"', b'"POL"', 1)
    assert refusal(lambda: world.apply(StatementKind.VOCABULARY, polish)) == "id-reused"


@pytest.mark.must("2.3.5")
def test_one_operator_makes_no_levels_equal() -> None:
    """A row lets somebody read what they could not."""
    world = two_policies()

    assert refusal(lambda: world.apply(StatementKind.EQUIVALENCE, table(), by=("officer-1",))) == "signatures-too-few"
