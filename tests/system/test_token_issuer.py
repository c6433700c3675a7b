"""Real processes and a real issuer: a party gets a token with its own certificate, and follows with it and no other."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from sluice.v1 import release_pb2

from clients.channel import secure_channel, translated
from clients.profile import Profile
from clients.testing import CommandFailed, Sluice
from clients.testing.commands import Commands, Facts
from clients.testing.harness import agreement_text
from clients.testing.operators import DOMAIN, GATEWAY_ID
from clients.times import now_ms
from gateway.settings import FILE
from tests.hellos import a_hello
from tests.system.issuer import LIFE_SECONDS, RunningIssuer, running_issuer
from tests.system.office import InProcess

AUDIENCE = f"spiffe://{DOMAIN}/gateway/{GATEWAY_ID}"
PARTIES = {"usa/arl": "USA", "gbr/dstl": "GBR"}
LEAST_SECONDS = 8
REQUIRED = {"token": "required"}


@dataclass
class Town:
    """Two partners, each with an issuer of its own nation and an agreement that requires a token of it."""

    sluice: Sluice
    issuers: dict[str, RunningIssuer]

    def profile(self, party: str) -> Profile:
        """The party's profile."""
        return Profile.load(self.path(party))

    def path(self, party: str) -> Path:
        """Its file."""
        return self.sluice.folder / f"{party.replace('/', '-')}.profile"

    def token(self, party: str, scope: str = "tactic telemetry") -> str:
        """A token of its issuer, asked for with its certificate."""
        return self.issuers[party].token(self.profile(party), client_of(party), scope)

    def follow(self, party: str, token: str | None, *words: str) -> Facts:
        """What `sluice-client follow` prints, with this token in its file."""
        place = self.sluice.folder / secrets.token_hex(4)
        if token is not None:
            place.with_suffix(".token").touch(mode=0o600)
            place.with_suffix(".token").write_text(f"{token}\n")
            words = (*words, "--token-file", str(place.with_suffix(".token")))
        sink, state = f"ndjson:{place.with_suffix('.ndjson')}", str(place.with_suffix(".state"))
        profile = str(self.path(party))
        following = ("--profile", profile, "--to", sink, "--state", state, "--subscription", place.name)
        return Commands(self.sluice.folder).facts("sluice-client", "follow", "tactic", *following, *words)

    def denied(self, party: str, *tokens: str) -> str:
        """What the gateway says to a client that looks at no token itself."""
        profile = self.profile(party)

        async def scenario() -> str:
            channel = await secure_channel(profile.connection())
            metadata = [("authorization", f"Bearer {token}") for token in tokens]
            try:
                call = channel.unary_stream(
                    "/sluice.v1.ReleaseService/Follow",
                    request_serializer=release_pb2.FollowRequest.SerializeToString,
                    response_deserializer=release_pb2.FollowResponse.FromString,
                )(
                    release_pb2.FollowRequest(hello=a_hello(profile, subscription="raw", kinds=0b100)),
                    metadata=metadata,
                    timeout=120,
                )
                return f"{len([answer async for answer in call])} answers"
            except grpc.aio.AioRpcError as error:
                return translated(error).code
            finally:
                await channel.close(None)

        return asyncio.run(scenario())


def client_of(party: str) -> str:
    """How its issuer calls it."""
    return f"sluice-{party.replace('/', '-')}"


def claims_of(token: str, part: int = 1) -> dict[str, Any]:
    """A part of a token, unverified."""
    encoded = token.split(".")[part]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return claims


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Everything by the commands that people type: gateway, enrolment, admission with `[token]`, agreement."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("issuers")
        issuers = {}
        for party, nation in PARTIES.items():
            (place := folder / nation).mkdir()
            uri, roots = f"spiffe://{DOMAIN}/partner/{party}", folder / "sluice" / "roots.pem"
            issuers[party] = running_issuer(place, AUDIENCE, {client_of(party): uri}, roots)
        # What operators type runs in this process, for its speed; gateway, issuers and followers are processes.
        desk = InProcess(folder / "sluice")
        sluice = stack.enter_context(Sluice.at(folder / "sluice", vocabularies=("UKR.1",), commands=desk))
        town = Town(sluice, {party: stack.enter_context(running) for party, running in issuers.items()})
        sluice.stop()
        (folder / "issuers.pem").write_text("".join(one.roots.read_text() for one in town.issuers.values()))
        with (sluice.folder / "gateway" / FILE).open("a") as settings:
            settings.write(f'token_roots = "{folder / "issuers.pem"}"\n')
        sluice.start()
        for party, nation in PARTIES.items():
            _admit(town, party, nation)
        sluice.settle()
        sluice.publish(sluice.source(), sluice.tactic())
        for party in PARTIES:
            sluice.operators.profile("partner", party, town.path(party))
        yield town


