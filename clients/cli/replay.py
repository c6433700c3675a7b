"""`sluice-client replay RECORDING`: every check again, on the streams as they were received."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.output import result
from clients.cli.profile_option import profile_option
from clients.partner.events import Records, TickSeen
from clients.partner.recording import Replay
from clients.profile import Profile


@click.command(cls=Command, name="replay")
@click.argument("recording", type=click.Path(path_type=Path, dir_okay=False))
@profile_option("the partner's")
def replay_command(recording: Path, profile_path: Path) -> None:
    """Check RECORDING, made by `follow --record`, as of the times its messages came."""
    records = ticks = frames = quarantined = 0
    replay = Replay(Profile.load(profile_path), recording)
    for event in replay.events():
        if isinstance(event, Records):
            frames += 1
            records += len(event.records)
            quarantined += len(event.quarantined)
        elif isinstance(event, TickSeen):
            ticks += 1
    facts = {
        "ok": True,
        "streams": replay.streams,
        "records": records,
        "frames": frames,
        "ticks": ticks,
        "quarantined": quarantined,
    }
    result(facts, [("verified", f"{records} records in {frames} frames under {ticks} ticks")])
