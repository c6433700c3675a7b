"""The key-encryption key of the store in a file: 32 bytes, mode 0600, on another filesystem than the store.

On the same filesystem a thief of the disk, or of one backup, has both, and the sealing of the store protects nothing;
so that is refused unless the caller says `unsafe_kek_beside_store`. What is compared is the device number: two folders
of one disk on two partitions pass, and so do two subvolumes. Source: SPEC.md section 7.
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway.adapters.owner_files import create_owner_file, read_owner_file
from gateway.core.errors import Fault

KEK_BYTES = 32


def create_kek(path: Path, store: Path, *, unsafe_kek_beside_store: bool = False) -> bytes:
    """A fresh key in a new file (`kek-exists`); `store` is where the store is or will be."""
    if not unsafe_kek_beside_store:
        _refuse_same_filesystem(path, store)
    key = os.urandom(KEK_BYTES)
    create_owner_file(path, key, "kek")
    return key


def read_kek(path: Path, store: Path, *, unsafe_kek_beside_store: bool = False) -> bytes:
    """The key. Raises `Fault`: `kek-missing`, `kek-file-open-to-others`, `kek-file-unreadable`, `kek-beside-store`."""
    key = read_owner_file(path, KEK_BYTES, "kek")
    if len(key) != KEK_BYTES:
        raise Fault("kek-file-unreadable", f"a key-encryption key has {KEK_BYTES} bytes, {len(key)} came", at=str(path))
    if not unsafe_kek_beside_store:
        _refuse_same_filesystem(path, store)
    return key


def _refuse_same_filesystem(path: Path, store: Path) -> None:
    if _device(path) == _device(store):
        raise Fault(
            "kek-beside-store",
            "the key-encryption key must lie on another filesystem than the store, both are on one",
            at=str(path),
            do="name a file on another disk, or say that it is unsafe with the flag made for that",
        )


def _device(path: Path) -> int:
    """The filesystem of a path, or of the nearest folder above it that exists: before `init` neither file does."""
    present = path.absolute()
    while not present.exists():
        present = present.parent
    return present.stat().st_dev
