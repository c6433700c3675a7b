"""The tokens of the vectors before the gateway and before the second reader: the same is taken, the same is refused."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import Any

import pytest

from gateway.adapters.memory import UnsafeMemoryIssuers
from gateway.core.control.agreement import Agreement
from gateway.core.control.issuer import TokenIssuer
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.texts import read_text
from gateway.core.errors import Refused
from gateway.usecases.token import TokenDesk
from tests.reference import recorded
from tests.reference.reader import Refusal
from tests.reference.reader.texts import TEXTS, body_text, check_agreement
from tests.reference.reader.texts import read_text as second_text
from tests.reference.reader.token import judge
from tests.vectors.test_two_readers import said, spoilt_text

GOOD = [name for name in recorded.names() if f"{name}_leaves" in recorded.names()]
WRONG = [name for name in recorded.names() if name.startswith("token.refused_")]
TABLE, KEY_SET = recorded.octets("token.table"), recorded.octets("token.key_set")
WHERE: dict[str, Any] = recorded.entry("token.where")["value"]
ISSUER = TokenIssuer.read(read_text(TABLE, "partner", {"token"}))
SPOILT = 300


def gateways(token: str) -> dict[str, Any] | str:
    """What the token leaves by the gateway, or the code of its refusal."""
    desk = TokenDesk(UnsafeMemoryIssuers({ISSUER.keys: KEY_SET}), WHERE["audience"])
    try:
        granted = asyncio.run(desk.grant(ISSUER, [f"Bearer {token}"], WHERE["certificate"], WHERE["now_ms"])).facts
    except Refused as refused:
        return refused.code
    kinds = sorted(kind.name.lower() for kind in granted.kinds)
    return {"until_ms": granted.until_ms, "kinds": kinds, "ceiling": granted.ceiling_level}


def seconds(token: str) -> dict[str, Any] | str:
    """The same by the second reader."""
    table: Any = second_text(TABLE, "token")["token"]
    try:
        until, kinds, ceiling = judge(token, table, KEY_SET, WHERE)
    except Refusal as refused:
        return refused.code
    return {"until_ms": until, "kinds": sorted(kinds), "ceiling": ceiling}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_leaves_the_same_to_both(name: str) -> None:
    """Until when, which kinds and which ceiling."""
    token = recorded.octets(name).decode()

    assert gateways(token) == seconds(token) == recorded.entry(f"{name}_leaves")["value"]


@pytest.mark.must("12.6.1", "12.6.6", "12.6.17")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused_for_the_same_reason(name: str) -> None:
    """What one gateway lets through another must not."""
    value = recorded.entry(name)["value"]

    assert gateways(value["token"]) == seconds(value["token"]) == value["code"]


def test_two_readers_say_the_same_of_spoilt_tokens(rng: Random) -> None:
    """One character changed, put in, or taken out, anywhere."""
    letters = "AZaz09-_.= {"
    right = [recorded.octets(name).decode() for name in GOOD]

    for _ in range(SPOILT):
        token = rng.choice(right)
        at, cut = rng.randrange(len(token)), rng.choice((0, 1, 1))
        token = token[:at] + rng.choice((*letters, "")) + token[at + cut :]

        assert gateways(token) == seconds(token)


def test_two_readers_say_the_same_of_spoilt_texts(rng: Random) -> None:
    """An admission with an issuer, and an agreement that requires a token: both take it, or both refuse it."""
    texts = {8: ("partner text with an issuer", PartnerAdmission.parse), 9: ("agreement with a token", Agreement.parse)}

    for _ in range(SPOILT):
        kind = rng.choice((8, 9))
        name, parse = texts[kind]
        text = spoilt_text(rng, recorded.octets(f"rejected.{name}"))

        second = said(partial(_second_body, kind, text))
        assert (said(partial(parse, text)) is None) == (second is None), text


def _second_body(kind: int, text: bytes) -> None:
    body = body_text(kind, text, "text")
    if kind == 9:
        check_agreement(body, "text")


def test_the_table_of_the_vectors_is_one_of_an_admission() -> None:
    """Both readers take it as operators sign it."""
    partner = recorded.octets("rejected.partner text")

    assert TEXTS[8](second_text(partner + b"\n" + TABLE, "partner"), "partner")
    assert ISSUER.algorithms == {"ES256", "ES384"}
    assert len(GOOD) == 4
    assert len(WRONG) > 30
