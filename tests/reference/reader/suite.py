"""Suite 1: keys, signatures of two halves, seals, sealed messages. SPEC.md sections 1.4 and 1.6."""

from __future__ import annotations

import hmac
import re

from cryptography.exceptions import InternalError, InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA87PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM1024PrivateKey, MLKEM1024PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .octets import Refusal, h, lp8, require, tag

SIGNATURE = 4691
SIGNING_KEY = 2624
KEM_KEY = 1665
SEAL = 1729
_PEM = re.compile(
    rb"-----BEGIN PRIVATE KEY-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/=]{1,64}\n-----END PRIVATE KEY-----\n"
)
_SUITE_1 = hpke.Suite(kem=hpke.KEM.MLKEM1024_P384, kdf=hpke.KDF.HKDF_SHA384, aead=hpke.AEAD.AES_256_GCM)


class Memory:
    """Which signatures verified, by the hash of all that went into them; shared by a reader and its copies."""

    def __init__(self) -> None:
        self.verified: set[bytes] = set()

    def verify(self, key: bytes, structure: str, message: bytes, signature: bytes, code: str) -> None:
        """Nothing, if both halves of the signature verify over the message, else the refusal `code` (1.4)."""
        context = b"SLUICE1/" + structure.encode("ascii")
        name = h(key, lp8(context), signature, message)
        if name in self.verified:
            return
        try:
            mldsa, ed25519 = (
                MLDSA87PublicKey.from_public_bytes(key[:2592]),
                Ed25519PublicKey.from_public_bytes(key[2592:]),
            )
        except ValueError as error:
            raise Refusal("key-malformed", f"{structure} key") from error
        try:
            mldsa.verify(signature[:4627], message, context)
            ed25519.verify(signature[4627:], message)
        except InvalidSignature as error:
            raise Refusal(code, f"{structure} signature") from error
        self.verified.add(name)


def key_digest(key: bytes) -> bytes:
    """The digest of a public key; its first 16 bytes are the key id."""
    return h(tag("key"), key)


def text_digest(name: str, raw: bytes) -> bytes:
    """The digest of a text or file under its name."""
    return h(tag("text"), lp8(name.encode()), raw)


def check_kem_key(key: bytes, at: str) -> None:
    """Nothing, if the bytes, which are as many as a KEM key has, are one of the suite."""
    try:
        MLKEM1024PublicKey.from_public_bytes(key[:1568])
        EllipticCurvePublicKey.from_encoded_point(SECP384R1(), key[1568:])
    except ValueError as error:
        raise Refusal("key-malformed", at) from error


class KemKey:
    """A private KEM key: it opens seals, and knows its public half."""

    def __init__(self, mlkem: MLKEM1024PrivateKey, p384: EllipticCurvePrivateKey) -> None:
        point = p384.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public = mlkem.public_key().public_bytes_raw() + point
        self.id = key_digest(self.public)[:16]
        self._private = hpke.MLKEM1024P384PrivateKey(mlkem, p384)

    @classmethod
    def parse(cls, pem: bytes) -> KemKey:
        """The key of a PEM file: ML-KEM-1024, then P-384 (1.4)."""
        blocks = _PEM.findall(pem)
        require(len(blocks) == 2 and b"".join(blocks) == pem, "key-file-unreadable", "private key")
        try:
            mlkem, p384 = (serialization.load_pem_private_key(block, None) for block in blocks)
        except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
            raise Refusal("key-file-unreadable", "private key") from error
        if not isinstance(mlkem, MLKEM1024PrivateKey) or not isinstance(p384, EllipticCurvePrivateKey):
            raise Refusal("key-file-unreadable", "private key")
        require(isinstance(p384.curve, SECP384R1), "key-file-unreadable", "private key")
        return cls(mlkem, p384)

    def open(self, info: bytes, sealed: bytes, code: str, at: str) -> bytes:
        """The 48 bytes that an HPKE seal holds."""
        try:
            return _SUITE_1.decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError) as error:
            raise Refusal(code, at) from error


def expand(secret: bytes, info: bytes) -> tuple[bytes, int]:
    """key[32] and iv[12] of HKDF-Expand to 44 bytes, which are one block of HMAC-SHA-384 (RFC 5869); iv as a number."""
    block = hmac.digest(secret, info + b"\x01", "sha384")
    return block[:32], int.from_bytes(block[32:44], "big")


def extract(salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract."""
    return hmac.digest(salt, secret, "sha384")


def open_sealed(keys: tuple[bytes, int], number: int, sealed: bytes, aad: bytes, code: str, at: str) -> bytes:
    """The plaintext of AES-256-GCM under `iv XOR number`."""
    try:
        return AESGCM(keys[0]).decrypt((keys[1] ^ number).to_bytes(12, "big"), sealed, aad)
    except (InvalidTag, ValueError) as error:
        raise Refusal(code, at) from error


def key_stream(seed: bytes, length: int) -> bytes:
    """`ks` of a seed: AES-256 in counter mode over zero bytes (1.6)."""
    return Cipher(algorithms.AES256(seed), modes.CTR(bytes(16))).encryptor().update(bytes(length))
