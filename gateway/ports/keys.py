"""The gateway's own keys: which exist, and what may be done with them."""

from __future__ import annotations

from typing import Protocol

from gateway.core.suite.keys import KemKey, SigningKey


class Keys(Protocol):
    """Made once by `sluice init`; private halves are read at start and never leave the process.

    Absence or a file readable by others raises `Fault`: `key-missing`, `key-file-open-to-others`,
    `key-file-unreadable`. One key, one purpose, one genesis: the same key under two purposes raises `key-reused`.
    Repeat calls return the same key.
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
        """32 bytes: seals the gateway's own notes that partners carry as cursors."""
        ...
