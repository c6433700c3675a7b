"""Laws of stopped keys: what a TAINT, a REVOKE or another key changes on every stream and connection at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway.core.control.endorsing import encode_endorsement_list, endorsements_due
from gateway.core.control.enrolment import make_bundle
from gateway.core.errors import Fault, Refused
from gateway.core.ledger.book import KIND_ENTRIES, encode_account_entries, parse_account_entries
from gateway.core.ledger.entries import HOUSE, KEY_EVENT, Applied, KeyEvent
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import EndReason, KeyState, Role, StatementKind, StreamMessage
from gateway.ports.journal import Journal
from gateway.usecases.admit import AdmitJob
from gateway.usecases.publish import publish
from gateway.usecases.rebuild import check_batches, entries_of, rebuild
from tests.unit.control.given import DAY, HOUR, NOW, digest_of, kem_key, octets, signing_key
from tests.unit.control.world import gateway_bundle, source_bundle, source_text, taint_text
from tests.unit.usecases.follower import records_of
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.test_rebuild import rows_of, written
from tests.unit.usecases.town import SOURCE, HouseKeys, Origin, source_peer, terms, turns

KEY = digest_of(SOURCE)
SECOND = f"{SOURCE} second"


async def taint(house: House, digest: str) -> int:
    """One operator taints a key; how many streams that ended."""
    return await house.apply(StatementKind.TAINT, taint_text(digest), by=("officer-2",))


async def revoke(house: House, digest: str) -> int:
    """One operator revokes a key."""
    body = f'target = "key/{digest}"\nreason = "a test"\n'.encode()
    return await house.apply(StatementKind.REVOKE, body, by=("officer-2",))


async def rotate(house: House) -> None:
    """The source's second key, admitted and endorsed."""
    body, bundle = source_text(key=SECOND), source_bundle(SOURCE, SECOND)
    await house.apply(StatementKind.SOURCE, body, bundle.encoded)
    await house.issue_directory()


@pytest.mark.must("2.7.8", "9.5.4")
def test_nothing_that_a_tainted_key_signed_is_released_again() -> None:
    """What was decided before and not written stays unwritten, and the journal gives it to nobody."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, other = Origin(house.control().genesis), Origin(house.control().genesis, "src-91c2")
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            follower.gate.clear()
            await house.admit(origin.batch())
            good = other.batch()
            await house.admit(good)
            await turns(200)
            tainting = asyncio.create_task(taint(house, KEY))
            await turns(200)

            follower.gate.set()

            assert await tainting == 1
            assert (follower.ended, follower.kinds.count(StreamMessage.FRAME)) == (EndReason.CHANGED, 0)
            fresh = house.follower("gbr/dstl", "UA-GB-1")
            fresh.open()
            assert await fresh.caught_up() == records_of(good)

    asyncio.run(scenario())


@pytest.mark.must("2.7.8")
def test_what_a_revoked_key_signed_before_is_released() -> None:
    """A key that was lost and not misused takes nothing with it."""

    async def scenario() -> None:
        async with a_house() as house:
            batch = Origin(house.control().genesis).batch()
            await house.admit(batch)
            live = house.follower()
            live.open()
            await live.caught_up()

            assert await revoke(house, KEY) == 0
            await house.issue_directory()

            fresh = house.follower("gbr/dstl", "UA-GB-1")
            fresh.open()
            assert await fresh.caught_up() == records_of(batch)

    asyncio.run(scenario())


def test_the_taint_of_a_source_ends_the_streams_that_may_have_it() -> None:
    """Who could never be sent its records hears nothing of it."""

    async def scenario() -> None:
        text = terms("gbr/dstl", "UA-GB-1", sources='["src-91c2"]')
        async with a_house(terms(), text) as house:
            touched, untouched = house.follower(), house.follower("gbr/dstl", "UA-GB-1")
            touched.open()
            untouched.open()
            await touched.caught_up()
            await untouched.caught_up()

            assert await taint(house, KEY) == 1

            assert (touched.ended, untouched.ended) == (EndReason.CHANGED, None)

    asyncio.run(scenario())


@pytest.mark.must("2.7.7")
@pytest.mark.parametrize("stop", [taint, revoke])
def test_nothing_that_a_stopped_key_signs_is_taken(stop: Callable[[House, str], Awaitable[int]]) -> None:
    """Not even what was verified and inspected before the stop."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            judged = house.judged(origin.batch())
            await stop(house, KEY)

            with pytest.raises(Refused) as caught:
                await house.running.sequencer.submit(AdmitJob(house.running, judged))

            assert caught.value.code == "key-not-active"
            assert house.running.lanes.admitted == 0

    asyncio.run(scenario())


@pytest.mark.must("2.7.7")
@pytest.mark.parametrize("stop", [taint, revoke])
@pytest.mark.parametrize("whose", ["usa/arl", "kem", "stream", "ledger"])
def test_a_stream_ends_with_any_key_it_stands_on(stop: Callable[[House, str], Awaitable[int]], whose: str) -> None:
    """The partner's two, the one that opened it and the one that signs its account."""
    digest = kem_key("usa/arl").key_digest.hex() if whose == "kem" else digest_of(whose)

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            await stop(house, digest)

            await follower.until(lambda: follower.ended is EndReason.CHANGED)
            assert await follower.refusal(follower.hello()) in {"denied", "directory-due", "key-not-active"}

    asyncio.run(scenario())


