"""A backup: a folder with the store as it was at one moment, and the public files a machine needs besides it.

    NAME/ (0700)
      manifest.json                              what it is, and the SHA-384 of every other file
      store/data.mdb  store/pending              sealed as they lay
      settings.toml  roots.pem  ...              as they lay in the gateway's folder
      keys/...                                   the gateway's private keys, only where somebody asked for them

Never in it: the key-encryption key, without which the store is noise, and the floor, which would make an older store
pass for the newest. A backup appears under its name once it is whole and on the disk. The manifest is no signature: it
tells a torn, mixed or edited backup from a whole one; what the store in it is, its own chains and ticks say.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Final

from gateway.adapters.owner_files import create_owner_file, sync_directory
from gateway.core.errors import Fault

MANIFEST: Final = "manifest.json"
STORE: Final = "store"
KEYS: Final = "keys"
FORMAT: Final = 1
NOT_IN_IT: Final = ("the key-encryption key", "the floor")
_MAX_MANIFEST_BYTES = 1024 * 1024
_MAX_FILES = 256
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says it is. genesis, incarnation, head: hex; head: link of the last statement.

    batches: entries of RECORDS; records: in the batches that were taken; files: SHA-384 in hex by name.
    """

    gateway: str
    made_at: str
    genesis: str
    incarnation: str
    ticks: int
    statements: int
    head: str
    batches: int
    records: int
    files: Mapping[str, str]

    @property
    def has_keys(self) -> bool:
        """Whether the gateway's private keys are in it."""
        return any(name.startswith(f"{KEYS}/") for name in self.files)


class BackupFolder:
    """A backup in the making, beside the place where it will appear."""

    def __init__(self, to: Path, name: str) -> None:
        """A folder that only its owner may open; `backup-exists` if the name is taken.

        to: where the backup will be; a folder that is there and no backup gets one inside it, called `name`, or
        `name-2` and so on where there is one of the same second.
        """
        path = to
        if to.is_dir() and not (to / MANIFEST).exists():
            names = (f"{name}-{number}" if number > 1 else name for number in count(1))
            path = next(one for one in map(to.joinpath, names) if not os.path.lexists(one))
        self.path = path.absolute()
        self.partial = self.path.with_name(f"{path.name}.{os.getpid()}.partial")
        if os.path.lexists(self.path):
            raise Fault("backup-exists", "a backup is never replaced, there is something already", at=str(path))
        try:
            self.partial.mkdir(mode=0o700)
        except OSError as error:
            raise _not_written(self.partial, error) from error

    @property
    def store(self) -> Path:
        """Where the copy of the store goes."""
        return self.partial / STORE

    def add(self, name: str, content: bytes) -> None:
        """One more file, on the disk when it returns."""
        path = self.partial / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        create_owner_file(path, content, "backup")

    def digests(self) -> dict[str, str]:
        """SHA-384 of everything that is in it so far."""
        return {name: _digest(self.partial / name) for name in _files(self.partial)}

    def finish(self, manifest: Manifest) -> None:
        """Writes the manifest and gives the backup its name."""
        text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1) + "\n"
        create_owner_file(self.partial / MANIFEST, text.encode(), "backup")
        try:
            self.partial.rename(self.path)
        except OSError as error:
            raise _not_written(self.path, error) from error
        sync_directory(self.path.parent)


def read_manifest(backup: Path) -> Manifest:
    """What the backup says it is; `backup-missing` where there is none, `backup-malformed`. Checks no other file."""
    path = backup / MANIFEST
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_MANIFEST_BYTES + 1)
        table = json.loads(content) if len(content) <= _MAX_MANIFEST_BYTES else None
    except FileNotFoundError as error:
        raise Fault("backup-missing", "a backup must be there, there is none", at=str(backup)) from error
    except (ValueError, RecursionError) as error:
        raise _malformed(path, "a JSON object") from error
    if not isinstance(table, dict) or table.pop("format", None) != FORMAT:
        raise _malformed(path, f"an object of format {FORMAT}")
    texts, counts = (
        ("gateway", "made_at", "genesis", "incarnation", "head"),
        ("ticks", "statements", "batches", "records"),
    )
    if (
        table.keys() != {*texts, *counts, "files"}
        or not all(isinstance(table[name], str) for name in texts)
        or not all(type(table[name]) is int and table[name] >= 0 for name in counts)
        or not isinstance(table["files"], dict)
        or not all(isinstance(digest, str) for digest in table["files"].values())
        or len(table["files"]) > _MAX_FILES
    ):
        raise _malformed(path, "an object with the keys of a backup, each once and of its kind")
    return Manifest(**table)


def check_files(backup: Path) -> Manifest:
    """The manifest, once every file is found to be there, plain, and as it was written; `backup-damaged` otherwise."""
    manifest = read_manifest(backup)
    present = set(_files(backup)) - {MANIFEST}
    for name in sorted(present ^ manifest.files.keys()):
        was = "it is not there" if name in manifest.files else "the manifest does not name it"
        raise _damaged(backup / name, was)
    for name, digest in manifest.files.items():
        if _digest(backup / name) != digest:
            raise _damaged(backup / name, "it is not what was written")
    return manifest


def copy_out(backup: Path, name: str, target: Path) -> None:
    """A file of the backup in a new place, mode 0600 and on the disk; the caller has checked the backup."""
    create_owner_file(target, b"", "backup")
    with (backup / name).open("rb") as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())


def _files(folder: Path) -> list[str]:
    """Names of all plain files below, `backup-damaged` for anything else: a link would lead out of the backup."""
    found: list[str] = []
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif stat.S_ISREG(mode):
                found.append(path.relative_to(folder).as_posix())
            else:
                raise _damaged(path, "it is no plain file")
            if len(found) > _MAX_FILES:
                raise _damaged(folder, f"it has more than {_MAX_FILES} files")
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha384").hexdigest()


def _malformed(path: Path, expected: str) -> Fault:
    return Fault("backup-malformed", f"the manifest of a backup must be {expected}", at=str(path))


def _damaged(path: Path, came: str) -> Fault:
    return Fault(
        "backup-damaged", f"a backup must be as it was written, {came}", at=str(path), do="take another backup"
    )


def _not_written(path: Path, error: OSError) -> Fault:
    return Fault("backup-not-written", f"a backup must be written, `{error.strerror}`", at=str(path))
