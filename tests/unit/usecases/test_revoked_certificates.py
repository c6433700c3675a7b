"""Laws of certificates that are open connections: whatever CONTROL takes back ends them before their next word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway.adapters.memory import UnsafeMemoryPending
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.numbers import EndReason, StatementKind, StreamMessage
from gateway.usecases.govern import Government
from gateway.usecases.peer import Peer
from gateway.usecases.publish import TakenJob, publish
from tests.unit.control.given import ROOT_OF
from tests.unit.control.world import partner_bundle, partner_text, source_bundle, source_text
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.town import SOURCE, Origin, operator_peer, partner_peer, source_peer, turns

Change = Callable[[House], Awaitable[int]]
HYBRID = "X25519MLKEM768"


def revoke(target: str, *serials: str) -> Change:
    """One operator revokes; the town's certificates have the serial number 1."""
    listed = ", ".join(f'"{one}"' for one in serials)
    beside = f"serials = [{listed}]\n" if serials else ""
    body = f'target = "{target}"\n{beside}reason = "a test"\n'.encode()
    return lambda house: house.apply(StatementKind.REVOKE, body, by=("officer-2",))


def readmit_partner(**text: str) -> Change:
    """The quorum admits the partner again, otherwise."""
    return lambda house: house.apply(StatementKind.PARTNER, partner_text(**text), partner_bundle().encoded)


def readmit_source(**text: str) -> Change:
    """The same for the source."""
    return lambda house: house.apply(StatementKind.SOURCE, source_text(SOURCE, **text), source_bundle(SOURCE).encoded)


OWN_LEAF = f"certificate/{partner_peer().identity.fingerprint}"
PARTNERS = {
    "by fingerprint": revoke(OWN_LEAF),
    "by serial number": revoke(f"root/{ROOT_OF['usa.example']}", "1"),
    "another root": readmit_partner(root="ee" * 32),
    "another key exchange": readmit_partner(key_exchange=HYBRID),
}
SOURCES = {
    "by fingerprint": revoke(OWN_LEAF),
    "by serial number": revoke(f"root/{ROOT_OF['ua.example']}", "1"),
    "another root": readmit_source(root="ee" * 32),
}
OTHERS = {
    "another fingerprint": revoke("certificate/" + "ff" * 32),
    "another serial number": revoke(f"root/{ROOT_OF['usa.example']}", "2"),
    "the same number of another root": revoke(f"root/{ROOT_OF['ua.example']}", "1"),
}


@pytest.mark.must("2.5.17", "2.7.15")
@pytest.mark.parametrize("change", PARTNERS.values(), ids=PARTNERS)
def test_a_stream_ends_before_its_next_frame_when_its_certificate_is_no_good_any_more(change: Change) -> None:
    """What was decided before and not written stays unwritten."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()
            follower.gate.clear()
            await house.admit(Origin(house.control().genesis).batch())
            await turns(200)
            changing = asyncio.ensure_future(change(house))
            await turns(200)

            follower.gate.set()

            assert await changing == 1
            assert (follower.ended, follower.kinds.count(StreamMessage.FRAME)) == (EndReason.CHANGED, 0)
            again = house.follower(name="again")
            again.open()
            with pytest.raises(Refused):
                await again.caught_up()

    asyncio.run(scenario())


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_what_is_revoked_of_others_ends_no_stream(change: Change) -> None:
    """A list of an authority with a thousand names in it cuts those it names."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open()
            await follower.caught_up()

            assert await change(house) == 0
            assert follower.ended is None

    asyncio.run(scenario())


@pytest.mark.must("2.5.19")
def test_a_stream_with_the_key_exchange_that_is_asked_for_goes_on_with_it() -> None:
    """A partner that turns the demand on need not drop who meets it; the admission is otherwise as it was."""

    async def scenario() -> None:
        async with a_house() as house:
            peer = replace(partner_peer(), key_exchange=HYBRID)
            await readmit_partner(key_exchange=HYBRID)(house)
            follower = house.follower()
            follower.peer = peer
            follower.open()

            await follower.caught_up()

            assert follower.ended is None

    asyncio.run(scenario())


