"""Every check of a Hello, one wrong at a time; and what an honest partner hears."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.sealing.cursor import CursorBinding, Place
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.numbers import HELLO_SKEW_MS, NONCE_MEMORY_MS, KeyState, Role, StatementKind
from gateway.usecases.nonces import MAX_HELLOS, Nonces
from tests.unit.control.given import DAY, HOUR, NOW, signing_key
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import Origin, operator_peer, partner_peer, source_peer, terms

Changes = Callable[[House, Follower], dict[str, Any]]


def refused(changes: Changes, arrange: Callable[[House, Follower], Awaitable[object]] | None = None) -> str:
    """The code with which a Hello with these changes is refused."""

    async def scenario() -> str:
        async with a_house() as house:
            follower = house.follower()
            if arrange:
                await arrange(house, follower)
            code = await follower.refusal(follower.hello(**changes(house, follower)))
            assert follower.kinds == [], "nothing is sent before every check has passed"
            return code

    return asyncio.run(scenario())


def sealed_by(**changed: Any) -> Changes:
    """A cursor that the gateway gave, for something else."""

    def changes(house: House, follower: Follower) -> dict[str, Any]:
        mine = {
            "partner_id": follower.partner_id,
            "agreement_id": follower.agreement_id,
            "subscription": follower.name,
            "kinds": 0b110,
            "incarnation": house.running.book.incarnation,
        }
        place = changed.pop("place", Place(0))
        binding = CursorBinding(**(mine | changed))
        return {"cursor": binding.seal(house.running.keys.cursor(), place, secrets.token_bytes(12))}

    return changes


WRONG: list[tuple[str, str, Changes]] = [
    ("another genesis", "denied", lambda h, f: {"genesis": b"g" * 48}),
    ("another partner", "denied", lambda h, f: {"partner_id": "gbr/dstl"}),
    ("a partner that does not exist", "denied", lambda h, f: {"partner_id": "usa/nobody"}),
    ("a key that is not endorsed", "key-not-endorsed", lambda h, f: {"sign_key_id": b"k" * 16}),
    (
        "a key of another partner",
        "key-not-endorsed",
        lambda h, f: {"sign_key_id": signing_key("gbr/dstl").key_id},
    ),
    ("a time too far ahead", "hello-late", lambda h, f: {"time_ms": h.now_ms + HELLO_SKEW_MS + 1}),
    ("an agreement that does not exist", "agreement-unknown", lambda h, f: {"agreement_id": "UA-US-99"}),
    ("an agreement of another partner", "denied", lambda h, f: {"agreement_id": "UA-GB-1"}),
    ("another text of the agreement", "agreement-changed", lambda h, f: {"agreement_digest": b"d" * 48}),
    ("a directory nobody signed", "directory-due", lambda h, f: {"dir_no": 2}),
    (
        "an account larger than it is",
        "hello-ahead",
        lambda h, f: {"incarnation": h.running.book.incarnation, "account_size": 1},
    ),
    (
        "a tick that was never signed",
        "hello-ahead",
        lambda h, f: {"incarnation": h.running.book.incarnation, "next_tick": h.running.book.ticks.size + 1},
    ),
    ("a cursor of random bytes", "cursor-invalid", lambda h, f: {"cursor": b"x" * 38}),
    ("a cursor that is cut", "cursor-invalid", lambda h, f: {"cursor": b"x" * 37}),
    ("a cursor of another partner", "cursor-invalid", sealed_by(partner_id="gbr/dstl")),
    ("a cursor of another agreement", "cursor-invalid", sealed_by(agreement_id="UA-US-2")),
    ("a cursor of another subscription", "cursor-invalid", sealed_by(subscription="other")),
    ("a cursor of other kinds", "cursor-invalid", sealed_by(kinds=0b010)),
    ("a cursor of another incarnation", "cursor-invalid", sealed_by(incarnation=b"i" * 16)),
    ("a cursor behind the last record", "cursor-invalid", sealed_by(place=Place(1))),
    ("an ephemeral key that is none", "malformed", lambda h, f: {"ephemeral_key": b"\x04" * 1665}),
    ("an ephemeral key that is cut", "malformed", lambda h, f: {"ephemeral_key": b""}),
]


@pytest.mark.must("4.2.2", "4.2.3", "4.2.4", "4.2.5", "4.2.7", "4.2.8", "4.2.9", "4.2.10", "4.5.2")
@pytest.mark.parametrize(("what", "code", "changes"), WRONG, ids=[what for what, _, _ in WRONG])
def test_a_hello_with_one_thing_wrong_opens_nothing(what: str, code: str, changes: Changes) -> None:
    """Refused by name before a byte is sent."""
    assert refused(changes) == code


def test_a_hello_with_nothing_wrong_is_served() -> None:
    """The refusals above are for what was changed."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            follower.open(follower.hello(**sealed_by()(house, follower)))

            assert await follower.caught_up() == []

    asyncio.run(scenario())


