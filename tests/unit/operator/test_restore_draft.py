"""A RESTORE at an operator's desk: what is signed is on the screen, with what it means to lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.operator.drafts import restore_body
from clients.operator.render import is_narrowing, render, subject_of
from gateway.core.control.entry import ControlEntry
from gateway.core.control.restore import Restore
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.numbers import StatementKind
from tests.unit.operator.gateways import Town
from tests.unit.operator.parties import NOW_MS

OLD, NEW, K = b"the old life 16b", b"the new life 16b", b"k" * 48


def shown(tmp_path: Path, last_tick: int, tick_digest: bytes) -> str:
    """The screen of an operator who is asked to restore."""
    town = Town.found(tmp_path)
    body = restore_body(old=OLD, new=NEW, last_tick=last_tick, tick_digest=tick_digest)
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


@pytest.mark.parametrize(("new", "last_tick", "tick_digest"), [(OLD, 1, K), (bytes(16), 1, K), (NEW, 1, ZERO_HASH)])
def test_a_draft_that_no_gateway_takes_is_found_at_the_desk(new: bytes, last_tick: int, tick_digest: bytes) -> None:
    """It is parsed as the gateway parses it, before anyone is asked to sign."""
    with pytest.raises(Refused):
        restore_body(old=OLD, new=new, last_tick=last_tick, tick_digest=tick_digest)
    body = restore_body(old=OLD, new=NEW, last_tick=1, tick_digest=K)
    assert Restore.parse(body) == Restore(OLD, NEW, 1, K)
