"""`sluice-client status`: how far a partner's subscription is, from what is kept on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.boundary import Command
from clients.cli.follow import default_state
from clients.cli.output import result
from clients.cli.profile_option import profile_option
from clients.partner.state import PartnerState
from clients.profile import Profile
from gateway.core.errors import CallerError
from gateway.core.ledger.entries import partner_account


@click.command(cls=Command, name="status")
@profile_option("the partner's")
@click.option("--agreement", "agreement_id", help="Which agreement, if the profile has several.")
@click.option("--subscription", default="default", show_default=True, help="Which subscription.")
@click.option("--state", type=click.Path(path_type=Path), help="What is kept.  [default: beside the profile]")
def status_command(profile_path: Path, agreement_id: str | None, subscription: str, state: Path | None) -> None:
    """Say what this partner holds and what it is still owed; no other process may be following."""
    profile = Profile.load(profile_path)
    if not profile.agreements:
        raise CallerError("agreement-needed", "a partner's profile with an agreement was expected", at=profile.id)
    agreement = profile.agreement(agreement_id) if agreement_id else profile.agreements[0]
    account_id = partner_account(profile.id, agreement.id, subscription)
    path = state or default_state(profile_path, profile, agreement_id, subscription)
    kept = PartnerState(path, profile.genesis_link, account_id)
    ledger, records = kept.ledger, kept.records
    closed = [(one, kept.beyond(one.incarnation)) for one in kept.closed()]
    kept.close()
    facts: dict[str, object] = {
        "held": ledger.held.size,
        "owed": len(ledger.owed),
        "records": records,
        "ticks": ledger.next_tick,
    }
    result(
        facts | {"closed": [one.facts() | {"beyond": beyond} for one, beyond in closed]},
        [
            ("account", f"{facts['held']} disclosures held, {facts['owed']} owed, under {facts['ticks']} ticks"),
            ("records", f"{records}"),
            *(
                ("closed", f"{one.sentence()}; of {one.size} disclosures {beyond} are lost there, and kept here")
                for one, beyond in closed
            ),
        ],
    )
