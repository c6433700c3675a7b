"""The verbs of `sluicectl operator` that change who the operators are.

A roster is replaced in two statements: `propose`, signed by those who decide now and by those who will, and after the
waiting time `adopt`, signed by the set whose proposal it is. In between one operator stops it with `object`; a
recovery, which is made because operators' keys may be in wrong hands, only their quorum. Recovery keys lie offline:
they sign a file (`change export`, `change sign`, `change import`). Source: SPEC.md section 2.3.
"""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.asking import check_words, reason_option, wait_option, yes_option
from clients.cli.boundary import Command
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result, signed_lines
from clients.cli.report import report
from clients.keyfiles import read_as, write_public
from clients.operator.card import MAX_CARD_BYTES, OperatorCard, parse_card
from clients.operator.carried import Carried
from clients.operator.chain import Change
from clients.operator.drafts import adoption_text, lift_of_text, objection_text
from clients.operator.render import render, subject_of
from clients.operator.rosters import SHOWN_DIGITS, RosterChange, chosen_proposal, next_roster, roster_difference
from clients.times import now_ms, utc
from gateway.core.control.fold import Control
from gateway.core.control.roster import Roster
from gateway.core.control.standing import OpenProposal
from gateway.core.control.statement import SignedStatement
from gateway.core.control.succession import Author
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import StatementKind

_FILE = click.Path(path_type=Path, dir_okay=False)
_HOUR_MS = 3_600_000
_proposal_argument = click.argument("proposal", required=False, default="")


@click.command("list", cls=Command)
def list_roster() -> None:
    """List operators and recovery keys, what it takes, and rosters that are proposed."""

    async def action(desk: Desk) -> None:
        control = desk.chain.control
        roster = control.roster
        hours = roster.wait_ms // _HOUR_MS
        lines = [("operator", f"{one.id}  {one.person}  {_short(one.key_digest)}") for one in roster.operators]
        lines += [("recovery", f"{one.id}  {_short(one.key_digest)}") for one in roster.recovery]
        lines.append(("takes", f"{roster.quorum} operators, or {roster.recovery_quorum} recovery keys; wait {hours} h"))
        for link, opened in control.proposals.items():
            state = "stopped by an objection" if opened.stopped else f"not before {utc(_earliest(control, opened))}"
            lines.append(("proposed", f"{_short(link)}  by {opened.proposal.author.value}, {state}"))
            lines += [("", one) for one in roster_difference(roster, opened.proposal.roster)]
        proposals = [_proposal_facts(control, link, opened) for link, opened in control.proposals.items()]
        result({**_roster_facts(roster), "proposals": proposals}, lines)

    at_desk(action)


@click.command(cls=Command)
@click.option(
    "--card", "cards", multiple=True, type=_FILE, metavar="CARD", help="A key that comes, or follows its id's."
)
@click.option("--words", "spoken", multiple=True, metavar="ID=WORDS", help="The words of each card, as read out.")
@click.option("--person", "persons", multiple=True, metavar="ID=PERSON", help="Who holds the key of one that comes.")
@click.option("--remove", "leaving", multiple=True, metavar="ID", help="An operator or recovery key that goes.")
@click.option("--quorum", type=int, help="Persons needed for what widens.")
@click.option("--wait-hours", type=int, help="Time in which a next roster can be stopped.")
@click.option("--recovery-quorum", type=int, help="Recovery keys needed to replace a roster.")
@reason_option
@yes_option
@wait_option
def propose(
    cards: tuple[Path, ...],
    spoken: tuple[str, ...],
    persons: tuple[str, ...],
    leaving: tuple[str, ...],
    quorum: int | None,
    wait_hours: int | None,
    recovery_quorum: int | None,
    reason: str,
    yes: bool,
) -> None:
    """Propose the next roster: the quorum of the present operators and the quorum of the next ones sign it.

    A card with the id of one who is there gives that operator or recovery key another key.
    """
    heard = _pairs(spoken, "--words")
    change = RosterChange(
        cards=[_heard_card(path, heard) for path in cards],
        persons=_pairs(persons, "--person"),
        leaving=leaving,
        quorum=quorum,
        wait_hours=wait_hours,
        recovery_quorum=recovery_quorum,
    )

    async def action(desk: Desk) -> Decided:
        text = next_roster(desk.chain.tip.roster, change)
        return await desk.propose(StatementKind.ROSTER_PROPOSE, text, (), reason=reason, yes=yes)

    report([at_desk(action)])


