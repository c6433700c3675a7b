"""Suite 1: hashing, derivation and sealing do what their sources say."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.suite import algorithms
from tests.reference.making import exactly, salts


def _expand(secret: bytes, info: bytes, length: int) -> bytes:
    made, block = b"", b""
    for counter in range(1, -(-length // 48) + 1):
        block = hmac.digest(secret, block + info + bytes([counter]), "sha384")
        made += block
    return made[:length]


@given(st.binary(max_size=100), st.binary(max_size=100), st.integers(1, 200))
def test_derivation_is_that_of_rfc_5869(secret: bytes, info: bytes, length: int) -> None:
    """Extract is one HMAC, expand a chain of them."""
    assert algorithms.hkdf_extract(info, secret) == hmac.digest(info or bytes(48), secret, "sha384")
    assert algorithms.hkdf_expand(secret, info, length) == _expand(secret, info, length)


def test_a_text_digest_covers_name_and_bytes() -> None:
    """The same bytes under another name are another text."""
    text = b"policy = 1\n"
    expected = hashlib.sha384(b"SLUICE1/text\x00\x01\x05rules" + text).digest()

    assert algorithms.text_digest("rules", text) == expected
    assert algorithms.text_digest("rules2", text) != expected


@given(salts, st.integers(0, 100), st.integers(0, 100))
def test_a_longer_keystream_begins_with_the_shorter_one(seed: bytes, short: int, more: int) -> None:
    """Record i's salts do not depend on how many records follow it."""
    assert algorithms.keystream(seed, short + more)[:short] == algorithms.keystream(seed, short)


@given(exactly(12), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_nonces_differ_when_counters_do(iv: bytes, first: int, second: int) -> None:
    """A nonce repeats only if its counter does."""
    assert (algorithms.nonce(iv, first) == algorithms.nonce(iv, second)) == (first == second)
    assert len(algorithms.nonce(iv, first)) == 12


@given(exactly(44), st.binary(max_size=64), st.binary(max_size=16), st.integers(0, 2**64))
def test_what_is_sealed_opens_under_the_same_key_counter_and_context_only(
    key_and_iv: bytes, plaintext: bytes, associated: bytes, counter: int
) -> None:
    """Place and context are authenticated with the bytes."""
    cipher = algorithms.Cipherstate(key_and_iv)
    sealed = cipher.seal(counter, plaintext, associated)

    assert len(sealed) == len(plaintext) + 16
    assert cipher.open(counter, sealed, associated, "frame") == plaintext
    for moved in ((counter + 1, sealed, associated), (counter, sealed, associated + b"x"), (counter, b"", associated)):
        with pytest.raises(Refused) as refusal:
            cipher.open(*moved, "frame")
        assert refusal.value.code == "frame-not-authentic"
