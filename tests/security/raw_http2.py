"""A client that decides itself how it shakes hands: one gRPC request over TLS of Python, HTTP/2 written by hand.

The client library offers its own protocol versions and key exchanges and no other; a hostile one offers what it likes.
Headers are written as literals; of the answer only what gRPC writes as literals is read, the status and its text.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from tests.security.wire import Heard, Leaf

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_STATUS = re.compile(rb"grpc-status([\x01-\x02])([0-9]{1,2})")
_NAMES = {0: "OK", 7: "PERMISSION_DENIED", 9: "FAILED_PRECONDITION", 12: "UNIMPLEMENTED", 14: "UNAVAILABLE"}


@dataclass(frozen=True)
class Agreed:
    """What TLS agreed on, and how the call ended.

    failure: for a handshake that failed, `closed` where the other side hung up without a word, else what it said.
    """

    version: str
    heard: Heard
    failure: str = ""


def ask(
    port: int,
    roots_pem: bytes,
    leaf: Leaf | None,
    folder: Path,
    method: str,
    message: bytes = b"",
    *,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    group: str = "",
) -> Agreed:
    """One request. folder: for the certificate's files; version: the newest, group: the only curve that is offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=roots_pem.decode())
    context.set_alpn_protocols(["h2"])
    context.maximum_version = version
    if group:
        context.set_ecdh_curve(group)
    if leaf is not None:
        (folder / "leaf.pem").write_bytes(leaf.chain_pem)
        (folder / "leaf.key").write_bytes(leaf.key_pem)
        context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    try:
        return exchange(context, port, method, message).agreed
    except (ssl.SSLError, ConnectionError, EOFError) as error:
        said = error.reason if isinstance(error, ssl.SSLError) else "UNEXPECTED_EOF_WHILE_READING"
        failure = "closed" if said == "UNEXPECTED_EOF_WHILE_READING" else str(said)
        return Agreed("", Heard("UNAVAILABLE", {}), failure)


@dataclass(frozen=True)
class Exchanged:
    """An answer, and the TLS session to resume. resumed: whether this connection began with one that was accepted."""

    agreed: Agreed
    session: ssl.SSLSession | None
    resumed: bool


def exchange(
    context: ssl.SSLContext, port: int, method: str, message: bytes = b"", session: ssl.SSLSession | None = None
) -> Exchanged:
    """One request on a connection of its own. session: of the same context, to be resumed."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=120) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as secured,
    ):
        version = str(secured.version())
        secured.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b"") + _request(method, message))
        heard = _answer(secured)
        # A server sends what a session is resumed by once it has shaken hands: it came before the answer.
        return Exchanged(Agreed(version, heard), secured.session, bool(secured.session_reused))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _literal(name: str, value: str) -> bytes:
    return b"".join([b"\x00", bytes([len(name)]), name.encode(), bytes([len(value)]), value.encode()])


def _request(method: str, message: bytes) -> bytes:
    headers = {
        ":method": "POST",
        ":scheme": "https",
        ":path": method,
        ":authority": "127.0.0.1",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(_literal(name, value) for name, value in headers.items())
    # Before a gRPC message: not compressed, and its length.
    content = b"\x00" + len(message).to_bytes(4, "big") + message
    return _frame(_HEADERS, _END_HEADERS, 1, block) + _frame(_DATA, _END_STREAM, 1, content)


def _answer(secured: ssl.SSLSocket) -> Heard:
    """The trailers of stream 1."""
    answers: list[bytes] = []
    while True:
        head = _exactly(secured, 9)
        kind, flags, payload = head[3], head[4], _exactly(secured, int.from_bytes(head[:3], "big"))
        if kind == _SETTINGS and not flags & _ACK:
            secured.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        if kind == _DATA and payload:
            answers.append(payload[5:])
        status = _STATUS.search(payload) if kind == _HEADERS else None
        if status is not None:
            number = int(status[2][: status[1][0]])
            return Heard(_NAMES.get(number, str(number)), _facts(payload), tuple(answers))
        if kind in {_RESET, _GOAWAY}:
            raise ConnectionAbortedError


def _facts(payload: bytes) -> dict[str, str]:
    written = re.search(rb"\{.*\}", payload)
    facts: dict[str, str] = json.loads(written[0]) if written else {}
    return facts


def _exactly(secured: ssl.SSLSocket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        more = secured.recv(count - len(read))
        if not more:
            raise EOFError
        read += more
    return read
