"""`sluicectl ledger`: who got which record, under what, and the proof: who, got, find, prove, export, verify.

What is printed was verified here, item by item, against this home's own chain of statements; `proof ok` is never the
gateway's word. Long readings tell on a terminal how far they are.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from clients.cli import output
from clients.cli.asking import open_home
from clients.cli.boundary import Group
from clients.cli.desk import Desk, at_desk
from clients.keyfiles import read_as
from clients.operator.accounts import Accounts
from clients.operator.auditing import Question, read_accounts
from clients.operator.chain import Chain
from clients.operator.disclosed import COLUMNS, Filter, RecordName, Row, named_rows, rows_of
from clients.operator.home import read_genesis
from clients.operator.proving import Spool, evidence_file
from clients.operator.verifying import VerifiedFile, verify_file
from clients.times import now_ms, utc
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import RecordKind

_NEW_FILE = click.Path(path_type=Path, dir_okay=False)
_OLD_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_DAY_MS = 24 * 3600 * 1000
_TELL_SECONDS = 2.0
_KINDS = [kind.name.lower() for kind in RecordKind]


def _moment(of_day_ms: int) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """Reads `2026-11-01` or `2026-11-01T08:00:00Z` as UTC milliseconds. of_day_ms: what a day alone adds."""

    def read(_ctx: click.Context, param: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        for pattern, more in (("%Y-%m-%d", of_day_ms), ("%Y-%m-%dT%H:%M:%SZ", 0)):
            with suppress(ValueError):
                return int(datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()) * 1000 + more
        raise click.BadParameter("a day 2026-11-01 or a time 2026-11-01T08:00:00Z was expected", param=param)

    return read


_since = click.option(
    "--since", "since_ms", metavar="TIME", callback=_moment(0), help="From this day or moment on, UTC."
)
_until = click.option(
    "--until", "until_ms", metavar="TIME", callback=_moment(_DAY_MS), help="Up to this day's end, or before a moment."
)
_csv = click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line a record.")


@click.group(cls=Group)
def ledger() -> None:
    """Who got what: who, got, find, prove, export, verify."""


@ledger.command()
@click.argument("record")
def who(record: str) -> None:
    """Say which partners got RECORD: `9d0c11e2.4`, or the first digits of its batch."""
    name = RecordName.parse(record)
    ledgers = _read_all(Question(lambda disclosure, opening: name.is_in(opening)))
    rows = named_rows(name, (row for accounts in ledgers for row in rows_of(accounts)))
    many = len({row.record for row in rows}) > 1
    lines = [(row.found.entry.partner_id, row.sentence(with_record=many)) for row in rows]
    if not lines:
        lines = [("nobody", f"no disclosure shows a record that begins with {record}")]
    output.result(
        {"record": record, "disclosures": [row.facts() for row in rows], **_facts_of(ledgers)},
        lines + _lines_of(ledgers),
    )


@ledger.command()
@click.argument("partner_id", metavar="PARTNER")
@_since
@_until
@_csv
def got(partner_id: str, since_ms: int | None, until_ms: int | None, as_csv: bool) -> None:
    """List every record that PARTNER got."""
    wanted = Filter(partner_id=partner_id, since_ms=since_ms, until_ms=until_ms)
    _print_rows(_read_all(Question(wanted.wants, partner_id)), wanted, as_csv=as_csv)


@ledger.command()
@click.option("--partner", "partner_id", default="", help="Disclosed to this partner.")
@click.option("--agreement", "agreement_id", default="", help="Disclosed under this agreement.")
@click.option("--source", "source_id", default="", help="Of this source.")
@click.option("--kind", type=click.Choice(_KINDS), help="Of this kind.")
@_since
@_until
@_csv
def find(
    partner_id: str,
    agreement_id: str,
    source_id: str,
    kind: str | None,
    since_ms: int | None,
    until_ms: int | None,
    as_csv: bool,
) -> None:
    """List disclosed records by source, kind, time, partner and agreement."""
    number = RecordKind[kind.upper()] if kind else None
    wanted = Filter(partner_id, agreement_id, source_id, number, since_ms, until_ms)
    _print_rows(_read_all(Question(wanted.wants, partner_id)), wanted, as_csv=as_csv)


@ledger.command()
@click.argument("record")
@click.option("--to", "path", type=_NEW_FILE, required=True, help="The file of evidence; it must not be there.")
def prove(record: str, path: Path) -> None:
    """Write a file that proves offline who got RECORD; it holds every statement, so mind who gets it."""
    name = RecordName.parse(record)
    _check_free(path)
    # The present ledger first; one that a RESTORE ended proves what it says under the tick that was kept of it.
    ledgers = [b""]
    while ledgers:
        ended = ledgers.pop()
        with closing(Spool(path.absolute().parent)) as spool:
            question = Question(lambda disclosure, opening: name.is_in(opening), ended=ended, hear=spool.hear)
            accounts, chain = _read(question)
            rows = named_rows(name, rows_of(accounts))
            if rows:
                with evidence_file(path) as file:
                    file.write_control(chain.entries)
                    spool.write(file, list(dict.fromkeys(row.found for row in rows)))
                _report_file(path, verify_file(path, chain.control.genesis))
                return
        ledgers += [] if ended else accounts.ended
    raise Refused(
        "nothing-to-prove",
        "a disclosure must show the record, none does under any tick",
        at=record,
        do=f"`sluicectl ledger who {record}`",
    )


@ledger.command()
@click.option("--to", "path", type=_NEW_FILE, required=True, help="The file of evidence; it must not be there.")
def export(path: Path) -> None:
    """Write everything that partners were shown into one file of evidence, verified on the way and once more behind.

    The file appears whole or not at all: a reading that was cut off is begun anew.
    """
    _check_free(path)
    with evidence_file(path) as file:
        question = Question(
            lambda disclosure, opening: False,
            begin=lambda chain: file.write_control(chain.entries),
            hear=file.write,
        )
        _, chain = _read(question)
    _report_file(path, verify_file(path, chain.control.genesis))


@ledger.command()
@click.argument("path", metavar="FILE", type=_OLD_FILE)
@click.option("--genesis", type=_OLD_FILE, help="The founding statement to hold it to.  [default: this home's]")
def verify(path: Path, genesis: Path | None) -> None:
    """Verify a file of evidence offline: no gateway is asked."""
    founding = read_as(genesis, read_genesis) if genesis else open_home().genesis()
    _report_file(path, verify_file(path, founding.statement.link))


class _Progress:
    """Says on a terminal how far a long reading is."""

    def __init__(self) -> None:
        self._items = 0
        self._next = time.monotonic() + _TELL_SECONDS

    def one_more(self) -> None:
        """One more item was verified."""
        self._items += 1
        if time.monotonic() >= self._next and sys.stderr.isatty():
            output.said(f"verified  {self._items} items")
            self._next = time.monotonic() + _TELL_SECONDS


def _read(question: Question) -> tuple[Accounts, Chain]:
    """The accounts under the newest tick, verified."""

    async def action(desk: Desk) -> tuple[Accounts, Chain]:
        return await _asked(desk, question, _Progress())

    return at_desk(action)


def _read_all(question: Question) -> list[Accounts]:
    """The same of every ledger there was, the present one last; refuses `partner-unknown` before anything is read."""

    async def action(desk: Desk) -> list[Accounts]:
        if question.partner_id:
            desk.chain.control.partner(question.partner_id)
        progress = _Progress()
        present, _ = await _asked(desk, question, progress)
        ended = [(await _asked(desk, replace(question, ended=one), progress))[0] for one in present.ended]
        return [*ended, present]

    return at_desk(action)


async def _asked(desk: Desk, question: Question, progress: _Progress) -> tuple[Accounts, Chain]:
    def told(kind: int, item: bytes) -> None:
        progress.one_more()
        question.hear(kind, item)

    return await read_accounts(desk.governance, desk.home, desk.chain, replace(question, hear=told), now_ms())


def _check_free(path: Path) -> None:
    """Before a long reading, not behind it."""
    if path.exists():
        raise CallerError("file-exists", "evidence is never written over, there is a file already", at=str(path))


def _print_rows(ledgers: Sequence[Accounts], wanted: Filter, *, as_csv: bool) -> None:
    rows = [row for accounts in ledgers for row in rows_of(accounts) if wanted.wants_row(row)]
    rows.sort(key=lambda row: (row.time, row.found.account_id, row.found.index, row.batch, row.idx))
    if as_csv and not output.wants_json():
        click.echo(_csv_text(rows), nl=False)
        return
    lines = [(row.found.entry.partner_id, row.sentence(with_record=True)) for row in rows]
    facts = {"disclosures": [row.facts() for row in rows], **_facts_of(ledgers)}
    output.result(facts, (lines or [("none", "no disclosure is such a one")]) + _lines_of(ledgers))


def _csv_text(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return text.getvalue()


def _scope_facts(accounts: Accounts) -> dict[str, object]:
    """What the answer speaks of."""
    tick = accounts.tick
    return {
        "tick": {
            "number": tick.number if tick else None,
            "time": utc(tick.time_ms) if tick else None,
            "incarnation": tick.incarnation.hex() if tick else None,
        },
        "accounts": len(accounts.accounts),
        "complete": accounts.is_complete,
        "not_kept": dict(sorted(accounts.not_kept.items())),
    }


def _facts_of(ledgers: Sequence[Accounts]) -> dict[str, object]:
    """What an answer over every ledger speaks of: the present one, and those that a RESTORE ended."""
    *ended, present = ledgers
    complete = all(accounts.is_complete for accounts in ledgers)
    return _scope_facts(present) | {"complete": complete, "ended": [_scope_facts(accounts) for accounts in ended]}


def _lines_of(ledgers: Sequence[Accounts]) -> list[tuple[str, str]]:
    """The same for a person."""
    return [line for accounts in reversed(ledgers) for line in _scope_lines(accounts)]


def _scope_lines(accounts: Accounts) -> list[tuple[str, str]]:
    """The same for a person: what is proven, and what is not."""
    tick = accounts.tick
    stands = f"tick {tick.number} of {utc(tick.time_ms)}" if tick else "no tick"
    every = "every account was read, there is no other" if accounts.is_complete else "other accounts were not read"
    lines = [("under", f"{stands}; {every}")]
    if accounts.not_kept:
        told = ", ".join(f"{count} to {partner}" for partner, count in sorted(accounts.not_kept.items()))
        lines.append(("but", f"disclosures of before records were kept do not say which went: {told}"))
    return lines


def _report_file(path: Path, verified: VerifiedFile) -> None:
    accounts = verified.accounts
    rows = list(rows_of(accounts))
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha384").hexdigest()
    facts: dict[str, object] = {
        "file": str(path),
        "sha384": checksum,
        "genesis": verified.genesis.hex(),
        "statements": verified.statements,
        "entries": accounts.entries,
        "batches": len(accounts.batches),
        "records": accounts.records,
        "ended_before": len(accounts.ended),
        **_scope_facts(accounts),
    }
    lines = [
        ("file", f"{path}  {path.stat().st_size} bytes  sha384 {checksum[:16]}…"),
        (
            "holds",
            f"{verified.statements} statements, {accounts.entries} entries, {accounts.records} records disclosed",
        ),
    ]
    if not accounts.is_whole:
        facts["disclosures"] = [row.facts() for row in rows]
        lines += [(row.found.entry.partner_id, row.sentence(with_record=True)) for row in rows]
    if accounts.ended:
        lines.append(("but", f"ledgers that a restore ended are not in this file, there are {len(accounts.ended)}"))
    output.result(
        facts, [*lines, *_scope_lines(accounts), ("verified", f"from genesis {verified.genesis.hex()[:16]}…")]
    )
