"""Entries, ticks and receipts are read back as they were written, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refused
from gateway.core.ledger import entries, tick
from gateway.core.ledger.receipt import (
    MAX_QUARANTINED,
    Quarantined,
    Receipt,
    SignedReceipt,
    encode_quarantine,
    parse_quarantine,
    parse_receipt,
    parse_signed_receipt,
)
from gateway.core.suite.algorithms import digest
from gateway.core.suite.numbers import MAX_TICK_LEAVES, RefusalCode
from gateway.core.suite.octets import lp8, lp16, u8, u16, u32, u64
from tests.reference import making
from tests.reference.recorded import signing_key, verify_key

PARTNER, PARTNER_PUBLIC = signing_key("partner-sign"), verify_key("partner-sign")


@given(making.source_entries)
def test_an_entry_of_a_source_is_read_back(entry: entries.SourceEntry) -> None:
    """Every field, and no byte more."""
    assert entries.parse_source_entry(entry.encode()) == entry
    with pytest.raises(Refused, match="1 more came"):
        entries.parse_source_entry(entry.encode() + b"\x00")


@pytest.mark.must("6.1.5")
@given(making.u64s, making.hashes, making.key_events)
def test_house_entries_are_told_apart_from_those_of_sources(
    position: int, link: bytes, event: entries.KeyEvent
) -> None:
    """Nobody's account holds another kind of entry."""
    for entry in (entries.Applied(position, link).encode(), event.encode(), b"", b"SLUICE1/disclose\x00\x01"):
        with pytest.raises(Refused, match="admitted, refused or disclosed"):
            entries.parse_source_entry(entry)


def test_an_entry_with_an_unknown_code_or_a_partner_without_a_name_is_refused() -> None:
    """Unknown means no."""
    refused = entries.RefusedBatch(bytes(32), bytes(16), 0, bytes(48), RefusalCode.FORK).encode()
    shown = entries.Disclosed(bytes(32), bytes(48), 0, 1, "").encode()

    for came, field in ((refused[:-2] + u16(999), "code"), (shown[:-1] + lp8(b"\xff"), "partner")):
        with pytest.raises(Refused, match=f"`{field}`"):
            entries.parse_source_entry(came)


@pytest.mark.must("6.1.8")
def test_a_disclosed_entry_says_that_something_was_shown() -> None:
    """An entry about nothing would be counted as a record that went out."""
    shown = entries.Disclosed(bytes(32), bytes(48), 0, 1, "usa/arl")

    assert entries.parse_source_entry(shown.encode()) == shown
    with pytest.raises(Refused, match="`mask`") as caught:
        entries.parse_source_entry(replace(shown, mask=0).encode())
    assert caught.value.code == "malformed"


@given(making.names, making.names, making.names)
def test_account_ids_are_told_apart(first: str, second: str, third: str) -> None:
    """No three names make the account of another party, nor of a source, nor of the house."""
    made = entries.partner_account(first, second, third)

    assert made == lp8(first.encode()) + lp8(second.encode()) + lp8(third.encode())
    assert made not in {
        entries.source_account(first),
        entries.HOUSE,
        entries.partner_account(third, second, first + "x"),
    }


@given(making.names, making.names, making.names)
def test_an_account_id_is_printed_for_a_person(first: str, second: str, third: str) -> None:
    """Whose account it is, in words; what is no account id is refused."""
    assert entries.account_name(entries.HOUSE) == "house"
    assert entries.account_name(entries.source_account(first)) == f"source:{first}"
    assert entries.account_name(entries.partner_account(first, second, third)) == f"partner:{first}|{second}|{third}"
    for other in (b"", b"houses", entries.source_account(first) + b"\x00", b"source"):
        with pytest.raises(Refused, match="of a account"):
            entries.account_name(other)


@given(making.ticks)
def test_a_tick_is_read_back(statement: tick.Tick) -> None:
    """Every field, and no byte more."""
    assert tick.parse_tick(statement.encode()) == statement
    with pytest.raises(Refused, match="1 more came"):
        tick.parse_tick(statement.encode() + b"\x00")


@given(making.tick_messages)
def test_a_tick_message_is_read_back(message: tick.TickMessage) -> None:
    """Every field, and no byte more."""
    assert tick.parse_tick_message(message.encode()) == message
    with pytest.raises(Refused, match="1 more came"):
        tick.parse_tick_message(message.encode() + b"\x00")


