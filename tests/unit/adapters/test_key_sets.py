"""Laws of the key sets of issuers: what in one is a key, how old one may be, how often it is asked for."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.adapters.oidc import HttpsIssuers
from gateway.adapters.oidc.issuers import COOLDOWN_MS, REFRESH_MS, STALE_MS
from gateway.adapters.oidc.keyset import MAX_KEYS, MAX_SET_BYTES, parse_key_set
from gateway.core.errors import Fault, Refused
from tests.fakes import FakeClock
from tests.tokens import Issuer, b64, jwk

EC = ec.generate_private_key(ec.SECP256R1())
CLAIMS = b"{}"


def key_set(*members: Any) -> bytes:
    """A set of these."""
    return json.dumps({"keys": members}).encode()


@pytest.mark.must("12.6.7")
@pytest.mark.parametrize(
    "member",
    [
        jwk(EC, None),
        jwk(EC, "", alg="ES256"),
        jwk(EC, "k" * 129),
        jwk(EC, "k", alg="ES384"),
        jwk(EC, "k", alg="HS256"),
        jwk(EC, "k", use="enc"),
        jwk(EC, "k", key_ops=["sign"]),
        jwk(EC, "k", key_ops="verify"),
        jwk(EC, "k", d=b64(EC.private_numbers().private_value.to_bytes(32, "big"))),
        jwk(EC, "k", k="AA"),
        jwk(EC, "k", crv="P-384"),
        jwk(EC, "k", x="AA"),
        jwk(EC, "k", y=jwk(EC, "k")["x"]),
        jwk(EC, "k", x=7),
        jwk(EC, "k", kty="OKP"),
        jwk(EC, "k", kty=None),
        jwk(ec.generate_private_key(ec.SECP521R1()), "k"),
        jwk(ec.generate_private_key(ec.SECP256K1()), "k", crv="secp256k1"),
        jwk(rsa.generate_private_key(65537, 1024), "k"),  # noqa: S505 - to be refused
        {"kty": "RSA", "kid": "k", "n": "AQ", "e": "AQAB"},
        {"kty": "oct", "kid": "k", "k": "AAAA"},
        "k",
        None,
    ],
    ids=range(23),
)
def test_a_key_of_no_use_here_is_as_if_it_were_not_there(member: Any) -> None:
    """And the others of its set are none the worse for it."""
    assert list(parse_key_set(key_set(member, jwk(EC, "good", use="sig", key_ops=["verify"], alg="ES256")))) == ["good"]


def test_of_two_keys_under_one_name_neither_is_taken() -> None:
    """Nobody could say which was meant."""
    other = ec.generate_private_key(ec.SECP256R1())

    assert parse_key_set(key_set(jwk(EC, "k"), jwk(other, "k"))) == {}
    assert parse_key_set(key_set(jwk(EC, "k"), jwk(other, "k", use="enc"))) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[],"keys":[]}',
        key_set(*[{}] * (MAX_KEYS + 1)),
        key_set() + b" " * MAX_SET_BYTES,
    ],
    ids=lambda content: content[:16].decode(),
)
def test_what_is_no_key_set_is_refused(content: bytes) -> None:
    """Bounded before it is read, and read as strictly as everything else."""
    with pytest.raises(Refused) as caught:
        parse_key_set(content)

    assert caught.value.code == "token-keys"


class Desk:
    """Issuers over a fetch that a test scripts, and a clock that it sets."""

    def __init__(self) -> None:
        self.issuer, self.clock, self.asked = Issuer(), FakeClock(1_800_000_000_000), 0
        self.sets: list[bytes | Fault] = [self.issuer.key_set()]
        self.issuers = HttpsIssuers(self._fetch, self.clock)

    def _fetch(self, url: str) -> bytes:
        assert url == self.issuer.at
        self.asked += 1
        answer = self.sets[-1]
        if isinstance(answer, Fault):
            raise answer
        return answer

    async def says(self, key: str = "k-256") -> str:
        """The code with which a good token under that key is refused; nothing if it is taken."""
        try:
            await self.issuers.payload_of(self.issuer.trusted(), self.issuer.token(CLAIMS, key))
        except Refused as refused:
            return refused.code
        return ""

    async def settled(self) -> None:
        """Whatever is asked for has come."""
        while tasks := [one for one in asyncio.all_tasks() if one.get_name() == "key set"]:
            await asyncio.wait(tasks)


DOWN = Fault("token-keys-not-fetched", "the issuer is away")


@pytest.mark.must("12.6.20")
def test_a_set_is_used_for_an_hour_and_no_longer() -> None:
    """An issuer that is away for a while does not stop its partner; one that is away for long does."""

    async def scenario() -> None:
        desk = Desk()
        assert await desk.says() == ""
        desk.sets.append(DOWN)

        desk.clock.advance(STALE_MS - 1)
        assert await desk.says() == ""
        await desk.settled()
        desk.clock.advance(1)
        assert await desk.says() == "token-keys"
        desk.sets.append(desk.issuer.key_set())
        assert await desk.says() == "token-keys", "it is too soon to ask again"
        desk.clock.advance(COOLDOWN_MS)
        assert await desk.says() == ""

    asyncio.run(scenario())


def test_a_set_is_asked_for_again_in_the_background() -> None:
    """Nobody waits for it, and a key that the issuer took back is gone with the answer."""

    async def scenario() -> None:
        desk = Desk()
        assert await desk.says() == ""
        desk.sets.append(key_set(jwk(EC, "next")))

        desk.clock.advance(REFRESH_MS - 1)
        assert (await desk.says(), desk.asked) == ("", 1)
        desk.clock.advance(1)
        assert await desk.says() == ""
        await desk.settled()
        assert (desk.asked, await desk.says()) == (2, "token-key")

    asyncio.run(scenario())


def test_a_key_that_is_not_there_is_asked_for_once() -> None:
    """An issuer may change its keys at any moment; whoever invents names must not make us a flood."""

    async def scenario() -> None:
        desk = Desk()
        new = ec.generate_private_key(ec.SECP256R1())
        assert await desk.says() == ""
        desk.issuer.keys["k-new"] = new

        desk.clock.advance(COOLDOWN_MS - 1)
        assert (await desk.says("k-new"), desk.asked) == ("token-key", 1)
        desk.sets.append(desk.issuer.key_set())
        desk.clock.advance(1)
        assert (await desk.says("k-new"), desk.asked) == ("", 2)
        desk.issuer.keys["k-other"] = new
        assert [await desk.says("k-other") for _ in range(9)] == ["token-key"] * 9
        assert desk.asked == 2

    asyncio.run(scenario())


def test_many_who_wait_wait_for_one_answer() -> None:
    """A start with a hundred followers asks the issuer once, and one that gives up takes nothing from the others."""

    async def scenario() -> None:
        desk = Desk()
        waiting = [asyncio.create_task(desk.says()) for _ in range(20)]
        await asyncio.sleep(0)
        waiting[0].cancel()

        assert await asyncio.gather(*waiting[1:]) == [""] * 19
        assert desk.asked == 1
        await desk.issuers.close()

    asyncio.run(scenario())


def test_closing_leaves_nothing_behind() -> None:
    """A gateway on its way down waits for no issuer."""

    async def scenario() -> None:
        desk, held, asked = Desk(), threading.Event(), threading.Event()

        def never(_: str) -> bytes:
            asked.set()
            held.wait(30)
            return desk.issuer.key_set()

        desk.issuers = HttpsIssuers(never, desk.clock)
        asking = asyncio.create_task(desk.says())
        await asyncio.to_thread(asked.wait, 30)

        await desk.issuers.close()
        assert await asking == "token-keys"
        held.set()

    asyncio.run(scenario())
