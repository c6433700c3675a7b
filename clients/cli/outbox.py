"""`sluice-client outbox`: what waits to be acknowledged, and sending it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.output import result, said
from clients.profile import Profile
from clients.source.outbox import Outbox, Tally
from clients.source.upload import Upload


@click.command(cls=Command, name="outbox")
@click.option(
    "--profile", "profile_path", required=True, type=click.Path(path_type=Path), help="This source's profile."
)
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
    outbox = Outbox(outbox_path or profile_path.with_suffix(".outbox"), profile.genesis_link, profile.id)
    try:
        if send:
            asyncio.run(Upload(profile, outbox, _progress).run(give_up_after_seconds=give_up_after))
        tally = outbox.tally()
        refused = outbox.refused()
    finally:
        outbox.close()
    result(
        {
            "batches": tally.batches,
            "records": tally.records,
            "open": tally.open_batches,
            "refused": [{"batch": batch, "code": code, "at": at} for batch, code, at in refused],
        },
        [
            ("outbox", ", ".join(f"{count} {state}" for state, count in sorted(tally.batches.items())) or "empty"),
            *(("refused", f"batch {batch}: {code} at {at}") for batch, code, at in refused),
        ],
    )


def _progress(event: str, tally: Tally) -> None:
    said(f"link      {event}: {tally.open_batches} batches open")