def a_message(**fields: object) -> bytes:
    """A tick message with these fields."""
    message = tick.TickMessage(b"", making.NO_SIGNATURE, bytes(32), 0, bytes(48), 0, (), (), ())
    return replace(message, **fields).encode()  # type: ignore[arg-type] - the fields are those of the class


@pytest.mark.must("6.3.1")
@pytest.mark.parametrize(
    ("message", "field"),
    [
        (a_message(place=1), "place"),
        (a_message(place=4, path=(bytes(48),) * 2), "place"),
        (a_message(path=(bytes(48),) * 33), "path"),
        (a_message(leaves=(bytes(48),) * (MAX_TICK_LEAVES + 1)), "leaves"),
        (a_message(ledger_nodes=(bytes(48),) * 129), "ledger nodes"),
        (a_message(statement=bytes(1025)), "K"),
    ],
)
def test_a_tick_message_out_of_bounds_is_refused(message: bytes, field: str) -> None:
    """A place lies inside its tree, and every list has its limit."""
    with pytest.raises(Refused, match=f"`{field}` of a tick message"):
        tick.parse_tick_message(message)


def test_the_limits_of_a_tick_message_are_inside_it() -> None:
    """A limit is the last value allowed."""
    nodes = {"path": 32, "leaves": MAX_TICK_LEAVES, "ledger_nodes": 128}

    message = tick.parse_tick_message(a_message(**{field: (bytes(48),) * count for field, count in nodes.items()}))

    assert (len(message.path), len(message.leaves), len(message.ledger_nodes)) == tuple(nodes.values())


@given(making.hashes, st.integers(0, 15), st.lists(making.hashes, min_size=4, max_size=4))
def test_an_account_is_under_one_root_at_one_place(root: bytes, place: int, path: list[bytes]) -> None:
    """Place, salt, size and owner are all in the head or on its way up."""
    made = tick.TickMessage(b"", b"", bytes(32), 3, root, place, tuple(path), (), ())

    others = [
        made.accounts_root(b"another"),
        replace(made, place=place ^ 1).accounts_root(b"mine"),
        replace(made, size=4).accounts_root(b"mine"),
        replace(made, salt=b"\x01" * 32).accounts_root(b"mine"),
    ]
    assert made.accounts_root(b"mine") not in others


@given(making.salts, making.u64s, making.hashes)
def test_the_position_of_control_is_bound_and_hidden(salt: bytes, position: int, link: bytes) -> None:
    """An auditor who is shown the parts finds the digest."""
    made = tick.control_digest(salt, position, link)

    assert made != tick.control_digest(salt, position ^ 1, link)
    assert made != tick.control_digest(bytes(31) + b"\x07", position, link) or salt == bytes(31) + b"\x07"


@given(st.lists(making.hashes, min_size=1, max_size=5), st.lists(st.binary(max_size=40), max_size=5))
def test_leaves_and_entries_messages_are_read_back(leaves: list[bytes], told: list[bytes]) -> None:
    """Counts stand in front, nothing behind."""
    assert tick.parse_leaves(tick.encode_leaves(leaves)) == tuple(leaves)
    assert tick.parse_entries(tick.encode_entries(told), 40) == told


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (u32(2) + u32(0), "count"),
        (u32(2**32 - 1), "count"),
        (u32(1) + u32(41) + bytes(41), "entry"),
        (u32(0) + b"\x00", "end"),
    ],
)
def test_an_entries_message_out_of_bounds_is_refused(message: bytes, field: str) -> None:
    """Nothing is allocated for a count that the bytes cannot hold."""
    with pytest.raises(Refused, match=f"`{field}` of a entries"):
        tick.parse_entries(message, 40)


@pytest.mark.must("6.3.5")
@pytest.mark.parametrize("message", [u32(MAX_TICK_LEAVES + 1), u32(1), u32(1) + bytes(49), u32(0), u32(0) + b"\x00"])
def test_a_leaves_message_out_of_bounds_is_refused(message: bytes) -> None:
    """At most as many as a tick holds, and at least one: behind none there would be no saying what is due."""
    with pytest.raises(Refused, match="of a leaves"):
        tick.parse_leaves(message)


