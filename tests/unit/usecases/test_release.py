"""Laws of a stream: every entitled record once and in order, and each disclosure entered before its frame."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.errors import Refused
from gateway.core.sealing.cursor import Place
from gateway.core.suite.numbers import EndReason, StatementKind, StreamMessage
from gateway.usecases.disclose import CatchUpJob
from gateway.usecases.release import MAX_SUBSCRIPTIONS
from gateway.usecases.subscription import MAX_PENDING_FRAMES
from tests.unit.usecases.follower import records_of
from tests.unit.usecases.house import a_house
from tests.unit.usecases.test_heartbeats import AtOnce
from tests.unit.usecases.town import Origin, terms, turns
from tests.warped_time import run_warped

MINUTE = 60_000


@pytest.mark.must("5.3.2")
def test_what_is_stored_reaches_a_partner_once_and_in_order() -> None:
    """From the journal first, live from then on, and the partner sees no seam."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            batches = [origin.batch(2) for _ in range(6)]
            for batch in batches[:5]:
                await house.admit(batch)
            follower = house.follower()
            follower.open()

            assert await follower.caught_up() == records_of(*batches[:5])
            await house.admit(batches[5])

            assert await follower.received(12) == records_of(*batches)
            follower.check_account()
            assert follower.kinds[:3] == [StreamMessage.DIRECTORY, StreamMessage.OPEN, StreamMessage.TICK]

    asyncio.run(scenario())


@pytest.mark.must("5.4.5")
def test_a_disclosure_whose_frame_never_arrived_comes_as_old_and_its_records_again() -> None:
    """The account shows it for ever, so the partner must be told what it was."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            follower.gate.clear()
            lost = [origin.batch() for _ in range(3)]
            for batch in lost:
                await house.admit(batch)
            await follower.drop()
            follower.gate.set()

            follower.open()

            assert await follower.caught_up() == records_of(*lost)
            assert follower.kinds.count(StreamMessage.OLD) == 3
            follower.check_account()

    asyncio.run(scenario())


def test_a_slow_partner_delays_nobody_and_misses_nothing() -> None:
    """Publishing goes on, other partners are served, and what did not fit in the queue comes from the journal."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            slow, quick = house.follower(), house.follower("gbr/dstl", "UA-GB-1")
            slow.open()
            quick.open()
            await slow.caught_up()
            await quick.caught_up()
            slow.gate.clear()
            batches = [origin.batch() for _ in range(MAX_PENDING_FRAMES + 9)]

            for batch in batches:
                await house.admit(batch)

            assert await quick.received(len(batches)) == records_of(*batches)
            slow.gate.set()
            assert await slow.received(len(batches)) == records_of(*batches)
            slow.check_account()

    asyncio.run(scenario())


@pytest.mark.must("4.1.7")
def test_a_newer_stream_of_a_subscription_fences_the_older() -> None:
    """Two readers of one cursor would each miss what the other got."""

    async def scenario() -> None:
        async with a_house() as house:
            older, newer = house.follower(), house.follower()
            older.open()
            await older.caught_up()
            newer.ledger, newer.cursor = older.ledger, older.cursor

            newer.open()

            await older.until(lambda: older.ended is EndReason.FENCED)
            await newer.caught_up()

    asyncio.run(scenario())


@pytest.mark.must("4.1.7")
def test_two_streams_opened_in_one_commit_leave_one() -> None:
    """Neither was there when the other looked."""

    async def scenario() -> None:
        async with a_house(ticking=False, committing=False) as house:
            first, second = house.follower(), house.follower()
            first.open()
            await turns()
            second.open()
            await turns()

            house.commit()
            house.tick()

            await first.until(lambda: first.ended is EndReason.FENCED)
            await second.caught_up()
            assert len(house.running.discloser.subscriptions) == 1

    asyncio.run(scenario())


@pytest.mark.must("4.1.9", "5.4.3")
@pytest.mark.must("2.7.2")
def test_a_suspended_partner_gets_no_further_frame_and_others_go_on() -> None:
    """Denying takes one operator, and takes effect on what was decided before."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            stopped, other = house.follower(), house.follower("gbr/dstl", "UA-GB-1")
            stopped.open()
            other.open()
            await stopped.caught_up()
            await other.caught_up()
            stopped.gate.clear()
            await house.admit(origin.batch())
            await turns(200)
            suspending = asyncio.create_task(house.suspend("partner/usa/arl"))
            await turns(200)

            stopped.gate.set()

            assert await suspending == 1
            assert stopped.ended is EndReason.SUSPENDED
            assert stopped.kinds.count(StreamMessage.FRAME) == 0
            assert len(await other.received(1)) == 1
            assert await stopped.refusal(stopped.hello()) == "denied"

    asyncio.run(scenario())


@pytest.mark.must("4.1.9")
@pytest.mark.parametrize("opened_first", [True, False])
def test_a_stream_opened_while_its_partner_is_suspended_ends_at_once(opened_first: bool) -> None:
    """Its Hello was good under a state that was over when it was registered; in one commit, in either order."""

    async def scenario() -> None:
        async with a_house(ticking=False, committing=False) as house:
            follower = house.follower()
            if opened_first:
                follower.open()
                await turns()
            suspending = asyncio.create_task(house.suspend("partner/usa/arl"))
            await turns()
            if not opened_first:
                follower.open()
                await turns()

            house.commit()
            house.tick()
            await suspending

            await follower.until(lambda: follower.ended is EndReason.SUSPENDED)

    asyncio.run(scenario())


def test_nothing_is_entered_for_a_stream_that_has_ended() -> None:
    """It would be a leaf of the newer stream's account that neither an old message nor a frame ever explains."""

    async def scenario() -> None:
        async with a_house() as house:
            older, newer = house.follower(), house.follower()
            older.open()
            await older.caught_up()
            discloser = house.running.discloser
            (subscription,) = discloser.subscriptions.values()
            newer.ledger, newer.cursor = older.ledger, older.cursor
            newer.open()
            await newer.caught_up()
            size = house.running.book.accounts[older.account_id].tree.size
            late = CatchUpJob(discloser, subscription, (), subscription.place, Place(0, 1), may_go_live=True)

            with pytest.raises(Refused) as caught:
                await house.running.sequencer.submit(late)

            assert caught.value.code == "stream-ended"
            assert not subscription.live
            assert house.running.book.accounts[older.account_id].tree.size == size

    asyncio.run(scenario())


