"""Threat: whoever carries certificates and requests for them has a key of its own certified, or somebody cut off.

The gateway here is a real one where a party lies, and a script with the gateway's own TLS key where the gateway lies.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from sluice.v1 import identity_pb2, identity_pb2_grpc

from clients.certificates import certificate_request, der, leaf_of, new_tls_key
from clients.keyfiles import read_private
from clients.operator.ca import Authority, PartyKind
from clients.operator.govern import open_governance
from clients.profile import Profile
from clients.renewal import keeping_renewed, renewal_of, renewed
from clients.source.upload import Upload
from gateway.core.control.renewal import make_renewal, parse_renewal
from gateway.core.errors import CallerError, GatewayError, Refused
from gateway.core.parties.identity import Identity
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import MAX_RENEWAL_BYTES, Holder
from tests.loopback import SOURCE, Loopback, quiet
from tests.security.wire import Heard, Leaf, call, channel
from tests.stand import DOMAIN

RENEW = "/sluice.v1.CertificateService/Renew"
LIST = "/sluice.v1.CertificateService/ListRenewals"
ANSWER = "/sluice.v1.CertificateService/AnswerRenewal"
KNOWN = "/sluice.v1.CertificateService/ListCertificates"
OTHER = "src-91c2"
PARTNER = "usa/arl"


class Post:
    """One gateway, one source, one partner, and every call of the mailbox."""

    def __init__(self, root: Path) -> None:
        self.world = Loopback(root)
        self.world.start(PARTNER, sources=(SOURCE, OTHER))

    @property
    def authority(self) -> Authority:
        """The one root's."""
        return self.world.stand.authority

    def profile(self, party: str) -> Profile:
        """Whose certificate was just issued."""
        return self.world.stand.profile(party)

    def path(self, party: str) -> Path:
        """Where it lies."""
        return self.world.root / f"{party.replace('/', '-')}.profile"

    def ask(self, as_party: Profile, method: str, request: bytes) -> Heard:
        """One call over this party's connection."""
        connection = as_party.connection()
        leaf = Leaf(read_private(connection.key_path), connection.certificate_pem)

        async def scenario() -> Heard:
            async with channel(self.world.stand.port, self.authority.root_pem(), leaf) as opened:
                return await call(opened, method, request)

        return self.world.run(scenario())

    def renew(self, as_party: Profile, encoded: bytes) -> Heard:
        """Asks with these bytes."""
        return self.ask(as_party, RENEW, identity_pb2.RenewRequest(renewal=encoded).SerializeToString())

    def waiting(self) -> list[bytes]:
        """What an operator is shown."""

        async def scenario() -> list[bytes]:
            async with open_governance(self.world.stand.connection()) as governance:
                return [one async for one in governance.renewals()]

        return self.world.run(scenario())

    def answer(self, digest: bytes, certificate: bytes) -> None:
        """An operator answers."""

        async def scenario() -> None:
            async with open_governance(self.world.stand.connection()) as governance:
                await governance.answer_renewal(digest, certificate)

        self.world.run(scenario())

    def following(self, profile: Profile, *, key: bytes = b"", authority: Authority | None = None) -> bytes:
        """A certificate that is good for longer, DER."""
        request = certificate_request(key or read_private(profile.connection().key_path))
        issuer = authority or self.authority
        kind = PartyKind(profile.role.value)
        return der(leaf_of(issuer.issue(request, kind, profile.id, now=datetime.now(UTC), hours=48)))


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """One gateway for the whole file."""
    post = Post(tmp_path_factory.mktemp("renewal"))
    yield post
    post.world.close()


def test_a_party_renews_through_the_gateway_and_its_words_stay(post: Post) -> None:
    """The refusals below are for what was changed."""
    profile, path = post.profile(SOURCE), post.path(SOURCE)

    before = post.world.run(renewed(path, profile))
    (encoded,) = post.waiting()
    renewal = parse_renewal(encoded)
    certificate = post.following(profile)
    post.answer(renewal.digest, certificate)
    after = post.world.run(renewed(path, profile))

    assert before is None
    assert after is not None
    assert der(leaf_of(Profile.load(path).certificate_pem)) == certificate
    assert Profile.load(path).words() == profile.words()
    assert Profile.load(path) == after
    assert post.waiting() == []


def forged(profile: Profile, other: Profile, **changed: object) -> bytes:
    """A renewal in somebody's name with the own key."""
    values: dict[str, object] = {
        "genesis": profile.genesis_link,
        "holder": Holder[other.role.name],
        "holder_id": other.id,
        "time_ms": time.time_ns() // 1_000_000,
        "certificate_request": certificate_request(read_private(profile.connection().key_path)),
        "certificate": der(leaf_of(profile.certificate_pem)),
    }
    return make_renewal(profile.signing_key(), **{**values, **changed}).encoded  # type: ignore[arg-type]  # any field


