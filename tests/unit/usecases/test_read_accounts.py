"""Laws of reading accounts: one tick, everything under it, a little at a time, and to operators only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from clients.operator.accounts import Accounts
from clients.operator.history import History
from gateway.core.control.fold import Control
from gateway.core.errors import Fault, Refused
from gateway.core.ledger import evidence
from gateway.core.ledger.book import MAX_OPENING_BYTES
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.evidence import parse_shown_account, parse_shown_entry
from gateway.core.sealing.opening import parse_disclosure_opening
from gateway.core.suite.tree import Frontier
from gateway.usecases.read_accounts import AccountsReading, Asked, BatchIndex, read_accounts
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import Origin, operator_peer, partner_peer

US = partner_account("usa/arl", "UA-US-1", "default")


def history_of(house: House) -> History:
    """What an operator has verified."""
    history = History()
    for entry, after in zip(house.world.entries, states(house), strict=True):
        history.take(entry, after)
    return history


def states(house: House) -> Iterator[Control]:
    """The state after each statement."""
    control: Control | None = None
    for entry in house.world.entries:
        control = control.apply(entry) if control else Control.begin(entry)
        yield control


def verified(house: House, items: Sequence[bytes]) -> Accounts:
    """The items as an operator's client takes them."""
    accounts = Accounts(history_of(house), lambda disclosure, opening: True)
    for item in items:
        accounts.take(item[0], item[1:])
    accounts.finish()
    return accounts


async def a_reading(house: House, asked: Asked | None = None) -> AccountsReading:
    """A reading of the newest tick."""
    return await read_accounts(house.running, BatchIndex(house.journals), operator_peer(), asked or Asked())


async def covered(house: House) -> None:
    """A tick over everything that was committed for the partner."""
    wake = asyncio.Event()
    house.ticker.listen(wake)
    while house.ticker.covered(US) < house.running.book.accounts[US].tree.size:
        wake.clear()
        house.ticker.ask()
        await wake.wait()
    house.ticker.leave(wake)


@pytest.mark.must("13.1.2")
def test_a_reading_is_of_one_tick_whatever_is_committed_meanwhile() -> None:
    """An account that grew between two slices would lead to no root."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, follower = Origin(house.control().genesis), house.follower()
            follower.open()
            await follower.caught_up()
            await house.admit(origin.batch(2))
            await follower.received(2)
            await covered(house)
            reading = await a_reading(house)
            slices = reading.slices()
            items = next(slices)

            await house.admit(origin.batch(3))
            await follower.received(5)
            for some in slices:
                items += some

            accounts = verified(house, items)
            assert (accounts.is_complete, accounts.records) == (True, 2)
            later = verified(house, [item for some in (await a_reading(house)).slices() for item in some])
            assert later.records in {2, 5}

    asyncio.run(scenario())


def test_what_a_disclosure_showed_is_kept_beside_it() -> None:
    """Records and masks, under which position, and when."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, follower = Origin(house.control().genesis), house.follower()
            follower.open()
            await follower.caught_up()
            batch = origin.batch(2)
            await house.admit(batch)
            await follower.received(2)
            await covered(house)

            accounts = verified(house, [item for some in (await a_reading(house)).slices() for item in some])

            (found,) = accounts.disclosures
            kept = found.opening.kept
            assert kept is not None
            assert [(one.batch_digest, [idx for idx, _ in one.records]) for one in kept.shown] == [
                (batch.signed.digest, [0, 1])
            ]
            assert found.opening.control_position == house.control().position
            assert kept.time_ms == house.now_ms
            assert found.approval.agreement.id == "UA-US-1"

    asyncio.run(scenario())


def test_entries_are_of_partners_and_the_house_and_heads_of_everyone() -> None:
    """An account of a source stays here, and one partner can be asked for alone."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            for partner, agreement in (("usa/arl", "UA-US-1"), ("gbr/dstl", "UA-GB-1")):
                follower = house.follower(partner, agreement)
                follower.open()
                await follower.caught_up()
            await house.admit(origin.batch(2))
            await covered(house)

            everyone = read_of([item for some in (await a_reading(house)).slices() for item in some])
            one = read_of([item for some in (await a_reading(house, Asked("usa/arl"))).slices() for item in some])

            sources = [name for name in everyone if name.startswith(b"source")]
            british = partner_account("gbr/dstl", "UA-GB-1", "default")
            assert everyone.keys() == one.keys()
            assert [everyone[name] for name in sources] == [0]
            assert (everyone[US], everyone[british], one[US], one[british]) == (1, 1, 1, 0)
            assert one[b"house"] == everyone[b"house"] > 0

    asyncio.run(scenario())


def read_of(items: Sequence[bytes]) -> dict[bytes, int]:
    """How many entries were shown of each account."""
    found: dict[bytes, int] = {}
    account = b""
    for item in items:
        if item[0] == evidence.ACCOUNT:
            account = parse_shown_account(item[1:]).account_id
            found[account] = 0
        elif item[0] == evidence.ENTRY:
            found[account] += 1
    return found


def test_a_long_reading_is_handed_out_a_little_at_a_time() -> None:
    """Between two slices streams and sources are served; no slice is longer than some milliseconds of work."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, follower = Origin(house.control().genesis), house.follower()
            follower.open()
            await follower.caught_up()
            for _ in range(40):
                await house.admit(origin.batch(2))
            await follower.received(80)
            await covered(house)

            slices = list((await a_reading(house)).slices())

            assert len(slices) > 40, "each batch is hashed in a slice of its own"
            assert max(sum(map(len, some)) for some in slices) < 2 * MAX_OPENING_BYTES + 128 * 1024
            assert verified(house, [item for some in slices for item in some]).records == 80

    asyncio.run(scenario())


