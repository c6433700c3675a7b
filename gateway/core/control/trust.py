"""What a reader trusts: a genesis from its profile, and from there only what operators signed.

A `Trust` is immutable. `accept` takes a directory message and gives the next one, or refuses and changes nothing.
Rules a change must keep:

* No key, vocabulary or schema is trusted without its endorsement under the newest Dir seen.
* A PROPOSE, ROSTER, DIRECTORY, DIRECTORY-REDATE or RESTORE counts only under the newest roster known at that point, so
  removed operators sign nothing that counts; and a new roster counts only with a quorum's DIRECTORY under it.
* Neither number of a Dir ever decreases, and a re-dated Dir has the base, size and root it had.
* A statement whose link is verified is skipped; position never decides.
* The only clock checks are the newest Dir's. `expires_at` of a statement binds the gateway alone.

    trust = Trust.begin(profile.genesis)
    trust = trust.accept(message, now_ms)
    key = trust.source_key(batch.source_id, batch.key_id, batch.kind, batch.data_mode)

A fresh reader can be shown a Dir up to seven days old. Source: SPEC.md section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.control.directory import (
    FILE_ROLES,
    MAX_ENDORSEMENT_BYTES,
    Dir,
    Endorsed,
    ShownEndorsement,
    parse_dir,
    parse_directory_message,
    parse_endorsement,
)
from gateway.core.control.reading import Reading
from gateway.core.control.restore import Restore
from gateway.core.control.roster import Roster
from gateway.core.control.scope import Scope
from gateway.core.errors import Fault, GatewayError, Refused
from gateway.core.suite.algorithms import SUITE_BYTE, ZERO_HASH
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import (
    CLOCK_SKEW_MS,
    HASH_BYTES,
    MAX_ENDORSEMENTS,
    MAX_TEXT_BYTES,
    DataMode,
    KeyState,
    RecordKind,
    Role,
)
from gateway.core.suite.octets import Reader, lp16, lp32, u8, u16, u32
from gateway.core.suite.tree import root_from_path

_KEPT_TAG = b"SLUICE1/trust\x00"
# Version 1 knew no RESTORE.
_KEPT_VERSION = 2
_DIR_BYTES = 8 + 8 + 4 + HASH_BYTES + 8 + 8
MAX_LINKS = 65_536

Endorsements = Mapping[tuple[Role, bytes], Endorsed]


@dataclass(frozen=True, slots=True)
class Trust:
    """One state of a reader's trust.

    roster: in force, None until the first message; roster_link: of the statement that put it in force.
    directory: the newest Dir, None until the first message.
    verified: links of all statements that counted.
    endorsed: by role and key id, under the newest Dir; for a file the key id is the start of its text digest.
    restores: every RESTORE that counted, in the order it was taken.
    """

    genesis: bytes
    roster: Roster | None
    roster_link: bytes
    directory: Dir | None
    verified: frozenset[bytes]
    endorsed: Endorsements
    restores: tuple[Restore, ...] = ()

    @classmethod
    def begin(cls, genesis: bytes, roster_link: bytes = ZERO_HASH, roster_text: bytes = b"") -> Trust:
        """The state of a reader that has only its profile.

        genesis: 48 bytes. A profile that also names the roster in force when it was made (link and text) keeps a
        fresh reader from being shown what an older roster signed.
        """
        if len(genesis) != HASH_BYTES or genesis == ZERO_HASH or len(roster_link) != HASH_BYTES:
            raise Refused("genesis-malformed", f"a genesis and a roster link have {HASH_BYTES} bytes", at="genesis")
        if roster_link == ZERO_HASH:
            return cls(genesis, None, ZERO_HASH, None, frozenset(), {})
        return cls(genesis, Roster.parse(roster_text), roster_link, None, frozenset({genesis, roster_link}), {})

    def accept(self, message: bytes, now_ms: int) -> Trust:
        """The state after a directory message (without its type byte); refuses it whole or takes it whole.

        Costs about 0.4 ms for each new signature and for each endorsement not seen before.
        """
        parsed = parse_directory_message(message)
        # 1. Statements, ascending; verified ones are skipped.
        reading = Reading(
            self.genesis, self.roster, self.roster_link, self.directory, set(self.verified), list(self.restores)
        )
        for signed in parsed.statements:
            reading.take(signed)
        # 2. One Dir, under the newest roster, neither early nor expired.
        roster, directory = reading.outcome()
        check_time(directory, now_ms)
        # 3. Endorsements, each proven under that Dir.
        known = self.endorsed if _is_same_tree(self.directory, directory) else {}
        endorsed = dict(known)
        for shown in parsed.shown:
            place = (shown.endorsement.role, shown.endorsement.key_id)
            endorsed[place] = _prove(shown, directory, self.endorsed.get(place), endorsed.get(place))
        return Trust(
            self.genesis,
            roster,
            reading.roster_link,
            directory,
            frozenset(reading.verified),
            endorsed,
            tuple(reading.restores),
        )

    def check_time(self, now_ms: int) -> None:
        """Refuses `directory-missing`, `directory-early` or `directory-expired`: nothing is trusted without a Dir."""
        if self.directory is None:
            raise Refused("directory-missing", "nothing is trusted before a directory is accepted", at="directory")
        check_time(self.directory, now_ms)

    def endorsement(self, role: Role, key_id: bytes) -> Endorsed:
        """The endorsed key or file in whatever state; refuses `key-not-endorsed`."""
        found = self.endorsed.get((role, key_id))
        if found is None:
            raise Refused(
                "key-not-endorsed", f"no endorsement of role {role.name} names this key", at=role.name.lower()
            )
        return found

    def key(self, role: Role, key_id: bytes) -> Endorsed:
        """The active key of that role, for ticks, streams and Hellos; refuses `key-retired` and `key-tainted` too."""
        found = self.endorsement(role, key_id)
        _check_state(found, (KeyState.ACTIVE,))
        return found

    def source_key(self, source_id: str, key_id: bytes, kind: RecordKind, mode: DataMode) -> VerifyKey:
        """The key that verifies a batch; refuses another source's, a tainted one, and a kind or mode out of scope.

        A retired key verifies batches: what it signed while it was active stays true.
        """
        found = self.endorsement(Role.SOURCE, key_id)
        if found.endorsement.subject_id != source_id:
            raise Refused("key-not-endorsed", f"the key is not one of source `{source_id}`", at="source")
        _check_state(found, (KeyState.ACTIVE, KeyState.RETIRED))
        if not Scope.parse(found.endorsement.scope).covers(kind, mode):
            raise Refused("scope", f"`{source_id}` may not send {kind.name.lower()} of mode {mode.name}", at="source")
        return found.signing_key

    def files(self, role: Role) -> dict[str, bytes]:
        """The active files of that role by name; refuses `file-ambiguous` if one name has two."""
        files: dict[str, bytes] = {}
        for (of_role, _), found in self.endorsed.items():
            if of_role is role and role in FILE_ROLES and found.endorsement.state is KeyState.ACTIVE:
                if found.endorsement.subject_id in files:
                    raise Refused(
                        "file-ambiguous", "each file name is endorsed once, one came twice", at=role.name.lower()
                    )
                files[found.endorsement.subject_id] = found.material
        return files

    def file(self, role: Role, name: str) -> bytes:
        """The active file of that role and name; refuses `file-not-endorsed`."""
        files = self.files(role)
        if name not in files:
            raise Refused("file-not-endorsed", f"no endorsement names the file `{name}`", at=role.name.lower())
        return files[name]

    def encode(self) -> bytes:
        """What the reader keeps between runs."""
        return self._encode(_KEPT_VERSION)

    def _encode(self, version: int) -> bytes:
        restores = [restore.encode() for restore in self.restores]
        endorsed = [self.endorsed[place] for place in sorted(self.endorsed)]
        return b"".join(
            (
                _KEPT_TAG,
                SUITE_BYTE,
                u8(version),
                self.genesis,
                self.roster_link,
                lp32(self.roster.text if self.roster else b""),
                lp16(self.directory.encode() if self.directory else b""),
                u32(len(self.verified)),
                *sorted(self.verified),
                *([u16(len(restores)), *restores] if version == _KEPT_VERSION else []),
                u16(len(endorsed)),
                *(lp16(one.endorsement.encode()) + lp32(one.material) for one in endorsed),
            )
        )

    @classmethod
    def decode(cls, kept: bytes) -> Trust:
        """The state that `encode` gave; raises Fault `trust-unreadable`, as nobody else writes these bytes."""
        try:
            return _decode(kept)
        except GatewayError as error:
            raise Fault("trust-unreadable", "what the reader keeps of its trust must be as it was written") from error


def check_time(directory: Dir, now_ms: int) -> None:
    """Refuses `directory-early` or `directory-expired`; a clock may be five minutes behind the operators'."""
    if now_ms < directory.issued_at_ms - CLOCK_SKEW_MS:
        raise Refused(
            "directory-early", "the directory is issued in the future of this clock", at="directory.issued_at"
        )
    if now_ms >= directory.expires_at_ms:
        raise Refused("directory-expired", "the directory has expired", at="directory.expires_at")


