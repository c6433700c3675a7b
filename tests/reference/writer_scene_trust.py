"""Scenarios of section 2.9: directory messages, one after another, and what a reader of the genesis makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.reference.writer_control import (
    DIRECTORY,
    HOUR,
    NOW,
    REDATE,
    ROLES,
    ROSTER,
    ROSTER_PROPOSE,
)
from tests.reference.writer_octets import fixed, multiproof, u32
from tests.reference.writer_scene import (
    GENESIS,
    THEN,
    Directory,
    Octets,
    Scene,
    Signed,
    Statements,
    Step,
    endorse,
    message,
    raw,
    step,
)

DAY = 24 * HOUR
TOLD = "control.directory_message"
OLD, NEW = ("officer-1", "officer-2"), ("officer-1", "officer-3")


@dataclass(frozen=True)
class _Cast:
    """The statements that the scenarios of this room share."""

    scene: Scene
    make: Statements

    @property
    def genesis(self) -> bytes:
        return self.scene.world.genesis

    @property
    def founded(self) -> Signed:
        return self.make.genesis

    @property
    def directed(self) -> Signed:
        return self.make.told("directory", 1)

    @property
    def redated(self) -> Signed:
        return self.make.told("redate", 2)

    @property
    def proposed(self) -> Signed:
        return self.make.told("roster_proposal", 6)

    @property
    def followed(self) -> Signed:
        return self.make.told("roster", 7)

    def directory(self, dir_no: int, base_no: int = 0, issued_at: int = NOW + DAY) -> Directory:
        """A Dir over the story's keys."""
        endorsed = tuple(endorse(self.scene.world, name) for name in ROLES)
        return Directory(dir_no, base_no or dir_no, endorsed, issued_at)

    def shown(self) -> Octets:
        """The story's endorsements, each with its proof; those of any Dir over the same keys."""
        return self.directory(1).shown()

    def case(
        self, name: str, steps: Sequence[tuple[Sequence[Signed], int] | Step], code: str | None, **setup: Octets
    ) -> None:
        """One scenario; a step is statements and the reader's clock, or a step as it is."""
        made = [one if isinstance(one, dict) else step(message(one[0], self.shown()), now=one[1]) for one in steps]
        self.scene.add(f"trust: {name}", "trust", {"genesis": GENESIS, **setup}, made, code)


def write_trust_scenes(scene: Scene) -> None:
    """Dates, numbers, bases, rosters, proofs."""
    cast = _Cast(scene, Statements(scene))
    _dates(cast)
    _numbers(cast)
    _rosters(cast)
    _endorsements(cast)


def _dates(cast: _Cast) -> None:
    issued, expires = NOW + DAY, NOW + 8 * DAY
    cast.case("as it came", [step(TOLD, now=THEN)], None)
    cast.case("in its last millisecond", [step(TOLD, now=expires - 1)], None)
    cast.case("expired", [step(TOLD, now=expires)], "directory-expired")
    cast.case("as early as a clock may be", [step(TOLD, now=issued - 300_000)], None)
    cast.case("early", [step(TOLD, now=issued - 300_001)], "directory-early")
    nothing: Octets = raw(bytes(4))
    cast.case("nothing new", [step(TOLD, now=THEN), step(nothing, now=THEN + HOUR)], None)
    cast.case("nothing new, expired since", [step(TOLD, now=THEN), step(nothing, now=expires)], "directory-expired")
    cast.case("nothing at first", [step(nothing, now=THEN)], "directory-missing")
    lone: Octets = [raw(bytes([0, 1])), cast.founded.octets, raw(bytes(2))]
    cast.case("a genesis alone", [step(lone, now=THEN)], "directory-missing")
    cast.case("no genesis at first", [([cast.directed], THEN)], "roster-missing")
    other = cast.scene.material("another_genesis", fixed("another genesis", 48))
    scenes: list[Step] = [step(TOLD, now=THEN)]
    cast.scene.add("trust: of another genesis", "trust", {"genesis": other}, scenes, "statement-genesis")
    alone: list[Step] = [step(lone, now=THEN)]
    cast.scene.add("trust: a genesis alone, of another", "trust", {"genesis": other}, alone, "statement-genesis")
    told = cast.scene.bytes_of(TOLD)
    place = told.index(cast.genesis)
    stranger: Octets = {"of": TOLD, "at": place, "cut": 48, "insert": fixed("another genesis", 48).hex()}
    cast.case("a directory of another genesis", [step(stranger, now=THEN)], "statement-genesis")


