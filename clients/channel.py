"""The way to a gateway: mutual TLS 1.3 to one named server, or nothing. There is no insecure option.

gRPC checks the server's host name and chain; it cannot be asked for the SPIFFE identity on the client side (the
authentication context of a call is not exposed there), and it offers no hook between handshake and first byte. So the
check is made before it:

1. a TLS 1.3 handshake of our own against the roots of the profile, host name checked, gives the server's certificate;
2. that certificate must carry exactly one `spiffe://` URI, the expected one;
3. the gRPC channel is then made with **that certificate as its only root**: a server that shows any other certificate
   fails the handshake, whoever signed it. Nothing is trusted between step 1 and step 3.

A server certificate lives for hours, and the gateway may take up the next one between step 1 and step 3, or while a
connection is down. A `Line` therefore connects before it hands out its channel: a handshake that fails has carried no
byte of a call, so the gateway is looked at once more, by the same rules, and the channel made anew if it shows another
certificate by now. A call is never repeated here, and a channel that was handed out is pinned for as long as it lives:
open a new one for each new stream or run, do not keep one for days.

Keepalive is set for quiet tactical links (a ping after 30 s of silence, also without calls); messages are at most
4 MiB both ways; compression is off, since what travels is ciphertext.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from clients.connection import Connection, split_endpoint, unreachable
from clients.keyfiles import read_private
from gateway.core.errors import CallerError, Fault, GatewayError, Refused
from gateway.core.parties.identity import Identity
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES

HANDSHAKE_SECONDS = 10.0
_MAX_DETAIL_CHARACTERS = 400

CHANNEL_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Channels of several parties in one process must not share a connection, or they would share an identity.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What the gateway showed in a handshake of ours, after every check. `tls` is the protocol version."""

    identity: Identity
    certificate: x509.Certificate
    tls: str


async def server_certificate(connection: Connection) -> ServerCertificate:
    """The gateway's certificate from a TLS 1.3 handshake against the connection's roots, identity checked.

    Raises `gateway-unreachable`, `server-not-authentic` (chain, life, host name) or `server-identity` (another
    gateway, or not exactly one SPIFFE URI).
    """
    host, port = split_endpoint(connection.endpoint)
    context = _tls_context(connection)
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            "server-not-authentic",
            f"the gateway's certificate must be good under the roots of the profile: {error.verify_message}",
            at=connection.endpoint,
            do="stop and call the operator",
        ) from error
    except (OSError, TimeoutError) as error:
        raise unreachable(connection.endpoint) from error
    try:
        session = writer.get_extra_info("ssl_object")
        leaf = session.getpeercert(binary_form=True)
        version = str(session.version())
    finally:
        # An orderly TLS shutdown would wait for a peer that has begun to speak HTTP/2.
        writer.transport.abort()
    identity = Identity.from_certificate(leaf)
    if identity.uri != connection.server:
        raise Refused(
            "server-identity",
            f"the server must be `{connection.server}`, `{identity.uri}` answered",
            at=connection.endpoint,
            do="stop and call the operator",
        )
    return ServerCertificate(identity, x509.load_der_x509_certificate(leaf), version)


