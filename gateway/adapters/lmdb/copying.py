"""A copy of a store, also of one that a gateway runs from: LMDB's own hot copy in one read transaction.

The copy is what the store was at one moment, whole, sealed as it lies there, without the pages that LMDB has freed.
Committing goes on meanwhile. What the copy shows is for the caller to look at: the store that is copied is not checked
here, because its pages move while a gateway runs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import lmdb

from gateway.adapters.lmdb.environment import DEFAULT_MAP_BYTES
from gateway.adapters.lmdb.layout import DATABASES
from gateway.adapters.owner_files import sync_directory
from gateway.core.errors import Fault

DATA: Final = "data.mdb"


def copy_store(store: Path, target: Path) -> None:
    """Copies the store in the folder `store` into `target`, which must not exist; on the disk when it returns.

    Raises `store-missing`, and `backup-not-written` for whatever the copy meets. A copy that was killed keeps old pages
    of the store alive until the next one: its reader's place is given back first.
    """
    if not (store / DATA).is_file():
        raise Fault("store-missing", "a store must be in the folder, there is none", at=str(store))
    try:
        target.mkdir(mode=0o700)
        environment = lmdb.open(
            str(store), readonly=True, map_size=DEFAULT_MAP_BYTES, max_dbs=DATABASES, mode=0o600, lib_version=0
        )
        try:
            environment.reader_check()
            environment.copy(str(target), compact=True)
        finally:
            environment.close()
        (target / DATA).chmod(0o600)
        _sync(target / DATA)
        sync_directory(target)
    except (lmdb.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Fault(
            "backup-not-written", f"the store must be copied, the system says `{reason}`", at=str(target)
        ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