@pytest.mark.must("4.2.4")
def test_a_signature_over_other_bytes_is_refused() -> None:
    """A certificate alone opens nothing."""

    async def scenario() -> str:
        async with a_house() as house:
            follower = house.follower()
            signed = follower.hello()
            flipped = signed.signature[:-1] + bytes([signed.signature[-1] ^ 1])
            forged = SignedHello(signed.hello, signed.statement, flipped, signed.digest)
            return await follower.refusal(forged)

    assert asyncio.run(scenario()) == "hello-signature"


@pytest.mark.must("4.2.5")
def test_a_hello_is_good_up_to_two_minutes_off() -> None:
    """Honest clocks differ; the bound is exact."""

    async def scenario() -> None:
        async with a_house() as house:
            house.clock.advance(HOUR)
            for late in (HELLO_SKEW_MS, -HELLO_SKEW_MS):
                follower = house.follower()
                follower.open(follower.hello(time_ms=house.now_ms + late))
                await follower.caught_up()
            assert await house.follower().refusal(house.follower().hello(time_ms=house.now_ms - HELLO_SKEW_MS - 1)) == (
                "hello-late"
            )

    asyncio.run(scenario())


@pytest.mark.must("4.2.5")
def test_a_hello_signed_before_the_gateway_started_is_refused() -> None:
    """Which Hellos were seen is forgotten at a stop, so an old one could be shown again."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            signed = follower.hello()
            follower.open(signed)
            await follower.caught_up()
            await follower.drop()
            house.clock.advance(1000)
            await house.restart()

            assert await follower.refusal(signed) == "starting"

    asyncio.run(scenario())


@pytest.mark.must("4.2.6")
def test_a_hello_counts_once() -> None:
    """Nobody opens a stream with a copy of one."""

    async def scenario() -> None:
        async with a_house() as house:
            follower = house.follower()
            signed = follower.hello()
            follower.open(signed)
            await follower.caught_up()

            assert await house.follower().refusal(signed) == "hello-replayed"

    asyncio.run(scenario())


@pytest.mark.must("4.2.3")
@pytest.mark.parametrize("peer", [source_peer(), operator_peer(), partner_peer("gbr/dstl")], ids=lambda peer: peer.role)
def test_a_hello_over_the_connection_of_another_is_refused(peer: Any) -> None:
    """A Hello that leaked is of no use without the certificate it was made for."""

    async def arrange(house: House, follower: Follower) -> None:
        follower.peer = peer

    assert refused(lambda h, f: {}, arrange) == "denied"


async def _suspend(house: House, follower: Follower) -> None:
    await house.suspend("partner/usa/arl")


async def _end_agreement(house: House, follower: Follower) -> None:
    body = b'agreement = "UA-US-1"\nreason = "a test"\n'
    await house.apply(StatementKind.END, body, by=("officer-1",))


async def _expire_directory(house: House, follower: Follower) -> None:
    house.clock.advance(7 * DAY)


async def _distrust_clock(house: House, follower: Follower) -> None:
    house.clock.jump_wall(2 * HOUR)
    house.running.time.now_ms()
    house.clock.jump_wall(-2 * HOUR)


STATES = [
    ("suspended", "denied", _suspend),
    ("ended agreement", "denied", _end_agreement),
    ("expired directory", "directory-due", _expire_directory),
    ("clock not trusted", "directory-due", _distrust_clock),
]


@pytest.mark.must("4.2.3", "4.2.7", "4.2.11")
@pytest.mark.parametrize(("what", "code", "arrange"), STATES, ids=[what for what, _, _ in STATES])
def test_a_good_hello_opens_nothing_while_something_does_not_stand(what: str, code: str, arrange: Any) -> None:
    """What stands now decides, not what stood when the profile was made."""
    assert refused(lambda h, f: {}, arrange) == code


@pytest.mark.must("4.2.7")
@pytest.mark.parametrize("changed", [{"starts": "2026-06-15"}, {"starts": "2026-05-01", "ends": "2026-05-27"}])
def test_an_agreement_is_in_force_from_its_first_to_its_last_day(changed: dict[str, str]) -> None:
    """Not yet and no longer are both no."""

    async def scenario() -> str:
        async with a_house(terms(**changed)) as house:
            return await house.follower().refusal(house.follower().hello())

    assert asyncio.run(scenario()) == "denied"


@pytest.mark.must("4.2.11")
@pytest.mark.parametrize("role", [Role.GATEWAY_STREAM, Role.GATEWAY_LEDGER])
def test_nothing_is_signed_under_a_gateway_key_that_is_not_endorsed(role: Role) -> None:
    """The partner could only call it a forgery."""

    async def scenario() -> str:
        async with a_house() as house:
            control = house.running.control
            assert control.directory is not None
            kept = {key: one for key, one in control.directory.endorsed.items() if key[0] is not role}
            house.running.control = replace(control, directory=replace(control.directory, endorsed=kept))
            return await house.follower().refusal(house.follower().hello())

    assert asyncio.run(scenario()) == "directory-due"


@pytest.mark.must("4.2.4", "4.2.11")
@pytest.mark.parametrize(
    ("role", "changed", "code"),
    [
        (Role.PARTNER_KEM, {"state": KeyState.RETIRED}, "denied"),
        (Role.PARTNER_KEM, {"state": KeyState.TAINTED}, "denied"),
        (Role.PARTNER_KEM, {"valid_to_ms": NOW}, "key-not-valid-now"),
        (Role.PARTNER_SIGN, {"state": KeyState.RETIRED}, "key-not-active"),
        (Role.PARTNER_SIGN, {"valid_from_ms": NOW + DAY}, "key-not-valid-now"),
        (Role.GATEWAY_STREAM, {"state": KeyState.RETIRED}, "directory-due"),
        (Role.GATEWAY_LEDGER, {"valid_to_ms": NOW}, "directory-due"),
    ],
    ids=str,
)
def test_a_key_must_be_active_and_in_its_time(role: Role, changed: dict[str, Any], code: str) -> None:
    """An endorsement says what a key is for and how long."""

    async def scenario() -> str:
        async with a_house() as house:
            control = house.running.control
            assert control.directory is not None
            endorsed = {
                key: replace(one, endorsement=replace(one.endorsement, **changed)) if key[0] is role else one
                for key, one in control.directory.endorsed.items()
            }
            house.running.control = replace(control, directory=replace(control.directory, endorsed=endorsed))
            return await house.follower().refusal(house.follower().hello())

    assert asyncio.run(scenario()) == code


@pytest.mark.must("4.2.11")
def test_a_stream_without_any_directory_waits_for_the_operators() -> None:
    """Nothing is trusted without one; the partner is told to come back."""

    async def scenario() -> str:
        async with a_house() as house:
            follower = house.follower()
            signed = follower.hello()
            house.running.control = replace(house.running.control, directory=None)
            return await follower.refusal(signed)

    assert asyncio.run(scenario()) == "directory-due"


@pytest.mark.must("4.2.6")
def test_nonces_are_forgotten_after_four_minutes_and_not_before() -> None:
    """As long as an equal Hello could still be in its time."""
    nonces = Nonces()
    nonces.remember("usa/arl", b"n", 0)

    with pytest.raises(Exception, match="hello-replayed"):
        nonces.remember("usa/arl", b"n", NONCE_MEMORY_MS)
    nonces.remember("gbr/dstl", b"n", NONCE_MEMORY_MS)
    nonces.remember("usa/arl", b"n", NONCE_MEMORY_MS + 1)


def test_one_partner_cannot_fill_the_memory_of_nonces() -> None:
    """It is told to wait, and others are not touched."""
    nonces = Nonces()
    for number in range(MAX_HELLOS):
        nonces.remember("usa/arl", number.to_bytes(32, "big"), number)

    with pytest.raises(Exception, match="busy"):
        nonces.remember("usa/arl", b"one more", MAX_HELLOS)
    nonces.remember("gbr/dstl", b"one more", MAX_HELLOS)
    nonces.remember("usa/arl", b"one more", NONCE_MEMORY_MS + 1)


def test_a_partner_of_another_incarnation_starts_its_account_anew() -> None:
    """What it held is closed evidence; its numbers say nothing here."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            follower = house.follower()
            follower.open(follower.hello(incarnation=b"o" * 16, next_tick=900, account_size=900))

            assert len(await follower.caught_up()) == 1
            follower.check_account()

    asyncio.run(scenario())
