"""Threat: what connects is no enrolled party. Every way in but the right one is closed, by TLS or by name."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from structlog.testing import capture_logs

from clients.operator.ca import Authority
from clients.testing.served import Served
from gateway.core.errors import Fault
from gateway.rpc.server import OPTIONS
from gateway.settings import FILE
from tests.loopback import Loopback
from tests.security.raw_http2 import ask
from tests.security.wire import HEALTH, READ_CONTROL, Heard, Leaf, a_leaf, call, channel, p384, pem_of
from tests.stand import DOMAIN

PARTNER = f"spiffe://{DOMAIN}/partner/usa/arl"
OFFICER = f"spiffe://{DOMAIN}/operator/officer-1"
STRANGER = Authority.create("stranger.example", datetime.now(UTC))


class Port:
    """A gateway on loopback that accepts two roots: its own, and that of a partner with an authority of its own."""

    def __init__(self, root: Path) -> None:
        self.world = Loopback(root)
        stand = self.world.stand
        self.other = Authority.create("usa.example", datetime.now(UTC))
        stand.settings.roots.write_bytes(stand.authority.root_pem() + self.other.root_pem())
        self.own = stand.authority
        self.world.start("usa/arl")

    def ask(self, leaf: Leaf | None, method: str = HEALTH) -> Heard:
        """What this client is told."""

        async def scenario() -> Heard:
            async with channel(self.world.stand.port, self.own.root_pem(), leaf) as opened:
                return await call(opened, method)

        return self.world.run(scenario())


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    """One gateway for the whole file."""
    port = Port(tmp_path_factory.mktemp("tls"))
    yield port
    port.world.close()


def test_an_enrolled_party_is_served(port: Port) -> None:
    """The refusals below are for what was changed."""
    answer = port.ask(a_leaf(port.own, PARTNER))

    assert (answer.status, answer.answers) == ("OK", (b"\x08\x01",))


async def _tell(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    facts = context.auth_context()
    return b" ".join((*facts["ssl_tls_version"], *facts["ssl_negotiated_key_exchange_group"]))


def test_the_key_exchange_is_hybrid_and_the_protocol_tls_1_3(port: Port) -> None:
    """What is recorded on the way today is not read by a later quantum computer; with the server's own options."""
    gateway = a_leaf(
        port.own, f"spiffe://{DOMAIN}/gateway/demo", usage=ExtendedKeyUsageOID.SERVER_AUTH, host="127.0.0.1"
    )

    async def scenario() -> tuple[bytes, ...]:
        server = grpc.aio.server(options=OPTIONS)
        methods = {"Tell": grpc.unary_unary_rpc_method_handler(_tell)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("probe", methods),))
        pair = [(gateway.key_pem, gateway.chain_pem)]
        number = server.add_secure_port(
            "127.0.0.1:0", grpc.ssl_server_credentials(pair, port.own.root_pem(), require_client_auth=True)
        )
        await server.start()
        try:
            async with channel(number, port.own.root_pem(), a_leaf(port.own, PARTNER)) as opened:
                return (await call(opened, "/probe/Tell")).answers
        finally:
            await server.stop(None)

    assert port.world.run(scenario()) == (b"TLSv1.3 X25519MLKEM768",)


@pytest.mark.must("12.5.1")
def test_a_client_without_a_certificate_is_not_heard(port: Port) -> None:
    """There is no anonymous method."""
    assert port.ask(None).code == "UNAVAILABLE"


HANDSHAKE = {
    "of another authority": lambda port: a_leaf(STRANGER, PARTNER),
    "expired": lambda port: a_leaf(port.own, PARTNER, starts=timedelta(hours=-2), ends=timedelta(hours=-1)),
    "not yet valid": lambda port: a_leaf(port.own, PARTNER, starts=timedelta(hours=1), ends=timedelta(hours=2)),
    "for servers only": lambda port: a_leaf(port.own, PARTNER, usage=ExtendedKeyUsageOID.SERVER_AUTH),
    "for code signing": lambda port: a_leaf(port.own, PARTNER, usage=ExtendedKeyUsageOID.CODE_SIGNING),
    "of an Ed25519 key": lambda port: a_leaf(port.own, PARTNER, key=ed25519.Ed25519PrivateKey.generate()),
    "with another key than its own": lambda port: replace(a_leaf(port.own, PARTNER), key_pem=pem_of(p384())),
}


