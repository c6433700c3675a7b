"""What an operator sees before signing: every field of the statement, and its body exactly.

A text body is shown as it is, byte for byte between two lines; a body of fixed layout is shown as its fields with the
list it stands for, which has been checked to give the signed root. A character that cannot be seen would make the
screen differ from what is signed, so it is refused here as well, whatever the parser of the body allows. So is what
TOML reads as something else than a person does: a value over several lines, whose lines look like keys, and a letter
that is spelled by its number. What only denies is not refused for its spelling: one operator alone may have written it,
and nobody could then put it back after a restore.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from clients.operator.rosters import NO_PROPOSALS, SHOWN_DIGITS, Proposals, succession_notes
from clients.times import utc
from gateway.core.control.agreement import Agreement
from gateway.core.control.compromise import Revocation, Taint
from gateway.core.control.directory import parse_dir
from gateway.core.control.endorsing import parse_endorsement_list
from gateway.core.control.entry import ControlEntry
from gateway.core.control.hold import Hold, Lockdown
from gateway.core.control.moment import TrueTime
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.restore import Restore
from gateway.core.control.roster import ONE_SIGNATURE, Roster
from gateway.core.control.source import SourceAdmission
from gateway.core.control.statement import Statement
from gateway.core.control.stops import EVERYTHING
from gateway.core.control.succession import named_proposal
from gateway.core.control.suspension import AgreementEnd, Lift, Objection, Suspension
from gateway.core.control.texts import check_readable, read_text
from gateway.core.errors import CallerError, Refused
from gateway.core.labels.vocabulary import Vocabulary
from gateway.core.suite.numbers import RecordKind, StatementKind

_MACHINE_KINDS = frozenset({StatementKind.DIRECTORY, StatementKind.DIRECTORY_REDATE})
_INCARNATION_DIGITS = 8
_RULE = "-" * 72
# A quote and a backslash need one before them; TOML has no other use for it that a person could read.
_PLAIN_ESCAPES = re.compile(r'\\["\\]')
_NOT_PLAIN = re.compile(r"\\|\"\"\"|'''")


def subject_of(statement: Statement) -> tuple[str, str]:
    """What a statement is about: a word for it and the name that a person types to confirm it."""
    known = _SUBJECTS.get(statement.kind)
    return known[0] if known else statement.kind.name.lower(), name_of(statement.kind, statement.body)


def name_of(kind: StatementKind, body: bytes) -> str:
    """The name of what a text of the kind is about; refuses a text as its parser does."""
    known = _SUBJECTS.get(kind)
    return known[1](body) if known else kind.name.lower()


def _guide_id(body: bytes) -> str:
    keys = {"id", "vocabulary", "time_step_s"} | {kind.name.lower() for kind in RecordKind}
    return read_text(body, "guide", keys).name("id")


def _locked(body: bytes) -> str:
    Lockdown.parse(body)
    return EVERYTHING


def _moment(body: bytes) -> str:
    return utc(TrueTime.parse(body).from_ms)


_SUBJECTS: dict[StatementKind, tuple[str, Callable[[bytes], str]]] = {
    StatementKind.GENESIS: ("founding of a", lambda body: "gateway"),
    StatementKind.ROSTER_PROPOSE: (
        "next roster",
        lambda body: "+".join(one.id for one in Roster.parse(body).operators),
    ),
    StatementKind.ROSTER: ("roster by proposal", lambda body: named_proposal(body).hex()[:SHOWN_DIGITS]),
    StatementKind.OBJECT: ("objection to", lambda body: Objection.parse(body).proposal.hex()[:SHOWN_DIGITS]),
    StatementKind.SOURCE: ("source", lambda body: SourceAdmission.parse(body).id),
    StatementKind.PARTNER: ("partner", lambda body: PartnerAdmission.parse(body).id),
    StatementKind.AGREEMENT: ("agreement", lambda body: Agreement.parse(body).id),
    StatementKind.END: ("end of agreement", lambda body: AgreementEnd.parse(body).agreement),
    StatementKind.GUIDE: ("guide", _guide_id),
    StatementKind.VOCABULARY: ("vocabulary", lambda body: Vocabulary.parse(body).name),
    StatementKind.SUSPEND: ("suspension of", lambda body: Suspension.parse(body).target),
    StatementKind.HOLD: ("hold of", lambda body: Hold.parse(body).target),
    StatementKind.LOCKDOWN: ("lockdown of", _locked),
    StatementKind.TAINT: ("taint of", lambda body: f"key/{Taint.parse(body).key_digest.hex()}"),
    StatementKind.REVOKE: ("revocation of", lambda body: Revocation.parse(body).target),
    StatementKind.EQUIVALENCE: ("equivalence", lambda body: read_text(body, "equivalence", {"id", "row"}).name("id")),
    StatementKind.TIME: ("trust in the clock of", _moment),
    StatementKind.LIFT: ("lift of", lambda body: Lift.parse(body).target),
    StatementKind.RESTORE: ("restore of", lambda body: Restore.parse(body).old.hex()[:_INCARNATION_DIGITS]),
    StatementKind.DIRECTORY: ("directory", lambda body: str(parse_dir(body).dir_no)),
    StatementKind.DIRECTORY_REDATE: ("directory re-dated", lambda body: str(parse_dir(body).dir_no)),
}


def is_narrowing(kind: StatementKind) -> bool:
    """Whether a statement of the kind only denies or repeats."""
    return kind in ONE_SIGNATURE


def notes_on(agreement: Agreement) -> tuple[str, ...]:
    """What whoever reads the agreement must know and its text does not say."""
    said = tuple(f"`{key}` is recorded, not acted on" for key in agreement.recorded_only)
    if agreement.token_required:
        return (
            *said,
            "no stream opens without an access token of the partner's issuer; it can narrow this, not widen it",
        )
    return said if agreement.token is None else (*said, "access tokens are not looked at")


def notes_on_partner(admission: PartnerAdmission) -> tuple[str, ...]:
    """What whoever reads the admission must know and its text does not say."""
    if admission.token is None:
        return ()
    whose = f"`{admission.token.issuer}` for `{admission.token.client_id}`"
    return (
        f"access tokens count only of {whose}, bound to the partner's certificate",
        "they are asked for where an agreement requires one, and can narrow it, not widen it",
    )


def render(entry: ControlEntry, roster: Roster, proposals: Proposals = NO_PROPOSALS) -> str:
    """The whole of what is signed, as text; refuses `text-unseen`.

    proposals: the open ones; what a roster's statement changes is said above its text.
    """
    statement = entry.statement
    title = " ".join(subject_of(statement))
    signed_by = ", ".join(signer_names(entry, roster)) or "nobody yet"
    lines = [
        _RULE,
        f"statement {statement.kind.name}: {title}" + ("" if is_narrowing(statement.kind) else "  (WIDENS)"),
        f"position  {statement.position}, after {_short(statement.prev)}",
        f"genesis   {_short(statement.genesis)}   roster {_short(statement.roster)}",
        f"proposed  {utc(statement.proposed_at_ms)}   expires {utc(statement.expires_at_ms)}",
        f"signed by {signed_by}",
        f"link      {statement.link.hex()}",
        _RULE,
    ]
    if statement.kind is StatementKind.AGREEMENT:
        lines[-1:-1] = [f"note      {note}" for note in notes_on(Agreement.parse(statement.body))]
    elif statement.kind is StatementKind.PARTNER:
        lines[-1:-1] = [f"note      {note}" for note in notes_on_partner(PartnerAdmission.parse(statement.body))]
    lines[-1:-1] = [f"changes   {note}" for note in succession_notes(entry, roster, proposals)]
    if statement.kind in _MACHINE_KINDS:
        lines += _directory_lines(entry)
    elif statement.kind is StatementKind.RESTORE:
        lines += _restore_lines(Restore.parse(entry.body))
    else:
        lines += _text_lines(statement.kind, statement.body)
    return "\n".join([*lines, _RULE])


def signer_names(entry: ControlEntry, roster: Roster) -> tuple[str, ...]:
    """Ids of the operators and recovery keys whose signatures are there, in the roster's order; then who comes."""
    signers = entry.signed.signers
    following = Roster.parse(entry.body) if entry.statement.kind is StatementKind.ROSTER_PROPOSE else roster
    return tuple(
        [one.id for one in roster.operators if one.key_digest in signers]
        + [one.id for one in roster.recovery if one.key_digest in signers]
        + [f"{one.id} (next)" for one in following.operators if one.key_digest in signers - roster.operator_keys]
    )


