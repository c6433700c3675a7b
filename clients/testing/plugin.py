"""What pytest sees: the fixture `sluice`, and the gateway's log in the report of a test that failed with it.

The fixture lives as long as the session, which is a worker's under pytest-xdist; so every worker has a gateway of its
own, in a folder and on a port of its own. It is founded when the first test asks for it. A test may stop the gateway
and forget it: the next one finds it running.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from clients.testing.harness import Sluice

_RUNNING = pytest.StashKey[Sluice]()
_LOGGED_BEFORE = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def sluice(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Sluice]:
    """A real gateway on loopback with two officers; gone when the session is over."""
    with Sluice.at(tmp_path_factory.mktemp("sluice")) as gateway, shown_with_failures(request.config, gateway):
        yield gateway


@contextmanager
def shown_with_failures(config: pytest.Config, gateway: Sluice) -> Iterator[None]:
    """Within the block, tests that use a fixture of the name `sluice` are reported with this gateway's log.

    A block in a block puts the outer gateway back.
    """
    outer = config.stash.get(_RUNNING, None)
    config.stash[_RUNNING] = gateway
    try:
        yield
    finally:
        if outer is None:
            del config.stash[_RUNNING]
        else:
            config.stash[_RUNNING] = outer


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A gateway that an earlier test left stopped is started; what it logs from now on belongs to this test."""
    gateway = _gateway_of(item)
    if gateway is not None:
        gateway.start()
        item.stash[_LOGGED_BEFORE] = gateway.served.logged()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The gateway's log during a test stands in the report of its failure."""
    report = yield
    gateway = _gateway_of(item)
    if report.failed and gateway is not None:
        report.sections.append(("gateway log", gateway.served.tail(item.stash.get(_LOGGED_BEFORE, 0))))
    return report


def _gateway_of(item: pytest.Item) -> Sluice | None:
    """The session's gateway if it is there and the test uses it, itself or through a fixture."""
    names: tuple[str, ...] = tuple(getattr(item, "fixturenames", ()))
    return item.config.stash.get(_RUNNING, None) if "sluice" in names else None