@pytest.mark.must("12.7.3", "12.7.4")
def test_a_party_that_asks_for_another_is_told_what_a_stranger_is_told(post: Post) -> None:
    """In another's name, with another's request that it got hold of, with another's certificate: one answer."""
    mine, theirs = post.profile(SOURCE), post.profile(OTHER)
    attempts = {
        "another's name": forged(mine, theirs),
        "nobody's name": forged(mine, mine, holder_id="src-0000"),
        "an operator's": forged(mine, mine, holder=Holder.OPERATOR, holder_id="officer-1"),
        "the gateway's": forged(mine, mine, holder=Holder.GATEWAY, holder_id="demo"),
        "another's request": renewal_of(theirs).encoded,
        "another's certificate": forged(mine, mine, certificate=der(leaf_of(theirs.certificate_pem))),
        "another TLS key": forged(mine, mine, certificate_request=certificate_request(new_tls_key())),
        "another gateway's": forged(mine, mine, genesis=b"e" * 48),
        "another key": make_renewal(
            SigningKey.generate(),
            genesis=mine.genesis_link,
            holder=Holder.SOURCE,
            holder_id=mine.id,
            time_ms=time.time_ns() // 1_000_000,
            certificate_request=certificate_request(read_private(mine.connection().key_path)),
            certificate=der(leaf_of(mine.certificate_pem)),
        ).encoded,
    }

    told = {what: post.renew(mine, encoded) for what, encoded in attempts.items()}

    assert {what: answer.code for what, answer in told.items()} == dict.fromkeys(attempts, "denied")
    assert len({(answer.status, answer.facts["message"], answer.facts["at"]) for answer in told.values()}) == 1
    assert post.waiting() == []


@pytest.mark.must("12.7.3")
def test_a_request_of_yesterday_is_not_taken_again(post: Post) -> None:
    """Who recorded it would have what waits replaced by it."""
    profile = post.profile(SOURCE)
    yesterday = time.time_ns() // 1_000_000 - 24 * 3_600_000

    answer = post.renew(profile, forged(profile, profile, time_ms=yesterday))

    assert (answer.status, answer.code) == ("FAILED_PRECONDITION", "renewal-late")


@pytest.mark.must("12.7.1", "12.7.6")
def test_a_party_that_floods_the_mailbox_fills_one_place_of_it(post: Post) -> None:
    """And what is too large or no request at all costs nothing but its refusal."""
    profile = post.profile(OTHER)
    for _ in range(40):
        assert post.renew(profile, renewal_of(profile).encoded).status == "OK"

    huge = post.renew(profile, secrets.token_bytes(MAX_RENEWAL_BYTES + 1))
    noise = post.renew(profile, secrets.token_bytes(9000))
    empty = post.renew(profile, b"")

    assert [huge.code, noise.code, empty.code] == ["size", "malformed", "malformed"]
    assert len(post.waiting()) == 1


@pytest.mark.must("12.7.7", "12.7.16")
def test_no_party_sees_what_others_ask_or_answers_it(post: Post) -> None:
    """The list names who holds which key."""
    profile = post.profile(PARTNER)
    answer = identity_pb2.AnswerRenewalRequest(renewal_digest=bytes(48), certificate=b"x").SerializeToString()

    told = [post.ask(profile, LIST, b""), post.ask(profile, ANSWER, answer), post.ask(profile, KNOWN, b"")]

    assert [(one.status, one.code) for one in told] == [("PERMISSION_DENIED", "denied")] * 3


@pytest.mark.must("12.7.8")
def test_an_operator_alone_cannot_hand_out_what_may_not_follow(post: Post) -> None:
    """The one with the authority too: of another key, of another root."""
    profile = post.profile(OTHER)
    post.renew(profile, renewal_of(profile).encoded)
    (encoded,) = post.waiting()
    digest = parse_renewal(encoded).digest
    other = Authority.create(DOMAIN, datetime.now(UTC) - timedelta(hours=1))
    wrong = {
        "certificate-other-key": post.following(profile, key=new_tls_key()),
        "certificate-other-root": post.following(profile, authority=other),
        "certificate-malformed": b"no certificate",
    }

    codes = {}
    for code, certificate in wrong.items():
        with pytest.raises(GatewayError) as caught:
            post.answer(digest, certificate)
        codes[code] = caught.value.code

    assert codes == {code: code for code in wrong}


@dataclass
class Lying(identity_pb2_grpc.CertificateServiceServicer):
    """A gateway that answers every renewal with these bytes."""

    certificate: bytes = b""

    async def Renew(  # noqa: N802 - the name is the contract's
        self, request: identity_pb2.RenewRequest, context: object
    ) -> identity_pb2.RenewResponse:
        """Whatever was asked."""
        return identity_pb2.RenewResponse(certificate=self.certificate)


