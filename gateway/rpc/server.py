"""The gRPC server: mutual TLS only, bounded in every direction, no reflection, no second port.

Key, chain and roots are read once, at the start: a new certificate needs a new process. Source: SPEC.md limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from grpc_health.v1 import health_pb2_grpc
from sluice.v1 import govern_pb2_grpc

from gateway.core.errors import Fault, Refused
from gateway.core.parties.identity import Identity
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.ports.pending import PendingStore
from gateway.rpc import publish, release
from gateway.rpc.boundary import Boundary, Turnstile
from gateway.rpc.govern import GovernService
from gateway.rpc.health import Health
from gateway.rpc.peer import AcceptedRoots, Doorkeeper
from gateway.usecases.govern import Government
from gateway.usecases.running import Running

OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 8192),
    ("grpc.server_handshake_timeout_ms", 5000),
    ("grpc.max_connection_idle_ms", 300_000),
    # Bit 0 alone: what is not compressed. What travels is ciphertext or signed, and a small bomb must stay small.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 15_000),
    ("grpc.http2.max_pings_without_data", 0),
)
MAX_CONCURRENT_CALLS = 2048


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """PEM of the server's key, its chain, and the roots that client certificates must come from."""

    key_pem: bytes
    chain_pem: bytes
    roots_pem: bytes

    def accepted_roots(self, now_ms: int) -> AcceptedRoots:
        """The roots; `Fault("server-certificate")` unless key, chain and roots belong together and are in their dates.

        gRPC would start with anything and fail every handshake.
        """
        roots = AcceptedRoots.of_server(self.roots_pem, self.chain_pem)
        leaf = x509.load_pem_x509_certificate(self.chain_pem)
        try:
            key = serialization.load_pem_private_key(self.key_pem, None)
            Identity.from_certificate(leaf.public_bytes(serialization.Encoding.DER)).check_valid(now_ms)
        except (ValueError, TypeError, UnsupportedAlgorithm, Refused) as error:
            raise _unusable("its key must be PEM and it must be in its dates") from error
        if key.public_key() != leaf.public_key():
            raise _unusable("its key must be the one the settings name")
        return roots


def _unusable(expected: str) -> Fault:
    return Fault(
        "server-certificate",
        f"the server's certificate is of no use, {expected}",
        at="settings",
        do="ask the operators for a new certificate",
    )


class Server:
    """One listening port."""

    def __init__(self, running: Running, identity: ServerIdentity, pending: PendingStore) -> None:
        doorkeeper = Doorkeeper(running, identity.accepted_roots(running.now_ms()))
        turnstile = Turnstile()
        boundary = Boundary(doorkeeper, turnstile)
        self._server = grpc.aio.server(
            options=OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS, compression=grpc.Compression.NoCompression
        )
        self._server.add_generic_rpc_handlers((publish.handler(running, boundary), release.handler(running, boundary)))
        govern_pb2_grpc.add_GovernServiceServicer_to_server(
            GovernService(Government(running, pending), Boundary(doorkeeper, turnstile, operators_only=True)),
            self._server,
        )
        self._health = Health(boundary)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._credentials = grpc.ssl_server_credentials(
            [(identity.key_pem, identity.chain_pem)], identity.roots_pem, require_client_auth=True
        )

    async def start(self, listen: str) -> int:
        """Listens on `host:port` (port 0 chooses one) and returns the port; `Fault("port-busy")` if it is taken."""
        try:
            port = self._server.add_secure_port(listen, self._credentials)
        except RuntimeError as error:
            raise Fault("port-busy", f"`{listen}` must be free, another process listens there", at=listen) from error
        await self._server.start()
        return port

    async def stop(self, grace_seconds: float) -> None:
        """Says NOT_SERVING, lets calls end for `grace_seconds`, then cuts them."""
        self._health.serving = False
        await self._server.stop(grace_seconds)