def _numbers(cast: _Cast) -> None:
    base, told = [cast.founded, cast.directed], (step(TOLD, now=THEN))
    behind = cast.redated.behind(cast.genesis)
    same = cast.make.sign("directory_2", DIRECTORY, cast.directory(2).body(), OLD, behind)
    cast.case("a directory of the number held", [told, ([same], THEN)], "directory-decreasing")
    cast.case("a directory that jumps", [([cast.founded, same], THEN)], None)
    after = cast.make.sign("directory_3", DIRECTORY, cast.directory(3).body(), OLD, behind)
    cast.case("a newer directory", [told, ([after], THEN)], None)
    lower = cast.make.told("redate", 2)
    cast.case("a re-date of the number held, once more", [told, ([after], THEN), ([lower], THEN)], None)
    not_own = cast.make.sign("directory_3_of_1", DIRECTORY, cast.directory(3, 1).body(), OLD, behind)
    cast.case("a directory that is not its own base", [told, ([not_own], THEN)], "directory-base")
    one = cast.make.sign("directory_by_one", DIRECTORY, cast.directory(4).body(), ("officer-1",), behind)
    cast.case("a directory by one person", [told, ([one], THEN)], "signatures-too-few")
    for name, changed, base_no in (
        ("root", {"root": fixed("another root", 48)}, 1),
        ("size", {"size": u32(7)}, 1),
        ("base", {}, 3),
    ):
        body = cast.directory(3, base_no).body(**changed)
        wrong = cast.make.sign(f"redate_of_another_{name}", REDATE, body, ("officer-2",), behind)
        cast.case(f"a re-date with another {name}", [told, ([wrong], THEN)], "redate-base")
    cast.case("a re-date of nothing", [([cast.founded, cast.redated], THEN)], "redate-base")
    cast.case("a re-date of what came with it", [([*base, cast.redated], THEN)], None)
    cast.case("a re-date by no operator", [told, ([_by_source(cast, behind_of=cast.redated)], THEN)], "signer-unknown")
    sent = cast.make.told("source", 3)
    cast.case("a kind that readers are not sent", [([*base, sent], THEN)], "statement-unexpected")


def _by_source(cast: _Cast, behind_of: Signed) -> Signed:
    body = cast.directory(3, 1).body()
    return cast.make.sign("redate_by_source", REDATE, body, ("source",), behind_of.behind(cast.genesis))


def _rosters(cast: _Cast) -> None:
    proposed, followed, genesis = cast.proposed, cast.followed, cast.genesis
    later = NOW + 40 * HOUR
    fresh = cast.directory(3, issued_at=later)
    under_new = followed.behind(followed.link)
    new = cast.make.sign("directory_new_roster", DIRECTORY, fresh.body(), NEW, under_new, proposed_at=later)
    told = step(TOLD, now=THEN)
    change = [proposed, followed]
    cast.case("another roster, with its directory", [told, ([*change, new], later)], None)
    cast.case("another roster, to a fresh reader", [([cast.founded, *change, new], later)], None)
    cast.case("another roster without a directory", [told, (change, THEN)], "directory-missing")
    cast.case("a proposal alone", [told, ([proposed], THEN)], None)
    cast.case("a roster without its proposal", [told, ([followed, new], later)], "roster-proposal")
    apart = [told, ([proposed], THEN), ([followed, new], later)]
    cast.case("a roster after its proposal, in another message", apart, "roster-proposal")
    under_old = followed.behind(genesis)
    old = cast.make.sign("directory_old_roster", DIRECTORY, fresh.body(), OLD, under_old, proposed_at=later)
    cast.case("a directory under the roster before", [told, ([*change, old], later)], "roster-not-in-force")
    removed = cast.make.sign("directory_by_removed", DIRECTORY, fresh.body(), OLD, under_new, proposed_at=later)
    cast.case("a directory by one who was removed", [told, ([*change, removed], later)], "signer-unknown")
    stale = cast.directory(3, 1).body()
    redate = cast.make.sign("redate_old_base", REDATE, stale, ("officer-1",), under_new, proposed_at=later)
    cast.case("a re-date of what the roster before signed", [told, ([*change, redate], later)], "redate-base")
    soon = cast.make.sign("roster_too_soon", ROSTER, _names(proposed), OLD, proposed.behind(genesis))
    sooner = cast.make.sign("directory_too_soon", DIRECTORY, fresh.body(), NEW, soon.behind(soon.link))
    cast.case("a roster before its wait", [told, ([proposed, soon, sooner], later)], "roster-too-soon")
    text = cast.scene.vectors.made("control.roster_proposal_statement")
    begin = text.index(b"quorum = ")
    body = text[begin : len(text) - 16]
    place = cast.redated.behind(genesis)
    by_old = cast.make.sign("proposal_by_old", ROSTER_PROPOSE, body, OLD, place)
    cast.case("a proposal without those it names", [told, ([by_old], THEN)], "signatures-too-few")
    one_old = cast.make.sign("proposal_by_new", ROSTER_PROPOSE, body, NEW, place)
    cast.case("a proposal by one of the present", [told, ([one_old], THEN)], "signatures-too-few")
    _recovery(cast, body)
    named: dict[str, Octets] = {
        "roster_link": "control.roster_link",
        "roster_text": cast.scene.material("roster_text", body),
    }
    cast.case("the roster of the profile, with its directory", [([new], later)], None, **named)
    cast.case(
        "an older roster than the profile's", [([cast.founded, cast.directed], THEN)], "roster-not-in-force", **named
    )


