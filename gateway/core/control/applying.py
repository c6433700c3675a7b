"""What each kind of statement changes, once its signatures and its place are known to be right.

One function a kind: it parses the body, checks it against what stands, and gives what stands after. Ids are never used
twice, an agreement names parties that are there. Admissions are in the room `admitting`, stops and their lifting in
`stopping`. A kind without a function is refused, `statement-not-built`, so nothing is ever half understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from gateway.core.control.admitting import admit_partner, admit_source
from gateway.core.control.agreement import Agreement
from gateway.core.control.directory import (
    GATEWAY_ROLES,
    Dir,
    Endorsement,
    build_directory,
    parse_dir,
    show_endorsements,
)
from gateway.core.control.endorsing import check_endorsement_list, parse_endorsement_list
from gateway.core.control.entry import ControlEntry
from gateway.core.control.equivalence import Equivalence
from gateway.core.control.guide import Guide
from gateway.core.control.moment import TrueTime
from gateway.core.control.restore import Restore, check_next
from gateway.core.control.standing import AdmittedKey, AppliedRestore, OpenProposal, Standing, StandingDirectory
from gateway.core.control.stopping import hold, lift, lock, revoke, suspend, taint
from gateway.core.control.stops import nothing_to_change
from gateway.core.control.succession import Proposal, check_wait
from gateway.core.control.suspension import AgreementEnd, Objection
from gateway.core.control.trust import check_time
from gateway.core.errors import Refused
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import KeyState, StatementKind

S = TypeVar("S", bound=Standing)


def agree(standing: S, entry: ControlEntry) -> S:
    """An AGREEMENT with a partner and sources that are there."""
    agreement = Agreement.parse(entry.body)
    _check_unused(agreement.id, standing.agreements)
    partner = standing.partner(agreement.partner_id)
    if agreement.token_required and partner.admission.token is None:
        raise Refused(
            "token-issuer-missing",
            "an agreement that requires a token must be with a partner whose admission names an issuer, it names none",
            at="agreement.token",
            do="admit the partner again with a `[token]` table first",
        )
    if agreement.sources != "all":
        for source_id in agreement.sources:
            standing.source(source_id)
    agreement.check_against(standing.vocabularies.values())
    return replace(standing, agreements={**standing.agreements, agreement.id: agreement})


def end(standing: S, entry: ControlEntry) -> S:
    """An END of an agreement."""
    agreement = standing.agreement(AgreementEnd.parse(entry.body).agreement)
    if agreement.id in standing.ended:
        raise nothing_to_change("the agreement has ended already")
    return replace(standing, ended=standing.ended | {agreement.id})


def guide(standing: S, entry: ControlEntry) -> S:
    """A GUIDE: it replaces the one before."""
    new = Guide.parse(entry.body, standing.vocabularies)
    _check_unused(new.id, standing.used_guides)
    return replace(standing, guide=new, used_guides=standing.used_guides | {new.id})


def define(standing: S, entry: ControlEntry) -> S:
    """A VOCABULARY: one more, under a name of its own."""
    vocabulary = Vocabulary.parse(entry.body)
    _check_unused(vocabulary.name, {*standing.vocabularies, *standing.used_equivalences})
    return replace(
        standing,
        vocabularies={**standing.vocabularies, vocabulary.name: vocabulary},
        vocabulary_texts={**standing.vocabulary_texts, vocabulary.name: entry.body},
    )


def equate(standing: S, entry: ControlEntry) -> S:
    """An EQUIVALENCE: it replaces the table before, and is a file among the vocabularies."""
    new = Equivalence.parse(entry.body, standing.vocabularies)
    _check_unused(new.id, {*standing.used_equivalences, *standing.vocabularies})
    return replace(standing, equivalence=new, used_equivalences=standing.used_equivalences | {new.id})


def propose_roster(standing: S, proposal: Proposal, now_ms: int) -> S:
    """A ROSTER-PROPOSE: open to objection from now on."""
    if replace(proposal.roster, text=standing.roster.text) == standing.roster:
        raise nothing_to_change("it is the roster in force")
    _check_keys_free(standing, proposal)
    opened = OpenProposal(proposal, now_ms, stopped=False)
    return replace(standing, proposals={**standing.proposals, proposal.link: opened})


def object_to(standing: S, entry: ControlEntry) -> S:
    """An OBJECT to an open proposal."""
    link = Objection.parse(entry.body).proposal
    opened = open_proposal(standing, link)
    if opened.stopped:
        raise nothing_to_change("the proposal is stopped already")
    return replace(standing, proposals={**standing.proposals, link: replace(opened, stopped=True)})


def succeed(standing: S, opened: OpenProposal, entry: ControlEntry) -> S:
    """A ROSTER: after the wait by the gateway's clock, if no objection stands."""
    if opened.stopped:
        raise Refused("roster-objected", "an OBJECT stops the proposal until a LIFT", at="roster.proposal")
    check_wait(opened.opened_at_ms, entry.applied_at_ms, standing.roster)
    _check_keys_free(standing, opened.proposal)
    roster = opened.proposal.roster
    return replace(
        standing,
        roster=roster,
        roster_link=entry.statement.link,
        succession=(*standing.succession, opened.proposal.signed, entry.signed),
        # Proposals were made under the roster that is no more.
        proposals={},
        # INVARIANT: none is ever taken off, so a key that left the roster comes back as what it was or not at all.
        operator_keys=standing.operator_keys | roster.operator_keys,
        recovery_keys=standing.recovery_keys | roster.recovery_keys,
    )


