"""The gateway's own keys: which exist, and what may be done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import Role


class KeySet(Protocol):
    """The keys that operators endorse together."""

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        ...

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        ...

    def ingest(self) -> KemKey:
        """Opens parcels."""
        ...


class Keys(Protocol):
    """Made by `sluice init`, and the next set by `sluice rotate`; private halves never leave the process.

    Those in use are read at start and whenever `use` is called. Absence or a file readable by others raises `Fault`:
    `key-missing`, `key-file-open-to-others`, `key-file-unreadable`. One key, one purpose, one genesis: the same key
    under two purposes raises `key-reused`. Repeat calls return the same key until `use` has found another set.
    """

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        ...

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        ...

    def ingest(self) -> KemKey:
        """Opens parcels."""
        ...

    def cursor(self) -> bytes:
        """32 bytes: seals the gateway's own notes that partners carry as cursors. It is never replaced."""
        ...

    def use(self, is_endorsed: Callable[[Role, bytes], bool]) -> bool:
        """Looks for sets made since, and uses the newest of which every key is endorsed; else the one it used.

        is_endorsed: of a role and a key id. Whether another set is in use than before.
        """
        ...

    def opener(self, ingest_key_id: bytes) -> KemKey | None:
        """The key of that id, in use, next or retired: what was sealed to it is opened. None once it is destroyed."""
        ...

    def destroy(self, key_digest: bytes) -> bool:
        """Deletes a private half for good, from the disk and here; whether it was there. Never one that is in use."""
        ...
