r"""`PendingFile`: the port `PendingStore` in one sealed file beside the journals.

    file = "SLUICE1/pending\0" | suite | nonce[12] | sealed content

Sealed under the key-encryption key, which otherwise only wraps page keys: the tag and the genesis are associated, so
neither is ever taken for the other, nor the file of another store for this one's. Each save has a fresh random nonce.
An older file put back is not noticed here: what is in it is checked against the journals when it is read.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.adapters.owner_files import read_owner_file, replace_owner_file
from gateway.core.errors import Fault
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES

FILE = "pending"
_TAG = b"SLUICE1/pending\x00" + SUITE_BYTE
_NONCE_BYTES = 12


class PendingFile:
    """The pending changes of one store. kek: its key-encryption key, 32 bytes; genesis: 48 bytes."""

    def __init__(self, folder: Path, kek: bytes, genesis: bytes) -> None:
        self._path = folder / FILE
        self._key = AESGCM(kek)
        self._associated = _TAG + genesis

    def load(self) -> bytes:
        """What was last saved."""
        if not os.path.lexists(self._path):
            return b""
        content = read_owner_file(self._path, 2 * MAX_MESSAGE_BYTES, FILE)
        nonce, sealed = content[len(_TAG) :][:_NONCE_BYTES], content[len(_TAG) + _NONCE_BYTES :]
        try:
            if not content.startswith(_TAG) or len(nonce) != _NONCE_BYTES:
                raise InvalidTag
            return self._key.decrypt(nonce, sealed, self._associated)
        except InvalidTag as error:
            raise Fault(
                "pending-damaged",
                "the file of pending changes must open under this store's key, it does not",
                at=str(self._path),
                do="remove it: its changes have to be proposed again",
            ) from error

    def save(self, content: bytes) -> None:
        """Replaces what was saved before; two fsyncs."""
        nonce = os.urandom(_NONCE_BYTES)
        try:
            replace_owner_file(self._path, _TAG + nonce + self._key.encrypt(nonce, content, self._associated))
        except OSError as error:
            raise Fault(
                "pending-not-written",
                f"the file of pending changes must be written, `{error.strerror}`",
                at=str(self._path),
            ) from error
