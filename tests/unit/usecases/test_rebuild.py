"""Laws of a start: the journals agree with each other and with the floor, or nothing is served from them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.adapters.memory import UnsafeMemoryFloor, UnsafeMemoryJournals
from gateway.core.control.entry import parse_entry
from gateway.core.errors import Fault, GatewayError
from gateway.core.ledger.book import (
    KIND_ENTRIES,
    KIND_TICK,
    encode_account_entries,
    parse_account_entries,
    parse_stored_tick,
)
from gateway.core.ledger.tick import parse_tick, sign_tick
from gateway.core.records.states import parse_stored_batch
from gateway.core.suite.octets import lp16
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal
from gateway.usecases.lanes import KIND_ADMITTED, KIND_REFUSED
from gateway.usecases.rebuild import check_batches, entries_of, rebuild
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import HouseKeys, Origin

Rows = dict[Journal, list[tuple[int, bytes]]]


@pytest.fixture(scope="module")
def ran() -> House:
    """A house that ran: five batches of two sources in turn, a follower, and two statements on the way."""

    async def scenario() -> House:
        async with a_house() as house:
            origins = [Origin(house.control().genesis), Origin(house.control().genesis, "src-91c2")]
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            for number in range(5):
                await house.admit(origins[number % 2].batch())
            await follower.received(5)
            await follower.drop()
            await house.suspend("source/src-91c2")
            await house.lift("source/src-91c2")
            house.ticker.finish()
            await house.tasks[-1]
            await house.ticker.raise_floor()
            return house

    return asyncio.run(scenario())


def rows_of(house: House) -> Rows:
    """What an insider with the keys of the store would read."""
    return {journal: [(kind, entry) for _, kind, entry in entries_of(house.journals, journal)] for journal in Journal}


def written(rows: Rows) -> UnsafeMemoryJournals:
    """A store whose own chains are in order, whatever is in it."""
    journals = UnsafeMemoryJournals()
    appends = [
        Append(journal, place, kind, entry)
        for journal, entries in rows.items()
        for place, (kind, entry) in enumerate(entries)
    ]
    asyncio.run(journals.commit(appends))
    return journals


def refusal(rows: Rows, mark: FloorMark) -> Fault:
    """How a start over these rows ends."""
    with pytest.raises(Fault) as caught:
        rebuild(written(rows), HouseKeys(), UnsafeMemoryFloor(mark), every_signature=True)
    return caught.value


def test_an_untouched_store_starts(ran: House) -> None:
    """The refusals below are for what was changed."""
    folds = rebuild(written(rows_of(ran)), HouseKeys(), ran.floor, every_signature=True)

    assert folds.control.position == ran.control().position
    assert folds.ticks == ran.ticker.number + 1
    assert folds.lanes.admitted == 5


def _without(journal: Journal, place: int) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        del rows[journal][place]

    return edit


def _swapped(journal: Journal, one: int, other: int) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        rows[journal][one], rows[journal][other] = rows[journal][other], rows[journal][one]

    return edit


def _kind(journal: Journal, place: int, kind: int) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        rows[journal][place] = (kind, rows[journal][place][1])

    return edit


def _flipped(journal: Journal, place: int, offset: int) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        kind, entry = rows[journal][place]
        changed = bytearray(entry)
        changed[offset] ^= 1
        rows[journal][place] = (kind, bytes(changed))

    return edit


def _last_entries_left_out(rows: Rows) -> None:
    """The last account entries before the last tick, so that everything else still follows."""
    place = max(i for i, (kind, _) in enumerate(rows[Journal.LEDGER]) if kind == KIND_ENTRIES)
    items = parse_account_entries(rows[Journal.LEDGER][place][1])
    rows[Journal.LEDGER][place] = (KIND_ENTRIES, encode_account_entries(items[:-1]))


def _cut_to_the_first_tick(rows: Rows) -> None:
    """Everything since the first tick is gone, in the ledger alone."""
    first = next(i for i, (kind, _) in enumerate(rows[Journal.LEDGER]) if kind == KIND_TICK)
    del rows[Journal.LEDGER][first + 1 :]


def _applied_at(rows: Rows) -> None:
    """A statement whose time of application was changed to before the one before it."""
    kind, entry = rows[Journal.CONTROL][-1]
    rows[Journal.CONTROL][-1] = (kind, replace(parse_entry(entry), applied_at_ms=1).encode())


EDITS: list[tuple[str, Callable[[Rows], None], set[str]]] = [
    ("the last batch is gone", _without(Journal.RECORDS, -1), {"journal-damaged"}),
    ("a batch in the middle is gone", _without(Journal.RECORDS, 2), {"journal-damaged"}),
    ("the first batch is gone", _without(Journal.RECORDS, 0), {"journal-damaged"}),
    ("two batches of one lane are swapped", _swapped(Journal.RECORDS, 0, 2), {"journal-damaged"}),
    ("an admitted batch is called refused", _kind(Journal.RECORDS, 1, KIND_REFUSED), {"journal-damaged"}),
    ("a batch of an unknown kind", _kind(Journal.RECORDS, 1, 9), {"journal-damaged"}),
    ("the last statement is gone", _without(Journal.CONTROL, -1), {"ledger-damaged", "journal-damaged"}),
    ("a statement in the middle is gone", _without(Journal.CONTROL, 3), {"journal-damaged"}),
    ("the genesis is gone", _without(Journal.CONTROL, 0), {"journal-damaged"}),
    ("every statement is gone", lambda rows: rows[Journal.CONTROL].clear(), {"journal-damaged"}),
    ("a statement of an unknown kind", _kind(Journal.CONTROL, 2, 9), {"journal-damaged"}),
    ("a statement's body is changed", _flipped(Journal.CONTROL, 2, 300), {"journal-damaged"}),
    ("a statement's time is changed", _applied_at, {"journal-damaged"}),
    ("the last tick is gone", _without(Journal.LEDGER, -1), {"store-below-floor"}),
    ("a tick in the middle is gone", _without(Journal.LEDGER, 5), {"journal-damaged", "ledger-damaged"}),
    ("the ledger is cut", _cut_to_the_first_tick, {"journal-damaged", "ledger-damaged", "store-below-floor"}),
    ("an account entry is left out", _last_entries_left_out, {"ledger-damaged", "journal-damaged"}),
    ("the first entry is gone", _without(Journal.LEDGER, 0), {"journal-damaged", "ledger-damaged"}),
    ("an entry of an unknown kind", _kind(Journal.LEDGER, 4, 9), {"journal-damaged"}),
]


@pytest.mark.parametrize(("what", "edit", "codes"), EDITS, ids=[what for what, _, _ in EDITS])
def test_a_rewritten_store_is_named_at_the_start(
    ran: House, what: str, edit: Callable[[Rows], None], codes: set[str]
) -> None:
    """By somebody who holds the store's own keys and makes every chain good again."""
    rows = rows_of(ran)
    edit(rows)

    assert refusal(rows, ran.floor.read()).code in codes


