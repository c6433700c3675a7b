"""What the port `TokenIssuers` promises, sentence by sentence, of key sets over https and of the double."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clients.operator.ca import Authority
from gateway.adapters.clock import SystemClock
from gateway.adapters.memory import UnsafeMemoryIssuers
from gateway.adapters.oidc import HttpsIssuers
from gateway.core.errors import Refused
from gateway.ports.issuers import TokenIssuers
from tests.contract.sentences import Contract
from tests.tokens import Issuer, b64, compact, jwk, key_server, public_pem, shared

CONTRACT = Contract(TokenIssuers)
CLAIMS = b'{"iss" :"https://idp.usa.example"}'


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """One issuer with a key of each kind."""
    return Issuer()


@pytest.fixture(params=["https", "memory"])
def issuers(request: pytest.FixtureRequest, issuer: Issuer, tmp_path: Path) -> Iterator[TokenIssuers]:
    """One adapter, which knows the issuer's key set."""
    if request.param == "memory":
        yield UnsafeMemoryIssuers({issuer.at: issuer.key_set()})
        return
    authority = Authority.create("idp.example", datetime.now(UTC))
    with key_server(authority, tmp_path) as server:
        server.show(issuer.key_set())
        issuer.at = f"{server.url}/jwks"
        yield HttpsIssuers.under_roots(authority.root_pem(), SystemClock())


def code_of(issuers: TokenIssuers, issuer: Issuer, token: str, *algorithms: str) -> str:
    """The code with which the token is refused."""
    with pytest.raises(Refused) as caught:
        asyncio.run(issuers.payload_of(issuer.trusted(*algorithms), token))
    assert caught.value.at == "token" or caught.value.code == "token-keys"
    return caught.value.code


@CONTRACT.holds(
    "Judges a signature by the key set that the issuer shows now; what was signed is judged elsewhere.",
    "a payload is given only where the one key that `kid` names in the set at `issuer.keys` signed it, by one of "
    "`issuer.algorithms`, which is that key's own.",
    "The payload of the token, exactly as it was signed.",
)
@pytest.mark.must("12.6.2", "12.6.6", "12.6.7")
@pytest.mark.parametrize(("kid", "by"), [("k-256", "ES256"), ("k-384", "ES384"), ("k-rsa", "PS256")])
def test_what_the_issuers_key_signed_is_given(issuers: TokenIssuers, issuer: Issuer, kid: str, by: str) -> None:
    """To the byte, and under each algorithm that operators may name."""
    for typ in ("at+jwt", "AT+JWT", "application/at+jwt"):
        token = issuer.token(CLAIMS, kid, by, typ=typ)

        assert asyncio.run(issuers.payload_of(issuer.trusted("ES256", "ES384", "PS256"), token)) == CLAIMS
    assert code_of(issuers, issuer, token, *{"ES256", "ES384", "PS256"} - {by}) == "token-algorithm"


@CONTRACT.holds(
    "Everything else is refused: `token-malformed`, `token-type`, `token-algorithm`, `token-header`, `token-key`, "
    "`token-signature`."
)
@pytest.mark.must("12.6.2", "12.6.3", "12.6.4", "12.6.5", "12.6.6", "12.6.7")
def test_everything_else_is_refused_by_name(issuers: TokenIssuers, issuer: Issuer) -> None:
    """An attacker chooses every byte of a token, the header first."""
    good = issuer.token(CLAIMS)
    parts = good.split(".")
    stranger = Issuer(keys={"k-256": ec.generate_private_key(ec.SECP256R1())})
    secret = {"alg": "HS256", "typ": "at+jwt", "kid": "k-256"}
    twice = compact(b'{"alg":"ES256","typ":"at+jwt","kid":"k-256","kid":"k-384"}')
    wrong = {
        "token-malformed": [
            *("", "garbage", good + ".", good + "=", "x" * 5000),
            f"{twice}.{parts[1]}.{parts[2]}",
            f"{compact({'alg': 'none', 'typ': 'at+jwt'})}.{parts[1]}.",
        ],
        "token-type": [issuer.token(CLAIMS, typ="JWT"), issuer.token(CLAIMS, typ=None), issuer.token(CLAIMS, typ=1)],
        "token-algorithm": [
            issuer.token(CLAIMS, alg="none"),
            shared(secret, {}, public_pem(issuer.keys["k-256"])),
            shared(secret, {}, jwk(issuer.keys["k-256"], None)["x"].encode()),
            issuer.token(CLAIMS, alg="es256"),
            issuer.token(CLAIMS, alg=None),
            issuer.token(CLAIMS, alg=["ES256"]),
            issuer.token(CLAIMS, "k-rsa", "PS256"),
        ],
        "token-header": [
            issuer.token(CLAIMS, crit=["sluice"], sluice=True),
            issuer.token(CLAIMS, crit=["exp"]),
            issuer.token(CLAIMS, crit=[]),
            issuer.token(CLAIMS, b64=True),
            issuer.token(CLAIMS, jku="https://evil.example/jwks"),
            stranger.token(CLAIMS, jwk=jwk(stranger.keys["k-256"], "k-256")),
            issuer.token(CLAIMS, x5u="https://evil.example"),
            issuer.token(CLAIMS, x5c=["AA"]),
            *(issuer.token(CLAIMS, kid=kid) for kid in (None, 7, "", "k" * 129)),
        ],
        "token-key": [
            *(issuer.token(CLAIMS, kid=kid) for kid in ("k-512", "k-enc", "k-384")),
            issuer.token(CLAIMS, "k-384", "ES384", alg="ES256"),
            issuer.token(CLAIMS, "k-rsa", "PS256", alg="ES256"),
        ],
        "token-signature": [
            stranger.token(CLAIMS),
            f"{parts[0]}.{compact({'iss': 'else'})}.{parts[2]}",
            f"{parts[0]}.{parts[1]}.{b64(bytes(64))}",
            f"{parts[0]}.{parts[1]}.{b64(bytes(96))}",
            f"{parts[0]}.{parts[1]}.AA",
        ],
    }

    assert asyncio.run(issuers.payload_of(issuer.trusted(), good)) == CLAIMS
    for code, tokens in wrong.items():
        assert {code_of(issuers, issuer, token) for token in tokens} == {code}


@CONTRACT.holds("`token-keys` where no key set is at hand.")
def test_without_a_key_set_nothing_is_good(issuers: TokenIssuers, issuer: Issuer) -> None:
    """Nobody vouches for what nobody can check."""
    elsewhere = Issuer(at="https://127.0.0.1:9/jwks", keys=issuer.keys)

    assert code_of(issuers, elsewhere, issuer.token(CLAIMS)) == "token-keys"


@CONTRACT.holds("the same token gives the same payload while the key set stands.")
def test_a_token_may_be_shown_again(issuers: TokenIssuers, issuer: Issuer) -> None:
    """A follower opens stream after stream with it."""
    token = issuer.token(CLAIMS)

    assert [asyncio.run(issuers.payload_of(issuer.trusted(), token)) for _ in range(2)] == [CLAIMS] * 2


def test_every_sentence_of_the_port_is_held() -> None:
    """The port promises nothing that no test shows."""
    assert CONTRACT.unheld() == []
