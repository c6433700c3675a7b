"""The edge every call passes: the peer is named first, and whatever is raised leaves through the one status map.

This is the only place that catches everything. `CancelledError` always passes through: catching it leaks in grpcio.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import grpc

from gateway.core.errors import GatewayError
from gateway.rpc.peer import Doorkeeper
from gateway.rpc.status import status_of, status_of_bug
from gateway.usecases.peer import Peer

Context = grpc.aio.ServicerContext[object, object]
R = TypeVar("R")


class Boundary:
    """Wraps the body of a call. to_operator: whether the peer may hear whole errors."""

    def __init__(self, doorkeeper: Doorkeeper, *, to_operator: bool = False) -> None:
        self._doorkeeper = doorkeeper
        self._to_operator = to_operator

    async def run(self, context: Context, body: Callable[[Peer], Awaitable[R]]) -> R:
        """The body's result, or an abort with what the peer may hear."""
        known = False
        try:
            peer = self._doorkeeper.peer_of(context)
            known = peer.role == "operator" and self._to_operator
            return await body(peer)
        except GatewayError as error:
            await _abort(context, *status_of(error, to_operator=known))
        except ExceptionGroup as group:
            first = _first(group)
            if isinstance(first, GatewayError):
                await _abort(context, *status_of(first, to_operator=known))
            await _abort(context, *status_of_bug(first))
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await _abort(context, *status_of_bug(error))


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The first of our errors in the group, else the first of any."""
    flat: list[Exception] = []
    for error in group.exceptions:
        flat.append(_first(error) if isinstance(error, ExceptionGroup) else error)
    return next((error for error in flat if isinstance(error, GatewayError)), flat[0])


async def _abort(context: Context, code: grpc.StatusCode, text: str) -> NoReturn:
    await context.abort(code, text)
    raise grpc.aio.AbortError
