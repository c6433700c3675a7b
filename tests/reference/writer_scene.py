"""How scenarios are written: bytes as references to vectors, statements signed for a place, directories over keys.

A BYTES expression is what `protos/vectors/README.md` says: the name of a vector, hexadecimal, a list, or a change of
another. So a signature lies in one place, and a scenario says what is done with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.reference.writer_control import HOUR, NOW, ROLES, SUBJECTS, World
from tests.reference.writer_octets import (
    SUITE,
    Fields,
    KemKey,
    SigningKey,
    Vectors,
    difference,
    fixed,
    h,
    join,
    leaf,
    lp8,
    lp16,
    multiproof,
    opened,
    tag,
    tree_root,
    u8,
    u16,
    u32,
    u64,
)

Octets = str | list["Octets"] | dict[str, object]
Step = dict[str, object]

GENESIS = "control.genesis_link"
# When the story's stream is opened.
THEN = NOW + 30 * HOUR


def raw(*octets: bytes) -> str:
    """Bytes that lie in the scenario itself."""
    return b"".join(octets).hex()


def cut(of: Octets, start: int, end: int, length: int) -> Octets:
    """Bytes `start` to `end` of something of this length."""
    head: Octets = {"of": of, "at": end, "cut": length - end, "insert": ""} if end < length else of
    return {"of": head, "at": 0, "cut": start, "insert": ""} if start else head


def step(message: Octets, **more: object) -> Step:
    """One message of a scenario, with what else its reader is told."""
    return {"message": message, **more}


@dataclass(frozen=True)
class Scene:
    """Where scenarios are written. `world`: the story's keys."""

    vectors: Vectors
    world: World

    def bytes_of(self, octets: Octets) -> bytes:
        """What an expression stands for."""
        if isinstance(octets, list):
            return b"".join(map(self.bytes_of, octets))
        if isinstance(octets, dict):
            of, at, cut_, insert = (octets[name] for name in ("of", "at", "cut", "insert"))
            if not (isinstance(of, (str, list, dict)) and isinstance(at, int) and isinstance(cut_, int)):
                raise TypeError("a change is of bytes, at a place")
            whole = self.bytes_of(of)
            return whole[:at] + bytes.fromhex(str(insert)) + whole[at + cut_ :]
        return self.vectors.made(octets) if "." in octets else bytes.fromhex(octets)

    def changed(self, of: str, wrong: bytes) -> Octets:
        """`wrong` as a change of a vector."""
        return {"of": of, **difference(self.vectors.made(of), wrong)}

    def altered(self, of: str, **fields: bytes) -> Octets:
        """A vector with fields replaced; `_` in a field's name may stand for a space."""
        parts = self.vectors.parts(of)
        names = {name for name, _ in parts}
        given = {name if name in names else name.replace("_", " "): octets for name, octets in fields.items()}
        if not given.keys() <= names:
            raise KeyError(f"`{of}` has no {given.keys() - names}")
        return self.changed(of, b"".join(given.get(name, octets) for name, octets in parts))

    def material(self, name: str, octets: bytes) -> str:
        """Bytes that several scenarios use."""
        self.vectors.octets(f"materials.{name}", octets)
        return f"materials.{name}"

    def signature(self, name: str, who: str, context: str, octets: bytes) -> str:
        """A signature that scenarios use, recorded once."""
        self.vectors.sign(f"materials.{name}", self.world.signers[who], context, octets)
        return f"materials.{name}"

    def add(self, name: str, reader: str, setup: dict[str, object], steps: Sequence[Step], code: str | None) -> None:
        """One scenario; its messages are resolved once, so that no reference leads nowhere."""
        for one in steps:
            message = one["message"]
            if not isinstance(message, (str, list, dict)):
                raise TypeError("a message is bytes")
            self.bytes_of(message)
        self.vectors.scenario(
            f"scenarios.{name}", {"reader": reader, "setup": setup, "steps": list(steps), "code": code}
        )


@dataclass(frozen=True)
class Signed:
    """A statement with its signatures: `octets` is `lp32(St) | lp32(sigs)`."""

    octets: Octets
    link: bytes
    position: int

    def behind(self, roster: bytes) -> Place:
        """The place behind this statement, under the roster of that link."""
        return Place(self.position + 1, self.link, roster)


@dataclass(frozen=True)
class Place:
    """Where the next statement stands."""

    position: int
    prev: bytes
    roster: bytes


