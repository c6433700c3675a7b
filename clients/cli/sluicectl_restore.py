"""`sluicectl restore`: two operators' word for a store that was put back, and what has to be decided again after it.

`show`, `approve` and `accept` are offline and take the file that `sluice restore` wrote. What is signed is the text on
the screen. What a machine says was lost is its own word; what this home has seen and the backup has not is known here,
and a stop among it is put back in the same step: no gateway runs in between.
"""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.asking import asking, open_home, reason_option, wait_option, yes_option
from clients.cli.boundary import Group, differs, pending
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result, signed_lines
from clients.cli.report import decided_facts, decided_lines, is_pending, waited
from clients.keyfiles import read_as, write_public
from clients.operator.drafts import lockdown_text
from clients.operator.home import Home, read_genesis
from clients.operator.kept_chain import KeptChain
from clients.operator.render import is_narrowing, name_of, render, signer_names, subject_of
from clients.operator.replaying import Fate, LostStatement, lost_statements
from clients.operator.restoring import (
    STOPS,
    Judged,
    Missing,
    accepted,
    approved,
    by_danger,
    judge,
    missing_stops,
)
from clients.times import now_ms, utc
from gateway.core.control.entry import ControlEntry
from gateway.core.control.restoring import MAX_REQUEST_FILE_BYTES, Lost, RestoreRequest, lost_facts
from gateway.core.suite.numbers import StatementKind

_FILE = click.Path(path_type=Path, dir_okay=False)
_genesis_option = click.option(
    "--genesis", type=_FILE, help="The genesis this operator trusts, in a home that never had a link."
)


@click.group(cls=Group)
def restore() -> None:
    """A store that was put back: show, approve, accept; and afterwards: lost, replay."""


@restore.command()
@click.argument("file", type=_FILE)
@_genesis_option
def show(file: Path, genesis: Path | None) -> None:
    """Show what the request in FILE asks for, and what this home has seen and the backup lacks."""
    home = open_home()
    request, judged = _judged(file, home, genesis)
    facts, lines = _told(request, judged)
    text = render(judged.proposed[0], judged.control.roster)
    result({**facts, "text": text}, [*lines, *signed_lines(text)])


@restore.command()
@click.argument("file", type=_FILE)
@_genesis_option
@click.option("--lockdown", is_flag=True, help="Start locked: nothing is sent or taken until two operators lift it.")
@reason_option
@yes_option
def approve(file: Path, genesis: Path | None, lockdown: bool, reason: str, yes: bool) -> None:
    """Sign the RESTORE in FILE, and put behind it the stops that the backup lacks. Offline."""
    home = open_home()
    request, judged = _judged(file, home, genesis)
    stops = missing_stops(judged.lost, judged.tip, now_ms())
    if lockdown and not judged.tip.is_locked and not any(one.kind is StatementKind.LOCKDOWN for one in stops):
        stops.append(Missing(StatementKind.LOCKDOWN, lockdown_text(reason)))
    signed, agree = approved(request, judged, home, stops, reason=reason, show=asking(yes), now_ms=now_ms())
    write_public(file, signed.encode())
    agree()
    after = judge(signed, home, judged.control.genesis, now_ms())
    facts, lines = _told(signed, after)
    put_back = [_named(one.kind, one.body) for one in stops if one.problem is None]
    cannot = [(_named(one.kind, one.body), one.problem.code) for one in stops if one.problem is not None]
    lines = [line for line in lines if line[0] != "asks"]
    lines[:0] = [("signed", f"{' '.join(subject_of(signed.proposed[0].statement))}  by {', '.join(_signers(after))}")]
    lines += [("NOT BACK", f"{name}: {code}; it stops what is not there") for name, code in cannot]
    lines.append(_next(after, file))
    result({**facts, "put_back_now": put_back, "not_put_back": [name for name, _ in cannot]}, lines)


@restore.command()
@click.argument("file", type=_FILE)
@_genesis_option
@reason_option
def accept(file: Path, genesis: Path | None, reason: str) -> None:
    """Go on from the RESTORE in FILE, which others have signed: for an operator whose signature was not needed."""
    home = open_home()
    request, judged = _judged(file, home, genesis)
    accepted(judged, home)
    facts, lines = _told(request, judged)
    lines = [line for line in lines if line[0] != "asks"]
    lines[:0] = [("accepted", f"this home goes on from it; signed by {', '.join(_signers(judged))}")]
    result({**facts, "reason": reason}, lines)


@restore.command()
def lost() -> None:
    """List what operators had decided before a restore and does not stand now. Exits 3 if there is any."""

    async def action(desk: Desk) -> list[LostStatement]:
        return _lost(desk)

    found = at_desk(action)
    open_ = [one for one in found if one.fate not in {Fate.STANDS, Fate.UNDONE}]
    result(
        {"lost": [_lost_facts(one) for one in found]},
        [_lost_line(one) for one in found] or [("none", "nothing that this home has seen was lost")],
    )
    if open_:
        differs()


