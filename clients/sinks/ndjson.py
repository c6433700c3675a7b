"""Newline-delimited JSON: one object per record, to a file or standard output.

`flush` returns only after fsync, and gives the file's length; a file is cut back to that length when it is opened
again, so that lines written after the last saved cursor do not come twice. Standard output cannot be cut back: there
the last lines before a crash may come again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from gateway.core.errors import CallerError, Fault


class NdjsonSink:
    """Appends records; `durable`: where the last flush ended, 0 for a new file."""

    def __init__(self, path: Path | None, durable: int) -> None:
        self._path = path
        self._file: BinaryIO
        if path is None:
            self._file = sys.stdout.buffer
            self._mark = durable
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "r+b", buffering=1 << 20)
        length = self._file.seek(0, os.SEEK_END)
        if length < durable:
            raise CallerError(
                "sink-shorter",
                f"the file must hold the {durable} bytes that were flushed, it has {length}",
                at=str(path),
                do="use another file with `--from-start`, or put the file back",
            )
        self._file.truncate(durable)
        self._file.seek(durable)

    def write(self, objects: Iterable[dict[str, object]]) -> None:
        """Adds one line per object."""
        for item in objects:
            self._file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n")

    def flush(self) -> int:
        """Makes every line durable; returns where the content ends now."""
        try:
            self._file.flush()
            if self._path is None:
                return self._mark
            os.fsync(self._file.fileno())
            return self._file.tell()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Fault("sink-failed", "the lines could not be made durable", at=str(self._path)) from error

    def close(self) -> None:
        """Closes a file; standard output stays open."""
        if self._path is not None:
            self._file.close()
