"""Threat: an authority is no longer trusted, and what its certificates opened lives on. Over real TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from clients.operator.ca import Authority
from clients.partner.events import CaughtUp, Disconnected, Ended, FollowEvent, Records
from clients.partner.follow import follow
from clients.profile import Profile
from clients.source.upload import Upload
from gateway.core.suite.numbers import EndReason, RecordKind, UpMessage
from gateway.core.suite.octets import u8, u64
from gateway.rpc.convert import wrap
from tests.loopback import SOURCE, Loopback, a_tactic, next_event, quiet
from tests.security.wire import CALL_SECONDS, HEALTH, PUBLISH, Leaf, call, channel, converse, heard

GUEST, GUEST_SOURCE, RESIDENT = "usa/arl", "src-91c2", "gbr/dstl"
GUESTS = "guests.example"
Events = AsyncIterator[FollowEvent]


@dataclass
class Town:
    """A gateway that takes its own root and another authority's, and parties of both."""

    world: Loopback
    other: Authority

    @classmethod
    def found(cls, root: Path) -> Town:
        """Everybody is admitted, and there is one record."""
        world = Loopback(root)
        town = cls(world, Authority.create(GUESTS, datetime.now(UTC) - timedelta(days=1)))
        town.accept(world.stand.authority, town.other)
        world.stand.authorities = {GUEST: town.other, GUEST_SOURCE: town.other}
        world.start(GUEST, RESIDENT, sources=(SOURCE, GUEST_SOURCE))
        world.publish(RecordKind.TACTIC, a_tactic())
        return town

    def accept(self, *authorities: Authority) -> None:
        """What whoever runs the machine moves into the place of its roots."""
        self.write(b"".join(one.root_pem() for one in authorities))

    def write(self, roots: bytes) -> None:
        """Any bytes there."""
        path = self.world.stand.settings.roots
        fresh = path.with_suffix(".new")
        fresh.write_bytes(roots)
        fresh.replace(path)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Its roots are moved by every test."""
    town = Town.found(tmp_path)
    yield town
    town.world.close()


@asynccontextmanager
async def live(profile: Profile, state: Path) -> AsyncIterator[Events]:
    """A stream that has caught up."""
    async with follow(profile, kinds=("telemetry", "tactic"), state=state) as following:
        events = aiter(following)
        await next_event(events, CaughtUp)
        yield events


async def last_words(events: Events) -> list[FollowEvent]:
    """What a stream still says, and how the next try to open one ends."""
    told: list[FollowEvent] = []
    async for event in events:
        told.append(event)
        if isinstance(event, Disconnected):
            break
    return told


def leaf_of_party(profile: Profile) -> Leaf:
    """As TLS shows it."""
    connection = profile.connection()
    return Leaf(connection.key_path.read_bytes(), connection.certificate_pem)


@pytest.mark.must("12.5.1", "12.5.12")
def test_a_live_stream_ends_when_its_root_goes_out_and_anothers_goes_on(town: Town, tmp_path: Path) -> None:
    """No restart and no statement: whoever runs the machine takes one file's place with another."""
    world = town.world

    async def scenario() -> list[FollowEvent]:
        async with (
            live(world.stand.profile(GUEST), tmp_path / "guest") as guest,
            live(world.stand.profile(RESIDENT), tmp_path / "resident") as resident,
        ):
            town.accept(world.stand.authority)
            told = await last_words(guest)
            await _until_received(world, resident)
            return told

    ended, tried = world.run(scenario())

    assert isinstance(ended, Ended)
    assert ended.reason is EndReason.CHANGED
    assert isinstance(tried, Disconnected)
    # The handshake is refused: nobody with a certificate of that root comes as far as a call.
    assert tried.code == "gateway-unreachable"


@pytest.mark.must("12.5.12")
def test_an_open_connection_of_a_source_ends_and_carries_no_other_call(town: Town) -> None:
    """The connection itself stays open for a while; whoever calls on it is told what a stranger is told."""
    stand, leaf = town.world.stand, leaf_of_party(town.world.stand.profile(GUEST_SOURCE))
    begin = wrap(u8(UpMessage.BEGIN) + bytes(16) + u64(0) + u64(0) + u64(0))

    async def scenario() -> tuple[str, str, str, str]:
        closing = asyncio.Event()

        async def requests() -> AsyncIterator[bytes]:
            yield begin
            await closing.wait()

        async with channel(stand.port, stand.authority.root_pem(), leaf) as opened:
            stream = opened.stream_stream(PUBLISH, bytes, bytes)(requests(), timeout=CALL_SECONDS)
            await anext(aiter(stream))
            town.accept(stand.authority)
            told = await heard(stream, limit=1000)
            closing.set()
            again, health = await converse(opened, PUBLISH, begin), await call(opened, HEALTH)
        async with channel(stand.port, stand.authority.root_pem(), leaf) as anew:
            return told.code, again.code, health.code, (await call(anew, HEALTH)).status

    assert town.world.run(scenario()) == ("denied", "denied", "denied", "UNAVAILABLE")


@pytest.mark.must("12.5.8", "12.5.11")
@pytest.mark.parametrize("what", ["half written", "empty", "something else", "unreadable"])
def test_roots_that_are_no_good_cut_nobody_off_and_are_named(town: Town, tmp_path: Path, what: str) -> None:
    """A slip of a hand on the machine must not end every stream of an alliance; and it must be seen."""
    world, path = town.world, town.world.stand.settings.roots
    whole = path.read_bytes()
    broken = {"half written": whole[:-200], "empty": b"", "something else": b"roots", "unreadable": b""}

    async def scenario() -> tuple[set[str], list[str]]:
        stand, leaf = world.stand, leaf_of_party(world.stand.profile(GUEST))
        async with (
            live(world.stand.profile(GUEST), tmp_path / "guest") as guest,
            channel(stand.port, stand.authority.root_pem(), leaf) as opened,
        ):
            with capture_logs() as logs:
                town.write(broken[what])
                if what == "unreadable":
                    path.unlink()
                refused: list[str] = []
                heard_: set[str] = set()
                while not refused:
                    heard_.add((await call(opened, HEALTH)).status)
                    refused = [one["code"] for one in logs if one["event"] == "certificate.refused"]
            town.write(whole)
            async with channel(stand.port, stand.authority.root_pem(), leaf) as anew:
                heard_.add((await call(anew, HEALTH)).status)
            await _until_received(world, guest)
            return heard_, refused

    assert world.run(scenario()) == ({"OK"}, ["server-certificate"])


async def _until_received(world: Loopback, events: Events) -> None:
    """The stream that was live all the while carries what is published now."""
    waiting = asyncio.create_task(next_event(events, Records))
    with world.outbox("afterwards") as outbox:
        upload = Upload(world.stand.profile(SOURCE), outbox, quiet)
        await upload.fetch_directory()
        world.seal(upload, outbox, RecordKind.TACTIC, a_tactic())
        moving = asyncio.create_task(upload.run())
        await waiting
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
