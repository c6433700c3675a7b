"""A reader of the ledger: it follows an honest gateway through anything, and names every lie of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import TickMessage, parse_tick, sign_tick
from gateway.core.suite.octets import u8, u16, u32, u64
from gateway.core.suite.tree import GrowingTree, leaf_hash, tree_root
from tests.reference.making import GENESIS
from tests.reference.recorded import signing_key, verify_key
from tests.unit.ledger.honest import LEDGER, LEDGER_PUBLIC, MINE, OTHERS, HonestGateway, a_gateway


class Party:
    """One reader with the entries it holds and those on their way."""

    def __init__(self, gateway: HonestGateway) -> None:
        self.gateway = gateway
        self.reader = LedgerReader(GENESIS, MINE)
        self.told = 0
        self.is_waiting = True
        self.entries: list[bytes] = []

    def tick(self, _: int) -> None:
        """A tick is signed and shown."""
        self.gateway.tick()
        before, message = self.gateway.message(self.told, self.reader.next_tick)
        self.reader.accept(message, before, LEDGER_PUBLIC)
        self.told, self.is_waiting = message.size, False

    def unseen_tick(self, _: int) -> None:
        """A tick is signed and this party is not shown it."""
        self.gateway.tick()

    def enter(self, count: int) -> None:
        """Entries for this party and for another."""
        made = [b"entry %d of %d" % (number, len(self.gateway.journal)) for number in range(count)]
        self.gateway.enter(MINE, *made)
        self.gateway.enter(OTHERS, *made)
        self.entries += made

    def open(self, count: int) -> None:
        """Accounts of others are opened: the tree of accounts may double."""
        for number in range(count):
            self.gateway.open(b"account %d of %d" % (number, len(self.gateway.journal)))

    def settle(self, count: int) -> None:
        """Some of what is owed arrives; on a new stream nothing does before its first tick."""
        for _ in range(0 if self.is_waiting else min(count, len(self.reader.owed))):
            self.reader.settle(self.entries[self.reader.held.size])

    def store(self, _: int) -> None:
        """What arrived is stored by the party."""
        self.reader.flush()

    def resume(self, _: int) -> None:
        """A new stream: told again from what is held."""
        self.reader.begin_stream()
        self.told, self.is_waiting = self.reader.held.size, True

    def restart(self, _: int) -> None:
        """The party's process is another one with the same state."""
        self.reader = LedgerReader.decode(self.reader.encode(), GENESIS, MINE)
        self.resume(0)


STEPS: list[Callable[[Party, int], None]] = [
    Party.tick,
    Party.unseen_tick,
    Party.enter,
    Party.open,
    Party.settle,
    Party.store,
    Party.resume,
    Party.restart,
]


@pytest.mark.must("6.1.6", "6.3.2")
@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 5)), max_size=30))
def test_an_honest_gateway_is_followed_through_any_schedule(
    schedule: list[tuple[Callable[[Party, int], None], int]],
) -> None:
    """Accounts added, ticks skipped, streams resumed, restarts and a doubling tree: nothing is mistaken for a lie."""
    gateway = HonestGateway()
    gateway.open(OTHERS)
    gateway.open(MINE)
    party = Party(gateway)

    for step, count in schedule:
        step(party, count)
    party.resume(0)
    party.tick(0)
    party.settle(10**6)

    assert party.reader.owed == []
    assert (party.reader.held.size, party.reader.next_tick) == (len(party.entries), gateway.book.ticks.size)
    assert party.reader.held.root() == tree_root([leaf_hash(entry) for entry in party.entries])
    assert party.reader.last is not None
    assert party.reader.last.ledger == gateway.book.ticks.root(gateway.book.ticks.size - 1)


def test_more_leaves_than_a_tick_holds_come_before_it() -> None:
    """A tick message has a bound; what is over it is shown first."""
    gateway = a_gateway()
    gateway.enter(MINE, *(b"%d" % number for number in range(16_400)))
    gateway.tick()
    reader = LedgerReader(GENESIS, MINE)

    before, message = gateway.message(0, 0)
    reader.accept(message, before, LEDGER_PUBLIC)

    assert (len(before), len(message.leaves)) == (16, 16_384)
    assert len(reader.owed) == 16_400