def open_proposal(standing: Standing, link: bytes) -> OpenProposal:
    """The open proposal of that link; refuses `proposal-unknown`."""
    opened = standing.proposals.get(link)
    if opened is None:
        raise Refused("proposal-unknown", "a proposal must be open under the roster in force", at="proposal")
    return opened


def direct(standing: S, entry: ControlEntry) -> S:
    """A DIRECTORY: its list must give its size and root, and endorse nothing that was not admitted."""
    new = _dir_of_now(entry)
    _check_next(standing, new)
    if new.base_no != new.dir_no:
        raise Refused("directory-base", "a DIRECTORY is its own base, another number came", at="directory.base_no")
    listed = parse_endorsement_list(entry.attachments[0])
    built, leaves = build_directory(
        [endorsement for endorsement, _ in listed],
        dir_no=new.dir_no,
        issued_at_ms=new.issued_at_ms,
        expires_at_ms=new.expires_at_ms,
    )
    # Nothing is looked for in a list that is not the one operators signed.
    if built != new:
        raise Refused(
            "directory-root", "the endorsement list must have the size and root that were signed", at="directory.root"
        )
    endorsed = check_endorsement_list(standing, listed)
    directory = StandingDirectory(
        newest=new,
        base=entry.signed,
        redated=None,
        endorsed={(one.endorsement.role, one.endorsement.key_id): one for one in endorsed},
        shown=show_endorsements(endorsed, leaves),
    )
    own = (one for one in endorsed if one.endorsement.role in GATEWAY_ROLES)
    keys = {
        one.endorsement.key_digest: AdmittedKey(one.endorsement.role, one.endorsement.subject_id, one.material, "")
        for one in own
    }
    after = replace(_with_directory(standing, directory), keys={**standing.keys, **keys})
    return replace(after, retired_at=_retired(after, standing.retired_at, entry.applied_at_ms))


def redate(standing: S, entry: ControlEntry) -> S:
    """A DIRECTORY-REDATE: the same tree, longer."""
    new, standing_directory = _dir_of_now(entry), standing.directory
    if (
        standing_directory is None
        or not new.repeats(standing_directory.newest)
        or standing_directory.base.statement.roster != standing.roster_link
    ):
        raise Refused(
            "redate-base",
            "a DIRECTORY-REDATE repeats number, size and root of a DIRECTORY under the roster in force",
            at="directory.base_no",
            do="sign a DIRECTORY",
        )
    if any(_is_outdated(standing, one.endorsement) for one in standing_directory.endorsed.values()):
        raise Refused(
            "redate-state",
            "a DIRECTORY-REDATE repeats no key as it was before a TAINT, a REVOKE or another key of its party",
            at="directory.base_no",
            do="sign a DIRECTORY",
        )
    _check_next(standing, new)
    return _with_directory(standing, replace(standing_directory, newest=new, redated=entry.signed))


