"""Keys of suite 1: ML-DSA-87 with Ed25519 for signatures, ML-KEM-1024 with P-384 for seals.

Both halves of a signature must verify. A key has one purpose and one genesis. Private keys are created from `generate`
or read from the PEM text of one file; this room never touches the file. Source: SPEC.md section 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography.exceptions import InternalError, InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem

from gateway.core.errors import Fault, Refused
from gateway.core.suite.algorithms import SUITE_BYTE, digest

SIGN_KEY_BYTES = 2592 + 32
KEM_KEY_BYTES = 1568 + 97
SIGNATURE_BYTES = 4627 + 64
SECRET_BYTES = 48
SEAL_BYTES = 1665 + SECRET_BYTES + 16
_HPKE = hpke.Suite(hpke.KEM.MLKEM1024_P384, hpke.KDF.HKDF_SHA384, hpke.AEAD.AES_256_GCM)
_PEM = rb"(-----BEGIN PRIVATE KEY-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/=]{1,64}\n-----END PRIVATE KEY-----\n)"
_KEY_FILE = re.compile(_PEM + _PEM)


def key_digest(public_key: bytes) -> bytes:
    """48 bytes that name a public key for ever."""
    return digest(b"SLUICE1/key\x00" + SUITE_BYTE + public_key)


def key_id(public_key: bytes) -> bytes:
    """The first 16 bytes of the key digest."""
    return key_digest(public_key)[:16]


def _pem(
    key: mldsa.MLDSA87PrivateKey | ed25519.Ed25519PrivateKey | mlkem.MLKEM1024PrivateKey | ec.EllipticCurvePrivateKey,
) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _two_keys(pem: bytes) -> tuple[object, object]:
    # A file has one reading: the library would pass over what stands before a key, and over white space in it.
    found = _KEY_FILE.fullmatch(pem)
    if found is None:
        raise Fault("key-file-unreadable", "a key file holds two PKCS#8 keys, something else came")
    try:
        first, second = (serialization.load_pem_private_key(block, None) for block in found.groups())
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        # A key whose length is not its algorithm's is an error of the library's own, of no family of Python's.
        raise Fault("key-file-unreadable", "a key file holds two PKCS#8 keys, something else came") from error
    return first, second


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public signing key, parsed once and reused."""

    public_key: bytes
    key_digest: bytes
    _mldsa: mldsa.MLDSA87PublicKey
    _ed25519: ed25519.Ed25519PublicKey

    @classmethod
    def parse(cls, public_key: bytes) -> VerifyKey:
        """`public_key`: 2,624 bytes, ML-DSA-87 then Ed25519; refuses anything else."""
        try:
            return cls(
                public_key,
                key_digest(public_key),
                mldsa.MLDSA87PublicKey.from_public_bytes(public_key[:2592]),
                ed25519.Ed25519PublicKey.from_public_bytes(public_key[2592:]),
            )
        except ValueError as error:
            raise Refused(
                "key-malformed",
                f"a signing key is an ML-DSA-87 and an Ed25519 key of {SIGN_KEY_BYTES} bytes, {len(public_key)} came",
            ) from error

    @property
    def key_id(self) -> bytes:
        """First 16 bytes of the key digest."""
        return self.key_digest[:16]

    def verify(self, tag: bytes, signed: bytes, signature: bytes, structure: str) -> None:
        """Refuses `<structure>-signature` unless both halves verify. `tag` without its NUL is the ML-DSA context."""
        if len(signature) == SIGNATURE_BYTES:
            try:
                self._ed25519.verify(signature[4627:], signed)
                self._mldsa.verify(signature[:4627], signed, tag)
                return
            except InvalidSignature:
                pass
        raise Refused(f"{structure}-signature", f"the signature of the {structure} does not verify", at=structure)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private signing key."""

    _mldsa: mldsa.MLDSA87PrivateKey
    _ed25519: ed25519.Ed25519PrivateKey
    public_key: bytes

    @classmethod
    def _of(cls, first: mldsa.MLDSA87PrivateKey, second: ed25519.Ed25519PrivateKey) -> SigningKey:
        return cls(first, second, first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh key from the operating system's randomness."""
        return cls._of(mldsa.MLDSA87PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_seeds(cls, mldsa_seed: bytes, ed25519_seed: bytes) -> SigningKey:
        """The key of two 32-byte seeds: for vectors."""
        return cls._of(
            mldsa.MLDSA87PrivateKey.from_seed_bytes(mldsa_seed),
            ed25519.Ed25519PrivateKey.from_private_bytes(ed25519_seed),
        )

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """The key of one PEM file; `key-file-unreadable` otherwise."""
        first, second = _two_keys(pem)
        if not isinstance(first, mldsa.MLDSA87PrivateKey) or not isinstance(second, ed25519.Ed25519PrivateKey):
            raise Fault("key-file-unreadable", "a signing key file holds an ML-DSA-87 and an Ed25519 key")
        return cls._of(first, second)

    def to_pem(self) -> bytes:
        """PEM text for a file of mode 0600."""
        return _pem(self._mldsa) + _pem(self._ed25519)

    @property
    def key_id(self) -> bytes:
        """First 16 bytes of the key digest."""
        return key_id(self.public_key)

    @property
    def key_digest(self) -> bytes:
        """48 bytes that name the key."""
        return key_digest(self.public_key)

    def sign(self, tag: bytes, signed: bytes) -> bytes:
        """4,691 bytes: ML-DSA-87 with context `tag`, then Ed25519. Randomised; about 1 ms, releases the GIL."""
        return self._mldsa.sign(signed, tag) + self._ed25519.sign(signed)


def seal_to(kem_key: bytes, info: bytes, secret: bytes) -> bytes:
    """HPKE base-mode seal to a KEM public key: 1,729 bytes for a secret of 48. RFC 9180; SPEC.md section 1."""
    return _HPKE.encrypt(secret, parse_kem_key(kem_key), info)


def parse_kem_key(kem_key: bytes) -> hpke.MLKEM1024P384PublicKey:
    """The key to seal to in 1,665 bytes, ML-KEM-1024 then P-384; refuses `key-malformed` for anything else."""
    try:
        return hpke.MLKEM1024P384PublicKey(
            mlkem.MLKEM1024PublicKey.from_public_bytes(kem_key[:1568]),
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), kem_key[1568:]),
        )
    except ValueError as error:
        raise Refused(
            "key-malformed",
            f"a KEM key is an ML-KEM-1024 and a P-384 key of {KEM_KEY_BYTES} bytes, {len(kem_key)} came",
        ) from error