def test_a_reader_knows_nothing_before_its_first_tick() -> None:
    """Zero stands for none, as in a Hello."""
    reader = LedgerReader(GENESIS, MINE)

    assert (reader.incarnation, reader.next_tick, reader.last, reader.place) == (bytes(16), 0, None, None)


def test_a_reader_knows_the_incarnation_and_place_of_its_first_tick() -> None:
    """Both are kept for the life of the store."""
    gateway = a_gateway()
    reader = LedgerReader(GENESIS, MINE)

    reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC)

    assert reader.incarnation == gateway.incarnation
    assert reader.place == gateway.book.accounts[MINE].place


# Lies ----------------------------------------------------------------------------------------------------------------


def a_reader(gateway: HonestGateway, *held: bytes) -> LedgerReader:
    """A reader that has followed the gateway so far and settled these entries."""
    reader = LedgerReader(GENESIS, MINE)
    reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC)
    for entry in held:
        reader.settle(entry)
    return reader


def _refused(reader: LedgerReader, message: TickMessage, leaves: list[bytes] | None = None) -> str:
    before = reader.encode()
    with pytest.raises(Refused) as refusal:
        reader.accept(message, leaves or [], LEDGER_PUBLIC)
    assert reader.encode() == before
    return refusal.value.code


def _replace_account(gateway: HonestGateway, *entries: bytes) -> None:
    tree = GrowingTree()
    for entry in entries:
        tree.append(leaf_hash(entry))
    gateway.book.accounts[MINE].tree = tree


@pytest.mark.must("6.4.11", "6.4.12", "6.4.13")
@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ((b"a", b"B", b"c"), "account-rewritten"),
        ((b"b", b"a", b"c"), "account-rewritten"),
        ((b"a", b"c"), "account-rewritten"),
        ((b"a", b"c", b"d"), "account-rewritten"),
        ((b"a",), "ledger-shrank"),
        ((), "ledger-shrank"),
    ],
    ids=["rewritten", "reordered", "dropped", "dropped and filled up", "shorter", "emptied"],
)
def test_an_account_that_lost_or_changed_a_leaf_is_refused(entries: tuple[bytes, ...], code: str) -> None:
    """What was entered once stays: the size, the root and the leaves must add up."""
    gateway = a_gateway(b"a", b"b")
    reader = a_reader(gateway, b"a", b"b")
    _replace_account(gateway, *entries)
    gateway.tick()

    assert _refused(reader, gateway.message(2, 1)[1]) == code


@pytest.mark.must("6.4.12")
def test_a_leaf_that_is_listed_but_not_entered_is_refused() -> None:
    """Leaves shown beside a tick must be those of its root."""
    gateway = a_gateway(b"a")
    reader = a_reader(gateway, b"a")
    gateway.enter(MINE, b"b")
    gateway.tick()
    message = gateway.message(1, 1)[1]

    assert _refused(reader, replace(message, leaves=(leaf_hash(b"x"),))) == "account-rewritten"
    assert _refused(reader, replace(message, leaves=())) == "account-rewritten"
    assert _refused(reader, message, [leaf_hash(b"x")]) == "account-rewritten"


@pytest.mark.must("6.4.10")
def test_a_resumed_stream_that_forgets_an_owed_leaf_is_refused() -> None:
    """A disclosure once shown under a tick is owed until it came, over any number of connections."""
    gateway = a_gateway(b"a", b"b")
    reader = a_reader(gateway, b"a")
    reader.begin_stream()
    _replace_account(gateway, b"a", b"x")
    gateway.tick()

    assert _refused(reader, gateway.message(1, 1)[1]) == "account-rewritten"


@pytest.mark.must("6.4.7")
def test_a_forked_ledger_is_refused() -> None:
    """Two parties shown two ledgers find out at their next tick, each alone."""
    gateway = a_gateway(b"a")
    reader = a_reader(gateway)
    forked = GrowingTree()
    forked.append(leaf_hash(b"another first tick"))
    gateway.book.ticks = forked
    draft = gateway.draft()
    gateway.shown = (draft, sign_tick(draft.statement, LEDGER))

    assert _refused(reader, gateway.message(1, 1)[1]) == "ledger-forked"


