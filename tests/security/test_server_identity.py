"""Threat: something else than the gateway answers. A client talks to the one server its profile names, or to nobody."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from clients.channel import secure_channel, server_certificate, translated
from clients.connection import Connection, split_endpoint
from clients.keyfiles import write_private
from clients.operator.ca import Authority, PartyKind
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES

NOW = datetime.now(UTC)
SERVER = "spiffe://sluice.example/gateway/demo"
AUTHORITY = Authority.create("sluice.example", NOW)


@dataclass(frozen=True)
class Leaf:
    """A certificate and its key, as a TLS peer holds them."""

    key_pem: bytes
    chain_pem: bytes


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS#8 text."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def a_leaf(
    kind: PartyKind, party_id: str, hosts: tuple[str, ...] = (), authority: Authority = AUTHORITY, now: datetime = NOW
) -> Leaf:
    """A leaf of the authority with a fresh key."""
    key = ec.generate_private_key(ec.SECP384R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA384())
    der = request.public_bytes(serialization.Encoding.DER)
    return Leaf(key_pem(key), authority.issue(der, kind, party_id, now=now, hosts=hosts))


def a_gateway(party_id: str = "demo", authority: Authority = AUTHORITY, now: datetime = NOW) -> Leaf:
    """A gateway's leaf for the loopback address."""
    return a_leaf(PartyKind.GATEWAY, party_id, ("127.0.0.1",), authority, now)


