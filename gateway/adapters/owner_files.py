"""Files that belong to the gateway's own user and to nobody else, and the durable way to write them.

Refused: a file or folder of another owner, one that others may read (a folder: write), symbolic links, anything that
is not a plain file, anything larger than the caller expects. Creation never replaces; replacement is atomic. Both are
on the disk, name included, when the call returns.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gateway.core.errors import Fault

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read_owner_file(path: Path, limit: int, subject: str) -> bytes:
    """At most `limit` bytes of a file that is ours alone.

    Raises `Fault` with code `<subject>-missing`, `<subject>-file-open-to-others` or `<subject>-file-unreadable`.
    """
    try:
        # Non-blocking, because opening a pipe laid in the file's place would wait for ever.
        descriptor = os.open(path, _READ)
    except FileNotFoundError as error:
        raise Fault(f"{subject}-missing", f"the {subject} file must exist, there is none", at=str(path)) from error
    except OSError as error:
        raise _unreadable(path, subject, f"opening it says `{error.strerror}`") from error
    try:
        # The checks are made on what was opened: a name can change hands between a check and a read.
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _unreadable(path, subject, "it is no plain file")
        _refuse_others(facts, path, subject, 0o077, "0600")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise _unreadable(path, subject, f"it has more than {limit} bytes")
    return content


def check_owner_directory(path: Path, subject: str) -> None:
    """Refuses a folder in which others could put another file in place of ours."""
    try:
        facts = path.lstat()
    except FileNotFoundError as error:
        raise Fault(f"{subject}-missing", f"the {subject} folder must exist, there is none", at=str(path)) from error
    if not stat.S_ISDIR(facts.st_mode):
        raise _unreadable(path, subject, "its folder is no plain folder")
    _refuse_others(facts, path, subject, 0o022, "0700")


def _refuse_others(facts: os.stat_result, path: Path, subject: str, forbidden: int, mode: str) -> None:
    if facts.st_uid != os.geteuid():
        raise Fault(
            f"{subject}-file-open-to-others", f"it must belong to user {os.geteuid()}, not {facts.st_uid}", at=str(path)
        )
    if stat.S_IMODE(facts.st_mode) & forbidden:
        raise Fault(
            f"{subject}-file-open-to-others",
            f"its mode must be {mode}, {stat.S_IMODE(facts.st_mode):04o} came",
            at=str(path),
            do=f"chmod {mode} {path}, and replace the key if others may have read it",
        )


def _unreadable(path: Path, subject: str, came: str) -> Fault:
    return Fault(f"{subject}-file-unreadable", f"the {subject} file must be a plain file of ours, {came}", at=str(path))


def create_owner_file(path: Path, content: bytes, subject: str) -> None:
    """A new file of mode 0600; `Fault("<subject>-exists")` if the name is taken, by whatever."""
    try:
        descriptor = os.open(path, _CREATE, 0o600)
    except FileExistsError as error:
        raise Fault(f"{subject}-exists", f"the {subject} file must not exist yet", at=str(path)) from error
    except OSError as error:
        raise Fault(
            f"{subject}-not-written", f"the {subject} file must be written, `{error.strerror}`", at=str(path)
        ) from error
    _write_through(descriptor, content)
    sync_directory(path.parent)


def replace_owner_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Puts `content` in place of the file at once: a reader, or a power failure, meets the old or the new whole.

    mode: 0644 for what is public and must be readable by whoever looks after the gateway.
    """
    new = path.with_name(path.name + ".new")
    # One fixed name: what a crash left behind is overwritten by the next attempt and never gathers.
    new.unlink(missing_ok=True)
    descriptor = os.open(new, _CREATE, mode)
    os.fchmod(descriptor, mode)
    _write_through(descriptor, content)
    new.replace(path)
    sync_directory(path.parent)


def _write_through(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    """Makes the names in a folder durable: without it a power failure may take a new file whole."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
