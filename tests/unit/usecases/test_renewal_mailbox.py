"""The mailbox takes from each holder what is its own, shows it to operators, and gives back what may follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from clients.certificates import certificate_request, der, leaf_of, new_tls_key
from clients.operator.ca import Authority, PartyKind, root_digest
from gateway.core.control.renewal import make_renewal
from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity, fingerprint
from gateway.core.suite.algorithms import digest
from gateway.core.suite.numbers import CLOCK_SKEW_MS, Holder, StatementKind
from gateway.usecases.peer import Peer
from gateway.usecases.renewal import KEPT_MS, Mailbox
from tests.unit.control.given import NOW, signing_key
from tests.unit.control.world import partner_bundle, partner_text, source_bundle, source_text
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.town import operator_peer

FOUNDED = datetime.fromtimestamp(NOW / 1000, UTC) - timedelta(days=3)
OWN = Authority.create("ua.example", FOUNDED)
THEIRS = Authority.create("usa.example", FOUNDED)
HOLDERS = {
    "source/src-3f07": (OWN, PartyKind.SOURCE, "src-3f07", "src-3f07"),
    "partner/usa/arl": (THEIRS, PartyKind.PARTNER, "arl", "usa/arl"),
    "operator/officer-2": (OWN, PartyKind.OPERATOR, "officer-2", "officer-2"),
}
TLS_KEYS = {name: new_tls_key() for name in (*HOLDERS, "gateway/ua-gw", "stranger")}


@dataclass
class Roots:
    """What the gateway accepts."""

    by_fingerprint: Mapping[str, bytes] = field(
        default_factory=lambda: {root_digest(one.root): der(one.root) for one in (OWN, THEIRS)}
    )
    own_root: bytes = field(default_factory=lambda: der(OWN.root))


@dataclass
class Post:
    """A house whose parties have certificates of real roots, and its mailbox."""

    house: House
    roots: Roots = field(default_factory=Roots)
    installed: list[bytes] = field(default_factory=list)
    mailbox: Mailbox = field(init=False)

    def __post_init__(self) -> None:
        self.mailbox = Mailbox(self.house.running, lambda: self.roots, self.installed.append)

    @property
    def now(self) -> datetime:
        """The gateway's."""
        return datetime.fromtimestamp(self.house.now_ms / 1000, UTC)

    def certificate(
        self, name: str, *, later_hours: int = 0, key: str = "", authority: Authority | None = None
    ) -> bytes:
        """One of the holder, DER."""
        issuer, kind, party_id, _ = HOLDERS.get(name, (OWN, PartyKind.GATEWAY, "ua-gw", "ledger"))
        request = certificate_request(TLS_KEYS[key or name])
        now = self.now - timedelta(hours=20) + timedelta(hours=later_hours)
        hosts = ["gw.example"] if kind is PartyKind.GATEWAY else []
        return der(leaf_of((authority or issuer).issue(request, kind, party_id, now=now, hosts=hosts)))

    def peer(self, name: str, certificate: bytes) -> Peer:
        """The holder at the other end of a connection with that certificate."""
        role, _, party_id = name.partition("/")
        root = root_digest((HOLDERS[name][0]).root)
        return Peer(role, party_id, Identity.from_certificate(certificate), root, "X25519MLKEM768")

    def renewal(
        self,
        name: str,
        certificate: bytes,
        *,
        key: str = "",
        tls_key: str = "",
        time_ms: int | None = None,
        genesis: bytes = b"",
    ) -> bytes:
        """What the holder signs."""
        role, _, holder_id = name.partition("/")
        return make_renewal(
            signing_key(key or HOLDERS[name][3]),
            genesis=genesis or self.house.control().genesis,
            holder=Holder[role.upper()],
            holder_id=holder_id,
            time_ms=self.house.now_ms if time_ms is None else time_ms,
            certificate_request=certificate_request(TLS_KEYS[tls_key or name]),
            certificate=certificate,
        ).encoded

    def ask(self, name: str, certificate: bytes | None = None, **changed: object) -> bytes:
        """The holder asks; the answer."""
        present = certificate or self.certificate(name)
        return self.mailbox.renew(self.peer(name, present), self.renewal(name, present, **changed))  # type: ignore[arg-type]  # by name

    def waiting(self) -> list[bytes]:
        """What an operator is shown."""
        return self.mailbox.waiting(operator_peer())

    def answer(self, certificate: bytes) -> None:
        """An operator answers the only request."""
        (encoded,) = self.waiting()
        self.mailbox.answer(operator_peer(), digest(encoded), certificate)


@asynccontextmanager
async def a_post() -> AsyncIterator[Post]:
    """Both parties are bound to real roots."""
    async with a_house() as house:
        own, theirs = root_digest(OWN.root), root_digest(THEIRS.root)
        await house.apply(StatementKind.SOURCE, source_text(root=own), source_bundle().encoded)
        await house.apply(StatementKind.PARTNER, partner_text(root=theirs), partner_bundle().encoded)
        yield Post(house)


