"""A RESTORE at an operator's desk: what is signed is on the screen, with what it means to lose."""

from __future__ import annotations

from pathlib import Path

from clients.operator.render import is_narrowing, render, subject_of
from gateway.core.control.entry import ControlEntry
from gateway.core.control.restore import Restore
from gateway.core.control.statement import SignedStatement
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.numbers import StatementKind
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import NOW_MS

OLD, NEW, K = b"the old life 16b", b"the new life 16b", b"k" * 48


def shown(tmp_path: Path, last_tick: int, tick_digest: bytes) -> str:
    """The screen of an operator who is asked to restore."""
    town = Town.found(tmp_path)
    body = Restore(OLD, NEW, last_tick, tick_digest).encode()
    statement = town.statement(StatementKind.RESTORE, body)
    assert subject_of(statement) == ("restore of", OLD.hex()[:8])
    return render(ControlEntry(SignedStatement(statement, ()), (), NOW_MS), town.control.roster)


def test_every_field_of_a_restore_is_on_the_screen(tmp_path: Path) -> None:
    """Two persons say what was lost: they must see what they say."""
    screen = shown(tmp_path, 88_411, K)

    for field in (OLD.hex(), NEW.hex(), K.hex(), "tick 88411 and all before it"):
        assert field in screen
    assert "(WIDENS)" in screen
    assert not is_narrowing(StatementKind.RESTORE)


def test_a_restore_that_keeps_nothing_says_so(tmp_path: Path) -> None:
    """Zeros are easily overlooked."""
    assert "nothing: no tick of the old incarnation was kept" in shown(tmp_path, 0, ZERO_HASH)
