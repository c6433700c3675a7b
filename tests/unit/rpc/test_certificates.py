"""The mailbox on the wire: whoever is shown what waits is looked at before each of it."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import grpc
from sluice.v1 import identity_pb2

from gateway.core.suite.numbers import StatementKind
from gateway.rpc.boundary import Boundary, Turnstile
from gateway.rpc.certificates import CertificateService
from gateway.usecases.peer import Peer
from tests.unit.usecases.house import House
from tests.unit.usecases.test_renewal_mailbox import a_post
from tests.unit.usecases.town import operator_peer


class Call:
    """What gRPC gives a method, as far as it is used."""

    def __init__(self) -> None:
        self.aborted: tuple[grpc.StatusCode, str] | None = None

    async def abort(self, code: grpc.StatusCode, text: str) -> NoReturn:
        """As gRPC does."""
        self.aborted = code, text
        raise grpc.aio.AbortError


class Door:
    """A doorkeeper with one operator before it, who is asked for as the real one asks."""

    def __init__(self, house: House) -> None:
        self._house = house

    def peer_of(self, context: object) -> Peer:
        """The operator, if it may still be there."""
        peer = operator_peer()
        peer.check_standing(self._house.control())
        return peer


def test_who_is_no_operator_any_more_is_shown_no_more_of_what_waits() -> None:
    """An answer lasts as long as its reader likes, and its certificate may be taken back in the meantime."""

    async def scenario() -> tuple[list[bytes], list[bytes], Call]:
        async with a_post() as post:
            for name in ("source/src-3f07", "partner/usa/arl"):
                post.ask(name)
            door: Any = Door(post.house)
            call: Any = Call()
            operators = Boundary(door, Turnstile(), operators_only=True)
            service = CertificateService(post.mailbox, Boundary(door, Turnstile()), operators)
            shown: list[bytes] = []
            try:
                async for answer in service.ListRenewals(identity_pb2.ListRenewalsRequest(), call):
                    shown.append(answer.renewal)
                    own = operator_peer().identity.fingerprint
                    body = f'target = "certificate/{own}"\nreason = "a test"\n'.encode()
                    await post.house.apply(StatementKind.REVOKE, body, by=("officer-2",))
            except grpc.aio.AbortError:
                return shown, post.mailbox.waiting(operator_peer("officer-2")), call
            raise AssertionError("all of it was shown")

    shown, waiting, call = asyncio.run(scenario())

    assert (len(shown), len(waiting)) == (1, 2)
    assert call.aborted is not None
    assert call.aborted[0] is grpc.StatusCode.PERMISSION_DENIED
