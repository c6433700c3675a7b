"""Private keys that are the same in every telling of the day: each is SHAKE256 of its owner's name and its use."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clients.enrolment import KEM_KEY, SIGN_KEY, TLS_KEY, PartyRole
from clients.keyfiles import make_private_directory, write_private
from gateway.core.suite.keys import KemKey, SigningKey

P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


def drawn(name: str, use: str, length: int) -> bytes:
    """Bytes that belong to a name for one use."""
    return hashlib.shake_256(f"sluice recorded day/{name}/{use}".encode()).digest(length)


def _scalar(name: str, use: str) -> int:
    return int.from_bytes(drawn(name, use, 64), "big") % (P384_ORDER - 1) + 1


def signing_key(name: str, use: str = "sign") -> SigningKey:
    """ML-DSA-87 and Ed25519."""
    octets = drawn(name, use, 64)
    return SigningKey.from_seeds(octets[:32], octets[32:])


def kem_key(name: str, use: str = "kem") -> KemKey:
    """ML-KEM-1024 and P-384."""
    return KemKey.from_seeds(drawn(name, use, 64), _scalar(name, use + " p384"))


def tls_key(name: str) -> bytes:
    """The key of a certificate, PEM."""
    return ec.derive_private_key(_scalar(name, "tls"), ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_party_keys(folder: Path, name: str, role: PartyRole) -> None:
    """The files that `clients.enrolment.make_keys` makes."""
    make_private_directory(folder)
    write_private(folder / TLS_KEY, tls_key(name))
    write_private(folder / SIGN_KEY, signing_key(name).to_pem())
    if role is PartyRole.PARTNER:
        write_private(folder / KEM_KEY, kem_key(name).to_pem())


def write_operator_home(folder: Path, name: str, *, offline: bool = False) -> None:
    """The files that `clients.operator.home.Home.create` makes."""
    make_private_directory(folder)
    write_private(folder / "sign.pem", signing_key(name).to_pem())
    if not offline:
        write_private(folder / "tls.key", tls_key(name))
    role = "recovery" if offline else "operator"
    (folder / "operator.toml").write_text(f'id = "{name}"\nrole = "{role}"\n', "ascii")


def write_gateway_keys(folder: Path, name: str) -> None:
    """The files that `gateway.adapters.keyfiles.keys.KeyFiles.create` makes, and the key of the certificate."""
    make_private_directory(folder)
    write_private(folder / "stream.pem", signing_key(name, "stream").to_pem())
    write_private(folder / "ledger.pem", signing_key(name, "ledger").to_pem())
    write_private(folder / "ingest.pem", kem_key(name, "ingest").to_pem())
    write_private(folder / "cursor.key", drawn(name, "cursor", 32))
    write_private(folder / "tls.key", tls_key(name))
