"""Threat: the gateway's certificate is another one between the look at it and the call.

If it is the gateway's next one, nobody has to type a command again; if it is a thief's, he has won nothing by the
second look; and whatever happens, nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from clients.certificates import der, leaf_of
from clients.channel import Line, secure_channel, server_certificate, translated
from clients.connection import Connection
from clients.keyfiles import read_private, write_private, write_public
from clients.operator.ca import Authority, PartyKind
from clients.operator.home import Home
from clients.partner.events import CaughtUp, Disconnected
from clients.partner.follow import follow
from clients.renewal import renewed
from clients.source.upload import Upload
from gateway.adapters.server_files import ServerFiles
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import RecordKind
from tests.loopback import SOURCE, Loopback, a_tactic, finished, next_event, quiet
from tests.relay import Relay, relaying
from tests.security.wire import Leaf, a_leaf

SERVER = "spiffe://sluice.example/gateway/demo"
PARTNER = "usa/arl"
AUTHORITY, ANOTHER = (Authority.create("sluice.example", datetime.now(UTC) - timedelta(days=1)) for _ in range(2))
ECHO = "/probe/Echo"
# A look, the connection that fails, the second look, the next connection; the library may have tried each once more.
ONE_MORE_LOOK = range(4, 7)


def a_gateway(uri: str = SERVER, *, authority: Authority = AUTHORITY, host: str = "127.0.0.1", hours: int = 1) -> Leaf:
    """A server's leaf with a key of its own; without hours left it has expired."""
    ends = timedelta(hours=hours) if hours else timedelta(minutes=-1)
    return a_leaf(authority, uri, usage=ExtendedKeyUsageOID.SERVER_AUTH, host=host, ends=ends)


@dataclass
class Servers(grpc.GenericRpcHandler):
    """One gateway as it shows certificate after certificate; `heard` is every call that reached any of them."""

    ports: list[int] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Every method echoes."""
        return grpc.unary_unary_rpc_method_handler(self._echo)

    async def _echo(self, request: bytes, _context: object) -> bytes:
        self.heard.append(request)
        self.during()
        return request


@asynccontextmanager
async def showing(*leaves: Leaf) -> AsyncIterator[Servers]:
    """A server for each leaf; they ask for a client certificate of the root."""
    servers = Servers()
    async with AsyncExitStack() as stack:
        for leaf in leaves:
            server = grpc.aio.server()
            server.add_generic_rpc_handlers((servers,))
            pair = [(leaf.key_pem, leaf.chain_pem)]
            credentials = grpc.ssl_server_credentials(pair, AUTHORITY.root_pem(), require_client_auth=True)
            servers.ports.append(server.add_secure_port("127.0.0.1:0", credentials))
            await server.start()
            stack.push_async_callback(server.stop, None)
        yield servers


@pytest.fixture
def partner(tmp_path: Path) -> Connection:
    """A partner's side; the endpoint is filled in by each test."""
    leaf = a_leaf(AUTHORITY, "spiffe://sluice.example/partner/usa/arl")
    write_private(tmp_path / "tls.key", leaf.key_pem)
    return Connection("127.0.0.1:1", SERVER, AUTHORITY.root_pem(), leaf.chain_pem, tmp_path / "tls.key")


@dataclass(frozen=True)
class Told:
    """How a call ended: its answer or our error's code; connections made; what reached a server."""

    answer: bytes | str
    connections: int
    heard: list[bytes]


async def _asked(relay: Relay, connection: Connection) -> bytes | str:
    line = Line(replace(connection, endpoint=relay.endpoint))
    try:
        channel = await line.channel()
        return await channel.unary_unary(ECHO)(b"once", timeout=10)
    except GatewayError as error:
        return error.code
    except grpc.aio.AioRpcError as error:
        return translated(error).code
    finally:
        await line.close()


def meet(connection: Connection, *leaves: Leaf) -> Told:
    """One call to a gateway that shows these leaves to connection after connection, the last one from then on."""

    async def run() -> Told:
        async with showing(*leaves) as servers:

            async def route(number: int) -> int:
                return servers.ports[min(number, len(leaves)) - 1]

            async with relaying(route) as relay:
                answer = await _asked(relay, connection)
            return Told(answer, relay.connections, servers.heard)

    return asyncio.run(run())


@pytest.mark.must("12.5.9")
def test_a_call_is_made_once_though_the_certificate_changed_before_it(partner: Connection) -> None:
    """A handshake that failed has carried nothing, so looking again loses nothing and repeats nothing."""
    told = meet(partner, a_gateway(), a_gateway())

    assert (told.answer, told.heard) == (b"once", [b"once"])
    assert told.connections in ONE_MORE_LOOK