def _text_lines(kind: StatementKind, body: bytes) -> list[str]:
    text = body.decode("utf-8", errors="replace")
    if is_narrowing(kind) and _is_readable(body):
        text = "".join(map(_marked, text))
    lines = text.split("\n")
    if any(not line.replace("\t", " ").isprintable() or "\ufffd" in line for line in lines):
        raise Refused(
            "text-unseen", "a text to sign must have only characters that can be seen, another came", at="body"
        )
    if not is_narrowing(kind) and _NOT_PLAIN.search(_PLAIN_ESCAPES.sub(" ", text)):
        raise Refused(
            "text-unseen",
            "a text to sign must spell each value as it is and on its line, one is spelled otherwise",
            at="body",
        )
    return lines[:-1] if text.endswith("\n") else lines


def _is_readable(body: bytes) -> bool:
    """Whether the format allows its characters: spaces of other widths are among them."""
    try:
        check_readable(body, "statement")
    except CallerError:
        return False
    return True


def _marked(character: str) -> str:
    return character if character.isprintable() or character in "\n\t" else f"<U+{ord(character):04X}>"


def _directory_lines(entry: ControlEntry) -> list[str]:
    directory = parse_dir(entry.body)
    lines = [
        f"directory {directory.dir_no} (base {directory.base_no}), {directory.size} endorsements",
        f"root      {directory.root.hex()}",
        f"issued    {utc(directory.issued_at_ms)}   expires {utc(directory.expires_at_ms)}",
    ]
    for attachment in entry.attachments:
        for endorsement, _ in parse_endorsement_list(attachment):
            scope = f"   {endorsement.scope}" if endorsement.scope else ""
            lines.append(
                f"  {endorsement.role.name:<16} {endorsement.state.name:<8} {endorsement.subject_id:<24} "
                f"{endorsement.key_digest.hex()[:32]}   to {utc(endorsement.valid_to_ms)}{scope}"
            )
    return lines


def _restore_lines(restore: Restore) -> list[str]:
    kept = (
        f"tick {restore.last_tick} and all before it"
        if restore.ticks_kept
        else "nothing: no tick of the old incarnation was kept"
    )
    return [
        f"old       {restore.old.hex()}   the incarnation that ends",
        f"new       {restore.new.hex()}   the one that begins",
        f"kept      {kept}",
        f"H(K)      {restore.tick_digest.hex()}",
        "Everything the gateway did after that tick is lost to it. Partners and sources who saw more",
        "will go on, and will hold proof of what it lost.",
    ]


def _short(link: bytes) -> str:
    return link.hex()[:16] if any(link) else "none"