@pytest.mark.must("12.5.1")
@pytest.mark.parametrize("what", HANDSHAKE)
def test_a_certificate_that_is_no_good_fails_the_handshake(port: Port, what: str) -> None:
    """Before a byte of a request is read."""
    assert port.ask(HANDSHAKE[what](port)).code == "UNAVAILABLE"


NAMES = {
    "two identities": lambda port: a_leaf(port.own, PARTNER, f"spiffe://{DOMAIN}/partner/gbr/dstl"),
    "an identity in the common name": lambda port: a_leaf(port.own, common_name=PARTNER),
    "no spiffe identity": lambda port: a_leaf(port.own, f"https://{DOMAIN}/partner/usa/arl"),
    "the identity of a party that is not there": lambda port: a_leaf(port.own, f"spiffe://{DOMAIN}/partner/usa/x"),
    "the identity of a gateway": lambda port: a_leaf(port.own, f"spiffe://{DOMAIN}/gateway/demo"),
    "an identity with a dot segment": lambda port: a_leaf(port.own, f"spiffe://{DOMAIN}/partner/../partner/usa/arl"),
    "an identity in capitals": lambda port: a_leaf(port.own, PARTNER.replace("spiffe", "SPIFFE")),
    "an authority of its own": lambda port: a_leaf(port.own, PARTNER, is_authority=True),
    "a P-256 key": lambda port: a_leaf(port.own, PARTNER, key=ec.generate_private_key(ec.SECP256R1())),
    "an RSA key": lambda port: a_leaf(port.own, PARTNER, key=rsa.generate_private_key(65537, 2048)),
    "the right name from another accepted root": lambda port: a_leaf(port.other, PARTNER),
    "an operator no roster names": lambda port: a_leaf(port.own, f"spiffe://{DOMAIN}/operator/officer-9"),
    "an operator's name from another accepted root": lambda port: a_leaf(port.other, OFFICER),
    "an operator of another domain": lambda port: a_leaf(port.other, "spiffe://usa.example/operator/officer-1"),
    "an operator of another domain from the own root": (
        lambda port: a_leaf(port.own, "spiffe://usa.example/operator/officer-1")
    ),
}


@pytest.mark.must("2.5.1", "12.4.2", "12.4.3")
@pytest.mark.parametrize("method", [HEALTH, READ_CONTROL])
@pytest.mark.parametrize("what", NAMES)
def test_a_certificate_that_names_nobody_is_told_one_thing(port: Port, what: str, method: str) -> None:
    """Not which of it was wrong: an authority that probes must learn nothing of who is here."""
    answer = port.ask(NAMES[what](port), method)

    assert answer.status == "PERMISSION_DENIED"
    assert {**answer.facts, "do": ""} == {"code": "denied", "message": "not allowed", "at": "", "do": ""}
    assert answer.answers == ()


def test_a_partners_authority_cannot_make_an_operator_who_reads_control(port: Port) -> None:
    """Everything operators signed would be open to it: who is here, cleared for what, under which terms."""
    own = port.ask(a_leaf(port.own, OFFICER), READ_CONTROL)
    forged = port.ask(a_leaf(port.other, OFFICER), READ_CONTROL)

    assert (own.status, len(own.answers)) == ("OK", port.world.stand.position)
    assert (forged.status, forged.answers) == ("PERMISSION_DENIED", ())


@pytest.mark.must("12.4.6")
def test_an_open_connection_outlives_its_certificate_and_is_refused_from_then_on(port: Port) -> None:
    """TLS looks at the dates once; the gateway at every call."""
    leaf = a_leaf(port.own, PARTNER, ends=timedelta(hours=1))

    async def scenario() -> list[str]:
        running = port.world.stand.running
        assert running is not None
        clock = running.running.time._clock
        async with channel(port.world.stand.port, port.own.root_pem(), leaf) as opened:
            before = await call(opened, HEALTH)
            later = _Later(clock, 2 * 3600 * 1000)
            running.running.time._clock = later
            try:
                after = await call(opened, HEALTH)
            finally:
                running.running.time._clock = clock
        return [before.code, after.code]

    assert port.world.run(scenario()) == ["OK", "denied"]


class _Later:
    """A clock that is ahead in both its readings."""

    def __init__(self, clock: object, ms: int) -> None:
        self._clock, self._ms = clock, ms

    def wall_ms(self) -> int:
        return self._clock.wall_ms() + self._ms  # type: ignore[attr-defined,no-any-return]

    def boot_ms(self) -> int:
        return self._clock.boot_ms() + self._ms  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="module")
