"""Threat: a peer learns more than it may from how it is refused, or takes what others need."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf import descriptor_pool
from sluice.v1 import govern_pb2, ledger_pb2, publish_pb2, release_pb2
from structlog.testing import capture_logs

from clients.operator.ca import PartyKind
from gateway.core.errors import Fault, Refused
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES, StreamMessage, UpMessage
from gateway.core.suite.octets import u8, u64
from gateway.rpc.boundary import MAX_CALLS_EACH
from gateway.rpc.convert import wrap
from tests.security.test_identity import Town, kinds_of
from tests.security.wire import (
    CALL_SECONDS,
    FOLLOW,
    HEALTH,
    PUBLISH,
    READ_ACCOUNTS,
    READ_CONTROL,
    RECEIPT,
    Heard,
    Leaf,
    a_leaf,
    call,
    channel,
)
from tests.stand import DOMAIN

BEGIN = u8(UpMessage.BEGIN) + bytes(16) + u64(0) + u64(0) + u64(0)
CANARY = "кухоль/srv/ki/secret.pem"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One gateway for the whole file."""
    town = Town(tmp_path_factory.mktemp("denials"))
    yield town
    town.world.close()


def officer(town: Town) -> Leaf:
    """An operator's certificate."""
    return a_leaf(town.world.stand.authority, f"spiffe://{DOMAIN}/operator/officer-1")


def ask(town: Town, leaf: Leaf, method: str, request: bytes, **options: object) -> Heard:
    """One raw request."""

    async def scenario() -> Heard:
        roots = town.world.stand.authority.root_pem()
        async with channel(town.world.stand.port, roots, leaf) as opened:
            return await call(opened, method, request, **options)  # type: ignore[arg-type]  # as `call` has them

    return town.world.run(scenario())


