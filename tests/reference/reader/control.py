"""The CONTROL journal as an auditor reads it: every check of it that its bytes allow. SPEC.md sections 2.3 to 2.10.

The clock of an entry is its own `applied_at`: what the gateway's clock said. No other clock is asked.
"""

from __future__ import annotations

import copy
import itertools

from . import statements as st
from . import texts
from .enrol import Bundle, Entry, parse_list
from .guide import Guide
from .kinds import SCHEMAS
from .labels import Label, Vocabulary
from .octets import Refusal, require
from .origin import Unpacked
from .statements import Dir, Endorsement, Proposal, Restore, Roster, check_signed
from .stops import Stopped
from .suite import Memory, key_digest, text_digest
from .trees import leaf, root
from .trust import SKEW, Trust, check_endorsed, check_way


class ControlReader(Stopped):
    """The state that a CONTROL journal leads to, entry by entry.

    `genesis` and `roster` are those in force, `parties` the admitted ones by (`source` or `partner`, id). The rest is
    in force too: `vocabularies`, `agreements`, `guide`, and `dir`, the newest Dir, with `endorsed` under it.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory
        self.position = 0
        self.head = b""
        self.genesis = b""
        self.roster: Roster | None = None
        self.roster_link = b""
        self.roster_text = b""
        self.applied_at = 0
        self.proposals: dict[bytes, tuple[Proposal, int]] = {}
        self.used: dict[object, object] = {}
        self.parties: dict[tuple[str, str], dict[str, object]] = {}
        self.keys: dict[bytes, bytes] = {}
        self.scopes: dict[bytes, object] = {}
        self.agreements: dict[str, bytes] = {}
        self.ended: frozenset[str] = frozenset()
        self.vocabularies: dict[str, tuple[bytes, Vocabulary]] = {}
        self.table: tuple[str, bytes] = ("", b"")
        self.guide: Guide | None = None
        self.dir: Dir | None = None
        self.dir_roster = b""
        self.endorsed: dict[bytes, tuple[Endorsement, bytes]] = {}
        self.restores: tuple[Restore, ...] = ()
        self.counts: dict[str, int] = {}

    def copy(self) -> ControlReader:
        """The same journal as far as it was read."""
        return copy.copy(self)

    def trust(self) -> Trust:
        """What the journal endorses, as a reader's trust, to check batches by."""
        trust = Trust(self.genesis, self.memory)
        trust.dir, trust.endorsed = self.dir, {one.raw: (one, beside) for one, beside in self.endorsed.values()}
        return trust

    def take(self, entry: bytes) -> None:
        """Takes the next entry, or nothing of it."""
        read = Entry.parse(entry)
        draft = self.copy()
        draft._check(read)
        statement = read.statement
        draft.position, draft.head, draft.applied_at = self.position + 1, statement.link, read.applied_at
        draft.counts = {**self.counts, "statements": self.counts.get("statements", 0) + 1}
        self.__dict__.update(draft.__dict__)

    def _check(self, entry: Entry) -> None:
        """Place, time, kind, signatures, body, in the order of section 2.4."""
        statement, now = entry.statement, entry.applied_at
        # 1.
        if self.roster is None:
            require(statement.kind == st.GENESIS, "statement-genesis", "statement.kind")
        else:
            require(statement.genesis == self.genesis, "statement-genesis", "statement.genesis")
            require(statement.position == self.position, "stale-change", "statement.position")
            require(statement.prev == self.head, "stale-change", "statement.prev")
            require(statement.roster == self.roster_link, "roster-not-in-force", "statement.roster")
        # 2.
        require(now >= self.applied_at, "clock-behind", "entry.applied_at")
        require(now < statement.expires_at, "statement-expired", "statement.expires_at")
        require(statement.proposed_at <= now + SKEW, "statement-early", "statement.proposed_at")
        # 3. to 5.
        rules = {
            st.GENESIS: self._genesis,
            st.PROPOSE: self._propose,
            st.ROSTER: self._succeed,
            st.OBJECT: self._object,
            st.DIRECTORY: self._directory,
            st.REDATE: self._redate,
            st.SOURCE: self._admit,
            st.PARTNER: self._admit,
            st.AGREEMENT: self._agree,
            st.END: self._end,
            st.GUIDE: self._guide,
            st.VOCABULARY: self._vocabulary,
            st.EQUIVALENCE: self._equate,
            st.SUSPEND: self._suspend,
            st.HOLD: self._hold,
            st.LOCKDOWN: self._hold,
            st.LIFT: self._lift,
            st.TAINT: self._stop_key,
            st.REVOKE: self._stop_key,
            st.TIME: self._time,
            st.RESTORE: self._restore,
        }
        require(statement.kind in rules, "statement-not-built", "statement.kind")
        rules[statement.kind](entry)

    def _signed(self, entry: Entry, proposal: Proposal | None = None) -> None:
        if self.roster is None:
            raise Refusal("roster-missing", "statement.kind")
        check_signed(entry.statement, entry.signatures, self.roster, self.memory, proposal)
        _check_beside(entry)

    def _once(self, name: tuple[str, object], at: str, owner: object = None) -> None:
        """No id is used a second time, a key has one owner, an identity one party, a root one trust domain."""
        code = {"key": "key-reused", "identity": "identity-taken", "root": "root-bound"}.get(name[0], "id-reused")
        require(name not in self.used or (owner is not None and self.used[name] == owner), code, at)
        self.used = {**self.used, name: owner}

    def _genesis(self, entry: Entry) -> None:
        roster = Roster.parse(entry.statement.body)
        check_signed(entry.statement, entry.signatures, roster, self.memory)
        _check_beside(entry)
        self.genesis, self.roster, self.roster_link = entry.statement.link, roster, entry.statement.link
        self.roster_text = entry.statement.body
        self._own(roster)

    def _own(self, roster: Roster) -> None:
        for digest in roster.operators | roster.recovery:
            role = "operator" if digest in roster.operators else "recovery"
            self._once(("key", digest), "roster.key", role)

    def _propose(self, entry: Entry) -> None:
        if self.roster is None:
            raise Refusal("roster-missing", "statement.kind")
        proposal = st.check_proposed(entry.statement, entry.signatures, self.roster, self.memory)
        _check_beside(entry)
        same = texts.read_text(proposal.text, "roster") == texts.read_text(self.roster_text, "roster")
        require(not same, "nothing-to-change", "statement.body")
        self.copy()._own(proposal.roster)
        self.proposals = {**self.proposals, entry.statement.link: (proposal, entry.applied_at)}

    def _succeed(self, entry: Entry) -> None:
        link = bytes.fromhex(str(texts.body_text(st.ROSTER, entry.statement.body, "roster")["proposal"]))
        require(link in self.proposals, "proposal-unknown", "roster.proposal")
        proposal = self.proposals[link][0]
        self._signed(entry, proposal)
        wait = self.roster.wait_ms if self.roster else 0
        # The wait is measured by what operators wrote, and by the gateway's clock.
        waited = entry.statement.proposed_at - proposal.proposed_at >= wait
        require(
            waited and entry.applied_at - self.proposals[link][1] >= wait, "roster-too-soon", "statement.proposed_at"
        )
        require(link not in self.objected, "roster-objected", "roster.proposal")
        self.roster, self.roster_link = proposal.roster, entry.statement.link
        self.roster_text = proposal.text
        self.proposals, self.objected = {}, frozenset()
        self._own(proposal.roster)

    def _object(self, entry: Entry) -> None:
        self._signed(entry)
        body = texts.body_text(st.OBJECT, entry.statement.body, "object")
        link = bytes.fromhex(str(body["proposal"]))
        require(link in self.proposals, "proposal-unknown", "object.proposal")
        # How many it takes depends on whose proposal it is.
        self._signed(entry, self.proposals[link][0])
        require(link not in self.objected, "nothing-to-change", "object.proposal")
        self.objected |= {link}

    def _time(self, entry: Entry) -> None:
        """The clock of the entry is the wall clock, and the quorum says that it is right (2.14)."""
        self._signed(entry)
        body = texts.body_text(st.TIME, entry.statement.body, "time")
        begin, end = int(str(body["from"])), int(str(body["until"]))
        require(0 < end - begin <= 24 * st.HOUR, "text-value", "time.until")
        require(begin <= entry.applied_at < end, "time-outside", "entry.applied_at")

    def _restore(self, entry: Entry) -> None:
        self._signed(entry)
        restore = Restore.parse(entry.statement.body)
        # It goes on from the life that the one before began, and never back (2.12).
        require(not self.restores or self.restores[-1].new == restore.old, "restore-contradicts", "restore.old")
        check_way(self.restores, restore)
        self.restores = (*self.restores, restore)

    def _admit(self, entry: Entry) -> None:
        """A SOURCE or PARTNER, with its bundle."""
        self._signed(entry)
        is_source = entry.statement.kind == st.SOURCE
        body = texts.body_text(entry.statement.kind, entry.statement.body, "admission")
        bundle = Bundle.parse(entry.attachments[0], self.memory)
        named = (
            {st.ROLE_SOURCE: "key"} if is_source else {st.ROLE_PARTNER_KEM: "kem_key", st.ROLE_PARTNER_SIGN: "sign_key"}
        )
        digests = {role: key_digest(key).hex() for role, key in bundle.keys.items()}
        same = bundle.subject_id == body["id"] and digests == {role: body[key] for role, key in named.items()}
        require(same, "bundle-mismatch", "bundle.subject_id")
        party = ("source" if is_source else "partner", str(body["id"]))
        before = self.parties.get(party)
        if before is not None:
            require(before != body, "nothing-to-change", "admission")
            same = all(before.get(name) == body.get(name) for name in ("identity", "nation"))
            require(same, "id-reused", "admission.id")
        self._once(("identity", body["identity"]), "admission.identity", party)
        self._once(("root", body["root"]), "admission.root", str(body["identity"]).split("/")[2])
        for role, key in bundle.keys.items():
            require(key_digest(key) not in self.former, "key-reused", "admission.key")
            self._once(("key", key_digest(key)), "admission.key", (party, role))
        clearances = body.get("clearance", {})
        for policy, one in clearances.items() if isinstance(clearances, dict) else ():
            self._check_clearance(policy, one)
        self.parties = {**self.parties, party: body}
        present = {key_digest(key): key for key in bundle.keys.values()}
        had = {bytes.fromhex(str(before[key])) for key in named.values()} if before else set()
        self.former |= had - set(present)
        self.keys = {**self.keys, **present}
        self.scopes = {**self.scopes, **{digest: body.get("scope") for digest in present}}

    def _check_clearance(self, policy: str, clearance: dict[str, object]) -> None:
        """Level, tags and values are ones of the newest vocabulary; of a releasability also its owners (2.5)."""
        words = self._newest(policy)
        try:
            if words is None:
                raise Refusal("label", "clearance")
            for tag, held in clearance.items():
                require(words.tags.get(tag, {}).get("held") != "agreement", "label", "clearance")
                owners = words.owner if tag == words.releasability else ()
                values = tuple(one for one in texts.strings(held) if one not in owners)
                words.check(Label(words.name, str(clearance["level"]), {} if tag == "level" else {tag: values}))
        except Refusal as refusal:
            raise Refusal("clearance", f"admission.clearance.{policy}") from refusal

    def _newest(self, policy: str) -> Vocabulary | None:
        found = [one for name, (_, one) in self.vocabularies.items() if name.split(".")[0] == policy]
        return max(found, key=lambda one: int(one.name.split(".")[1]), default=None)

    def _agree(self, entry: Entry) -> None:
        self._signed(entry)
        body = texts.body_text(st.AGREEMENT, entry.statement.body, "agreement")
        texts.check_agreement(body, "agreement")
        require(("partner", body["to"]) in self.parties, "partner-unknown", "agreement.to")
        issued = "token" in self.parties["partner", str(body["to"])]
        require(body.get("token") != "required" or issued, "token-issuer-missing", "agreement.token")
        sources = () if body["sources"] == "all" else texts.strings(body["sources"])
        require(all(("source", one) in self.parties for one in sources), "source-unknown", "agreement.sources")
        words = self._newest("UKR")
        require(words and body["ceiling"] in words.levels, "text-value", "agreement.ceiling")
        self._once(("agreement", body["id"]), "agreement.id")
        self.agreements = {**self.agreements, str(body["id"]): entry.statement.body}

    def _end(self, entry: Entry) -> None:
        self._signed(entry)
        name = str(texts.body_text(st.END, entry.statement.body, "end")["agreement"])
        require(name in self.agreements, "agreement-unknown", "end.agreement")
        require(name not in self.ended, "nothing-to-change", "end.agreement")
        self.ended |= {name}

    def _vocabulary(self, entry: Entry) -> None:
        self._signed(entry)
        words = Vocabulary.parse(entry.statement.body)
        self._once(("vocabulary", words.name), "vocabulary.version")
        self.vocabularies = {**self.vocabularies, words.name: (entry.statement.body, words)}

    def _equate(self, entry: Entry) -> None:
        """An EQUIVALENCE: of each level one level of another policy on any day (2.13)."""
        self._signed(entry)
        body = texts.body_text(st.EQUIVALENCE, entry.statement.body, "equivalence")
        rows = body["row"] if isinstance(body["row"], tuple) else ()
        seen: list[tuple[str, str, object, object]] = []
        for row in rows:
            ends = []
            for key in ("from", "to"):
                name, _, level = str(row[key]).partition(" ")
                known = name in self.vocabularies and level in self.vocabularies[name][1].levels
                require(known, "text-value", f"equivalence.row.{key}")
                ends.append((name.split(".")[0], level))
            (policy, level), (other, _) = ends
            require(policy != other and row["starts"] <= row["ends"], "equivalence-contradiction", "equivalence.row")
            seen.append((f"{policy} {level}", other, row["starts"], row["ends"]))
        for one, two in itertools.combinations(seen, 2):
            apart = one[:2] != two[:2] or one[3] < two[2] or two[3] < one[2]  # type: ignore[operator]
            require(apart, "equivalence-contradiction", "equivalence.row")
        self._once(("vocabulary", body["id"]), "equivalence.id")
        self.table = (str(body["id"]), entry.statement.body)

    def _guide(self, entry: Entry) -> None:
        self._signed(entry)
        in_force = {name: words for name, (_, words) in self.vocabularies.items()}
        guide = Guide.parse(entry.statement.body, in_force)
        self._once(("guide", guide.id), "guide.id")
        self.guide = guide

    def judge(self, unpacked: Unpacked) -> None:
        """Nothing, if a gateway with this CONTROL would take the batch for what stands in it; else why not (3.5)."""
        batch, guide = unpacked.batch, self.guide
        unpacked.check_contents()
        for schema, _, _, portions in unpacked.records:
            for slot, (raw, _) in portions.items():
                label = Label.parse(raw)
                require(label.vocabulary in self.vocabularies, "label", f"slot {slot}")
                self.vocabularies[label.vocabulary][1].check(label)
                if guide is None:
                    raise Refusal("label-below-guide", f"slot {slot}")
                guide.check(batch.kind, batch.mode, SCHEMAS[schema].slots[slot][0], label)
        abouts = {portions[0][0] for _, _, _, portions in unpacked.records}
        require(len(abouts) == 1, "about-labels-differ", "slot 0")

    def _directory(self, entry: Entry) -> None:
        self._signed(entry)
        newest = Dir.parse(entry.statement.body)
        require(newest.dir_no == newest.base_no, "directory-base", "directory.base_no")
        self._number(newest, entry.applied_at)
        listed = parse_list(entry.attachments[0])
        same = (len(listed), root([leaf(one.raw) for one, _ in listed])) == (newest.size, newest.root)
        require(same, "directory-root", "directory.root")
        require(
            len({one.key_digest for one, _ in listed}) == len(listed), "endorsement-doubled", "endorsement.key_digest"
        )
        gateways = {one.subject_id for one, _ in listed if one.role in {st.ROLE_STREAM, st.ROLE_LEDGER, st.ROLE_INGEST}}
        require(len(gateways) <= 1, "endorsement-not-admitted", "endorsement.subject_id")
        self.endorsed = {}
        for endorsement, beside in listed:
            self._endorse(endorsement, beside)
        self.dir, self.dir_roster = newest, self.roster_link

    def _endorse(self, endorsement: Endorsement, beside: bytes) -> None:
        role, name, digest, brought = endorsement.role, endorsement.subject_id, endorsement.key_digest, b""
        require(endorsement.state >= self._least_state(digest), "endorsement-state", "endorsement.state")
        if role in {st.ROLE_SOURCE, st.ROLE_PARTNER_KEM, st.ROLE_PARTNER_SIGN}:
            party = ("source" if role == st.ROLE_SOURCE else "partner", name)
            require(
                self.used.get(("key", digest)) == (party, role), "endorsement-not-admitted", "endorsement.key_digest"
            )
            scope = self.scopes[digest] or (frozenset(), frozenset())
            given = (endorsement.kinds, endorsement.modes)
            require(given in {scope, (frozenset(), frozenset())}, "endorsement-not-admitted", "endorsement.scope")
            brought, beside = beside, self.keys[digest]
        elif role == st.ROLE_VOCABULARY:
            table = {self.table[0]: self.table[1]}
            brought, beside = beside, table.get(name) or self.vocabularies.get(name, (b"", None))[0]
            require(
                text_digest(name, beside) == digest and beside, "endorsement-not-admitted", "endorsement.subject_id"
            )
        require(not brought, "endorsement-not-admitted", "endorsement list.key")
        check_endorsed(endorsement, beside)
        if role in {st.ROLE_STREAM, st.ROLE_LEDGER, st.ROLE_INGEST}:
            self._once(("key", digest), "endorsement.key_digest", (("gateway", name), role))
        self.endorsed = {**self.endorsed, digest: (endorsement, beside)}

    def _redate(self, entry: Entry) -> None:
        self._signed(entry)
        newest = Dir.parse(entry.statement.body)
        based = self.dir is not None and self.dir.base == newest.base and self.dir_roster == self.roster_link
        require(based, "redate-base", "directory.base_no")
        kept = all(one.state >= self._least_state(digest) for digest, (one, _) in self.endorsed.items())
        require(kept, "redate-state", "directory.base_no")
        self._number(newest, entry.applied_at)
        self.dir = newest

    def _number(self, newest: Dir, now: int) -> None:
        held = self.dir.dir_no if self.dir else 0
        require(newest.dir_no == held + 1, "directory-number", "directory.dir_no")
        require(now >= newest.issued_at - SKEW, "directory-early", "directory.issued_at")
        require(now < newest.expires_at, "directory-expired", "directory.expires_at")


def _check_beside(entry: Entry) -> None:
    """A bundle lies beside an admission, a list beside a DIRECTORY, and nothing beside all else (2.10)."""
    beside = entry.statement.kind in {st.SOURCE, st.PARTNER, st.DIRECTORY}
    require(len(entry.attachments) == beside, "attachments", "entry.attachment count")
