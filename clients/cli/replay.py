"""`sluice-client replay RECORDING`: every check again, on a stream as it was received."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.output import result
from clients.partner.checks import Records, TickSeen
from clients.partner.recording import replay
from clients.profile import Profile


@click.command(cls=Command, name="replay")
@click.argument("recording", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--profile", "profile_path", required=True, type=click.Path(path_type=Path), help="The partner's profile."
)
def replay_command(recording: Path, profile_path: Path) -> None:
    """Check RECORDING, made by `follow --record`, as of the times its messages came."""
    records = ticks = frames = 0
    for event in replay(Profile.load(profile_path), recording):
        if isinstance(event, Records):
            frames += 1
            records += len(event.records)
        elif isinstance(event, TickSeen):
            ticks += 1
    result(
        {"ok": True, "records": records, "frames": frames, "ticks": ticks},
        [("verified", f"{records} records in {frames} frames under {ticks} ticks")],
    )