def _names(proposal: Signed) -> bytes:
    return f'proposal = "{proposal.link.hex()}"\n'.encode()


def _recovery(cast: _Cast, body: bytes) -> None:
    """Recovery keys replace the roster when operators' keys are lost or in wrong hands."""
    told, place = step(TOLD, now=THEN), cast.redated.behind(cast.genesis)
    later = NOW + 40 * HOUR
    by = ("officer-1", "officer-3", "recovery-1")
    proposed = cast.make.sign("recovery", ROSTER_PROPOSE, body, by, place)
    at = NOW + 30 * HOUR
    behind = proposed.behind(cast.genesis)
    followed = cast.make.sign("recovery_roster", ROSTER, _names(proposed), ("recovery-1",), behind, proposed_at=at)
    fresh = cast.directory(3, issued_at=later).body()
    new = cast.make.sign("recovery_directory", DIRECTORY, fresh, NEW, followed.behind(followed.link), proposed_at=later)
    cast.case("a recovery", [told, ([proposed, followed, new], later)], None)
    wrong = cast.make.sign(
        "recovery_roster_by_officer", ROSTER, _names(proposed), ("officer-1",), behind, proposed_at=at
    )
    cast.case("a recovery that an operator completes", [told, ([proposed, wrong], later)], "signer-unknown")
    alone = cast.make.sign("directory_by_recovery", DIRECTORY, cast.directory(3).body(), ("recovery-1",), place)
    cast.case("a directory by a recovery key", [told, ([alone], THEN)], "signer-unknown")


def _endorsements(cast: _Cast) -> None:
    base = [cast.founded, cast.directed, cast.redated]
    directory = cast.directory(1)
    first, leaves = directory.endorsed[0], directory.leaves
    nodes = multiproof(leaves, [0])

    def shown(
        *, index: int = 0, encoded: bytes = first.encoded, key: Octets = first.material, path: list[bytes]
    ) -> Octets:
        head = raw(bytes([0, 1]), u32(index), len(encoded).to_bytes(2, "big"), encoded, u32(2624))
        return [head, key, raw(bytes([len(path)]), *path)]

    def case(name: str, code: str | None, octets: Octets) -> None:
        cast.case(name, [step(message(base, octets), now=THEN)], code)

    case("one endorsement", None, shown(path=nodes))
    case("an endorsement with a spare node", "proof-malformed", shown(path=[*nodes, nodes[0]]))
    case("an endorsement with a missing node", "proof-malformed", shown(path=nodes[:-1]))
    case("an endorsement with another node", "endorsement-proof", shown(path=[nodes[1], *nodes[1:]]))
    case("an endorsement at another index", "endorsement-proof", shown(index=1, path=nodes))
    case("an endorsement beyond the tree", "proof-malformed", shown(index=6, path=nodes))
    case(
        "an endorsement beyond the tree, with as many nodes as it would have",
        "proof-malformed",
        shown(index=6, path=nodes[:2]),
    )
    unlike = replace(first, subject="src-91c2").encoded
    case("an endorsement that was not signed", "endorsement-proof", shown(encoded=unlike, path=nodes))
    case("another key beside an endorsement", "endorsement-mismatch", shown(key="keys.officer-1", path=nodes))
    twice = (*directory.endorsed, endorse(cast.scene.world, "source", scope="", salt="a second of source"))
    doubled = replace(cast.directory(3), endorsed=twice)
    place = cast.redated.behind(cast.genesis)
    signed = cast.make.sign("directory_doubled", DIRECTORY, doubled.body(), OLD, place)
    steps = [step(message([*base, signed], doubled.shown()), now=THEN)]
    cast.case("a key endorsed twice", steps, "endorsement-doubled")