def _tls_context(connection: Connection) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    try:
        context.load_verify_locations(cadata=connection.roots_pem.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise CallerError("credentials", "the roots of the server must be PEM certificates", at="profile") from error
    try:
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            # The ssl module reads a chain from a file only. The chain is public; the key stays where it is.
            chain = Path(directory, "chain.pem")
            chain.write_bytes(connection.certificate_pem)
            # An empty password, so that an encrypted key is an error and not a question on the terminal.
            context.load_cert_chain(chain, connection.key_path, password="")
    except (ssl.SSLError, ValueError) as error:
        raise CallerError(
            "credentials",
            "the own TLS key must be PEM, and the one of the certificate in the profile",
            at=connection.key_path.name,
            do="put back the key that the certificate was issued for, or the profile that came for this key",
        ) from error
    return context


class Line:
    """A channel to exactly the server named in `connection`, connected whenever it is handed out; `close` it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel: grpc.aio.Channel | None = None
        self._pinned = b""
        self._turn = asyncio.Lock()

    async def channel(self) -> grpc.aio.Channel:
        """The channel, for the calls that begin now.

        Raises as `server_certificate`, and `gateway-unreachable` when no connection comes about with the certificate
        that was seen, nor with the other one that is seen then. It may be asked for again after that.
        """
        async with self._turn:
            try:
                return await self._connected()
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Ends every call on it."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    async def _connected(self) -> grpc.aio.Channel:
        # A key that others can read opens nothing, so it is looked at before the gateway is.
        key_pem = read_private(self._connection.key_path)
        channel = self._channel or self._pin(await server_certificate(self._connection), key_pem)
        if await _is_connected(channel):
            return channel
        await self.close()
        # INVARIANT: one more look and no third, however often the gateway changes: whoever answers must not keep us
        # here, and what shows the same as before has failed for another reason.
        pinned, server = self._pinned, await server_certificate(self._connection)
        if server.certificate.public_bytes(Encoding.PEM) == pinned:
            raise unreachable(self._connection.endpoint)
        channel = self._pin(server, key_pem)
        if not await _is_connected(channel):
            raise unreachable(self._connection.endpoint)
        return channel

    def _pin(self, server: ServerCertificate, key_pem: bytes) -> grpc.aio.Channel:
        self._pinned = server.certificate.public_bytes(Encoding.PEM)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self._pinned,
            private_key=key_pem,
            certificate_chain=self._connection.certificate_pem,
        )
        self._channel = grpc.aio.secure_channel(
            self._connection.endpoint,
            credentials,
            options=list(CHANNEL_OPTIONS),
            compression=grpc.Compression.NoCompression,
        )
        return self._channel


async def _is_connected(channel: grpc.aio.Channel) -> bool:
    """Whether the channel has a connection, made now where there is none; no longer than a handshake may take."""
    states = grpc.ChannelConnectivity
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            while (state := channel.get_state(try_to_connect=True)) not in {states.READY, states.TRANSIENT_FAILURE}:
                await channel.wait_for_state_change(state)
    except TimeoutError:
        return False
    return state is states.READY


async def secure_channel(connection: Connection) -> grpc.aio.Channel:
    """A connected channel for one stream or run; raises as `Line.channel`. The caller closes it."""
    return await Line(connection).channel()


def translated(error: BaseException) -> GatewayError:
    """An RPC error as one of ours.

    A gateway sends its four facts as JSON in the status details; what does not parse as that is told by status only.
    Text of the peer is shown with control characters taken out: a terminal must not obey a gateway.
    """
    status, details = _status_of(error)
    facts = _facts(details)
    if status == "UNAVAILABLE" and not facts:
        return unreachable("")
    code, message = _DEFAULTS.get(status, ("gateway-failed", "the gateway could not do it"))
    family: type[GatewayError] = _FAMILIES.get(status, Fault)
    return family(
        facts.get("code") or code, facts.get("message") or message, at=facts.get("at", ""), do=facts.get("do", "")
    )


_FAMILIES: dict[str, type[GatewayError]] = {
    "INVALID_ARGUMENT": CallerError,
    "OUT_OF_RANGE": CallerError,
    "NOT_FOUND": CallerError,
    "UNAUTHENTICATED": Refused,
    "PERMISSION_DENIED": Refused,
    "FAILED_PRECONDITION": Refused,
    "ABORTED": Refused,
    "ALREADY_EXISTS": Refused,
}
_DEFAULTS: dict[str, tuple[str, str]] = {
    "UNAUTHENTICATED": ("not-authenticated", "the gateway does not know this certificate"),
    "PERMISSION_DENIED": ("denied", "the gateway does not allow this"),
    "ABORTED": ("stale-change", "another change came first"),
    "DEADLINE_EXCEEDED": ("timed-out", "the gateway must answer in time, it did not"),
    "UNIMPLEMENTED": ("not-served", "the gateway does not serve this"),
}


def _status_of(error: BaseException) -> tuple[str, str]:
    if not isinstance(error, grpc.aio.AioRpcError):
        return "UNKNOWN", ""
    return error.code().name, error.details() or ""


def _facts(details: str) -> dict[str, str]:
    try:
        parsed = json.loads(details)
    except ValueError:
        return {}
    if not isinstance(parsed, dict) or not all(isinstance(fact, str) for fact in parsed.values()):
        return {}
    return {name: plain(parsed[name]) for name in ("code", "message", "at", "do") if name in parsed}


def plain(text: str) -> str:
    """A peer's text as a terminal may show it: at most 400 characters, each of which can be seen."""
    return "".join(c for c in text[:_MAX_DETAIL_CHARACTERS] if c.isprintable())
