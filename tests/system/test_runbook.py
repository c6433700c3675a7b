"""RUNBOOK.md by its word: every block is typed on a small machine, as it stands and with `--json`.

The chapters about a machine are one story, told here; each drill has a machine of its own (`test_runbook_drills.py`).
"""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.error_catalogue import every_error
from tests.system.machine import DRILLS, PAGE, Machine, chapters, founding

MODES = pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])


@MODES
def test_what_the_page_says_of_a_machine_is_so(machine: Machine, as_json: bool) -> None:
    """Whoever needs this page needs it at night, and it must not be the first to try it."""
    machine.play(founding("officer-1", "officer-2"))
    machine.as_json = as_json

    typed = sum(machine.play(found) for title, found in chapters().items() if title not in DRILLS)

    assert typed > 40


def test_every_path_on_the_page_is_there() -> None:
    """A page that names a file which is not there was true once."""
    named = set(re.findall(r"`((?:gateway|clients|tests|deploy|protos)/[\w./-]*\w)`", PAGE))

    assert len(named) > 5
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_fault_of_a_gateway_is_on_the_page_with_what_it_asks() -> None:
    """Whoever reads a code in the log at night finds it here, and nothing that cannot come."""
    table = PAGE.partition("| code |")[2].partition("\n\n")[0]
    told = {code for row in table.splitlines()[2:] for code in re.findall(r"`([a-z-]+)`", row.split("|")[1])}
    faults = {
        one.code
        for one in every_error()
        if one.family == "Fault" and one.room.startswith("gateway/") and "…" not in one.code
    }

    assert told >= faults - {"demo-step-failed", "demo-timeout"}, "a fault that the page does not know"
    assert told <= {one.code for one in every_error()} | _composed(), "a fault that cannot come"


def test_every_event_of_a_gateway_is_on_the_page() -> None:
    """A line that nobody explains is read by nobody."""
    written = {
        event
        for path in (ROOT / "gateway").rglob("*.py")
        for event in re.findall(r'_log\.\w+\(\s*"([a-z.-]+)"', path.read_text("utf-8"))
    }
    table = PAGE.partition("| event |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([a-z-]+\.[a-z-]+)`", table)) == written


def _composed() -> set[str]:
    """Codes that are put together from what is missing and how."""
    ends = ("missing", "exists", "not-written", "file-unreadable", "file-open-to-others")
    subjects = ("key", "kek", "floor", "backup", "pending")
    return {"entry-damaged", *(f"{subject}-{end}" for subject in subjects for end in ends)}
