"""Laws of the fold: keys that come, are followed by others, are stopped, and never come back by one person's hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial

import pytest

from gateway.core.control.compromise import Revocation, Taint
from gateway.core.control.directory import Endorsement
from gateway.core.control.endorsing import Listed, encode_endorsement_list, endorsements_due
from gateway.core.control.enrolment import Bundle, make_bundle
from gateway.core.control.keystates import key_changes, key_states
from gateway.core.control.stops import LIFTABLE
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.numbers import KeyState, Role, StatementKind
from tests.unit.control.given import DAY, HOUR, NOW, digest_of, kem_key, octets, signing_key
from tests.unit.control.world import (
    World,
    a_world,
    gateway_bundle,
    partner_text,
    source_bundle,
    source_text,
    taint_text,
)

KEY = digest_of("src-3f07")
SECOND = digest_of("src-3f07 second")
ACTIVE, RETIRED, TAINTED = KeyState.ACTIVE, KeyState.RETIRED, KeyState.TAINTED


def refusal(apply: Callable[[], object]) -> str:
    """The code with which the gateway refuses."""
    with pytest.raises(GatewayError) as caught:
        apply()
    return caught.value.code


def states(listed: tuple[Listed, ...], subject_id: str) -> list[tuple[str, KeyState]]:
    """Key digest and state of each of the subject's endorsements."""
    return [(one.key_digest.hex(), one.state) for one, _ in listed if one.subject_id == subject_id]


def may_sign(world: World, key: str, role: Role = Role.SOURCE, subject_id: str = "src-3f07") -> bool:
    """Whether the gateway would take what the key signs now."""
    try:
        world.control.endorsed(role, subject_id, bytes.fromhex(key)[:16], world.now)
    except Refused:
        return False
    return True


@pytest.mark.must("2.7.6")
def test_a_taint_names_a_key_a_day_and_a_reason() -> None:
    """Whoever recalls what went out must know from when on."""
    taint = Taint.parse(taint_text(KEY))

    assert (taint.key_digest.hex(), taint.since) == (KEY, date(2026, 5, 30))
    assert Revocation.parse(f'target = "key/{KEY}"\nreason = "lost"\n'.encode()).target == f"key/{KEY}"


@pytest.mark.must("2.7.6")
@pytest.mark.parametrize("target", ["source/src-3f07", "key/", "key/00", f"key/{KEY.upper()}", f"key/{KEY}/1", KEY])
def test_a_stop_of_a_key_names_its_digest(target: str) -> None:
    """A key is not stopped by the name of its holder, who may have another by now."""
    assert refusal(lambda: Taint.parse(taint_text(KEY).replace(f"key/{KEY}".encode(), target.encode()))) == "text-value"
    assert refusal(lambda: Revocation.parse(f'target = "{target}"\nreason = "x"\n'.encode())) == "text-value"


def test_every_stop_has_one_spelling() -> None:
    """What a LIFT may name is a list, and a new kind of stop stands in it or cannot be lifted."""
    parties, stored = {"partner", "source", "key", "proposal"}, {"batch", "record", "agreement", "fork"}

    assert set(LIFTABLE) == parties | stored | {"gateway"}


@pytest.mark.must("2.7.7", "2.7.8")
@pytest.mark.parametrize("stop", [World.taint, World.revoke])
def test_one_operator_stops_a_key_at_once(stop: Callable[..., object]) -> None:
    """Whoever hears of the loss first need not find a second person, nor wait for a directory."""
    world = a_world()
    assert may_sign(world, KEY)

    stop(world, KEY, by=("officer-3",))

    assert not may_sign(world, KEY)
    assert may_sign(world, digest_of("src-91c2"), subject_id="src-91c2")


@pytest.mark.must("2.7.6")
@pytest.mark.parametrize("name", ["officer-1", "stranger"])
def test_a_key_that_is_nobodys_is_not_stopped(name: str) -> None:
    """A misspelt digest must not read as a key that is stopped; an operator's key is replaced by a roster."""
    world = a_world()

    assert refusal(lambda: world.taint(digest_of(name))) == "key-unknown"
    assert refusal(lambda: world.revoke(digest_of(name))) == "key-unknown"