def test_records_and_ledger_shortened_alike_are_caught_by_the_floor(ran: House) -> None:
    """An older store, whole in itself, put back in its place."""
    rows = rows_of(ran)
    last_batch = max(
        i
        for i, (kind, entry) in enumerate(rows[Journal.LEDGER])
        if kind == KIND_ENTRIES and b"SLUICE1/admitted" in entry
    )
    del rows[Journal.LEDGER][last_batch:]
    del rows[Journal.RECORDS][-1:]
    del rows[Journal.CONTROL][-2:]

    assert refusal(rows, ran.floor.read()).code == "store-below-floor"


@pytest.mark.parametrize(
    "change",
    [
        lambda mark: replace(mark, incarnation=b"o" * 16),
        lambda mark: replace(mark, tick=mark.tick + 1),
        lambda mark: replace(mark, control_size=mark.control_size + 1),
    ],
    ids=["incarnation", "tick", "statements"],
)
def test_a_store_below_its_floor_stays_sealed(ran: House, change: Callable[[FloorMark], FloorMark]) -> None:
    """Each of the three numbers is a lower bound."""
    assert refusal(rows_of(ran), change(ran.floor.read())).code == "store-below-floor"


def test_a_ledger_signed_by_another_key_is_refused(ran: House) -> None:
    """Also when only the last tick's signature is looked at, and with the stream's key, which signs no ticks."""
    rows = rows_of(ran)
    kind, entry = rows[Journal.LEDGER][-1]
    tick = parse_stored_tick(entry)
    key = HouseKeys().stream()
    others = replace(parse_tick(tick.statement), key_id=key.key_id).encode()
    forged = lp16(others) + lp16(sign_tick(others, key)) + entry[4 + len(tick.statement) + len(tick.signature) :]
    rows[Journal.LEDGER][-1] = (kind, forged)

    for every in (True, False):
        with pytest.raises(Fault) as caught:
            rebuild(written(rows), HouseKeys(), ran.floor, every_signature=every)
        assert (kind, caught.value.code) == (KIND_TICK, "ledger-damaged")


def test_every_batch_is_verified_under_its_sources_key(ran: House) -> None:
    """What `sluice verify` says of RECORDS."""
    journals = written(rows_of(ran))

    assert check_batches(journals, ran.control()) == (5, 5, 0)


def test_a_batch_with_other_records_than_its_source_signed_is_found(ran: House) -> None:
    """The chain is over what was signed; the records lead to its root."""
    rows = rows_of(ran)
    one, other = (parse_stored_batch(rows[Journal.RECORDS][place][1]) for place in (0, 2))
    rows[Journal.RECORDS][0] = (KIND_ADMITTED, replace(one, views=other.views).encode())
    with pytest.raises(Fault) as caught:
        check_batches(written(rows), ran.control())
    assert caught.value.code == "journal-damaged"

    rows = rows_of(ran)
    signature = one.signed.signature[:-1] + bytes([one.signed.signature[-1] ^ 1])
    rows[Journal.RECORDS][0] = (KIND_ADMITTED, replace(one, signed=replace(one.signed, signature=signature)).encode())
    with pytest.raises(GatewayError) as forged:
        check_batches(written(rows), ran.control())
    assert forged.value.code == "batch-signature"


def test_a_batch_stored_twice_is_counted(ran: House) -> None:
    """Nothing is doubled, and the figure says so."""
    rows = rows_of(ran)
    rows[Journal.RECORDS].append(rows[Journal.RECORDS][0])

    assert check_batches(written(rows), ran.control()) == (6, 6, 1)
