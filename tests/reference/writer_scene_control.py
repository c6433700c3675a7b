"""Scenarios of what a gateway applies (2.4): entries of CONTROL, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.reference.writer_control import (
    DIRECTORY,
    HOUR,
    NOW,
    REDATE,
    ROSTER,
    SUSPEND,
    SUSPEND_TEXT,
)
from tests.reference.writer_house import AGREEMENT, BOTH, GUIDE, GUIDE_TEXT, MINUTE, House
from tests.reference.writer_octets import (
    fixed,
    u8,
    u16,
    u32,
    u64,
)
from tests.reference.writer_scene import Octets, Place, Scene, Signed, raw, step

OBJECT, LIFT, RULE_ADD = 4, 19, 14
NAMES = ("genesis", "vocabulary", "guide", "source", "partner", "agreement", "directory")
ALL: list[Octets] = [f"materials.entry_{name}" for name in NAMES]


def write_control_scenes(scene: Scene, house: House) -> tuple[Signed, Signed, int]:
    """Places, times, signatures, bodies, directories and rosters.

    The proposal and the roster by which officer-3 takes the place of officer-2, and when the latter was proposed.
    """
    _control(scene, house)
    return _rosters(scene, house)


def _case(scene: Scene, name: str, entries: Sequence[Octets], code: str | None) -> None:
    scene.add(f"control: {name}", "control", {}, [step(entry) for entry in entries], code)


def _control(scene: Scene, house: House) -> None:
    genesis = scene.world.genesis
    last = house.statements["directory"]

    def sign(name: str, kind: int, body: bytes, behind: Signed, by: tuple[str, ...] = BOTH) -> Signed:
        return house.make.sign(f"control_{name}", kind, body, by, behind.behind(genesis))

    _case(scene, "as it came", ALL, None)
    vocabulary, guide = house.statements["vocabulary"], house.statements["guide"]
    late = house.applied(vocabulary, at=NOW + HOUR + 72 * HOUR)
    _case(scene, "in its last millisecond", [ALL[0], house.applied(vocabulary, at=NOW + 73 * HOUR - 1)], None)
    _case(scene, "expired", [ALL[0], late], "statement-expired")
    _case(scene, "as early as a clock may be", [house.applied(house.make.genesis, at=NOW - 300_000)], None)
    _case(scene, "early", [house.applied(house.make.genesis, at=NOW - 300_001)], "statement-early")
    _case(scene, "a clock that runs back", [*ALL[:2], house.applied(guide, at=NOW + HOUR + MINUTE - 1)], "clock-behind")
    _case(scene, "the first is no genesis", [ALL[1]], "statement-genesis")
    _case(scene, "applied twice", [*ALL[:2], ALL[1]], "stale-change")
    _case(scene, "one left out", [*ALL[:2], ALL[3]], "stale-change")
    other = house.make.sign(
        "control_other_past", GUIDE, GUIDE_TEXT.encode(), BOTH, Place(2, fixed("a past", 48), genesis)
    )
    _case(scene, "of another past", [*ALL[:2], house.applied(other)], "stale-change")
    # A store put back as it was after three statements goes another way, and the lost fifth is handed in again.
    again = sign("another_guide", GUIDE, GUIDE_TEXT.replace("SCENES-1", "SCENES-2").encode(), guide)
    _case(scene, "replayed after a store was put back", [*ALL[:3], house.applied(again), ALL[4]], "stale-change")
    first = scene.bytes_of(ALL[1])
    stranger = first.replace(genesis, fixed("another genesis", 48), 1)
    _case(
        scene,
        "of another genesis",
        [ALL[0], scene.changed("materials.entry_vocabulary", stranger)],
        "statement-genesis",
    )
    unbuilt = first.replace(
        vocabulary.position.to_bytes(8, "big") + genesis + genesis + u8(12),
        vocabulary.position.to_bytes(8, "big") + genesis + genesis + u8(RULE_ADD),
        1,
    )
    if unbuilt == first:
        raise ValueError("the kind stands elsewhere")
    _case(
        scene,
        "of a kind that is not built",
        [ALL[0], scene.changed("materials.entry_vocabulary", unbuilt)],
        "statement-not-built",
    )
    _signatures(scene, house)
    suspend = sign("suspend", SUSPEND, SUSPEND_TEXT.encode(), last, ("officer-1",))
    twice = sign("suspend_again", SUSPEND, SUSPEND_TEXT.encode(), suspend, ("officer-2",))
    _case(scene, "a party stopped by one person", [*ALL, house.applied(suspend)], None)
    _case(scene, "a party stopped twice", [*ALL, house.applied(suspend), house.applied(twice)], "nothing-to-change")
    lift = sign("lift_by_one", LIFT, SUSPEND_TEXT.encode(), suspend, ("officer-2",))
    _case(
        scene,
        "a party taken up by one person",
        [*ALL, house.applied(suspend), house.applied(lift)],
        "signatures-too-few",
    )
    body = _body(scene, "house_agreement")
    again = sign("agreement_again", AGREEMENT, body, last)
    _case(scene, "an id used twice", [*ALL, house.applied(again)], "id-reused")
    source = house.statements["source"]
    _case(scene, "without its bundle", [*ALL[:3], house.applied(source)], "attachments")
    bundle = house.applied(source, "control.enrolment_bundle")
    _case(scene, "beside another's bundle", [*ALL[:3], bundle], "bundle-mismatch")
    _directories(scene, house)


def _signatures(scene: Scene, house: House) -> None:
    def signed(by: tuple[str, ...], name: str = "house_vocabulary") -> Octets:
        statement = scene.bytes_of(f"materials.{name}_statement")
        signatures = house.make.signatures({who: f"materials.{name}_by_{who}" for who in by})
        return [
            raw(u32(len(statement))),
            f"materials.{name}_statement",
            signatures,
            raw(u16(0), u64(NOW + HOUR + MINUTE)),
        ]

    _case(scene, "signed by one person", [ALL[0], signed(("officer-1",))], "signatures-too-few")
    statement = scene.bytes_of("materials.house_vocabulary_statement")
    scene.signature("house_vocabulary_by_source", "source", "statement", statement)
    _case(scene, "signed by one who is no operator", [ALL[0], signed(("officer-1", "source"))], "signer-unknown")
    _case(scene, "signed by a third who is no operator", [ALL[0], signed((*BOTH, "source"))], "signer-unknown")
    scene.signature("house_vocabulary_by_recovery-1", "recovery-1", "statement", statement)
    _case(scene, "signed by a recovery key", [ALL[0], signed((*BOTH, "recovery-1"))], "signer-unknown")
    own: list[Octets] = ["keys.officer-1", "materials.house_vocabulary_by_officer-1"]
    twice: list[Octets] = [raw(u32(1 + 2 * (2 + 2624 + 4691)), u8(2)), raw(u16(2624)), *own, raw(u16(2624)), *own]
    rest = raw(u16(0), u64(NOW + HOUR + MINUTE))
    entry: Octets = [raw(u32(len(statement))), "materials.house_vocabulary_statement", twice, rest]
    _case(scene, "signed twice by one person", [ALL[0], entry], "malformed")


def _directories(scene: Scene, house: House) -> None:
    genesis, before, last = scene.world.genesis, house.statements["agreement"], house.statements["directory"]

    def directed(name: str, number: int, base: int, *, kind: int = DIRECTORY, behind: Signed = before) -> Signed:
        directory = replace(house.directory, dir_no=number, base_no=base, issued_at=NOW + behind.position * HOUR)
        by = BOTH if kind == DIRECTORY else ("officer-2",)
        return house.make.sign(f"control_{name}", kind, directory.body(), by, behind.behind(genesis))

    listed = house.listed(house.directory)
    jump = directed("directory_2", 2, 2)
    _case(scene, "a first directory of number 2", [*ALL[:6], house.applied(jump, listed)], "directory-number")
    based = directed("directory_1_of_2", 2, 1, behind=last)
    _case(scene, "a directory that is not its own base", [*ALL, house.applied(based, listed)], "directory-base")
    redated = directed("redate", 2, 1, kind=REDATE, behind=last)
    _case(scene, "a re-date", [*ALL, house.applied(redated)], None)
    jumped = directed("redate_3", 3, 1, kind=REDATE, behind=last)
    _case(scene, "a re-date that jumps", [*ALL, house.applied(jumped)], "directory-number")
    unbased = directed("redate_of_nothing", 2, 1, kind=REDATE)
    _case(scene, "a re-date of nothing", [*ALL[:6], house.applied(unbased)], "redate-base")
    at = NOW + last.position * HOUR - 300_001
    early = replace(house.directory, issued_at=NOW + last.position * HOUR + HOUR)
    dated = house.make.sign("control_directory_early", DIRECTORY, early.body(), BOTH, before.behind(genesis))
    if at >= early.issued_at:
        raise ValueError("the directory is not early")
    _case(scene, "a directory issued later than now", [*ALL[:6], house.applied(dated, listed)], "directory-early")
    fewer = house.listed(replace(house.directory, endorsed=house.directory.endorsed[:-1]))
    _case(scene, "a directory beside another list", [*ALL[:6], house.applied(last, fewer)], "directory-root")
    unscoped = tuple(
        replace(one, scope="telemetry//SIMULATED") if one.role == 1 else one for one in house.directory.endorsed
    )
    wider = replace(house.directory, endorsed=unscoped)
    widened = house.make.sign("control_directory_wider", DIRECTORY, wider.body(), BOTH, before.behind(genesis))
    entry = house.applied(widened, house.listed(wider))
    _case(scene, "a directory with a scope that was not admitted", [*ALL[:6], entry], "endorsement-not-admitted")


def _body(scene: Scene, name: str) -> bytes:
    """The body of a statement of the house."""
    statement = scene.bytes_of(f"materials.{name}_statement")
    start = 18 + 1 + 48 + 8 + 48 + 48 + 1
    return statement[start + 4 : -16]


def _rosters(scene: Scene, house: House) -> tuple[Signed, Signed, int]:
    genesis, last = scene.world.genesis, house.statements["directory"]
    body = dict(scene.vectors.parts("control.roster_proposal_statement"))["body"][4:]
    proposed = house.make.sign("house_proposal", 2, body, (*BOTH, "officer-3"), last.behind(genesis))
    named = f'proposal = "{proposed.link.hex()}"\n'.encode()
    at = NOW + (proposed.position + 25) * HOUR
    followed = house.make.sign("house_roster", ROSTER, named, BOTH, proposed.behind(genesis), proposed_at=at)
    opened = [*ALL, house.applied(proposed)]
    applied_at = NOW + proposed.position * HOUR + MINUTE
    _case(scene, "another roster", [*opened, house.applied(followed, at=at + MINUTE)], None)
    soon = house.applied(followed, at=at - 300_000)
    _case(scene, "another roster, within what a clock may differ", [*opened, soon], None)
    hurried = house.make.sign(
        "house_roster_soon", ROSTER, named, BOTH, proposed.behind(genesis), proposed_at=applied_at
    )
    _case(scene, "another roster before its wait", [*opened, house.applied(hurried, at=at)], "roster-too-soon")
    # Its own times keep the wait; the gateway applied the proposal a day later than it says.
    delayed = [*ALL, house.applied(proposed, at=applied_at + 24 * HOUR)]
    _case(
        scene,
        "another roster before the wait by the gateway's clock",
        [*delayed, house.applied(followed, at=at + MINUTE)],
        "roster-too-soon",
    )
    _case(
        scene,
        "a roster of no proposal",
        [*ALL, house.applied(_unproposed(house, named, at), at=at + MINUTE)],
        "proposal-unknown",
    )
    after = [*opened, house.applied(followed, at=at + MINUTE)]
    lift = SUSPEND_TEXT.encode()
    place = Place(followed.position + 1, followed.link, genesis)
    old = house.make.sign("suspend_old_roster", SUSPEND, lift, ("officer-1",), place, proposed_at=at)
    _case(scene, "under a roster no longer in force", [*after, house.applied(old, at=at + HOUR)], "roster-not-in-force")
    new = followed.behind(followed.link)
    removed = house.make.sign("suspend_by_removed", SUSPEND, lift, ("officer-2",), new, proposed_at=at)
    _case(scene, "by one who is no operator any more", [*after, house.applied(removed, at=at + HOUR)], "signer-unknown")
    added = house.make.sign("suspend_by_added", SUSPEND, lift, ("officer-3",), new, proposed_at=at)
    _case(scene, "by one who is an operator now", [*after, house.applied(added, at=at + HOUR)], None)
    objection = f'proposal = "{proposed.link.hex()}"\nreason = "not asked"\n'.encode()
    objected = house.make.sign("house_object", OBJECT, objection, ("officer-2",), proposed.behind(genesis))
    stopped = house.make.sign("house_roster_objected", ROSTER, named, BOTH, objected.behind(genesis), proposed_at=at)
    _case(
        scene,
        "a roster that an operator objects to",
        [*opened, house.applied(objected), house.applied(stopped, at=at + MINUTE)],
        "roster-objected",
    )
    again = house.make.sign("house_object_again", OBJECT, objection, ("officer-1",), objected.behind(genesis))
    twice = [*opened, house.applied(objected), house.applied(again)]
    _case(scene, "a roster that two operators object to", twice, "nothing-to-change")
    return proposed, followed, at


def _unproposed(house: House, named: bytes, at: int) -> Signed:
    behind = house.statements["directory"].behind(house.scene.world.genesis)
    return house.make.sign("house_roster_alone", ROSTER, named, BOTH, behind, proposed_at=at)