@pytest.mark.must("2.4.10")
def test_a_key_is_stopped_once_and_may_be_stopped_harder() -> None:
    """First nothing new, then nothing at all; never the other way by one person."""
    world = a_world()
    world.revoke(KEY)
    assert refusal(lambda: world.revoke(KEY)) == "nothing-to-change"
    assert world.control.stop_of(bytes.fromhex(KEY)) is RETIRED

    world.taint(KEY)

    assert world.control.stop_of(bytes.fromhex(KEY)) is TAINTED
    assert refusal(lambda: world.taint(KEY)) == "nothing-to-change"
    assert refusal(lambda: world.revoke(KEY)) == "nothing-to-change"


@pytest.mark.must("2.3.5", "2.4.10")
def test_only_the_quorum_takes_a_stop_of_a_key_back() -> None:
    """Both stops end together: the quorum says what it believes of the key."""
    world = a_world()
    world.revoke(KEY)
    world.taint(KEY)
    lift = f'target = "key/{KEY}"\nreason = "found again"\n'.encode()
    assert refusal(lambda: world.apply(StatementKind.LIFT, lift, by=("officer-1",))) == "signatures-too-few"

    world.lift(f"key/{KEY}")

    assert may_sign(world, KEY)
    assert refusal(lambda: world.lift(f"key/{KEY}")) == "nothing-to-change"
    assert refusal(lambda: world.lift("source/src-3f07")) == "nothing-to-change"


@pytest.mark.must("2.8.18")
@pytest.mark.parametrize(("stop", "state"), [(World.revoke, RETIRED), (World.taint, TAINTED)])
def test_the_next_directory_carries_the_stop(stop: Callable[..., object], state: KeyState) -> None:
    """Readers know of it by the directory alone."""
    world = a_world()
    stop(world, KEY)

    world.direct()

    assert states(world.listed(), "src-3f07") == [(KEY, state)]
    found = world.trust().endorsement(Role.SOURCE, bytes.fromhex(KEY)[:16])
    assert found.endorsement.state is state


def with_state(world: World, state: KeyState) -> tuple[Listed, ...]:
    """What is due, with the state of one key as given."""

    def changed(one: Endorsement) -> Endorsement:
        return replace(one, state=state) if one.key_digest.hex() == KEY else one

    return tuple((changed(one), brought) for one, brought in world.listed())


@pytest.mark.must("2.8.18")
@pytest.mark.parametrize(
    ("stop", "refused", "taken"),
    [(World.revoke, [ACTIVE], [RETIRED, TAINTED]), (World.taint, [ACTIVE, RETIRED], [TAINTED])],
)
def test_no_directory_gives_a_stopped_key_back(
    stop: Callable[..., object], refused: list[KeyState], taken: list[KeyState]
) -> None:
    """Not by a list that was drafted before the stop either; who means a better state has the quorum lift the stop."""
    world = a_world()
    stop(world, KEY)

    for state in refused:
        assert refusal(partial(world.direct, with_state(world, state))) == "endorsement-state"
    for state in taken:
        world.copy().direct(with_state(world, state))
    world.lift(f"key/{KEY}")
    world.direct(with_state(world, ACTIVE))


@pytest.mark.must("2.8.18")
@pytest.mark.parametrize("change", [lambda w: w.taint(KEY), lambda w: w.revoke(KEY), lambda w: w.rotate()])
def test_a_redate_brings_no_key_back(change: Callable[[World], object]) -> None:
    """One operator may repeat a directory, and must not thereby repeat what a key was before it was stopped."""
    world = a_world()
    change(world)

    assert refusal(world.redate) == "redate-state"
    world.direct()
    world.redate()


@pytest.mark.must("2.8.18")
def test_a_redate_is_free_again_once_the_stop_is_lifted() -> None:
    """The directory says of each key what holds."""
    world = a_world()
    world.taint(KEY)
    world.lift(f"key/{KEY}")

    world.redate()

    assert world.newest.dir_no == 2


