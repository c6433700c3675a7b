"""A pytest plugin for integrators: a real gateway on loopback, with parties enrolled by the real commands.

    python -m pytest -p clients.testing

gives every test that asks for `sluice` one gateway per session (per worker under pytest-xdist). Nothing of it is
simulated but the ceremony: one machine holds what would be several people's homes. `plugin` is what pytest sees,
`harness` what a test holds, `parties` sources and partners, `operators` the ceremony, `served` the gateway's process,
`commands` and `processes` how anything is started, `watcher` what ends a process whose tests are gone. Only `plugin`
imports pytest, nothing outside imports this room, and nothing here loads itself. For users: clients/TESTING.md.
"""

from clients.testing.commands import CommandFailed
from clients.testing.harness import Sluice
from clients.testing.parties import Partner, Source
from clients.testing.plugin import pytest_runtest_makereport, pytest_runtest_setup, shown_with_failures, sluice

__all__ = [
    "CommandFailed",
    "Partner",
    "Sluice",
    "Source",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "shown_with_failures",
    "sluice",
]
