"""A reader whose gateway was put back: persons say so, the account begins again, and the old one is evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.restore import Restore
from gateway.core.errors import Refused
from gateway.core.ledger.entries import Restored
from gateway.core.ledger.reader import LedgerReader
from gateway.core.suite.algorithms import ZERO_HASH, digest
from gateway.core.suite.tree import leaf_hash
from tests.reference.making import GENESIS
from tests.unit.ledger.honest import LEDGER_PUBLIC, MINE, OTHERS, HonestGateway, a_gateway

LIVES = (b"incarnation 16 b", b"another life 16b", b"and a third life", b"and a fourth one")


def a_reader(gateway: HonestGateway, *held: bytes) -> LedgerReader:
    """A reader that has followed the gateway so far and keeps these entries."""
    reader = LedgerReader(GENESIS, MINE)
    reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC)
    for entry in held:
        reader.settle(entry)
    reader.flush()
    return reader


def lived_on(incarnation: bytes, *entries: bytes) -> HonestGateway:
    """The gateway after a restore: another place, another ledger, two ticks over these entries."""
    gateway = HonestGateway(incarnation=incarnation)
    gateway.open(MINE)
    gateway.open(OTHERS)
    gateway.tick()
    gateway.enter(MINE, *entries)
    gateway.tick()
    return gateway


def kept(gateway: HonestGateway, new: bytes = LIVES[1]) -> Restore:
    """The restore that keeps everything."""
    last = gateway.book.last_tick
    assert last is not None
    return Restore(gateway.incarnation, new, gateway.book.ticks.size - 1, digest(last.statement))


def refusal(reader: LedgerReader, gateway: HonestGateway, *restores: Restore) -> str:
    """The code with which the reader refuses the gateway's last tick; nothing of it is taken."""
    before = reader.encode()
    with pytest.raises(Refused) as caught:
        reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC, restores)
    assert reader.encode() == before
    return caught.value.code


@pytest.mark.must("6.4.4")
def test_a_restored_store_is_followed_from_nothing() -> None:
    """What was held proves what was; of the new account nothing is held, owed or placed before its first tick."""
    before = a_gateway(b"a", b"b")
    reader, gateway = a_reader(before, b"a"), lived_on(LIVES[1], b"b", b"c")
    root, state = reader.held.root(), reader.encode()
    reader.begin_stream()

    reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC, [kept(before)])

    assert (reader.incarnation, reader.next_tick, reader.held.size) == (LIVES[1], 2, 0)
    assert reader.owed == reader.fresh == [leaf_hash(b"b"), leaf_hash(b"c")]
    assert reader.place == gateway.book.accounts[MINE].place
    closed = reader.closed
    assert closed is not None
    assert (closed.incarnation, closed.last.number, closed.ticks_kept) == (LIVES[0], 0, 1)
    assert (closed.size, closed.root, closed.restores) == (1, root, (kept(before),))
    assert closed.state == state
    assert LedgerReader.decode(closed.state, GENESIS, MINE).owed == [leaf_hash(b"b")]
    again = LedgerReader.decode(reader.encode(), GENESIS, MINE)
    assert (again.incarnation, again.owed, again.held.size) == (LIVES[1], reader.owed, 0)


def test_the_next_tick_closes_nothing_more() -> None:
    """An account is closed once."""
    before = a_gateway(b"a")
    reader, gateway = a_reader(before), lived_on(LIVES[1], b"b")
    reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC, [kept(before)])
    gateway.enter(MINE, b"c")
    gateway.tick()

    reader.accept(gateway.message(1, 2)[1], [], LEDGER_PUBLIC, [kept(before)])

    assert reader.closed is None
    assert reader.fresh == [leaf_hash(b"c")]
    assert reader.owed == [leaf_hash(b"b"), leaf_hash(b"c")]


def test_leaves_owed_before_are_not_new_when_a_stream_resumes() -> None:
    """A leaf counts from the first tick that was seen over it."""
    gateway = a_gateway(b"a")
    reader = a_reader(gateway)
    gateway.enter(MINE, b"b")
    gateway.tick()
    reader.begin_stream()

    reader.accept(gateway.message(0, 1)[1], [], LEDGER_PUBLIC)

    assert reader.owed == [leaf_hash(b"a"), leaf_hash(b"b")]
    assert reader.fresh == [leaf_hash(b"b")]


