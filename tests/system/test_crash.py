"""kill -9 in small; `make crash N=50` is the long run."""

from __future__ import annotations

from pathlib import Path

from tests.system.crash import Crash


def test_what_was_promised_is_there_once_after_kill_minus_nine(tmp_path: Path, seed: int) -> None:
    """Stored means durable: whoever deletes after an acknowledgement loses nothing."""
    facts = Crash(tmp_path, seed).run(3)

    assert facts["ok"], facts
    assert facts["records"], facts