def test_a_certificate_that_stays_is_looked_at_once(partner: Connection) -> None:
    """The second look is for who needs it."""
    assert meet(partner, a_gateway()) == Told(b"once", 2, [b"once"])


THIEVES = {
    "another gateway": (a_gateway("spiffe://sluice.example/gateway/other"), "server-identity"),
    "a party": (a_gateway("spiffe://sluice.example/partner/usa/arl"), "server-identity"),
    "another root": (a_gateway(authority=ANOTHER), "server-not-authentic"),
    "expired": (a_gateway(hours=0), "server-not-authentic"),
    "another host": (a_gateway(host="127.0.0.2"), "server-not-authentic"),
    "for clients": (a_leaf(AUTHORITY, SERVER, host="127.0.0.1"), "server-not-authentic"),
}


@pytest.mark.must("12.5.9")
@pytest.mark.parametrize("who", THIEVES)
def test_whoever_comes_between_is_checked_like_the_first(partner: Connection, who: str) -> None:
    """The address could change hands in that moment: the second look asks all that the first did."""
    thief, code = THIEVES[who]

    told = meet(partner, a_gateway(), thief)

    assert (told.answer, told.heard) == (code, [])


@pytest.mark.must("12.5.9")
def test_a_gateway_that_changes_with_every_connection_is_given_up(partner: Connection) -> None:
    """One more look and no third: whoever answers must not keep a client busy."""
    told = meet(partner, *(a_gateway() for _ in range(2 * len(ONE_MORE_LOOK) + 2)))

    assert (told.answer, told.heard) == ("gateway-unreachable", [])
    assert told.connections in ONE_MORE_LOOK


def test_a_handshake_that_fails_for_another_reason_is_not_tried_again(partner: Connection) -> None:
    """The gateway shows the same certificate and does not take ours: nothing is won by another try."""
    unknown = a_leaf(ANOTHER, "spiffe://sluice.example/partner/usa/arl")
    partner.key_path.write_bytes(unknown.key_pem)

    told = meet(replace(partner, certificate_pem=unknown.chain_pem), a_gateway())

    assert (told.answer, told.heard) == ("gateway-unreachable", [])
    assert told.connections < max(ONE_MORE_LOOK)


@pytest.mark.must("12.5.10")
def test_a_call_that_was_sent_is_not_sent_again(partner: Connection) -> None:
    """It may have been done: only who typed it can know what a second time would do."""

    async def run() -> tuple[bytes | str, list[bytes]]:
        async with showing(a_gateway(), a_gateway()) as servers:

            async def route(number: int) -> int:
                return servers.ports[0 if number <= 2 else 1]

            async with relaying(route) as relay:
                servers.during = relay.cut
                return await _asked(relay, partner), servers.heard

    assert asyncio.run(run()) == ("gateway-unreachable", [b"once"])


@pytest.mark.must("12.5.9")
def test_a_line_that_was_down_between_two_calls_meets_the_next_certificate(partner: Connection) -> None:
    """An officer reads for ten minutes before they sign; the gateway has closed the silent connection by then."""

    async def run() -> list[bytes]:
        async with showing(a_gateway(), a_gateway()) as servers:

            async def route(number: int) -> int:
                return servers.ports[0 if number <= 2 else 1]

            async with relaying(route) as relay:
                line = Line(replace(partner, endpoint=relay.endpoint))
                first = await line.channel()
                await first.unary_unary(ECHO)(b"read", timeout=10)
                relay.cut()
                await first.wait_for_state_change(grpc.ChannelConnectivity.READY)
                await (await line.channel()).unary_unary(ECHO)(b"sign", timeout=10)
                await line.close()
            return servers.heard

    assert asyncio.run(run()) == [b"read", b"sign"]


def test_a_channel_is_pinned_to_one_certificate_for_as_long_as_it_lives(partner: Connection) -> None:
    """What was handed out never reconnects to another server by itself."""

    async def run() -> str:
        async with showing(a_gateway(), a_gateway()) as servers:

            async def route(number: int) -> int:
                return servers.ports[0 if number <= 2 else 1]

            async with relaying(route) as relay:
                channel = await secure_channel(replace(partner, endpoint=relay.endpoint))
                relay.cut()
                await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await channel.unary_unary(ECHO)(b"once", timeout=10)
                await channel.close(None)
            return translated(caught.value).code

    assert asyncio.run(run()) == "gateway-unreachable"


