"""Laws of the edge: who calls is asked first, everything leaves by one door, and a cancellation is never kept."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from clients.operator.ca import Authority, root_digest
from gateway.core.errors import Fault, Refused
from gateway.core.suite.numbers import StatementKind
from gateway.rpc import publish, release
from gateway.rpc.boundary import MAX_CALLS_EACH, Boundary, Turnstile
from gateway.rpc.govern import GovernService
from gateway.rpc.health import Health
from gateway.rpc.peer import MAX_KEPT, AcceptedRoots, Doorkeeper
from gateway.rpc.status import PUBLIC, status_of
from gateway.usecases.peer import Peer
from tests.security.wire import a_leaf
from tests.unit.control.world import partner_bundle, partner_text, source_bundle, source_text
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import operator_peer, partner_peer, turns


class Context:
    """What gRPC gives a method, as far as it is used."""

    def __init__(self, **facts: list[bytes]) -> None:
        self.facts = facts
        self.aborted: tuple[grpc.StatusCode, str] | None = None

    def auth_context(self) -> dict[str, list[bytes]]:
        """Of the connection."""
        return self.facts

    async def abort(self, code: grpc.StatusCode, text: str) -> NoReturn:
        """As gRPC does."""
        self.aborted = code, text
        raise grpc.aio.AbortError


class Door:
    """A doorkeeper that knows who is there."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def peer_of(self, context: object) -> Peer:
        """That one."""
        return self._peer


def run(body: Callable[[Peer], Awaitable[object]], peer: Peer | None = None, **options: Any) -> tuple[Context, object]:
    """A call with this body: its context, and what it gave."""
    context = Context()
    boundary = Boundary(Door(peer or partner_peer()), Turnstile(), **options)  # type: ignore[arg-type]  # a double

    async def scenario() -> object:
        try:
            return await boundary.run(context, body)  # type: ignore[arg-type]  # a double
        except grpc.aio.AbortError:
            return None

    return context, asyncio.run(scenario())


def raising(error: BaseException) -> Callable[[Peer], Awaitable[object]]:
    """A body that fails."""

    async def body(_: Peer) -> object:
        raise error

    return body


def test_a_body_that_returns_is_answered() -> None:
    """The plain case."""

    async def body(peer: Peer) -> object:
        return peer.party_id

    assert run(body)[1] == "usa/arl"


@pytest.mark.parametrize("code", sorted(PUBLIC))
def test_a_public_code_has_one_sentence_for_everyone(code: str) -> None:
    """Text of ours never reaches a peer, whatever raised it."""
    context, _ = run(raising(Refused(code, "internal words", at="internal place", do="internal advice")))

    assert context.aborted is not None
    status, text = context.aborted
    assert status is PUBLIC[code][0]
    assert json.loads(text) == {"code": code, "message": PUBLIC[code][1], "at": "", "do": ""}


def test_an_operator_hears_a_whole_error_and_a_fault_stays_ours() -> None:
    """What operators can mend is told; where a disk is, is not."""
    told, _ = run(
        raising(Refused("stale-change", "words", at="place", do="advice")), operator_peer(), operators_only=True
    )
    fault, _ = run(raising(Fault("disk-odd", "words", at="/srv/x")), operator_peer(), operators_only=True)

    assert told.aborted is not None
    assert fault.aborted is not None
    assert json.loads(told.aborted[1]) == {"code": "stale-change", "message": "words", "at": "place", "do": "advice"}
    assert fault.aborted[0] is grpc.StatusCode.INTERNAL
    assert "/srv" not in fault.aborted[1]


def test_a_method_of_operators_is_closed_to_others_before_anything_is_read() -> None:
    """A party must not be able to make the gateway parse what only operators send."""

    async def body(_: Peer) -> object:
        raise AssertionError("the body was reached")

    context, _ = run(body, operators_only=True)

    assert context.aborted is not None
    assert context.aborted[0] is grpc.StatusCode.PERMISSION_DENIED


def test_a_cancellation_passes_through_bare_and_inside_a_group() -> None:
    """A task group reports its tasks' errors and would keep the cancellation; a kept one leaks the call."""

    async def cancelled(body: Callable[[Peer], Awaitable[object]]) -> tuple[bool, object]:
        context = Context()
        boundary = Boundary(Door(partner_peer()), Turnstile())  # type: ignore[arg-type]  # a double
        task = asyncio.create_task(boundary.run(context, body))  # type: ignore[arg-type]  # a double
        await turns()
        task.cancel()
        (done,) = await asyncio.gather(task, return_exceptions=True)
        return isinstance(done, asyncio.CancelledError), context.aborted

    async def waits(_: Peer) -> object:
        return await asyncio.Event().wait()

    async def fails_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise Refused("denied", "it failed on the way out")

    async def group(_: Peer) -> object:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fails_when_cancelled())
            await asyncio.Event().wait()
        return None

    assert asyncio.run(cancelled(waits)) == (True, None)
    assert asyncio.run(cancelled(group)) == (True, None)


