"""Files of a party's own: private keys that nobody else may read, and public files that appear whole or not at all.

A private file is created with mode 0600 and never replaced; it is refused when read if group or others may touch it,
because then the key must be taken for known. No private byte is ever part of an error.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gateway.core.errors import CallerError, Fault, GatewayError

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_KEY_BYTES = 64 * 1024
_KEY_MARK = b"PRIVATE KEY-----"

T = TypeVar("T")


def make_private_directory(path: Path) -> None:
    """A directory of mode 0700; one that exists is accepted only if it is closed to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_open(path, path.stat().st_mode)


def write_private(path: Path, content: bytes) -> None:
    """Creates `path` with mode 0600, durably; `file-exists` if there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CallerError(
            "file-exists", "a key file is never replaced, there is one already", at=str(path), do="choose another place"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        # The umask can only have taken bits away; the owner's own are needed to read the key again.
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def read_private(path: Path) -> bytes:
    """The bytes of a key file; faults `key-missing`, or `key-file-open-to-others` unless it is its owner's alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise Fault("key-missing", "a key file must be there, none is", at=str(path)) from error
    try:
        # The open file is judged, not the name: what is read is what was looked at.
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise Fault("key-file-unreadable", "a key file must be a regular file", at=str(path))
        _refuse_open(path, mode)
        return os.read(descriptor, MAX_KEY_BYTES)
    finally:
        os.close(descriptor)


def _refuse_open(path: Path, mode: int) -> None:
    if mode & 0o077:
        raise Fault(
            "key-file-open-to-others",
            f"keys must be readable by their owner only, the mode is {stat.S_IMODE(mode):04o}",
            at=str(path),
            do=f"`chmod go= {path}`; if others could read it, treat the key as lost and enrol again",
        )


def create_beside(path: Path, mode: int) -> tuple[Path, int]:
    """A new empty file in the folder of `path` that takes its place later: where it is, and its descriptor.

    Its name can be guessed, and the folder may be one that others write to: what lies there is never opened.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    return fresh, os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)


def write_public(path: Path, content: bytes) -> None:
    """Writes or replaces `path` so that a reader sees the old file or the whole new one, also after a power failure.

    Refuses `file-exists` where a private key lies: a name that was mistyped must not destroy it.
    """
    _refuse_key(path)
    fresh, descriptor = create_beside(path, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _refuse_key(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        # What is not there, or cannot be read, is no key of whoever runs this.
        return
    try:
        is_key = stat.S_ISREG(os.fstat(descriptor).st_mode) and _KEY_MARK in os.read(descriptor, MAX_KEY_BYTES)
    finally:
        os.close(descriptor)
    if is_key:
        raise CallerError(
            "file-exists", "a key file is never replaced, there is one here", at=str(path), do="choose another place"
        )


def read_public(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """At most `limit` bytes of a file; refuses a longer one before reading it whole."""
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise CallerError("file-too-long", f"the file may have at most {limit} bytes, it has more", at=str(path))
    return content


def read_as(path: Path, parse: Callable[[bytes], T], limit: int = MAX_FILE_BYTES) -> T:
    """What `parse` makes of a file of at most `limit` bytes; what it refuses says which file it was."""
    content = read_public(path, limit)
    with naming(path):
        return parse(content)


def read_private_as(path: Path, parse: Callable[[bytes], T]) -> T:
    """What `parse` makes of a private file; refuses as `read_private`, and names the file as `read_as`."""
    content = read_private(path)
    with naming(path):
        return parse(content)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts the file in front of the place that an error inside names: a command may be given several."""
    try:
        yield
    except GatewayError as error:
        raise type(error)(error.code, error.message, at=f"{path}: {error.at}".rstrip(": "), do=error.do) from error
