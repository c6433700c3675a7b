"""Laws of a stream whose agreement requires an access token: none without one, and with one only ever less."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clients.source.batcher import Lane
from gateway.adapters.memory import UnsafeMemoryIssuers
from gateway.core.control.issuer import TokenIssuer
from gateway.core.suite.numbers import EndReason, StatementKind
from gateway.usecases.token import TokenDesk
from tests.tokens import Issuer
from tests.unit.control.world import partner_bundle, partner_text
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import Origin, raised, terms

ISSUER = Issuer()
AUDIENCE = "spiffe://ua.example/gateway/ua-gw"
REQUIRED = {"token": '"required"'}


class HeldIssuers(UnsafeMemoryIssuers):
    """Key sets that come when a test says so."""

    def __init__(self) -> None:
        super().__init__({ISSUER.at: ISSUER.key_set()})
        self.asked, self.come = asyncio.Event(), asyncio.Event()
        self.come.set()

    async def payload_of(self, issuer: TokenIssuer, token: str) -> bytes:
        """As the port says."""
        self.asked.set()
        await self.come.wait()
        return await super().payload_of(issuer, token)


@asynccontextmanager
async def a_house_of_tokens(**agreement: str) -> AsyncIterator[tuple[House, HeldIssuers]]:
    """A partner with an issuer, one agreement that ignores tokens, and `UA-US-T`, which requires one."""
    async with a_house() as house:
        issuers = HeldIssuers()
        house.running.tokens = TokenDesk(issuers, AUDIENCE)
        await admit(house, ISSUER.table())
        text = terms(agreement_id="UA-US-T", **REQUIRED, **agreement)
        await house.apply(StatementKind.AGREEMENT, text)
        yield house, issuers


async def admit(house: House, token: str) -> int:
    """The partner again, with this `[token]`; how many streams it ended."""
    return await house.apply(StatementKind.PARTNER, partner_text() + token.encode(), partner_bundle().encoded)


def bearer(follower: Follower, house: House, **claims: Any) -> list[object]:
    """A good token for the follower's connection, with claims changed."""
    fingerprint = follower.peer.identity.fingerprint
    return [f"Bearer {ISSUER.token(ISSUER.claims(AUDIENCE, fingerprint, house.now_ms, **claims))}"]


def a_follower(house: House, agreement_id: str = "UA-US-T", **claims: Any) -> Follower:
    """A partner that shows a good token, with claims changed."""
    follower = house.follower("usa/arl", agreement_id)
    follower.presented = bearer(follower, house, **claims)
    return follower


@pytest.mark.must("4.2.15", "12.6.1")
def test_where_a_token_is_required_nothing_opens_without_one() -> None:
    """Required and absent is a denial; what is not spelled as the format says is absent."""

    async def scenario() -> None:
        async with a_house_of_tokens() as (house, _):
            follower = a_follower(house)
            good = follower.presented
            token = str(good[0]).removeprefix("Bearer ")
            for presented, code in (
                ([], "token-missing"),
                (good * 2, "token-twice"),
                ([token], "token-malformed"),
                ([f"bearer {token}"], "token-malformed"),
                ([f"Bearer  {token}"], "token-malformed"),
                ([f"Bearer {token} "], "token-malformed"),
                ([f"Bearer {token},Bearer {token}"], "token-malformed"),
                ([f"Basic {token}"], "token-malformed"),
                ([f"Bearer {token}".encode()], "token-malformed"),
                ([f"Bearer {'x' * 4097}"], "token-malformed"),
            ):
                follower.presented = presented
                assert await follower.refusal(follower.hello()) == code

            follower.presented = good
            follower.open()
            await house.admit(Origin(house.control().genesis).batch(2))
            assert len(await follower.received(2)) == 2

    asyncio.run(scenario())


@pytest.mark.must("4.2.15")
def test_where_none_is_required_nothing_of_a_token_is_looked_at() -> None:
    """An agreement from before there were tokens is served as it always was, whatever comes with the call."""

    async def scenario() -> None:
        async with a_house_of_tokens() as (house, issuers):
            follower = house.follower("usa/arl", "UA-US-1")
            follower.presented = ["garbage", b"more"]
            follower.open()

            await follower.caught_up()
            assert not issuers.asked.is_set()

    asyncio.run(scenario())


def test_a_gateway_that_knows_no_issuers_server_takes_no_token() -> None:
    """A setting that is missing never opens anything."""

    async def scenario() -> None:
        async with a_house_of_tokens() as (house, _):
            house.running.tokens = None
            follower = a_follower(house)

            assert await follower.refusal(follower.hello()) == "token-roots-missing"

    asyncio.run(scenario())


