"""Laws of the gateway's own keys: the next are used once they are endorsed, the former open for ninety days more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.adapters.owner_files import create_owner_file
from gateway.core.control.endorsing import encode_endorsement_list, endorsements_due
from gateway.core.control.enrolment import Bundle
from gateway.core.errors import GatewayError
from gateway.core.ledger.tick import parse_tick
from gateway.core.suite.numbers import EndReason, KeyState, PublishMessage, Role, StatementKind
from gateway.usecases.enrol import gateway_bundle as bundle_of
from gateway.usecases.enrol import new_tls_key
from gateway.usecases.own_keys import OPENS_MS, look_at_keys
from gateway.usecases.publish import publish
from tests.unit.control.given import DAY, HOUR, kem_key, octets, signing_key
from tests.unit.control.world import gateway_bundle, taint_text
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender, refusal_of, refused
from tests.unit.usecases.town import Origin, source_peer


class Rotating:
    """A house whose keys are files, and whose machine makes the next ones."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.folder = house, folder

    def make_next(self) -> Bundle:
        """What `sluice rotate` makes, and brings to the operators."""
        return bundle_of("ua-gw", KeyFiles(self.folder).create_next(), new_tls_key())

    async def direct(self, present: Bundle, following: Bundle | None = None) -> int:
        """A directory with these keys of the gateway; how many streams it ended."""
        house = self.house
        house.world.now = now = house.now_ms
        salts = (octets(f"rotated {house.control().position} {number}", 32) for number in range(64))
        listed = endorsements_due(house.world.control, present, salts, now - HOUR, now + 365 * DAY, successor=following)
        body = house.world.dir_of(listed, house.world.dir_no + 1).encode()
        return await house.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed))

    async def rotate(self) -> Bundle:
        """The next keys are made, endorsed beside the present ones, and in use; these are retired."""
        following = self.make_next()
        await self.direct(gateway_bundle(), following)
        await self.direct(following)
        return following

    @property
    def files(self) -> set[str]:
        """The key files that are there."""
        return {path.name for path in self.folder.iterdir()}


def written(folder: Path) -> KeyFiles:
    """The keys that the tests' directory endorses, as files."""
    folder.mkdir(mode=0o700)
    keys = {"stream": signing_key("stream"), "ledger": signing_key("ledger"), "ingest": kem_key("ingest")}
    for name, key in keys.items():
        create_owner_file(folder / f"{name}.pem", key.to_pem(), "key")
    create_owner_file(folder / "cursor.key", b"c" * 32, "key")
    return KeyFiles(folder)


@asynccontextmanager
async def rotating(folder: Path) -> AsyncIterator[Rotating]:
    """A gateway with the keys that its directory endorses."""
    async with a_house(keys=written(folder)) as house:
        yield Rotating(house, folder)


async def tick_key(house: House) -> bytes:
    """The key id of the next tick but one: one may have been drafted already."""
    before = house.ticker.number
    house.ticker.ask()
    while house.ticker.shown is None or house.ticker.number < before + 2:
        await asyncio.sleep(0)
        house.ticker.ask()
    return parse_tick(house.ticker.shown[0].statement).key_id


@pytest.mark.must("2.8.19")
def test_next_keys_are_used_from_the_statement_that_endorses_them(tmp_path: Path) -> None:
    """Without a restart; until then the gateway signs with what its readers know."""

    async def scenario() -> None:
        async with rotating(tmp_path / "keys") as town:
            house, following = town.house, town.make_next()
            await house.admit(Origin(house.control().genesis).batch())
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            look_at_keys(house.running)
            before = house.running.keys.stream().key_digest, await tick_key(house)

            ended = await town.direct(gateway_bundle(), following)

            assert before == (signing_key("stream").key_digest, signing_key("ledger").key_id)
            assert (ended, follower.ended) == (1, EndReason.CHANGED)
            assert house.running.keys.stream().public_key == following.keys[Role.GATEWAY_STREAM]
            assert await tick_key(house) == house.running.keys.ledger().key_id
            assert {"stream.pem", "ledger.pem", "stream.2.pem"} <= town.files
            # The next process begins with the same.
            house.keys = KeyFiles(town.folder)
            await house.restart()
            look_at_keys(house.running)
            assert house.running.keys.ledger().public_key == following.keys[Role.GATEWAY_LEDGER]
            assert house.running.keys.cursor() == b"c" * 32

    asyncio.run(scenario())


