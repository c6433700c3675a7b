"""A partner's state when a RESTORE closes its account: nothing held is forgotten, and what lies beyond is known."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from clients.partner.state import PartnerState
from gateway.core.control.restore import Restore
from gateway.core.control.trust import Trust
from gateway.core.ledger.reader import ClosedAccount
from gateway.core.suite.algorithms import digest
from gateway.core.suite.tree import leaf_hash
from tests.reference.making import GENESIS
from tests.unit.ledger.honest import LEDGER_PUBLIC, MINE, HonestGateway
from tests.unit.partner.test_state import TELEMETRY, TRUST, frame, opened, record

LIVES = (b"incarnation 16 b", b"another life 16b")


class Line:
    """A partner's line with an honest gateway: what is entered is shown, settled and flushed as a test says."""

    def __init__(self, state: PartnerState) -> None:
        self.state = state
        self.gateway = HonestGateway(incarnation=LIVES[0])
        self.gateway.open(MINE)
        self.kept: Restore | None = None

    def ticked(self, *entries: bytes) -> None:
        """These entries under one more tick, shown."""
        self.gateway.enter(MINE, *entries)
        self.gateway.tick()
        reader = self.state.ledger
        told = reader.held.size + len(reader.owed)
        _, message = self.gateway.message(told, reader.next_tick)
        reader.accept(message, [], LEDGER_PUBLIC)
        self.state.save_tick(TRUST)

    def taken(self, *entries: bytes, flushed: bool = True) -> None:
        """Their frames come."""
        for number, entry in enumerate(entries):
            self.state.ledger.settle(entry)
            self.state.take_frame(frame(entry, record(number, 1)))
        if flushed:
            self.state.save_flushed(TRUST, b"", TELEMETRY)

    def backed_up(self) -> None:
        """The store as it is now will be put back."""
        last = self.gateway.book.last_tick
        assert last is not None
        self.kept = Restore(*LIVES, self.gateway.book.ticks.size - 1, digest(last.statement))

    def restored(self, *entries: bytes) -> ClosedAccount:
        """The gateway's first tick of its next life, over these entries; what it closed."""
        assert self.kept is not None
        self.gateway = HonestGateway(incarnation=LIVES[1])
        self.gateway.open(MINE)
        self.gateway.enter(MINE, *entries)
        self.gateway.tick()
        self.state.ledger.begin_stream()
        self.state.ledger.accept(self.gateway.message(0, 0)[1], [], LEDGER_PUBLIC, [self.kept])
        assert self.state.ledger.closed is not None
        return self.state.ledger.closed


@pytest.mark.must("6.4.17", "6.6.1")
def test_what_no_kept_tick_covers_is_beyond_and_what_was_held_stays(tmp_path: Path) -> None:
    """The state proves what the gateway lost; the new account begins with nothing held."""
    with closing(opened(tmp_path / "state")) as state:
        line = Line(state)
        line.ticked(b"a", b"b")
        line.taken(b"a", b"b")
        line.backed_up()
        line.ticked(b"c")
        line.ticked(b"d")
        line.taken(b"c", b"d")
        closed = line.restored(b"e")

        assert state.save_restored(TRUST, closed) == 2

        assert not state.is_entry_held(leaf_hash(b"a"))
        assert state.records == 2

    with closing(opened(tmp_path / "state")) as state:
        (told,) = state.closed()
        assert (told.incarnation, told.ticks, told.ticks_kept, told.size) == (LIVES[0], 3, 1, 4)
        assert state.beyond(LIVES[0]) == 2
        assert (state.ledger.incarnation, state.ledger.held.size) == (LIVES[1], 0)
        assert state.ledger.owed == [leaf_hash(b"e")]
        assert state.held(b"\x07" * 48, 0) == 1


def test_what_the_new_account_lists_again_is_not_lost(tmp_path: Path) -> None:
    """A disclosure that no kept tick covered may have been kept all the same."""
    with closing(opened(tmp_path / "state")) as state:
        line = Line(state)
        line.ticked(b"a")
        line.taken(b"a")
        line.backed_up()
        line.ticked(b"c", b"d")
        line.taken(b"c", b"d")

        assert state.save_restored(TRUST, line.restored(b"d")) == 1

        line.taken(b"d")
        assert state.is_entry_held(leaf_hash(b"d"))


def test_what_waits_for_a_flush_is_beyond_at_once_and_kept_by_the_flush(tmp_path: Path) -> None:
    """The caller's sink decides what is held; the account that ended cannot wait for it."""
    with closing(opened(tmp_path / "state")) as state:
        line = Line(state)
        line.ticked(b"a")
        line.taken(b"a", flushed=False)
        line.backed_up()
        line.ticked(b"b", b"c")
        line.taken(b"b", flushed=False)

        assert state.save_restored(TRUST, line.restored()) == 1
        assert state.beyond(LIVES[0]) == 0

        state.save_flushed(TRUST, b"", TELEMETRY)
        assert state.beyond(LIVES[0]) == 1
        assert not state.is_entry_held(leaf_hash(b"b"))


def test_a_state_from_before_ticks_were_noted_says_rather_too_much(tmp_path: Path) -> None:
    """An entry without its tick was covered by the last one at the latest."""
    with closing(opened(tmp_path / "state")) as state:
        line = Line(state)
        line.ticked(b"a")
        line.taken(b"a")
        line.backed_up()
        line.ticked(b"b")
        state.ledger.fresh = []
        line.taken(b"b")
        forget_ticks(state)

        assert state.save_restored(Trust.begin(GENESIS), line.restored()) == 2


def forget_ticks(state: PartnerState) -> None:
    """As a file of an older version is."""
    with state._file.transaction():
        state._file.db.execute("DELETE FROM covered")
