"""`UnsafeMemoryFloor`: the port `Floor` in a variable, which no restart survives; for tests."""

from __future__ import annotations

import threading

from gateway.adapters.floor import check_raise
from gateway.core.errors import Fault
from gateway.ports.floor import FloorMark


class UnsafeMemoryFloor:
    """mark: the mark it starts with; None is a floor that is missing."""

    def __init__(self, mark: FloorMark | None = None) -> None:
        self._mark = mark
        self._lock = threading.Lock()

    def read(self) -> FloorMark:
        """The mark last written."""
        if self._mark is None:
            raise Fault("floor-missing", "a floor must exist, there is none")
        return self._mark

    def raise_to(self, mark: FloorMark) -> None:
        """Replaces the mark by one that is not below it."""
        with self._lock:
            check_raise(self.read(), mark)
            self._mark = mark

    def begin(self, mark: FloorMark) -> None:
        """The first mark of an incarnation, whatever was there."""
        with self._lock:
            self._mark = mark
