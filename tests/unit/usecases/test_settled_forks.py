"""Laws of a fork's end: the quorum names both batches, and only what a source has signed can be settled."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.errors import GatewayError
from gateway.core.records.states import UnverifiedBatch
from gateway.core.suite.numbers import PublishMessage, RefusalCode, StatementKind
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.test_govern import refused
from tests.unit.usecases.town import Origin, operator_peer, partner_peer

BOTH = ("officer-1", "officer-2")


def lifting(kept: UnverifiedBatch, other: UnverifiedBatch) -> bytes:
    """The LIFT that names both."""
    target = f"fork/{kept.signed.digest.hex()}/{other.signed.digest.hex()}"
    return f'target = "{target}"\nreason = "a disk was copied"\n'.encode()


async def forked(house: House) -> tuple[Origin, UnverifiedBatch, UnverifiedBatch]:
    """A source that signed two batches with one number, and both."""
    origin = Origin(house.control().genesis)
    lane = origin.lane
    kept, other = origin.batch(), origin.batch(lane=lane)
    await house.admit(kept)
    await house.admit(other)
    return origin, kept, other


@pytest.mark.must("3.5.9", "3.5.14")
def test_a_source_is_taken_from_again_once_its_fork_is_settled() -> None:
    """The first keeps the number, the second its refusal, and the next fork holds the source again; over a restart."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, kept, other = await forked(house)
            following = origin.batch()
            assert (await house.admit(following))[0] == PublishMessage.WAITING

            await house.apply(StatementKind.LIFT, lifting(kept, other))
            await house.restart()

            assert (await house.admit(following))[0] == PublishMessage.STORED
            assert (await house.admit(kept))[0] == PublishMessage.STORED
            assert (await house.admit(other))[0] == PublishMessage.REFUSED
            third = Origin(house.control().genesis)
            third.lane = following_lane = origin.lane
            good, bad = third.batch(), third.batch(lane=following_lane)
            await house.admit(good)
            assert (await house.admit(bad))[0] == PublishMessage.REFUSED
            answer = await house.admit(third.batch())
            assert answer == bytes([PublishMessage.WAITING]) + answer[1:49] + bytes([0, RefusalCode.SOURCE_HELD])

    asyncio.run(scenario())


def test_operators_are_told_both_batches_of_a_fork_until_it_is_settled() -> None:
    """Whoever lifts a fork signs two digests, and must see them before."""

    async def scenario() -> None:
        async with a_house() as house:
            assert house.government.condition(operator_peer()).forks == ()
            _, kept, other = await forked(house)

            told = house.government.condition(operator_peer()).forks
            await house.apply(StatementKind.LIFT, lifting(kept, other))

            assert told == (("src-3f07", kept.signed.digest, other.signed.digest),)
            assert house.government.condition(operator_peer()).forks == ()
            with pytest.raises(GatewayError) as caught:
                house.government.condition(partner_peer())
            assert caught.value.code == "denied"

    asyncio.run(scenario())


@pytest.mark.must("2.7.9")
def test_no_fork_is_settled_before_it_is_there() -> None:
    """A quorum that was asked for a LIFT in advance would have permitted the source to say two things."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            lane = origin.lane
            kept, other = origin.batch(), origin.batch(lane=lane)
            await house.admit(kept)
            early = house.entry(StatementKind.LIFT, lifting(kept, other), by=BOTH)
            assert await refused(house, early) == "fork-unknown"
            await house.admit(other)

            turned = house.entry(StatementKind.LIFT, lifting(other, kept), by=BOTH)
            assert await refused(house, turned) == "fork-unknown"
            await house.apply(StatementKind.LIFT, lifting(kept, other))
            again = house.entry(StatementKind.LIFT, lifting(kept, other), by=BOTH)
            assert await refused(house, again) == "nothing-to-change"

    asyncio.run(scenario())


@pytest.mark.must("2.3.5")
def test_one_operator_settles_no_fork() -> None:
    """A source that says two things has someone else's help."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, kept, other = await forked(house)
            entry = house.entry(StatementKind.LIFT, lifting(kept, other), by=("officer-1",))

            outcome = await house.government.propose(operator_peer(), entry, "a test")

            assert not outcome.applied
            assert (await house.admit(origin.batch()))[0] == PublishMessage.WAITING
            with pytest.raises(GatewayError) as caught:
                house.control().apply(entry)
            assert caught.value.code == "signatures-too-few"

    asyncio.run(scenario())
