"""What only the gateway knows: a clock that jumped, a source that signed two batches with one number."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.later import later
from tests.system.office import Office


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Office]:
    """Desks of a gateway whose wall clock can jump."""
    office = Office.at(tmp_path / "office")
    office.sluice.served.command = later(0, "sluice")
    with office.sluice:
        office.settle()
        yield office


def test_a_clock_that_jumped_is_confirmed_by_two_and_status_says_so_until_then(own: Office) -> None:
    """Nothing dated is released by an hour that one machine claims."""
    trusted = own.facts("officer-1", "time", "show")["timed"]
    early = own.error("officer-1", "time", "confirm", "--reason", "x", "--yes", code=5)["code"]
    process = own.sluice.served.process
    assert process is not None

    os.kill(process.popen.pid, signal.SIGUSR1)
    shown, status = own.facts("officer-1", "time", "show"), own.run("officer-2", "status").stdout
    printed = own.run("officer-1", "time", "show").stdout
    own.facts("officer-1", "time", "confirm", "--reason", "compared with the duty officer's", "--yes", code=7)
    waiting = own.facts("officer-1", "status")["timed"]
    own.settle()

    assert (trusted, early) == (True, "clock-trusted")
    assert (shown["timed"], waiting) == (False, False)
    assert 590 < shown["ahead_seconds"] < 610
    assert "NOT TRUSTED" in printed
    assert "UNTIMED   the clock is not trusted" in status
    assert own.facts("officer-1", "status")["timed"] is True


def test_a_source_that_was_copied_is_held_until_two_name_both_its_batches(desk: Office) -> None:
    """A laptop that was put back from a copy signs a number again; both digests are on the screen."""
    source = desk.sluice.source("src-copied", kinds="tactic")
    desk.sluice.publish(source, desk.sluice.tactic("first"), kind="tactic")
    copy = desk.folder / "copied"
    shutil.copytree(source.path.parent, copy)
    desk.sluice.publish(source, desk.sluice.tactic("second"), kind="tactic")
    again = ("publish", str(desk.sluice.tactic("another")), "--profile", str(copy / source.path.name))
    desk.client(*again, "--mode", "SIMULATED", "--give-up-after", "120")

    (fork,) = desk.facts("officer-1", "source", "fork", "list")["forks"]
    shown, status = desk.run("officer-1", "source", "fork", "list").stdout, desk.run("officer-1", "status").stdout
    strange = desk.error("officer-1", "source", "fork", "lift", "src-3f07", "--reason", "x", "--yes", code=5)
    lift = ("source", "fork", "lift", "src-copied", "--reason", "a disk was copied", "--yes")
    proposed = desk.facts("officer-1", *lift, code=7)
    desk.settle()

    assert fork["source"] == "src-copied"
    assert f"src-copied has the number  {fork['kept']}" in shown
    assert f"was refused     {fork['refused']}" in shown
    assert "forked    src-copied is held" in status
    assert strange["code"] == "fork-unknown"
    assert proposed["subject"] == f"fork/{fork['kept']}/{fork['refused']}"
    assert desk.facts("officer-1", "source", "fork", "list")["forks"] == []
