"""A store whose file was damaged: what is wrong is named, nothing comes back changed, no process dies of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_damaged_file_is_refused_by_name_or_harmless(tmp_path: Path, seed: int) -> None:
    """Bits rot, pages are lost, files are cut; a reader must never be given what was not written.

    In a process of its own, because it forks: `python -m tests.security.store_damage COUNT SEED FOLDER` does more.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "tests.security.store_damage", "120", str(seed), str(tmp_path / "store")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    said = json.loads(ended.stdout)
    assert said.keys() <= {"same", "refused", "older"}
    assert said["refused"] > 30
