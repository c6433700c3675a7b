"""Suite 1: SHA-384, HKDF-SHA384, AES-256-GCM and AES-256-CTR, as the format uses them.

One suite, no negotiation; the suite byte is in every hashed, derived or signed string. Source: SPEC.md section 1.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from gateway.core.errors import Refused
from gateway.core.suite.octets import lp8

SUITE_BYTE = b"\x01"
COMMITMENT = b"\x02"
VIEW = b"\x04"
ZERO_HASH = bytes(48)


def digest(data: bytes) -> bytes:
    """H of the format: 48 bytes, SHA-384."""
    return hashlib.sha384(data).digest()


def text_digest(name: str, text: bytes) -> bytes:
    """Digest of an agreement, a file or the rules: 48 bytes. SPEC.md section 1."""
    return digest(b"SLUICE1/text\x00" + SUITE_BYTE + lp8(name.encode("ascii")) + text)


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract-SHA384: 48 bytes. RFC 5869 section 2.2."""
    return HKDF.extract(hashes.SHA384(), salt, secret)


def hkdf_expand(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand-SHA384: `length` bytes. RFC 5869 section 2.3."""
    return HKDFExpand(hashes.SHA384(), length, info).derive(secret)


def keystream(seed: bytes, length: int) -> bytes:
    """`length` bytes of AES-256-CTR under `seed` (32 bytes) with a zero initial block. SPEC.md section 3."""
    return Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor().update(bytes(length))


def nonce(iv: bytes, counter: int) -> bytes:
    """`iv` (12 bytes) XOR the counter: a nonce that repeats only if the counter does."""
    return (int.from_bytes(iv, "big") ^ counter).to_bytes(12, "big")


class Cipherstate:
    """AES-256-GCM under one key and iv; the caller owns the counter and never uses a value twice.

    The AESGCM object is kept: building it per message costs more than sealing a kilobyte.
    """

    __slots__ = ("_aead", "_iv")

    def __init__(self, key_and_iv: bytes) -> None:
        self._aead = AESGCM(key_and_iv[:32])
        self._iv = key_and_iv[32:44]

    def seal(self, counter: int, plaintext: bytes, associated: bytes) -> bytes:
        """Ciphertext and tag, 16 bytes longer than `plaintext`."""
        return self._aead.encrypt(nonce(self._iv, counter), plaintext, associated)

    def open(self, counter: int, ciphertext: bytes, associated: bytes, structure: str) -> bytes:
        """The plaintext; refuses `not-authentic`, naming the structure."""
        try:
            return self._aead.decrypt(nonce(self._iv, counter), ciphertext, associated)
        except InvalidTag as error:
            raise Refused(
                f"{structure}-not-authentic", f"the {structure} does not open under this stream's key", at=structure
            ) from error
