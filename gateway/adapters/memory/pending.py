"""`UnsafeMemoryPending`: the port `PendingStore` in a variable, which no restart survives; for tests."""

from __future__ import annotations


class UnsafeMemoryPending:
    """content: what it starts with; empty is nothing saved."""

    def __init__(self, content: bytes = b"") -> None:
        self._content = content

    def load(self) -> bytes:
        """What was last saved."""
        return self._content

    def save(self, content: bytes) -> None:
        """Replaces what was saved before."""
        self._content = content
