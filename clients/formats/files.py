"""Opening what a person points at: a regular file of bounded size, or an error that names what came instead."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gateway.core.errors import CallerError

# Without O_NONBLOCK opening a named pipe would wait for a writer for ever; Windows has neither the flag nor the pipes.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path, what: str, max_bytes: int) -> int:
    """A read-only descriptor, to be closed by the caller; at least one and at most `max_bytes` bytes were there.

    Raises `CallerError` with code `<what>-not-found`, `-not-a-file`, `-too-large` or `-unreadable` (an empty file).
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise CallerError(
            f"{what}-not-found", f"the {what} cannot be opened: {error.strerror}", at=path.name
        ) from error
    refusal = _refusal(os.fstat(descriptor), what, max_bytes, path.name)
    if refusal is not None:
        os.close(descriptor)
        raise refusal
    return descriptor


def _refusal(facts: os.stat_result, what: str, max_bytes: int, at: str) -> CallerError | None:
    if not stat.S_ISREG(facts.st_mode):
        return CallerError(f"{what}-not-a-file", f"a {what} is a regular file, something else came", at=at)
    if facts.st_size > max_bytes:
        return CallerError(f"{what}-too-large", f"a {what} has at most {max_bytes} bytes, {facts.st_size} came", at=at)
    if not facts.st_size:
        return CallerError(f"{what}-unreadable", "the file is empty", at=at)
    return None