def _is_same_tree(before: Dir | None, after: Dir) -> bool:
    return before is not None and (before.size, before.root) == (after.size, after.root)


def _prove(shown: ShownEndorsement, directory: Dir, before: Endorsed | None, present: Endorsed | None) -> Endorsed:
    """The endorsement under the Dir; `before`: the same place under the Dir before, to save parsing its key again."""
    endorsement = shown.endorsement
    if root_from_path(endorsement.leaf, shown.index, directory.size, shown.path) != directory.root:
        raise Refused(
            "endorsement-proof",
            f"the proof of an endorsement of role {endorsement.role.name} must lead to the directory's root",
            at=f"endorsement.{endorsement.subject_id}",
        )
    if present is not None and present.endorsement != endorsement:
        raise Refused(
            "endorsement-doubled", "a directory endorses each key and file once, one came twice", at="directory"
        )
    if before is not None and before.endorsement.key_digest == endorsement.key_digest:
        endorsement.check_material(shown.material)
        return Endorsed(endorsement, before.material, before.verify_key)
    return Endorsed.check(endorsement, shown.material)


def _check_state(found: Endorsed, permitted: tuple[KeyState, ...]) -> None:
    state = found.endorsement.state
    if state not in permitted:
        raise Refused(
            "key-tainted" if state is KeyState.TAINTED else "key-retired",
            f"a key of role {found.endorsement.role.name} must be active here, this one is {state.name.lower()}",
            at=f"endorsement.{found.endorsement.subject_id}",
        )


