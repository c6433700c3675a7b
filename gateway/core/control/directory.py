"""The directory: every key and file a reader may trust, each endorsed by one leaf of a signed tree.

An endorsement E says what a key or file is for, whose it is, what it may send and in which state it is. A Dir is the
tree over all of them with a number and a life of at most seven days; operators sign it (DIRECTORY), one operator may
repeat it (DIRECTORY-REDATE). A directory message shows a reader the statements it misses and the endorsements it
needs, each with its path, and nothing about anyone else. Source: SPEC.md section 2.

This room builds, parses and checks shape; who signed is for `trust` and `fold`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gateway.core.control.scope import Scope
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE, text_digest
from gateway.core.suite.keys import KEM_KEY_BYTES, SIGN_KEY_BYTES, VerifyKey, key_digest, parse_kem_key
from gateway.core.suite.numbers import (
    DIRECTORY_LIFE_MS,
    HASH_BYTES,
    MAX_DIRECTORY_NO,
    MAX_DIRECTORY_STATEMENTS,
    MAX_ENDORSEMENTS,
    MAX_REDATES,
    MAX_SCOPE_BYTES,
    MAX_TEXT_BYTES,
    SALT_BYTES,
    KeyState,
    Role,
)
from gateway.core.suite.octets import Reader, lp8, lp16, lp32, u8, u16, u32, u64
from gateway.core.suite.tree import leaf_hash, node_hash, tree_root

_TAG = b"SLUICE1/endorse\x00"
MAX_ENDORSEMENT_BYTES = 256 + MAX_SCOPE_BYTES
MAX_PATH_NODES = 32

SIGNING_ROLES = frozenset({Role.SOURCE, Role.GATEWAY_STREAM, Role.GATEWAY_LEDGER, Role.PARTNER_SIGN})
FILE_ROLES = frozenset({Role.VOCABULARY, Role.SCHEMA})
GATEWAY_ROLES = frozenset({Role.GATEWAY_STREAM, Role.GATEWAY_LEDGER, Role.GATEWAY_INGEST})


@dataclass(frozen=True, slots=True)
class Endorsement:
    """E. salt: 32 bytes; key_digest: 48 bytes, of a key or, for a file, its text digest; scope: for sources only."""

    salt: bytes
    role: Role
    subject_id: str
    key_digest: bytes
    valid_from_ms: int
    valid_to_ms: int
    scope: str
    state: KeyState

    def encode(self) -> bytes:
        """The bytes of the leaf."""
        return b"".join(
            (
                _TAG,
                SUITE_BYTE,
                self.salt,
                u8(self.role),
                lp8(self.subject_id.encode("ascii")),
                self.key_digest,
                u64(self.valid_from_ms),
                u64(self.valid_to_ms),
                lp16(self.scope.encode("ascii")),
                u8(self.state),
            )
        )

    @property
    def leaf(self) -> bytes:
        """H(0x00 | E)."""
        return leaf_hash(self.encode())

    @property
    def key_id(self) -> bytes:
        """First 16 bytes of the key digest."""
        return self.key_digest[:16]

    def check_material(self, material: bytes) -> None:
        """Refuses `endorsement-mismatch` unless `material` is the endorsed key or file, of the role's size."""
        if self.role in FILE_ROLES:
            matches = text_digest(self.subject_id, material) == self.key_digest
        else:
            size = SIGN_KEY_BYTES if self.role in SIGNING_ROLES else KEM_KEY_BYTES
            matches = len(material) == size and key_digest(material) == self.key_digest
        if not matches:
            raise Refused(
                "endorsement-mismatch",
                f"the key or file beside an endorsement of role {self.role.name} must be the endorsed one",
                at=f"endorsement.{self.subject_id}",
            )


