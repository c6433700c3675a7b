"""A request to restore at an operator's desk: verified from the operator's own genesis, and what it lacks named.

What the gateway's machine says was lost is its own word. What this home has seen and the backup has not is known here:
a statement that stopped something must not come undone by losing it. So stops of the lost past that still stood are put
behind the RESTORE, each signed by one operator, and join it in one commit before any gateway runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from clients.operator.chain import statement_on
from clients.operator.home import Home
from clients.operator.kept_chain import KeptChain, common
from clients.operator.render import name_of
from clients.operator.sign import Show, sign_shown
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.restoring import RestoreRequest
from gateway.core.control.roster import Progress
from gateway.core.control.statement import SignedStatement
from gateway.core.control.suspension import Lift
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.numbers import StatementKind

# What stops something, the worst to lose first.
STOPS = (
    StatementKind.TAINT,
    StatementKind.REVOKE,
    StatementKind.SUSPEND,
    StatementKind.LOCKDOWN,
    StatementKind.HOLD,
    StatementKind.END,
)
# A roster of the lost past is named before all else: whoever it removed is an operator again.
_ROSTERS = (StatementKind.ROSTER, StatementKind.ROSTER_PROPOSE, StatementKind.OBJECT)
_FIRST = (*_ROSTERS, *STOPS)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verified request. control: what stands in the backup; proposed: RESTORE and stops as they would be applied.

    progress: how many have signed the RESTORE; tip: what stands after all of it; lost: what this home has seen and the
    backup has not, in order.
    """

    control: Control
    proposed: tuple[ControlEntry, ...]
    progress: Progress
    tip: Control
    lost: tuple[ControlEntry, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A stop of the lost past that the backup does not know. problem: why it cannot be put back now, if it cannot."""

    kind: StatementKind
    body: bytes
    problem: GatewayError | None = None


def judge(request: RestoreRequest, home: Home, genesis: bytes, now_ms: int) -> Judged:
    """Verifies everything in the file from `genesis`, the link this home is held to; refuses as the gateway would.

    Refuses `genesis-differs`, and `control-forked` for a backup that is not of the past this home has seen.
    """
    control = _folded(request.entries, genesis)
    kept = KeptChain(home.path).entries()
    shared = common(kept, request.entries)
    if shared < min(len(kept), len(request.entries)):
        raise Refused(
            "control-forked",
            f"the backup must be of the past this home has seen, it parts from it at control entry {shared}",
            at="control",
            do="stop and call the other operators",
        )
    tip, proposed, progress = control, [], Progress(0, 0)
    for number, signed in enumerate(request.proposed):
        entry = ControlEntry(signed, (), max(now_ms, control.clock_ms))
        tip, one = tip.preview(entry)
        progress = one if number == 0 else progress
        proposed.append(entry)
    return Judged(control, tuple(proposed), progress, tip, kept[len(request.entries) :])


def _folded(entries: Sequence[ControlEntry], genesis: bytes) -> Control:
    if entries[0].statement.link != genesis:
        raise Refused(
            "genesis-differs",
            "the backup must begin with this home's genesis, it begins with another",
            at="control 0",
            do="stop and call the other operators",
        )
    control = Control.begin(entries[0])
    for entry in entries[1:]:
        control = control.apply(entry)
    return control


def by_danger(lost: Sequence[ControlEntry]) -> list[ControlEntry]:
    """What was lost, the most dangerous first and the rest in its order."""
    rank = {kind: place for place, kind in enumerate(_FIRST)}
    return sorted(lost, key=lambda entry: rank.get(entry.statement.kind, len(rank)))


def missing_stops(lost: Sequence[ControlEntry], tip: Control, now_ms: int) -> list[Missing]:
    """Every stop that stood at the end of the lost past and does not stand in `tip`, the worst first."""
    missing = []
    for entry in by_danger(standing_stops(lost)):
        kind, body = entry.statement.kind, entry.body
        try:
            tip = tip.preview(drafted(tip, kind, body, now_ms))[0]
        except GatewayError as error:
            if error.code != "nothing-to-change":
                missing.append(Missing(kind, body, error))
        else:
            missing.append(Missing(kind, body))
    return missing


def standing_stops(lost: Sequence[ControlEntry]) -> list[ControlEntry]:
    """Stops of the lost past that nothing in it lifted again."""
    found = []
    for place, entry in enumerate(lost):
        if entry.statement.kind not in STOPS:
            continue
        name = name_of(entry.statement.kind, entry.body)
        lifted = any(
            later.statement.kind is StatementKind.LIFT and Lift.parse(later.body).target == name
            for later in lost[place + 1 :]
        )
        if not lifted:
            found.append(entry)
    return found


def drafted(base: Control, kind: StatementKind, body: bytes, now_ms: int) -> ControlEntry:
    """The unsigned entry that would follow `base`."""
    at_ms = max(now_ms, base.clock_ms)
    return ControlEntry(SignedStatement(statement_on(base, kind, body, at_ms), ()), (), at_ms)


def approved(
    request: RestoreRequest,
    judged: Judged,
    home: Home,
    stops: Sequence[Missing],
    *,
    reason: str,
    show: Show,
    now_ms: int,
) -> tuple[RestoreRequest, Callable[[], None]]:
    """The request with this operator's signature, and behind it the stops that can be put back, signed as well.

    The second of the pair is called once the file is on the disk: from then on this home accepts the restored past.
    """
    first, _ = sign_shown(home, judged.proposed[0], judged.control.roster, show)
    tip, behind = judged.tip, [entry.signed for entry in judged.proposed[1:]]
    for stop in stops:
        if stop.problem is None:
            entry = drafted(tip, stop.kind, stop.body, now_ms)
            signed, _ = sign_shown(home, entry, tip.roster, show)
            tip = tip.apply(signed)
            behind.append(signed.signed)
    proposed = (first.signed, *behind)
    link = first.statement.link
    return request.signed(proposed, home.operator_id, reason), lambda: KeptChain(home.path).agree(link)


def accepted(judged: Judged, home: Home) -> None:
    """From now on this home accepts the past that begins with the RESTORE; refuses `signatures-too-few`."""
    judged.control.apply(replace(judged.proposed[0]))
    KeptChain(home.path).agree(judged.proposed[0].statement.link)
