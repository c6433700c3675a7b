"""Laws of a token's form and claims: one spelling, one meaning, for this hour and this connection, else nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core.control.token import MAX_TOKEN_BYTES, Claims, parse_object, token_parts
from gateway.core.errors import Refused
from gateway.core.suite.numbers import RecordKind
from tests.tokens import Issuer, b64, compact

AUDIENCE, FINGERPRINT, NOW_MS = "spiffe://demo.example/gateway/demo", "ab" * 32, 1_800_000_000_500
NOW = NOW_MS // 1000
ISSUER = Issuer(keys={})


def payload(**changed: Any) -> bytes:
    """Good claims with some changed."""
    return json.dumps(ISSUER.claims(AUDIENCE, FINGERPRINT, NOW_MS, **changed)).encode()


def check(claims: bytes, audience: str = AUDIENCE, fingerprint: str = FINGERPRINT, now_ms: int = NOW_MS) -> Claims:
    """The claims, if they hold at that moment."""
    parsed = Claims.parse(claims)
    parsed.check(ISSUER.trusted(), audience, fingerprint, now_ms)
    return parsed


def test_a_good_token_says_whose_when_and_how_much() -> None:
    """Everything the gateway acts on is in the claims, and the rest is not read."""
    claims = check(payload(scope="tactic design", ceiling="DSK", nbf=NOW, azp="other", weight=1.5))

    assert claims.kinds == {RecordKind.TACTIC, RecordKind.DESIGN}
    assert (claims.ceiling, claims.expires_at_ms) == ("DSK", (NOW + 300) * 1000)
    assert check(payload()).ceiling is None
    assert check(payload(aud=["https://other.example", AUDIENCE])).issuer == ISSUER.url


@pytest.mark.must("12.6.8", "12.6.9", "12.6.10", "12.6.11", "12.6.12", "12.6.13", "12.6.14")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://idp.gbr.example"}, "token-issuer"),
        ({"iss": None}, "token-claims"),
        ({"sub": "someone"}, "token-client"),
        ({"sub": 7}, "token-claims"),
        ({"client_id": "someone"}, "token-client"),
        ({"client_id": "c" * 257}, "token-claims"),
        ({"aud": "spiffe://demo.example/gateway/other"}, "token-audience"),
        ({"aud": None}, "token-claims"),
        ({"aud": []}, "token-claims"),
        ({"aud": [AUDIENCE, AUDIENCE]}, "token-claims"),
        ({"aud": [AUDIENCE, 7]}, "token-claims"),
        ({"aud": [AUDIENCE, *map(str, range(16))]}, "token-claims"),
        ({"cnf": None}, "token-binding"),
        ({"cnf": {}}, "token-binding"),
        ({"cnf": b64(bytes.fromhex(FINGERPRINT))}, "token-binding"),
        ({"cnf": {"x5t#S256": FINGERPRINT}}, "token-binding"),
        ({"cnf": {"x5t#S256": b64(b"x" * 32)}}, "token-binding"),
        ({"cnf": {"x5t#S256": b64(bytes.fromhex(FINGERPRINT)), "jkt": "other"}}, "token-binding"),
        ({"cnf": {"x5t#S256": 7}}, "token-binding"),
        ({"exp": None}, "token-claims"),
        ({"exp": str(NOW + 300)}, "token-claims"),
        ({"exp": NOW + 300.5}, "token-claims"),
        ({"exp": True}, "token-claims"),
        ({"exp": NOW}, "token-expired"),
        ({"exp": NOW - 5}, "token-expired"),
        ({"exp": NOW + 10**300}, "token-life"),
        ({"iat": NOW - 3301}, "token-life"),
        ({"iat": NOW + 31, "exp": NOW + 40}, "token-not-yet-valid"),
        ({"iat": NOW + 20, "exp": NOW + 20}, "token-life"),
        ({"iat": -1}, "token-claims"),
        ({"iat": None}, "token-claims"),
        ({"nbf": NOW + 31}, "token-not-yet-valid"),
        ({"nbf": "now"}, "token-claims"),
        ({"jti": None}, "token-claims"),
        ({"jti": ""}, "token-claims"),
        ({"scope": None}, "token-scope"),
        ({"scope": ""}, "token-scope"),
        ({"scope": "telemetry  tactic"}, "token-scope"),
        ({"scope": "tactic tactic"}, "token-scope"),
        ({"scope": "tactic openid"}, "token-scope"),
        ({"scope": "chunk"}, "token-scope"),
        ({"scope": ["tactic"]}, "token-scope"),
        ({"ceiling": "top secret"}, "token-claims"),
        ({"ceiling": 3}, "token-claims"),
    ],
    ids=str,
)
def test_a_token_that_does_not_hold_is_refused_by_name(changed: dict[str, Any], code: str) -> None:
    """One claim that is missing, odd or another's is enough."""
    with pytest.raises(Refused) as caught:
        check(payload(**changed))

    assert caught.value.code == code


