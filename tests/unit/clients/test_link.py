"""Waits grow and spread; a read ends by name; silence counts only while somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import grpc
import pytest

from clients.link import Backoff, Patience, messages_of
from gateway.core.errors import GatewayError
from tests.warped_time import run_warped

Step = Callable[[], Awaitable[bytes]]


@dataclass
class Response:
    """What grpc hands over."""

    message: bytes


@dataclass
class Call:
    """A stream as grpc's own: what cannot be read is cancelled, and says so by CancelledError."""

    steps: list[Step]
    cancelled: bool = False
    _reading: asyncio.Task[bytes] | None = field(default=None)

    async def __aiter__(self) -> AsyncIterator[Response]:
        for step in self.steps:
            self._reading = asyncio.ensure_future(step())
            yield Response(await self._reading)

    def cancel(self) -> bool:
        """Ends what is being read."""
        self.cancelled = True
        return self._reading.cancel() if self._reading else False


async def word() -> bytes:
    """A message that is there."""
    return b"word"


async def never() -> bytes:
    """A message that does not come."""
    await asyncio.Event().wait()
    return b""


async def broken() -> bytes:
    """A link that breaks under a write: grpcio cancels the call itself."""
    raise asyncio.CancelledError


async def refused() -> bytes:
    """A gateway that says no."""
    raise grpc.aio.AioRpcError(
        grpc.StatusCode.PERMISSION_DENIED, grpc.aio.Metadata(), grpc.aio.Metadata(), details='{"code": "denied"}'
    )


async def read(call: Call, until: float | None = None, busy: float = 0.0) -> list[bytes]:
    """Every message, with a caller that takes its time."""
    got = []
    async with aclosing(messages_of(call, "gw:8443", 30.0, until)) as messages:  # type: ignore[arg-type]  # a fake
        async for message, _ in messages:
            got.append(message)
            await asyncio.sleep(busy)
    return got


def test_waits_double_up_to_a_limit_and_never_agree() -> None:
    """A thousand clients that lost one gateway must not come back in one moment."""
    backoff = Backoff(Patience(first_wait_seconds=1.0, longest_wait_seconds=4.0))

    waits = [backoff.next() for _ in range(5)]

    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, (1, 2, 4, 4, 4), strict=True))
    backoff.reset()
    assert backoff.next() <= 1.0


def test_messages_come_until_the_other_side_ends() -> None:
    """And the call is over then."""
    call = Call([word, word])

    assert run_warped(read(call)) == [b"word", b"word"]
    assert call.cancelled


@pytest.mark.parametrize(
    ("step", "code"), [(never, "gateway-unreachable"), (broken, "gateway-unreachable"), (refused, "denied")]
)
def test_a_read_that_fails_says_why(step: Step, code: str) -> None:
    """Silence, a broken link, a refusal: errors of ours, never a bare cancellation."""
    with pytest.raises(GatewayError) as error:
        run_warped(read(Call([word, step])))

    assert error.value.code == code


def test_the_end_of_the_time_given_is_not_silence() -> None:
    """Who gives up after a minute is told that, and not that the link is bad."""

    async def hurried() -> None:
        await read(Call([never]), until=asyncio.get_running_loop().time() + 10.0)

    with pytest.raises(GatewayError) as error:
        run_warped(hurried())

    assert error.value.code == "timed-out"


def test_a_busy_caller_accuses_nobody() -> None:
    """The gateway spoke; it was this side that did not listen."""
    assert run_warped(read(Call([word, word, word]), busy=600.0)) == [b"word"] * 3


def test_somebodys_wish_to_stop_passes_through() -> None:
    """A cancellation of the task is no failure of the link."""

    async def stopped() -> None:
        task = asyncio.create_task(read(Call([never])))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        run_warped(stopped())


def test_a_message_tells_how_long_it_was_waited_for() -> None:
    """Only such time counts against a gateway."""

    async def timed() -> tuple[int, int]:
        async def late() -> bytes:
            await asyncio.sleep(7.0)
            return b"late"

        waits = []
        async with aclosing(messages_of(Call([late, word]), "gw:8443", 30.0)) as messages:  # type: ignore[arg-type]
            async for _, waited_ms in messages:
                waits.append(waited_ms)
                await asyncio.sleep(600.0)
        return waits[0], waits[1]

    assert run_warped(timed()) == (7000, 0)