@restore.command()
@reason_option
@yes_option
@wait_option
def replay(reason: str, yes: bool) -> None:
    """Propose anew what was lost: what only stops at once, what widens for a second person.

    Run it until nothing is left. What is not proposed again is listed with the reason.
    """

    async def action(desk: Desk) -> tuple[list[Decided], list[LostStatement]]:
        decided: list[Decided] = []
        for one in _again(desk, narrowing=True):
            decided.append(await _proposed(desk, one, reason=reason, yes=yes))
            await desk.look_again()
        for one in _again(desk, narrowing=False):
            decided.append(await _proposed(desk, one, reason=reason, yes=yes))
        return decided, [one for one in _lost(desk) if one.fate in {Fate.STOPPED, Fate.WAITS, Fate.BY_HAND}]

    decided, left = at_desk(action)
    decided = list(waited(decided))
    lines = [line for one in decided for line in decided_lines(one)] + [_lost_line(one) for one in left]
    result(
        {"changes": [decided_facts(one) for one in decided], "left": [_lost_facts(one) for one in left]},
        lines or [("none", "nothing that was lost is left to propose")],
    )
    if is_pending(decided):
        pending()


def _again(desk: Desk, *, narrowing: bool) -> list[LostStatement]:
    return [
        one for one in _lost(desk) if one.fate is Fate.AGAIN and is_narrowing(one.entry.statement.kind) is narrowing
    ]


async def _proposed(desk: Desk, one: LostStatement, *, reason: str, yes: bool) -> Decided:
    return await desk.propose(one.entry.statement.kind, one.entry.body, one.entry.attachments, reason=reason, yes=yes)


def _lost(desk: Desk) -> list[LostStatement]:
    return lost_statements(KeptChain(desk.home.path).lost(), desk.chain, now_ms())


def _judged(file: Path, home: Home, genesis: Path | None) -> tuple[RestoreRequest, Judged]:
    request = read_as(file, RestoreRequest.parse, MAX_REQUEST_FILE_BYTES)
    founding = read_as(genesis, read_genesis) if genesis else home.genesis()
    return request, judge(request, home, founding.statement.link, now_ms())


def _told(request: RestoreRequest, judged: Judged) -> tuple[dict[str, object], list[tuple[str, str]]]:
    """The request as JSON and for a person."""
    restore, signers = request.restore, _signers(judged)
    behind = [_named(one.statement.kind, one.statement.body) for one in request.proposed[1:]]
    facts: dict[str, object] = {
        "old": restore.old.hex(),
        "new": restore.new.hex(),
        "ticks_kept": restore.ticks_kept,
        "statements_kept": len(request.entries),
        "last_statement_at": utc(request.entries[-1].applied_at_ms),
        "lost_by_floor": lost_facts(request.lost),
        "lost_to_this_home": [_entry_facts(one) for one in by_danger(judged.lost)],
        "behind": behind,
        "signed_by": list(signers),
        "signatures": {"have": judged.progress.have, "need": judged.progress.need},
        "expires_at": utc(judged.proposed[0].statement.expires_at_ms),
        "reasons": dict(request.reasons),
    }
    wants = f"signed by {', '.join(signers) or 'nobody yet'} ({judged.progress.have}/{judged.progress.need})"
    lines = [("asks", f"{' '.join(subject_of(request.proposed[0].statement))}  {wants}")]
    lines.append(
        ("kept", f"{restore.ticks_kept} ticks, {len(request.entries)} statements until {facts['last_statement_at']}")
    )
    lines.append(("lost", f"the machine says: {_floor_told(request.lost)}"))
    if judged.lost:
        lines.append(("LACKS", f"{len(judged.lost)} statements that this home has seen:"))
    for one in by_danger(judged.lost):
        name = _named(one.statement.kind, one.body)
        back = "   put back behind the RESTORE" if name in behind else ""
        word = "STOP" if one.statement.kind in STOPS else ""
        lines.append((word, f"{name}   {utc(one.applied_at_ms)}{back}"))
    lines += [("behind", name) for name in behind]
    lines += [("reason", f"{operator}: {reason}") for operator, reason in request.reasons.items()]
    return facts, lines


def _signers(judged: Judged) -> tuple[str, ...]:
    return signer_names(judged.proposed[0], judged.control.roster)


def _next(judged: Judged, file: Path) -> tuple[str, str]:
    if judged.progress.have < judged.progress.need:
        return "send", f"{file} to another operator: `sluicectl restore approve {file} --reason ...`"
    return "send", f"{file} back to the machine: `sluice restore FOLDER --statement {file}`"


def _named(kind: StatementKind, body: bytes) -> str:
    return f"{kind.name.lower().replace('_', '-')} {name_of(kind, body)}"


def _floor_told(lost: Lost | None) -> str:
    if lost is None:
        return "it has no floor and does not know"
    told = [
        f"{word} {span[0]} to {span[-1]}" if span else f"no {word}"
        for word, span in (("ticks", lost.ticks), ("statements", lost.statements))
    ]
    return f"at least {told[0]}, and {told[1]}"


def _entry_facts(entry: ControlEntry) -> dict[str, object]:
    kind = entry.statement.kind
    return {
        "kind": kind.name,
        "subject": name_of(kind, entry.body),
        "position": entry.statement.position,
        "applied_at": utc(entry.applied_at_ms),
        "link": entry.statement.link.hex(),
    }


def _lost_facts(one: LostStatement) -> dict[str, object]:
    return {**_entry_facts(one.entry), "fate": one.fate.value, "note": one.note, "change": one.change_id or None}


def _lost_line(one: LostStatement) -> tuple[str, str]:
    told = "   ".join([*([one.change_id] if one.change_id else []), *([one.note] if one.note else [])])
    return one.fate.value, f"{_named(one.entry.statement.kind, one.entry.body)}   {told}".rstrip()
