"""One live call of a source: whether it may still be heard and told, asked again whenever CONTROL or time moves it.

A source that does not read would otherwise keep a call that has to be over: who suspends it waits for its goodwill, and
what was made for it before is written to it later. A call that is not writing is cut at once, one that is after two
seconds. Source: SPEC.md section 3.7.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gateway.core.errors import Refused
from gateway.usecases.subscription import CUT_SECONDS

# A clock that stands still, because it was set back a little, must not keep the loop busy.
LOOK_AGAIN_SECONDS = 0.1


class SourceCall:
    """See the module.

    check: refuses what a call that begins now would be refused, else gives the milliseconds (UTC, above 0) until the
    first of the facts it asks about expires.
    """

    def __init__(self, check: Callable[[], int]) -> None:
        self._check = check
        self._limit: asyncio.Timeout | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_writing = False
        self.ending: Refused | None = None
        self.closed = asyncio.Event()

    @asynccontextmanager
    async def lasting(self, live: set[SourceCall]) -> AsyncIterator[None]:
        """The time of the block the call is one of `live`; raises the refusal that ended it."""
        live.add(self)
        try:
            async with asyncio.timeout(None) as self._limit:
                self.look_again()
                yield
        except TimeoutError as error:
            raise self.ending or error from error
        finally:
            live.discard(self)
            self._stop_timer()
            self._limit = None
            self.closed.set()

    def look_again(self) -> bool:
        """Whether the source may go on; if not, the call ends now. Called when CONTROL has moved, and by time."""
        self._stop_timer()
        try:
            left_ms = self._check()
        except Refused as refusal:
            self._end(refusal)
            return False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(left_ms / 1000, LOOK_AGAIN_SECONDS), self.look_again)
        return True

    async def write(self, send: Callable[[bytes], Awaitable[None]], message: bytes) -> None:
        """One message, if the source may be told anything at this moment; refuses it, and the call, otherwise."""
        self.check()
        self._is_writing = True
        try:
            await send(message)
        finally:
            self._is_writing = False
        self.check()

    def check(self) -> None:
        """Refuses what the source may not do any more."""
        if self.ending is not None:
            raise self.ending
        self._check()

    def _end(self, refusal: Refused) -> None:
        if self.ending is None:
            self.ending = refusal
            if self._limit is not None:
                pause = CUT_SECONDS if self._is_writing else 0.0
                self._limit.reschedule(asyncio.get_running_loop().time() + pause)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
