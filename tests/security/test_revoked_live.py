"""Threat: a stolen certificate is in use. Over real TLS, with the clients as they are, before and behind a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from clients.operator.ca import root_digest
from clients.operator.drafts import certificate_revocation_text, serials_revocation_text
from clients.operator.govern import Outcome
from clients.partner.events import CaughtUp, Records
from clients.partner.follow import follow
from clients.profile import Profile
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import RecordKind, StatementKind, UpMessage
from gateway.core.suite.octets import u8, u64
from gateway.rpc.convert import wrap
from tests.loopback import SOURCE, Loopback, a_tactic, next_event
from tests.security.wire import CALL_SECONDS, PUBLISH, Leaf, channel, converse, heard

PARTNER = "usa/arl"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """One gateway with a source and a partner, and a record."""
    world = Loopback(tmp_path_factory.mktemp("revoked"))
    world.start(PARTNER)
    world.publish(RecordKind.TACTIC, a_tactic())
    yield world
    world.close()


async def revoke(world: Loopback, body: bytes) -> Outcome:
    """One operator."""
    stand = world.stand
    return await stand.apply(StatementKind.REVOKE, body, signers=stand.operators[:1])


def by_fingerprint(profile: Profile) -> bytes:
    """The certificate of a profile."""
    return certificate_revocation_text(profile.identity().fingerprint, "a test")


def is_denied(world: Loopback, profile: Profile, state: Path) -> bool:
    """Whether the partner is refused with this certificate."""
    try:
        world.receive(profile, state)
    except GatewayError as error:
        return error.code == "denied"
    return False


@pytest.mark.must("2.7.14", "2.7.15", "2.7.16")
def test_a_live_stream_ends_and_no_restart_opens_it_again(world: Loopback, tmp_path: Path) -> None:
    """The partner goes on at once with the next certificate, from where it stood."""
    stolen = world.stand.profile(PARTNER)

    async def scenario() -> tuple[int, bool, str]:
        got_more = False
        async with follow(stolen, kinds=("telemetry", "tactic"), state=tmp_path / "state") as events:
            await next_event(events, CaughtUp)
            outcome = await revoke(world, by_fingerprint(stolen))
            try:
                async for event in events:
                    got_more |= isinstance(event, Records)
            except GatewayError as error:
                return outcome.streams_ended, got_more, error.code
        return outcome.streams_ended, got_more, ""

    told = world.run(scenario())
    world.stop()
    world.serve_again()

    assert told == (1, False, "denied")
    assert is_denied(world, stolen, tmp_path / "again")
    assert len(world.receive(world.stand.profile(PARTNER), tmp_path / "fresh")) == 1


@pytest.mark.must("2.7.14", "2.7.15")
def test_an_open_connection_of_a_source_ends_too(world: Loopback) -> None:
    """By the number of its certificate, as a list would name it; with another the source goes on."""
    stolen = world.stand.profile(SOURCE)
    connection, roots = stolen.connection(), world.stand.authority.root_pem()
    leaf = Leaf(connection.key_path.read_bytes(), connection.certificate_pem)
    body = serials_revocation_text(root_digest(world.stand.authority.root), [stolen.identity().serial], "a test")
    begin = wrap(u8(UpMessage.BEGIN) + bytes(16) + u64(0) + u64(0) + u64(0))

    async def scenario() -> tuple[int, str, str]:
        closing = asyncio.Event()

        async def requests() -> AsyncIterator[bytes]:
            yield begin
            await closing.wait()

        async with channel(world.stand.port, roots, leaf) as opened:
            stream = opened.stream_stream(PUBLISH, bytes, bytes)(requests(), timeout=CALL_SECONDS)
            await anext(aiter(stream))
            outcome = await revoke(world, body)
            told = await heard(stream, limit=100)
            closing.set()
            again = await converse(opened, PUBLISH, begin)
        return outcome.streams_ended, told.code, again.code

    assert world.run(scenario()) == (1, "denied", "denied")
    assert world.publish(RecordKind.TACTIC, a_tactic())
