"""`sluice-client`: what a source or a partner types."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

import click

from clients.cli.boundary import Root

_ROOMS = {
    "enrol": ("clients.cli.enrol:enrol_command", "Make this party's keys and the file that goes to the operator."),
    "renew": ("clients.cli.renew:renew_command", "Ask for this party's next certificate."),
    "doctor": ("clients.cli.doctor:doctor_command", "Look at profile, keys, clock and link, and say what is wrong."),
    "publish": ("clients.cli.publish:publish_command", "Publish a flight log or a tactic."),
    "outbox": ("clients.cli.outbox:outbox_command", "Say what waits, and send it."),
    "follow": ("clients.cli.follow:follow_command", "Receive what this partner may have."),
    "status": ("clients.cli.status:status_command", "Say what this partner holds and is still owed."),
    "replay": ("clients.cli.replay:replay_command", "Check a recorded stream again."),
}

client = click.group(cls=Root, rooms=_ROOMS)(lambda: None)
client.help = "Publish to a Sluice gateway, or receive from one."


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The entry point."""
    # The transport writes lines of its own about links that come and go; a person reads ours. Read when grpc is loaded.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    client.main(args, "sluice-client")
