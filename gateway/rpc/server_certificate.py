"""The server's own certificate: what it shows in a handshake, and which roots it accepts, changed without a restart.

Key, chain and roots lie in three files. They are looked at every second; what is there and good is used from the next
handshake on, and the roots by which callers are told apart change in the same step. What is no good is named in the log
and changes nothing. A root goes out only at the second look that misses it: a file that somebody is still writing may
end behind a whole certificate, and would cut off every party of the next. Handshakes run in threads of gRPC, so they
are only handed what was checked before. Source: SPEC.md sections 12.5 and 12.7; decision 0020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.core.errors import Fault, Refused
from gateway.core.parties.identity import UNREADABLE, Identity
from gateway.rpc.peer import AcceptedRoots

_log = structlog.get_logger("sluice.certificate")


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """PEM of the server's key, its chain, and the roots that client certificates must come from."""

    key_pem: bytes = field(repr=False)
    chain_pem: bytes
    roots_pem: bytes

    def accepted_roots(self, now_ms: int) -> AcceptedRoots:
        """The roots; `Fault("server-certificate")` unless key, chain and roots belong together and are in their dates.

        gRPC would start with anything and fail every handshake.
        """
        try:
            roots = AcceptedRoots.of_server(self.roots_pem, self.chain_pem)
            leaf = x509.load_pem_x509_certificate(self.chain_pem)
            key = serialization.load_pem_private_key(self.key_pem, None)
            self.identity().check_valid(now_ms)
        except (*UNREADABLE, Refused) as error:
            raise _unusable("key, chain and roots must be PEM and it must be in its dates") from error
        if key.public_key() != leaf.public_key():
            raise _unusable("its key must be the one the settings name")
        if not _is_for_a_server(leaf):
            raise _unusable("it must be for a server")
        return roots

    def leaf(self) -> bytes:
        """The server's own certificate, DER."""
        return x509.load_pem_x509_certificate(self.chain_pem).public_bytes(serialization.Encoding.DER)

    def identity(self) -> Identity:
        """What that certificate says."""
        return Identity.from_certificate(self.leaf())

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """The same for gRPC."""
        return grpc.ssl_server_certificate_configuration([(self.key_pem, self.chain_pem)], self.roots_pem)


class ServerCertificate:
    """read: the three files as they are now. Raises `Fault` where there is nothing good to begin with."""

    def __init__(self, read: Callable[[], ServerIdentity], now_ms: Callable[[], int]) -> None:
        self._read = read
        self._now_ms = now_ms
        self._listeners: list[Callable[[AcceptedRoots], None]] = []
        self._refused: object = None
        self._fewer = b""
        self.identity = read()
        self.roots = self.identity.accepted_roots(now_ms())
        self._configuration = self._handed_out = self.identity.configuration()

    def tell(self, listener: Callable[[AcceptedRoots], None]) -> None:
        """Calls it with the roots whenever they may be others."""
        self._listeners.append(listener)

    def credentials(self) -> grpc.ServerCredentials:
        """Mutual TLS only, with what is in force at each handshake."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration,
            self._fetch,  # type: ignore[arg-type]  # the stubs do not know that None leaves what was
            require_client_authentication=True,
        )

    def look(self) -> None:
        """Takes up what lies in the files if it is good; otherwise what was in force stays, and the log says why."""
        fewer, self._fewer = self._fewer, b""
        try:
            found = self._read()
        except OSError as error:
            unreadable = Fault("server-certificate", "a file must be readable", at=str(error.filename))
            self._refuse(unreadable.at, unreadable)
            return
        if found == self.identity:
            self._refused = None
            return
        try:
            roots = found.accepted_roots(self._now_ms())
        except Fault as error:
            self._refuse(found, error)
            return
        if self.roots.by_fingerprint.keys() - roots.by_fingerprint.keys() and found.roots_pem != fewer:
            self._fewer = found.roots_pem
            return
        self.identity, self.roots, self._refused = found, roots, None
        self._configuration = found.configuration()
        for listener in self._listeners:
            listener(roots)
        identity = found.identity()
        _log.info(
            "certificate.in-force",
            certificate=identity.fingerprint,
            until_ms=identity.not_after_ms,
            roots=sorted(roots.by_fingerprint),
        )

    def _refuse(self, what: object, error: Fault) -> None:
        # Once for each thing that is no good: it is looked at every second.
        if what != self._refused:
            self._refused = what
            _log.error(
                "certificate.refused", code=error.code, reason=error.message, at=error.at, in_force="the one before"
            )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """What is new since the last handshake; None leaves what was. Runs in a thread of gRPC and never raises."""
        configuration = self._configuration
        if configuration is self._handed_out:
            return None
        self._handed_out = configuration
        return configuration


def _is_for_a_server(leaf: x509.Certificate) -> bool:
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.SERVER_AUTH in uses


def _unusable(expected: str) -> Fault:
    return Fault(
        "server-certificate",
        f"the server's certificate is of no use, {expected}",
        at="settings",
        do="ask the operators for a new certificate",
    )
