"""The way to a gateway: mutual TLS 1.3 to one named server, or nothing. There is no insecure option.

gRPC checks the server's host name and chain; it cannot be asked for the SPIFFE identity on the client side (the
authentication context of a call is not exposed there), and it offers no hook between handshake and first byte. So the
check is made before it:

1. a TLS 1.3 handshake of our own against the roots of the profile, host name checked, gives the server's certificate;
2. that certificate must carry exactly one `spiffe://` URI, the expected one;
3. the gRPC channel is then made with **that certificate as its only root**: a server that shows any other certificate
   fails the handshake, whoever signed it. Nothing is trusted between step 1 and step 3.

A server certificate lives for hours. When the gateway has a new one, a channel that reconnects fails as unreachable:
open a new channel for each new stream or run, do not keep one for days.

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
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            # The ssl module reads a chain from a file only. The chain is public; the key stays where it is.
            chain = Path(directory, "chain.pem")
            chain.write_bytes(connection.certificate_pem)
            # An empty password, so that an encrypted key is an error and not a question on the terminal.
            context.load_cert_chain(chain, connection.key_path, password="")
    except (ssl.SSLError, ValueError) as error:
        raise CallerError(
            "credentials", "roots, own certificate and own TLS key must be PEM and belong together", at="profile"
        ) from error
    return context


async def secure_channel(connection: Connection) -> grpc.aio.Channel:
    """An open channel to exactly the server named in `connection`; raises as `server_certificate`.

    The caller closes it. It lives as long as the server keeps the certificate it shows now.
    """
    key_pem = read_private(connection.key_path)
    server = await server_certificate(connection)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=server.certificate.public_bytes(Encoding.PEM),
        private_key=key_pem,
        certificate_chain=connection.certificate_pem,
    )
    return grpc.aio.secure_channel(
        connection.endpoint, credentials, options=list(CHANNEL_OPTIONS), compression=grpc.Compression.NoCompression
    )


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
