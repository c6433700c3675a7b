"""Who the operators are, and which keys: the page's commands, an hour apart, against a gateway of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.office import Office
from tests.system.script import Script
from tests.system.transcripts import Reader, steps

PAGE = (Path(__file__).resolve().parents[2] / "clients" / "SLUICECTL.md").read_text("utf-8")
SECTION = PAGE.partition("\n## Who the operators are\n")[2]


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """Two officers beside their papers, whose rosters wait an hour; the gateway runs and has a directory."""
    office = Office.at(tmp_path / "office")
    office.sluice.operators.wait_hours = 1
    with office.sluice:
        office.sluice.source("src-3f07", kinds="telemetry")
        office.sluice.settle()
        endpoint = office.sluice.endpoint
        office.sluice.stop()
        with Script(office.folder, Reader({"gw.example.ua:8443": endpoint})) as script:
            script.start(["sluice", "serve", "gateway", "--listen", endpoint])
            for name in ("officer-1", "officer-2"):
                script.finished(["sluicectl", "context", "use", name, "--home", str(office.folder / name)])
            yield script


def test_the_page_about_operators_says_what_is_printed(script: Script) -> None:
    """Proposed, objected to, taken back, and in force an hour later with a third person; then keys are exchanged."""
    assert script.play(steps(SECTION)) == len(re.findall(r"^\$ ", SECTION, re.MULTILINE))


def test_the_page_about_operators_has_its_twin_in_json(script: Script) -> None:
    """A script that waits an hour reads the same."""
    script.as_json = True

    assert script.play(steps(SECTION)) == len(re.findall(r"^\$ ", SECTION, re.MULTILINE))
