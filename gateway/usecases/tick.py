"""Signing the ledger: at once when idle, then at most one tick every 5 ms or four times the last signature.

A tick is drafted at what is committed, signed off the loop, committed, and only then shown. Each party's streams are
woken by it; one that waits for its first tick asks for one. The floor outside the store follows at most a second late.
Source: SPEC.md section 6.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from gateway.core.errors import Fault
from gateway.core.ledger.book import Book, DraftTick
from gateway.core.ledger.tick import TickMessage, sign_tick
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import TICK_EVERY_MS
from gateway.ports.floor import Floor, FloorMark
from gateway.usecases.sequence import Plan, Sequencer
from gateway.usecases.trusted_time import TrustedTime

FLOOR_SECONDS = 0.005
FLOOR_DUTY = 4
FLOOR_FILE_SECONDS = 0.9


@dataclass(frozen=True, slots=True)
class _TickJob:
    entry: bytes

    def prepare(self, plan: Plan) -> None:
        plan.tick(self.entry)

    def committed(self) -> None:
        """The ticker shows the tick once `submit` returns."""


class Ticker:
    """Owns the latest signed tick and wakes whoever listens."""

    def __init__(
        self,
        *,
        sequencer: Sequencer,
        book: Book,
        key: Callable[[], SigningKey],
        time: TrustedTime,
        floor: Floor,
        control_head: Callable[[], tuple[int, bytes]],
        pool: Executor,
    ) -> None:
        self._sequencer = sequencer
        self._book = book
        self._key = key
        self._time = time
        self._floor = floor
        self._control_head = control_head
        self._pool = pool
        self._draft: DraftTick | None = None
        self._signature = b""
        self._listeners: set[asyncio.Event] = set()
        self._finishing = False
        self._floor_mark: FloorMark | None = None

    def listen(self, wake: asyncio.Event) -> None:
        """`wake` is set at every new tick until `leave`."""
        self._listeners.add(wake)

    def leave(self, wake: asyncio.Event) -> None:
        """The end of `listen`."""
        self._listeners.discard(wake)

    def wake_all(self) -> None:
        """Every listener looks again at what concerns it."""
        for wake in self._listeners:
            wake.set()

    def ask(self) -> None:
        """Somebody waits for a tick newer than the latest: one comes as soon as the pace allows."""
        self._sequencer.grown.set()

    def finish(self) -> None:
        """`run` signs one more tick, over everything committed by then, and returns."""
        self._finishing = True
        self.ask()

    @property
    def number(self) -> int:
        """The latest tick's number, -1 before the first of this run."""
        return self._draft.tick.number if self._draft else -1

    @property
    def shown(self) -> tuple[DraftTick, bytes] | None:
        """The latest tick as it was drafted, and its signature; None before the first of this run."""
        return (self._draft, self._signature) if self._draft else None

    def covered(self, account_id: bytes) -> int:
        """Leaves of the account under the latest tick; -1 while it does not cover the account."""
        return self._draft.sizes.get(account_id, -1) if self._draft else -1

    def message(self, account_id: bytes, leaves_from: int, next_tick: int) -> tuple[list[bytes], TickMessage]:
        """The latest tick for one party; ask only when `covered` is not -1."""
        if self._draft is None:
            raise Fault("no-tick", "a tick was asked for before the first was signed")
        return self._book.message(self._draft, self._signature, account_id, leaves_from, next_tick)

    async def run(self) -> None:
        """Until `finish` or cancelled; a Fault of the store is raised and ends the gateway."""
        loop = asyncio.get_running_loop()
        last = False
        while not last:
            await self._until_due()
            last = self._finishing
            pause = await self._sign_one(loop)
            await asyncio.sleep(0 if last else pause)

    async def _sign_one(self, loop: asyncio.AbstractEventLoop) -> float:
        """One tick, signed, committed and shown; returns how long the next one must wait."""
        self._sequencer.grown.clear()
        position, link = self._control_head()
        # Asked anew: a directory may have brought the next one.
        key = self._key()
        draft = self._book.draft(
            key_id=key.key_id,
            time_ms=self._time.now_ms(),
            control_position=position,
            control_link=link,
            control_salt=secrets.token_bytes(32),
            tick_seed=secrets.token_bytes(32),
        )
        started = loop.time()
        signature = await loop.run_in_executor(self._pool, sign_tick, draft.statement, key)
        took = loop.time() - started
        await self._sequencer.submit(_TickJob(draft.encode(signature)))
        self._draft, self._signature = draft, signature
        self.wake_all()
        return max(FLOOR_SECONDS, FLOOR_DUTY * took)

    async def _until_due(self) -> None:
        if self._draft is None:
            return
        try:
            async with asyncio.timeout(TICK_EVERY_MS / 1000 * 0.8):
                await self._sequencer.grown.wait()
        except TimeoutError:
            return

    async def keep_floor(self) -> None:
        """Writes the floor whenever the ledger or CONTROL moved, at most a second late; until cancelled.

        A Fault of the floor is raised and ends the gateway.
        """
        while True:
            await asyncio.sleep(FLOOR_FILE_SECONDS)
            await self.raise_floor()

    async def raise_floor(self) -> None:
        """Writes the floor now if it is below what is committed."""
        mark = FloorMark(self._book.incarnation, self._book.ticks.size, self._control_head()[0])
        if mark != self._floor_mark:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._floor.raise_to, mark)
            self._floor_mark = mark
