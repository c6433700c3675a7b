"""Sealing at rest beyond the vectors: what a wrap is bound to, which page is whose, how many keys stay open."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.adapters.lmdb import sealing
from gateway.core.errors import Fault
from gateway.ports.journal import Journal
from tests.reference.recorded import field, octets

PAGE_KEY = AESGCM(octets("at_rest.page_key"))
TOP_KEY = AESGCM(octets("at_rest.key_encryption_key"))
PLACE = {
    name: (
        int.from_bytes(field(f"at_rest.{name}_aad", "page"), "big"),
        int.from_bytes(field(f"at_rest.{name}_aad", "position"), "big"),
    )
    for name in ("data_key_wrap", "page_key_wrap")
}


def test_a_page_key_is_wrapped_at_the_last_position() -> None:
    """The number no entry can have, so no data key can pass for a page key."""
    assert PLACE["page_key_wrap"][1] == sealing.PAGE_KEY_POSITION
    made = sealing.PageKeys(octets("at_rest.key_encryption_key")).make(
        PLACE["page_key_wrap"][0], octets("at_rest.page_key") + field("at_rest.page_key_wrap", "nonce")
    )[1]

    assert made == octets("at_rest.page_key_wrap")


@pytest.mark.parametrize("change", ["page", "position", "key", "length", "bit"])
def test_a_wrap_opens_nowhere_else(change: str) -> None:
    """A row put elsewhere, or in another page, must stay shut."""
    page, position = PLACE["data_key_wrap"]
    wrap, wrapping = octets("at_rest.data_key_wrap"), PAGE_KEY
    page += change == "page"
    position += change == "position"
    wrapping = TOP_KEY if change == "key" else wrapping
    wrap = wrap + b"\x00" if change == "length" else wrap
    wrap = wrap[:-1] + bytes([wrap[-1] ^ 1]) if change == "bit" else wrap

    with pytest.raises(InvalidTag):
        sealing.unwrap(wrapping, wrap, page, position)


def test_no_two_journals_share_a_page() -> None:
    """The page number carries the journal's, so a row of one journal cannot be put into another."""
    ends = [(sealing.page_of(journal, 0), sealing.page_of(journal, 2**38 - 1)) for journal in Journal]

    assert ends == [(2**30, 2**31 - 1), (2**31, 3 * 2**30 - 1), (3 * 2**30, 2**32 - 1)]
    assert sealing.page_of(Journal.RECORDS, 255) != sealing.page_of(Journal.RECORDS, 256)
    assert sealing.STORE_PAGE not in {page for pair in ends for page in pair}


@pytest.mark.must("7.2.4")
def test_a_journal_ends_where_its_pages_end() -> None:
    """The next page would be another journal's."""
    with pytest.raises(Fault, match="store-full"):
        sealing.page_of(Journal.RECORDS, 2**38)


def test_open_page_keys_are_bounded_and_come_back() -> None:
    """A reader that walks the whole journal must not keep every key of it in memory."""
    keys = sealing.PageKeys(octets("at_rest.key_encryption_key"))
    wraps = {page: keys.make(page, page.to_bytes(44, "big"))[1] for page in range(600)}
    fetched: list[int] = []

    def stored(page: int) -> bytes:
        fetched.append(page)
        return wraps[page]

    opened = [keys.get(page, lambda page=page: stored(page)) for page in range(600)]
    again = keys.get(599, lambda: stored(599))
    first = keys.get(0, lambda: stored(0))

    assert again is opened[599]
    assert first is not opened[0]
    assert fetched == [*range(600), 0]
    assert len(keys._open) == sealing._KEPT_PAGE_KEYS
