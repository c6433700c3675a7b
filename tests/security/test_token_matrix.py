"""Threat: a party shows a token that is forged, stolen, stretched or strange. One table, over real TLS and gRPC.

Each row is denied with the same words, and the log names what was wrong with it and shows nothing of it. The rows are
made by a hand that signs whatever it likes; a real issuer is in tests/system/test_token_issuer.py.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from clients.operator.ca import Authority
from clients.partner.events import CaughtUp, Ended
from clients.partner.follow import follow
from clients.profile import Profile
from gateway.core.suite.numbers import EndReason, RecordKind, StatementKind
from gateway.rpc.convert import wrap
from tests.hellos import a_hello
from tests.loopback import Loopback, a_segment, a_tactic, names_of, next_event
from tests.security.wire import FOLLOW, Heard, Leaf, call, channel
from tests.stand import DOMAIN
from tests.tokens import CLIENT, Issuer, b64, compact, jwk, key_server, public_pem, shared

GATEWAY = f"spiffe://{DOMAIN}/gateway/demo"
STRANGER = Issuer(keys={"k-256": ec.generate_private_key(ec.SECP256R1())})


class Town:
    """A gateway, an issuer that it knows, and a partner whose agreement requires a token; another partner too."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        authority = Authority.create("idp.example", datetime.now(UTC))
        self.server = stack.enter_context(key_server(authority, root))
        self.issuer = Issuer(url=self.server.url, at=f"{self.server.url}/jwks")
        self.server.show(self.issuer.key_set())
        self.world = Loopback(root)
        stack.callback(self.world.close)
        roots = root / "issuers.pem"
        roots.write_bytes(authority.root_pem())
        stand = self.world.stand
        stand.settings = replace(stand.settings, token_roots=roots)
        self.world.start("usa/arl", "gbr/dstl")
        self.admit(self.issuer.table())
        self.profile = self.agree("UA-T-1")
        self.other = stand.profile("gbr/dstl")

    def admit(self, token: str) -> None:
        """The partner again, with this `[token]`."""
        stand = self.world.stand
        stand.texts["usa/arl"] = stand.texts["usa/arl"].split(b"\n[token]")[0] + token.encode()
        self.world.run(stand.apply(StatementKind.PARTNER, stand.texts["usa/arl"], stand.bundles["usa/arl"].encoded))

    def agree(self, name: str, **changed: str) -> Profile:
        """One more agreement that requires a token; a profile with only this."""
        return self.world.agree("usa/arl", name, **({"token": '"required"'} | changed))

    def claims(self, profile: Profile | None = None, **changed: Any) -> dict[str, Any]:
        """Good claims for the connection of a profile, with some changed."""
        fingerprint = (profile or self.profile).identity().fingerprint
        return self.issuer.claims(GATEWAY, fingerprint, time.time_ns() // 1_000_000, **changed)

    def good(self, profile: Profile | None = None, **changed: Any) -> str:
        """A token of these."""
        return self.issuer.token(self.claims(profile, **changed))

    def follow(self, *metadata: tuple[str, str]) -> Heard:
        """One Follow over the partner's connection, with this metadata."""

        async def scenario() -> Heard:
            roots = self.world.stand.authority.root_pem()
            connection = self.profile.connection()
            leaf = Leaf(connection.key_path.read_bytes(), connection.certificate_pem)
            async with channel(self.world.stand.port, roots, leaf) as opened:
                return await call(opened, FOLLOW, wrap(a_hello(self.profile)), limit=3, metadata=metadata)

        return self.world.run(scenario())


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One gateway for the whole file."""
    with ExitStack() as stack:
        yield Town(tmp_path_factory.mktemp("tokens"), stack)


def bearer(token: str) -> tuple[str, str]:
    """As the format spells it."""
    return ("authorization", f"Bearer {token}")


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def unsigned(town: Town) -> str:
    """`none`, with a signature's place filled so that it has three parts."""
    return f"{compact({'alg': 'none', 'typ': 'at+jwt', 'kid': 'k-256'})}.{compact(town.claims())}.AA"


def under_public_key(town: Town, secret: bytes) -> str:
    """The public key taken for a shared secret."""
    return shared({"alg": "HS256", "typ": "at+jwt", "kid": "k-256"}, town.claims(), secret)


def twice(town: Town, name: str, value: str) -> str:
    """Claims in which a name stands twice, the good value last."""
    return town.issuer.token(f'{{"{name}":{value},{json.dumps(town.claims())[1:]}'.encode())


def swapped(town: Town) -> str:
    """The signature of one token under the claims of another."""
    header, _, signature = town.good().split(".")
    return f"{header}.{compact(town.claims(scope='design'))}.{signature}"


Row = Callable[[Town], str]
ROWS: dict[str, tuple[str, Row]] = {
    "none": ("token-algorithm", unsigned),
    "none, nothing in the place of the signature": ("token-malformed", lambda t: unsigned(t)[:-2]),
    "HS256 over the public key as PEM": (
        "token-algorithm",
        lambda t: under_public_key(t, public_pem(t.issuer.keys["k-256"])),
    ),
    "HS256 over the public key as JSON": (
        "token-algorithm",
        lambda t: under_public_key(t, json.dumps(jwk(t.issuer.keys["k-256"], "k-256")).encode()),
    ),
    "an algorithm that operators did not name": (
        "token-algorithm",
        lambda t: t.issuer.token(t.claims(), "k-384", "ES384"),
    ),
    "a key of another algorithm": ("token-key", lambda t: t.issuer.token(t.claims(), "k-384", "ES384", alg="ES256")),
    "unknown kid": ("token-key", lambda t: t.issuer.token(t.claims(), kid="k-0")),
    "no kid": ("token-header", lambda t: t.issuer.token(t.claims(), kid=None)),
    "signed by a stranger": ("token-signature", lambda t: STRANGER.token(t.claims())),
    "claims of another token": ("token-signature", swapped),
    "the stranger's key in the header": (
        "token-header",
        lambda t: STRANGER.token(t.claims(), jwk=jwk(STRANGER.keys["k-256"], "k-256")),
    ),
    "an address of keys in the header": (
        "token-header",
        lambda t: STRANGER.token(t.claims(), jku="https://evil.example/jwks"),
    ),
    "unknown crit": ("token-header", lambda t: t.issuer.token(t.claims(), crit=["sluice"], sluice=1)),
    "crit of what is known": ("token-header", lambda t: t.issuer.token(t.claims(), crit=["exp"])),
    "an ID token": ("token-type", lambda t: t.issuer.token(t.claims(), typ="JWT")),
    "no type": ("token-type", lambda t: t.issuer.token(t.claims(), typ=None)),
    "wrong cnf": ("token-binding", lambda t: t.good(cnf={"x5t#S256": b64(b"x" * 32)})),
    "no cnf": ("token-binding", lambda t: t.good(cnf=None)),
    "another confirmation beside": (
        "token-binding",
        lambda t: t.good(cnf=t.claims()["cnf"] | {"jkt": "x"}),
    ),
    "another party's, with its certificate": ("token-binding", lambda t: t.good(t.other)),
    "another party's, with this certificate": ("token-client", lambda t: t.good(client_id="dstl", sub="dstl")),
    "other client_id": ("token-client", lambda t: t.good(client_id="another")),
    "other sub": ("token-client", lambda t: t.good(sub="another")),
    "wrong audience": ("token-audience", lambda t: t.good(aud=f"spiffe://{DOMAIN}/gateway/other")),
    "no audience": ("token-claims", lambda t: t.good(aud=None)),
    "wrong issuer": ("token-issuer", lambda t: t.good(iss="https://idp.gbr.example")),
    "no exp": ("token-claims", lambda t: t.good(exp=None)),
    "exp as a text": ("token-claims", lambda t: t.good(exp="9999999999")),
    "expired": ("token-expired", lambda t: t.good(iat=now() - 400, exp=now() - 1)),
    "not yet valid": ("token-not-yet-valid", lambda t: t.good(nbf=now() + 200)),
    "issued in the future": ("token-not-yet-valid", lambda t: t.good(iat=now() + 200)),
    "of a day": ("token-life", lambda t: t.good(exp=now() + 86_400)),
    "no jti": ("token-claims", lambda t: t.good(jti=None)),
    "no scope": ("token-scope", lambda t: t.good(scope=None)),
    "a scope that is not understood": ("token-scope", lambda t: t.good(scope="tactic openid")),
    "a scope that the agreement has nothing of": ("token-scope", lambda t: t.good(scope="design")),
    "a ceiling that no vocabulary has": ("token-ceiling", lambda t: t.good(ceiling="COSMIC")),
    "a ceiling that is no code": ("token-claims", lambda t: t.good(ceiling=9)),
    "a name that stands twice": ("token-malformed", lambda t: twice(t, "aud", '"evil"')),
    "claims that are no object": ("token-malformed", lambda t: t.issuer.token(b'["iss"]')),
    "claims nested a thousand times": ("token-malformed", lambda t: t.issuer.token(b"[" * 1200)),
    "oversized": ("token-malformed", lambda t: t.good(padding="x" * 4000)),
    "garbage": ("token-malformed", lambda _: "garbage"),
    "nothing": ("token-malformed", lambda _: ""),
    "padded": ("token-malformed", lambda t: t.good() + "="),
    "two in one line": ("token-malformed", lambda t: f"{t.good()},Bearer {t.good()}"),
}
DENIED = {"at": "", "code": "denied", "message": "not allowed"}


def check_denied(town: Town, code: str, *metadata: tuple[str, str]) -> None:
    """One uniform answer, the reason in the log, and of the token nothing anywhere."""
    with capture_logs() as logs:
        answer = town.follow(*metadata)

    assert (answer.status, answer.answers) == ("PERMISSION_DENIED", ())
    assert {name: answer.facts[name] for name in DENIED} == DENIED
    assert [line["code"] for line in logs if line["event"] == "rpc.denied"] == [code]
    said = repr(logs) + repr(answer)
    assert not [part for _, value in metadata for part in value.split(".") if len(part) > 8 and part in said]


def test_a_good_token_opens(town: Town) -> None:
    """The refusals below are for what was changed."""
    for token in (town.good(), town.good(aud=["https://other.example", GATEWAY]), town.good(ceiling="DSK", nbf=now())):
        answer = town.follow(bearer(token))

        assert (answer.status, len(answer.answers)) == ("OK", 3)


@pytest.mark.must("12.6.1", "12.6.2", "12.6.3", "12.6.4", "12.6.5", "12.6.6", "12.6.7", "12.6.8", "12.6.9", "12.6.10")
@pytest.mark.must("12.6.11", "12.6.12", "12.6.13", "12.6.14", "12.6.17", "12.6.18")
@pytest.mark.parametrize("row", ROWS)
def test_a_wrong_token_is_denied_like_every_other(town: Town, row: str) -> None:
    """A peer cannot learn from the answer which check it failed, and so not which it passed."""
    code, token = ROWS[row]

    check_denied(town, code, bearer(token(town)))


@pytest.mark.must("4.2.15", "12.6.1", "12.6.17")
def test_a_call_with_no_token_or_with_two_is_denied_like_every_other(town: Town) -> None:
    """Of two tokens nobody could say which one was meant, also if both are good."""
    good = bearer(town.good())

    check_denied(town, "token-missing")
    check_denied(town, "token-missing", ("authorisation", good[1]), ("x-authorization", good[1]))
    check_denied(town, "token-twice", good, good)
    check_denied(town, "token-twice", good, bearer("garbage"))
    check_denied(town, "token-malformed", ("authorization", f"DPoP {town.good()}"))
    check_denied(town, "token-malformed", ("authorization", f"bearer {town.good()}"))


def test_what_is_larger_than_all_metadata_may_be_is_not_even_read(town: Town) -> None:
    """The bound of the connection stands before that of the token."""
    answer = town.follow(bearer("x" * 20_000))

    assert answer.status in {"RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL"}
    assert answer.answers == ()


@pytest.mark.must("12.6.15", "12.6.22")
def test_a_token_with_a_wider_scope_than_the_agreement_shows_no_more(town: Town, tmp_path: Path) -> None:
    """Kinds, ceiling and portions are what the agreement has, through the client that partners use."""
    world = town.world
    profile = town.agree("UA-T-2", kinds='["tactic"]', ceiling='"DSK"')
    free = world.agree("usa/arl", "UA-T-3", kinds='["tactic"]', ceiling='"DSK"')
    world.publish(RecordKind.TELEMETRY, a_segment())
    world.publish(RecordKind.TACTIC, a_tactic())

    def token() -> str:
        return town.good(profile, scope="telemetry tactic design", ceiling="TST")

    shown = world.receive(profile, tmp_path / "state", kinds=("tactic",), token=token)
    without = world.receive(free, tmp_path / "free", kinds=("tactic",), token=tmp_path / "there is none")

    assert [names_of(record) for record in shown] == [names_of(record) for record in without] != []


@pytest.mark.must("12.6.15")
def test_a_token_with_a_narrower_scope_and_ceiling_shows_less(town: Town, tmp_path: Path) -> None:
    """Of two kinds the one in its scope, and nothing above its ceiling."""
    profile = town.agree("UA-T-4")
    town.world.publish(RecordKind.TACTIC, a_tactic())
    town.world.publish(RecordKind.TELEMETRY, a_segment())

    def shown(**claims: str) -> set[RecordKind]:
        name = secrets.token_hex(4)
        state, token = tmp_path / name, lambda: town.good(profile, **claims)
        return {one.kind for one in town.world.receive(profile, state, subscription=name, token=token)}

    assert shown() == {RecordKind.TELEMETRY, RecordKind.TACTIC}
    assert shown(scope="telemetry") == {RecordKind.TELEMETRY}
    assert shown(ceiling="DSK") == {RecordKind.TELEMETRY, RecordKind.TACTIC}
    assert shown(ceiling="OPEN") == set()


@pytest.mark.must("12.6.21")
def test_a_stream_that_ended_is_opened_again_with_the_next_token(town: Town, tmp_path: Path) -> None:
    """Operators sign another list of algorithms: the stream ends, and the client asks for a token once more."""
    profile, given = town.agree("UA-T-5"), []

    def token() -> str:
        given.append(town.good(profile))
        return given[-1]

    async def scenario() -> EndReason:
        async with follow(profile, kinds=("tactic",), state=tmp_path / "state", token=token) as following:
            events = aiter(following)
            await next_event(events, CaughtUp)
            stand = town.world.stand
            text = stand.texts["usa/arl"].replace(b'["ES256"]', b'["ES256", "ES384"]')
            await stand.apply(StatementKind.PARTNER, text, stand.bundles["usa/arl"].encoded)
            ended = await next_event(events, Ended)
            await next_event(events, CaughtUp)
            return ended.reason

    assert town.world.run(scenario()) is EndReason.CHANGED
    assert len(set(given)) == 2
    town.admit(town.issuer.table())


def test_the_client_id_of_the_table_is_the_partners(town: Town) -> None:
    """A row that is denied for another reason than it says would show nothing."""
    assert town.claims()["client_id"] == CLIENT
    assert set(ROWS) >= {"none", "wrong cnf", "no cnf", "no exp", "unknown crit", "wrong audience", "oversized"}
