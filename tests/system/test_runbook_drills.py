"""The drills of RUNBOOK.md, each typed as it stands and with `--json`, on a machine and among operators of its own."""

from __future__ import annotations

import pytest

from tests.system.machine import DRILLS, OFFICERS, Machine, chapters, connecting, founding, standing


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("title", DRILLS)
def test_a_drill_goes_as_the_page_says(machine: Machine, title: str, as_json: bool) -> None:
    """What is drilled for the first time when it happens is not drilled."""
    machine.play(founding(*OFFICERS))
    machine.play(connecting(*OFFICERS))
    standing(machine)
    machine.as_json = as_json

    assert machine.play(chapters()[title]) == len(chapters()[title])
