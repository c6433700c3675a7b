"""Threat: a disk fails under a partner or a source. What is not known to be on it is not said to be there.

The failures are real: the kernel answers the process's own calls with them (`store_children`).
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from clients.kept import KeptFile
from clients.sinks.ndjson import NdjsonSink
from tests.security.store_children import CALLS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in CALLS, reason="no filter of system calls for this machine"
)

_BEGIN = """if True:
    import errno, json, sys
    from pathlib import Path
    from clients.kept import KeptFile
    from clients.sinks.ndjson import NdjsonSink
    from gateway.core.errors import Fault
    from tests.security.store_children import answer_with
    folder = Path(sys.argv[1])

    def tried(work):
        try:
            work()
        except Fault as fault:
            return fault.code
        return "done"

    said = []
"""
_SINK = """
    sink = NdjsonSink(folder / "lines", b"", {})
    for number in range(3):
        if number == 1:
            answer_with(errno.EIO, "fsync")
        sink.write([{"id": str(number)}])
        said.append(tried(sink.flush))
        said.append(json.loads(sink.note())["end"])
    print(json.dumps(said))
"""
_KEPT = """
    file = KeptFile(folder / "kept", "state", "", {})

    def put():
        with file.transaction():
            file.put("cursor", b"%d" % len(said))

    for number in range(3):
        if number == 1:
            answer_with(errno.EIO, "fsync")
            answer_with(errno.EIO, "fdatasync")
        said.append(tried(put))
    print(json.dumps(said))
"""


def child(code: str, folder: Path) -> list[object]:
    """What a process says whose disk fails after its first write."""
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + code, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: list[object] = json.loads(done.stdout)
    return said


def test_lines_that_could_not_be_synced_are_not_flushed(tmp_path: Path) -> None:
    """The note stays where the last good sync was, so that the cursor cannot pass what may be lost."""
    said = child(_SINK, tmp_path)

    assert said == ["done", 11, "sink-failed", 11, "sink-failed", 11]
    note = json.dumps({"file": str(tmp_path / "lines"), "end": 11, "before": _digest(b'{"id":"0"}\n')}).encode()
    with closing(NdjsonSink(tmp_path / "lines", note, {})) as sink:
        assert json.loads(sink.note())["end"] == 11


def test_a_change_that_could_not_be_synced_is_not_kept(tmp_path: Path) -> None:
    """Nor any after it, whatever SQLite thinks of the next one."""
    said = child(_KEPT, tmp_path)

    assert said == ["done", "state-not-saved", "state-not-saved"]
    with closing(KeptFile(tmp_path / "kept", "state", "", {})) as file:
        assert file.get("cursor") == b"0"


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