def _decode(kept: bytes) -> Trust:
    reader = Reader(kept, "kept trust")
    reader.tag(_KEPT_TAG)
    reader.suite()
    version = reader.u8("version")
    if not 1 <= version <= _KEPT_VERSION:
        raise reader.refuse("version", f"1 to {_KEPT_VERSION}")
    genesis, roster_link = reader.take(HASH_BYTES, "genesis"), reader.take(HASH_BYTES, "roster link")
    roster_text = reader.lp32("roster", MAX_TEXT_BYTES)
    directory = reader.lp16("directory", _DIR_BYTES)
    count = reader.u32("link count")
    if count > MAX_LINKS:
        raise reader.refuse("link count", f"at most {MAX_LINKS}")
    verified = frozenset(reader.take(HASH_BYTES, "link") for _ in range(count))
    count = reader.u16("restore count") if version == _KEPT_VERSION else 0
    restores = tuple(Restore.read(reader) for _ in range(count))
    count = reader.u16("endorsement count")
    if count > MAX_ENDORSEMENTS:
        raise reader.refuse("endorsement count", f"at most {MAX_ENDORSEMENTS}")
    endorsed = {}
    for _ in range(count):
        endorsement = parse_endorsement(reader.lp16("endorsement", MAX_ENDORSEMENT_BYTES))
        material = reader.lp32("key or file", MAX_TEXT_BYTES)
        endorsed[(endorsement.role, endorsement.key_id)] = Endorsed.check(endorsement, material)
    reader.done()
    trust = Trust(
        genesis,
        Roster.parse(roster_text) if roster_text else None,
        roster_link,
        parse_dir(directory) if directory else None,
        verified,
        endorsed,
        restores,
    )
    if trust._encode(version) != kept:
        raise reader.refuse("order", "ascending, each once")
    return trust
