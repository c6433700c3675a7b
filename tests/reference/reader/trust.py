"""What a reader trusts, and what changes it: the directory message. SPEC.md sections 2.8 and 2.9."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass

from . import statements as st
from .octets import HL, Cut, Refusal, require
from .statements import Dir, Endorsement, Proposal, Restore, Roster, Statement
from .suite import KEM_KEY, SIGNING_KEY, Memory, check_kem_key, key_digest, text_digest
from .trees import climb, leaf

SKEW = 300_000


def check_endorsed(endorsement: Endorsement, beside: bytes) -> None:
    """Nothing, if the key or file beside an endorsement is the endorsed one, and of the size of its role."""
    if endorsement.role in {st.ROLE_VOCABULARY, st.ROLE_SCHEMA}:
        right = len(beside) <= 65_536 and text_digest(endorsement.subject_id, beside) == endorsement.key_digest
        require(right, "endorsement-mismatch", "endorsement.key_digest")
        return
    is_kem = endorsement.role in {st.ROLE_INGEST, st.ROLE_PARTNER_KEM}
    right = key_digest(beside) == endorsement.key_digest and len(beside) == (KEM_KEY if is_kem else SIGNING_KEY)
    require(right, "endorsement-mismatch", "endorsement.key_digest")
    if is_kem:
        check_kem_key(beside, "endorsement.key")


def check_way(before: tuple[Restore, ...], restore: Restore) -> None:
    """Nothing, if from each incarnation there still is one way on, and none back (2.12)."""
    for one in before:
        another = restore.old == one.old or restore.new == one.new
        require(one == restore or not another, "restore-contradicts", "restore.old")
    reached, ways = restore.new, {one.old: one.new for one in (*before, restore)}
    for _ in ways:
        reached = ways.get(reached, reached)
        require(reached != restore.new or restore.new not in ways, "restore-contradicts", "restore.new")


@dataclass(frozen=True)
class Sent:
    """One endorsement of a directory message, parsed and not yet believed."""

    index: int
    endorsement: Endorsement
    beside: bytes
    nodes: list[bytes]


def parse_message(message: bytes) -> tuple[list[tuple[Statement, bytes]], list[Sent]]:
    """Statements with their signatures, and endorsements, of a directory message."""
    cut = Cut(message, "directory message")
    signed = []
    for _ in range(cut.number(2, "statement count", 0, 256)):
        statement = Statement.parse(cut.prefixed(4, "statement", 66_000))
        signed.append((statement, cut.prefixed(4, "signatures", 360_000)))
        # They parse whether the statement is new to the reader or not.
        st.parse_signatures(signed[-1][1])
    places = [statement.position for statement, _ in signed]
    require(all(a < b for a, b in itertools.pairwise(places)), "malformed", "directory message.position")
    sent: list[Sent] = []
    for _ in range(cut.number(2, "endorsement count", 0, 4096)):
        index = cut.number(4, "index", sent[-1].index + 1 if sent else 0)
        endorsement = Endorsement.parse(cut.prefixed(2, "endorsement", 400))
        sent.append(Sent(index, endorsement, cut.prefixed(4, "key or file", 65_536), cut.hashes(1, "nodes", 32)))
    cut.end()
    return signed, sent


class Trust:
    """Genesis, roster in force, newest Dir, and the keys and files endorsed under it.

    `genesis` is 48 bytes that came out of band. A profile also names the roster in force when it was made, and a reader
    that has one starts from it. What is held is never changed in place, so that a copy costs nothing.
    """

    def __init__(self, genesis: bytes, memory: Memory, roster_link: bytes = b"", roster_text: bytes = b"") -> None:
        require(len(genesis) == HL and any(genesis), "genesis-malformed", "genesis")
        self.genesis = genesis
        self.memory = memory
        self.roster = Roster.parse(roster_text) if roster_text else None
        self.roster_link = roster_link
        self.counted: frozenset[bytes] = frozenset({genesis, roster_link} if roster_text else ())
        self.proposals: dict[bytes, Proposal] = {}
        self.restores: tuple[Restore, ...] = ()
        self.dir: Dir | None = None
        self.highest = 0
        self.endorsed: dict[bytes, tuple[Endorsement, bytes]] = {}

    def copy(self) -> Trust:
        """The same trust, to go on from."""
        return copy.copy(self)

    @property
    def dir_no(self) -> int:
        """Number of the newest Dir, 0 for none."""
        return self.dir.dir_no if self.dir else 0

    def take(self, message: bytes, now_ms: int) -> None:
        """Takes a directory message whole, or not at all (2.9)."""
        signed, sent = parse_message(message)
        draft = self.copy()
        sent_links = frozenset(statement.link for statement, _ in signed)
        for statement, sigs in signed:
            draft._count(statement, sigs, sent_links)
        if draft.dir is None:
            raise Refusal("directory-missing", "directory message")
        # 6. This, and T's `not_after`, are a reader's only clock checks.
        require(now_ms >= draft.dir.issued_at - SKEW, "directory-early", "directory.issued_at")
        require(now_ms < draft.dir.expires_at, "directory-expired", "directory.expires_at")
        for one in sent:
            draft._endorse(one, draft.dir)
        self.__dict__.update(draft.__dict__)

    def _count(self, statement: Statement, sigs: bytes, sent_links: frozenset[bytes]) -> None:
        link = statement.link
        # 1. What was verified is skipped; `position` never decides.
        if link in self.counted:
            return
        # 2. The genesis opens everything.
        if self.roster is None:
            require(statement.kind == st.GENESIS, "roster-missing", "directory message")
            require(link == self.genesis, "statement-genesis", "statement")
            roster = Roster.parse(statement.body)
            st.check_signed(statement, sigs, roster, self.memory)
            self._into_force(link, roster)
            return
        require(statement.genesis == self.genesis, "statement-genesis", "statement.genesis")
        # 3. Only what names the newest roster counts, or removed operators could sign for ever.
        known = {st.PROPOSE, st.ROSTER, st.DIRECTORY, st.REDATE, st.RESTORE}
        require(statement.kind in known, "statement-unexpected", "statement.kind")
        if self.roster_link != statement.roster:
            require(statement.kind in {st.PROPOSE, st.ROSTER}, "roster-not-in-force", "statement.roster")
            return
        # 4. and 5.
        if statement.kind == st.PROPOSE:
            proposal = st.check_proposed(statement, sigs, self.roster, self.memory)
            self.proposals = {**self.proposals, link: proposal}
            self.counted |= {link}
        elif statement.kind == st.ROSTER:
            # It comes with its PROPOSE, which may have counted before.
            beside = {name: one for name, one in self.proposals.items() if name in sent_links}
            proposal = st.check_succession(statement, beside)
            st.check_signed(statement, sigs, self.roster, self.memory, proposal)
            waited = statement.proposed_at - proposal.proposed_at >= self.roster.wait_ms
            require(waited, "roster-too-soon", "statement.proposed_at")
            self._into_force(link, proposal.roster)
        elif statement.kind == st.RESTORE:
            st.check_signed(statement, sigs, self.roster, self.memory)
            restore = Restore.parse(statement.body)
            check_way(self.restores, restore)
            self.restores = (*self.restores, restore)
            self.counted |= {link}
        else:
            self._take_dir(statement, sigs, self.roster)
            self.counted |= {link}

    def _into_force(self, link: bytes, roster: Roster) -> None:
        # What the roster before endorsed counts no more, and proposals made under it are void.
        self.roster, self.roster_link = roster, link
        self.counted |= {link}
        self.proposals, self.dir, self.endorsed = {}, None, {}

    def _take_dir(self, statement: Statement, sigs: bytes, roster: Roster) -> None:
        st.check_signed(statement, sigs, roster, self.memory)
        read = Dir.parse(statement.body)
        is_base = statement.kind == st.DIRECTORY
        require(not is_base or read.dir_no == read.base_no, "directory-base", "directory.base_no")
        # Neither number ever decreases, whatever roster they were signed under.
        require(read.dir_no > self.highest, "directory-decreasing", "directory.dir_no")
        held = self.dir
        require(is_base or (held is not None and held.base == read.base), "redate-base", "directory.base_no")
        if held is None or held.root != read.root or held.size != read.size:
            self.endorsed = {}
        self.dir, self.highest = read, read.dir_no

    def _endorse(self, sent: Sent, newest: Dir) -> None:
        # 7. Proof, then what lies beside it, then that no other one contradicts it.
        endorsement = sent.endorsement
        require(sent.index < newest.size, "proof-malformed", "directory message.index")
        root = climb({sent.index: leaf(endorsement.raw)}, newest.size, sent.nodes)
        require(root == newest.root, "endorsement-proof", "directory message.nodes")
        check_endorsed(endorsement, sent.beside)
        for other, _ in self.endorsed.values():
            same = (other.role, other.key_digest[:16]) == (endorsement.role, endorsement.key_digest[:16])
            require(not same or other.raw == endorsement.raw, "endorsement-doubled", "endorsement.key_digest")
        self.endorsed = {**self.endorsed, endorsement.raw: (endorsement, sent.beside)}

    def find(
        self, role: int, key_id: bytes, subject_id: str | None, *, retired: bool = False
    ) -> tuple[Endorsement, bytes]:
        """Endorsement and key of that role, key id and subject, in a state that permits the use.

        Role, subject and state are checked each time a key is used (2.9). Without a subject it is the gateway, of which
        a Dir has one. Only B verifies under a retired key, and nothing under a tainted one.
        """
        for endorsement, key in self.endorsed.values():
            named = endorsement.role == role and endorsement.key_digest[:16] == key_id
            if named and subject_id in {None, endorsement.subject_id}:
                require(endorsement.state != st.TAINTED, "key-tainted", "endorsement.state")
                require(endorsement.state == st.ACTIVE or retired, "key-retired", "endorsement.state")
                return endorsement, key
        raise Refusal("key-not-endorsed", "endorsement")

    def file(self, role: int, name: str) -> bytes:
        """The file endorsed under that name: active, and once."""
        found = [
            beside
            for endorsement, beside in self.endorsed.values()
            if (endorsement.role, endorsement.subject_id, endorsement.state) == (role, name, st.ACTIVE)
        ]
        require(found, "file-not-endorsed", "endorsement.subject_id")
        require(len(found) == 1, "file-ambiguous", "endorsement.subject_id")
        return found[0]
