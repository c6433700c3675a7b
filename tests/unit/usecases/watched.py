"""Five streams of one partner in every state that a stream can be in, and what is written to them once they may not be.

idle: stands at the end and hears ticks. busy: a frame is decided and entered, and waits behind a tick that is not read.
catching: in the middle of the journal, the second frame is not read. old: the first of three disclosures of an earlier
stream is not read. deaf: as busy, and never reads again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.core.suite.numbers import StreamMessage
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.house import House
from tests.unit.usecases.town import Origin, partner_peer, turns

STORED = 12
CONTENT = frozenset({StreamMessage.FRAME, StreamMessage.OLD})


class Watched(Follower):
    """A partner that notes what is handed over to it while something is in force."""

    def __init__(self, house: House, name: str, until_ms: int) -> None:
        super().__init__(house, "usa/arl", "UA-US-1", name)
        self.peer = partner_peer(until_ms=until_ms)
        self.in_force: Callable[[], bool] = lambda: False
        self.late: list[StreamMessage] = []
        self.written = 0
        self._stop_at: tuple[StreamMessage, int] | None = None
        self._stopped = asyncio.Event()

    async def stopped_at(self, kind: StreamMessage, number: int) -> None:
        """Opens a stream that is read up to the message of that kind and number, which is written and not read."""
        self._stop_at = (kind, number)
        self.open()
        await self._stopped.wait()

    async def silent(self) -> None:
        """Opens a stream, and reads it to the end of what is stored and no further."""
        self.open()
        await self.caught_up()
        self.gate.clear()

    async def _write(self, message: bytes) -> None:
        kind = StreamMessage(message[0])
        self.written += 1
        if self.in_force():
            self.late.append(kind)
        if self._stop_at == (kind, self.kinds.count(kind)):
            self._stop_at = None
            self.gate.clear()
            self._stopped.set()
        await super()._write(message)

    @property
    def late_content(self) -> list[StreamMessage]:
        """Frames and old disclosures that were handed over while it was in force."""
        return [kind for kind in self.late if kind in CONTENT]


class Five:
    """The five; see the module."""

    def __init__(self, house: House, until_ms: int) -> None:
        self._house = house
        self._origin = Origin(house.control().genesis)
        self.idle, self.busy, self.catching, self.old, self.deaf = self.all = tuple(
            Watched(house, name, until_ms) for name in ("idle", "busy", "catching", "old", "deaf")
        )
        self.readers = self.all[:4]

    async def open(self) -> None:
        """Every one of them in its state; time stands still from here on, as far as the caller lets it."""
        house = self._house
        await house.admit(self._origin.batch(STORED))
        for _ in range(STORED - 1):
            await house.admit(self._origin.batch())
        await self.old.silent()
        for _ in range(3):
            await house.admit(self._origin.batch())
        await turns(100)
        await self.old.drop()
        self.old.gate.set()
        await self.old.stopped_at(StreamMessage.OLD, 0)
        await self.catching.stopped_at(StreamMessage.FRAME, 1)
        self.idle.open()
        await self.idle.caught_up()
        await self.busy.silent()
        await self.deaf.silent()
        before = len(self.idle.records)
        await house.admit(self._origin.batch())
        await self.idle.received(before + 1)
        await turns(100)

    async def next_record(self) -> None:
        """One more is stored."""
        await self._house.admit(self._origin.batch())

    def watch(self, in_force: Callable[[], bool]) -> None:
        """From now on what is handed over while `in_force` says so is noted."""
        for one in self.all:
            one.in_force = in_force

    def read_on(self) -> None:
        """All but the deaf one read again."""
        for one in self.readers:
            one.gate.set()