def tell_time(standing: S, entry: ControlEntry) -> S:
    """A TIME: nothing stands differently after it; `applied_at` is what the wall clock showed."""
    TrueTime.parse(entry.body).check(entry.applied_at_ms)
    return standing


def restore(standing: S, entry: ControlEntry) -> S:
    """A RESTORE: it goes on from the incarnation that the one before began; only LEDGER knows the first."""
    new, before = Restore.parse(entry.body), [one.restore for one in standing.restores]
    check_next(before, new)
    if before and new.old != before[-1].new:
        raise Refused(
            "restore-contradicts", "a RESTORE leaves the incarnation that is in force, another came", at="restore.old"
        )
    return replace(standing, restores=(*standing.restores, AppliedRestore(entry.signed, new)))


class Applies(Protocol):
    """What one kind changes."""

    def __call__(self, standing: S, entry: ControlEntry, /) -> S:
        """What stands after the entry; refuses it if it does not fit what stands before."""
        ...


APPLIED: Mapping[StatementKind, Applies] = {
    StatementKind.OBJECT: object_to,
    StatementKind.DIRECTORY: direct,
    StatementKind.DIRECTORY_REDATE: redate,
    StatementKind.SOURCE: admit_source,
    StatementKind.PARTNER: admit_partner,
    StatementKind.AGREEMENT: agree,
    StatementKind.END: end,
    StatementKind.GUIDE: guide,
    StatementKind.VOCABULARY: define,
    StatementKind.EQUIVALENCE: equate,
    StatementKind.HOLD: hold,
    StatementKind.SUSPEND: suspend,
    StatementKind.LOCKDOWN: lock,
    StatementKind.LIFT: lift,
    StatementKind.TAINT: taint,
    StatementKind.REVOKE: revoke,
    StatementKind.TIME: tell_time,
    StatementKind.RESTORE: restore,
}
ATTACHED: Mapping[StatementKind, int] = {
    StatementKind.SOURCE: 1,
    StatementKind.PARTNER: 1,
    StatementKind.DIRECTORY: 1,
}


def _check_unused(identifier: str, used: Iterable[str]) -> None:
    if identifier in used:
        raise Refused("id-reused", f"an id is never used again, `{identifier}` was", at="id")


def _check_keys_free(standing: Standing, proposal: Proposal) -> None:
    roster = proposal.roster
    crossed = (roster.operator_keys & standing.recovery_keys) | (roster.recovery_keys & standing.operator_keys)
    if crossed or not roster.all_keys.isdisjoint(standing.keys):
        raise Refused("key-reused", "a key has one purpose, one of the roster has or had another", at="roster")


def _dir_of_now(entry: ControlEntry) -> Dir:
    new = parse_dir(entry.body)
    check_time(new, entry.applied_at_ms)
    return new


def _check_next(standing: Standing, new: Dir) -> None:
    # Without gaps, so that whoever may re-date alone cannot use up the numbers.
    due = standing.directory.newest.dir_no + 1 if standing.directory else 1
    if new.dir_no != due:
        raise Refused(
            "directory-number", f"the next directory has number {due}, {new.dir_no} came", at="directory.dir_no"
        )


def _is_outdated(standing: Standing, endorsement: Endorsement) -> bool:
    digest = endorsement.key_digest
    return digest in standing.keys and endorsement.state < standing.least_state(digest)


def _retired(standing: Standing, before: Mapping[bytes, int], now_ms: int) -> dict[bytes, int]:
    """Since when each key of the gateway is not active; one that is active again begins anew when it is retired."""
    endorsed = standing.directory.endorsed if standing.directory else {}
    active = {one.endorsement.key_digest for one in endorsed.values() if one.endorsement.state is KeyState.ACTIVE}
    own = (digest for digest, key in standing.keys.items() if key.role in GATEWAY_ROLES)
    return {digest: before.get(digest, now_ms) for digest in own if digest not in active}


def _with_directory(standing: S, directory: StandingDirectory) -> S:
    # The statement being applied will stand at the present position.
    positions = {**standing.directory_positions, directory.newest.dir_no: standing.position}
    return replace(standing, directory=directory, directory_positions=positions)
