"""A hostile client's hands: any certificate of any authority, any bytes to any method of a real gateway on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.operator.ca import Authority

HEALTH = "/grpc.health.v1.Health/Check"
PUBLISH = "/sluice.v1.PublishService/Publish"
FOLLOW = "/sluice.v1.ReleaseService/Follow"
RECEIPT = "/sluice.v1.ReleaseService/SendReceipt"
READ_CONTROL = "/sluice.v1.GovernService/ReadControl"
READ_ACCOUNTS = "/sluice.v1.LedgerService/ReadAccounts"
CALL_SECONDS = 120.0
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key, as a client shows it."""

    key_pem: bytes
    chain_pem: bytes


def p384() -> ec.EllipticCurvePrivateKey:
    """A key as parties have them."""
    return ec.generate_private_key(ec.SECP384R1())


def a_leaf(
    authority: Authority,
    *uris: str,
    key: PrivateKey | None = None,
    starts: timedelta = timedelta(minutes=-5),
    ends: timedelta = timedelta(hours=1),
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.CLIENT_AUTH,
    common_name: str = "",
    is_authority: bool = False,
    host: str = "",
) -> Leaf:
    """A leaf of the authority with any names, dates and purpose: what a careless or bribed one could issue."""
    chosen = key or p384()
    ca_key = serialization.load_pem_private_key(authority.key_pem(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(authority.root.subject)
        .public_key(chosen.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    alternatives: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
    if host:
        alternatives.append(x509.IPAddress(ip_address(host)))
    if alternatives:
        alternative = x509.SubjectAlternativeName(alternatives)
        builder = builder.add_extension(alternative, critical=not names)
    leaf = builder.sign(ca_key, hashes.SHA384())
    return Leaf(pem_of(chosen), leaf.public_bytes(serialization.Encoding.PEM))


def pem_of(key: PrivateKey) -> bytes:
    """PKCS#8 text."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass(frozen=True)
class Heard:
    """How a call ended: gRPC status name, the four facts if there were any, the answers before it."""

    status: str
    facts: dict[str, str]
    answers: tuple[bytes, ...] = ()

    @property
    def code(self) -> str:
        """Our code, or the status where the gateway said nothing."""
        return self.facts.get("code", self.status)


@asynccontextmanager
async def channel(
    port: int, roots_pem: bytes, leaf: Leaf | None, options: Sequence[tuple[str, object]] = ()
) -> AsyncIterator[grpc.aio.Channel]:
    """A connection that shares nothing with any other."""
    credentials = grpc.ssl_channel_credentials(
        roots_pem, leaf.key_pem if leaf else None, leaf.chain_pem if leaf else None
    )
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1), *options]
    opened = grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options=options)
    try:
        yield opened
    finally:
        await opened.close(None)


async def call(
    opened: grpc.aio.Channel,
    method: str,
    request: bytes = b"",
    *,
    limit: int = 1000,
    compression: object = None,
    metadata: Sequence[tuple[str, str]] = (),
) -> Heard:
    """One request, then every answer up to `limit`."""
    stream = opened.unary_stream(method, bytes, bytes)(
        request, timeout=CALL_SECONDS, compression=compression, metadata=metadata
    )
    return await heard(stream, limit)


async def converse(opened: grpc.aio.Channel, method: str, *requests: bytes, limit: int = 1000) -> Heard:
    """These requests, then the own side closed."""
    stream = opened.stream_stream(method, bytes, bytes)(iter(requests), timeout=CALL_SECONDS)
    return await heard(stream, limit)


async def heard(stream: object, limit: int) -> Heard:
    """What came of a call."""
    answers: list[bytes] = []
    try:
        async for answer in stream:  # type: ignore[attr-defined]  # an aio call
            answers.append(answer)
            if len(answers) == limit:
                stream.cancel()  # type: ignore[attr-defined]  # the same
                break
    except grpc.aio.AioRpcError as error:
        return Heard(error.code().name, _facts(error.details() or ""), tuple(answers))
    return Heard("OK", {}, tuple(answers))


def _facts(details: str) -> dict[str, str]:
    try:
        facts: dict[str, str] = json.loads(details)
    except ValueError:
        return {}
    return facts
