"""An event loop whose clock jumps to the next timer when nothing else is left to do: hours pass in no time.

For code that waits on this loop's own clock and on tasks only; a socket or a thread would not be waited for.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting it moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; else the time is over at once."""
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class WarpedLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since this loop began, as far as anybody waited."""
        return self._jumping.now


def run_warped(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work` on such a loop."""
    with asyncio.Runner(loop_factory=WarpedLoop) as runner:
        return runner.run(work)