def test_errors_inside_task_groups_leave_through_the_same_door() -> None:
    """The first of ours counts, however deep; a group of bugs is a bug, and nothing of its text is told."""
    ours = ExceptionGroup("g", [ExceptionGroup("h", [ValueError("inside")]), Refused("malformed", "inside")])
    bugs = ExceptionGroup("g", [ExceptionGroup("h", [ValueError("inside")])])

    told = [run(raising(error))[0].aborted for error in (ours, bugs, ValueError("inside"))]

    assert [json.loads(text)["code"] for _, text in filter(None, told)] == ["malformed", "internal", "internal"]
    assert "inside" not in str(told)


def test_an_abort_of_grpc_itself_is_left_alone() -> None:
    """It is how a call ends, not a bug."""
    context, _ = run(raising(grpc.aio.AbortError()))

    assert context.aborted is None


def test_a_turnstile_counts_each_party_by_itself_and_gives_places_back() -> None:
    """Also when a call fails."""
    turnstile, peer = Turnstile(), partner_peer()
    with pytest.raises(ZeroDivisionError), turnstile.passing(peer):
        raise ZeroDivisionError
    passes = [turnstile.passing(peer) for _ in range(MAX_CALLS_EACH)]
    for one in passes:
        one.__enter__()

    with pytest.raises(Refused) as caught, turnstile.passing(peer):
        pass
    with turnstile.passing(partner_peer("gbr/dstl")):
        passes[0].__exit__(None, None, None)
    with turnstile.passing(peer):
        assert caught.value.code == "busy"


@pytest.mark.parametrize("method", ["Publish", "Follow", "SendReceipt"])
def test_a_generic_handler_is_a_real_coroutine_function(method: str) -> None:
    """Anything else is silently taken for a synchronous one, and every call dies with an error of the core."""
    boundary = Boundary(Door(partner_peer()), Turnstile())  # type: ignore[arg-type]  # a double
    handlers = {}
    for made in (publish.handler(None, boundary), release.handler(None, boundary)):  # type: ignore[arg-type]  # not called
        for name in ("Publish", "Follow", "SendReceipt"):
            for service in (publish.SERVICE, release.SERVICE):
                details = type("Details", (), {"method": f"/{service}/{name}", "invocation_metadata": ()})()
                found = made.service(details)
                if found is not None:
                    handlers[name] = found
    handler = handlers[method]
    function = handler.stream_stream or handler.unary_stream or handler.unary_unary

    assert inspect.iscoroutinefunction(function)
    assert handler.request_deserializer is None
    assert handler.response_serializer is None


def test_every_method_of_a_service_is_asynchronous() -> None:
    """The same for the generated ones."""
    for service, names in (
        (GovernService, ("Propose", "Approve", "Reject", "ListChanges", "ReadCondition")),
        (Health, ("Check",)),
    ):
        for name in names:
            assert inspect.iscoroutinefunction(getattr(service, name))
    assert inspect.isasyncgenfunction(GovernService.ReadControl)


AUTHORITY = Authority.create("ua.example", datetime.now(UTC))


def door(house: House, limit: int = MAX_KEPT) -> Doorkeeper:
    """A doorkeeper of that house, with one root."""
    gateway = a_leaf(AUTHORITY, "spiffe://ua.example/gateway/demo")
    return Doorkeeper(house.running, AcceptedRoots.of_server(AUTHORITY.root_pem(), gateway.chain_pem), limit)


def connection(pem: bytes, version: bytes = b"TLSv1.3") -> Context:
    """What TLS says of a connection."""
    return Context(ssl_tls_version=[version], x509_pem_cert=[pem])


CONNECTIONS = [
    (lambda pem: connection(pem, b"TLSv1.2"), "tls-version"),
    (lambda pem: Context(x509_pem_cert=[pem]), "tls-version"),
    (lambda pem: Context(ssl_tls_version=[b"TLSv1.3"]), "certificate-missing"),
    (lambda pem: Context(ssl_tls_version=[b"TLSv1.3"], x509_pem_cert=[pem, pem]), "certificate-missing"),
    (lambda pem: connection(b"nonsense"), "certificate-malformed"),
]


@pytest.mark.parametrize(("made", "code"), CONNECTIONS, ids=[code for _, code in CONNECTIONS])
def test_a_connection_is_tls_1_3_with_one_certificate(made: Callable[[bytes], Context], code: str) -> None:
    """Whatever the handshake let through."""

    async def scenario() -> str:
        async with a_house() as house:
            pem = a_leaf(AUTHORITY, "spiffe://ua.example/operator/officer-1").chain_pem
            with pytest.raises(Refused) as caught:
                door(house).peer_of(made(pem))  # type: ignore[arg-type]  # a double
            return caught.value.code

    assert asyncio.run(scenario()) == code