@pytest.mark.must("6.4.6")
@pytest.mark.must("1.5.3")
@pytest.mark.parametrize("unseen", [0, 1, 2, 5])
def test_a_spare_and_a_missing_ledger_node_are_refused(unseen: int) -> None:
    """The nodes lead from the last tick to this one, exactly."""
    gateway = a_gateway(b"a")
    reader = a_reader(gateway)
    for _ in range(unseen + 1):
        gateway.tick()
    message = gateway.message(1, 1)[1]

    spare = replace(message, ledger_nodes=(*message.ledger_nodes, bytes(48)))
    assert _refused(reader, spare) == "ledger-forked"
    if unseen:
        with pytest.raises(Refused, match="too few ledger nodes"):
            reader.accept(replace(message, ledger_nodes=message.ledger_nodes[:-1]), [], LEDGER_PUBLIC)
        flipped = (*message.ledger_nodes[:-1], bytes(48))
        assert _refused(reader, replace(message, ledger_nodes=flipped)) == "ledger-forked"
    reader.accept(message, [], LEDGER_PUBLIC)


@pytest.mark.must("6.4.6")
def test_a_first_tick_without_its_ledger_is_refused() -> None:
    """A reader without a tick is shown the ledger from the beginning."""
    gateway = a_gateway(b"a")
    gateway.tick()

    assert _refused(LedgerReader(GENESIS, MINE), gateway.message(0, 1)[1]) == "ledger-forked"


@pytest.mark.must("6.4.5")
def test_a_tick_shown_twice_or_an_earlier_one_is_refused() -> None:
    """Ticks count up."""
    gateway = a_gateway(b"a")
    earlier = gateway.message(0, 0)[1]
    reader = a_reader(gateway)
    gateway.tick()
    latest = gateway.message(1, 1)[1]
    reader.accept(latest, [], LEDGER_PUBLIC)

    assert _refused(reader, latest) == "ledger-shrank"
    assert _refused(reader, earlier) == "ledger-shrank"


@pytest.mark.must("6.4.8")
def test_an_account_that_moved_is_refused() -> None:
    """A second account of the same name elsewhere would be a second story."""
    gateway = a_gateway(b"a")
    reader = a_reader(gateway)
    moved = HonestGateway()
    place = gateway.book.accounts[MINE].place
    moved.commit(2, len(MINE).to_bytes(2, "big") + MINE + u32(1 - place))
    moved.enter(MINE, b"a")
    moved.book.ticks = gateway.book.ticks
    draft = moved.draft()
    moved.shown = (draft, sign_tick(draft.statement, LEDGER))

    assert _refused(reader, moved.message(1, 1)[1]) == "account-moved"


@pytest.mark.must("6.4.9")
@pytest.mark.parametrize("field", ["salt", "size", "root", "path"])
def test_an_account_that_is_not_under_the_tick_is_refused(field: str) -> None:
    """Salt, size, root and path lead to the signed root, or the account is not covered."""
    message = a_gateway(b"a").message(0, 0)[1]
    lies: dict[str, TickMessage] = {
        "salt": replace(message, salt=bytes(32)),
        "size": replace(message, size=2),
        "root": replace(message, root=bytes(48)),
        "path": replace(message, path=(*message.path, bytes(48))),
    }

    assert _refused(LedgerReader(GENESIS, MINE), lies[field]) == "account-not-covered"


@pytest.mark.must("6.4.9")
def test_the_account_of_another_is_refused() -> None:
    """Nobody is shown somebody else's account as his own."""
    message = a_gateway(b"a").message(0, 0, OTHERS)[1]

    assert _refused(LedgerReader(GENESIS, MINE), message) == "account-not-covered"


