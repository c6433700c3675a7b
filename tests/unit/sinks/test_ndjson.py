"""A line is in the file once: after a crash, after a full disk, and never at the cost of somebody else's lines."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from clients.sinks.ndjson import NdjsonOutput, NdjsonSink
from gateway.core.errors import CallerError, Fault, GatewayError

MINE = {"agreement": "UA-1", "subscription": "default"}
OTHERS = {"agreement": "UA-2", "subscription": "default"}


def sink(path: Path, note: bytes = b"", under: dict[str, str] | None = None) -> NdjsonSink:
    """A sink of mine."""
    return NdjsonSink(path, note, under or MINE)


def written(path: Path, *ids: str, note: bytes = b"", under: dict[str, str] | None = None) -> bytes:
    """The note after these lines were flushed."""
    with closing(sink(path, note, under)) as out:
        out.write({"id": one} for one in ids)
        return out.flush()


def ids(path: Path) -> list[str]:
    """What is in the file, line by line."""
    return [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size`: the system's own refusal, as of a full disk."""
    before, heard = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


def test_lines_say_what_they_came_under(tmp_path: Path) -> None:
    """A file may travel far from the command that wrote it."""
    written(tmp_path / "lines", "a")

    assert json.loads((tmp_path / "lines").read_text()) == {"id": "a", **MINE}


def test_lines_follow_those_before(tmp_path: Path) -> None:
    """One run after another."""
    note = written(tmp_path / "lines", "a", "b")

    written(tmp_path / "lines", "c", note=note)

    assert ids(tmp_path / "lines") == ["a", "b", "c"]


def test_lines_behind_the_last_kept_note_are_cut(tmp_path: Path) -> None:
    """The cursor does not know them, so they come again: whole ones and a torn one."""
    note = written(tmp_path / "lines", "a")
    written(tmp_path / "lines", "b", note=note)
    with (tmp_path / "lines").open("ab") as file:
        file.write(b'{"id":"c","agr')

    written(tmp_path / "lines", "b", "c", note=note)

    assert ids(tmp_path / "lines") == ["a", "b", "c"]


def test_the_first_note_is_kept_before_the_first_line(tmp_path: Path) -> None:
    """Else a crash in the first frame could not be told from a file that was there before."""
    (tmp_path / "lines").write_bytes(b'{"id":"theirs"}\n')
    with closing(sink(tmp_path / "lines")) as out:
        note = out.note()
        out.write([{"id": "a"}])
        out.flush()

    written(tmp_path / "lines", "a", note=note)

    assert ids(tmp_path / "lines") == ["theirs", "a"]


def test_a_file_that_was_there_is_added_to(tmp_path: Path) -> None:
    """Nothing of it is lost, neither with no note nor with one of another file."""
    (tmp_path / "theirs").write_bytes(b'{"id":"theirs"}\n')
    note = written(tmp_path / "mine", "a", "b", "c")

    written(tmp_path / "theirs", "d", note=note)

    assert ids(tmp_path / "theirs") == ["theirs", "d"]


def refusal(path: Path, note: bytes) -> str:
    """The code with which a file is refused, unchanged."""
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(GatewayError) as refused:
        sink(path, note)
    assert not path.is_file() or path.read_bytes() == before
    return refused.value.code


def test_lines_of_another_subscription_are_not_cut(tmp_path: Path) -> None:
    """Two subscriptions in one file: the second to come back would take the first one's lines away."""
    mine = written(tmp_path / "lines", "a")
    written(tmp_path / "lines", "b", under=OTHERS)

    assert refusal(tmp_path / "lines", mine) == "sink-not-ours"


@pytest.mark.parametrize("tail", [b"notes by hand\n", b"[1]\n", b'{"id":"x"}\n'])
def test_what_is_no_line_of_ours_is_not_cut(tmp_path: Path, tail: bytes) -> None:
    """Whoever wrote it may need it."""
    note = written(tmp_path / "lines", "a")
    with (tmp_path / "lines").open("ab") as file:
        file.write(tail)

    assert refusal(tmp_path / "lines", note) == "sink-not-ours"