def test_the_ledgers_nodes_lead_from_what_was_seen_to_the_tick() -> None:
    """An operator follows the ledger as a partner does; one of another incarnation starts anew."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            for _ in range(5):
                await house.admit(origin.batch(1))
            reading = await a_reading(house)
            number, incarnation = house.ticker.number, house.running.book.incarnation
            whole = Frontier()
            whole.append_range(number, reading.ledger_nodes)

            for known in range(number + 1):
                later = await a_reading(house, Asked("", incarnation, known))
                other = await a_reading(house, Asked("", bytes(16), known))
                frontier = Frontier.from_nodes(known, house.running.book.ticks.range_nodes(0, known))
                frontier.append_range(number, later.ledger_nodes)
                assert frontier.root() == whole.root()
                assert other.ledger_nodes == reading.ledger_nodes

    asyncio.run(scenario())


def test_a_reading_waits_for_the_first_tick() -> None:
    """A gateway that has just started has signed nothing yet."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.stop()
            house.start(ticking=False)
            asked = asyncio.create_task(a_reading(house))
            await asyncio.sleep(0)
            waiting = not asked.done()
            with pytest.raises(Fault, match="no-tick"):
                AccountsReading(house.running, BatchIndex(house.journals), Asked())
            house.tick()

            assert waiting
            assert (await asked).ledger_nodes is not None

    asyncio.run(scenario())


@pytest.mark.must("13.1.1")
def test_nobody_but_an_operator_reads_accounts() -> None:
    """A partner would learn what others got."""

    async def scenario() -> None:
        async with a_house() as house:
            with pytest.raises(Refused, match="denied"):
                await read_accounts(house.running, BatchIndex(house.journals), partner_peer(), Asked())

    asyncio.run(scenario())


@pytest.mark.must("5.6.3")
def test_a_store_that_kept_no_records_is_read_all_the_same() -> None:
    """Openings of before have less in them; the client says that it does not know which records went."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, follower = Origin(house.control().genesis), house.follower()
            follower.open()
            await follower.caught_up()
            await house.admit(origin.batch(2))
            await follower.received(2)
            await covered(house)
            items = [item for some in (await a_reading(house)).slices() for item in some]

            accounts = verified(house, [of_before(item) for item in items if item[0] != evidence.BATCH])

            assert (dict(accounts.not_kept), accounts.is_complete) == ({"usa/arl": 1}, True)

    asyncio.run(scenario())


def of_before(item: bytes) -> bytes:
    """The item as it would be in a store that kept no records."""
    if item[0] != evidence.ENTRY:
        return item
    shown = parse_shown_entry(item[1:])
    if not shown.entry.startswith(b"SLUICE1/disclose\x00"):
        return item
    opening = replace(parse_disclosure_opening(shown.opening), kept=None)
    return item[:1] + replace(shown, opening=opening.encode()).encode()


def test_a_batch_that_is_not_there_is_not_made_up() -> None:
    """The client refuses by name what it was not shown; the gateway does not fall over it."""

    async def scenario() -> None:
        async with a_house() as house:
            index = BatchIndex(house.journals)
            origin = Origin(house.control().genesis)
            batch = origin.batch(2)
            assert index.shown(batch.signed.digest) is None
            await house.admit(batch)

            assert index.grow()
            assert not index.grow()
            shown = index.shown(batch.signed.digest)

            assert shown is not None
            assert shown.leads_to_root()
            assert index.shown(bytes(48)) is None

    asyncio.run(scenario())


def test_an_incarnation_that_is_not_over_is_not_read_as_one() -> None:
    """The present one has a newest tick, and one that nobody began has none."""

    async def scenario() -> None:
        async with a_house() as house:
            for named in (house.running.book.incarnation, b"nobody began it."):
                reading = await a_reading(house, Asked(ended=named))

                assert reading.ledger_nodes == []
                with pytest.raises(Refused, match="incarnation-unknown"):
                    list(reading.slices())

    asyncio.run(scenario())
