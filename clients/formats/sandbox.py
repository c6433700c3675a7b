"""Reading a log in a child process: the parent's side.

A log comes from a captured, damaged or forged card, and pymavlink was not written for that. So the parent opens the
file, and a fresh interpreter (spawned, never forked: grpc does not survive a fork) gets that one descriptor, a pipe and
its limits, and no environment, shell or name of a file; our own reader of `.bin` is trusted no further. What comes back
is at most what the limit of rows allows and is parsed strictly. Every way this can end has a name:

    log-not-found        no such file, or not readable
    log-not-a-file       a directory, device or pipe
    log-too-large        more bytes, rows, tracks or memory than allowed
    log-timeout          more processor or wall-clock time than allowed
    log-unreadable       no message of the format in it, or the child ended in any other way
    extra-missing        pymavlink is not installed, which a `.tlog` needs
    log-sandbox-missing  the system has no process limits; logs are read on Linux
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from clients.formats.extra import require_pymavlink
from clients.formats.extract import COLUMNS, Extract, Finding, SourceFormat, parse_extract
from clients.formats.files import open_regular
from clients.formats.worker import EXIT_MEMORY
from gateway.core.errors import CallerError

_MEBIBYTE = 1 << 20
_READ_BYTES = _MEBIBYTE
MAX_CENTRES = 128
_HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one log may cost. file_bytes and memory_bytes in bytes, cpu_seconds and wall_seconds in seconds."""

    file_bytes: int = 256 * _MEBIBYTE
    memory_bytes: int = 1536 * _MEBIBYTE
    cpu_seconds: int = 600
    wall_seconds: float = 900.0
    rows: int = 2_000_000

    @property
    def result_bytes(self) -> int:
        """The most a child can hand back if every row is of the widest table."""
        return _HEADER_BYTES + self.rows * 8 * max(map(len, COLUMNS.values()))


def extract_in_child(path: Path, source_format: SourceFormat, limits: Limits) -> Extract:
    """What the log at `path` holds; raises `CallerError` with one of the module's codes."""
    if source_format is SourceFormat.MAVLINK_TLOG:
        require_pymavlink()
    if find_spec("resource") is None:
        raise CallerError(
            "log-sandbox-missing", "this system cannot limit a reading process", do="read the log on Linux"
        )
    log = open_regular(path, "log", limits.file_bytes)
    try:
        encoded, status = _run(log, source_format, limits, path)
    finally:
        os.close(log)
    if status != 0:
        raise ended(status, limits, path)
    return accept(encoded, limits, path)


def accept(encoded: bytes, limits: Limits, path: Path) -> Extract:
    """The extract a child handed back, if it is whole, within the limits, and of a log at all."""
    extract = parse_extract(encoded, max_rows=limits.rows)
    if Finding.TOO_MANY_ROWS in extract.findings:
        raise CallerError("log-too-large", f"a log has fewer than {limits.rows} rows, more came", at=path.name)
    # Redaction measures every fix against every centre, so a log of a thousand invented vehicles must not get that far.
    if len(extract.centres) > MAX_CENTRES:
        message = f"a log has at most {MAX_CENTRES} beginnings and ends of tracks, {len(extract.centres)} came"
        raise CallerError("log-too-large", message, at=path.name)
    if not extract.messages:
        raise CallerError("log-unreadable", f"the file holds no {extract.source_format.name} message", at=path.name)
    return extract


def _run(log: int, source_format: SourceFormat, limits: Limits, path: Path) -> tuple[bytes, int]:
    numbers = (int(source_format), limits.rows, limits.memory_bytes, limits.cpu_seconds)
    deadline = time.monotonic() + limits.wall_seconds
    with subprocess.Popen(  # noqa: S603 - a fixed module of ours and four integers, no shell
        [sys.executable, "-I", "-B", "-m", "clients.formats.worker", *map(str, numbers)],
        stdin=log,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        cwd="/",
        env={"LANG": "C.UTF-8"},
        start_new_session=True,
    ) as child:
        try:
            encoded = drain(child, limits, deadline, path)
            return encoded, child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise _too_slow(limits, path) from error
        finally:
            # Also on an interrupt: no child outlives its reading.
            child.kill()


def drain(child: subprocess.Popen[bytes], limits: Limits, deadline: float, path: Path) -> bytes:
    """Everything the child writes, up to the limit; `deadline` in seconds of the monotonic clock."""
    if child.stdout is None:
        raise CallerError("log-unreadable", "the reading process has no pipe", at=path.name)
    parts: list[bytes] = []
    left = limits.result_bytes
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise _too_slow(limits, path)
            part = os.read(child.stdout.fileno(), _READ_BYTES)
            if not part:
                return b"".join(parts)
            left -= len(part)
            if left < 0:
                raise CallerError("log-unreadable", "the reading process hands back more than it may", at=path.name)
            parts.append(part)


def _too_slow(limits: Limits, path: Path) -> CallerError:
    return CallerError(
        "log-timeout", f"reading a log takes at most {limits.wall_seconds:g} s, it took more", at=path.name
    )


def ended(status: int, limits: Limits, path: Path) -> CallerError:
    """The name of the way a child ended; status as `subprocess` gives it, negative for a signal."""
    if status == EXIT_MEMORY:
        allowed = limits.memory_bytes // _MEBIBYTE
        return CallerError("log-too-large", f"reading a log takes at most {allowed} MiB, it took more", at=path.name)
    if status == -signal.SIGXCPU:
        message = f"reading a log takes at most {limits.cpu_seconds} s of processor time, it took more"
        return CallerError("log-timeout", message, at=path.name)
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return CallerError("log-unreadable", f"the log cannot be read: the reading process ended with {how}", at=path.name)
