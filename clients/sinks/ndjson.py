"""Newline-delimited JSON: one object per record, to a file or standard output.

`flush` returns only after fsync, and gives a note of where the content ends. The note is kept as one with the cursor;
with it a file that is opened again is cut back to what the cursor knows, so that a crash repeats no line. What is cut
must be this subscription's own: each line names its agreement and subscription, and a file that somebody else has
written to since is refused, not cut. A file that was there before gets its lines behind what it holds.

Standard output cannot be cut back: there the last lines before a crash may come again. Where it is a file (`> FILE`),
`flush` returns only after fsync. Where it is a pipe or a terminal, nothing says that the reader has the lines, and
`keeps_lines` is false: then the caller must keep no cursor for them, and the next run gives them again, at least once.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from gateway.core.errors import CallerError, Fault

_REMEMBERED = 4096


class NdjsonSink:
    """Appends to a file. under: what each line says of where it came from; note: what the last `flush` gave.

    Raises `sink-in-use`, `sink-unusable`, `sink-shorter` where flushed lines are gone, and `sink-not-ours`.
    """

    keeps_lines = True

    def __init__(self, path: Path, note: bytes, under: Mapping[str, str]) -> None:
        self._path = path.resolve()
        self._under = under
        self._lines: list[bytes] = []
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise CallerError("sink-unusable", "a sink must be a file that can be cut back", at=str(path))
            self._lock()
            self._end = self._resume(note)
            _sync_directory(self._path.parent)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Fault(
                "sink-in-use", "the file must be free, another process writes to it", at=str(self._path)
            ) from error

    def _resume(self, note: bytes) -> int:
        length = os.fstat(self._descriptor).st_size
        kept = json.loads(note) if note else {}
        if kept.get("file") != str(self._path):
            if length and os.pread(self._descriptor, 1, length - 1) != b"\n":
                raise CallerError(
                    "sink-not-ours",
                    "a file that is added to must end with a whole line, this one does not",
                    at=str(self._path),
                    do="use another file",
                )
            return length
        end = int(kept["end"])
        if length < end or self._digest(end) != kept["before"]:
            raise CallerError(
                "sink-shorter",
                f"the file must hold the {end} bytes that were flushed, it holds others or fewer",
                at=str(self._path),
                do="put the file back, or name another one; `--from-start` does not write again what is held",
            )
        self._check_own(os.pread(self._descriptor, length - end, end))
        os.ftruncate(self._descriptor, end)
        return end

    def _check_own(self, tail: bytes) -> None:
        for line in tail.split(b"\n")[:-1]:
            if not self._is_own(line):
                raise CallerError(
                    "sink-not-ours",
                    "lines behind those that were flushed must be of this subscription, others came",
                    at=str(self._path),
                    do="give each subscription a file of its own",
                )

    def _is_own(self, line: bytes) -> bool:
        try:
            item = json.loads(line)
        except ValueError:
            return False
        return isinstance(item, dict) and all(item.get(name) == value for name, value in self._under.items())

    def _digest(self, end: int) -> str:
        """Of the last bytes before `end`: whether the file is the one that was flushed."""
        start = max(0, end - _REMEMBERED)
        return hashlib.sha256(os.pread(self._descriptor, end - start, start)).hexdigest()

    def note(self) -> bytes:
        """Where the durable content ends: keep it as one with the cursor, also before the first line is written."""
        facts = {"file": str(self._path), "end": self._end, "before": self._digest(self._end)}
        return json.dumps(facts, sort_keys=True).encode()

    def write(self, objects: Iterable[Mapping[str, object]]) -> None:
        """Adds one line per object, in memory until `flush`."""
        self._lines += [_line(self._under, item) for item in objects]

    def flush(self) -> bytes:
        """Makes every line durable; returns the note. Raises `sink-failed`, and the file ends where it ended before."""
        left = memoryview(b"".join(self._lines))
        end = self._end
        try:
            while left:
                written = os.pwrite(self._descriptor, left, end)
                end, left = end + written, left[written:]
            os.fsync(self._descriptor)
        except OSError as error:
            raise Fault(
                "sink-failed",
                f"the lines must be durable, the system says: {(error.strerror or 'unknown error').lower()}",
                at=str(self._path),
                do="free space, run again: nothing is lost and nothing comes twice",
            ) from error
        self._end, self._lines = end, []
        return self.note()

    def close(self) -> None:
        """Releases the file."""
        os.close(self._descriptor)


class NdjsonOutput:
    """The same lines on standard output; it has nothing to note.

    keeps_lines: whether a line is on the disk after `flush`. A pipe or a terminal keeps nothing: a cursor that moved
    past lines which nobody has read would lose them.
    """

    def __init__(self, under: Mapping[str, str]) -> None:
        self._under = under
        self._lines: list[bytes] = []
        self.keeps_lines = _is_file(sys.stdout)

    def note(self) -> None:
        """Nothing: what is kept of a file stays."""

    def write(self, objects: Iterable[Mapping[str, object]]) -> None:
        """Adds one line per object, in memory until `flush`."""
        self._lines += [_line(self._under, item) for item in objects]

    def flush(self) -> None:
        """Hands the lines to whoever reads, durably to a file; raises BrokenPipeError when nobody reads any more."""
        try:
            sys.stdout.buffer.write(b"".join(self._lines))
            sys.stdout.buffer.flush()
            if self.keeps_lines:
                os.fsync(sys.stdout.fileno())
        except BrokenPipeError:
            # The interpreter would write what is left once more at its end, and complain.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            raise
        self._lines = []

    def close(self) -> None:
        """Standard output stays open."""


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except io.UnsupportedOperation:
        # A stream in memory, put there by whoever runs the command inside a program.
        return False


def _line(under: Mapping[str, str], item: Mapping[str, object]) -> bytes:
    return json.dumps({**item, **under}, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def _sync_directory(folder: Path) -> None:
    """A new file's name is durable only with its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