def test_a_file_that_ends_in_the_middle_of_a_line_is_not_added_to(tmp_path: Path) -> None:
    """The first line would be spoilt."""
    (tmp_path / "lines").write_bytes(b'{"id":"theirs"')

    assert refusal(tmp_path / "lines", b"") == "sink-not-ours"


def test_a_file_that_lost_what_was_flushed_is_refused(tmp_path: Path) -> None:
    """Shorter, or as long and another: the records would be missing and nobody would know."""
    note = written(tmp_path / "lines", "a", "b")
    whole = (tmp_path / "lines").read_bytes()

    (tmp_path / "lines").write_bytes(whole[:-1])
    assert refusal(tmp_path / "lines", note) == "sink-shorter"
    (tmp_path / "lines").write_bytes(whole.replace(b'"a"', b'"x"'))
    assert refusal(tmp_path / "lines", note) == "sink-shorter"
    (tmp_path / "lines").unlink()
    assert refusal(tmp_path / "lines", note) == "sink-shorter"


def test_one_process_writes_to_a_file_at_a_time(tmp_path: Path) -> None:
    """Two would write over one another."""
    with closing(sink(tmp_path / "lines")), pytest.raises(Fault) as refused:
        sink(tmp_path / "lines")

    assert refused.value.code == "sink-in-use"


def test_what_cannot_be_cut_back_is_no_file(tmp_path: Path) -> None:
    """Without that a crash could not be undone."""
    os.mkfifo(tmp_path / "fifo")

    for path in (tmp_path / "fifo", Path(os.devnull)):
        with pytest.raises(CallerError) as refused:
            sink(path)
        assert refused.value.code == "sink-unusable"


def test_a_full_disk_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """What was written of the frame is written over when it comes again."""
    note = written(tmp_path / "lines", "a")
    with closing(sink(tmp_path / "lines", note)) as out:
        out.write({"id": "b" * 200} for _ in range(3))
        with small_disk(300), pytest.raises(Fault) as full:
            out.flush()

    assert full.value.code == "sink-failed"
    assert (tmp_path / "lines").stat().st_size == 300
    written(tmp_path / "lines", "b", note=note)
    assert ids(tmp_path / "lines") == ["a", "b"]


def test_only_its_owner_may_read_a_new_file(tmp_path: Path) -> None:
    """It holds what a clearance was needed for."""
    written(tmp_path / "lines", "a")

    assert stat.S_IMODE((tmp_path / "lines").stat().st_mode) == 0o600


def test_standard_output_keeps_the_note_of_a_file(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """It has nothing of its own to remember."""
    with closing(NdjsonOutput(MINE)) as out:
        out.write([{"id": "a"}])
        assert (out.note(), out.flush()) == (None, None)

    assert json.loads(capfdbinary.readouterr().out) == {"id": "a", **MINE}


@pytest.mark.parametrize("is_file", [True, False])
def test_only_a_file_keeps_what_standard_output_was_given(tmp_path: Path, is_file: bool) -> None:
    """A pipe takes lines that nobody may ever read: its caller must not move a cursor past them."""
    code = """if True:
        import sys
        from clients.sinks.ndjson import NdjsonOutput
        out = NdjsonOutput({})
        out.write([{"id": "a"}])
        out.flush()
        sys.exit(3 if out.keeps_lines else 4)
    """
    with (tmp_path / "lines").open("wb") as file:
        target = file if is_file else subprocess.PIPE
        done = subprocess.run([sys.executable, "-c", code], stdout=target, check=False, timeout=60)

    assert (done.returncode, done.stdout) == ((3, None) if is_file else (4, b'{"id":"a"}\n'))
    assert (tmp_path / "lines").read_bytes() == (b'{"id":"a"}\n' if is_file else b"")


def test_a_closed_pipe_is_told_once() -> None:
    """BrokenPipeError to the caller, and no second complaint when the interpreter ends."""
    code = """if True:
        import os, sys
        from clients.sinks.ndjson import NdjsonOutput
        out = NdjsonOutput({})
        out.write({"id": str(number)} for number in range(10_000))
        try:
            out.flush()
        except BrokenPipeError:
            sys.exit(3)
    """
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)

    assert (done.returncode, done.stderr) == (3, b"")
