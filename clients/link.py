"""The link to a gateway: opened as the profile's party, read with patience, tried again with growing waits.

A timeout around a read of a gRPC stream leaks in grpcio, so a timer cancels the call and the read says why. Silence is
counted only while this side waits: a caller that is busy with a record for a minute accuses nobody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import grpc

from clients.channel import secure_channel, translated
from clients.connection import unreachable
from clients.profile import Profile
from clients.times import now_ms
from gateway.core.errors import Fault, Refused
from gateway.core.suite.numbers import SILENCE_MS


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: of silence that are a failure; before the second try; between tries at most."""

    silence_seconds: float = SILENCE_MS / 1000
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 30.0


class Backoff:
    """Waits that double from try to try, spread so that many clients do not come back at once."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._wait = patience.first_wait_seconds

    def reset(self) -> None:
        """Something was achieved: the next wait is the first again."""
        self._wait = self._patience.first_wait_seconds

    def next(self) -> float:
        """The wait before the next try, in seconds: half of its limit to all of it."""
        pause = self._wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, hides nothing
        self._wait = min(self._wait * 2, self._patience.longest_wait_seconds)
        return pause


async def open_channel(profile: Profile) -> grpc.aio.Channel:
    """A channel to the profile's gateway; the caller closes it.

    A certificate out of its dates is refused here, by name: the gateway's side of the handshake would just be cut.
    """
    try:
        profile.identity().check_valid(now_ms())
    except Refused as error:
        raise Refused(
            error.code,
            error.message,
            at=f"certificate of {profile.id}",
            do="`sluice-client renew --request FILE` for the operator, or ask for the profile again",
        ) from error
    return await secure_channel(profile.connection())


class Carrier(Protocol):
    """A response of one `bytes` field, as the hot RPCs have them."""

    @property
    def message(self) -> bytes:
        """The format's own message."""
        ...


Q = TypeVar("Q")
R = TypeVar("R", bound=Carrier)
StreamingCall = grpc.aio.UnaryStreamCall[Q, R] | grpc.aio.StreamStreamCall[Q, R]


async def messages_of(
    call: StreamingCall[Q, R], endpoint: str, silence_seconds: float, until: float | None = None
) -> AsyncGenerator[tuple[bytes, int], None]:
    """(message, milliseconds waited for it) until the other side ends the call in order; the call is over then.

    until: a time of the loop's clock at which waiting ends. Raises errors of our tree: `gateway-unreachable` for a
    broken link and for silence, `timed-out` at `until`, or what the gateway said.
    """
    loop = asyncio.get_running_loop()
    fired: list[Fault] = []

    def fire(error: Fault) -> None:
        fired.append(error)
        call.cancel()

    responses = aiter(call)
    silence = Fault("gateway-unreachable", "the gateway must speak, it is silent", at=endpoint, do="check the link")
    late = Fault("timed-out", "everything must be done in the time given, it was not", at=endpoint)
    try:
        while True:
            began = loop.time()
            timers = [loop.call_later(silence_seconds, fire, silence)]
            if until is not None:
                timers.append(loop.call_at(until, fire, late))
            try:
                response = await anext(responses)
            except StopAsyncIteration:
                return
            except asyncio.CancelledError:
                # grpcio cancels the call itself when the link breaks under a write, and when a timer fired; only a
                # cancellation of this task is somebody's wish.
                if _is_wish():
                    raise
                raise (fired[0] if fired else unreachable(endpoint)) from None
            except grpc.aio.AioRpcError as error:
                raise (fired[0] if fired else translated(error)) from error
            finally:
                for timer in timers:
                    timer.cancel()
            yield response.message, round((loop.time() - began) * 1000)
    finally:
        call.cancel()


def _is_wish() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
