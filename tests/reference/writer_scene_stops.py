"""Scenarios of what stops and starts again (2.7), and of keys that follow one another (2.5, 2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.reference.writer_control import DIRECTORY, HOUR, NOW, REDATE, ROLES, SOURCE, SOURCE_TEXT
from tests.reference.writer_house import BOTH, MINUTE, VOCABULARY, VOCABULARY_TEXT, House
from tests.reference.writer_octets import Fields, h, join, lp8, lp16, opened, u8
from tests.reference.writer_scene import Octets, Scene, Signed, endorse, step
from tests.reference.writer_scene_control import ALL, LIFT

PROPOSE, END, EQUIVALENCE, HOLD, LOCKDOWN, TAINT, REVOKE, TIME = 2, 10, 13, 16, 18, 20, 21, 22
ONE = ("officer-1",)
ACTIVE, RETIRED, TAINTED = 1, 2, 3


@dataclass(frozen=True)
class _Story:
    """The whole house's journal and what was applied behind it; grown, never changed."""

    scene: Scene
    house: House
    last: Signed
    entries: tuple[Octets, ...]

    def then(
        self, name: str, kind: int, body: bytes, by: Sequence[str] = BOTH, attachments: Sequence[Octets] = ()
    ) -> _Story:
        """One statement more."""
        behind = self.last.behind(self.scene.world.genesis)
        last = self.house.make.sign(f"stops_{name}", kind, body, by, behind)
        return replace(self, last=last, entries=(*self.entries, self.house.applied(last, *attachments)))

    def directed(self, name: str, number: int, base: int = 0, *, kind: int = DIRECTORY, **states: int) -> _Story:
        """A DIRECTORY, or a re-date, with the state of keys by name; `_` for `-`."""
        endorsed = list(self.house.directory.endorsed)
        for key, state in states.items():
            endorsed = [replace(one, state=state) if one.name == key.replace("_", "-") else one for one in endorsed]
        if "source_2" in states:
            own = endorse(self.scene.world, "source", state=states["source_2"])
            key = self.scene.world.signers["source-2"]
            endorsed.append(
                replace(own, name="source-2", digest=key.digest, material="keys.source-2", scope="tactic//SIMULATED")
            )
        directory = replace(
            self.house.directory,
            dir_no=number,
            base_no=base or number,
            endorsed=tuple(endorsed),
            issued_at=NOW + (self.last.position + 1) * HOUR,
        )
        beside = () if kind == REDATE else (self.house.listed(directory),)
        return self.then(name, kind, directory.body(), ONE if kind == REDATE else BOTH, beside)

    def ends(self, name: str, code: str | None) -> None:
        """The scenario of everything so far."""
        self.scene.add(f"control: {name}", "control", {}, [step(entry) for entry in self.entries], code)


def write_stop_scenes(scene: Scene, house: House) -> None:
    """Keys tainted, revoked, given back and followed by others."""
    begin = _Story(scene, house, house.statements["directory"], tuple(ALL))
    _keys(begin)
    _rotation(begin)
    _forks(begin)
    _holds(begin)
    _equivalence(begin)
    _time(begin)
    roster = dict(scene.vectors.parts("control.genesis_statement"))["body"][4:]
    begin.then("roster_again", PROPOSE, roster).ends("the roster in force proposed again", "nothing-to-change")


def _stop(digest: bytes, *, since: str = "") -> bytes:
    dated = f"since = {since}\n" if since else ""
    return f'target = "key/{digest.hex()}"\n{dated}reason = "the laptop was captured"\n'.encode()


def _keys(begin: _Story) -> None:
    digest = begin.scene.world.signers["source"].digest
    taint, revoke = _stop(digest, since="2026-05-30"), _stop(digest)
    tainted = begin.then("taint", TAINT, taint, ONE)
    tainted.ends("a key tainted by one person", None)
    tainted.then("taint_again", TAINT, taint, ONE).ends("a key tainted twice", "nothing-to-change")
    tainted.then("revoke_after", REVOKE, revoke, ONE).ends("a tainted key revoked", "nothing-to-change")
    revoked = begin.then("revoke", REVOKE, revoke, ONE)
    revoked.then("taint_after", TAINT, taint, ("officer-2",)).ends("a revoked key tainted", None)
    stranger = _stop(begin.scene.world.signers["officer-3"].digest, since="2026-05-30")
    begin.then("taint_nobody", TAINT, stranger, ONE).ends("a key tainted that is nobody's", "key-unknown")
    operators = _stop(begin.scene.world.signers["officer-2"].digest, since="2026-05-30")
    begin.then("taint_officer", TAINT, operators, ONE).ends("an operator's key tainted", "key-unknown")
    undated = begin.then("taint_undated", TAINT, revoke, ONE)
    undated.ends("a taint without its day", "text-missing-key")
    tainted.then("lift_key_by_one", LIFT, revoke, ONE).ends("a key given back by one person", "signatures-too-few")
    lifted = tainted.then("lift_key", LIFT, revoke)
    lifted.ends("a key given back", None)
    lifted.then("lift_key_again", LIFT, revoke).ends("a key given back twice", "nothing-to-change")
    tainted.directed("redate", 2, 1, kind=REDATE).ends("a re-date behind a taint", "redate-state")
    lifted.directed("redate_lifted", 2, 1, kind=REDATE).ends("a re-date behind a taint that was lifted", None)
    tainted.directed("directory_active", 2).ends("a directory that gives a tainted key back", "endorsement-state")
    tainted.directed("directory_retired", 2, source=RETIRED).ends("a directory of a taint half", "endorsement-state")
    carried = tainted.directed("directory_tainted", 2, source=TAINTED)
    carried.ends("a directory that carries a taint", None)
    carried.directed("redate_tainted", 3, 2, kind=REDATE, source=TAINTED).ends("its re-date", None)
    revoked.directed("directory_revoked", 2, source=RETIRED).ends("a directory that carries a revocation", None)


