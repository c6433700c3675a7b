"""What waits for operators' decisions, kept over a restart."""

from __future__ import annotations

from typing import Protocol


class PendingStore(Protocol):
    """Bytes that are nobody's decision yet: nothing a stream decides on depends on them.

    Durability: `save` is durable when it returns, and atomic. Absence: `load` gives no bytes where nothing was saved.
    Damage: `load` raises `Fault("pending-damaged")` for anything but what was last saved here for this genesis.
    """

    def load(self) -> bytes:
        """What was last saved."""
        ...

    def save(self, content: bytes) -> None:
        """Replaces what was saved before; `Fault("pending-not-written")` if it cannot be written."""
        ...