@dataclass(frozen=True, slots=True)
class KemKey:
    """A private key-encapsulation key."""

    _mlkem: mlkem.MLKEM1024PrivateKey
    _p384: ec.EllipticCurvePrivateKey
    public_key: bytes

    @classmethod
    def _of(cls, first: mlkem.MLKEM1024PrivateKey, second: ec.EllipticCurvePrivateKey) -> KemKey:
        point = second.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return cls(first, second, first.public_key().public_bytes_raw() + point)

    @classmethod
    def generate(cls) -> KemKey:
        """A fresh key from the operating system's randomness."""
        return cls._of(mlkem.MLKEM1024PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1()))

    @classmethod
    def from_seeds(cls, mlkem_seed: bytes, p384_scalar: int) -> KemKey:
        """The key of a 64-byte seed and a scalar: for vectors."""
        return cls._of(
            mlkem.MLKEM1024PrivateKey.from_seed_bytes(mlkem_seed),
            ec.derive_private_key(p384_scalar, ec.SECP384R1()),
        )

    @classmethod
    def from_pem(cls, pem: bytes) -> KemKey:
        """The key of one PEM file; `key-file-unreadable` otherwise."""
        first, second = _two_keys(pem)
        if not isinstance(first, mlkem.MLKEM1024PrivateKey) or not isinstance(second, ec.EllipticCurvePrivateKey):
            raise Fault("key-file-unreadable", "a KEM key file holds an ML-KEM-1024 and a P-384 key")
        if not isinstance(second.curve, ec.SECP384R1):
            raise Fault("key-file-unreadable", "a KEM key file holds an ML-KEM-1024 and a P-384 key")
        return cls._of(first, second)

    def to_pem(self) -> bytes:
        """PEM text for a file of mode 0600."""
        return _pem(self._mlkem) + _pem(self._p384)

    @property
    def key_id(self) -> bytes:
        """First 16 bytes of the key digest."""
        return key_id(self.public_key)

    @property
    def key_digest(self) -> bytes:
        """48 bytes that name the key."""
        return key_digest(self.public_key)

    def open(self, sealed: bytes, info: bytes, structure: str) -> bytes:
        """What was sealed; refuses `<structure>-not-for-us`."""
        try:
            return _HPKE.decrypt(sealed, hpke.MLKEM1024P384PrivateKey(self._mlkem, self._p384), info)
        except (InvalidTag, ValueError) as error:
            raise Refused(
                f"{structure}-not-for-us", f"the {structure} is not sealed to this key", at=structure
            ) from error