def test_a_ledger_that_is_not_the_same_is_refused_with_what_to_do() -> None:
    """A fork is an attack or a restore, and only a person can tell which."""
    tick.check_same_ledger(bytes(48), bytes(48))

    with pytest.raises(Refused) as refusal:
        tick.check_same_ledger(bytes(48), b"\x01" * 48)
    assert refusal.value.code == "ledger-forked"
    assert "call the operator" in refusal.value.do


@given(making.receipts)
def test_a_receipt_is_read_back(statement: Receipt) -> None:
    """Every field, and no byte more."""
    assert parse_receipt(statement.encode()) == statement
    with pytest.raises(Refused, match="1 more came"):
        parse_receipt(statement.encode() + b"\x00")


@given(making.quarantines)
def test_a_signed_receipt_is_read_back(quarantined: list[Quarantined]) -> None:
    """The list travels beside the statement that names it."""
    signed = SignedReceipt(b"statement", making.NO_SIGNATURE, tuple(quarantined))

    assert parse_signed_receipt(signed.encode()) == signed
    with pytest.raises(Refused, match="1 more came"):
        parse_signed_receipt(signed.encode() + b"\x00")


def a_receipt(*quarantined: Quarantined) -> Receipt:
    """A receipt that names this list."""
    named = digest(encode_quarantine(quarantined))
    return Receipt(making.GENESIS, "usa/arl", "A", "main", PARTNER.key_id, bytes(16), 6, 3, bytes(48), named, 1)


def test_a_receipt_stands_for_what_its_partner_signed() -> None:
    """Another key, another statement and another list are each refused by name."""
    quarantined = Quarantined(bytes(48), 2, RefusalCode.LABEL)
    signed = SignedReceipt.sign(a_receipt(quarantined), [quarantined], PARTNER)

    assert parse_signed_receipt(signed.encode()).check(PARTNER_PUBLIC) == a_receipt(quarantined)

    lies = {
        "receipt-quarantine": [replace(signed, quarantine=()), replace(signed, quarantine=(quarantined, quarantined))],
        "receipt-signature": [replace(signed, statement=a_receipt().encode())],
    }
    for code, forged in lies.items():
        for lie in forged:
            with pytest.raises(Refused) as refusal:
                lie.check(PARTNER_PUBLIC)
            assert refusal.value.code == code
    with pytest.raises(Refused) as refusal:
        signed.check(verify_key("source"))
    assert refusal.value.code == "receipt-signature"


def test_a_quarantine_list_is_read_back_alone() -> None:
    """Beside an entered receipt an operator finds which records were set aside, and why."""
    quarantined = tuple(Quarantined(bytes(48), idx, RefusalCode.LABEL) for idx in range(3))

    assert parse_quarantine(encode_quarantine(quarantined)) == quarantined
    with pytest.raises(Refused, match="1 more came"):
        parse_quarantine(encode_quarantine(quarantined) + b"\x00")


def _list(count: int, *items: bytes) -> bytes:
    return lp16(b"") + making.NO_SIGNATURE + b"SLUICE1/quarantine\x00\x01" + u32(count) + b"".join(items)


def test_the_longest_list_of_a_receipt_is_read_and_a_longer_one_is_not() -> None:
    """A partner's list is bounded before it is read."""
    item = bytes(48) + u8(0) + u8(RefusalCode.TEXT)

    assert len(parse_signed_receipt(_list(MAX_QUARANTINED, item * MAX_QUARANTINED)).quarantine) == MAX_QUARANTINED
    with pytest.raises(Refused, match=f"at most {MAX_QUARANTINED}"):
        parse_signed_receipt(_list(MAX_QUARANTINED + 1, item * (MAX_QUARANTINED + 1)))


@pytest.mark.parametrize(
    "message",
    [
        _list(1),
        _list(1, bytes(48) + u8(0) + u8(0)),
        _list(1, bytes(48) + u8(0) + u8(200)),
        lp16(bytes(2049)),
        lp16(b"") + making.NO_SIGNATURE + u64(0),
    ],
    ids=["too few", "code 0", "code 200", "long receipt", "no tag"],
)
def test_a_receipt_out_of_bounds_is_refused(message: bytes) -> None:
    """A partner's list is bounded before it is read."""
    with pytest.raises(Refused) as refusal:
        parse_signed_receipt(message)
    assert refusal.value.code == "malformed"