@pytest.mark.must("6.4.4")
def test_several_restores_lead_to_the_present_life() -> None:
    """A partner that was away for long misses lives of the store altogether."""
    before = a_gateway(b"a")
    way = [kept(before), Restore(LIVES[1], LIVES[2], 0, ZERO_HASH), Restore(LIVES[2], LIVES[3], 9, digest(b"K"))]
    reader, gateway = a_reader(before), lived_on(LIVES[3], b"b")

    reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC, way)

    assert reader.closed is not None
    assert reader.closed.restores == tuple(way)
    assert (reader.incarnation, reader.closed.ticks_kept) == (LIVES[3], 1)


@pytest.mark.must("6.4.4")
@pytest.mark.parametrize("which", ["none", "of another life", "to another life", "a gap", "the other way"])
def test_without_a_way_another_life_is_refused(which: str) -> None:
    """A gateway that restores by itself is a gateway that went back."""
    before = a_gateway(b"a")
    ways: dict[str, tuple[Restore, ...]] = {
        "none": (),
        "of another life": (replace(kept(before), old=LIVES[2]),),
        "to another life": (kept(before, LIVES[2]),),
        "a gap": (kept(before, LIVES[2]), Restore(LIVES[3], LIVES[1], 0, ZERO_HASH)),
        "the other way": (Restore(LIVES[1], LIVES[0], 0, ZERO_HASH),),
    }

    assert refusal(a_reader(before), lived_on(LIVES[1]), *ways[which]) == "ledger-incarnation"


@pytest.mark.must("6.4.16")
def test_a_restore_that_keeps_another_tick_than_the_one_seen_is_refused() -> None:
    """Two ticks of one number are a fork, and no restore explains it."""
    before = a_gateway(b"a")
    forged = replace(kept(before), tick_digest=digest(b"another tick of that number"))

    assert refusal(a_reader(before), lived_on(LIVES[1]), forged) == "restore-contradicts"


@pytest.mark.parametrize(
    "restore", [Restore(*LIVES[:2], 7, digest(b"a tick not seen")), Restore(*LIVES[:2], 0, ZERO_HASH)]
)
def test_a_tick_that_was_not_seen_cannot_be_compared(restore: Restore) -> None:
    """The store kept more than this party saw, or less: both are the operators' word alone."""
    reader = a_reader(a_gateway(b"a"), b"a")

    reader.accept(lived_on(LIVES[1]).message(0, 0)[1], [], LEDGER_PUBLIC, [restore])

    assert reader.closed is not None
    assert reader.closed.ticks_kept == restore.ticks_kept


def test_a_lie_about_the_new_account_closes_nothing() -> None:
    """A tick is taken whole or not at all, also the first one of a life."""
    before, gateway = a_gateway(b"a"), lived_on(LIVES[1], b"b")
    reader, message = a_reader(before, b"a"), gateway.message(0, 0)[1]
    state = reader.encode()

    for lie in (replace(message, leaves=()), replace(message, ledger_nodes=()), replace(message, salt=bytes(32))):
        with pytest.raises(Refused):
            reader.accept(lie, [], LEDGER_PUBLIC, [kept(before)])
        assert (reader.encode(), reader.closed, reader.held.size) == (state, None, 1)


def test_the_house_says_what_the_operators_said() -> None:
    """Whoever reads the house's account sees why everything begins anew."""
    body = kept(a_gateway(b"a")).encode()

    assert Restored(body).encode() == b"SLUICE1/restore\x00\x01" + body


def test_a_reader_that_has_seen_nothing_closes_nothing() -> None:
    """A fresh party needs no restore."""
    reader, gateway = LedgerReader(GENESIS, MINE), lived_on(LIVES[1], b"b")

    assert reader.closed_by([Restore(*LIVES[:2], 0, ZERO_HASH)], LIVES[1]) is None
    reader.accept(gateway.message(0, 0)[1], [], LEDGER_PUBLIC)
    assert reader.closed is None