@pytest.mark.must("2.5.8")
def test_a_source_is_admitted_again_with_another_key() -> None:
    """The old key works until the directory that endorses the new one, so no hour is without a key."""
    world = a_world()

    world.rotate()

    assert (may_sign(world, KEY), may_sign(world, SECOND)) == (True, False)
    world.direct()
    assert (may_sign(world, KEY), may_sign(world, SECOND)) == (False, True)
    assert states(world.listed(), "src-3f07") == [(SECOND, ACTIVE), (KEY, RETIRED)]
    assert world.control.source("src-3f07").public_key == signing_key("src-3f07 second").public_key
    old = world.trust().endorsement(Role.SOURCE, bytes.fromhex(KEY)[:16])
    assert (old.endorsement.state, old.endorsement.scope) == (RETIRED, "telemetry,tactic//REAL")


@pytest.mark.must("2.8.18")
def test_a_former_key_is_never_active_again() -> None:
    """A list that endorses it as active would keep a key that its holder may have given up."""
    world = a_world()
    world.rotate()

    assert refusal(lambda: world.direct(with_state(world, ACTIVE))) == "endorsement-state"


@pytest.mark.must("2.5.8", "2.4.7")
def test_a_former_key_is_never_admitted_again() -> None:
    """Nor by its own party: what it stands for in old batches must stay what it was."""
    world = a_world()
    world.rotate()

    assert refusal(lambda: world.rotate(key="src-3f07")) == "key-reused"
    assert refusal(lambda: world.rotate("src-91c2", key="src-3f07")) == "key-reused"


@pytest.mark.must("2.5.8")
def test_a_source_is_admitted_again_with_another_scope_or_root() -> None:
    """A new certificate authority and another task are no reason for another name."""
    world = a_world()
    bundle = source_bundle().encoded

    world.apply(StatementKind.SOURCE, source_text(scope="tactic//REAL", root="99" * 32), bundle)

    admission = world.control.source("src-3f07").admission
    assert (admission.scope.text, admission.binding.root) == ("tactic//REAL", "99" * 32)
    again = world.entry(StatementKind.SOURCE, source_text(scope="tactic//REAL", root="99" * 32), bundle)
    assert refusal(partial(world.take, again)) == "nothing-to-change"
    # Nothing that a root change could hide: the identity is the one that the party always had.
    assert refusal(lambda: world.rotate(identity="spiffe://ua.example/source/other")) == "id-reused"


def partner_again(clearance: str = "") -> tuple[bytes, Bundle]:
    """A second admission of a partner, with other keys."""
    sign, kem = signing_key("usa/arl second"), kem_key("usa/arl second")
    text = partner_text(sign_key=sign.key_digest.hex(), kem_key=kem.key_digest.hex(), clearance=clearance)
    return text, make_bundle("usa/arl", {Role.PARTNER_SIGN: sign}, {Role.PARTNER_KEM: kem.public_key}, b"")


@pytest.mark.must("2.5.8")
def test_a_partner_is_admitted_again_with_other_keys_and_another_clearance() -> None:
    """Both its keys follow one another, and its streams are opened with the keys that a directory endorses."""
    world = a_world()
    text, bundle = partner_again('[clearance.UKR]\nlevel = "DSK"\nREL = ["USA"]\n')
    world.apply(StatementKind.PARTNER, text, bundle.encoded)
    admission = world.control.partner("usa/arl").admission
    before = world.control.active_key(Role.PARTNER_KEM, "usa/arl", admission.kem_key_digest)

    world.direct()

    after = world.control.active_key(Role.PARTNER_KEM, "usa/arl", admission.kem_key_digest)
    assert (before.material, after.material) == (kem_key("usa/arl").public_key, kem_key("usa/arl second").public_key)
    assert admission.clearances[0].level == "DSK"
    assert [state for _, state in states(world.listed(), "usa/arl")] == [ACTIVE, RETIRED, ACTIVE, RETIRED]


def test_a_partner_without_an_active_key_has_none() -> None:
    """Neither before there is a directory nor after both its keys are stopped."""
    world = a_world()
    admission = world.control.partner("usa/arl").admission
    world.taint(admission.kem_key_digest.hex())
    text, bundle = partner_again()
    world.apply(StatementKind.PARTNER, text, bundle.encoded)
    digest = world.control.partner("usa/arl").admission.kem_key_digest

    assert refusal(lambda: world.control.active_key(Role.PARTNER_KEM, "usa/arl", digest)) == "key-not-active"
    bare = replace(world.control, directory=None)
    assert refusal(lambda: bare.active_key(Role.PARTNER_KEM, "usa/arl", digest)) == "directory-missing"