@pytest.mark.must("2.5.17", "2.7.15")
@pytest.mark.parametrize("change", SOURCES.values(), ids=SOURCES)
def test_a_source_is_neither_heard_nor_told_anything_more(change: Change) -> None:
    """Its open call ends by itself, and what it sent meanwhile is not stored."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            requests = sender.held_open(*sender.parcel(origin.batch()))
            call = asyncio.create_task(publish(house.running, source_peer(), requests, sender.write))
            await sender.until(lambda: len(sender.answers) == 1)
            admitted, told = house.running.lanes.admitted, len(sender.answers)

            await change(house)

            with pytest.raises((Refused, BaseExceptionGroup)):
                await call
            assert (house.running.lanes.admitted, len(sender.answers)) == (admitted, told)
            with pytest.raises(Refused) as again:
                await sender.send(*sender.parcel(origin.batch()))
            assert again.value.code in {"certificate-revoked", "certificate-other-root"}

    asyncio.run(scenario())


@pytest.mark.must("2.7.14")
def test_a_batch_on_its_way_is_not_stored_behind_the_revocation() -> None:
    """It was verified before, and it is committed after."""

    async def scenario() -> None:
        async with a_house() as house:
            judged = house.judged(Origin(house.control().genesis).batch())
            await revoke(OWN_LEAF)(house)

            with pytest.raises(Refused) as caught:
                await house.running.sequencer.submit(TakenJob(house.running, judged, source_peer()))

            assert caught.value.code == "certificate-revoked"
            assert house.running.lanes.admitted == 0

    asyncio.run(scenario())


def refused_peer(house: House, peer: Peer) -> str:
    """Why the peer may not be there."""
    with pytest.raises(GatewayError) as caught:
        peer.check_standing(house.control())
    return caught.value.code


@pytest.mark.must("2.7.14")
def test_an_operator_is_answered_no_more_with_a_revoked_certificate() -> None:
    """Not what is pending, not what was applied; and another's certificate goes on."""

    async def scenario() -> None:
        async with a_house() as house:
            government = Government(house.running, UnsafeMemoryPending())
            thief = operator_peer("officer-1")
            own = replace(operator_peer("officer-2"), identity=replace(thief.identity, fingerprint="22" * 32))
            assert government.entries(thief, 0)

            await revoke(f"certificate/{thief.identity.fingerprint}")(house)

            for ask in (lambda: government.entries(thief, 0), lambda: government.changes(thief)):
                with pytest.raises(Refused) as caught:
                    ask()
                assert caught.value.code == "certificate-revoked"
            with pytest.raises(Refused):
                await government.reject(thief, "c-1", "a test")
            assert government.entries(own, 0)

    asyncio.run(scenario())


def test_who_is_no_operator_any_more_has_no_standing() -> None:
    """The roster in force decides, on a connection that was opened under the one before."""

    async def scenario() -> None:
        async with a_house() as house:
            operator_peer("officer-1").check_standing(house.control())

            assert refused_peer(house, operator_peer("officer-9")) == "peer-unknown"
            assert refused_peer(house, partner_peer("usa/nobody")) == "partner-unknown"
            assert refused_peer(house, source_peer("src-nobody")) == "source-unknown"

    asyncio.run(scenario())


@pytest.mark.must("2.5.1")
def test_a_certificate_of_another_partys_root_has_no_standing() -> None:
    """The root that one party is bound to names no other, whatever it issues."""

    async def scenario() -> None:
        async with a_house() as house:
            for peer in (partner_peer(), source_peer()):
                peer.check_standing(house.control())
                other = replace(peer, root=ROOT_OF["gbr.example"])
                assert refused_peer(house, other) == "certificate-other-root"

    asyncio.run(scenario())
