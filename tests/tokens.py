"""An issuer of access tokens for tests: its keys, the set it shows, tokens right and wrong, and a server for the set.

Tokens are put together by hand, so that a wrong one can have whatever no library would write.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from clients.certificates import certificate_request, new_tls_key
from clients.operator.ca import Authority, PartyKind
from gateway.core.control.issuer import TokenIssuer

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
CLIENT = "arl-sluice"
_BYTES = {"ES256": (hashes.SHA256(), 32), "ES384": (hashes.SHA384(), 48)}


def b64(octets: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def compact(value: Mapping[str, Any] | bytes) -> str:
    """A part of a token: JSON, or bytes as they are."""
    return b64(value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode())


def signed(header: Mapping[str, Any] | bytes, payload: Mapping[str, Any] | bytes, key: PrivateKey, by: str) -> str:
    """The token that `key` signs by the algorithm `by`, whatever the header says."""
    parts = f"{compact(header)}.{compact(payload)}"
    if isinstance(key, rsa.RSAPrivateKey):
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return f"{parts}.{b64(key.sign(parts.encode(), salted, hashes.SHA256()))}"
    hashed, width = _BYTES[by]
    r, s = decode_dss_signature(key.sign(parts.encode(), ec.ECDSA(hashed)))
    return f"{parts}.{b64(r.to_bytes(width, 'big') + s.to_bytes(width, 'big'))}"


def shared(header: Mapping[str, Any], payload: Mapping[str, Any], secret: bytes) -> str:
    """The token under a shared secret: what is never good here."""
    parts = f"{compact(header)}.{compact(payload)}"
    return f"{parts}.{b64(hmac.digest(secret, parts.encode(), hashlib.sha256))}"


def jwk(key: PrivateKey, kid: str | None, **more: Any) -> dict[str, Any]:
    """The public half as a member of a key set."""
    named = {} if kid is None else {"kid": kid}
    numbers = key.public_key().public_numbers()
    if isinstance(numbers, rsa.RSAPublicNumbers):
        n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return {"kty": "RSA", "n": b64(n), "e": b64(numbers.e.to_bytes(3, "big"))} | named | more
    width = (key.key_size + 7) // 8
    x, y = (b64(number.to_bytes(width, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": f"P-{key.key_size}", "x": x, "y": y} | named | more


@dataclass
class Issuer:
    """One issuer with a key of each kind. url: its name; at: where its set is."""

    url: str = "https://idp.usa.example"
    at: str = "https://idp.usa.example/jwks"
    client: str = CLIENT
    keys: dict[str, PrivateKey] = field(
        default_factory=lambda: {
            "k-256": ec.generate_private_key(ec.SECP256R1()),
            "k-384": ec.generate_private_key(ec.SECP384R1()),
            "k-rsa": rsa.generate_private_key(65537, 2048),
        }
    )

    def trusted(self, *algorithms: str) -> TokenIssuer:
        """The issuer as CONTROL has it."""
        return TokenIssuer(self.url, self.at, self.client, self.client, frozenset(algorithms or ("ES256",)))

    def table(self, *algorithms: str) -> str:
        """The same as operators sign it."""
        listed = json.dumps(list(algorithms or ("ES256",)))
        return (
            f'\n[token]\nissuer = "{self.url}"\nkeys = "{self.at}"\nclient_id = "{self.client}"\n'
            f'subject = "{self.client}"\nalgorithms = {listed}\n'
        )

    def key_set(self) -> bytes:
        """What it shows: its keys, and one for something else."""
        other = jwk(ec.generate_private_key(ec.SECP256R1()), "k-enc", use="enc")
        return json.dumps({"keys": [other, *(jwk(key, kid) for kid, key in self.keys.items())]}).encode()

    def claims(self, audience: str, fingerprint: str, now_ms: int, **changed: Any) -> dict[str, Any]:
        """Good claims with some changed; `None` leaves a claim out."""
        now = now_ms // 1000
        claims = {
            "iss": self.url,
            "sub": self.client,
            "client_id": self.client,
            "aud": audience,
            "iat": now - 5,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
            "scope": "telemetry tactic",
            "cnf": {"x5t#S256": b64(bytes.fromhex(fingerprint))},
        }
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def token(self, claims: Mapping[str, Any] | bytes, key: str = "k-256", by: str = "ES256", **header: Any) -> str:
        """A token of these claims, its header with some changed; `None` leaves a member out."""
        members = {"alg": by, "typ": "at+jwt", "kid": key} | header
        return signed({name: one for name, one in members.items() if one is not None}, claims, self.keys[key], by)


@dataclass
class KeyServer:
    """An https server on loopback. answer: what it says to one GET; asked: the paths of all there were."""

    port: int
    answer: Callable[[BaseHTTPRequestHandler], None]
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://127.0.0.1:{self.port}"

    def show(self, content: bytes, status: int = 200) -> None:
        """From now on this is its answer."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)

        self.answer = answer


@contextmanager
def key_server(authority: Authority, folder: Path, host: str = "127.0.0.1") -> Iterator[KeyServer]:
    """A server whose certificate the authority issued for `host`."""
    key = new_tls_key()
    chain = authority.issue(certificate_request(key), PartyKind.GATEWAY, "issuer", now=datetime.now(UTC), hosts=[host])
    pem = folder / f"issuer-{secrets.token_hex(4)}.pem"
    pem.write_bytes(key + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            server.answer(self)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    server = KeyServer(listening.server_address[1], lambda _: None)
    server.show(b'{"keys":[]}')
    serving = threading.Thread(target=listening.serve_forever, daemon=True)
    serving.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        serving.join()


def public_pem(key: PrivateKey) -> bytes:
    """What a verifier of shared secrets could be made to take for one."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)
