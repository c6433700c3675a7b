"""Answers of many messages keep their place at the turnstile, however slowly they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, NoReturn

import grpc
import pytest
from sluice.v1 import govern_pb2, identity_pb2, ledger_pb2

from gateway.rpc.boundary import Boundary, Turnstile
from gateway.rpc.certificates import CertificateService
from gateway.rpc.govern import GovernService
from gateway.rpc.ledger import LedgerService
from gateway.usecases.peer import Peer
from tests.unit.usecases.test_renewal_mailbox import Post, a_post
from tests.unit.usecases.town import operator_peer

Answer = AsyncGenerator[Any, None]
ANSWERS: dict[str, Callable[[Post, Boundary, Any], Any]] = {
    "ListCertificates": lambda post, operators, call: CertificateService(
        post.mailbox, operators, operators
    ).ListCertificates(identity_pb2.ListCertificatesRequest(), call),
    "ListRenewals": lambda post, operators, call: CertificateService(post.mailbox, operators, operators).ListRenewals(
        identity_pb2.ListRenewalsRequest(), call
    ),
    "ReadControl": lambda post, operators, call: GovernService(post.house.government, operators).ReadControl(
        govern_pb2.ReadControlRequest(), call
    ),
    "ReadAccounts": lambda post, operators, call: LedgerService(post.house.running, operators).ReadAccounts(
        ledger_pb2.ReadAccountsRequest(), call
    ),
}


class Call:
    """What gRPC gives a method, as far as it is used. details: of its abort."""

    def __init__(self) -> None:
        self.details = ""

    async def abort(self, code: grpc.StatusCode, text: str) -> NoReturn:
        """As gRPC does."""
        self.details = text
        raise grpc.aio.AbortError


class Door:
    """A doorkeeper with one operator before it."""

    def peer_of(self, context: object) -> Peer:
        """That one."""
        return operator_peer()


async def told(answer: Answer, call: Call) -> str:
    """What came first, or what it was refused for."""
    try:
        return type(await anext(answer)).__name__
    except grpc.aio.AbortError:
        return call.details


@pytest.mark.parametrize("method", ANSWERS)
def test_who_reads_slowly_has_its_place_until_the_end(method: str) -> None:
    """Else one certificate opens as many calls as a gateway has, and each waits for a reader that never reads."""

    async def scenario() -> list[str]:
        async with a_post() as post:
            post.ask("source/src-3f07")
            post.house.running.certificates.used(b"", operator_peer().identity, post.house.now_ms)
            door: Any = Door()
            operators, said = Boundary(door, Turnstile(1), operators_only=True), []
            first, second, third = (Call() for _ in range(3))
            slow = ANSWERS[method](post, operators, first)
            said.append(await told(slow, first))
            said.append(await told(ANSWERS[method](post, operators, second), second))
            await slow.aclose()
            said.append(await told(ANSWERS[method](post, operators, third), third))
            return said

    first, second, third = asyncio.run(scenario())

    assert first == third == f"{method}Response"
    assert '"code": "busy"' in second


def test_what_is_over_is_read_by_one_at_a_time() -> None:
    """Each such reading folds a whole book of its own."""

    async def scenario() -> tuple[str, str]:
        async with a_post() as post:
            door: Any = Door()
            service = LedgerService(post.house.running, Boundary(door, Turnstile(), operators_only=True))
            asked = ledger_pb2.ReadAccountsRequest(ended=bytes(16))
            during, after = Call(), Call()
            with service._folding_alone():
                first = await told(service.ReadAccounts(asked, during), during)  # type: ignore[arg-type]  # as far as it is used
            return first, await told(service.ReadAccounts(asked, after), after)  # type: ignore[arg-type]  # the same

    during, after = asyncio.run(scenario())

    assert '"code": "busy"' in during
    assert '"code": "incarnation-unknown"' in after