@pytest.mark.must("4.1.9")
def test_a_suspended_source_ends_streams_as_changed_not_as_suspended() -> None:
    """A partner that is told it is suspended never comes back, and it has done nothing."""

    async def scenario() -> None:
        text = terms("gbr/dstl", "UA-GB-1", sources='["src-91c2"]')
        async with a_house(terms(), text) as house:
            touched, untouched = house.follower(), house.follower("gbr/dstl", "UA-GB-1")
            touched.open()
            untouched.open()
            await touched.caught_up()
            await untouched.caught_up()

            assert await house.suspend("source/src-3f07") == 1

            assert touched.ended is EndReason.CHANGED
            assert untouched.ended is None

    asyncio.run(scenario())


def test_a_record_of_a_suspended_source_is_not_released_even_from_the_journal() -> None:
    """It was stored while its source was good; the decision is about now."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            await house.admit(origin.batch())
            await house.suspend("source/src-3f07")
            follower = house.follower()
            follower.open()

            assert await follower.caught_up() == []

    asyncio.run(scenario())


def test_a_change_that_does_not_touch_a_stream_lets_it_go_on() -> None:
    """Position moves, rights are the same."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            ended = await house.apply(StatementKind.AGREEMENT, terms("gbr/dstl", "UA-GB-2"))
            await house.admit(Origin(house.control().genesis).batch())

            assert ended == 0
            assert len(await follower.received(1)) == 1

    asyncio.run(scenario())


def test_a_partner_has_so_many_subscriptions_and_no_more() -> None:
    """Each is an account that every tick is over, for ever."""

    async def scenario() -> None:
        async with a_house() as house:
            for number in range(MAX_SUBSCRIPTIONS):
                follower = house.follower(name=f"s-{number}")
                follower.open()
                await follower.until(lambda follower=follower: StreamMessage.TICK in follower.kinds)
                await follower.drop()
            other = house.follower("gbr/dstl", "UA-GB-1")
            other.open()
            await other.caught_up()

            extra = house.follower(name="one-more")

            assert await extra.refusal(extra.hello()) == "busy"
            assert not house.running.book.account_of(extra.account_id)

    asyncio.run(scenario())


def test_subscriptions_that_are_opened_in_one_commit_are_counted_too() -> None:
    """A partner that opens them all at once would have as many accounts more as it has calls."""

    async def scenario() -> tuple[int, list[str]]:
        async with a_house(ticking=False, committing=False) as house:
            streams = [house.follower(name=f"s-{number}").open() for number in range(MAX_SUBSCRIPTIONS + 4)]
            await turns()
            house.commit()
            house.tick()
            await turns(200)
            ended = [stream.exception() for stream in streams if stream.done()]
            accounts = sum(account_id.startswith(b"\x07usa/arl") for account_id in house.running.book.accounts)
            return accounts, [error.code for error in ended if isinstance(error, Refused)]

    assert asyncio.run(scenario()) == (MAX_SUBSCRIPTIONS, ["busy"] * 4)


def test_a_stream_given_up_before_it_was_opened_leaves_nothing() -> None:
    """Its job was in the queue; nobody would ever close it."""

    async def scenario() -> None:
        async with a_house(ticking=False, committing=False) as house:
            follower = house.follower()
            follower.open()
            await turns()
            await follower.drop()

            house.commit()
            await turns()

            assert not house.running.discloser.subscriptions

    asyncio.run(scenario())


def test_a_returning_partner_does_not_wait_for_the_next_idle_tick() -> None:
    """It has seen the last one and its first message must be newer; so it asks for one."""

    async def scenario() -> None:
        async with a_house(pool=AtOnce()) as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            await follower.drop()
            before = house.ticker.number

            follower.open()
            await follower.caught_up()

            assert house.ticker.number > before

    run_warped(asyncio.wait_for(scenario(), 5))


def test_only_the_kinds_asked_for_come() -> None:
    """The mask of the Hello narrows, it never widens."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            follower = house.follower()
            follower.open(follower.hello(kinds=1 << 1))

            assert await follower.caught_up() == []

    asyncio.run(scenario())


@pytest.mark.must("6.3.4")
def test_a_leaf_of_another_partner_is_never_shown() -> None:
    """Each account is its own; a partner sees nothing of anyone else's traffic."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            usa, gbr = house.follower(), house.follower("gbr/dstl", "UA-GB-1")
            usa.open()
            await usa.caught_up()
            await house.admit(origin.batch())
            await usa.received(1)

            gbr.open()
            await gbr.caught_up()

            usa.check_account()
            gbr.check_account()
            assert usa.ledger.held.root() != gbr.ledger.held.root()

    asyncio.run(scenario())
