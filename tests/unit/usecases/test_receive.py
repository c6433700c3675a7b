"""Laws of receipts: a partner's own word, true of its account, entered once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.core.errors import GatewayError
from gateway.core.ledger.entries import HOUSE
from gateway.core.ledger.receipt import MAX_QUARANTINED, Quarantined, Receipt, SignedReceipt, encode_quarantine
from gateway.core.suite.algorithms import digest
from gateway.core.suite.numbers import RefusalCode
from gateway.ports.journal import Journal
from gateway.usecases.rebuild import entries_of
from gateway.usecases.receive import MAX_OPENED, quarantined_of, receive_receipt
from tests.unit.control.given import signing_key
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import Origin, partner_peer, source_peer


def receipt(house: House, follower: Follower, aside: tuple[Quarantined, ...] = (), **changed: Any) -> SignedReceipt:
    """What this partner would sign now, with fields changed."""
    last = follower.ledger.last
    assert last is not None
    values: dict[str, Any] = {
        "genesis": house.control().genesis,
        "partner_id": follower.partner_id,
        "agreement_id": follower.agreement_id,
        "subscription": follower.name,
        "key_id": signing_key(follower.partner_id).key_id,
        "incarnation": last.incarnation,
        "tick": last.number,
        "size": follower.ledger.held.size,
        "root": follower.ledger.held.root(),
        "quarantine_digest": digest(encode_quarantine(aside)),
        "time_ms": house.now_ms,
    } | changed
    return SignedReceipt.sign(Receipt(**values), aside, signing_key(follower.partner_id))


async def followed(house: House) -> Follower:
    """A partner that has verified one record."""
    await house.admit(Origin(house.control().genesis).batch())
    follower = house.follower()
    follower.open()
    await follower.received(1)
    return follower


def house_size(house: House) -> int:
    """Entries of the house account."""
    return house.running.book.accounts[HOUSE].tree.size


@pytest.mark.must("6.5.4")
def test_a_true_receipt_is_entered_once() -> None:
    """Both sides can prove it; saying it again adds nothing."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = await followed(house)
            before = house_size(house)
            signed = receipt(house, follower)

            for _ in range(3):
                await receive_receipt(house.running, partner_peer(), signed.encode())

            assert house_size(house) == before + 1

    asyncio.run(scenario())


@pytest.mark.must("6.5.4")
def test_a_receipt_that_sets_a_record_aside_is_entered_and_says_which() -> None:
    """What a partner could not read is what operators must hear of; said again it is no news."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = await followed(house)
            aside = (Quarantined(b"d" * 48, 3, RefusalCode.LABEL),)
            await receive_receipt(house.running, partner_peer(), receipt(house, follower).encode())
            before = house_size(house)

            for _ in range(3):
                await receive_receipt(house.running, partner_peer(), receipt(house, follower, aside).encode())

            assert house_size(house) == before + 1
            found = quarantined_of(entries_of(house.running.journals, Journal.LEDGER))
            assert list(found.values()) == [frozenset(aside)]

    asyncio.run(scenario())


def test_records_set_aside_fill_an_account_up_to_the_bound_and_no_further() -> None:
    """Invented records cost a partner's account its room, and the ledger no more than that."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = await followed(house)
            before = house_size(house)
            for start in range(0, 2 * MAX_QUARANTINED, 1024):
                many = range(start, start + 1024)
                aside = tuple(Quarantined(i.to_bytes(48, "big"), 0, RefusalCode.LABEL) for i in many)
                await receive_receipt(house.running, partner_peer(), receipt(house, follower, aside).encode())

            assert house_size(house) == before + MAX_QUARANTINED // 1024
            (found,) = quarantined_of(entries_of(house.running.journals, Journal.LEDGER)).values()
            assert len(found) == MAX_QUARANTINED

    asyncio.run(scenario())


@pytest.mark.must("6.5.4")
def test_a_list_longer_than_an_opening_is_entered_in_parts() -> None:
    """A partner names a record once, so none may be lost; said again it is known."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = await followed(house)
            before = house_size(house)
            many = range(MAX_OPENED + 1)
            aside = tuple(Quarantined(i.to_bytes(48, "big"), 0, RefusalCode.LABEL) for i in many)
            for _ in range(4):
                await receive_receipt(house.running, partner_peer(), receipt(house, follower, aside).encode())

            assert house_size(house) == before + 2
            (found,) = quarantined_of(entries_of(house.running.journals, Journal.LEDGER)).values()
            assert found == frozenset(aside)

    asyncio.run(scenario())


FALSE: list[dict[str, Any]] = [
    {"genesis": b"g" * 48},
    {"partner_id": "gbr/dstl"},
    {"agreement_id": "UA-US-9"},
    {"subscription": "other"},
    {"incarnation": b"i" * 16},
    {"tick": 1 << 40},
    {"size": 2},
    {"root": b"r" * 48},
    {"key_id": b"k" * 16},
    {"quarantine_digest": b"q" * 48},
]


@pytest.mark.must("6.5.2", "6.5.3")
@pytest.mark.parametrize("changed", FALSE, ids=lambda changed: next(iter(changed)))
def test_a_receipt_that_is_not_true_is_refused(changed: dict[str, Any]) -> None:
    """A ledger that holds false receipts proves nothing."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = await followed(house)
            before = house_size(house)

            with pytest.raises(GatewayError):
                await receive_receipt(house.running, partner_peer(), receipt(house, follower, **changed).encode())

            assert house_size(house) == before

    asyncio.run(scenario())


@pytest.mark.must("6.5.2")
def test_a_receipt_of_a_suspended_partner_or_over_anothers_connection_is_refused() -> None:
    """One answer for all of it."""

    async def scenario() -> list[str]:
        async with a_house() as house:
            follower = await followed(house)
            signed = receipt(house, follower).encode()
            codes = []
            for peer in (source_peer(), partner_peer("gbr/dstl")):
                with pytest.raises(GatewayError) as caught:
                    await receive_receipt(house.running, peer, signed)
                codes.append(caught.value.code)
            await house.suspend("partner/usa/arl")
            with pytest.raises(GatewayError) as caught:
                await receive_receipt(house.running, partner_peer(), signed)
            return [*codes, caught.value.code]

    assert asyncio.run(scenario()) == ["denied"] * 3
