"""The gRPC server: mutual TLS only, bounded in every direction, no reflection, no second port.

Its certificate is asked for in time and changed while it listens (room `server_certificate`). Source: SPEC.md limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from grpc_health.v1 import health_pb2_grpc
from sluice.v1 import govern_pb2_grpc, identity_pb2_grpc, ledger_pb2_grpc

from gateway.core.errors import Fault, GatewayError
from gateway.core.parties.renewed import renewal_due_ms
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.ports.pending import PendingStore
from gateway.rpc import publish, release
from gateway.rpc.boundary import MAX_CALLS_EACH, Boundary, Turnstile
from gateway.rpc.certificates import CertificateService
from gateway.rpc.govern import GovernService
from gateway.rpc.health import Health
from gateway.rpc.ledger import LedgerService
from gateway.rpc.peer import Doorkeeper
from gateway.rpc.server_certificate import ServerCertificate, ServerIdentity
from gateway.usecases.accept import accept
from gateway.usecases.enrol import certificate_request
from gateway.usecases.govern import Government
from gateway.usecases.renewal import Mailbox
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
LOOK_SECONDS = 1.0
# While the next certificate is due and nobody has answered: a request costs a signature, and the log a line.
ASK_EVERY_MS = 60_000
TELL_EVERY_MS = 3_600_000
_log = structlog.get_logger("sluice.certificate")


class Server:
    """One listening port.

    read: key, chain and roots as their files are now. write: puts a chain, PEM, in the place of the one there.
    calls_each: that a party may have open at a time.
    """

    def __init__(
        self,
        running: Running,
        pending: PendingStore,
        *,
        gateway_id: str,
        read: Callable[[], ServerIdentity],
        write: Callable[[bytes], None],
        calls_each: int = MAX_CALLS_EACH,
    ) -> None:
        self._running = running
        self._gateway_id = gateway_id
        self._write = write
        self._certificate = ServerCertificate(read, running.now_ms)
        doorkeeper = Doorkeeper(running, self._certificate.roots)
        running.accepted = self._certificate.roots.accepted()
        self._certificate.tell(doorkeeper.accept)
        self._certificate.tell(lambda roots: accept(running, roots.accepted()))
        self._note_own()
        turnstile = Turnstile(calls_each)
        boundary = Boundary(doorkeeper, turnstile)
        operators = Boundary(doorkeeper, turnstile, operators_only=True)
        self._mailbox = Mailbox(running, lambda: self._certificate.roots, self._install)
        self._server = grpc.aio.server(
            options=OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS, compression=grpc.Compression.NoCompression
        )
        self._server.add_generic_rpc_handlers((publish.handler(running, boundary), release.handler(running, boundary)))
        govern = GovernService(Government(running, pending), operators)
        govern_pb2_grpc.add_GovernServiceServicer_to_server(govern, self._server)
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(LedgerService(running, operators), self._server)
        certificates = CertificateService(self._mailbox, boundary, operators)
        identity_pb2_grpc.add_CertificateServiceServicer_to_server(certificates, self._server)
        self._health = Health(boundary)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    async def start(self, listen: str) -> int:
        """Listens on `host:port` (port 0 chooses one) and returns the port; `Fault("port-busy")` if it is taken."""
        try:
            port = self._server.add_secure_port(listen, self._certificate.credentials())
        except RuntimeError as error:
            raise Fault("port-busy", f"`{listen}` must be free, another process listens there", at=listen) from error
        await self._server.start()
        return port

    async def keep_certificate(self) -> None:
        """For ever: takes up what is put in place of the server's files, and asks for the next certificate in time."""
        asked_ms = told_ms = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._certificate.look()
            self._note_own()
            identity, now_ms = self._certificate.identity.identity(), self._running.now_ms()
            if now_ms < renewal_due_ms(identity) or now_ms < asked_ms + ASK_EVERY_MS:
                continue
            asked_ms = now_ms
            code = self._ask()
            if now_ms >= told_ms + TELL_EVERY_MS:
                told_ms = now_ms
                _log.warning("certificate.due", until_ms=identity.not_after_ms, asked=not code, code=code)

    def _ask(self) -> str:
        """Puts the gateway's own request into the mailbox; the code of what is in the way, or nothing."""
        identity = self._certificate.identity
        try:
            self._mailbox.ask_for_own(self._gateway_id, identity.leaf(), certificate_request(identity.key_pem))
        except GatewayError as error:
            return error.code
        return ""

    def _note_own(self) -> None:
        identity = self._certificate.identity
        self._running.certificates.used(identity.leaf(), identity.identity(), self._running.now_ms())

    def _install(self, certificate: bytes) -> None:
        self._write(x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM))
        self._certificate.look()
        if self._certificate.identity.leaf() != certificate:
            raise Fault("server-certificate", "the new certificate must be taken up, it was not", at="certificate")

    async def stop(self, grace_seconds: float) -> None:
        """Says NOT_SERVING, lets calls end for `grace_seconds`, then cuts them."""
        self._health.serving = False
        await self._server.stop(grace_seconds)
