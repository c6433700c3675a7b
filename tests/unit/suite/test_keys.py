"""Keys: both halves of a signature, one recipient of a seal, and key files that are read whole or not at all."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem

from gateway.core.errors import Fault, Refused
from gateway.core.suite import keys
from gateway.core.suite.keys import KemKey, SigningKey, VerifyKey
from tests.reference.recorded import kem_key, signing_key, verify_key

TAG = b"SLUICE1/tick"


def _pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | mlkem.MLKEM1024PrivateKey, password: bytes = b""
) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


@pytest.mark.must("1.4.2", "1.4.3")
def test_a_signature_verifies_under_its_key_tag_and_bytes_only() -> None:
    """A signature for one purpose is none for another."""
    key, signature = verify_key("source"), signing_key("source").sign(TAG, b"said")

    key.verify(TAG, b"said", signature, "tick")

    for tag, said, other in (
        (b"SLUICE1/batch", b"said", key),
        (TAG, b"sad", key),
        (TAG, b"said", verify_key("officer-1")),
    ):
        with pytest.raises(Refused) as refusal:
            other.verify(tag, said, signature, "tick")
        assert refusal.value.code == "tick-signature"


@pytest.mark.must("1.4.2")
@pytest.mark.parametrize("place", [0, 4626, 4627, 4690], ids=["ml-dsa-87", "its end", "ed25519", "its end too"])
def test_one_signature_half_that_fails_refuses_the_whole(place: int) -> None:
    """Whoever breaks one algorithm still cannot sign."""
    signature = bytearray(signing_key("source").sign(TAG, b"said"))
    signature[place] ^= 1

    with pytest.raises(Refused, match="does not verify"):
        verify_key("source").verify(TAG, b"said", bytes(signature), "tick")


@pytest.mark.must("1.4.2")
@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + b"\x00", lambda _: b""])
def test_a_signature_of_another_length_is_refused(change: object) -> None:
    """Nothing may be hidden before, between or behind the halves."""
    assert callable(change)
    signature = change(signing_key("source").sign(TAG, b"said"))

    with pytest.raises(Refused, match="does not verify"):
        verify_key("source").verify(TAG, b"said", signature, "tick")


@pytest.mark.must("1.4.4")
@pytest.mark.parametrize("length", [0, 2623, 2625])
def test_a_public_key_of_another_length_is_refused(length: int) -> None:
    """A key is 2,624 bytes."""
    with pytest.raises(Refused) as refusal:
        VerifyKey.parse(bytes(length))
    assert refusal.value.code == "key-malformed"


def test_a_public_key_is_named_by_its_digest() -> None:
    """The id in structures is the start of the digest in the directory."""
    key = SigningKey.generate()

    assert VerifyKey.parse(key.public_key).key_digest == key.key_digest == keys.key_digest(key.public_key)
    assert VerifyKey.parse(key.public_key).key_id == key.key_id == key.key_digest[:16]


def test_a_signing_key_is_the_same_after_its_file() -> None:
    """The file holds both halves, and nothing else is needed to sign."""
    key = SigningKey.generate()

    again = SigningKey.from_pem(key.to_pem())

    assert again.public_key == key.public_key
    VerifyKey.parse(key.public_key).verify(TAG, b"said", again.sign(TAG, b"said"), "tick")


def test_a_kem_key_is_the_same_after_its_file() -> None:
    """What was sealed to it before still opens."""
    key = KemKey.generate()
    sealed = keys.seal_to(key.public_key, b"info", bytes(48))

    again = KemKey.from_pem(key.to_pem())

    assert again.public_key == key.public_key
    assert again.open(sealed, b"info", "parcel") == bytes(48)


_SIGN, _KEM = signing_key("source").to_pem(), kem_key("ephemeral").to_pem()
_UNKNOWN = (
    b"-----BEGIN PRIVATE KEY-----\n"
    + base64.b64encode(bytes.fromhex("302e020100300506032b657704220420") + bytes(32))
    + b"\n-----END PRIVATE KEY-----\n"
)
_SHORT = _UNKNOWN.replace(
    base64.b64encode(bytes.fromhex("302e020100300506032b657704220420") + bytes(32)),
    base64.b64encode(bytes.fromhex("302d020100300506032b65700421041f") + bytes(31)),
)
_HALF_SIGN = b"".join(_SIGN.partition(b"-----END PRIVATE KEY-----\n")[:2]) + _pem(
    ec.generate_private_key(ec.SECP384R1())
)
_HALF_KEM = _pem(mlkem.MLKEM1024PrivateKey.generate()) + _pem(ed25519.Ed25519PrivateKey.generate())
_P256 = _pem(mlkem.MLKEM1024PrivateKey.generate()) + _pem(ec.generate_private_key(ec.SECP256R1()))
_LOCKED = _pem(ed25519.Ed25519PrivateKey.generate(), b"word")


@pytest.mark.must("1.4.5")
@pytest.mark.parametrize(
    "pem",
    [
        b"",
        _SIGN + b"more",
        _SIGN + _SIGN,
        _KEM,
        b"-----END PRIVATE KEY-----\n" * 2,
        _UNKNOWN * 2,
        _LOCKED + _SIGN,
        _SHORT * 2,
        _HALF_SIGN,
    ],
    ids=[
        "empty",
        "trailing",
        "four",
        "of another purpose",
        "no keys",
        "unknown algorithm",
        "locked",
        "a byte short",
        "half of it",
    ],
)
def test_a_file_that_is_no_signing_key_is_a_fault_by_name(pem: bytes) -> None:
    """A gateway that cannot read its key says so and does not start with half of it."""
    with pytest.raises(Fault) as fault:
        SigningKey.from_pem(pem)
    assert fault.value.code == "key-file-unreadable"


@pytest.mark.must("1.4.5")
@pytest.mark.parametrize(
    "pem",
    [
        _SIGN.removesuffix(b"\n"),
        _SIGN + b"\n",
        b"# my key\n" + _SIGN,
        b"\n" + _SIGN,
        _SIGN[:-1] + b"\r\n",
        _SIGN.replace(b"\n", b"\r\n"),
        _SIGN.replace(b"KEY-----\n", b"KEY-----\n ", 1),
        _SIGN.replace(b"-----\n-----", b"-----\n\n-----"),
        _SIGN.replace(b"\n-----END", b"-----END", 1),
        _SIGN.replace(b"KEY-----\n", b"KEY-----\nComment: mine\n\n", 1),
    ],
    ids=[
        "no last line end",
        "an empty line behind",
        "a word before",
        "an empty line before",
        "a CR at the end",
        "CR and LF",
        "a space",
        "an empty line between",
        "no line end before the end",
        "a header",
    ],
)
def test_a_key_file_has_one_form(pem: bytes) -> None:
    """What a library passes over in silence, another takes for an error, and a file must be a key for all or none."""
    assert pem != _SIGN
    with pytest.raises(Fault) as fault:
        SigningKey.from_pem(pem)
    assert fault.value.code == "key-file-unreadable"


@pytest.mark.must("1.4.5")
@pytest.mark.parametrize(
    "pem", [b"", _SIGN, _P256, _HALF_KEM], ids=["empty", "of another purpose", "another curve", "half of it"]
)
def test_a_file_that_is_no_kem_key_is_a_fault_by_name(pem: bytes) -> None:
    """One key, one purpose, and the curve of the suite."""
    with pytest.raises(Fault) as fault:
        KemKey.from_pem(pem)
    assert fault.value.code == "key-file-unreadable"


def test_a_kem_key_is_named_by_its_digest() -> None:
    """The id in structures is the start of the digest in the directory."""
    key = kem_key("partner-kem")

    assert key.key_digest == keys.key_digest(key.public_key)
    assert key.key_id == key.key_digest[:16]


def test_a_seal_opens_for_its_recipient_and_its_info_only() -> None:
    """What is sealed to one reader for one purpose is noise to any other."""
    recipient = kem_key("partner-kem")
    sealed = keys.seal_to(recipient.public_key, b"info", bytes(48))

    assert len(sealed) == keys.SEAL_BYTES
    assert recipient.open(sealed, b"info", "open") == bytes(48)
    for other, info, came in (
        (kem_key("ephemeral"), b"info", sealed),
        (recipient, b"other", sealed),
        (recipient, b"info", sealed[:-1]),
        (recipient, b"info", b""),
        (recipient, b"info", sealed[:1568] + b"\x04" + bytes(96) + sealed[1665:]),
    ):
        with pytest.raises(Refused) as refusal:
            other.open(came, info, "open")
        assert refusal.value.code == "open-not-for-us"


@pytest.mark.must("1.4.4")
@pytest.mark.parametrize("key", [b"", bytes(1664), bytes(1665), b"\xff" * 1665])
def test_a_seal_to_what_is_no_key_is_refused(key: bytes) -> None:
    """A point off the curve or a vector out of range never reaches the algorithm."""
    with pytest.raises(Refused) as refusal:
        keys.seal_to(key, b"info", bytes(48))
    assert refusal.value.code == "key-malformed"