def process_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Loopback]]:
    """`sluice serve` as it is installed: what its launcher sets counts."""
    root = tmp_path_factory.mktemp("tls-process")
    world = Loopback(root)
    world.start("usa/arl")
    world.stop()
    (world.stand.settings.store.parent / FILE).write_text(world.stand.settings.to_toml())
    served = Served(world.stand.settings.store.parent, root / "gateway.log")
    served.start()
    yield served.port, world
    assert served.stop() == 0
    world.close()


def _handshake(port: int, world: Loopback, leaf: Leaf, folder: Path, version: ssl.TLSVersion) -> str:
    """The protocol that is agreed on, or how it failed."""
    (folder / "leaf.pem").write_bytes(leaf.chain_pem)
    (folder / "leaf.key").write_bytes(leaf.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=world.stand.authority.root_pem().decode())
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    context.set_alpn_protocols(["h2"])
    context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=120) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as secured,
        ):
            return str(secured.version())
    except (ssl.SSLError, ConnectionError) as error:
        return type(error).__name__


@pytest.mark.must("12.5.1")
def test_tls_1_2_is_not_spoken(process_port: tuple[int, Loopback], tmp_path: Path) -> None:
    """Offered by a client with a good certificate; the same client with 1.3 gets through."""
    port, world = process_port
    leaf = a_leaf(world.stand.authority, PARTNER)

    assert _handshake(port, world, leaf, tmp_path, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    assert not _handshake(port, world, leaf, tmp_path, ssl.TLSVersion.TLSv1_2).startswith("TLS")


@pytest.mark.must("12.5.1", "12.5.6")
def test_tls_1_2_that_a_handshake_let_through_stops_at_the_door(port: Port, tmp_path: Path) -> None:
    """The launcher keeps it out of the handshake; this gateway was started without, and looks at every call."""
    leaf = a_leaf(port.own, PARTNER)

    with capture_logs() as logged:
        asked = asyncio.to_thread(
            ask, port.world.stand.port, port.own.root_pem(), leaf, tmp_path, HEALTH, version=ssl.TLSVersion.TLSv1_2
        )
        agreed = port.world.run(asked)

    assert (agreed.version, agreed.heard.status, agreed.heard.code) == ("TLSv1.2", "PERMISSION_DENIED", "denied")
    assert [entry["code"] for entry in logged if entry["event"] == "rpc.denied"] == ["tls-version"]


@pytest.mark.must("12.5.1")
def test_older_protocols_and_plaintext_are_not_spoken(process_port: tuple[int, Loopback]) -> None:
    """With every cipher an old client has."""
    port, _ = process_port
    for version in ("-tls1", "-tls1_1", "-tls1_2"):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-cipher", "ALL:@SECLEVEL=0"],
            input=b"",
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert b"Cipher is (NONE)" in done.stdout
    with socket.create_connection(("127.0.0.1", port), timeout=120) as plain:
        plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert not plain.recv(4096).startswith(b"\x00\x00")


def test_a_gateway_does_not_start_with_a_certificate_of_no_use(tmp_path: Path) -> None:
    """GRPC would start with anything and fail every handshake; nobody would know why."""
    world = Loopback(tmp_path)
    stand = world.stand
    good = stand.settings.certificate.read_bytes()
    gateway_uri = f"spiffe://{DOMAIN}/gateway/demo"
    key = stand.settings.tls_key.read_bytes()
    server = ExtendedKeyUsageOID.SERVER_AUTH
    bad = {
        "of an authority that is no root here": a_leaf(STRANGER, gateway_uri, usage=server).chain_pem,
        "of another key": a_leaf(stand.authority, gateway_uri, usage=server).chain_pem,
        "without an identity": a_leaf(stand.authority, usage=server).chain_pem,
        "no certificate": b"nothing",
    }
    for what, chain in bad.items():
        stand.settings.certificate.write_bytes(chain)
        with pytest.raises(Fault) as caught:
            world.start()
        assert caught.value.code == "server-certificate", what
        world = _again(world)
    stand.settings.certificate.write_bytes(good)
    stand.settings.tls_key.write_bytes(b"nothing")
    with pytest.raises(Fault) as caught:
        world.start()
    assert caught.value.code == "server-certificate"
    stand.settings.tls_key.write_bytes(key)
    world = _again(world)
    world.start("usa/arl")
    world.close()
    assert len(stand.agreements) == 1


def _again(world: Loopback) -> Loopback:
    """The same stand behind a new attempt."""
    again = Loopback.__new__(Loopback)
    again.__dict__.update(world.__dict__)
    again._serving = again.stand.serving()
    return again