@click.command(cls=Command)
@_proposal_argument
@click.option("--out", type=_FILE, metavar="FILE", help="For a recovery: where the draft for the recovery keys goes.")
@reason_option
@yes_option
@wait_option
def adopt(proposal: str, out: Path | None, reason: str, yes: bool) -> None:
    """Put a proposed roster in force, once its waiting time is over: those who proposed it sign.

    PROPOSAL is the beginning of its link; it may be left out where one only is open. A recovery is signed by recovery
    keys alone, so it is drafted to a file for them.
    """

    async def action(desk: Desk) -> Decided | None:
        link, opened = chosen_proposal(desk.chain.control.proposals, proposal)
        body = adoption_text(link)
        if opened.proposal.author is Author.OPERATORS:
            return await desk.propose(StatementKind.ROSTER, body, (), reason=reason, yes=yes)
        if out is None:
            raise CallerError(
                "recovery-offline",
                "a recovery is signed by recovery keys alone, from a file",
                at="--out",
                do="--out FILE",
            )
        _draft(desk, body, out, reason)
        return None

    decided = at_desk(action)
    if decided is not None:
        report([decided])


@click.command("object", cls=Command)
@_proposal_argument
@reason_option
def object_to(proposal: str, reason: str) -> None:
    """Stop a proposed roster: one person may; of a recovery it takes the quorum."""

    async def action(desk: Desk) -> Decided:
        link, _ = chosen_proposal(desk.chain.control.proposals, proposal)
        return await desk.propose(StatementKind.OBJECT, objection_text(link, reason), (), reason=reason, yes=True)

    report([at_desk(action)])


@click.command(cls=Command)
@_proposal_argument
@reason_option
@yes_option
@wait_option
def lift(proposal: str, reason: str, yes: bool) -> None:
    """Propose to take an objection back: it needs the quorum."""

    async def action(desk: Desk) -> Decided:
        link, _ = chosen_proposal(desk.chain.control.proposals, proposal)
        body = lift_of_text(f"proposal/{link.hex()}", reason)
        return await desk.propose(StatementKind.LIFT, body, (), reason=reason, yes=yes)

    report([at_desk(action)])


def _draft(desk: Desk, body: bytes, out: Path, reason: str) -> None:
    """Writes the ROSTER that nobody has signed, with everything that is needed to judge it."""
    chain, control = desk.chain, desk.chain.control
    statement = chain.next_statement(StatementKind.ROSTER, body, now_ms())
    entry = chain.entry(SignedStatement(statement, ()), (), now_ms())
    _, progress = chain.preview(entry)
    write_public(out, Carried.of(chain, Change("", entry, reason, progress)).encode())
    text = render(entry, control.roster, control.proposals)
    facts = {
        "kind": statement.kind.name,
        "subject": subject_of(statement)[1],
        "state": "DRAFTED",
        "position": statement.position,
        "link": statement.link.hex(),
        "signatures": {"have": progress.have, "need": progress.need},
        "file": str(out),
        "text": text,
    }
    lines = signed_lines(text)
    lines.append(("drafted", f"{' '.join(subject_of(statement))}; needs {progress.need} recovery keys"))
    lines.append(("send", f"{out} (public) to the recovery keys: `sluicectl change sign {out} --reason ...`"))
    result(facts, lines)


def _heard_card(path: Path, heard: dict[str, str]) -> OperatorCard:
    card = read_as(path, parse_card, MAX_CARD_BYTES)
    check_words(heard.get(card.operator_id, ""), card.words())
    return card


def _pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if not all(separator and name and value for name, separator, value in pairs):
        raise CallerError("usage", f"`{option}` takes an id, `=` and what belongs to it", at=option)
    return {name: value for name, _, value in pairs}


def _roster_facts(roster: Roster) -> dict[str, object]:
    return {
        "operators": [{"id": one.id, "person": one.person, "key": one.key_digest.hex()} for one in roster.operators],
        "recovery": [{"id": one.id, "key": one.key_digest.hex()} for one in roster.recovery],
        "quorum": roster.quorum,
        "wait_hours": roster.wait_ms // _HOUR_MS,
        "recovery_quorum": roster.recovery_quorum,
    }


def _proposal_facts(control: Control, link: bytes, opened: OpenProposal) -> dict[str, object]:
    return {
        "proposal": link.hex(),
        "author": opened.proposal.author.value,
        "stopped": opened.stopped,
        "opened_at": utc(opened.opened_at_ms),
        "earliest": utc(_earliest(control, opened)),
        "difference": list(roster_difference(control.roster, opened.proposal.roster)),
        "roster": _roster_facts(opened.proposal.roster),
    }


def _earliest(control: Control, opened: OpenProposal) -> int:
    """When it may come into force: both by the gateway's clock and by what the proposal says of itself."""
    since = max(opened.opened_at_ms, opened.proposal.signed.statement.proposed_at_ms)
    return since + control.roster.wait_ms


def _short(digest: bytes) -> str:
    return digest.hex()[:SHOWN_DIGITS]