@dataclass(frozen=True)
class Statements:
    """Signs statements for any place."""

    scene: Scene

    @property
    def genesis(self) -> Signed:
        """The story's first statement."""
        return self.told("genesis", 0)

    def told(self, name: str, position: int) -> Signed:
        """A statement of the story in `control.json`."""
        vectors = self.scene.vectors
        statement, signatures = (vectors.made(f"control.{name}_{part}") for part in ("statement", "signatures"))
        octets: Octets = [
            raw(u32(len(statement))),
            f"control.{name}_statement",
            raw(u32(len(signatures))),
            f"control.{name}_signatures",
        ]
        return Signed(octets, vectors.made(f"control.{name}_link"), position)

    def sign(
        self,
        name: str,
        kind: int,
        body: bytes,
        by: Sequence[str],
        place: Place,
        *,
        proposed_at: int | None = None,
        life: int = 72 * HOUR,
    ) -> Signed:
        """A statement for this place, under `materials`; an hour a position after the story's beginning."""
        at = NOW + place.position * HOUR if proposed_at is None else proposed_at
        statement = join(
            [
                *opened("statement"),
                ("genesis", self.scene.world.genesis),
                ("position", u64(place.position)),
                ("prev", place.prev),
                ("roster", place.roster),
                ("kind", u8(kind)),
                ("body", u32(len(body)) + body),
                ("proposed_at", u64(at)),
                ("expires_at", u64(at + life)),
            ]
        )
        named = self.scene.material(f"{name}_statement", statement)
        signatures = {who: self.scene.signature(f"{name}_by_{who}", who, "statement", statement) for who in by}
        link = h(tag("statement-link") + SUITE + statement)
        return Signed([raw(u32(len(statement))), named, self.signatures(signatures)], link, place.position)

    def signatures(self, signatures: dict[str, str]) -> Octets:
        """`lp32(sigs)` of these signatures, in order of key id."""
        signers = self.scene.world.signers
        ordered = sorted(signatures, key=lambda who: signers[who].id)
        length = 1 + len(ordered) * (2 + 2624 + 4691)
        octets: list[Octets] = [raw(u32(length), u8(len(ordered)))]
        for who in ordered:
            octets += [raw(u16(2624)), f"keys.{who}", signatures[who]]
        return octets


@dataclass(frozen=True)
class Endorsed:
    """One leaf of a directory. `material`: the key or file beside it; `salt`: what its salt is named after."""

    name: str
    role: int
    subject: str
    digest: bytes
    material: Octets
    length: int
    scope: str = ""
    state: int = 1
    salt: str = ""

    @property
    def encoded(self) -> bytes:
        """E."""
        return join(
            [
                *opened("endorse"),
                ("salt", fixed(f"endorse salt {self.salt or self.name}", 32)),
                ("role", u8(self.role)),
                ("subject_id", lp8(self.subject.encode())),
                ("key_digest", self.digest),
                ("valid_from", u64(NOW - HOUR)),
                ("valid_to", u64(NOW + 365 * 24 * HOUR)),
                ("scope", lp16(self.scope.encode())),
                ("state", u8(self.state)),
            ]
        )


def endorse(world: World, name: str, **changed: object) -> Endorsed:
    """The endorsement of a key of the story, with changes."""
    key: SigningKey | KemKey = (world.signers | world.sealed_to)[name]
    scope = "tactic//SIMULATED" if name == "source" else ""
    made = Endorsed(
        name, ROLES[name], SUBJECTS.get(name, "gateway"), key.digest, f"keys.{name}", len(key.public), scope
    )
    return replace(made, **changed)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Directory:
    """A Dir over these endorsements."""

    dir_no: int
    base_no: int
    endorsed: tuple[Endorsed, ...]
    issued_at: int = NOW
    life: int = 7 * 24 * HOUR

    @property
    def leaves(self) -> list[bytes]:
        """Leaf hashes in order."""
        return [leaf(one.encoded) for one in self.endorsed]

    def body(self, **changed: bytes) -> bytes:
        """Dir, with fields changed."""
        fields: Fields = [
            ("dir_no", u64(self.dir_no)),
            ("base_no", u64(self.base_no)),
            ("size", u32(len(self.endorsed))),
            ("root", tree_root(self.leaves)),
            ("issued_at", u64(self.issued_at)),
            ("expires_at", u64(self.issued_at + self.life)),
        ]
        return b"".join(changed.get(name, octets) for name, octets in fields)

    def shown(self) -> Octets:
        """Every endorsement with its key or file and its path, as a directory message ends."""
        octets: list[Octets] = [raw(u16(len(self.endorsed)))]
        for index, one in enumerate(self.endorsed):
            nodes = multiproof(self.leaves, [index])
            octets += [raw(u32(index), lp16(one.encoded), u32(one.length)), one.material]
            octets.append(raw(u8(len(nodes)), *nodes))
        return octets


def message(statements: Sequence[Signed], shown: Octets) -> Octets:
    """A directory message."""
    return [raw(u16(len(statements))), *(one.octets for one in statements), shown]
