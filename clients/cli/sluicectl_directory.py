"""`sluicectl directory`: which keys and files readers may trust, signed and dated."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.asking import check_words, reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import result
from clients.cli.report import report
from clients.keyfiles import read_as
from clients.operator.endorse import directory_draft, redated_draft
from clients.times import now_ms, utc
from gateway.core.control.enrolment import MAX_BUNDLE_BYTES, parse_bundle
from gateway.core.errors import CallerError
from gateway.core.suite.numbers import StatementKind


@click.group(cls=Group)
def directory() -> None:
    """The directory of trusted keys: show, issue, redate."""


@directory.command()
def show() -> None:
    """Show the directory that stands."""

    async def action(desk: Desk) -> None:
        standing = desk.chain.control.directory
        if standing is None:
            raise CallerError(
                "directory-missing", "a directory must stand, none does", do="`sluicectl directory issue`"
            )
        newest = standing.newest
        endorsed = [one.endorsement for one in standing.endorsed.values()]
        facts = [
            {"role": one.role.name, "subject": one.subject_id, "state": one.state.name, "key": one.key_digest.hex()}
            for one in endorsed
        ]
        lines = [("directory", f"{newest.dir_no}, {newest.size} endorsements, until {utc(newest.expires_at_ms)}")]
        lines += [("", f"{one.role.name:<16} {one.state.name:<8} {one.subject_id}") for one in endorsed]
        result({"number": newest.dir_no, "expires_at": utc(newest.expires_at_ms), "endorsed": facts}, lines)

    at_desk(action)


@directory.command()
@click.option(
    "--gateway",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="BUNDLE",
    help="The gateway's .enrol: the first time, and to retire every other key of it.",
)
@click.option(
    "--next",
    "following",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="BUNDLE",
    help="The .enrol of its next keys, which stand beside the present ones.",
)
@click.option("--words", default="", help="The four words of that bundle.")
@click.option("--days", type=int, default=7, show_default=True, help="Its life, 1 to 7 days.")
@reason_option
@yes_option
@wait_option
def issue(gateway: Path | None, following: Path | None, words: str, days: int, reason: str, yes: bool) -> None:
    """Propose the next directory: the gateway's keys, every party, every vocabulary; what is pending before it too."""
    if gateway and following:
        raise CallerError("usage", "one of `--gateway` and `--next` is said, both were", at="--next")
    path = gateway or following
    bundle = read_as(path, parse_bundle, MAX_BUNDLE_BYTES) if path else None
    if bundle is not None:
        check_words(words, "-".join(bundle.words()))
    present, successor = (None, bundle) if following else (bundle, None)

    async def action(desk: Desk) -> Decided:
        body, listed = directory_draft(desk.chain, present, days=days, now_ms=now_ms(), successor=successor)
        return await desk.propose(StatementKind.DIRECTORY, body, (listed,), reason=reason, yes=yes)

    report([at_desk(action)])


@directory.command()
@click.option("--days", type=int, default=7, show_default=True, help="Its life, 1 to 7 days.")
@reason_option
def redate(days: int, reason: str) -> None:
    """Repeat the directory that stands under a new date: one person may, since it endorses nothing new."""

    async def action(desk: Desk) -> Decided:
        body = redated_draft(desk.chain, days=days, now_ms=now_ms())
        return await desk.propose(StatementKind.DIRECTORY_REDATE, body, (), reason=reason, yes=True)

    report([at_desk(action)])
