"""One GET of a key set: TLS 1.3, against roots of the gateway's own settings, over before its time is up.

No redirect, no proxy, nothing of the environment: what operators signed is the address that is asked. It blocks, so it
is for a thread; a server that drips its answer is cut all the same, since each read has only what is left of the time.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from http.client import HTTPException, HTTPSConnection

from gateway.adapters.oidc.keyset import MAX_SET_BYTES
from gateway.core.control.issuer import https_parts
from gateway.core.errors import Fault

SECONDS = 5.0
MAX_ADDRESSES = 8
_OK = 200


class _CutSocket(ssl.SSLSocket):
    """Reads nothing after `until`, a time of the monotonic clock."""

    until = float("inf")

    def recv_into(  # type: ignore[override]  # its file gives no other buffer
        self, buffer: bytearray | memoryview, nbytes: int | None = None, flags: int = 0
    ) -> int:
        """As the class above, in what is left of the time."""
        self.settimeout(_left(self.until))
        return super().recv_into(buffer, nbytes, flags)


def tls_context(roots_pem: bytes) -> ssl.SSLContext:
    """For connections to issuers; `Fault("token-roots")` if there is no root in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.sslsocket_class = _CutSocket
    try:
        context.load_verify_locations(cadata=roots_pem.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise Fault(
            "token-roots",
            "the roots that issuers of tokens are known by must be PEM, they are not",
            at="settings",
            do="put the roots of the issuers' web servers where `token_roots` says",
        ) from error
    return context


def fetch(url: str, context: ssl.SSLContext, seconds: float = SECONDS) -> bytes:
    """What is at `url`, at most one byte more than a key set may have; `Fault("token-keys-not-fetched")` otherwise.

    seconds: for everything from the first address of its host to the last byte.
    """
    parts = https_parts(url)
    if parts is None:
        raise _not_fetched(url, "no address")
    host, port, path = parts
    until = time.monotonic() + seconds
    connection = HTTPSConnection(host, port, timeout=seconds, context=context)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        plain = connected([(one[0], one[4]) for one in found], until)
        connection.sock = secured = context.wrap_socket(plain, server_hostname=host)
        if isinstance(secured, _CutSocket):
            secured.until = until
        connection.request("GET", path, headers={"Accept": "application/json", "Connection": "close"})
        response = connection.getresponse()
        if response.status != _OK:
            raise _not_fetched(url, f"status {response.status}")
        return response.read(MAX_SET_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise _not_fetched(url, type(error).__name__) from error
    finally:
        connection.close()


def connected(addresses: Sequence[tuple[int, tuple[object, ...]]], until: float) -> socket.socket:
    """A connection to the first of the addresses (family, address) that takes one; raises OSError.

    until: of the monotonic clock. A name may have many addresses, and a server that is not there answers at none, so
    each of them has its share of what is left and the first ones leave something to the others.
    """
    failure = OSError("no address")
    tried = addresses[:MAX_ADDRESSES]
    for number, (family, address) in enumerate(tried):
        try:
            plain = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            failure = error
            continue
        try:
            plain.settimeout(_left(until) / (len(tried) - number))
            plain.connect(address)
            plain.settimeout(_left(until))
        except OSError as error:
            plain.close()
            failure = error
        else:
            return plain
    raise failure


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _not_fetched(url: str, why: str) -> Fault:
    return Fault("token-keys-not-fetched", f"an issuer must show its key set, it did not: {why}", at=url)
