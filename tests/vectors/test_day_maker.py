"""The day can be lived again: its maker still runs, and tells the story that was recorded."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.day.__main__ import live, main
from tests.day.again import FOLDER

# What is the same in every telling; names of batches, roots and the moments of ticks are not.
_SAME_OF_STREAMS = ("party", "agreement", "streams", "frames", "old", "ends", "repeated", "quarantined")


def _story_of(folder: Path) -> dict[str, Any]:
    """What a telling has in common with every other."""
    facts = json.loads((folder / "day.json").read_text("utf-8"))
    told: dict[str, Any] = {"story": [(note["file"], note["what"]) for note in facts["story"]]}
    for name, of in facts["files"].items():
        if of["holds"] == "streams":
            told[name] = [of[key] for key in _SAME_OF_STREAMS] + [[(one["mask"], one["new"]) for one in of["records"]]]
        elif of["holds"] == "connections":
            told[name] = [of["connections"], len(of["acknowledged"]), list(of["refused"].values())]
        else:
            told[name] = [of["items"], of.get("statements"), [one["records"] for one in of.get("batches", ())]]
    return told | {"widened": len(facts["widened"]), "receipts": sorted(facts["receipts"])}


def test_the_day_can_be_lived_again(tmp_path: Path) -> None:
    """A recorded day that nobody can record again is a stone: the next format has to tell its own."""
    asyncio.run(live(tmp_path / "lived", tmp_path / "day"))

    assert _story_of(tmp_path / "day") == _story_of(FOLDER)


def test_the_recorded_day_is_not_replaced_by_mistake() -> None:
    """Whoever runs the maker without saying so would replace every signature that others have checked."""
    before = (FOLDER / "day.json").read_bytes()

    assert main([]) == 2
    assert (FOLDER / "day.json").read_bytes() == before
