"""After a restore: what operators had decided in the lost past, and which of it is proposed anew, text for text.

Nothing comes back by itself, because what is signed names its place in the chain. What only stops goes first and is in
force at once; what widens waits for a second person as ever. Not proposed anew is what the lost past itself had
stopped: an admission or an agreement whose stop would then be missing for a moment.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import Enum

from clients.operator.chain import Chain
from clients.operator.kept_chain import common
from clients.operator.render import is_narrowing, name_of
from clients.operator.restoring import STOPS, by_danger, drafted, standing_stops
from gateway.core.control.agreement import Agreement
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.source import SourceAdmission
from gateway.core.errors import GatewayError
from gateway.core.suite.numbers import KeyState, StatementKind


class Fate(Enum):
    """What becomes of a statement of the lost past."""

    AGAIN = "again"
    STANDS = "stands"
    PENDING = "pending"
    UNDONE = "undone"
    STOPPED = "stopped"
    WAITS = "waits"
    BY_HAND = "by hand"


_BY_HAND = {
    StatementKind.ROSTER_PROPOSE: "a roster is proposed and waited for anew; whoever it removed is an operator again",
    StatementKind.ROSTER: "a roster is proposed and waited for anew; whoever it removed is an operator again",
    StatementKind.OBJECT: "it was about a roster that is not proposed any more",
    StatementKind.DIRECTORY: "`sluicectl directory issue`, until its number is above every one that was seen",
    StatementKind.DIRECTORY_REDATE: "`sluicectl directory issue`, until its number is above every one that was seen",
    StatementKind.TIME: "it was about a clock of then",
    StatementKind.RESTORE: "it was about a store that was lost since",
}


@dataclass(frozen=True, slots=True)
class LostStatement:
    """One statement of the lost past. note: why, where the fate alone does not say it; change_id: what is pending."""

    entry: ControlEntry
    fate: Fate
    note: str = ""
    change_id: str = ""

    @property
    def name(self) -> str:
        """What it is about."""
        return name_of(self.entry.statement.kind, self.entry.body)


def lost_statements(lost: Sequence[Sequence[ControlEntry]], chain: Chain, now_ms: int) -> list[LostStatement]:
    """Everything in the chains set aside that the present one has not, the most dangerous first.

    lost: those chains, whole. What is said of one is true when those before it have been proposed.
    """
    found: list[LostStatement] = []
    tip = chain.tip
    for past in lost:
        shared = common(past, chain.entries)
        since = chain.entries[shared:]
        end = _folded(past)
        standing = {entry.statement.link for entry in standing_stops(past[shared:])}
        for entry in by_danger(past[shared:]):
            known = _known(entry, chain, since, standing)
            stopped = _stopped(entry.statement.kind, entry.body, end)
            if known is not None:
                found.append(known)
            elif stopped:
                found.append(LostStatement(entry, Fate.STOPPED, stopped))
            else:
                one, tip = _tried(entry, chain, tip, now_ms)
                found.append(one)
    return found


def _known(
    entry: ControlEntry, chain: Chain, since: Sequence[ControlEntry], standing: Set[bytes]
) -> LostStatement | None:
    """What can be said without trying: it stands again, waits already, was undone in its time, or is for a person."""
    kind, body = entry.statement.kind, entry.body
    if kind in _BY_HAND:
        return LostStatement(entry, Fate.BY_HAND, _BY_HAND[kind])
    if any((one.statement.kind, one.body) == (kind, body) for one in since):
        return LostStatement(entry, Fate.STANDS)
    if kind in STOPS and entry.statement.link not in standing:
        return LostStatement(entry, Fate.UNDONE, "it was lifted again")
    for change in chain.pending:
        if (change.entry.statement.kind, change.entry.body) == (kind, body):
            return LostStatement(entry, Fate.PENDING, change_id=change.change_id)
    return None


def _tried(entry: ControlEntry, chain: Chain, tip: Control, now_ms: int) -> tuple[LostStatement, Control]:
    """Whether it could be proposed now, and what would stand after it if it waits."""
    kind = entry.statement.kind
    base = chain.control if is_narrowing(kind) else tip
    draft = drafted(base, kind, entry.body, now_ms)
    try:
        after, _ = base.preview(ControlEntry(draft.signed, entry.attachments, draft.applied_at_ms))
    except GatewayError as error:
        if error.code == "nothing-to-change":
            return LostStatement(entry, Fate.STANDS), tip
        return LostStatement(entry, Fate.WAITS, f"{error.code}: {error.message}"), tip
    return LostStatement(entry, Fate.AGAIN), tip if is_narrowing(kind) else after


def _stopped(kind: StatementKind, body: bytes, end: Control) -> str:
    """Why the lost past itself would not have it back; empty if it would."""
    if kind is StatementKind.AGREEMENT:
        agreement = Agreement.parse(body)
        if agreement.id in end.ended or f"agreement/{agreement.id}" in end.held:
            return "it was ended or held; agree anew under another id if it is wanted"
        return _of_party(f"partner/{agreement.partner_id}", (), end)
    if kind is StatementKind.PARTNER:
        partner = PartnerAdmission.parse(body)
        return _of_party(f"partner/{partner.id}", (partner.sign_key_digest, partner.kem_key_digest), end)
    if kind is StatementKind.SOURCE:
        source = SourceAdmission.parse(body)
        return _of_party(f"source/{source.id}", (source.key_digest,), end)
    return ""


def _of_party(target: str, keys: Sequence[bytes], end: Control) -> str:
    if target in end.suspended or any(end.stop_of(key) is not KeyState.ACTIVE for key in keys):
        return "the party was suspended or its key stopped; admit it by hand if it is wanted, and stop it again"
    return ""


def _folded(entries: Sequence[ControlEntry]) -> Control:
    control = Control.begin(entries[0])
    for entry in entries[1:]:
        control = control.apply(entry)
    return control
