"""Threat: whoever stands between a gateway and an issuer's web server shows keys of its own, or keeps a thread busy."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from clients.operator.ca import Authority
from gateway.adapters.oidc.fetch import connected, fetch, tls_context
from gateway.adapters.oidc.keyset import MAX_SET_BYTES
from gateway.core.errors import Fault, GatewayError
from tests.tokens import KeyServer, key_server


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Who vouches for the issuer's web server."""
    return Authority.create("idp.example", datetime.now(UTC))


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Iterator[KeyServer]:
    """The issuer's web server."""
    with key_server(authority, tmp_path) as one:
        yield one


def fetched(url: str, authority: Authority, seconds: float = 60.0) -> bytes | str:
    """What came, or the code of why nothing did."""
    try:
        return fetch(url, tls_context(authority.root_pem()), seconds)
    except GatewayError as error:
        return error.code


@pytest.mark.must("12.6.19")
def test_a_set_comes_from_the_very_server_that_operators_signed(
    server: KeyServer, authority: Authority, tmp_path: Path
) -> None:
    """Its root, its host, its status; no redirect is followed, and no proxy of the environment is asked."""
    server.show(b'{"keys":[]}')
    stranger = Authority.create("idp.example", datetime.now(UTC))
    url = f"{server.url}/a/jwks"

    assert fetched(url, authority) == b'{"keys":[]}'
    assert fetched(url, stranger) == "token-keys-not-fetched"
    assert fetched("https://127.0.0.1:1/jwks", authority) == "token-keys-not-fetched"
    assert fetched(server.url.replace("https", "http"), authority) == "token-keys-not-fetched"
    with key_server(authority, tmp_path, "elsewhere.example") as other:
        assert fetched(other.url, authority) == "token-keys-not-fetched"
    for status in (204, 301, 302, 404, 500):
        server.show(b"", status)
        assert fetched(url, authority) == "token-keys-not-fetched"
    assert set(server.asked) == {"/a/jwks"}


@pytest.mark.must("12.6.19")
def test_an_older_tls_is_not_spoken_to_an_issuer(authority: Authority) -> None:
    """Whoever could be talked down could show another key set."""
    assert tls_context(authority.root_pem()).minimum_version is ssl.TLSVersion.TLSv1_3
    with pytest.raises(Fault, match="PEM"):
        tls_context(b"no root")


def test_an_answer_is_bounded_in_size(server: KeyServer, authority: Authority) -> None:
    """One byte more than a set may have is all that is ever read of it."""
    server.show(b"x" * (4 * MAX_SET_BYTES))

    found = fetched(server.url, authority)

    assert isinstance(found, bytes)
    assert len(found) == MAX_SET_BYTES + 1


def test_an_answer_is_bounded_in_time(server: KeyServer, authority: Authority) -> None:
    """A server that gives a byte now and then would keep a thread for a day."""
    over = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not over.wait(0.05):
            try:
                request.wfile.write(b" ")
            except OSError:
                return

    server.answer = drip

    assert fetched(server.url, authority, seconds=0.4) == "token-keys-not-fetched"
    over.set()


def test_a_host_of_many_addresses_that_answer_nothing_takes_no_longer_than_one() -> None:
    """Whose name has a hundred of them would keep a thread for minutes, and the issuers of others would wait."""
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        # More than its queue holds: from then on it does not answer.
        with suppress(TimeoutError):
            while True:
                sockets.enter_context(connected([(socket.AF_INET, address)], time.monotonic() + 0.3))

        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            connected([(socket.AF_INET, address)] * 100, begun + 2)

        assert time.monotonic() - begun < 8
        with socket.create_server(("127.0.0.1", 0)) as there:
            sought = [(socket.AF_INET, address), (socket.AF_INET, there.getsockname())]
            with connected(sought, time.monotonic() + 10) as taken:
                assert taken.getpeername() == there.getsockname()
