"""Bytes at rest: wraps and journal chains are the recorded ones."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.adapters.chain import chain_value
from gateway.adapters.lmdb.sealing import PAGE_KEY_POSITION, seal, unseal, unwrap, wrap
from gateway.core.suite.algorithms import digest
from gateway.ports.journal import Journal
from tests.reference import recorded

PAGE, POSITION = 7, 1795
WRAPS = {
    "data_key_wrap": ("page_key", "data_key", POSITION),
    "page_key_wrap": ("key_encryption_key", "page_key", PAGE_KEY_POSITION),
}


def test_keys_are_wrapped_as_recorded() -> None:
    """A wrap is bound to its page and position; a page key has the highest position."""
    for name, (outer, inner, position) in WRAPS.items():
        wrapping, key = AESGCM(recorded.octets(f"at_rest.{outer}")), recorded.octets(f"at_rest.{inner}")
        wrapped = wrap(wrapping, recorded.field(f"at_rest.{name}", "nonce"), key, PAGE, position)

        assert wrapped == recorded.octets(f"at_rest.{name}")
        assert unwrap(wrapping, wrapped, PAGE, position) == key
        opened = wrapping.decrypt(wrapped[:12], wrapped[12:], recorded.octets(f"at_rest.{name}_aad"))
        assert opened == key


def test_an_entry_is_sealed_as_recorded() -> None:
    """Its key is used once, so its nonce is zero."""
    key = recorded.octets("at_rest.data_key")

    assert seal(key, b"an entry of a journal") == recorded.octets("at_rest.entry")
    assert unseal(key, recorded.octets("at_rest.entry")) == b"an entry of a journal"


def test_a_journal_is_chained_as_recorded() -> None:
    """The chain runs over the statements of batches, never over ciphertext."""
    previous = bytes(48)

    for position in (0, 1):
        entry = recorded.octets(f"origin.batch_{position}")
        previous = chain_value(Journal.RECORDS, position, 1, digest(entry), previous)
        assert previous == recorded.octets(f"at_rest.chain_{position}")
        assert digest(recorded.octets(f"at_rest.chained_{position}")) == previous
