"""The edge every call passes: the peer is named first, and whatever is raised leaves through the one status map.

A party has so many calls at a time and no more, so one of them cannot take the places of all others. This is the only
place that catches everything. `CancelledError` always passes through: catching it leaks in grpcio.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import NoReturn, TypeVar

import grpc

from gateway.core.errors import GatewayError, Refused
from gateway.rpc.peer import Doorkeeper
from gateway.rpc.status import status_of, status_of_bug
from gateway.usecases.govern import check_operator
from gateway.usecases.peer import Peer

MAX_CALLS_EACH = 32

Context = grpc.aio.ServicerContext[object, object]
R = TypeVar("R")


class Turnstile:
    """Counts the calls each party has open, over all services. limit: as many, and no more."""

    def __init__(self, limit: int = MAX_CALLS_EACH) -> None:
        self._limit = limit
        self._open: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def passing(self, peer: Peer) -> Iterator[None]:
        """For the time of one call; refuses `busy`."""
        party = (peer.role, peer.party_id)
        if self._open[party] >= self._limit:
            raise Refused("busy", f"a party has at most {self._limit} calls at a time", at="connection")
        self._open[party] += 1
        try:
            yield
        finally:
            self._open[party] -= 1


class Boundary:
    """Wraps the body of a call. operators_only: nobody else may call, and who may hears whole errors."""

    def __init__(self, doorkeeper: Doorkeeper, turnstile: Turnstile, *, operators_only: bool = False) -> None:
        self._doorkeeper = doorkeeper
        self._turnstile = turnstile
        self._operators_only = operators_only

    async def run(self, context: Context, body: Callable[[Peer], Awaitable[R]], *, takes_place: bool = True) -> R:
        """The body's result, or an abort with what the peer may hear. takes_place: False inside `lasting`."""
        to_operator = False
        # A peer that does not read keeps its place while it is answered: gRPC holds the call until it reads or is gone.
        with ExitStack() as place:
            try:
                peer = self._doorkeeper.peer_of(context)
                if self._operators_only:
                    check_operator(peer)
                    to_operator = True
                if takes_place:
                    place.enter_context(self._turnstile.passing(peer))
                return await body(peer)
            except GatewayError as error:
                await _abort(context, *status_of(error, to_operator=to_operator))
            except ExceptionGroup as group:
                if _is_cancelled():
                    # A task group tells of its tasks' errors and keeps the cancellation that came with them to itself.
                    raise asyncio.CancelledError from group
                first = _first(group)
                if isinstance(first, GatewayError):
                    await _abort(context, *status_of(first, to_operator=to_operator))
                await _abort(context, *status_of_bug(first))
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                await _abort(context, *status_of_bug(error))

    @asynccontextmanager
    async def lasting(self, context: Context) -> AsyncIterator[None]:
        """One place until the block ends: an answer of many messages lasts as long as its peer likes to read."""
        with ExitStack() as place:

            async def enter(peer: Peer) -> None:
                place.enter_context(self._turnstile.passing(peer))

            await self.run(context, enter, takes_place=False)
            yield

    async def look_again(self, context: Context) -> None:
        """Refuses who may not call any more: CONTROL may have moved while it was reading. Only inside `lasting`."""

        async def nothing(_peer: Peer) -> None:
            """That the peer may call is all that is asked."""

        await self.run(context, nothing, takes_place=False)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The first of our errors in the group, else the first of any."""
    flat: list[Exception] = []
    for error in group.exceptions:
        flat.append(_first(error) if isinstance(error, ExceptionGroup) else error)
    return next((error for error in flat if isinstance(error, GatewayError)), flat[0])


async def _abort(context: Context, code: grpc.StatusCode, text: str) -> NoReturn:
    await context.abort(code, text)
    raise grpc.aio.AbortError
