"""Laws of a party's places: a call holds its own to the very end, also while its peer is being refused."""

from __future__ import annotations

import asyncio
import json
from typing import NoReturn

import grpc
import pytest

from gateway.core.errors import Refused
from gateway.rpc.boundary import Boundary, Turnstile
from tests.unit.rpc.test_boundary import Context, Door, raising
from tests.unit.usecases.town import partner_peer, turns


class Deaf(Context):
    """A peer that does not read: gRPC answers it only once it does."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = asyncio.Event()

    async def abort(self, code: grpc.StatusCode, text: str) -> NoReturn:
        """When it reads."""
        await self.reads.wait()
        await super().abort(code, text)


def test_a_peer_that_does_not_read_its_refusal_keeps_its_place() -> None:
    """It could open call after call otherwise, and take the places of everybody else."""

    async def scenario() -> None:
        turnstile, deaf, other = Turnstile(limit=1), Deaf(), Context()
        boundary = Boundary(Door(partner_peer()), turnstile)  # type: ignore[arg-type]  # a double
        cut = asyncio.create_task(boundary.run(deaf, raising(Refused("stream-cut", "words"))))  # type: ignore[arg-type]
        await turns()

        with pytest.raises(grpc.aio.AbortError):
            await boundary.run(other, raising(Refused("denied", "words")))  # type: ignore[arg-type]  # a double

        assert other.aborted is not None
        assert json.loads(other.aborted[1])["code"] == "busy"
        deaf.reads.set()
        with pytest.raises(grpc.aio.AbortError):
            await cut
        with turnstile.passing(partner_peer()):
            assert deaf.aborted is not None

    asyncio.run(scenario())