def parse_endorsement(encoded: bytes) -> Endorsement:
    """E from its bytes; refuses `malformed`, unknown roles and states among it, and a scope that is not one."""
    reader = Reader(encoded, "endorsement")
    reader.tag(_TAG)
    reader.suite()
    salt = reader.take(SALT_BYTES, "salt")
    role = reader.u8("role")
    subject_id = reader.name("subject_id")
    digest_of_key = reader.take(HASH_BYTES, "key_digest")
    valid_from_ms, valid_to_ms = reader.u64("valid_from"), reader.u64("valid_to")
    scope = reader.lp16("scope", MAX_SCOPE_BYTES)
    state = reader.u8("state")
    reader.done()
    if role not in Role.__members__.values():
        raise reader.refuse("role", "a known role")
    if state not in KeyState.__members__.values():
        raise reader.refuse("state", "a known state")
    if valid_from_ms >= valid_to_ms:
        raise reader.refuse("valid_to", "later than `valid_from`")
    if scope and role != Role.SOURCE:
        raise reader.refuse("scope", "empty for all but a source")
    # What is no ASCII is another spelling, and none of them is right.
    text = Scope.parse(scope.decode("latin-1")).text
    return Endorsement(
        salt,
        Role(role),
        subject_id,
        digest_of_key,
        valid_from_ms,
        valid_to_ms,
        text,
        KeyState(state),
    )


@dataclass(frozen=True, slots=True)
class Dir:
    """The body of a DIRECTORY or DIRECTORY-REDATE. root: 48 bytes over the leaves of `size` endorsements."""

    dir_no: int
    base_no: int
    size: int
    root: bytes
    issued_at_ms: int
    expires_at_ms: int

    def encode(self) -> bytes:
        """The body's bytes."""
        return (
            u64(self.dir_no)
            + u64(self.base_no)
            + u32(self.size)
            + self.root
            + u64(self.issued_at_ms)
            + u64(self.expires_at_ms)
        )

    def repeats(self, other: Dir) -> bool:
        """Whether base, size and root are those of `other`: what a re-date may not change."""
        return (self.base_no, self.size, self.root) == (other.base_no, other.size, other.root)


def parse_dir(body: bytes) -> Dir:
    """Dir from a statement's body; refuses `malformed`, a life over seven days among it.

    The bounds on both numbers are what keeps one operator, who may re-date alone, from using them up.
    """
    reader = Reader(body, "directory")
    dir_no, base_no, size = reader.u64("dir_no"), reader.u64("base_no"), reader.u32("size")
    root = reader.take(HASH_BYTES, "root")
    issued_at_ms, expires_at_ms = reader.u64("issued_at"), reader.u64("expires_at")
    reader.done()
    if not 1 <= base_no <= min(dir_no, MAX_DIRECTORY_NO):
        raise reader.refuse("base_no", "1 to dir_no and below 2^48")
    if dir_no - base_no > MAX_REDATES:
        raise reader.refuse("dir_no", f"above base_no by at most {MAX_REDATES}")
    if not 1 <= size <= MAX_ENDORSEMENTS:
        raise reader.refuse("size", f"1 to {MAX_ENDORSEMENTS}")
    if not 0 < expires_at_ms - issued_at_ms <= DIRECTORY_LIFE_MS:
        raise reader.refuse("expires_at", "later than `issued_at` by at most seven days")
    return Dir(dir_no, base_no, size, root, issued_at_ms, expires_at_ms)


def build_directory(
    endorsements: Sequence[Endorsement], *, dir_no: int, issued_at_ms: int, expires_at_ms: int
) -> tuple[Dir, tuple[bytes, ...]]:
    """A quorum's Dir over the endorsements in their order, and its leaves."""
    leaves = tuple(endorsement.leaf for endorsement in endorsements)
    return Dir(dir_no, dir_no, len(leaves), tree_root(leaves), issued_at_ms, expires_at_ms), leaves


def redate(base: Dir, *, dir_no: int, issued_at_ms: int, expires_at_ms: int) -> Dir:
    """The same tree under a new number and date: what one operator may sign."""
    return Dir(dir_no, base.base_no, base.size, base.root, issued_at_ms, expires_at_ms)


def check_endorsements_differ(endorsements: Sequence[Endorsement]) -> None:
    """Refuses `endorsement-doubled` unless each key or file is endorsed once, in one role."""
    if len({one.key_digest for one in endorsements}) != len(endorsements):
        raise Refused("endorsement-doubled", "a directory endorses each key and file once", at="directory")


