"""`sluice-client outbox`: what waits to be acknowledged, what was refused, and sending it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.output import result, said
from clients.cli.profile_option import profile_option
from clients.cli.publish import check_sent, open_outbox, refused_facts, refused_lines, run_renewing
from clients.profile import Profile
from clients.source.outbox import Tally, Told
from clients.source.upload import Upload

_HELD = "source-held"
_FOREVER = ": two batches were signed with one number; this version has no LIFT for that, enrol anew under another id"


@click.command(cls=Command, name="outbox")
@profile_option("this source's")
@click.option(
    "--outbox",
    "outbox_path",
    type=click.Path(path_type=Path),
    help="Where parcels wait.  [default: beside the profile]",
)
@click.option("--send", is_flag=True, help="Send until everything is acknowledged or refused.")
@click.option("--give-up-after", type=float, metavar="SECONDS", help="Stop trying then; the outbox keeps the rest.")
def outbox_command(profile_path: Path, outbox_path: Path | None, send: bool, give_up_after: float | None) -> None:
    """Say what is in the outbox, and with --send move it."""
    profile = Profile.load(profile_path)
    with closing(open_outbox(profile, profile_path, outbox_path)) as outbox:
        before = set(outbox.refused())
        if send:
            asyncio.run(run_renewing(profile_path, profile, Upload(profile, outbox, _progress), give_up_after))
        tally, refused, held_back = outbox.tally(), outbox.refused(), outbox.held_back()
        lost, closed = outbox.lost(), outbox.closed()
    result(
        {
            "batches": tally.batches,
            "records": tally.records,
            "open": tally.open_batches,
            "refused": refused_facts(refused),
            "held_back": refused_facts(held_back),
            "lost": refused_facts(lost),
            "closed": [account.facts() for account in closed],
        },
        [
            ("outbox", ", ".join(f"{count} {state}" for state, count in tally.batches.items()) or "empty"),
            *held_back_lines(held_back),
            *refused_lines(refused),
            *(("closed", account.sentence()) for account in closed),
            *(("lost", f"batch {told.batch}: deleted here on its permit, and lost there afterwards") for told in lost),
        ],
    )
    check_sent(tally, [told for told in refused if told not in before], sent=send)


def held_back_lines(held_back: list[Told]) -> list[tuple[str, str]]:
    """Waiting batches for a person; what will wait for ever says so."""
    return [
        ("waiting", sentence + (_FOREVER if told.code == _HELD else ""))
        for told, (_, sentence) in zip(held_back, refused_lines(held_back), strict=True)
    ]


def _progress(event: str, tally: Tally) -> None:
    said(f"link      {event}: {tally.open_batches} batches open")
