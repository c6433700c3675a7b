"""What stands at one position of CONTROL: parties, agreements, guide, vocabularies, directory, suspensions.

Immutable, and a function of the statements applied so far. The questions here are the gateway's: who is this, is it
stopped, may this key sign now, what does that reader have to be sent. How a statement changes it is for `applying`,
what a statement must pass first for `fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.core.control.agreement import Agreement
from gateway.core.control.directory import Dir, DirectoryMessage, Endorsed, Endorsement, ShownEndorsement
from gateway.core.control.equivalence import Equivalence
from gateway.core.control.guide import Guide
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.restore import NO_INCARNATION, Restore, leading
from gateway.core.control.roster import Roster
from gateway.core.control.source import SourceAdmission
from gateway.core.control.statement import SignedStatement
from gateway.core.control.succession import Proposal
from gateway.core.control.trust import check_time
from gateway.core.errors import Refused
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.parties.names import AgreementId, PartnerId, SourceId
from gateway.core.suite.numbers import KeyState, Role


@dataclass(frozen=True, slots=True)
class AdmittedSource:
    """A source with the public key its admission names."""

    admission: SourceAdmission
    public_key: bytes


@dataclass(frozen=True, slots=True)
class AdmittedPartner:
    """A partner with the public keys its admission names."""

    admission: PartnerAdmission
    sign_key: bytes
    kem_key: bytes


@dataclass(frozen=True, slots=True)
class AdmittedKey:
    """A key that operators admitted, whatever became of it. scope: with which a source's key was admitted last."""

    role: Role
    subject_id: str
    public_key: bytes
    scope: str


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """The next roster, waiting. opened_at_ms: by the gateway's clock; stopped: by an OBJECT, until a LIFT."""

    proposal: Proposal
    opened_at_ms: int
    stopped: bool


@dataclass(frozen=True, slots=True)
class StandingDirectory:
    """The newest Dir with the statements that readers are sent for it, and every endorsement with its path."""

    newest: Dir
    base: SignedStatement
    redated: SignedStatement | None
    endorsed: Mapping[tuple[Role, bytes], Endorsed]
    shown: tuple[ShownEndorsement, ...]


@dataclass(frozen=True, slots=True)
class AppliedRestore:
    """A RESTORE that counted, as readers are sent it."""

    signed: SignedStatement
    restore: Restore


