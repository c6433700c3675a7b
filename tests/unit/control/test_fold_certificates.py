"""Laws of the fold: one person revokes a certificate, nobody gives it back; a root has one trust domain for ever."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from gateway.core.control.compromise import Revocation
from gateway.core.control.fold import Control
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.stops import LIFTABLE, REVOCABLE
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.numbers import StatementKind
from tests.unit.control.given import ROOT_OF
from tests.unit.control.world import World, a_world, partner_bundle, partner_text, source_bundle, source_text

LEAF, OTHER_LEAF = "a1" * 32, "b2" * 32
ROOT, ELSEWHERE = ROOT_OF["usa.example"], "ee" * 32


def text(target: str, *serials: str) -> bytes:
    """A REVOKE body."""
    listed = "".join(f'"{one}",\n' for one in serials)
    beside = f"serials = [\n{listed}]\n" if serials else ""
    return f'target = "{target}"\n{beside}reason = "a test"\n'.encode()


def refusal(apply: Callable[[], object]) -> str:
    """The code with which the gateway refuses."""
    with pytest.raises(GatewayError) as caught:
        apply()
    return caught.value.code


def revoke(world: World, target: str, *serials: str, by: tuple[str, ...] = ("officer-2",)) -> None:
    """One operator revokes."""
    world.apply(StatementKind.REVOKE, text(target, *serials), by=by)


def is_good(world: World, leaf: str = LEAF, root: str = ROOT, serial: str = "7b") -> bool:
    """Whether a certificate may still be shown."""
    try:
        world.control.check_certificate(leaf, root, serial)
    except Refused as error:
        return error.code != "certificate-revoked"
    return True


@pytest.mark.must("2.7.14")
def test_one_operator_revokes_a_certificate_by_its_fingerprint() -> None:
    """Whoever hears of the theft first need not find a second person."""
    world = a_world()
    assert is_good(world)

    revoke(world, f"certificate/{LEAF}", by=("officer-3",))

    assert not is_good(world)
    assert is_good(world, leaf=OTHER_LEAF)


@pytest.mark.must("2.7.14")
def test_a_serial_number_is_revoked_under_its_root_alone() -> None:
    """Two authorities may give the same number."""
    world = a_world()

    revoke(world, f"root/{ROOT}", "7b", "1f2e")

    assert [is_good(world, serial=serial) for serial in ("7b", "1f2e", "7c")] == [False, False, True]
    assert is_good(world, root=ROOT_OF["ua.example"])


@pytest.mark.must("2.7.13")
def test_a_root_that_no_admission_named_has_no_certificates_to_revoke() -> None:
    """A misspelt root must not read as certificates that are stopped."""
    world = a_world()

    assert refusal(lambda: revoke(world, f"root/{ELSEWHERE}", "7b")) == "root-unknown"


@pytest.mark.must("2.4.9", "2.7.13")
def test_a_root_that_was_left_can_still_be_named_and_stays_bound() -> None:
    """Its certificates live on for hours, and no other domain may ever be given by it."""
    world = a_world()
    world.apply(StatementKind.PARTNER, partner_text(root=ELSEWHERE), partner_bundle().encoded)

    revoke(world, f"root/{ROOT}", "7b")
    foreign = source_text("src-new", identity="spiffe://ua.example/source/src-new", root=ROOT)
    admit = (StatementKind.SOURCE, foreign, source_bundle("src-new").encoded)

    assert not is_good(world)
    assert refusal(lambda: world.apply(*admit)) == "root-bound"
    own = source_text("src-new", identity="spiffe://usa.example/source/src-new", root=ROOT)
    world.apply(StatementKind.SOURCE, own, source_bundle("src-new").encoded)
    assert world.control.roots[ROOT] == world.control.roots[ELSEWHERE] == "usa.example"


@pytest.mark.must("2.4.10")
def test_a_certificate_is_revoked_once() -> None:
    """A list that is imported again adds only what is new in it."""
    world = a_world()
    revoke(world, f"certificate/{LEAF}")
    revoke(world, f"root/{ROOT}", "7b")

    assert refusal(lambda: revoke(world, f"certificate/{LEAF}")) == "nothing-to-change"
    assert refusal(lambda: revoke(world, f"root/{ROOT}", "7b")) == "nothing-to-change"
    revoke(world, f"root/{ROOT}", "7b", "7c")
    assert not is_good(world, serial="7c")


@pytest.mark.must("2.7.16")
@pytest.mark.parametrize("target", [f"certificate/{LEAF}", f"root/{ROOT}"])
def test_no_lift_gives_a_certificate_back(target: str) -> None:
    """Not by the quorum either: its holder is issued another."""
    world = a_world()
    revoke(world, f"certificate/{LEAF}")
    revoke(world, f"root/{ROOT}", "7b")

    assert refusal(lambda: world.lift(target)) == "text-value"
    assert set(REVOCABLE) - set(LIFTABLE) == {"certificate", "root"}


@pytest.mark.must("2.7.16")
def test_a_restart_gives_no_certificate_back() -> None:
    """What stands is a function of the entries; nothing of it is kept elsewhere."""
    world = a_world()
    revoke(world, f"certificate/{LEAF}")
    revoke(world, f"root/{ROOT}", "7b")

    again = Control.begin(world.entries[0])
    for entry in world.entries[1:]:
        again = again.apply(entry)

    assert again == world.control
    assert again.revoked_certificates == {f"certificate/{LEAF}", f"root/{ROOT}/7b"}


@pytest.mark.must("2.7.12")
def test_a_revocation_has_one_spelling() -> None:
    """What could be written in two ways could be revoked under one and shown under the other."""
    target = f"root/{ROOT}"
    serials = ("1", "7b", "f" * 40)
    assert Revocation.parse(text(target, *serials)).serials == set(serials)
    most = [f"{number:x}" for number in range(1, 1025)]
    assert len(Revocation.parse(text(target, *most)).serials) == 1024

    for wrong in ("", "0", "07b", "7B", "7b ", "-7b", "0x7b", "f" * 41, "7g", "7b\\n"):
        assert refusal(lambda wrong=wrong: Revocation.parse(text(target, wrong))) == "text-value", wrong
    for listed in (["7b", "7b"], [*most, "fff1"]):
        assert refusal(lambda listed=listed: Revocation.parse(text(target, *listed))) == "text-value"
    empty = text(target, "7b").replace(b'"7b",', b"")
    assert refusal(lambda: Revocation.parse(empty)) == "text-value"
    assert refusal(lambda: Revocation.parse(text(target))) == "text-missing-key"
    for other in (f"certificate/{LEAF}", f"key/{'0a' * 48}"):
        assert refusal(lambda other=other: Revocation.parse(text(other, "7b"))) == "text-value"


@pytest.mark.must("2.7.12")
def test_a_certificate_is_named_by_64_digits() -> None:
    """Neither more nor fewer, nor in capitals, nor of a family that has none."""
    for family, name in itertools.product(("certificate", "root"), ("", "a1", "A1" * 32, "a1" * 48, f"{LEAF}/7b")):
        assert refusal(lambda target=f"{family}/{name}": Revocation.parse(text(target))) == "text-value"
    for family in ("leaf", "partner", "gateway"):
        assert refusal(lambda target=f"{family}/{LEAF}": Revocation.parse(text(target))) == "text-value"


@pytest.mark.must("2.5.18")
def test_a_partner_may_ask_for_a_key_exchange_of_the_list() -> None:
    """Today there is one that a later quantum computer does not undo."""
    asked = PartnerAdmission.parse(partner_text(key_exchange="X25519MLKEM768"))

    assert (asked.key_exchange, PartnerAdmission.parse(partner_text()).key_exchange) == ("X25519MLKEM768", None)
    for wrong in ("X25519", "x25519mlkem768", "SecP256r1MLKEM768", ""):
        assert refusal(lambda wrong=wrong: PartnerAdmission.parse(partner_text(key_exchange=wrong))) == "text-value"