def asked(house: House, pem: bytes, *groups: bytes) -> str:
    """What a partner is told whose connection agreed on these key exchanges."""
    agreed = connection(pem)
    if groups:
        agreed.facts["ssl_negotiated_key_exchange_group"] = list(groups)
    try:
        return door(house).peer_of(agreed).key_exchange  # type: ignore[arg-type]  # a double
    except Refused as refused:
        return refused.code


@pytest.mark.must("2.5.19")
@pytest.mark.parametrize("asks", [False, True])
def test_a_partner_that_asks_for_a_key_exchange_is_not_served_over_another(asks: bool) -> None:
    """On every call, since one certificate may be shown on two connections."""

    async def scenario() -> list[str]:
        async with a_house() as house:
            long = timedelta(days=-4000)
            pem = a_leaf(AUTHORITY, "spiffe://usa.example/partner/arl", starts=long).chain_pem
            text = {"root": root_digest(AUTHORITY.root)} | ({"key_exchange": "X25519MLKEM768"} if asks else {})
            await house.apply(StatementKind.PARTNER, partner_text(**text), partner_bundle().encoded)
            hybrid, classic = b"X25519MLKEM768", b"X25519"
            return [asked(house, pem, *groups) for groups in ((hybrid,), (classic,), (), (hybrid, hybrid), (b"\xff",))]

    told = asyncio.run(scenario())

    refused = ["key-exchange"] * 4
    assert told == ["X25519MLKEM768", *(refused if asks else ["X25519", "", "", "\ufffd"])]


@pytest.mark.must("12.4.11")
@pytest.mark.parametrize(("name", "told"), [("officer-1", "operator"), ("officer-9", "peer-unknown")])
def test_a_name_of_an_operator_is_nobody_elses(name: str, told: str) -> None:
    """Whatever was admitted under it: a slip of the quorum must not shut out who could take it back."""

    async def scenario() -> str:
        async with a_house() as house:
            uri = f"spiffe://ua.example/operator/{name}"
            text = source_text("src-new", identity=uri)
            await house.apply(StatementKind.SOURCE, text, source_bundle("src-new").encoded)
            pem = a_leaf(AUTHORITY, uri, starts=timedelta(days=-4000)).chain_pem
            try:
                return door(house).peer_of(connection(pem)).role  # type: ignore[arg-type]  # a double
            except Refused as refused:
                return refused.code

    assert asyncio.run(scenario()) == told


@pytest.mark.must("12.4.8")
def test_a_certificate_for_servers_opens_no_door() -> None:
    """Whatever TLS makes of it."""

    async def scenario() -> str:
        async with a_house() as house:
            use = ExtendedKeyUsageOID.SERVER_AUTH
            pem = a_leaf(AUTHORITY, "spiffe://ua.example/operator/officer-1", usage=use).chain_pem
            with pytest.raises(Refused) as caught:
                door(house).peer_of(connection(pem))  # type: ignore[arg-type]  # a double
            return caught.value.code

    assert asyncio.run(scenario()) == "certificate-use"


@pytest.mark.must("2.5.1")
def test_a_partys_root_must_be_one_this_gateway_has() -> None:
    """Operators bound it to a root that nobody gave to this gateway."""

    async def scenario() -> str:
        async with a_house() as house:
            pem = a_leaf(AUTHORITY, "spiffe://usa.example/partner/arl").chain_pem
            with pytest.raises(Refused) as caught:
                door(house).peer_of(connection(pem))  # type: ignore[arg-type]  # a double
            return caught.value.code

    assert asyncio.run(scenario()) == "root-unknown"


def test_what_is_kept_of_certificates_is_bounded_and_forgotten_when_control_moves() -> None:
    """An authority may issue as many as it likes, and a party that is gone must not be remembered."""

    async def scenario() -> None:
        async with a_house() as house:
            keeper = door(house, limit=2)
            long = timedelta(days=-4000)
            pems = [
                a_leaf(AUTHORITY, "spiffe://ua.example/operator/officer-1", starts=long).chain_pem for _ in range(3)
            ]
            first = keeper.peer_of(connection(pems[0]))  # type: ignore[arg-type]  # a double
            again = keeper.peer_of(connection(pems[0]))  # type: ignore[arg-type]  # a double
            for pem in pems:
                keeper.peer_of(connection(pem))  # type: ignore[arg-type]  # a double
            kept = len(keeper._kept)
            await house.suspend("partner/usa/arl")
            anew = keeper.peer_of(connection(pems[0]))  # type: ignore[arg-type]  # a double

            assert first is again
            assert kept <= 2
            assert anew is not first

    asyncio.run(scenario())


def test_a_denial_has_a_reference_of_one_length_and_no_other_difference() -> None:
    """Not found equals not allowed."""
    told = [
        status_of(Refused(code, code)) for code in ("peer-unknown", "partner-unknown", "key-not-endorsed", "denied")
    ]

    assert len({status for status, _ in told}) == 1
    assert len({len(text) for _, text in told}) == 1
    assert len({text for _, text in told}) == len(told)
