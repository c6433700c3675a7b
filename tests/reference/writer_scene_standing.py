"""Scenarios of what a gateway applies (2.4), each wrong by what stands: parties, papers, proposals, RESTOREs, lists."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.reference.writer_control import AGREEMENT_TEXT, DIRECTORY, HOUR, NOW, REDATE, RESTORE, SUSPEND
from tests.reference.writer_house import AGREEMENT, BOTH, PARTNER, House
from tests.reference.writer_octets import SUITE, fixed, h, lp8, tag, u64
from tests.reference.writer_scene import GENESIS, THEN, Directory, Endorsed, Octets, Scene, Signed, message, raw, step
from tests.reference.writer_scene_control import ALL, LIFT, OBJECT

END = 10
ONE = ("officer-1",)
_BAD_KEM = b"\xff" * 1568
_REASON = 'reason = "as agreed by voice"\n'


@dataclass(frozen=True)
class Standing:
    """A gateway whose CONTROL is that of the house, and what is handed in behind it."""

    scene: Scene
    house: House

    def sign(self, name: str, kind: int, body: str | bytes, behind: str | Signed, by: tuple[str, ...] = BOTH) -> Signed:
        """A statement behind one of the house, or behind another."""
        before = self.house.statements[behind] if isinstance(behind, str) else behind
        octets = body.encode() if isinstance(body, str) else body
        return self.house.make.sign(f"standing_{name}", kind, octets, by, before.behind(self.scene.world.genesis))

    def case(self, name: str, entries: list[Octets], code: str | None) -> None:
        """One scenario."""
        self.scene.add(f"control: {name}", "control", {}, [step(entry) for entry in entries], code)

    def last(self, name: str, code: str, *signed: Signed) -> None:
        """All of the house, then these, the last of which is refused."""
        self.case(name, [*ALL, *map(self.house.applied, signed)], code)


def write_standing_scenes(scene: Scene, house: House) -> None:
    """Everything that section 2.4 checks last."""
    standing = Standing(scene, house)
    _places(standing)
    _parties(standing)
    _papers(standing)
    _restores(standing)
    _lists(standing)


def _places(standing: Standing) -> None:
    entry = standing.scene.bytes_of(ALL[2])
    place = entry.index(u64(2))
    moved = entry[:place] + u64(3) + entry[place + 8 :]
    wrong = standing.scene.changed("materials.entry_guide", moved)
    standing.case("behind the head, with another position", [*ALL[:2], wrong], "stale-change")
    unasked = f'proposal = "{fixed("no proposal", 48).hex()}"\n{_REASON}'
    signed = standing.sign("object_to_nothing", OBJECT, unasked, "directory", ONE)
    standing.last("an objection to no proposal", "proposal-unknown", signed)


def _parties(standing: Standing) -> None:
    def target(name: str) -> str:
        return f'target = "{name}"\n{_REASON}'

    for family, name in (("partner", "gbr/dstl"), ("source", "src-91c2")):
        signed = standing.sign(f"suspend_{family}", SUSPEND, target(f"{family}/{name}"), "directory", ONE)
        standing.last(f"a {family} stopped that is not there", f"{family}-unknown", signed)
    signed = standing.sign("lift_of_nothing", LIFT, target("partner/usa/arl"), "directory")
    standing.last("a party taken up that was not stopped", "nothing-to-change", signed)
    link = fixed("no proposal", 48).hex()
    signed = standing.sign("lift_of_no_objection", LIFT, target(f"proposal/{link}"), "directory")
    standing.last("a proposal taken up that nobody stopped", "nothing-to-change", signed)


def _papers(standing: Standing) -> None:
    house = standing.house
    admission = standing.scene.bytes_of(ALL[4])
    start = admission.index(b'id       = "usa/arl"')
    text = admission[start : admission.index(b"\n", admission.index(b"REL   = [")) + 1].decode()
    for name, said in (
        ("of a policy without a vocabulary", text.replace("clearance.UKR", "clearance.NATO")),
        ("of a level that is not there", text.replace('level = "T"', 'level = "OV"')),
        ("of a value that is not there", text.replace('REL   = ["USA"]', 'REL   = ["FRA"]')),
        ("with what an agreement gives", f'{text}COMMERCIAL = ["FPV-7"]\n'),
    ):
        signed = standing.sign(f"partner_{name.replace(' ', '_')}", PARTNER, said, "source")
        entry = house.applied(signed, "control.enrolment_bundle")
        standing.case(f"a clearance {name}", [*ALL[:4], entry], "clearance")
    for name, said, behind, code in (
        ("with a partner that is not there", AGREEMENT_TEXT, "source", "partner-unknown"),
        (
            "with a source that is not there",
            AGREEMENT_TEXT.replace("src-3f07", "src-91c2"),
            "partner",
            "source-unknown",
        ),
        ("of a ceiling that is not there", AGREEMENT_TEXT.replace('= "T"', '= "OV"'), "partner", "text-value"),
    ):
        signed = standing.sign(f"agreement_{name.replace(' ', '_')}", AGREEMENT, said, behind)
        before = ALL[: list(house.statements).index(behind) + 1]
        standing.case(f"an agreement {name}", [*before, house.applied(signed)], code)
    first = standing.sign("end", END, f'agreement = "UA-US-2026-014"\n{_REASON}', "directory", ONE)
    again = standing.sign("end_again", END, f'agreement = "UA-US-2026-014"\n{_REASON}', first, ONE)
    standing.last("an agreement ended twice", "nothing-to-change", first, again)
    other = standing.sign("end_of_another", END, f'agreement = "UA-US-2026-015"\n{_REASON}', "directory", ONE)
    standing.last("an end of no agreement", "agreement-unknown", other)


def _restores(standing: Standing) -> None:
    old, new = fixed("incarnation", 16), fixed("incarnation after restore", 16)
    kept = u64(1) + h(standing.scene.vectors.made("ledger.tick_1"))
    first = standing.sign("restore", RESTORE, old + new + kept, "directory")
    apart = fixed("a stranger", 16) + fixed("another stranger", 16) + kept
    second = standing.sign("restore_apart", RESTORE, apart, first)
    standing.last("a RESTORE that does not go on from the one before", "restore-contradicts", first, second)
    back = standing.sign("restore_back", RESTORE, new + old + kept, first)
    standing.last("a RESTORE that leads back", "restore-contradicts", first, back)


def _lists(standing: Standing) -> None:
    scene, house = standing.scene, standing.house
    own = house.directory.endorsed

    def directory(
        name: str, code: str | None, endorsed: tuple[Endorsed, ...], *, told: Directory | None = None
    ) -> None:
        made = told or replace(house.directory, endorsed=endorsed)
        signed = standing.sign(f"directory_{name.replace(' ', '_')}", DIRECTORY, made.body(), "agreement")
        standing.case(f"a directory {name}", [*ALL[:6], house.applied(signed, house.listed(made))], code)

    source = next(one for one in own if one.role == 1)
    partner = next(one for one in own if one.role == 6)
    directory("with a key twice", "endorsement-doubled", (*own, replace(source, salt="once more")))
    second = tuple(replace(one, subject="gateway-2") if one.role == 3 else one for one in own)
    directory("of two gateways", "endorsement-not-admitted", second)
    stranger = replace(partner, digest=scene.world.signers["officer-3"].digest, salt="a stranger")
    directory("with a key that was not admitted", "endorsement-not-admitted", (*own, stranger))
    moved = tuple(replace(one, subject="gbr/dstl") if one is partner else one for one in own)
    directory("with a party that was not admitted", "endorsement-not-admitted", moved)
    unapplied = Endorsed("UKR.2", 7, "UKR.2", h(tag("text") + SUITE + lp8(b"UKR.2")), raw(), 0)
    directory("with a vocabulary that was not applied", "endorsement-not-admitted", (*own, unapplied))
    _brought(standing)
    _malformed(standing)
    newest = replace(house.directory, dir_no=2, issued_at=NOW + 7 * HOUR, life=HOUR)
    signed = standing.sign("redate_late", REDATE, newest.body(), "directory", ONE)
    late = house.applied(signed, at=NOW + 8 * HOUR)
    standing.case("a re-date that has expired", [*ALL, late], "directory-expired")
    in_time = house.applied(signed, at=NOW + 8 * HOUR - 1)
    standing.case("a re-date in its last millisecond", [*ALL, in_time], None)


def _brought(standing: Standing) -> None:
    """Lists are not signed: what they bring is held against what was."""
    scene, house = standing.scene, standing.house
    whole = scene.bytes_of("control.endorsement_list")
    parts = scene.vectors.parts("control.endorsement_list")
    for name, field, key, code in (
        ("a list that brings a source's key", "key 3", scene.vectors.made("keys.source"), "endorsement-not-admitted"),
        (
            "a list that brings a vocabulary",
            "key 6",
            scene.vectors.made("materials.vocabulary"),
            "endorsement-not-admitted",
        ),
        (
            "a list that brings another gateway key",
            "key 0",
            scene.vectors.made("keys.officer-1"),
            "endorsement-mismatch",
        ),
    ):
        listed = b"".join(len(key).to_bytes(4, "big") + key if part == field else octets for part, octets in parts)
        if listed == whole:
            raise ValueError(f"the list has no {field}")
        changed = scene.changed("control.endorsement_list", listed)
        entry = house.applied(house.statements["directory"], changed)
        standing.case(name, [*ALL[:6], entry], code)


def _malformed(standing: Standing) -> None:
    """A directory whose ingest key has its digest and length, and is no key: to the gateway and to a reader."""
    scene, house = standing.scene, standing.house
    key = _BAD_KEM + scene.vectors.made("keys.gateway-ingest")[1568:]
    named = scene.material("no_ingest_key", key)
    digest = h(tag("key") + SUITE + key)
    endorsed = tuple(
        replace(one, digest=digest, material=named) if one.role == 4 else one for one in house.directory.endorsed
    )
    directory = replace(house.directory, endorsed=endorsed)
    signed = standing.sign("directory_with_no_ingest_key", DIRECTORY, directory.body(), "agreement")
    entry = house.applied(signed, house.listed(directory))
    standing.case("a directory with a KEM key that is none", [*ALL[:6], entry], "key-malformed")
    sent = message([house.make.genesis, signed], directory.shown())
    scene.add("trust: a KEM key that is none", "trust", {"genesis": GENESIS}, [step(sent, now=THEN)], "key-malformed")
