"""Statements, their signatures, rosters, the directory and its endorsements. SPEC.md sections 2.1, 2.3 and 2.8."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from . import texts
from .octets import HL, IDENTIFIER, ZERO, Cut, Refusal, h, require, tag
from .suite import SIGNATURE, SIGNING_KEY, Memory, key_digest

GENESIS, PROPOSE, ROSTER, OBJECT, DIRECTORY, REDATE, SOURCE, PARTNER, AGREEMENT, END, GUIDE, VOCABULARY, EQUIVALENCE = (
    range(1, 14)
)
HOLD, SUSPEND, LOCKDOWN, LIFT, TAINT, REVOKE, TIME, RESTORE = range(16, 24)
ONE_SIGNATURE = {OBJECT, REDATE, END, 14, HOLD, SUSPEND, LOCKDOWN, TAINT, REVOKE}
HOUR = 3_600_000
DAY = 24 * HOUR
(
    ROLE_SOURCE,
    ROLE_STREAM,
    ROLE_LEDGER,
    ROLE_INGEST,
    ROLE_PARTNER_KEM,
    ROLE_PARTNER_SIGN,
    ROLE_VOCABULARY,
    ROLE_SCHEMA,
) = range(1, 9)
ACTIVE, RETIRED, TAINTED = 1, 2, 3


@dataclass(frozen=True)
class Statement:
    """St: what operators sign (2.1)."""

    raw: bytes
    genesis: bytes
    position: int
    prev: bytes
    roster: bytes
    kind: int
    body: bytes
    proposed_at: int
    expires_at: int

    @classmethod
    def parse(cls, raw: bytes) -> Statement:
        """The statement of the bytes."""
        cut = Cut(raw, "statement").tagged("statement")
        read = cls(
            raw,
            genesis=cut.take(HL, "genesis"),
            position=cut.number(8, "position"),
            prev=cut.take(HL, "prev"),
            roster=cut.take(HL, "roster"),
            kind=cut.listed(1, "kind", range(1, 24)),
            body=cut.prefixed(4, "body", 65_536),
            proposed_at=cut.number(8, "proposed_at"),
            expires_at=cut.number(8, "expires_at"),
        )
        cut.end()
        # In the first statement, and in no other, these are zero, and the kind is GENESIS.
        first = [read.genesis == ZERO, read.prev == ZERO, read.roster == ZERO, read.position == 0, read.kind == GENESIS]
        require(all(first) or not any(first), "malformed", "statement.genesis")
        return read

    @property
    def link(self) -> bytes:
        """The hash that names the statement."""
        return h(tag("statement-link"), self.raw)


def parse_signatures(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Public key and signature of each signer, in strictly ascending order of key id."""
    cut = Cut(raw, "signatures")
    signed = []
    for _ in range(cut.number(1, "n", 1, 48)):
        key = cut.prefixed(2, "key", SIGNING_KEY, SIGNING_KEY)
        signed.append((key, cut.take(SIGNATURE, "signature")))
    cut.end()
    ids = [key_digest(key)[:16] for key, _ in signed]
    require(all(a < b for a, b in itertools.pairwise(ids)), "malformed", "signatures.order")
    return signed


@dataclass(frozen=True)
class Roster:
    """Who the operators are and how many it takes (2.3). Keys are key digests."""

    operators: frozenset[bytes]
    recovery: frozenset[bytes]
    quorum: int
    recovery_quorum: int
    wait_ms: int

    @classmethod
    def parse(cls, raw: bytes) -> Roster:
        """The roster of a text."""
        member: dict[str, texts.Rule] = {"id": texts.form(IDENTIFIER), "key": texts.KEY}
        rows = texts.rows(
            texts.table(
                {
                    "quorum": texts.whole(0, 2**63 - 1),
                    "wait_hours": texts.whole(1, 2160),
                    "recovery_quorum": texts.whole(0, 2**63 - 1),
                    "operator": texts.listing(texts.table({**member, "person": member["id"]}), once=False),
                    "recovery": texts.listing(texts.table(member), once=False),
                }
            )(texts.read_text(raw, "roster"), "roster"),
            "roster",
        )
        operators, recovery = rows["operator"], rows["recovery"]
        everyone = [*operators, *recovery]
        ids = {one["id"].lower() for one in everyone}
        persons = {one["person"].lower() for one in operators}
        keys = {one["key"] for one in everyone}
        safe = (
            2 <= len(operators) <= 16
            and len(recovery) <= 16
            and 2 <= rows["quorum"] <= len(operators)
            and 1 <= rows["recovery_quorum"] <= len(recovery)
            and len(ids) == len(everyone) == len(keys)
            and len(persons) == len(operators)
        )
        require(safe, "roster-unsafe", "roster")
        return cls(
            operators=frozenset(bytes.fromhex(one["key"]) for one in operators),
            recovery=frozenset(bytes.fromhex(one["key"]) for one in recovery),
            quorum=rows["quorum"],
            recovery_quorum=rows["recovery_quorum"],
            wait_ms=rows["wait_hours"] * HOUR,
        )


@dataclass(frozen=True)
class Proposal:
    """A ROSTER-PROPOSE that counts: the next roster, and whose proposal it is."""

    roster: Roster
    text: bytes
    proposed_at: int
    is_recovery: bool


