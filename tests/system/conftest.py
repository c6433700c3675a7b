"""What system tests share: a gateway process founded by commands, once for all files of a worker, and its desks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.testing import Sluice, pytest_runtest_makereport, pytest_runtest_setup
from tests.system.machine import Machine, machine_at
from tests.system.office import Office, an_office

__all__ = ["pytest_runtest_makereport", "pytest_runtest_setup"]
_OPEN: list[Office] = []


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Office]:
    """Two officers, vocabularies, a guide, one source and a directory; the gateway runs."""
    with an_office(tmp_path_factory.mktemp("office"), request.config) as office:
        _OPEN.append(office)
        yield office
        _OPEN.clear()


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_pending() -> Iterator[None]:
    """The next file of this worker, whichever it is, finds the office with nothing on its desks."""
    yield
    for office in _OPEN:
        office.sluice.start()
        office.settle()


@pytest.fixture(scope="session")
def sluice(office: Office) -> Sluice:
    """The harness as integrators get it, but for commands that run in this process."""
    return office.sluice


@pytest.fixture
def desk(office: Office, sluice: Sluice) -> Office:
    """The office with nothing pending."""
    office.settle()
    return office


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine as RUNBOOK.md describes it, and the desk of its operators, where commands of this process run."""
    with machine_at(tmp_path) as machine:
        monkeypatch.chdir(machine.folder)
        monkeypatch.setenv("HOME", str(machine.folder))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(machine.folder / ".config"))
        for name in ("SLUICE_HOME", "SLUICE_CONTEXT", "SLUICE_CONTEXTS"):
            monkeypatch.delenv(name, raising=False)
        yield machine