class Changing:
    """A real gateway, a source and a partner, and a relay before it that changes its certificate under way."""

    def __init__(self, root: Path) -> None:
        self.world = Loopback(root)
        self.world.start(PARTNER)
        self.world.publish(RecordKind.TACTIC, a_tactic())

    async def _change(self) -> None:
        """The gateway takes up a certificate that it did not have before."""
        stand = self.world.stand
        settings, request = stand.settings, stand.gateway_keys.certificate_request
        chain = stand.authority.issue(request, PartyKind.GATEWAY, "demo", now=datetime.now(UTC), hosts=["127.0.0.1"])
        ServerFiles(settings.tls_key, settings.certificate, settings.roots).write_chain(chain)
        wanted = der(leaf_of(chain))
        while der((await server_certificate(stand.connection())).certificate) != wanted:
            pass

    @asynccontextmanager
    async def before(self, *numbers: int) -> AsyncIterator[Relay]:
        """The certificate changes before these connections reach the gateway."""

        async def route(number: int) -> int:
            if number in numbers:
                await self._change()
            return self.world.stand.port

        async with relaying(route) as relay:
            yield relay

    def home(self, folder: Path, endpoint: str) -> Home:
        """officer-1's, as commands open it."""
        stand, connection = self.world.stand, self.world.stand.connection()
        folder.mkdir(mode=0o700)
        write_private(folder / "sign.pem", stand.operators[0].to_pem())
        write_private(folder / "tls.key", read_private(connection.key_path))
        write_public(folder / "operator.toml", b'id = "officer-1"\nrole = "operator"\n')
        home = Home.open(folder)
        home.connect(
            endpoint=endpoint,
            server=connection.server,
            roots_pem=connection.roots_pem,
            certificate_pem=connection.certificate_pem,
            genesis=stand.genesis.encode(),
        )
        return home


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    """One gateway for the rest of the file."""
    changing = Changing(tmp_path_factory.mktemp("changing"))
    yield changing
    changing.world.close()


Client = Callable[[Changing, Relay, Path], Awaitable[object]]


async def a_source(changing: Changing, relay: Relay, folder: Path) -> object:
    """It asks for the directory: one call, and nobody who tries again."""
    with changing.world.outbox("under-way") as outbox:
        upload = Upload(replace(changing.world.stand.profile(SOURCE), endpoint=relay.endpoint), outbox, quiet)
        await upload.fetch_directory()
        return upload.has_directory()


async def a_partner(changing: Changing, relay: Relay, folder: Path) -> object:
    """It follows, and would try again by itself: it need not."""
    profile = replace(changing.world.stand.profile(PARTNER), endpoint=relay.endpoint)
    async with follow(profile, kinds=("tactic",), state=folder / "state") as events:
        async for event in events:
            if isinstance(event, (CaughtUp, Disconnected)):
                return isinstance(event, CaughtUp)
    return False


async def a_receipt(changing: Changing, relay: Relay, folder: Path) -> object:
    """A partner hands in what it has verified."""
    profile = changing.world.stand.profile(PARTNER)
    async with follow(profile, kinds=("tactic",), state=folder / "state") as events:
        await next_event(events, CaughtUp)
    through = replace(profile, endpoint=relay.endpoint)
    async with follow(through, kinds=("tactic",), state=folder / "state") as events:
        return await events.send_receipt() >= 0


async def a_renewal(changing: Changing, relay: Relay, folder: Path) -> object:
    """A party asks for its next certificate; nobody has answered yet."""
    profile = changing.world.stand.profile(SOURCE)
    path = changing.world.root / f"{SOURCE}.profile"
    return await renewed(path, replace(profile, endpoint=relay.endpoint)) is None


async def an_operator(changing: Changing, relay: Relay, folder: Path) -> object:
    """One command that stops a party, typed once and applied once."""
    stand = changing.world.stand
    home = changing.home(folder / "home", relay.endpoint)
    words = ("source", "suspend", SOURCE, "--reason", "a test", "--json")
    done = await finished([str(Path(sys.executable).with_name("sluicectl")), "--home", str(home.path), *words])
    assert stand.running is not None
    control = stand.running.running.control
    applied, stand.position, stand.head = control.position - stand.position, control.position, control.head
    await stand.resume(PartyKind.SOURCE, SOURCE)
    return (done.code, done.json()["state"], applied) == (0, "APPLIED", 1)


CLIENTS: dict[str, Client] = {
    "source": a_source,
    "partner": a_partner,
    "receipt": a_receipt,
    "renewal": a_renewal,
    "operator": an_operator,
}


@pytest.mark.must("12.5.9")
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_nobody_types_a_command_twice_because_the_certificate_changed(
    changing: Changing, tmp_path: Path, client: Client
) -> None:
    """A gateway has a new certificate every day, and everybody's commands meet it on one of them."""

    async def scenario() -> tuple[object, int]:
        async with changing.before(2) as relay:
            return await client(changing, relay, tmp_path), relay.connections

    done, connections = changing.world.run(scenario())

    assert done is True
    assert connections in ONE_MORE_LOOK
