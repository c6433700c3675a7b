"""The gateway's book: a fold over its journal that gives the same again, and takes no other journal for its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Fault, Refused
from gateway.core.ledger import book as books
from gateway.core.ledger.book import AccountEntry, Book, parse_account_entries, parse_stored_tick
from gateway.core.suite.numbers import MAX_TICK_LEAVES
from gateway.core.suite.octets import lp16, u32
from gateway.core.suite.tree import leaf_hash
from tests.reference import making
from tests.unit.ledger.honest import LEDGER_PUBLIC, MINE, OTHERS, HonestGateway, a_gateway


def test_a_book_folded_again_is_the_same_book() -> None:
    """There is no other database: the journal is the book."""
    gateway = a_gateway(b"a", b"b")
    gateway.enter(MINE, b"c")
    gateway.tick()

    again = Book(making.GENESIS)
    for position, (kind, entry) in enumerate(gateway.journal):
        again.apply(position, kind, entry)

    assert again.size == gateway.book.size == len(gateway.journal)
    assert again.last_tick == gateway.book.last_tick
    assert again.ticks.root(again.ticks.size) == gateway.book.ticks.root(gateway.book.ticks.size)
    account, original = again.account_of(MINE), gateway.book.account_of(MINE)
    assert account is not None
    assert original is not None
    assert (account.place, account.positions) == (original.place, original.positions)
    assert account.tree.leaves(0, 3) == [leaf_hash(entry) for entry in (b"a", b"b", b"c")]
    assert again.account_of(b"nobody") is None


def test_positions_lead_back_to_an_entry() -> None:
    """What was entered can be read again from the journal."""
    gateway = a_gateway()
    gateway.enter(MINE, b"first", b"second")
    account = gateway.book.accounts[MINE]

    position, index = account.positions[1]

    assert parse_account_entries(gateway.journal[position][1])[index] == AccountEntry(MINE, b"second")


@given(st.lists(st.builds(AccountEntry, st.binary(max_size=20), st.binary(max_size=40), st.binary(max_size=40))))
def test_the_entries_of_one_commit_are_read_back(items: list[AccountEntry]) -> None:
    """In their order, with what opens them for an auditor."""
    assert parse_account_entries(books.encode_account_entries(items)) == items


def test_an_opening_is_read_back_up_to_its_bound_and_no_further() -> None:
    """What lies beside an entry is bounded, and who enters it can know how much fits."""
    longest = AccountEntry(MINE, b"entry", bytes(books.MAX_OPENING_BYTES))
    longer = AccountEntry(MINE, b"entry", bytes(books.MAX_OPENING_BYTES + 1))

    assert parse_account_entries(books.encode_account_entries([longest])) == [longest]
    with pytest.raises(Refused, match=f"at most {books.MAX_OPENING_BYTES}"):
        parse_account_entries(books.encode_account_entries([longer]))


def test_a_stored_tick_holds_what_an_auditor_needs() -> None:
    """K, its signature, and the salts and seed that open what it hides."""
    gateway = a_gateway(b"a")
    assert gateway.shown is not None
    draft, signature = gateway.shown

    stored = parse_stored_tick(draft.encode(signature))

    assert stored == gateway.book.last_tick
    assert (stored.statement, stored.signature) == (draft.statement, signature)
    assert (stored.tick_seed, stored.control_salt) == (draft.tick_seed, draft.control_salt)
    assert (stored.control_position, stored.covered) == (draft.control_position, draft.covered)
    with pytest.raises(Refused, match="1 more came"):
        parse_stored_tick(draft.encode(signature) + b"\x00")


@pytest.mark.must("6.1.6")
@given(st.integers(0, 2**64), st.integers(0, 20))
def test_places_are_free_and_the_tree_doubles_when_they_are_used_up(random: int, count: int) -> None:
    """No two accounts share a place, and there is always room for one more."""
    book = Book(making.GENESIS)
    taken: set[int] = set()

    for number in range(count):
        place = book.free_place(random + number, taken)
        assert place not in taken
        assert place < 2 * (number + 1)
        taken.add(place)


def test_an_empty_book_has_a_tick_too() -> None:
    """A tick over no account hides that there is none."""
    gateway = HonestGateway()

    draft = gateway.draft()

    assert draft.sizes == {}
    assert len(draft.tick.accounts_root) == 48


@pytest.mark.must("6.2.2")
def test_a_tick_shows_sizes_of_its_own_moment() -> None:
    """An account may grow while the signature is in flight; the party is shown what was signed."""
    gateway = a_gateway(b"a")
    gateway.enter(MINE, b"late")

    before, message = gateway.message(0, 0)

    assert (before, message.size, message.leaves) == ([], 1, (leaf_hash(b"a"),))


@pytest.mark.must("6.3.2")
def test_leaves_beyond_a_messages_bound_come_first() -> None:
    """The message holds the last 16,384."""
    gateway = a_gateway()
    gateway.enter(MINE, *(b"%d" % number for number in range(MAX_TICK_LEAVES + 2)))
    gateway.tick()

    before, message = gateway.message(1, 0)

    assert before == [leaf_hash(b"1")]
    assert message.leaves[0] == leaf_hash(b"2")
    message.check_signature(LEDGER_PUBLIC)


@pytest.mark.must("6.2.1")
def test_a_new_incarnation_starts_empty() -> None:
    """Accounts, places, ticks and the ledger tree begin again."""
    gateway = a_gateway(b"a")

    gateway.commit(books.KIND_INCARNATION, b"another life 16b")

    assert gateway.book.incarnation == b"another life 16b"
    assert (gateway.book.accounts, gateway.book.ticks.size, gateway.book.last_tick) == ({}, 0, None)
    gateway.open(MINE)
    gateway.tick()


def _tick_of(gateway: HonestGateway) -> bytes:
    return gateway.draft().encode(making.NO_SIGNATURE)


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        (0, b""),
        (5, b""),
        (books.KIND_INCARNATION, bytes(15)),
        (books.KIND_ACCOUNT, b""),
        (books.KIND_ACCOUNT, lp16(b"third") + u32(9) + b"\x00"),
        (books.KIND_ACCOUNT, lp16(MINE) + u32(9)),
        (books.KIND_ACCOUNT, lp16(b"third") + u32(0)),
        (books.KIND_ENTRIES, b"\x00"),
        (books.KIND_ENTRIES, books.encode_account_entries([AccountEntry(b"nobody", b"x")])),
        (books.KIND_TICK, b""),
        (books.KIND_TICK, _tick_of(HonestGateway())),
        (books.KIND_TICK, _tick_of(HonestGateway(genesis=bytes(48)))),
        (books.KIND_TICK, _tick_of(HonestGateway(incarnation=bytes(16)))),
    ],
    ids=[
        "kind 0", "kind 5", "short incarnation", "no account", "trailing", "account twice", "place twice", "cut entry",
        "nobody's entry", "no tick", "a tick again", "another genesis", "another life",
    ],
)  # fmt: skip
def test_a_journal_that_cannot_follow_is_a_fault_by_name(kind: int, entry: bytes) -> None:
    """A damaged or rewritten ledger does not load, and nothing of it is taken."""
    gateway = a_gateway(b"a")
    size, accounts = gateway.book.size, dict(gateway.book.accounts)

    with pytest.raises(Fault) as fault:
        gateway.commit(kind, entry)

    assert fault.value.code == "journal-damaged"
    assert (gateway.book.size, gateway.book.accounts) == (size, accounts)


def test_a_journal_with_a_gap_is_a_fault() -> None:
    """Positions are contiguous."""
    with pytest.raises(Fault, match="ledger entry 0 was expected, 1 came"):
        Book(making.GENESIS).apply(1, books.KIND_INCARNATION, bytes(16))


@pytest.mark.must("6.3.4")
def test_nobodys_message_names_nobody_elses_account() -> None:
    """Two parties under one tick are shown their own leaves only."""
    gateway = a_gateway(b"a")

    mine, others = gateway.message(0, 0)[1], gateway.message(0, 0, OTHERS)[1]

    assert mine.statement == others.statement
    assert leaf_hash(b"not yours") not in mine.leaves
    assert others.leaves == (leaf_hash(b"not yours"),)
    assert mine.accounts_root(MINE) == others.accounts_root(OTHERS)


def test_a_tick_read_back_is_the_draft_it_was() -> None:
    """What was signed years ago is shown again, path by path, from the entries it speaks of."""
    gateway = a_gateway(b"a", b"b")
    assert gateway.shown is not None
    draft, signature = gateway.shown
    behind = Book(making.GENESIS)
    for position, (kind, entry) in enumerate(gateway.journal[: draft.covered]):
        behind.apply(position, kind, entry)

    again = behind.draft_of(parse_stored_tick(draft.encode(signature)))

    assert again == draft
    assert behind.message(again, signature, MINE, 0, 0) == gateway.message(0, 0)