def test_the_services_over_the_wire_are_the_contract_and_no_more(town: Town) -> None:
    """Reflection, channelz and admin services tell a stranger what there is; each method of ours asks who calls."""
    served = {
        f"/{service.full_name}/{method.name}"
        for module in (govern_pb2, ledger_pb2, publish_pb2, release_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    served.add(HEALTH)
    absent = [
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.channelz.v1.Channelz/GetServers",
        "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus",
        "/grpc.health.v1.Health/Watch",
        "/sluice.v1.LedgerService/ReadAccount",
        "/sluice.v1.GovernService/Explain",
        "/",
        "",
    ]
    nobody = a_leaf(town.world.stand.authority, f"spiffe://{DOMAIN}/partner/usa/nobody")

    assert {ask(town, nobody, method, b"").status for method in served} == {"PERMISSION_DENIED"}
    assert {ask(town, nobody, method, b"").status for method in absent} == {"UNIMPLEMENTED"}
    assert descriptor_pool.Default() is not None


@pytest.mark.must("13.1.1")
@pytest.mark.parametrize("party", ["usa/arl", "src-3f07"])
def test_accounts_are_read_to_operators_alone(town: Town, party: str) -> None:
    """An admitted partner or source hears what a stranger hears; an officer who asks for nobody is told so."""
    request = ledger_pb2.ReadAccountsRequest().SerializeToString()
    wrong = ledger_pb2.ReadAccountsRequest(partner_id="no name", incarnation=b"short").SerializeToString()

    answer = ask(town, town.leaf(party), READ_ACCOUNTS, request)
    officers = ask(town, officer(town), READ_ACCOUNTS, wrong)

    assert (answer.status, answer.answers) == ("PERMISSION_DENIED", ())
    assert officers.status == "INVALID_ARGUMENT"


@pytest.mark.must("12.5.5")
@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES - 1, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES + 1])
def test_a_message_is_read_up_to_its_bound_and_not_a_byte_further(town: Town, size: int) -> None:
    """One less and the bound itself are looked at and are no Hello; one more is not taken off the wire."""
    empty = len(wrap(bytes(MAX_MESSAGE_BYTES - 100))) - (MAX_MESSAGE_BYTES - 100)
    request = wrap(bytes(size - empty))
    assert len(request) == size

    answer = ask(town, town.leaf("usa/arl"), FOLLOW, request)

    assert answer.code == ("malformed" if size <= MAX_MESSAGE_BYTES else "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\x0a",
        b"\x0a\x01",
        b"\x0a\x01ab",
        b"\x0a\x80\x00",
        b"\x0a\xff\xff\xff\xff\xff\x7f",
        b"\x12\x01a",
        wrap(b"a") + b"\x12\x01b",
        wrap(b"a") + wrap(b"b"),
        b"\xff" * 64,
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", [FOLLOW, PUBLISH, RECEIPT])
def test_what_is_not_one_bytes_field_is_refused(town: Town, method: str, request_bytes: bytes) -> None:
    """A second encoding of a message is a place to hide something."""
    party = "src-3f07" if method == PUBLISH else "usa/arl"

    assert ask(town, town.leaf(party), method, request_bytes).code == "malformed"


@pytest.mark.must("12.5.2")
@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_compressed_message_is_refused(town: Town, compression: grpc.Compression) -> None:
    """Its size says nothing of what it becomes."""
    answer = ask(town, town.leaf("usa/arl"), FOLLOW, wrap(bytes(1 << 20)), compression=compression)

    assert answer.status in {"UNIMPLEMENTED", "INTERNAL"}
    assert answer.answers == ()


def test_metadata_is_bounded(town: Town) -> None:
    """Headers are read before anyone is known."""

    async def scenario(size: int) -> str:
        roots = town.world.stand.authority.root_pem()
        async with channel(town.world.stand.port, roots, town.leaf("usa/arl")) as opened:
            metadata = (("x", "y" * size),)
            try:
                await opened.unary_unary(HEALTH, bytes, bytes)(b"", metadata=metadata, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                return error.code().name
            return "OK"

    assert town.world.run(scenario(1000)) == "OK"
    assert town.world.run(scenario(9000)) == "RESOURCE_EXHAUSTED"


def test_a_party_has_so_many_calls_and_others_are_not_touched(town: Town) -> None:
    """Also over many connections; a call that ended makes room."""

    async def scenario() -> tuple[list[str], str, str]:
        roots, port = town.world.stand.authority.root_pem(), town.world.stand.port
        async with (
            channel(port, roots, town.leaf("src-3f07")) as one,
            channel(port, roots, town.leaf("src-3f07")) as two,
            channel(port, roots, town.leaf("src-91c2")) as other,
        ):
            calls = []
            for number in range(MAX_CALLS_EACH):
                stream = (one, two)[number % 2].stream_stream(PUBLISH, bytes, bytes)(timeout=CALL_SECONDS)
                await stream.write(wrap(BEGIN))
                await stream.read()
                calls.append(stream)
            refused = [(await call(opened, HEALTH)).code for opened in (one, two)]
            elsewhere = (await call(other, HEALTH)).code
            for stream in calls:
                stream.cancel()
            while (again := (await call(one, HEALTH)).code) == "busy":
                pass
            return refused, elsewhere, again

    assert town.world.run(scenario()) == (["busy", "busy"], "OK", "OK")


class Failing:
    """Journals that fail, as a disk or a bug would."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def head(self, *_: object) -> object:
        """Fails."""
        raise self._error

    read = head


@contextmanager
def failing(town: Town, error: Exception) -> Iterator[None]:
    """Whoever reads the journals finds them so."""
    stand = town.world.stand
    assert stand.running is not None
    running = stand.running.running
    kept = running.journals
    running.journals = Failing(error)  # type: ignore[assignment]  # a double
    try:
        yield
    finally:
        running.journals = kept


def test_a_bug_tells_a_peer_a_reference_and_nothing_else(town: Town) -> None:
    """An exception's text may be a path, a label or a record."""
    # Kept, not printed: a log that nobody configured shows every variable of every frame, and takes long about it.
    with capture_logs() as logged, failing(town, KeyError(CANARY)):
        answers = [
            ask(town, officer(town), READ_CONTROL, b""),
            ask(town, town.leaf("usa/arl"), FOLLOW, wrap(town.hello("usa/arl"))),
        ]

    references = {entry.get("reference") for entry in logged}
    for answer in answers:
        assert answer.status == "INTERNAL"
        assert {**answer.facts, "do": ""} == {"code": "internal", "message": "the gateway failed", "at": "", "do": ""}
        assert answer.facts["do"].rpartition(" ")[2] in references


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Fault("disk-odd", CANARY, at=CANARY, do=CANARY), "INTERNAL", "internal"),
        (Refused("store-full", CANARY, at=CANARY, do=CANARY), "RESOURCE_EXHAUSTED", "store-full"),
        (Refused("key-not-endorsed", CANARY, at=CANARY, do=CANARY), "PERMISSION_DENIED", "denied"),
        (Refused("hello-late", CANARY, at=CANARY, do=CANARY), "FAILED_PRECONDITION", "hello-late"),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_internal_text_never_reaches_a_peer(town: Town, error: Exception, status: str, code: str) -> None:
    """Whatever an error of ours says, a party hears the sentence that the table has for it."""
    with failing(town, error):
        answer = ask(town, town.leaf("usa/arl"), FOLLOW, wrap(town.hello("usa/arl")))

    assert (answer.status, answer.code) == (status, code)
    assert CANARY not in json.dumps(answer.facts, ensure_ascii=False)


def test_an_operator_hears_what_is_wrong_and_a_party_that_asks_the_same_does_not(town: Town) -> None:
    """Operators mend things; nobody else learns that there is a statement to mend."""
    request = govern_pb2.ProposeRequest(statement=b"nonsense").SerializeToString()
    method = "/sluice.v1.GovernService/Propose"

    own = ask(town, officer(town), method, request)
    others = [ask(town, town.leaf(party), method, request) for party in ("usa/arl", "src-3f07")]

    assert own.status == "FAILED_PRECONDITION"
    assert own.facts["at"].startswith("statement.")
    assert {answer.code for answer in others} == {"denied"}


def test_an_approval_of_what_is_not_there_names_nothing(town: Town) -> None:
    """Typed text of a caller is not played back to its terminal."""
    signatures = bytes([1]) + (2624).to_bytes(2, "big") + bytes(2624 + 4691)
    request = govern_pb2.ApproveRequest(change_id="\x1b[2J", signatures=signatures).SerializeToString()

    answer = ask(town, officer(town), "/sluice.v1.GovernService/Approve", request)

    assert answer.code == "change-unknown"
    assert "\x1b" not in json.dumps(answer.facts, ensure_ascii=False)


def test_long_reasons_and_many_attachments_are_refused(town: Town) -> None:
    """Bounds before anything is parsed."""
    method = "/sluice.v1.GovernService/Propose"
    requests = [
        govern_pb2.ProposeRequest(reason="x" * 1025),
        govern_pb2.ProposeRequest(attachments=[b""] * 5),
    ]

    codes = {ask(town, officer(town), method, request.SerializeToString()).code for request in requests}

    assert codes == {"size"}


def test_a_call_that_is_given_up_ends_at_once_and_leaves_nothing(town: Town) -> None:
    """A client that cancels, mid-stream; its stream is gone from the gateway, and it is told nothing more."""

    async def scenario() -> int:
        roots = town.world.stand.authority.root_pem()
        running = town.world.stand.running
        assert running is not None
        async with channel(town.world.stand.port, roots, town.leaf("gbr/dstl")) as opened:
            stream = opened.unary_stream(FOLLOW, bytes, bytes)(wrap(town.hello("gbr/dstl")), timeout=CALL_SECONDS)
            await stream.read()
            key = ("gbr/dstl", "UA-gbr-dstl-1", "default")
            subscription = running.running.discloser.subscriptions[key]
            stream.cancel()
            await asyncio.wait_for(subscription.closed.wait(), CALL_SECONDS)
            return len([one for one in running.running.discloser.subscriptions if one[0] == "gbr/dstl"])

    assert town.world.run(scenario()) == 0


def test_a_call_that_is_cut_ends_at_its_client_too(town: Town) -> None:
    """A partner that did not read when its stream had to end; it must not wait for ever."""

    async def scenario() -> str:
        stand = town.world.stand
        assert stand.running is not None
        async with channel(stand.port, stand.authority.root_pem(), town.leaf("gbr/dstl")) as opened:
            stream = opened.unary_stream(FOLLOW, bytes, bytes)(wrap(town.hello("gbr/dstl")), timeout=CALL_SECONDS)
            await stream.read()
            subscription = stand.running.running.discloser.subscriptions["gbr/dstl", "UA-gbr-dstl-1", "default"]
            assert subscription.limit is not None
            subscription.limit.reschedule(0)
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    while await stream.read() is not grpc.aio.EOF:
                        pass
            except grpc.aio.AioRpcError as error:
                return str(json.loads(error.details() or "{}")["code"])
            return "no error"

    assert town.world.run(scenario()) == "stream-cut"


def test_a_suspended_partner_is_told_and_its_call_ends(town: Town) -> None:
    """Last in this file: from here on the partner is stopped."""

    async def scenario() -> tuple[int, Heard]:
        stand = town.world.stand
        async with channel(stand.port, stand.authority.root_pem(), town.leaf("gbr/dstl")) as opened:
            stream = opened.unary_stream(FOLLOW, bytes, bytes)(wrap(town.hello("gbr/dstl")), timeout=CALL_SECONDS)
            answers = [await stream.read()]
            outcome = await stand.suspend(PartyKind.PARTNER, "gbr/dstl")
            while (answer := await stream.read()) is not grpc.aio.EOF:
                answers.append(answer)
            return outcome.streams_ended, Heard((await stream.code()).name, {}, tuple(answers))

    ended, told = town.world.run(scenario())
    assert (ended, told.status) == (1, "OK")
    assert kinds_of(told)[-1] == StreamMessage.END