def _rotation(begin: _Story) -> None:
    scene = begin.scene
    keys = {name: scene.world.signers[name].digest for name in ("source", "source-2")}
    beside = scene.material("source_2_bundle", _bundle(scene))
    root = h(b"a root certificate")[:32].hex()
    text = SOURCE_TEXT.format(root=root, key=keys["source-2"].hex())
    followed = begin.then("source_2", SOURCE, text.encode(), BOTH, (beside,))
    followed.ends("a source admitted again with another key", None)
    by_one = begin.then("source_2_by_one", SOURCE, text.encode(), ONE, (beside,))
    by_one.ends("a source admitted again by one person", "signatures-too-few")
    again = followed.then("source_2_again", SOURCE, text.encode(), BOTH, (beside,))
    again.ends("a source admitted again as it is", "nothing-to-change")
    former = SOURCE_TEXT.format(root=root, key=keys["source"].hex()).encode()
    back = followed.then("source_back", SOURCE, former, BOTH, ("materials.source_bundle",))
    back.ends("a former key admitted again", "key-reused")
    other = text.replace("/source/src-3f07", "/source/src-0000").encode()
    begin.then("source_2_other", SOURCE, other, BOTH, (beside,)).ends("an id given another identity", "id-reused")
    rooted = SOURCE_TEXT.format(root=h(b"another root certificate")[:32].hex(), key=keys["source"].hex()).encode()
    begin.then("source_root", SOURCE, rooted, BOTH, ("materials.source_bundle",)).ends(
        "a source under another root", None
    )
    followed.directed("redate_rotated", 2, 1, kind=REDATE).ends("a re-date behind another key", "redate-state")
    kept = followed.directed("directory_kept", 2, source_2=ACTIVE)
    kept.ends("a directory with a former key active", "endorsement-state")
    rotated = followed.directed("directory_rotated", 2, source=RETIRED, source_2=ACTIVE)
    rotated.ends("a directory with the former key retired", None)
    rotated.then("taint_former", TAINT, _stop(keys["source"], since="2026-05-30"), ONE).ends(
        "a former key tainted", None
    )


def _forks(begin: _Story) -> None:
    """Whether there is such a fork stands in RECORDS; what CONTROL can tell is that it is named once, and how."""
    kept, other = (h(name).hex() for name in (b"a batch", b"another batch"))

    def lifted(name: str, target: str, after: _Story = begin) -> _Story:
        return after.then(name, LIFT, f'target = "{target}"\nreason = "a disk was copied"\n'.encode())

    settled = lifted("settle", f"fork/{kept}/{other}")
    settled.ends("a fork settled", None)
    lifted("settle_again", f"fork/{kept}/{other}", settled).ends("a fork settled twice", "nothing-to-change")
    lifted("settle_half", f"fork/{kept}").ends("a fork of one batch", "text-value")
    lifted("settle_same", f"fork/{kept}/{kept}").ends("a fork of one batch twice", "text-value")


def _holds(begin: _Story) -> None:
    batch = h(b"a batch").hex()

    def held(name: str, target: str, kind: int = HOLD, by: Sequence[str] = ONE, after: _Story = begin) -> _Story:
        return after.then(name, kind, f'target = "{target}"\nreason = "a name in the text"\n'.encode(), by)

    record = held("hold_record", f"record/{batch}.255")
    record.ends("a record held by one person", None)
    held("hold_record_again", f"record/{batch}.255", after=record).ends("a record held twice", "nothing-to-change")
    held("hold_record_256", f"record/{batch}.256").ends("a record held of no batch", "text-value")
    held("hold_record_01", f"record/{batch}.01").ends("a record held in another spelling", "text-value")
    held("hold_batch", f"batch/{batch}", after=record).ends("a batch held beside its record", None)
    agreed = held("hold_agreement", "agreement/UA-US-2026-014")
    agreed.ends("an agreement held", None)
    held("hold_agreement_none", "agreement/UA-US-0").ends("an agreement held that is not there", "agreement-unknown")
    ended = begin.then("end", END, b'agreement = "UA-US-2026-014"\nreason = "over"\n', ONE)
    held("hold_ended", "agreement/UA-US-2026-014", after=ended).ends("an ended agreement held", "nothing-to-change")
    held("hold_party", "partner/usa/arl").ends("a party held", "text-value")
    held("lift_hold_by_one", f"record/{batch}.255", LIFT, after=record).ends(
        "a record let go by one person", "signatures-too-few"
    )
    held("lift_hold", f"record/{batch}.255", LIFT, BOTH, record).ends("a record let go", None)
    held("lift_hold_other", f"batch/{batch}", LIFT, BOTH, record).ends("another than what is held", "nothing-to-change")
    locked = held("lock", "gateway", LOCKDOWN)
    locked.ends("everything stopped by one person", None)
    held("lock_again", "gateway", LOCKDOWN, after=locked).ends("everything stopped twice", "nothing-to-change")
    held("lock_slash", "gateway/", LOCKDOWN).ends("everything stopped in another spelling", "text-value")
    held("unlock_by_one", "gateway", LIFT, after=locked).ends("everything started by one person", "signatures-too-few")
    held("unlock", "gateway", LIFT, BOTH, locked).ends("everything started again", None)
    held("unlock_open", "gateway", LIFT, BOTH).ends("everything started that was not stopped", "nothing-to-change")