@dataclass(frozen=True, slots=True)
class Standing:
    """The state after `position` statements.

    head: link of the last one; clock_ms: when the gateway applied it.
    succession: the GENESIS, then each ROSTER-PROPOSE and ROSTER that counted.
    keys: by digest, every key that was ever admitted for a source or partner, or endorsed for the gateway.
    operator_keys, recovery_keys: digests of all that were ever in a roster in force, as an operator's or for recovery.
    ended: agreements ended early. used_guides: ids of all guides there were. suspended: targets of SUSPENDs.
    retired_at: when, by the gateway's clock, a DIRECTORY began to leave a key of the gateway retired or out, by digest.
    tainted, revoked: digests of keys under a TAINT or REVOKE.
    revoked_certificates: `certificate/` and a fingerprint, `root/`, a root, `/` and a serial number; none comes back.
    roots: trust domain of each root that an admission ever named, by the hex SHA-256 of the root.
    settled: forks that a LIFT named, both H(B) of each. held: targets of HOLDs. is_locked: a LOCKDOWN is in force.
    equivalence: the table in force. used_equivalences: ids of all there were.
    directory_positions: position of each Dir by its number. restores: in order, each on the one before.
    """

    genesis: bytes
    position: int
    head: bytes
    clock_ms: int
    roster: Roster
    roster_link: bytes
    succession: tuple[SignedStatement, ...]
    sources: Mapping[SourceId, AdmittedSource]
    partners: Mapping[PartnerId, AdmittedPartner]
    agreements: Mapping[AgreementId, Agreement]
    ended: frozenset[AgreementId]
    guide: Guide | None
    used_guides: frozenset[str]
    vocabularies: Mapping[str, Vocabulary]
    vocabulary_texts: Mapping[str, bytes]
    suspended: frozenset[str]
    proposals: Mapping[bytes, OpenProposal]
    directory: StandingDirectory | None
    directory_positions: Mapping[int, int]
    restores: tuple[AppliedRestore, ...] = ()
    keys: Mapping[bytes, AdmittedKey] = field(default_factory=dict)
    retired_at: Mapping[bytes, int] = field(default_factory=dict)
    operator_keys: frozenset[bytes] = frozenset()
    recovery_keys: frozenset[bytes] = frozenset()
    tainted: frozenset[bytes] = frozenset()
    revoked: frozenset[bytes] = frozenset()
    revoked_certificates: frozenset[str] = frozenset()
    roots: Mapping[str, str] = field(default_factory=dict)
    settled: frozenset[tuple[bytes, bytes]] = frozenset()
    held: frozenset[str] = frozenset()
    is_locked: bool = False
    equivalence: Equivalence | None = None
    used_equivalences: frozenset[str] = frozenset()

    @property
    def roster_keys(self) -> frozenset[bytes]:
        """Digests of all keys that were ever in a roster in force: taken for anything else for ever."""
        return self.operator_keys | self.recovery_keys

    def is_suspended(self, target: str) -> bool:
        """Whether `partner/…` or `source/…` is suspended."""
        return target in self.suspended

    def is_stopped(self, target: str) -> bool:
        """Whether `partner/…` or `source/…` may do nothing now: suspended, or everything is."""
        return self.is_locked or target in self.suspended

    def source(self, source_id: str) -> AdmittedSource:
        """The admitted source, stopped or not; refuses `source-unknown`."""
        found = self.sources.get(SourceId(source_id))
        if found is None:
            raise Refused("source-unknown", "a source must be admitted, this one is not", at="source")
        return found

    def partner(self, partner_id: str) -> AdmittedPartner:
        """The admitted partner, stopped or not; refuses `partner-unknown`."""
        found = self.partners.get(PartnerId(partner_id))
        if found is None:
            raise Refused("partner-unknown", "a partner must be admitted, this one is not", at="partner")
        return found

    def agreement(self, agreement_id: str) -> Agreement:
        """The agreement, in force or over; refuses `agreement-unknown`."""
        found = self.agreements.get(AgreementId(agreement_id))
        if found is None:
            raise Refused("agreement-unknown", "an agreement must be applied, this one is not", at="agreement")
        return found

    def check_certificate(self, fingerprint: str, root: str, serial: str) -> None:
        """Refuses `certificate-revoked`. root: fingerprint of its issuer; serial: as `Identity` has it."""
        if not self.revoked_certificates.isdisjoint({f"certificate/{fingerprint}", f"root/{root}/{serial}"}):
            raise Refused("certificate-revoked", "the certificate must not be revoked, it is", at="certificate")

    def stop_of(self, digest: bytes) -> KeyState:
        """The state that a TAINT or REVOKE leaves the key; active without one."""
        if digest in self.tainted:
            return KeyState.TAINTED
        return KeyState.RETIRED if digest in self.revoked else KeyState.ACTIVE

    def is_former(self, digest: bytes) -> bool:
        """Whether its party was admitted again without this key. A directory alone says so of the gateway's keys."""
        key = self.keys[digest]
        if key.role is Role.SOURCE:
            return self.source(key.subject_id).admission.key_digest != digest
        if key.role in {Role.PARTNER_KEM, Role.PARTNER_SIGN}:
            admission = self.partner(key.subject_id).admission
            return digest not in {admission.kem_key_digest, admission.sign_key_digest}
        return False

    def least_state(self, digest: bytes) -> KeyState:
        """The state that a directory must give the key, or a worse one."""
        return max(self.stop_of(digest), KeyState.RETIRED if self.is_former(digest) else KeyState.ACTIVE)

    def active_key(self, role: Role, subject_id: str, admitted: bytes) -> Endorsed:
        """The subject's key that is endorsed, active and not stopped: `admitted`, or until it is endorsed a former one.

        admitted: key digest. Refuses `directory-missing` and `key-not-active`.
        """
        if self.directory is None:
            raise Refused("directory-missing", "operators must have signed a directory, none is there", at="directory")
        endorsed = self.directory.endorsed
        named = [one] if (one := endorsed.get((role, admitted[:16]))) else endorsed.values()
        for found in named:
            endorsement = found.endorsement
            is_own = endorsement.role is role and endorsement.subject_id == subject_id
            if is_own and max(endorsement.state, self.stop_of(endorsement.key_digest)) is KeyState.ACTIVE:
                return found
        raise Refused("key-not-active", f"a key of role {role.name} must be active, none is", at=subject_id)

    def check_directory(self, now_ms: int) -> StandingDirectory:
        """The directory, if it is one to work under now; refuses `directory-missing`, `-early`, `-expired`."""
        if self.directory is None:
            raise Refused("directory-missing", "operators must have signed a directory, none is there", at="directory")
        check_time(self.directory.newest, now_ms)
        return self.directory

    def endorsed(self, role: Role, subject_id: str, key_id: bytes, now_ms: int) -> Endorsed:
        """The subject's key, endorsed, active and in its time; what a gateway asks before it admits or signs.

        Refuses `directory-…`, `key-not-endorsed`, `key-not-active` and `key-not-valid-now`.
        """
        found = self.check_directory(now_ms).endorsed.get((role, key_id))
        if found is None or found.endorsement.subject_id != subject_id:
            raise Refused(
                "key-not-endorsed", f"no endorsement of role {role.name} names this key", at=role.name.lower()
            )
        if max(found.endorsement.state, self.stop_of(found.endorsement.key_digest)) is not KeyState.ACTIVE:
            raise Refused("key-not-active", f"a key of role {role.name} must be active, this one is not", at=subject_id)
        if not found.endorsement.valid_from_ms <= now_ms < found.endorsement.valid_to_ms:
            raise Refused("key-not-valid-now", f"a key of role {role.name} must be in its time", at=subject_id)
        return found

    def directory_message(
        self,
        known_dir_no: int,
        wanted: Callable[[Endorsement], bool],
        incarnation: bytes = NO_INCARNATION,
        present: bytes = NO_INCARNATION,
    ) -> DirectoryMessage:
        """What a reader is sent who names `known_dir_no`: the statements it misses, and the endorsements it needs.

        incarnation: the one the reader names, present: the store's; every RESTORE between the two is sent.
        A ROSTER goes out only with a quorum's DIRECTORY under it, so one newer than the directory's waits here.
        Refuses `directory-missing`, and `directory-due` while a RESTORE waits with its ROSTER.
        """
        if self.directory is None:
            raise Refused("directory-missing", "operators must have signed a directory, none is there", at="directory")
        directory = self.directory
        shown = tuple(one for one in directory.shown if wanted(one.endorsement))
        restored = self._restores_between(directory, incarnation, present)
        if restored and self.directory_positions.get(known_dir_no, -1) > restored[0].statement.position:
            # The number was given again after the restore: what the reader names by it may be another Dir.
            known_dir_no = 0
        if known_dir_no == directory.newest.dir_no:
            return DirectoryMessage(restored, shown)
        since = self.directory_positions.get(known_dir_no, -1)
        until = directory.base.statement.position
        # A ROSTER counts together with its PROPOSE, wherever that lies.
        changes = zip(self.succession[1::2], self.succession[2::2], strict=True)
        missing = [one for pair in changes if since < pair[1].statement.position < until for one in pair]
        founding = [self.succession[0]] if since < 0 else []
        redated = [directory.redated] if directory.redated else []
        statements = (*founding, *missing, directory.base, *redated, *restored)
        return DirectoryMessage(tuple(sorted(statements, key=lambda one: one.statement.position)), shown)

    def _restores_between(
        self, directory: StandingDirectory, incarnation: bytes, present: bytes
    ) -> tuple[SignedStatement, ...]:
        way = leading([one.restore for one in self.restores], incarnation, present)
        found = tuple(one.signed for one in self.restores if one.restore in way)
        base = directory.base.statement
        if any(one.statement.position > base.position and one.statement.roster != base.roster for one in found):
            raise Refused("directory-due", "a RESTORE under a new roster needs a directory under it", at="directory")
        return found


def needed_by_partner(
    partner_id: str, source_ids: frozenset[SourceId] | Literal["all"]
) -> Callable[[Endorsement], bool]:
    """Which endorsements a partner's reader needs: gateway, own keys, files, and the sources of its agreement."""
    return lambda one: (
        one.role in {Role.GATEWAY_STREAM, Role.GATEWAY_LEDGER, Role.VOCABULARY, Role.SCHEMA}
        or (one.role in {Role.PARTNER_KEM, Role.PARTNER_SIGN} and one.subject_id == partner_id)
        or (one.role is Role.SOURCE and (source_ids == "all" or one.subject_id in source_ids))
    )


def needed_by_source(source_id: str) -> Callable[[Endorsement], bool]:
    """Which endorsements a source's reader needs: where to seal to, who signs its account, its own key, files."""
    return lambda one: (
        one.role in {Role.GATEWAY_INGEST, Role.GATEWAY_LEDGER, Role.VOCABULARY, Role.SCHEMA}
        or (one.role is Role.SOURCE and one.subject_id == source_id)
    )
