"""`sluicectl genesis`: founding a gateway, offline, from file to file.

The founding statement is signed by every operator it names. Its link is the genesis: the name of this gateway in
everything that is ever signed for it.
"""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.asking import asking, open_home, yes_option
from clients.cli.boundary import Group
from clients.cli.output import result, signed_lines
from clients.keyfiles import read_as, write_public
from clients.operator.card import OperatorCard, parse_card
from clients.operator.drafts import roster_text
from clients.operator.home import read_genesis
from clients.operator.render import render, signer_names
from clients.operator.sign import sign_shown
from clients.times import now_ms
from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Roster
from gateway.core.control.statement import SignedStatement, first_statement
from gateway.core.errors import CallerError

GENESIS_LIFE_MS = 7 * 24 * 3600 * 1000
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group)
def genesis() -> None:
    """Found a gateway: make, sign, show. Offline."""


@genesis.command()
@click.argument("cards", nargs=-1, required=True, type=_FILE, metavar="CARD...")
@click.option(
    "--person", "persons", multiple=True, metavar="ID=PERSON", help="Who holds the key; one for each operator."
)
@click.option("--recovery", multiple=True, type=_FILE, metavar="CARD", help="A recovery key's card; at least two.")
@click.option("--quorum", type=int, default=2, show_default=True, help="Persons needed for what widens.")
@click.option(
    "--wait-hours", type=int, default=72, show_default=True, help="Time in which a next roster can be stopped."
)
@click.option(
    "--recovery-quorum", type=int, default=2, show_default=True, help="Recovery keys needed to replace a roster."
)
@click.option(
    "--out", type=_FILE, default=Path("genesis.sluice"), show_default=True, metavar="FILE", help="Where it goes."
)
@yes_option
def make(
    cards: tuple[Path, ...],
    persons: tuple[str, ...],
    recovery: tuple[Path, ...],
    quorum: int,
    wait_hours: int,
    recovery_quorum: int,
    out: Path,
    yes: bool,
) -> None:
    """Write the founding statement over the operators' CARDs and sign it as one of them.

    Compare every card's words by voice before you sign; the others sign with `genesis sign`.
    """
    home = open_home()
    if out.exists():
        raise CallerError("file-exists", "a genesis is never replaced, there is one already", at=str(out))
    named = _persons(persons)
    operators = [read_as(path, parse_card) for path in cards]
    offline = [read_as(path, parse_card) for path in recovery]
    text = roster_text(
        [(card, _person_of(card, named)) for card in operators],
        offline,
        quorum=quorum,
        wait_hours=wait_hours,
        recovery_quorum=recovery_quorum,
    )
    at_ms = now_ms()
    statement = first_statement(text, at_ms, at_ms + GENESIS_LIFE_MS)
    unsigned = ControlEntry(SignedStatement(statement, ()), (), at_ms)
    signed, _ = sign_shown(home, unsigned, Roster.parse(text), asking(yes))
    write_public(out, signed.signed.encode())
    words = {card.operator_id: card.words() for card in (*operators, *offline)}
    _report(signed, out, words)


@genesis.command()
@click.argument("file", type=_FILE)
@yes_option
def sign(file: Path, yes: bool) -> None:
    """Add this operator's signature to the founding statement in FILE."""
    home = open_home()
    founding = read_as(file, read_genesis)
    founding.verify()
    entry = ControlEntry(founding, (), founding.statement.proposed_at_ms)
    signed, _ = sign_shown(home, entry, Roster.parse(founding.statement.body), asking(yes))
    write_public(file, signed.signed.encode())
    _report(signed, file, {})


@genesis.command()
@click.argument("file", type=_FILE)
def show(file: Path) -> None:
    """Show the founding statement in FILE, who signed it and who has not."""
    founding = read_as(file, read_genesis)
    founding.verify()
    entry = ControlEntry(founding, (), founding.statement.proposed_at_ms)
    roster = Roster.parse(founding.statement.body)
    facts, lines = _state(entry, file)
    result(
        {**facts, "text": founding.statement.body.decode()},
        signed_lines(render(entry, roster)) + lines,
    )


def _report(entry: ControlEntry, path: Path, words: dict[str, str]) -> None:
    facts, lines = _state(entry, path)
    spoken = [("compare", f"by voice: {operator_id} `{one}`") for operator_id, one in words.items()]
    result({**facts, "words": words}, spoken + lines)


def _state(entry: ControlEntry, path: Path) -> tuple[dict[str, object], list[tuple[str, str]]]:
    roster = Roster.parse(entry.body)
    signed_by = signer_names(entry, roster)
    missing = [one.id for one in roster.operators if one.id not in signed_by]
    link = entry.statement.link.hex()
    facts = {
        "genesis": link,
        "file": str(path),
        "signed_by": list(signed_by),
        "missing": missing,
        "complete": not missing,
    }
    done = f"complete: signed by {', '.join(signed_by)}"
    wants = f"signed by {', '.join(signed_by)}; still needs {', '.join(missing)}: `sluicectl genesis sign {path}`"
    return facts, [("genesis", link), ("file", f"{path}  {wants if missing else done}")]


def _persons(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if not all(separator and operator_id and person for operator_id, separator, person in pairs):
        raise CallerError("persons", "a person must be given as ID=PERSON", at="--person")
    return {operator_id: person for operator_id, _, person in pairs}


def _person_of(card: OperatorCard, persons: dict[str, str]) -> str:
    if card.operator_id not in persons:
        raise CallerError(
            "persons", "each operator must have a person, one has none", at=card.operator_id, do="--person ID=PERSON"
        )
    return persons[card.operator_id]
