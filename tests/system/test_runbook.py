"""RUNBOOK.md by its word: every block is typed on a small machine, as it stands and with `--json`.

The chapters about a machine are one story; each drill has a machine and operators of its own.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.error_catalogue import every_error
from tests.system.machine import OFFICERS, PAGE, Machine, chapters, connecting, founding, standing
from tests.system.script import a_free_port

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  another filesystem, and it is emptied behind the test
RESTORE = "Drill: restore from an old backup"
DRILLS = [title for title in chapters() if title.startswith("Drill: ") and title != RESTORE]
MODES = pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine that has nothing yet but its folders."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("a second filesystem is needed for the key-encryption key")
    second = Path(tempfile.mkdtemp(dir=SHARED_MEMORY))
    desk = tmp_path / "desk"
    places = {
        "/var/lib/sluice": tmp_path / "lib",
        "/var/lib/sluice-floor": tmp_path / "floor",
        "/var/backups/sluice": tmp_path / "backups",
        "/srv/sluice-key": second,
        "/srv/sluice-safe": tmp_path / "safe",
    }
    for folder in (*places.values(), desk):
        folder.mkdir(mode=0o700, exist_ok=True)
    monkeypatch.chdir(desk)
    monkeypatch.setenv("HOME", str(desk))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk / ".config"))
    for name in ("SLUICE_HOME", "SLUICE_CONTEXT", "SLUICE_CONTEXTS"):
        monkeypatch.delenv(name, raising=False)
    try:
        with Machine(desk) as machine:
            machine.reader.means |= {place: str(folder) for place, folder in places.items()}
            machine.reader.means["127.0.0.1:8443"] = f"127.0.0.1:{a_free_port()}"
            yield machine
    finally:
        shutil.rmtree(second)


@MODES
def test_what_the_page_says_of_a_machine_is_so(machine: Machine, as_json: bool) -> None:
    """Whoever needs this page needs it at night, and it must not be the first to try it."""
    machine.play(founding("officer-1", "officer-2"))
    machine.as_json = as_json

    typed = sum(machine.play(found) for title, found in chapters().items() if title not in DRILLS)

    assert typed > 40


@MODES
@pytest.mark.parametrize("title", DRILLS)
def test_a_drill_goes_as_the_page_says(machine: Machine, title: str, as_json: bool) -> None:
    """What is drilled for the first time when it happens is not drilled."""
    machine.play(founding(*OFFICERS))
    machine.play(connecting(*OFFICERS))
    standing(machine)
    machine.as_json = as_json

    assert machine.play(chapters()[title]) == len(chapters()[title])


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


def _composed() -> set[str]:
    """Codes that are put together from what is missing and how."""
    ends = ("missing", "exists", "not-written", "file-unreadable", "file-open-to-others")
    subjects = ("key", "kek", "floor", "backup", "pending")
    return {"entry-damaged", *(f"{subject}-{end}" for subject in subjects for end in ends)}
