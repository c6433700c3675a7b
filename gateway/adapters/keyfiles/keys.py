"""`KeyFiles`: the port `Keys` from one folder.

    stream.pem  ledger.pem   signing keys, each an ML-DSA-87 and an Ed25519 key
    ingest.pem               a KEM key, an ML-KEM-1024 and a P-384 key
    cursor.key               32 bytes

Each file has mode 0600 and the gateway's owner, the folder is writable by nobody else, no link is followed. All are
read when the object is made, so a missing key stops the start and not the first stream.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gateway.adapters.owner_files import check_owner_directory, create_owner_file, read_owner_file, sync_directory
from gateway.core.errors import Fault
from gateway.core.suite.keys import KemKey, SigningKey

_FILE_LIMIT = 64 * 1024
_CURSOR_BYTES = 32
_NAMES = ("stream.pem", "ledger.pem", "ingest.pem", "cursor.key")
_Key = TypeVar("_Key")


class KeyFiles:
    """The four keys of one gateway, read from `directory`; the port says what is refused."""

    def __init__(self, directory: Path) -> None:
        check_owner_directory(directory, "key")
        self._stream = _read(directory / "stream.pem", SigningKey.from_pem)
        self._ledger = _read(directory / "ledger.pem", SigningKey.from_pem)
        self._ingest = _read(directory / "ingest.pem", KemKey.from_pem)
        self._cursor = _read(directory / "cursor.key", _cursor_key)
        if self._stream.key_digest == self._ledger.key_digest:
            raise Fault("key-reused", "one key has one purpose, `stream` and `ledger` are the same", at=str(directory))

    @classmethod
    def create(cls, directory: Path) -> KeyFiles:
        """Fresh keys in a folder that has none of them (`key-exists`); made with mode 0700 if it is missing."""
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Fault(
                "key-not-written", f"the key folder must be made, `{error.strerror}`", at=str(directory)
            ) from error
        sync_directory(directory.resolve().parent)
        check_owner_directory(directory, "key")
        # Looked at first, so that a second run by mistake leaves no half of a new set beside the old one.
        for name in _NAMES:
            if os.path.lexists(directory / name):
                raise Fault("key-exists", f"there must be no `{name}` yet, there is one", at=str(directory / name))
        create_owner_file(directory / "stream.pem", SigningKey.generate().to_pem(), "key")
        create_owner_file(directory / "ledger.pem", SigningKey.generate().to_pem(), "key")
        create_owner_file(directory / "ingest.pem", KemKey.generate().to_pem(), "key")
        create_owner_file(directory / "cursor.key", os.urandom(_CURSOR_BYTES), "key")
        return cls(directory)

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        return self._stream

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        return self._ledger

    def ingest(self) -> KemKey:
        """Opens parcels."""
        return self._ingest

    def cursor(self) -> bytes:
        """32 bytes: seals the gateway's own notes that partners carry as cursors."""
        return self._cursor


def _read(path: Path, parse: Callable[[bytes], _Key]) -> _Key:
    content = read_owner_file(path, _FILE_LIMIT, "key")
    try:
        return parse(content)
    except Fault as fault:
        raise Fault(fault.code, fault.message, at=str(path), do=fault.do) from fault


def _cursor_key(content: bytes) -> bytes:
    if len(content) != _CURSOR_BYTES:
        raise Fault("key-file-unreadable", f"the cursor key has {_CURSOR_BYTES} bytes, {len(content)} came")
    return content