@pytest.mark.must("4.2.15", "12.6.15")
@pytest.mark.parametrize(
    ("agreed", "scope", "records"),
    [
        ('["tactic"]', "telemetry tactic design", 1),
        ('["telemetry", "tactic"]', "tactic", 1),
        ('["telemetry", "tactic"]', "telemetry", 0),
        ('["telemetry"]', "telemetry tactic", 0),
        ('["tactic"]', "telemetry", None),
        ('["telemetry", "tactic"]', "design", None),
    ],
)
def test_a_scope_only_takes_away(agreed: str, scope: str, records: int | None) -> None:
    """Kinds that the agreement does not have stay out of reach, whatever an issuer writes."""

    async def scenario() -> None:
        async with a_house_of_tokens(kinds=agreed) as (house, _):
            await house.admit(Origin(house.control().genesis).batch())
            follower = a_follower(house, scope=scope)
            if records is None:
                assert await follower.refusal(follower.hello()) == "token-scope"
                return
            follower.open()

            assert len(await follower.caught_up()) == records

    asyncio.run(scenario())


@pytest.mark.must("9.5.12", "12.6.14", "12.6.15")
@pytest.mark.parametrize(
    ("agreed", "ceiling", "records"), [('"T"', None, 2), ('"T"', "DSK", 1), ('"DSK"', "T", 1), ('"T"', "OPEN", 0)]
)
def test_of_two_ceilings_the_lower_one_counts(agreed: str, ceiling: str | None, records: int) -> None:
    """A token can lower what an agreement shows, and raise nothing."""

    async def scenario() -> None:
        async with a_house_of_tokens(ceiling=agreed) as (house, _):
            origin = Origin(house.control().genesis)
            await house.admit(origin.batch())
            await house.admit(origin.batch([raised(7)], lane=Lane.new()))
            follower = a_follower(house, ceiling=ceiling)
            follower.open()

            assert len(await follower.caught_up()) == records

    asyncio.run(scenario())


@pytest.mark.must("12.6.14")
def test_a_ceiling_that_no_vocabulary_has_opens_nothing() -> None:
    """Unknown means no."""

    async def scenario() -> None:
        async with a_house_of_tokens() as (house, _):
            follower = a_follower(house, ceiling="COSMIC")

            assert await follower.refusal(follower.hello()) == "token-ceiling"

    asyncio.run(scenario())


@pytest.mark.must("4.1.8", "12.6.16")
def test_a_stream_ends_when_its_token_expires() -> None:
    """Before its next frame, in the very second; the next stream needs another token."""

    async def scenario() -> None:
        async with a_house_of_tokens() as (house, _):
            follower = a_follower(house, exp=house.now_ms // 1000 + 60)
            follower.open()
            await follower.caught_up()
            origin = Origin(house.control().genesis)
            await house.admit(origin.batch())
            await follower.received(1)
            house.clock.advance(60_000)

            await house.admit(origin.batch())

            await follower.until(lambda: follower.ended is EndReason.LIFETIME)
            assert len(follower.records) == 1
            assert await follower.refusal(follower.hello()) == "token-expired"
            follower.presented = bearer(follower, house)
            follower.open()
            assert len(await follower.received(2)) == 2

    asyncio.run(scenario())


@pytest.mark.must("4.1.9", "12.6.16")
def test_a_stream_ends_when_another_issuer_is_signed() -> None:
    """What the token was accepted for is no more; where no token is required nobody notices."""

    async def scenario() -> None:
        async with a_house_of_tokens() as (house, _):
            bound, free = a_follower(house), house.follower("usa/arl", "UA-US-1")
            for follower in (bound, free):
                follower.open()
                await follower.caught_up()

            assert await admit(house, Issuer(client="another", keys={}).table()) == 1
            await bound.until(lambda: bound.ended is EndReason.CHANGED)
            assert await bound.refusal(bound.hello()) == "token-client"
            assert await admit(house, "") == 0
            assert await bound.refusal(bound.hello()) == "token-issuer-missing"
            await house.admit(Origin(house.control().genesis).batch())
            assert len(await free.received(1)) == 1

    asyncio.run(scenario())


@pytest.mark.must("12.6.16")
def test_what_is_signed_while_the_issuer_is_asked_counts() -> None:
    """A stream that was being opened meanwhile carries no frame."""

    async def scenario() -> None:
        async with a_house_of_tokens() as (house, issuers):
            await house.admit(Origin(house.control().genesis).batch())
            issuers.come.clear()
            follower = a_follower(house)
            follower.open()
            await issuers.asked.wait()
            await admit(house, Issuer(client="another", keys={}).table())

            issuers.come.set()

            await follower.until(lambda: follower.ended is EndReason.CHANGED)
            assert follower.records == []

    asyncio.run(scenario())