@asynccontextmanager
async def lying(post: Post, service: Lying) -> AsyncIterator[int]:
    """It has the gateway's own certificate: nothing else tells it from the honest one."""
    settings = post.world.stand.settings
    server = grpc.aio.server()
    identity_pb2_grpc.add_CertificateServiceServicer_to_server(service, server)
    pair = [(settings.tls_key.read_bytes(), settings.certificate.read_bytes())]
    credentials = grpc.ssl_server_credentials(pair, settings.roots.read_bytes(), require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


LIES: dict[str, tuple[Callable[[Post, Profile], bytes], str]] = {
    "of a key of its own": (lambda post, profile: post.following(profile, key=new_tls_key()), "certificate-other-key"),
    "of another party": (
        lambda post, profile: post.following(post.profile(OTHER), key=read_private(profile.connection().key_path)),
        "certificate-other-identity",
    ),
    "of another root": (
        lambda post, profile: post.following(
            profile, authority=Authority.create(DOMAIN, datetime.now(UTC) - timedelta(hours=1))
        ),
        "certificate-other-root",
    ),
    "it has": (lambda post, profile: der(leaf_of(profile.certificate_pem)), "certificate-not-later"),
    "that is none": (lambda post, profile: b"\x30\x03\x02\x01\x00", "certificate-malformed"),
}


@pytest.mark.must("12.7.9", "12.7.10")
@pytest.mark.parametrize("what", LIES)
def test_a_party_installs_no_certificate(post: Post, what: str) -> None:
    """What the gateway hands over is believed as little as the gateway; the profile stays as it was, to the byte."""
    profile, path = post.profile(SOURCE), post.path(SOURCE)
    before = path.read_bytes()
    made, code = LIES[what]
    service = Lying(made(post, profile))

    async def scenario() -> str:
        async with lying(post, service) as port:
            with pytest.raises(Refused) as caught:
                await renewed(path, replace(profile, endpoint=f"127.0.0.1:{port}"))
            return caught.value.code

    assert post.world.run(scenario()) == code
    assert path.read_bytes() == before


def test_a_certificate_is_not_written_into_another_profile(post: Post) -> None:
    """The operator's new profile, put in place while the old one asks, must not be overwritten by it."""
    profile, path = post.profile(SOURCE), post.path(SOURCE)
    answered = Lying(post.following(profile))
    newer = replace(profile, roots_pem=profile.roots_pem + b"\n")
    newer.write(path)

    async def scenario() -> str:
        async with lying(post, answered) as port:
            with pytest.raises(CallerError) as caught:
                await renewed(path, replace(profile, endpoint=f"127.0.0.1:{port}"))
            return caught.value.code

    assert post.world.run(scenario()) == "profile-other"
    assert Profile.load(path).roots_pem == newer.roots_pem


@pytest.mark.must("12.7.10")
def test_beside_a_stream_a_certificate_is_renewed_in_time_and_told(post: Post) -> None:
    """Nobody has to be there; and another process of the same party hears of it by the file."""
    honest, path = post.profile(PARTNER), post.path(PARTNER)
    request = certificate_request(read_private(honest.connection().key_path))
    ending = post.authority.issue(
        request, PartyKind.PARTNER, PARTNER, now=datetime.now(UTC) - timedelta(minutes=55), hours=1
    )
    certificate = post.following(honest)

    async def scenario() -> tuple[list[Profile], list[str]]:
        taken: list[Profile] = []
        told: list[str] = []
        done = asyncio.Event()

        def take(profile: Profile) -> None:
            taken.append(profile)
            done.set()

        async with lying(post, Lying(certificate)) as port:
            profile = replace(honest, certificate_pem=ending, endpoint=f"127.0.0.1:{port}")
            profile.write(path)
            async with keeping_renewed(path, profile, take, told.append):
                await done.wait()
        return taken, told

    (fresh,), told = post.world.run(scenario())

    until = Identity.from_certificate(certificate).not_after_ms
    assert fresh.identity().not_after_ms == until
    assert Profile.load(path).certificate_pem == fresh.certificate_pem
    assert [one.startswith("certificate renewed, until ") for one in told] == [True]


def test_a_running_client_goes_on_with_its_next_certificate_and_with_no_other_profile(post: Post) -> None:
    """What is put in the file while it runs must not make it another party, or let it follow another root."""
    fresh, other = post.profile(SOURCE), post.profile(OTHER)
    request = certificate_request(read_private(fresh.connection().key_path))
    ended = datetime.now(UTC) - timedelta(hours=3)
    chain = post.authority.issue(request, PartyKind.SOURCE, SOURCE, now=ended, hours=1)

    with post.world.outbox("going-on") as outbox:
        upload = Upload(replace(fresh, certificate_pem=chain), outbox, quiet)
        with pytest.raises(Refused) as before:
            post.world.run(upload.fetch_directory())
        with pytest.raises(CallerError) as foreign:
            upload.renewed(other)
        upload.renewed(fresh)
        post.world.run(upload.fetch_directory())

        assert (before.value.code, foreign.value.code) == ("certificate-expired", "profile-other")
        assert upload.has_directory()
