"""Scenarios of certificates (2.4, 2.5, 2.7): revoked once and for ever, and a root that stays bound to its domain."""

from __future__ import annotations

from tests.reference.writer_control import ROLES, SOURCE, SOURCE_TEXT
from tests.reference.writer_house import BOTH, PARTNER, PARTNER_TEXT, House
from tests.reference.writer_octets import fixed, h, join, lp8, lp16, opened, u8
from tests.reference.writer_scene import Octets, Scene, Signed, step
from tests.reference.writer_scene_control import ALL, LIFT

REVOKE = 21
ONE = ("officer-1",)
ROOT = h(b"a root certificate")[:32].hex()
CERTIFICATE = fixed("a certificate", 32).hex()


def write_certificate_scenes(scene: Scene, house: House) -> None:
    """Everything behind the whole house's journal."""
    make = _Make(scene, house)
    once = make.revoke("certificate", f"certificate/{CERTIFICATE}")
    make.case("a certificate revoked by one person", None, once)
    again = make.revoke("certificate_again", f"certificate/{CERTIFICATE}", after=once)
    make.case("a certificate revoked twice", "nothing-to-change", once, again)
    back = make.sign("certificate_back", LIFT, _stop(f"certificate/{CERTIFICATE}"), BOTH, once)
    make.case("a certificate given back", "text-value", once, back)
    two = make.revoke("serials", f"root/{ROOT}", "7b", "1f2e3d4c")
    make.case("two certificates of a root revoked", None, two)
    same = make.revoke("serials_again", f"root/{ROOT}", "1f2e3d4c", after=two)
    make.case("a serial number revoked twice", "nothing-to-change", two, same)
    more = make.revoke("serials_more", f"root/{ROOT}", "1f2e3d4c", "7c", after=two)
    make.case("a serial number more", None, two, more)
    root = make.sign("serial_back", LIFT, _stop(f"root/{ROOT}"), BOTH, two)
    make.case("the certificates of a root given back", "text-value", two, root)
    other = make.revoke("serials_of_nobody", f"root/{h(b'no root')[:32].hex()}", "7b")
    make.case("a serial number of a root that nobody has", "root-unknown", other)
    _key_exchange(make)
    _bound(make)


class _Make:
    """Statements behind the house's last one."""

    def __init__(self, scene: Scene, house: House) -> None:
        self.scene = scene
        self.house = house

    def sign(self, name: str, kind: int, body: str, by: tuple[str, ...], after: Signed | None = None) -> Signed:
        """A statement behind `after`, or behind the house's last."""
        last = after or self.house.statements["directory"]
        return self.house.make.sign(f"revoke_{name}", kind, body.encode(), by, last.behind(self.scene.world.genesis))

    def revoke(self, name: str, target: str, *serials: str, after: Signed | None = None) -> Signed:
        """A REVOKE by one person."""
        return self.sign(name, REVOKE, _stop(target, *serials), ONE, after)

    def case(self, name: str, code: str | None, *signed: Signed) -> None:
        """The scenario of the house's journal and these."""
        self.entries(name, code, *(self.house.applied(one) for one in signed))

    def entries(self, name: str, code: str | None, *entries: Octets, before: list[Octets] | None = None) -> None:
        """The same with entries as they are."""
        told = [*(ALL if before is None else before), *entries]
        self.scene.add(f"control: {name}", "control", {}, [step(entry) for entry in told], code)


def _stop(target: str, *serials: str) -> str:
    quoted = ", ".join(f'"{one}"' for one in serials)
    listed = f"serials = [{quoted}]\n" if serials else ""
    return f'target = "{target}"\n{listed}reason = "the laptop was captured"\n'


def _key_exchange(make: _Make) -> None:
    scene, house = make.scene, make.house
    text = PARTNER_TEXT.format(
        root=h(b"a root certificate of the partner")[:32].hex(),
        sign=scene.world.signers["partner-sign"].digest.hex(),
        kem=scene.world.sealed_to["partner-kem"].digest.hex(),
    )
    for name, group, code in (("hybrid", "X25519MLKEM768", None), ("classical", "X25519", "text-value")):
        asked = text.replace("\n[clearance", f'key_exchange = "{group}"\n\n[clearance')
        signed = make.sign(f"key_exchange_{name}", PARTNER, asked, BOTH, house.statements["source"])
        entry = house.applied(signed, "control.enrolment_bundle")
        make.entries(f"a partner that asks for a {name} key exchange", code, entry, before=list(ALL[:4]))


def _bound(make: _Make) -> None:
    """A source goes to another root; the one it had stays bound to its trust domain, and may be named by its number."""
    scene, house = make.scene, make.house
    rooted = SOURCE_TEXT.format(
        root=h(b"another root certificate")[:32].hex(), key=scene.world.signers["source"].digest.hex()
    )
    moved = make.sign("source_moved", SOURCE, rooted, BOTH)
    entry = house.applied(moved, "materials.source_bundle")
    left = make.revoke("serial_of_a_root_that_was_left", f"root/{ROOT}", "7b", after=moved)
    make.entries("a serial number of a root that was left", None, entry, house.applied(left))
    text = SOURCE_TEXT.format(root=ROOT, key=scene.world.signers["source-2"].digest.hex())
    text = text.replace("src-3f07", "src-91c2")
    beside = scene.material("source_91c2_bundle", _bundle(scene))
    foreign = make.sign("root_rebound", SOURCE, text.replace("unit.example", "other.example"), BOTH, moved)
    make.entries("a root that was left, for another trust domain", "root-bound", entry, house.applied(foreign, beside))
    own = make.sign("root_again", SOURCE, text, BOTH, moved)
    make.entries("a root that was left, for its own trust domain", None, entry, house.applied(own, beside))


def _bundle(scene: Scene) -> bytes:
    signed = join(
        [
            *opened("enrol"),
            ("subject_id", lp8(b"src-91c2")),
            ("key count", u8(1)),
            ("role", u8(ROLES["source"])),
            ("key", lp16(scene.world.signers["source-2"].public)),
            ("certificate request", lp16(b"a certificate request in DER")),
        ]
    )
    return signed + scene.bytes_of(scene.signature("source_91c2_bundle_signature", "source-2", "enrol", signed))