def signers(statement: Statement, sigs: bytes, members: frozenset[bytes], memory: Memory) -> frozenset[bytes]:
    """Key digests of those who signed; every signature verifies and is of a member (2.1)."""
    signed = parse_signatures(sigs)
    # Nothing is computed with the key of a stranger.
    digests = frozenset(key_digest(key) for key, _ in signed)
    require(digests <= members, "signer-unknown", "signatures.key")
    for key, signature in signed:
        memory.verify(key, "statement", statement.raw, signature, "statement-signature")
    return digests


def check_signed(
    statement: Statement, sigs: bytes, roster: Roster, memory: Memory, proposal: Proposal | None = None
) -> None:
    """Nothing, if those signed whom section 2.3 asks for the kind, under the roster in force.

    `proposal` is the one that a ROSTER completes or an OBJECT objects to.
    """
    members, needed = roster.operators, roster.quorum
    if statement.kind == GENESIS:
        needed = len(members)
    elif statement.kind == ROSTER and proposal and proposal.is_recovery:
        members, needed = roster.recovery, roster.recovery_quorum
    elif statement.kind in ONE_SIGNATURE and not (statement.kind == OBJECT and proposal and proposal.is_recovery):
        needed = 1
    signed = signers(statement, sigs, members, memory)
    require(len(signed) >= needed, "signatures-too-few", "signatures")


def check_proposed(statement: Statement, sigs: bytes, roster: Roster, memory: Memory) -> Proposal:
    """The proposal of a ROSTER-PROPOSE, each set of its signers counted for itself (2.3)."""
    proposed = Roster.parse(statement.body)
    signed = signers(statement, sigs, roster.operators | roster.recovery | proposed.operators, memory)
    by_operators = len(signed & roster.operators) >= roster.quorum
    enough = by_operators or len(signed & roster.recovery) >= roster.recovery_quorum
    require(enough and len(signed & proposed.operators) >= proposed.quorum, "signatures-too-few", "signatures")
    return Proposal(proposed, statement.body, statement.proposed_at, not by_operators)


def check_succession(statement: Statement, proposals: dict[bytes, Proposal]) -> Proposal:
    """The proposal that a ROSTER names."""
    link = bytes.fromhex(str(texts.body_text(ROSTER, statement.body, "roster")["proposal"]))
    if link not in proposals:
        raise Refusal("roster-proposal", "roster.proposal")
    return proposals[link]


@dataclass(frozen=True)
class Dir:
    """The signed list of every key and file a reader may trust (2.8)."""

    dir_no: int
    base_no: int
    size: int
    root: bytes
    issued_at: int
    expires_at: int

    @classmethod
    def parse(cls, raw: bytes) -> Dir:
        """The Dir of the bytes."""
        cut = Cut(raw, "directory")
        read = cls(
            dir_no=cut.number(8, "dir_no", 1),
            base_no=cut.number(8, "base_no", 1, 2**48 - 1),
            size=cut.number(4, "size", 1, 4096),
            root=cut.take(HL, "root"),
            issued_at=cut.number(8, "issued_at"),
            expires_at=cut.number(8, "expires_at"),
        )
        cut.end()
        require(0 <= read.dir_no - read.base_no <= 65_536, "malformed", "directory.dir_no")
        dated = read.issued_at < read.expires_at <= read.issued_at + 7 * DAY
        require(dated, "malformed", "directory.expires_at")
        return read

    @property
    def base(self) -> tuple[int, int, bytes]:
        """What a re-date repeats."""
        return self.base_no, self.size, self.root


@dataclass(frozen=True)
class Endorsement:
    """E: one leaf of the directory (2.8)."""

    raw: bytes
    role: int
    subject_id: str
    key_digest: bytes
    kinds: frozenset[int]
    modes: frozenset[int]
    state: int

    @classmethod
    def parse(cls, raw: bytes) -> Endorsement:
        """The endorsement of the bytes."""
        cut = Cut(raw, "endorsement").tagged("endorse")
        cut.take(32, "salt")
        role = cut.listed(1, "role", range(1, 9))
        subject = cut.identifier("subject_id")
        digest = cut.take(HL, "key_digest")
        valid_from, valid_to = cut.number(8, "valid_from"), cut.number(8, "valid_to")
        spelled = cut.prefixed(2, "scope", 128).decode("latin-1")
        state = cut.listed(1, "state", range(1, 4))
        cut.end()
        require(valid_from < valid_to, "malformed", "endorsement.valid_to")
        require(role == ROLE_SOURCE or not spelled, "malformed", "endorsement.scope")
        kinds, modes = texts.scope(spelled, "endorsement.scope")
        return cls(raw, role, subject, digest, kinds, modes, state)


@dataclass(frozen=True)
class Restore:
    """The body of a RESTORE: what follows on which incarnation (2.12)."""

    old: bytes
    new: bytes
    last_tick: int
    tick_digest: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Restore:
        """The body of the bytes."""
        cut = Cut(raw, "restore")
        read = cls(cut.take(16, "old"), cut.take(16, "new"), cut.number(8, "last tick"), cut.take(HL, "H(K)"))
        cut.end()
        named = any(read.old) and any(read.new) and read.old != read.new
        require(named and (any(read.tick_digest) or not read.last_tick), "malformed", "restore.new")
        return read

    def keeps(self, incarnation: bytes, tick: int) -> bool:
        """The last tick kept is this one; a zero H(K) says that none was."""
        return any(self.tick_digest) and (self.old, self.last_tick) == (incarnation, tick)
