"""Laws of the list of certificates at the operator's desk: a gateway leaves out what it likes and makes up nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clients.certificates import certificate_request, der, leaf_of, new_tls_key
from clients.operator.answers import ShownCertificate
from clients.operator.ca import Authority, PartyKind, root_digest
from clients.operator.in_force import Known
from gateway.core.errors import GatewayError
from gateway.core.parties.identity import Identity
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.given import NOW
from tests.unit.control.world import World, a_world, partner_bundle, partner_text

SERVER = "spiffe://ua.example/gateway/demo"
AT = datetime.fromtimestamp(NOW / 1000, UTC)
OWN, THEIRS, LATER, STRANGER = (
    Authority.create(domain, AT - timedelta(days=1))
    for domain in ("ua.example", "usa.example", "usa.example", "usa.example")
)
REQUEST = certificate_request(new_tls_key())


def shown(authority: Authority, kind: PartyKind, party_id: str) -> ShownCertificate:
    """A certificate as a gateway would list it."""
    hosts = ["127.0.0.1"] if kind is PartyKind.GATEWAY else []
    chain = authority.issue(REQUEST, kind, party_id, now=AT, hosts=hosts)
    return ShownCertificate(der(leaf_of(chain)), NOW, NOW, 0, b"", NOW, 0)


def bound_to(authority: Authority) -> World:
    """A world whose partner `usa/arl` is bound to this authority."""
    world = a_world()
    world.apply(StatementKind.PARTNER, partner_text(root=root_digest(authority.root)), partner_bundle().encoded)
    return world


def state(world: World, one: ShownCertificate, *roots: Authority, now_ms: int = NOW) -> tuple[str, str, str]:
    """State, holder and root, at a home that has these roots."""
    held = {root_digest(each.root): der(each.root) for each in roots or (OWN, THEIRS)}
    judged = Known(world.control, SERVER, held).judged(one, now_ms)
    return judged.state, judged.holder, judged.root


HOLDERS = {
    "partner/usa/arl": shown(THEIRS, PartyKind.PARTNER, "arl"),
    "operator/officer-1": shown(OWN, PartyKind.OPERATOR, "officer-1"),
    "gateway": shown(OWN, PartyKind.GATEWAY, "demo"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_certificate_is_named_by_whom_control_knows_it_of_and_by_the_root_that_signed_it(holder: str) -> None:
    """Neither is the gateway's word."""
    root = root_digest((THEIRS if holder.startswith("partner") else OWN).root)

    assert state(bound_to(THEIRS), HOLDERS[holder]) == ("good", holder, root)


def test_a_revoked_certificate_is_revoked_by_fingerprint_and_by_number() -> None:
    """As CONTROL has it, whatever the gateway says of its use."""
    one = HOLDERS["partner/usa/arl"]
    identity, root = Identity.from_certificate(one.certificate), root_digest(THEIRS.root)
    by_print, by_number = bound_to(THEIRS), bound_to(THEIRS)
    body = f'target = "certificate/{identity.fingerprint}"\nreason = "a test"\n'
    by_print.apply(StatementKind.REVOKE, body.encode(), by=("officer-2",))
    body = f'target = "root/{root}"\nserials = ["{identity.serial}"]\nreason = "a test"\n'
    by_number.apply(StatementKind.REVOKE, body.encode(), by=("officer-2",))

    assert state(by_print, one)[0] == state(by_number, one)[0] == "revoked"
    assert state(by_print, HOLDERS["gateway"])[0] == "good"


def test_what_no_root_of_the_home_issued_is_unproved() -> None:
    """A gateway that makes one up has no key that signs it; and a root that is not here proves nothing."""
    world, forged = bound_to(THEIRS), shown(STRANGER, PartyKind.PARTNER, "arl")

    assert state(world, forged) == ("unproved", "partner/usa/arl", "")
    assert state(world, HOLDERS["partner/usa/arl"], OWN) == ("unproved", "partner/usa/arl", "")


def test_a_certificate_of_a_root_that_its_party_has_left_does_not_count_as_good() -> None:
    """Its dates still run, and the gateway lets nobody in with it."""
    world = bound_to(LATER)

    told = state(world, HOLDERS["partner/usa/arl"], OWN, THEIRS, LATER)

    assert told == ("left", "partner/usa/arl", root_digest(THEIRS.root))


def test_a_name_that_control_does_not_know_is_shown_as_it_stands() -> None:
    """An officer who is not in the roster any more, a party that was never admitted."""
    world = bound_to(THEIRS)

    former = state(world, shown(OWN, PartyKind.OPERATOR, "officer-9"))
    nobody = state(world, shown(THEIRS, PartyKind.PARTNER, "nobody"))

    assert former[:2] == ("unknown", "spiffe://ua.example/operator/officer-9")
    assert nobody[:2] == ("unknown", "spiffe://usa.example/partner/nobody")


def test_what_expired_in_the_meantime_has_ended() -> None:
    """The gateway's clock and this machine's are two."""
    one = HOLDERS["partner/usa/arl"]
    until_ms = Identity.from_certificate(one.certificate).not_after_ms

    assert [state(bound_to(THEIRS), one, now_ms=at)[0] for at in (until_ms - 1, until_ms)] == ["good", "ended"]


@pytest.mark.parametrize("octets", [b"", b"no certificate", der(OWN.root)], ids=["nothing", "noise", "a root"])
def test_what_is_no_certificate_of_a_party_is_refused(octets: bytes) -> None:
    """A gateway that lists it is not understood, and what is not understood is not shown."""
    one = ShownCertificate(octets, NOW, NOW, 0, b"", NOW, 0)

    with pytest.raises(GatewayError) as caught:
        state(bound_to(THEIRS), one)

    assert caught.value.code in {"certificate-malformed", "certificate-identity"}