@pytest.mark.must("2.7.7")
@pytest.mark.parametrize(
    ("whose", "stop", "code"), [("ledger", revoke, "directory-due"), ("ingest", taint, "directory-due")]
)
def test_a_source_is_not_taken_from_over_a_key_that_was_stopped(
    whose: str, stop: Callable[[House, str], Awaitable[int]], code: str
) -> None:
    """An acknowledgement that nobody believes, or a parcel that others can read, is worse than waiting."""
    digest = kem_key(whose).key_digest.hex() if whose == "ingest" else digest_of(whose)

    async def scenario() -> str:
        async with a_house() as house:
            await stop(house, digest)
            sender = Sender(house)
            with pytest.raises(Refused) as caught:
                await publish(house.running, source_peer(), sender.held_open(), sender.write)
            return caught.value.code

    assert asyncio.run(scenario()) == "directory-due"


def test_a_revoked_ingest_key_still_opens_what_was_sealed_to_it() -> None:
    """A source in the field has its outbox sealed to the key it knew."""

    async def scenario() -> None:
        async with a_house() as house:
            await revoke(house, kem_key("ingest").key_digest.hex())
            sender = Sender(house)
            requests = sender.held_open(*sender.parcel(Origin(house.control().genesis).batch()))
            call = asyncio.create_task(publish(house.running, source_peer(), requests, sender.write))

            await sender.until(lambda: len(sender.answers) == 1)

            assert house.running.lanes.admitted == 1
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    asyncio.run(scenario())


@pytest.mark.must("2.5.8")
def test_records_under_a_former_key_go_out_beside_those_of_the_new_one() -> None:
    """A partner verifies both: the one as retired, the other as active."""

    async def scenario() -> None:
        async with a_house() as house:
            origin = Origin(house.control().genesis)
            old = origin.batch()
            await house.admit(old)

            await rotate(house)

            origin.key = signing_key(SECOND)
            new = origin.batch()
            await house.admit(new)
            follower = house.follower()
            follower.open()
            assert await follower.caught_up() == records_of(old, new)
            assert check_batches(house.journals, house.control()) == (2, 2, 0)
            with pytest.raises(Refused) as caught:
                check_batches(house.journals, replace(house.control(), keys={}))
            assert caught.value.code == "key-not-endorsed"

    asyncio.run(scenario())


def test_a_key_that_no_directory_has_any_more_signs_nothing_that_goes_out() -> None:
    """A reader could not verify it, and would end the stream for ever at the same record."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            house.world.now = house.now_ms
            listed = tuple(one for one in house.world.listed() if one[0].subject_id != SOURCE)
            body = house.world.dir_of(listed, house.world.dir_no + 1).encode()
            await house.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed))
            follower = house.follower()
            follower.open()

            assert await follower.caught_up() == []

    asyncio.run(scenario())


class NextKeys(HouseKeys):
    """The port `Keys`, of the same gateway after its keys were exchanged."""

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        return signing_key("stream 2")

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        return signing_key("ledger 2")

    def ingest(self) -> KemKey:
        """Opens parcels."""
        return kem_key("ingest 2")


async def exchange(house: House) -> None:
    """A directory with the gateway's present and next keys."""
    signing = {Role.GATEWAY_STREAM: signing_key("stream 2"), Role.GATEWAY_LEDGER: signing_key("ledger 2")}
    following = make_bundle("ua-gw", signing, {Role.GATEWAY_INGEST: kem_key("ingest 2").public_key}, b"")
    house.world.now = house.now_ms
    salts = (octets(f"exchange {number}", 32) for number in range(64))
    listed = endorsements_due(
        house.world.control, gateway_bundle(), salts, NOW - HOUR, NOW + 365 * DAY, successor=following
    )
    body = house.world.dir_of(listed, house.world.dir_no + 1).encode()
    await house.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed))


def test_a_store_is_read_after_the_gateways_keys_were_exchanged() -> None:
    """Each tick verifies under the key that signed it, whichever the gateway has now."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            await exchange(house)
            house.ticker.finish()
            await house.tasks[-1]
            for every in (True, False):
                folds = rebuild(house.journals, NextKeys(), house.floor, every_signature=every)
                assert folds.control.head == house.control().head

    asyncio.run(scenario())


def house_entries(house: House) -> list[bytes]:
    """The house's account, in order."""
    rows = [entry for _, kind, entry in entries_of(house.journals, Journal.LEDGER) if kind == KIND_ENTRIES]
    return [item.entry for row in rows for item in parse_account_entries(row) if item.account_id == HOUSE]


@pytest.mark.must("6.1.9")
def test_the_house_is_told_of_a_stop_in_the_commit_that_applies_it() -> None:
    """`applied`, then the key and its state; a restart finds both in their place."""

    async def scenario() -> None:
        async with a_house() as house:
            await taint(house, KEY)
            control = house.control()

            told = house_entries(house)[-2:]

            digest = bytes.fromhex(KEY)
            assert told == [
                Applied(control.position - 1, control.head).encode(),
                KeyEvent(digest, KeyState.TAINTED).encode(),
            ]
            await house.restart()
            assert house.control().stop_of(digest) is KeyState.TAINTED

    asyncio.run(scenario())


@pytest.mark.must("6.1.9")
def test_a_ledger_that_is_silent_on_a_key_is_refused() -> None:
    """Who reads the house's account alone must miss no taint."""

    async def scenario() -> House:
        async with a_house(ticking=False) as house:
            await taint(house, KEY)
            return house

    house = asyncio.run(scenario())
    rows = rows_of(house)
    kind, last = rows[Journal.LEDGER][-1]
    kept = [one for one in parse_account_entries(last) if not one.entry.startswith(KEY_EVENT)]
    rows[Journal.LEDGER][-1] = (kind, encode_account_entries(kept))

    with pytest.raises(Fault) as caught:
        rebuild(written(rows), HouseKeys(), house.floor, every_signature=True)

    assert (kind, len(kept), caught.value.code) == (KIND_ENTRIES, 1, "journal-damaged")