@pytest.mark.must("6.4.4")
def test_another_life_of_the_store_is_refused_without_a_restore() -> None:
    """A restore from backup is said by two persons, never by the gateway alone."""
    reader = a_reader(a_gateway(b"a"))
    restored = HonestGateway(incarnation=b"another life 16b")
    restored.open(MINE)
    restored.tick()
    restored.tick()

    assert _refused(reader, restored.message(0, 0)[1]) == "ledger-incarnation"


@pytest.mark.must("6.4.3")
def test_a_tick_of_another_genesis_is_refused() -> None:
    """One key, one genesis."""
    gateway = HonestGateway(genesis=bytes(48))
    gateway.open(MINE)

    assert _refused(LedgerReader(GENESIS, MINE), gateway.message(0, 0)[1]) == "tick-genesis"


@pytest.mark.must("6.4.2")
def test_a_tick_signed_by_another_key_is_refused() -> None:
    """Only the endorsed ledger key speaks for the ledger, and a tick names the key that signed it."""
    gateway = HonestGateway(key=signing_key("gateway-stream"))
    gateway.open(MINE)
    message = gateway.message(0, 0)[1]
    resigned = replace(message, signature=sign_tick(message.statement, LEDGER))

    assert _refused(LedgerReader(GENESIS, MINE), message) == "tick-signature"
    assert _refused(LedgerReader(GENESIS, MINE), resigned) == "tick-key"
    assert parse_tick(message.statement).key_id == verify_key("gateway-stream").key_id


@pytest.mark.must("6.4.14")
def test_an_entry_that_is_not_the_next_leaf_is_refused() -> None:
    """Disclosures arrive in the order of the account, once each, and nothing arrives that is not in it."""
    reader = a_reader(a_gateway(b"a", b"b"))

    for entry in (b"b", b"x", b""):
        with pytest.raises(Refused) as refusal:
            reader.settle(entry)
        assert refusal.value.code == "disclosure-not-owed"
    reader.settle(b"a")
    reader.settle(b"b")
    with pytest.raises(Refused):
        reader.settle(b"b")
    assert reader.held.size == 2


def test_a_kept_state_is_consumed_exactly() -> None:
    """A state that was cut or filled up is not taken for a smaller or larger one."""
    state = a_reader(a_gateway(b"a", b"b"), b"a").encode()

    for came in (state[:-1], state + b"\x00", b""):
        with pytest.raises(Refused) as refusal:
            LedgerReader.decode(came, GENESIS, MINE)
        assert refusal.value.code == "malformed"


@pytest.mark.must("6.6.2")
def test_what_was_settled_but_not_stored_is_owed_again_after_a_restart() -> None:
    """A record that was verified and lost with the process is asked for again; one that was stored is not."""
    reader = a_reader(a_gateway(b"a", b"b", b"c"), b"a")
    reader.flush()
    reader.settle(b"b")

    again = LedgerReader.decode(reader.encode(), GENESIS, MINE)

    assert (reader.held.size, reader.owed) == (2, [leaf_hash(b"c")])
    assert (again.held.size, again.owed) == (1, [leaf_hash(b"b"), leaf_hash(b"c")])
    assert again.encode() == reader.encode()
    again.settle(b"b")
    again.flush()
    assert LedgerReader.decode(again.encode(), GENESIS, MINE).held.root() == reader.held.root()


@pytest.mark.parametrize("place", [u8(2) + u32(1), u8(0) + u32(1)])
def test_a_kept_state_with_half_a_place_is_refused(place: bytes) -> None:
    """A state has one encoding."""
    with pytest.raises(Refused, match="`place` of a ledger state"):
        LedgerReader.decode(u16(0) + u8(0) + place + u64(0) + u8(0) + u32(0), GENESIS, MINE)


def test_a_kept_state_with_a_count_beyond_its_bytes_is_refused() -> None:
    """Nothing is allocated for a count that the bytes cannot hold."""
    empty = u16(0) + u8(0) + u8(0) + u32(0) + u64(0) + u8(0)
    LedgerReader.decode(empty + u32(0), GENESIS, MINE)

    with pytest.raises(Refused, match="no more than the bytes can hold"):
        LedgerReader.decode(empty + u32(2**32 - 1), GENESIS, MINE)