def code_of(refused: pytest.ExceptionInfo[Refused]) -> str:
    """What it was refused for."""
    return refused.value.code


@pytest.mark.parametrize("name", HOLDERS)
def test_a_holder_asks_and_is_given_what_an_operator_answered(name: str) -> None:
    """Asked again it is given again: an answer may be lost on a bad link."""

    async def scenario() -> tuple[bytes, bytes, bytes, list[bytes]]:
        async with a_post() as post:
            present, following = post.certificate(name), post.certificate(name, later_hours=20)
            before = post.ask(name, present)
            post.answer(following)
            return before, post.ask(name, present), post.ask(name, present), [following, *post.waiting()]

    before, first, again, (following, *waiting) = asyncio.run(scenario())

    assert (before, first, again, waiting) == (b"", following, following, [])


def test_the_next_time_it_asks_anew() -> None:
    """An answer of before is none for the certificate it brought."""

    async def scenario() -> tuple[bytes, int]:
        async with a_post() as post:
            name = "source/src-3f07"
            following = post.certificate(name, later_hours=20)
            post.ask(name)
            post.answer(following)
            return post.ask(name, following), len(post.waiting())

    assert asyncio.run(scenario()) == (b"", 1)


@pytest.mark.must("12.7.3")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"key": "src-91c2"}, "renewal-key"),
        ({"tls_key": "stranger"}, "certificate-other-key"),
        ({"genesis": b"e" * 48}, "renewal-genesis"),
        ({"time_ms": NOW - CLOCK_SKEW_MS - 1}, "renewal-late"),
        ({"time_ms": NOW + 10 * CLOCK_SKEW_MS + 3_600_000}, "renewal-late"),
    ],
    ids=str,
)
def test_what_is_not_the_holders_own_is_refused(changed: dict[str, object], code: str) -> None:
    """In key, TLS key, genesis and time."""

    async def scenario() -> str:
        async with a_post() as post:
            with pytest.raises(Refused) as refused:
                post.ask("source/src-3f07", **changed)
            assert post.waiting() == []
            return code_of(refused)

    assert asyncio.run(scenario()) == code


@pytest.mark.must("12.7.3")
def test_a_party_asks_for_nobody_else_and_with_the_certificate_of_the_connection() -> None:
    """A source that holds the renewal of a partner, or an old certificate of its own, is denied."""

    async def scenario() -> list[str]:
        async with a_post() as post:
            source, partner = "source/src-3f07", "partner/usa/arl"
            mine, theirs = post.certificate(source), post.certificate(partner)
            wrong = [
                (post.peer(source, mine), post.renewal(partner, theirs)),
                (post.peer(source, mine), post.renewal(source, post.certificate(source, later_hours=1))),
                (replace(post.peer(source, mine), party_id="src-91c2"), post.renewal(source, mine)),
            ]
            codes = []
            for peer, encoded in wrong:
                with pytest.raises(Refused) as refused:
                    post.mailbox.renew(peer, encoded)
                codes.append(code_of(refused))
            return codes

    assert asyncio.run(scenario()) == ["denied"] * 3


@pytest.mark.must("12.7.6")
def test_one_request_waits_for_each_holder_however_often_it_asks() -> None:
    """An open one stays, so that whoever is about to answer it can; after an hour a newer takes its place."""

    async def scenario() -> tuple[int, bool, bool, bool]:
        async with a_post() as post:
            name = "source/src-3f07"
            present = post.certificate(name)
            for _ in range(50):
                post.ask(name, present)
            post.ask("partner/usa/arl")
            both = post.waiting()
            post.house.clock.advance(KEPT_MS)
            post.ask(name, present)
            kept = both[1] in post.waiting()
            post.house.clock.advance(1)
            post.ask(name, present)
            newer = both[1] not in post.waiting()
            other = post.certificate(name, later_hours=1)
            post.ask(name, other)
            return len(both), kept, newer, len(post.waiting()) == 2

    assert asyncio.run(scenario()) == (2, True, True, True)


@pytest.mark.must("12.7.8")
@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda post: post.certificate("source/src-3f07", key="stranger", later_hours=20), "certificate-other-key"),
        (lambda post: post.certificate("source/src-3f07", authority=THEIRS, later_hours=20), "certificate-other-ident"),
        (
            lambda post: post.certificate(
                "source/src-3f07", authority=Authority.create("ua.example", FOUNDED), later_hours=20
            ),
            "certificate-other-root",
        ),
        (lambda post: post.certificate("source/src-3f07"), "certificate-not-later"),
        (lambda post: b"nonsense", "certificate-malformed"),
    ],
    ids=["key", "identity", "root", "dates", "bytes"],
)
def test_an_answer_that_may_not_follow_is_refused(made: object, code: str) -> None:
    """Also from an operator: one of them alone certifies nobody as another."""

    async def scenario() -> tuple[str, bytes]:
        async with a_post() as post:
            post.ask("source/src-3f07")
            with pytest.raises(Refused) as refused:
                post.answer(made(post))  # type: ignore[operator]  # a maker
            return code_of(refused), post.ask("source/src-3f07")

    said, given = asyncio.run(scenario())

    assert said.startswith(code)
    assert given == b""


