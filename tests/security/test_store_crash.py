"""A writer killed at random moments: what it answered for is there, once, in order; nothing is there in part."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.must("7.1.2", "7.4.1")
def test_what_was_answered_survives_twenty_kills_once_and_whole(tmp_path: Path, seed: int) -> None:
    """`stored` is a promise that no end of the process may break. The seed is in the header of the run.

    In a process of its own, because it forks: `python -m tests.security.store_crash COUNT SEED FOLDER` does more.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "tests.security.store_crash", "20", str(seed), str(tmp_path / "store")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["crashes"] == 20
    assert said["acknowledged"] > 0