def _equivalence(begin: _Story) -> None:
    """Carried as a file, under a name of its own."""
    nato = VOCABULARY_TEXT.replace('policy        = "UKR"', 'policy        = "NATO"')
    two = begin.then("nato", VOCABULARY, nato.encode())

    def row(
        source: str = "UKR.1 T", target: str = "NATO.1 T", starts: str = "2026-06-01", ends: str = "2027-06-30"
    ) -> str:
        lines = (f'from = "{source}"', f'to = "{target}"', 'basis = "annex 3"', f"starts = {starts}", f"ends = {ends}")
        return "\n[[row]]\n" + "".join(line + "\n" for line in lines)

    def equated(name: str, *rows: str, table: str = "EQ-1", after: _Story = two, by: Sequence[str] = BOTH) -> _Story:
        return after.then(name, EQUIVALENCE, (f'id = "{table}"\n' + "".join(rows)).encode(), by)

    next_year = row(target="NATO.1 DSK", starts="2027-07-01", ends="2027-12-31")
    equal = equated("equal", row(), row("NATO.1 T", "UKR.1 T"), next_year)
    equal.ends("levels of two policies made equal", None)
    equated("equal_by_one", row(), by=ONE).ends("levels made equal by one person", "signatures-too-few")
    contradiction = "equivalence-contradiction"
    equated("equal_twice", row(), row(target="NATO.1 DSK", ends="2026-06-01")).ends("a level made two", contradiction)
    equated("equal_own", row(target="UKR.1 DSK")).ends("levels of one policy made equal", contradiction)
    equated("equal_ended", row(ends="2026-05-31")).ends("a row that ends before it starts", contradiction)
    equated("equal_unknown", row(target="NATO.1 S")).ends("a level that no vocabulary has made equal", "text-value")
    equated("equal_early", row(), after=begin).ends("a level of no vocabulary made equal", "text-value")
    equated("equal_again", row(), after=equal).ends("the name of a table used twice", "id-reused")
    equated("equal_name", row(), table="UKR.1").ends("a table with the name of a vocabulary", "id-reused")
    equated("equal_second", row(), table="EQ-2", after=equal).ends("a second table", None)


def _time(begin: _Story) -> None:
    """The next entry is applied a minute after the hour of its position."""
    at = NOW + (begin.last.position + 1) * HOUR + MINUTE
    whole = at - at % 1000

    def told(name: str, first: int, last: int, by: Sequence[str] = BOTH, zone: str = "Z") -> _Story:
        stamps = [datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + zone for ms in (first, last)]
        body = f'from = {stamps[0]}\nuntil = {stamps[1]}\nreason = "compared"\n'
        return begin.then(name, TIME, body.encode(), by)

    told("time", whole, whole + 24 * HOUR).ends("the clock said to be right", None)
    told("time_by_one", whole, whole + HOUR, ONE).ends("the clock said to be right by one person", "signatures-too-few")
    told("time_early", whole + 1000, whole + HOUR).ends("a clock that is behind the span", "time-outside")
    told("time_late", whole - HOUR, whole).ends("a clock that is at the end of the span", "time-outside")
    told("time_long", whole, whole + 24 * HOUR + 1000).ends("a span of more than a day", "text-value")
    told("time_none", whole, whole).ends("a span of nothing", "text-value")
    told("time_zone", whole, whole + HOUR, zone="+03:00").ends("a span in another zone", "text-value")
    told("time_local", whole, whole + HOUR, zone="").ends("a span in no zone", "text-value")


def _bundle(scene: Scene) -> bytes:
    fields: Fields = [
        *opened("enrol"),
        ("subject_id", lp8(b"src-3f07")),
        ("key count", u8(1)),
        ("role", u8(ROLES["source"])),
        ("key", lp16(scene.world.signers["source-2"].public)),
        ("certificate request", lp16(b"a certificate request in DER")),
    ]
    signed = join(fields)
    return signed + scene.bytes_of(scene.signature("source_2_bundle_signature", "source-2", "enrol", signed))