def a_leaf_with(names: Iterable[x509.GeneralName]) -> Leaf:
    """A serverAuth leaf of the right root with any names: what a careless authority could have issued."""
    key = ec.generate_private_key(ec.SECP384R1())
    ca_key = serialization.load_pem_private_key(AUTHORITY.key_pem(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(AUTHORITY.root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(minutes=5))
        .not_valid_after(NOW + timedelta(hours=24))
        .add_extension(x509.SubjectAlternativeName(list(names)), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA384())
    )
    return Leaf(key_pem(key), leaf.public_bytes(serialization.Encoding.PEM))


async def _echo(request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    return request


async def _deny(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "")


async def _grow(request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    return bytes(int(request))


class _Service(grpc.GenericRpcHandler):
    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        handlers: dict[str, Callable[..., Awaitable[bytes]]] = {
            "/probe/Echo": _echo,
            "/probe/Deny": _deny,
            "/probe/Grow": _grow,
        }
        return grpc.unary_unary_rpc_method_handler(handlers[call.method])


@asynccontextmanager
async def serving(leaf: Leaf) -> AsyncIterator[str]:
    """A gRPC server on loopback that shows `leaf` and asks for a client certificate of the root."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Service(),))
    credentials = grpc.ssl_server_credentials([(leaf.key_pem, leaf.chain_pem)], AUTHORITY.root_pem(), True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
def partner(tmp_path: Path) -> Connection:
    """A partner's side of the connection; the endpoint is filled in by each test."""
    leaf = a_leaf(PartyKind.PARTNER, "usa/arl")
    write_private(tmp_path / "tls.key", leaf.key_pem)
    return Connection("127.0.0.1:1", SERVER, AUTHORITY.root_pem(), leaf.chain_pem, tmp_path / "tls.key")


async def _call(connection: Connection, method: str = "/probe/Echo") -> bytes:
    channel = await secure_channel(connection)
    try:
        return await channel.unary_unary(method)(b"hello", timeout=60)
    finally:
        await channel.close(None)


def meet(connection: Connection, server: Leaf) -> bytes:
    """What a call to a server with this leaf answers."""

    async def run() -> bytes:
        async with serving(server) as endpoint:
            return await _call(replace(connection, endpoint=endpoint))

    return asyncio.run(run())


def test_the_named_gateway_is_reached(partner: Connection) -> None:
    """The way that everything else here closes must be open."""
    assert meet(partner, a_gateway()) == b"hello"


def test_what_the_gateway_showed_can_be_told(partner: Connection) -> None:
    """`doctor` prints facts of the real handshake."""

    async def run() -> tuple[str, str]:
        async with serving(a_gateway()) as endpoint:
            shown = await server_certificate(replace(partner, endpoint=endpoint))
            return shown.identity.uri, shown.tls

    assert asyncio.run(run()) == (SERVER, "TLSv1.3")


@pytest.mark.must("12.4.6", "12.5.3")
@pytest.mark.parametrize(
    ("server", "code"),
    [
        (a_gateway("other"), "server-identity"),
        (a_gateway(authority=Authority.create("sluice.example", NOW)), "server-not-authentic"),
        (a_gateway(now=NOW - timedelta(days=2)), "server-not-authentic"),
        (a_leaf(PartyKind.GATEWAY, "demo", ("gw.example.ua",)), "server-not-authentic"),
        (a_leaf(PartyKind.PARTNER, "usa/arl"), "server-not-authentic"),
        (a_leaf_with([x509.DNSName("127.0.0.1")]), "server-not-authentic"),
    ],
    ids=["another gateway", "another root", "expired", "another host", "a partner's certificate", "no identity"],
)
def test_anything_but_the_named_gateway_is_refused_before_a_byte_is_sent(
    partner: Connection, server: Leaf, code: str
) -> None:
    """A host name can be taken over and a party can be a thief; the identity in the profile decides."""
    with pytest.raises(Refused) as caught:
        meet(partner, server)

    assert caught.value.code == code


@pytest.mark.must("12.4.2")
def test_a_certificate_with_two_identities_is_refused(partner: Connection) -> None:
    """It would be one server to this check and another to the next."""
    uris = [x509.UniformResourceIdentifier(SERVER), x509.UniformResourceIdentifier(SERVER + "2")]
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))

    with pytest.raises(Refused) as caught:
        meet(partner, a_leaf_with([*uris, address]))

    assert caught.value.code == "certificate-identity"


@pytest.mark.must("12.5.4")
def test_the_channel_accepts_no_other_certificate_than_the_one_that_was_checked(partner: Connection) -> None:
    """Between the check and the call the address could change hands, to a holder of a certificate of the same root."""

    async def run() -> GatewayError:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((_Service(),))
        other = a_gateway("demo")
        credentials = grpc.ssl_server_credentials([(other.key_pem, other.chain_pem)], AUTHORITY.root_pem(), True)
        async with serving(a_gateway()) as endpoint:
            channel = await secure_channel(replace(partner, endpoint=endpoint))
            # Beside the first, so that nobody else gets the port between them.
            server.add_secure_port(endpoint, credentials)
        await server.start()
        try:
            # It is there, and whoever asks anew takes it for what it is.
            assert (await server_certificate(replace(partner, endpoint=endpoint))).identity.uri == SERVER
            await channel.unary_unary("/probe/Echo")(b"hello", timeout=60)
        except grpc.aio.AioRpcError as error:
            return translated(error)
        finally:
            await channel.close(None)
            await server.stop(None)
        raise AssertionError("the call must not succeed")

    assert asyncio.run(run()).code == "gateway-unreachable"


@pytest.mark.must("12.5.5")
def test_a_message_of_a_gateway_is_read_up_to_its_bound_and_not_a_byte_further(partner: Connection) -> None:
    """What a gateway sends is held in memory before it is looked at."""

    async def run() -> tuple[int, str]:
        async with serving(a_gateway()) as endpoint:
            channel = await secure_channel(replace(partner, endpoint=endpoint))
            grow = channel.unary_unary("/probe/Grow")
            try:
                most = await grow(str(MAX_MESSAGE_BYTES).encode(), timeout=60)
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await grow(str(MAX_MESSAGE_BYTES + 1).encode(), timeout=60)
                return len(most), caught.value.code().name
            finally:
                await channel.close(None)

    assert asyncio.run(run()) == (MAX_MESSAGE_BYTES, "RESOURCE_EXHAUSTED")


def test_a_gateway_that_does_not_answer_is_unreachable(partner: Connection) -> None:
    """It is the link's failure and not a refusal."""
    with pytest.raises(Fault) as caught:
        asyncio.run(_call(partner))

    assert (caught.value.code, caught.value.at) == ("gateway-unreachable", "127.0.0.1:1")


@pytest.mark.must("12.1.2")
def test_a_key_that_others_can_read_opens_no_channel(partner: Connection) -> None:
    """A key that others could read must be taken for known."""
    partner.key_path.chmod(0o640)

    with pytest.raises(Fault) as caught:
        asyncio.run(_call(partner))

    assert caught.value.code == "key-file-open-to-others"


@pytest.mark.parametrize(
    ("broken", "at"),
    [
        ({"roots_pem": b"no PEM"}, "profile"),
        ({"roots_pem": "к".encode()}, "profile"),
        ({"certificate_pem": b""}, "tls.key"),
    ],
)
def test_credentials_that_do_not_belong_together_are_a_callers_error(
    partner: Connection, broken: dict[str, bytes], at: str
) -> None:
    """A file that was cut or mixed up is named before anything is sent."""
    with pytest.raises(CallerError) as caught:
        asyncio.run(_call(replace(partner, **broken)))  # type: ignore[arg-type]  # each entry fits its field

    assert (caught.value.code, caught.value.at) == ("credentials", at)


@pytest.mark.parametrize(
    ("endpoint", "parts"),
    [
        ("gw.example.ua:8443", ("gw.example.ua", 8443)),
        ("[::1]:1", ("::1", 1)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("h" * 253 + ":1", ("h" * 253, 1)),
    ],
)
def test_an_endpoint_is_a_host_and_a_port(endpoint: str, parts: tuple[str, int]) -> None:
    """One spelling, also for IPv6."""
    assert split_endpoint(endpoint) == parts


@pytest.mark.parametrize(
    "endpoint",
    [
        *("", "gw", "gw:", ":1", "gw:0", "gw:65536", "gw:99999", "gw:x", "gw:١", "gw:01", "h" * 254 + ":1"),
        *("::1:1", "[::1:1", "::1]:1", "[gw]:1", "unix:/x:1", "a b:1", "г:1"),
    ],
)
def test_anything_else_is_no_endpoint(endpoint: str) -> None:
    """A scheme or a path in an endpoint would send the client somewhere else."""
    with pytest.raises(CallerError) as caught:
        split_endpoint(endpoint)

    assert caught.value.code == "endpoint"


def an_rpc_error(status: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    """As grpc raises it."""
    return grpc.aio.AioRpcError(status, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


@pytest.mark.parametrize(
    ("status", "family", "code"),
    [
        (grpc.StatusCode.UNAVAILABLE, Fault, "gateway-unreachable"),
        (grpc.StatusCode.UNAUTHENTICATED, Refused, "not-authenticated"),
        (grpc.StatusCode.PERMISSION_DENIED, Refused, "denied"),
        (grpc.StatusCode.ABORTED, Refused, "stale-change"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Fault, "timed-out"),
        (grpc.StatusCode.UNIMPLEMENTED, Fault, "not-served"),
        (grpc.StatusCode.INVALID_ARGUMENT, CallerError, "gateway-failed"),
        (grpc.StatusCode.INTERNAL, Fault, "gateway-failed"),
    ],
)
@pytest.mark.parametrize("details", ["", "Socket closed", "[]", '{"code": 3}'])
def test_a_status_without_facts_is_still_told_apart(
    status: grpc.StatusCode, family: type[GatewayError], code: str, details: str
) -> None:
    """Proxies and older gateways answer with a status only."""
    ours = translated(an_rpc_error(status, details))

    assert (type(ours), ours.code) == (family, code)


def test_the_text_of_a_gateway_cannot_steer_a_terminal() -> None:
    """Escape sequences in an error could rewrite what an officer has read above it."""
    facts = {"code": "denied", "message": "no\x1b[2J\u202e more", "at": "a" * 1000, "do": "\r\n"}

    ours = translated(an_rpc_error(grpc.StatusCode.PERMISSION_DENIED, json.dumps(facts)))

    assert (ours.message, len(ours.at), ours.do) == ("no[2J more", 400, "")


def test_an_error_that_is_no_status_is_a_fault() -> None:
    """Something else of grpc went wrong: it must not look like an answer of the gateway."""
    assert translated(grpc.RpcError()).code == "gateway-failed"


def test_a_denial_of_the_gateway_arrives_as_one(partner: Connection) -> None:
    """From the wire to the error tree without a detour."""

    async def run() -> GatewayError:
        async with serving(a_gateway()) as endpoint:
            try:
                await _call(replace(partner, endpoint=endpoint), "/probe/Deny")
            except grpc.aio.AioRpcError as error:
                return translated(error)
        raise AssertionError("the call must not succeed")

    assert asyncio.run(run()).code == "denied"