def _admit(town: Town, party: str, nation: str) -> None:
    sluice, plain = town.sluice, party.replace("/", "-")
    keys = sluice.folder / plain
    made = sluice.client("enrol", party, "--role", "partner", "--gateway", sluice.endpoint, "--out", str(keys))
    sluice.operators.spoken[party] = str(made["words"])
    files = {"clearance": f'[UKR]\nlevel = "T"\nREL = ["{nation}"]\n'}
    files["token"] = town.issuers[party].table(client_of(party))
    files["agreement"] = agreement_text(f"UA-{nation}-T", party, **REQUIRED)
    paths = {name: sluice.folder / f"{plain}.{name}.toml" for name in files}
    for name, text in files.items():
        paths[name].write_text(text)
    options = ["--nation", nation, "--clearance", str(paths["clearance"]), "--token", str(paths["token"])]
    sluice.operators.admit("partner", party, str(made["bundle"]), *options)
    sluice.operators.agree(paths["agreement"])


@pytest.mark.must("12.6.10")
def test_a_real_issuer_binds_its_token_to_the_partys_own_certificate(town: Town) -> None:
    """RFC 9068 and RFC 8705 as another project understands them; nobody else's certificate gets this client's token."""
    token = town.token("usa/arl")

    header, claims = claims_of(token, 0), claims_of(token)
    fingerprint = bytes.fromhex(town.profile("usa/arl").identity().fingerprint)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert claims["aud"] == AUDIENCE
    assert claims["cnf"] == {"x5t#S256": base64.urlsafe_b64encode(fingerprint).rstrip(b"=").decode()}
    status, answer = town.issuers["usa/arl"].ask(town.profile("gbr/dstl"), client_of("usa/arl"), "tactic")
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.must("4.2.15", "12.6.6", "12.6.19")
def test_a_party_follows_with_its_own_token(town: Town) -> None:
    """From the issuer's signature to a verified record, every step by a process of its own."""
    received = town.follow("usa/arl", town.token("usa/arl"), "--until", "caught-up")

    assert (received["records"], received["verified"], received["ended"]) == (1, 1, "caught up")


@pytest.mark.must("4.2.15", "12.6.17")
def test_a_party_is_denied_without_a_token_and_with_anothers(town: Town) -> None:
    """Required and absent is a denial, and a good token in other hands is none."""
    own, others = town.token("usa/arl"), town.token("gbr/dstl")

    assert town.denied("usa/arl") == "denied"
    assert town.denied("usa/arl", others) == "denied"
    assert town.denied("gbr/dstl", own) == "denied"
    assert town.denied("usa/arl", own, own) == "denied"
    assert town.denied("usa/arl", f"{own[:-4]}AAAA") == "denied"
    logged = town.sluice.served.tail()
    codes = {json.loads(line)["code"] for line in logged.splitlines() if '"rpc.denied"' in line}
    assert codes >= {"token-missing", "token-twice", "token-signature"}
    assert own.split(".")[1] not in logged


@pytest.mark.must("4.2.15", "12.6.21")
@pytest.mark.parametrize("whose", ["", "gbr/dstl"])
def test_the_client_says_first_what_the_gateway_would_not(town: Town, whose: str) -> None:
    """A denial has no reason; the party's own tool can give it one, and sends nothing."""
    token = town.token(whose) if whose else None

    with pytest.raises(CommandFailed) as caught:
        town.follow("usa/arl", token, "--until", "caught-up")

    assert caught.value.code == ("token-issuer" if whose else "token-needed")


@pytest.mark.must("4.1.8", "12.6.16")
def test_a_stream_ends_with_its_token_and_the_next_needs_another(town: Town) -> None:
    """The issuer gave it some seconds; the gateway's own clock ends the stream, in order and not by a cut."""
    began = time.monotonic()
    town.follow("gbr/dstl", town.token("gbr/dstl"), "--until", "caught-up")
    # Enough for this machine, today, to start a follower and to be caught up.
    town.issuers["gbr/dstl"].let_live(max(LEAST_SECONDS, round(5 * (time.monotonic() - began))))
    token = town.token("gbr/dstl")
    town.issuers["gbr/dstl"].let_live(LIFE_SECONDS)

    received = town.follow("gbr/dstl", token, "--until", "ended")

    assert (received["records"], received["ended"]) == (1, "lifetime")
    assert now_ms() >= claims_of(token)["exp"] * 1000
    assert town.denied("gbr/dstl", token) == "denied"
    assert town.follow("gbr/dstl", town.token("gbr/dstl"), "--until", "caught-up")["records"] == 1


def test_the_doctor_says_whose_token_is_needed(town: Town) -> None:
    """Whoever sets up the issuer must know client and audience."""
    checks = town.sluice.client("doctor", "--profile", str(town.path("usa/arl")))["checks"]
    found = {one["check"]: one["found"] for one in checks}  # type: ignore[union-attr, index]  # a list of objects

    issuer = town.issuers["usa/arl"].url
    assert found["token"] == f"UA-USA-T requires one of {issuer} for sluice-usa-arl, audience {AUDIENCE}"
