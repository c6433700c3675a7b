"""Scenarios of a roster's keys (2.3.14): what was ever an operator's or a recovery key is nothing else, for ever."""

from __future__ import annotations

from dataclasses import replace

from tests.reference.writer_control import DIRECTORY, HOUR, ROLES, ROSTER, ROSTER_TEXT, SOURCE, SOURCE_TEXT
from tests.reference.writer_house import MINUTE, House
from tests.reference.writer_octets import fixed, h, join, lp8, lp16, opened, u8
from tests.reference.writer_scene import Octets, Scene, Signed, endorse, step
from tests.reference.writer_scene_control import ALL

PROPOSE = 2
DAY = 24 * HOUR
# Who decides once officer-3 has taken the place of officer-2.
NOW_BOTH = ("officer-1", "officer-3")


def write_roster_scenes(scene: Scene, house: House, succession: tuple[Signed, Signed, int]) -> None:
    """Before and after officer-2 left the roster by `succession`: proposal, roster, and when that was proposed."""
    keys = {name: scene.world.signers[name].digest.hex() for name in ("officer-1", "officer-2", "recovery-1")}
    other = fixed("another recovery key", 48).hex()
    crossed = ROSTER_TEXT.format(keys["officer-1"], keys["recovery-1"], other)
    signed = house.make.sign(
        "roster_crossed",
        PROPOSE,
        crossed.encode(),
        ("officer-1", "officer-2", "recovery-1"),
        house.statements["directory"].behind(scene.world.genesis),
    )
    _case(scene, "a recovery key made an operator's", [*ALL, house.applied(signed)], "key-reused")
    _after(scene, house, keys, other, succession)


def _after(
    scene: Scene, house: House, keys: dict[str, str], other: str, succession: tuple[Signed, Signed, int]
) -> None:
    proposal, followed, at = succession
    entries = [*ALL, house.applied(proposal), house.applied(followed, at=at + MINUTE)]

    def sign(name: str, kind: int, body: str | bytes, behind: Signed, by: tuple[str, ...], later: int) -> Signed:
        octets = body.encode() if isinstance(body, str) else body
        return house.make.sign(f"roster_{name}", kind, octets, by, behind.behind(followed.link), proposed_at=at + later)

    vault = ROSTER_TEXT.format(keys["officer-1"], scene.world.signers["officer-3"].digest.hex(), keys["officer-2"])
    signed = sign("in_the_vault", PROPOSE, vault, followed, NOW_BOTH, HOUR)
    code = "key-reused"
    _case(scene, "a former operator's key made a recovery key", [*entries, house.applied(signed, at=at + HOUR)], code)

    text = SOURCE_TEXT.format(root=h(b"a root certificate")[:32].hex(), key=keys["officer-2"])
    text = text.replace("src-3f07", "src-91c2")
    signed = sign("as_a_source", SOURCE, text, followed, NOW_BOTH, HOUR)
    entry = house.applied(signed, _bundle(scene), at=at + HOUR)
    _case(scene, "a former operator's key as a source's", [*entries, entry], "key-reused")

    officer = scene.world.signers["officer-2"]
    crossed = endorse(scene.world, "gateway-ledger", digest=officer.digest, material="keys.officer-2")
    endorsed = tuple(crossed if one.name == "gateway-ledger" else one for one in house.directory.endorsed)
    directory = replace(house.directory, dir_no=2, base_no=2, issued_at=at + HOUR, endorsed=endorsed)
    signed = sign("as_the_ledgers", DIRECTORY, directory.body(), followed, NOW_BOTH, HOUR)
    entry = house.applied(signed, house.listed(directory), at=at + HOUR)
    _case(scene, "a former operator's key as the ledger's", [*entries, entry], "key-reused")

    back = ROSTER_TEXT.format(keys["officer-1"], keys["officer-2"], other)
    signed = sign("back", PROPOSE, back, followed, (*NOW_BOTH, "officer-2"), HOUR)
    named = f'proposal = "{signed.link.hex()}"\n'
    second = sign("back_in_force", ROSTER, named, signed, NOW_BOTH, HOUR + DAY)
    again = [house.applied(signed, at=at + HOUR), house.applied(second, at=at + HOUR + DAY)]
    _case(scene, "a former operator who comes back as one", [*entries, *again], None)


def _case(scene: Scene, name: str, entries: list[Octets], code: str | None) -> None:
    scene.add(f"control: {name}", "control", {}, [step(entry) for entry in entries], code)


def _bundle(scene: Scene) -> Octets:
    """The enrolment of a source whose key was an operator's."""
    key = scene.world.signers["officer-2"]
    signed = join(
        [
            *opened("enrol"),
            ("subject_id", lp8(b"src-91c2")),
            ("key count", u8(1)),
            ("role", u8(ROLES["source"])),
            ("key", lp16(key.public)),
            ("certificate request", lp16(b"a certificate request in DER")),
        ]
    )
    named = scene.signature("officer_bundle_signature", "officer-2", "enrol", signed)
    return scene.material("officer_bundle", signed + scene.bytes_of(named))
