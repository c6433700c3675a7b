"""A renewal is its holder's own: signed with the key that CONTROL has for it, for this genesis, while not stopped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.core.control.enrolment import parse_bundle
from gateway.core.control.renewal import CONTEXT, Renewal, check_renewable, make_renewal, parse_renewal
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import SIGNATURE_BYTES
from gateway.core.suite.numbers import MAX_RENEWAL_BYTES, MAX_REQUEST_BYTES, Holder
from gateway.core.suite.octets import lp8
from tests.reference import recorded
from tests.unit.control.given import NOW, signing_key
from tests.unit.control.world import World, a_world

KEYS = {
    Holder.SOURCE: ("src-3f07", "src-3f07"),
    Holder.PARTNER: ("usa/arl", "usa/arl"),
    Holder.OPERATOR: ("officer-2", "officer-2"),
    Holder.GATEWAY: ("ua-gw", "ledger"),
}


def a_renewal(
    holder: Holder = Holder.SOURCE, *, holder_id: str = "", key: str = "", genesis: bytes = b"", request: bytes = b"r"
) -> Renewal:
    """The renewal of a holder of the world, with its own key unless told."""
    own_id, own_key = KEYS[holder]
    return make_renewal(
        signing_key(key or own_key),
        genesis=genesis or a_world().genesis,
        holder=holder,
        holder_id=holder_id or own_id,
        time_ms=NOW,
        certificate_request=request,
        certificate=b"certificate",
    )


def test_a_renewal_is_the_recorded_one_and_verifies() -> None:
    """Two hands made it of the same text."""
    encoded = recorded.octets("identity.renewal")

    renewal = parse_renewal(encoded)

    assert (renewal.holder, renewal.holder_id, renewal.name) == (Holder.SOURCE, "src-3f07", "source/src-3f07")
    assert renewal.public_key == recorded.octets("keys.source")
    assert (renewal.genesis, renewal.time_ms) == (recorded.octets("control.genesis_link"), NOW)
    assert (renewal.certificate_request, renewal.certificate) == (
        b"a certificate request in DER",
        b"a certificate in DER",
    )
    assert (renewal.encoded, renewal.digest) == (encoded, digest(encoded))


@pytest.mark.must("12.7.2")
def test_no_bit_of_a_renewal_can_be_changed() -> None:
    """Who carries it would exchange the key that is certified."""
    encoded = bytearray(a_renewal().encoded)

    refused = set()
    for place in (*range(90), len(encoded) - SIGNATURE_BYTES - 3, len(encoded) - 1):
        changed = bytes(encoded[:place]) + bytes([encoded[place] ^ 1]) + bytes(encoded[place + 1 :])
        with pytest.raises(Refused) as caught:
            parse_renewal(changed)
        refused.add(caught.value.code)

    assert refused <= {"malformed", "renewal-signature", "key-malformed"}
    assert "renewal-signature" in refused


@pytest.mark.must("12.7.1")
def test_a_renewal_is_bounded_and_of_a_known_holder() -> None:
    """Bounds come before anything is read."""
    whole = a_renewal().encoded
    place = len(CONTEXT) + 2 + 48
    wrong = {
        "too long": whole + bytes(MAX_RENEWAL_BYTES),
        "of nobody": whole[:place] + b"\x05" + whole[place + 1 :],
        "a byte more": whole + b"\x00",
        "a bundle's": whole.replace(CONTEXT, b"SLUICE1/enrolxx", 1),
    }

    for encoded in wrong.values():
        with pytest.raises(Refused) as caught:
            parse_renewal(encoded)
        assert caught.value.code == "malformed"
    with pytest.raises(Refused):
        a_renewal(request=bytes(MAX_REQUEST_BYTES + 1))
    with pytest.raises(Refused):
        parse_bundle(whole)


@pytest.mark.parametrize("holder", Holder)
def test_a_holder_renews_with_the_key_that_control_has_for_it(holder: Holder) -> None:
    """A party is bound to a root by its admission; operator and gateway are not."""
    binding = check_renewable(a_world().control, a_renewal(holder))

    bound = {
        Holder.SOURCE: "spiffe://ua.example/source/src-3f07",
        Holder.PARTNER: "spiffe://usa.example/partner/arl",
    }
    assert (binding.uri if binding else None) == bound.get(holder)


@pytest.mark.must("12.7.4")
@pytest.mark.parametrize("holder", Holder)
@pytest.mark.parametrize("key", ["src-3f07", "usa/arl", "officer-2", "ledger", "stream", "vault-1", "stranger"])
def test_no_other_key_renews_for_it(holder: Holder, key: str) -> None:
    """Also not another of the same gateway."""
    if KEYS[holder][1] == key:
        return

    with pytest.raises(Refused) as caught:
        check_renewable(a_world().control, a_renewal(holder, key=key))

    assert caught.value.code == "renewal-key"


STOPS: dict[str, tuple[Callable[[World], object], Holder, str]] = {
    "a suspended source": (lambda world: world.suspend("source/src-3f07"), Holder.SOURCE, "renewal-stopped"),
    "a suspended partner": (lambda world: world.suspend(), Holder.PARTNER, "renewal-stopped"),
    "a source in a lockdown": (lambda world: world.lock(), Holder.SOURCE, "renewal-stopped"),
    "a tainted key": (
        lambda world: world.taint(signing_key("src-3f07").key_digest.hex()),
        Holder.SOURCE,
        "renewal-key",
    ),
    "a revoked key": (
        lambda world: world.revoke(signing_key("usa/arl").key_digest.hex()),
        Holder.PARTNER,
        "renewal-key",
    ),
    "a key of before": (lambda world: world.rotate(), Holder.SOURCE, "renewal-key"),
    "a tainted ledger key": (
        lambda world: world.taint(signing_key("ledger").key_digest.hex()),
        Holder.GATEWAY,
        "renewal-key",
    ),
}


@pytest.mark.must("12.7.4", "12.7.5")
@pytest.mark.parametrize("what", STOPS)
def test_who_is_stopped_or_has_another_key_by_now_does_not_renew(what: str) -> None:
    """A certificate outlives a decision by a day; the next one must not."""
    stop, holder, code = STOPS[what]
    world = a_world()
    stop(world)

    with pytest.raises(Refused) as caught:
        check_renewable(world.control, a_renewal(holder))

    assert caught.value.code == code


@pytest.mark.parametrize("holder", [Holder.OPERATOR, Holder.GATEWAY])
def test_a_lockdown_stops_neither_operators_nor_the_gateway(holder: Holder) -> None:
    """It is lifted over a connection with two certificates."""
    world = a_world()
    world.lock()

    assert check_renewable(world.control, a_renewal(holder)) is None


@pytest.mark.parametrize(
    ("holder", "code"),
    [
        (Holder.SOURCE, "source-unknown"),
        (Holder.PARTNER, "partner-unknown"),
        (Holder.OPERATOR, "renewal-key"),
        (Holder.GATEWAY, "renewal-key"),
    ],
)
def test_nobody_renews_who_is_not_there(holder: Holder, code: str) -> None:
    """With the key of somebody who is."""
    with pytest.raises(Refused) as caught:
        check_renewable(a_world().control, a_renewal(holder, holder_id="nobody"))

    assert caught.value.code == code


def test_a_gateway_without_a_directory_does_not_renew() -> None:
    """Nobody has endorsed its key yet."""
    with pytest.raises(Refused) as caught:
        check_renewable(World().control, a_renewal(Holder.GATEWAY, genesis=World().genesis))

    assert caught.value.code == "renewal-key"


def test_a_renewal_is_for_one_genesis() -> None:
    """What a party signed for one gateway is nothing to another."""
    with pytest.raises(Refused) as caught:
        check_renewable(a_world().control, a_renewal(genesis=b"e" * 48))

    assert caught.value.code == "renewal-genesis"
    assert lp8(b"src-3f07") in a_renewal().encoded