@pytest.mark.must("12.7.7")
def test_only_operators_see_requests_and_answer_them() -> None:
    """A renewal says who has which key; and an answer would be given to somebody."""

    async def scenario() -> list[str]:
        async with a_post() as post:
            name = "source/src-3f07"
            present = post.certificate(name)
            post.ask(name, present)
            peer = post.peer(name, present)
            codes = []
            for attempt in (lambda: post.mailbox.waiting(peer), lambda: post.mailbox.answer(peer, b"", b"")):
                with pytest.raises(Refused) as refused:
                    attempt()
                codes.append(code_of(refused))
            with pytest.raises(Refused) as refused:
                post.mailbox.answer(operator_peer(), bytes(48), b"")
            return [*codes, code_of(refused)]

    assert asyncio.run(scenario()) == ["denied", "denied", "renewal-unknown"]


@pytest.mark.must("12.7.5")
def test_a_suspension_ends_what_waits_and_what_was_answered() -> None:
    """One statement, and there is no next certificate: neither asked for, nor issued, nor given out."""

    async def scenario() -> list[object]:
        async with a_post() as post:
            source, partner = "source/src-3f07", "partner/usa/arl"
            post.ask(source)
            post.answer(post.certificate(source, later_hours=20))
            post.ask(partner)
            (encoded,) = post.waiting()
            await post.house.suspend(source)
            await post.house.suspend(partner)
            told: list[object] = []
            for attempt in (
                lambda: post.ask(source),
                lambda: post.mailbox.answer(
                    operator_peer(), digest(encoded), post.certificate(partner, later_hours=20)
                ),
            ):
                with pytest.raises(Refused) as refused:
                    attempt()
                told.append(code_of(refused))
            return [*told, post.waiting()]

    assert asyncio.run(scenario()) == ["renewal-stopped", "renewal-stopped", []]


def test_what_is_revoked_while_it_waits_is_not_answered() -> None:
    """Its key may be in other hands, and the next certificate is of the same key."""

    async def scenario() -> str:
        async with a_post() as post:
            name = "source/src-3f07"
            present = post.certificate(name)
            post.ask(name, present)
            body = f'target = "certificate/{fingerprint(present)}"\nreason = "a test"\n'.encode()
            await post.house.apply(StatementKind.REVOKE, body, by=("officer-1",))
            with pytest.raises(Refused) as refused:
                post.answer(post.certificate(name, later_hours=20))
            return code_of(refused)

    assert asyncio.run(scenario()) == "certificate-revoked"


@pytest.mark.parametrize("revoked_first", [True, False], ids=["before the answer", "behind it"])
def test_a_holder_is_given_no_certificate_that_is_revoked(revoked_first: bool) -> None:
    """It would put it in the place of a good one, and be shut out by it."""

    async def scenario() -> object:
        async with a_post() as post:
            name = "source/src-3f07"
            present, following = post.certificate(name), post.certificate(name, later_hours=20)
            post.ask(name, present)
            body = f'target = "certificate/{fingerprint(following)}"\nreason = "a test"\n'.encode()
            if revoked_first:
                await post.house.apply(StatementKind.REVOKE, body, by=("officer-1",))
                with pytest.raises(Refused) as refused:
                    post.answer(following)
                return code_of(refused)
            post.answer(following)
            await post.house.apply(StatementKind.REVOKE, body, by=("officer-1",))
            return post.ask(name, present), len(post.waiting())

    assert asyncio.run(scenario()) == ("certificate-revoked" if revoked_first else (b"", 1))


def test_a_party_bound_to_a_root_that_is_not_accepted_does_not_ask() -> None:
    """Its certificate could not be used here."""

    async def scenario() -> str:
        async with a_post() as post:
            present = post.certificate("partner/usa/arl")
            post.roots = Roots({root_digest(OWN.root): der(OWN.root)})
            with pytest.raises(Refused) as refused:
                post.ask("partner/usa/arl", present)
            return code_of(refused)

    assert asyncio.run(scenario()) == "root-unknown"


def test_the_gateways_own_request_lies_among_the_others_and_its_answer_is_installed() -> None:
    """Signed with the ledger key that operators endorsed; no other gateway's, and nothing else's."""

    async def scenario() -> tuple[list[bytes], list[bytes], str]:
        async with a_post() as post:
            name = "gateway/ua-gw"
            present, following = post.certificate(name), post.certificate(name, later_hours=20)
            request = certificate_request(TLS_KEYS[name])
            post.mailbox.ask_for_own("ua-gw", present, request)
            post.mailbox.ask_for_own("ua-gw", present, request)
            post.answer(following)
            with pytest.raises(Refused) as refused:
                post.mailbox.ask_for_own("another", present, request)
            return post.installed, [following, *post.waiting()], code_of(refused)

    installed, (following, *waiting), code = asyncio.run(scenario())

    assert (installed, waiting, code) == ([following], [], "renewal-key")
