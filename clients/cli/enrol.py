"""`sluice-client enrol ID --gateway HOST:PORT`: makes a party's keys and the bundle that goes to an operator."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.output import result
from clients.connection import split_endpoint
from clients.enrolment import PartyRole, enrol, folder_name


@click.command(cls=Command, name="enrol")
@click.argument("party_id", metavar="ID")
@click.option("--gateway", required=True, metavar="HOST:PORT", help="The gateway you mean to be admitted to.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in PartyRole]),
    default=PartyRole.PARTNER.value,
    show_default=True,
    help="A partner receives; a source sends.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the keys go; default ./<id>.")
def enrol_command(party_id: str, gateway: str, role: str, out: Path | None) -> None:
    """Make this party's keys and the file that goes to the operator.

    The keys stay in DIR, readable by you only. The file beside it, DIR.enrol, is public: send it, and read its words
    to the operator over a line you know.
    """
    split_endpoint(gateway)
    folder = out or Path(folder_name(party_id))
    bundle, path = enrol(folder, PartyRole(role), party_id)
    words = "-".join(bundle.words())
    purpose = "TLS, batch-signing" if role == PartyRole.SOURCE.value else "TLS, receipt-signing and decryption"
    result(
        {"id": party_id, "role": role, "gateway": gateway, "keys": str(folder), "bundle": str(path), "words": words},
        [
            ("made", f"{folder}/: {purpose} keys (0600, stay here)"),
            ("send", f"{path} (public) to the operator of {gateway}; confirm by phone: `{words}`"),
        ],
    )