@dataclass(frozen=True, slots=True)
class Endorsed:
    """An endorsement with its key or file.

    verify_key: the parsed key of a signing role, None for all others.
    """

    endorsement: Endorsement
    material: bytes
    verify_key: VerifyKey | None

    @classmethod
    def check(cls, endorsement: Endorsement, material: bytes) -> Endorsed:
        """Refuses `endorsement-mismatch` unless they belong together, and `key-malformed`."""
        endorsement.check_material(material)
        if endorsement.role in SIGNING_ROLES:
            return cls(endorsement, material, VerifyKey.parse(material))
        if endorsement.role not in FILE_ROLES:
            parse_kem_key(material)
        return cls(endorsement, material, None)

    @property
    def signing_key(self) -> VerifyKey:
        """The key of a signing role; refuses `key-cannot-sign` for any other."""
        if self.verify_key is None:
            raise Refused(
                "key-cannot-sign", f"a key of role {self.endorsement.role.name} signs nothing", at="endorsement"
            )
        return self.verify_key


@dataclass(frozen=True, slots=True)
class ShownEndorsement:
    """An endorsement as a directory message shows it. path: from the leaf at `index` up."""

    index: int
    endorsement: Endorsement
    material: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class DirectoryMessage:
    """What brings a reader up to date. statements: ascending position; shown: ascending index."""

    statements: tuple[SignedStatement, ...]
    shown: tuple[ShownEndorsement, ...]

    def encode(self) -> bytes:
        """The message without its type byte."""
        parts = [u16(len(self.statements))]
        parts += [signed.encode() for signed in self.statements]
        parts.append(u16(len(self.shown)))
        for one in self.shown:
            parts += [u32(one.index), lp16(one.endorsement.encode()), lp32(one.material), u8(len(one.path)), *one.path]
        return b"".join(parts)


def parse_directory_message(encoded: bytes) -> DirectoryMessage:
    """The message from its bytes without the type byte; refuses `malformed`. Verifies no signature and no path."""
    reader = Reader(encoded, "directory message")
    count = reader.u16("statement count")
    if count > MAX_DIRECTORY_STATEMENTS:
        raise reader.refuse("statement count", f"at most {MAX_DIRECTORY_STATEMENTS}")
    statements = tuple(SignedStatement.read(reader) for _ in range(count))
    if any(a.statement.position >= b.statement.position for a, b in pairwise(statements)):
        raise reader.refuse("statements", "in ascending position")
    count = reader.u16("endorsement count")
    if count > MAX_ENDORSEMENTS:
        raise reader.refuse("endorsement count", f"at most {MAX_ENDORSEMENTS}")
    shown = tuple(_read_shown(reader) for _ in range(count))
    if any(a.index >= b.index for a, b in pairwise(shown)):
        raise reader.refuse("endorsements", "in ascending index")
    reader.done()
    return DirectoryMessage(statements, shown)


def _read_shown(reader: Reader) -> ShownEndorsement:
    index = reader.u32("index")
    endorsement = parse_endorsement(reader.lp16("endorsement", MAX_ENDORSEMENT_BYTES))
    material = reader.lp32("key or file", MAX_TEXT_BYTES)
    nodes = reader.u8("path length")
    if nodes > MAX_PATH_NODES:
        raise reader.refuse("path length", f"at most {MAX_PATH_NODES}")
    path = tuple(reader.take(HASH_BYTES, "path") for _ in range(nodes))
    return ShownEndorsement(index, endorsement, material, path)


def show_endorsements(endorsed: Sequence[Endorsed], leaves: Sequence[bytes]) -> tuple[ShownEndorsement, ...]:
    """Every endorsement with its path, in the order of the leaves. Costs one tree, not one a path."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        levels.append(above + below[len(above) * 2 :])
    shown = []
    for index, one in enumerate(endorsed):
        siblings = ((level, (index >> height) ^ 1) for height, level in enumerate(levels[:-1]))
        path = tuple(level[sibling] for level, sibling in siblings if sibling < len(level))
        shown.append(ShownEndorsement(index, one.endorsement, one.material, path))
    return tuple(shown)
