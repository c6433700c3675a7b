"""The gRPC server: mutual TLS only, bounded in every direction, no reflection, no second port.

Source: notes of section 3 of the threat table in deploy/THREATS.md; SPEC.md limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health  # type: ignore[attr-defined]  # made at import, unseen by types
from sluice.v1 import govern_pb2_grpc

from gateway.core.errors import Fault
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.rpc import publish, release
from gateway.rpc.boundary import Boundary
from gateway.rpc.govern import GovernService
from gateway.rpc.peer import Doorkeeper
from gateway.usecases.govern import Government
from gateway.usecases.running import Running

OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 8192),
    ("grpc.server_handshake_timeout_ms", 5000),
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


class Server:
    """One listening port."""

    def __init__(self, running: Running, identity: ServerIdentity) -> None:
        self._server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS)
        doorkeeper = Doorkeeper(running, identity.roots_pem)
        boundary = Boundary(doorkeeper)
        self._server.add_generic_rpc_handlers((publish.handler(running, boundary), release.handler(running, boundary)))
        govern_pb2_grpc.add_GovernServiceServicer_to_server(
            GovernService(Government(running), Boundary(doorkeeper, to_operator=True)), self._server
        )
        self._health = health.HealthServicer()
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
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self, grace_seconds: float) -> None:
        """Says NOT_SERVING, lets calls end for `grace_seconds`, then cuts them."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)