def successor() -> Bundle:
    """The gateway's next keys."""
    signing = {Role.GATEWAY_STREAM: signing_key("stream 2"), Role.GATEWAY_LEDGER: signing_key("ledger 2")}
    return make_bundle("ua-gw", signing, {Role.GATEWAY_INGEST: kem_key("ingest 2").public_key}, b"")


def gateway_due(world: World, gateway: Bundle, following: Bundle | None = None) -> tuple[Listed, ...]:
    """What is due of a gateway with these keys, and perhaps next ones."""
    salts = (octets(f"rotation {world.control.position} {number}", 32) for number in range(64))
    return endorsements_due(world.control, gateway, salts, NOW - HOUR, NOW + 365 * DAY, successor=following)


@pytest.mark.must("2.8.18")
def test_the_gateways_keys_follow_one_another_by_directories() -> None:
    """Both sets stand beside each other until the new one is in use, then the old one is retired."""
    world = a_world()

    world.direct(gateway_due(world, gateway_bundle(), successor()))
    both = [state for _, state in states(gateway_due(world, gateway_bundle(), successor()), "ua-gw")]
    world.direct(gateway_due(world, successor()))

    assert both == [ACTIVE] * 6
    assert [state for _, state in states(gateway_due(world, successor()), "ua-gw")] == [ACTIVE] * 3 + [RETIRED] * 3
    found = world.trust().endorsement(Role.GATEWAY_LEDGER, signing_key("ledger").key_id)
    assert found.endorsement.state is RETIRED


@pytest.mark.must("2.7.7", "2.8.18")
def test_a_gateways_key_is_tainted_like_any_other() -> None:
    """The gateway cannot outlive a key that others hold."""
    world = a_world()
    ledger = digest_of("ledger")
    world.taint(ledger)

    assert not may_sign(world, ledger, Role.GATEWAY_LEDGER, "ua-gw")
    world.direct(gateway_due(world, successor()))
    assert states(gateway_due(world, successor()), "ua-gw")[4] == (ledger, TAINTED)


@pytest.mark.must("2.4.7")
def test_a_key_of_the_gateway_keeps_its_purpose() -> None:
    """What signed ticks yesterday must not open streams, or sign for a source, tomorrow."""
    world = a_world()
    world.direct(gateway_due(world, successor()))
    crossed = make_bundle(
        "ua-gw",
        {Role.GATEWAY_STREAM: signing_key("ledger"), Role.GATEWAY_LEDGER: signing_key("ledger 2")},
        {Role.GATEWAY_INGEST: kem_key("ingest 2").public_key},
        b"",
    )
    listed = gateway_due(replace_world(world), crossed)

    body = world.dir_of(listed, world.dir_no + 1).encode()
    assert refusal(lambda: world.apply(StatementKind.DIRECTORY, body, encode_endorsement_list(listed))) == "key-reused"
    assert refusal(lambda: world.rotate(key="ledger")) == "key-reused"


def replace_world(world: World) -> World:
    """The same operators, to whom no key of the gateway is known yet: a list that a careless tool would draft."""
    other = world.copy()
    known = {digest: key for digest, key in world.control.keys.items() if key.subject_id != "ua-gw"}
    other.control = replace(world.control, keys=known)
    return other


@pytest.mark.must("6.1.9")
def test_every_change_of_a_keys_state_is_told_once() -> None:
    """An auditor reads when each key came, was stopped and was given back."""
    world = a_world()
    first = key_changes(None, world.control)
    before = world.control
    assert {state for _, state in first} == {ACTIVE}
    assert len(first) == len(key_states(before)) == 9

    told = []
    for change in (lambda: world.taint(KEY), world.suspend, world.direct, lambda: world.lift(f"key/{KEY}")):
        change()
        told.append([(digest.hex(), state) for digest, state in key_changes(before, world.control)])
        before = world.control
    kem, sign = kem_key("usa/arl").key_digest.hex(), digest_of("usa/arl")

    assert told[:2] == [[(KEY, TAINTED)], []]
    assert told[2] == sorted([(kem, RETIRED), (sign, RETIRED)])
    # The directory still says it is tainted: what is lifted comes back with the next one.
    assert told[3] == []