@pytest.mark.must("3.6.11", "3.6.12")
def test_a_retired_ingest_key_opens_for_ninety_days_and_is_destroyed_then(tmp_path: Path) -> None:
    """A parcel on a stick may come weeks later; what lies on the machine for ever is found by whoever takes it."""

    async def scenario() -> None:
        async with rotating(tmp_path / "keys") as town:
            house = town.house
            origin, sender = Origin(house.control().genesis), Sender(house)
            first, second, third, fourth = (origin.batch() for _ in range(4))
            following = await town.rotate()
            sender.ledger_key = following.keys[Role.GATEWAY_LEDGER]
            assert town.files == {"cursor.key", "ingest.pem", "ingest.2.pem", "ledger.2.pem", "stream.2.pem"}

            await sender.send(*sender.parcel(first))
            await sender.send(*sender.parcel(second, ingest_key=following.keys[Role.GATEWAY_INGEST]))
            retired_ms = house.control().retired_at[kem_key("ingest").key_digest]
            house.clock.advance(retired_ms + OPENS_MS - 1 - house.now_ms)
            look_at_keys(house.running)
            assert "ingest.pem" in town.files
            house.clock.advance(1)
            await town.direct(following)

            assert "ingest.pem" not in town.files
            assert await refused(sender, *sender.parcel(third)) == "parcel-key-destroyed"
            assert await refused(sender, *sender.parcel(fourth, ingest_key=kem_key("another").public_key)) == (
                "parcel-not-for-us"
            )
            assert sender.answers == [
                (PublishMessage.STORED, first.signed.digest),
                (PublishMessage.STORED, second.signed.digest),
            ]

    asyncio.run(scenario())


def test_a_source_that_does_not_know_the_next_ledger_key_begins_again(tmp_path: Path) -> None:
    """It would take a tick that it cannot verify for a lie."""

    async def scenario() -> None:
        async with rotating(tmp_path / "keys") as town:
            house, sender = town.house, Sender(town.house)
            origin = Origin(house.control().genesis)
            first = sender.parcel(origin.batch())
            call = asyncio.create_task(publish(house.running, source_peer(), sender.held_open(*first), sender.write))
            await sender.until(lambda: len(sender.entries) == 1)

            await town.direct(gateway_bundle(), town.make_next())
            await house.admit(origin.batch())
            house.ticker.ask()
            with pytest.raises((GatewayError, BaseExceptionGroup)) as caught:
                await call

            assert refusal_of(caught.value) == "directory-due"
            assert len(sender.entries) == 1

    asyncio.run(scenario())


@pytest.mark.must("2.7.7")
def test_a_tainted_ingest_key_opens_nothing_though_it_is_a_former_one(tmp_path: Path) -> None:
    """Whoever has it could have written what it opens."""

    async def scenario() -> None:
        async with rotating(tmp_path / "keys") as town:
            house = town.house
            await town.rotate()
            taint = taint_text(kem_key("ingest").key_digest.hex())
            await house.apply(StatementKind.TAINT, taint, by=("officer-1",))

            sender = Sender(house)
            assert await refused(sender, *sender.parcel(Origin(house.control().genesis).batch())) == "directory-due"
            assert "ingest.pem" in town.files

    asyncio.run(scenario())


def test_a_key_that_is_active_again_is_retired_anew(tmp_path: Path) -> None:
    """Ninety days count from when it was retired last."""

    async def scenario() -> None:
        async with rotating(tmp_path / "keys") as town:
            house, digest = town.house, kem_key("ingest").key_digest
            following = town.make_next()
            times = []
            for present, beside in ((gateway_bundle(), following), (following, None), (gateway_bundle(), following)):
                await town.direct(present, beside)
                times.append(house.control().retired_at.get(digest))
                house.clock.advance(HOUR)
            await town.direct(following)

            assert [one is None for one in times] == [True, False, True]
            assert house.control().retired_at[digest] == times[1] + 2 * HOUR  # type: ignore[operator]  # it is a time
            assert house.control().directory is not None
            assert house.control().stop_of(digest) is KeyState.ACTIVE

    asyncio.run(scenario())


def test_a_file_that_cannot_be_used_changes_nothing_and_is_named(tmp_path: Path) -> None:
    """The gateway goes on with what it has; whoever looks after the machine has to see to it."""

    async def scenario() -> None:
        async with rotating(tmp_path / "keys") as town:
            following = town.make_next()
            (town.folder / "ledger.2.pem").chmod(0o644)

            with capture_logs() as events:
                await town.direct(gateway_bundle(), following)

            assert town.house.running.keys.stream().key_digest == signing_key("stream").key_digest
            assert [event["at"] for event in events if event["event"] == "keys.unusable"] == [
                str(town.folder / "ledger.2.pem")
            ]

    asyncio.run(scenario())
