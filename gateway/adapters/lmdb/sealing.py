"""Encryption at rest: an entry under its own key, that key under a page key, page keys under the key-encryption key.

    key-encryption key ── wraps ──▶ page key (256 positions of one journal) ── wraps ──▶ data key (one entry, once)

A data key seals one plaintext and is never used again, so its nonce is zero; a wrap has a random nonce, because page
keys and the key-encryption key wrap many. A wrap is bound to its page and position: a row put elsewhere stays shut.
Randomness is an argument. Bytes in memory cannot be wiped by Python: the process is the boundary, not these objects.
Source: SPEC.md section 7.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.errors import Fault
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.octets import u32, u64
from gateway.ports.journal import Journal

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
WRAP_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES
PAGE_ENTRIES = 256
STORE_PAGE = 0
PAGE_KEY_POSITION = 2**64 - 1
_PAGES_A_JOURNAL = 2**30
_KEPT_PAGE_KEYS = 256
_ZERO_NONCE = bytes(NONCE_BYTES)


def page_of(journal: Journal, position: int) -> int:
    """The page of an entry, u32: the journal's number in the two highest bits, so no two journals share a page.

    Page 0 is the store's own. A journal ends at 2**38 entries: `Fault("store-full")`.
    """
    index = position // PAGE_ENTRIES
    if index >= _PAGES_A_JOURNAL:
        raise Fault("store-full", f"a journal has at most 2**38 entries, {position} came", at=f"journal {journal}")
    return journal * _PAGES_A_JOURNAL + index


def _associated(page: int, position: int) -> bytes:
    return b"SLUICE1/wrap\x00" + SUITE_BYTE + u32(page) + u64(position)


def wrap(wrapping: AESGCM, nonce: bytes, key: bytes, page: int, position: int) -> bytes:
    """`key` (32 bytes) sealed for one page and position: nonce[12] | ciphertext, 60 bytes."""
    return nonce + wrapping.encrypt(nonce, key, _associated(page, position))


def unwrap(wrapping: AESGCM, wrapped: memoryview | bytes, page: int, position: int) -> bytes:
    """The key; `InvalidTag` if it was wrapped under another key or for another place, or is cut."""
    if len(wrapped) != WRAP_BYTES:
        raise InvalidTag
    return wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _associated(page, position))


def seal(data_key: bytes, plaintext: bytes) -> bytes:
    """The plaintext under a key that is used this once: zero nonce, nothing associated."""
    return AESGCM(data_key).encrypt(_ZERO_NONCE, plaintext, None)


def unseal(data_key: bytes, sealed: memoryview | bytes) -> bytes:
    """The plaintext; `InvalidTag` if a byte of it changed."""
    return AESGCM(data_key).decrypt(_ZERO_NONCE, sealed, None)


class PageKeys:
    """Page keys as they are needed, the latest kept open; usable from any thread."""

    def __init__(self, key_encryption_key: bytes) -> None:
        self._wrapping = AESGCM(key_encryption_key)
        self._lock = threading.Lock()
        self._open: dict[int, AESGCM] = {}

    def make(self, page: int, randomness: bytes) -> tuple[AESGCM, bytes]:
        """A fresh page key of `randomness` (44 bytes: key, nonce) and its wrap.

        Not kept before `keep`: the transaction that stores the wrap may fail, and a key that only memory knows must
        never wrap an entry that stays.
        """
        key, nonce = randomness[:KEY_BYTES], randomness[KEY_BYTES:]
        return AESGCM(key), wrap(self._wrapping, nonce, key, page, PAGE_KEY_POSITION)

    def keep(self, page: int, page_key: AESGCM) -> None:
        """Keeps a page key whose wrap is stored; the oldest makes room."""
        with self._lock:
            self._open[page] = page_key
            if len(self._open) > _KEPT_PAGE_KEYS:
                del self._open[next(iter(self._open))]

    def get(self, page: int, stored: Callable[[], bytes]) -> AESGCM:
        """The key of a page, unwrapped from what `stored` fetches when it is not open; `InvalidTag` if that fails."""
        page_key = self._open.get(page)
        if page_key is None:
            page_key = AESGCM(unwrap(self._wrapping, stored(), page, PAGE_KEY_POSITION))
            self.keep(page, page_key)
        return page_key