@pytest.mark.must("12.6.11")
def test_the_gateways_own_clock_says_when_a_token_is_good() -> None:
    """To the millisecond at its end; at its beginning issuers' clocks may be half a minute ahead."""
    claims = payload(exp=NOW + 1, nbf=NOW)

    check(claims, now_ms=(NOW + 1) * 1000 - 1)
    check(claims, now_ms=(NOW - 30) * 1000)
    for now_ms, code in (((NOW + 1) * 1000, "token-expired"), ((NOW - 30) * 1000 - 1, "token-not-yet-valid")):
        with pytest.raises(Refused) as caught:
            check(claims, now_ms=now_ms)
        assert caught.value.code == code
    check(payload(iat=NOW - 3300, exp=NOW + 300))


@pytest.mark.must("12.6.1")
@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b"7",
        b"{",
        b"\xff",
        b'{"iss":"a","iss":"b"}',
        b'{"cnf":{"x5t#S256":"a","x5t#S256":"b"}}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b'{"exp":' + b"9" * 5000 + b"}",
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b'{"a":' + b"[" * 16 + b"]" * 16 + b"}",
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b"{} {}",
        "{}".encode("utf-16"),
    ],
    ids=lambda octets: octets[:24].hex(),
)
def test_what_is_not_one_object_of_different_names_is_refused(octets: bytes) -> None:
    """Two readers must never see two values under one name."""
    with pytest.raises(Refused) as caught:
        parse_object(octets, "payload")

    assert caught.value.code == "token-malformed"
    with pytest.raises(Refused):
        Claims.parse(octets)


@pytest.mark.must("12.6.1")
@pytest.mark.parametrize(
    "octets",
    [
        b'{"a":' * 16 + b"1" + b"}" * 16,
        b'{"a":' + b"[" * 15 + b"]" * 15 + b"}",
        b'{"a":' + b"[" * 14 + b'{},7,"' + b"[" * 99 + b'"' + b"]" * 14 + b"}",
    ],
)
def test_what_is_nested_within_the_bound_is_read(octets: bytes) -> None:
    """The bound counts objects and lists, not brackets."""
    assert parse_object(octets, "payload") == json.loads(octets)


@pytest.mark.must("12.6.1")
@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "e30.e30",
        "e30.e30.",
        "e30.e30.AA.AA",
        "e30=.e30.AA",
        "e30.e30.A",
        "e30.e30.AB",
        "e31.e30.AA",
        "e30.e3 0.AA",
        "e30.é30.AA",
        "e30.e30.AA\n",
        f"e30.{'A' * MAX_TOKEN_BYTES}.AA",
    ],
)
def test_a_token_has_three_parts_in_one_spelling_and_a_bound(token: str) -> None:
    """It is bounded before anything of it is decoded, and no byte of it can be written in two ways."""
    with pytest.raises(Refused) as caught:
        token_parts(token)

    assert caught.value.code == "token-malformed"
    assert not token or token[:20] not in caught.value.message


def test_the_parts_of_a_token_are_what_was_put_in() -> None:
    """Header and payload, to the byte."""
    header, claims = b'{"alg":"ES256"}', payload()

    assert token_parts(f"{compact(header)}.{compact(claims)}.AA") == (header, claims)
