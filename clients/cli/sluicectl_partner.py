"""`sluicectl partner`: who receives, with which clearance."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.asking import reason_option, wait_option, yes_option
from clients.cli.boundary import Group
from clients.cli.desk import Decided, Desk, at_desk
from clients.cli.output import aligned, result, signed_lines
from clients.cli.party import binding_of, heard_bundle, keys_option, resume_party, suspend_party, write_profile
from clients.cli.report import report
from clients.enrolment import PartyRole
from clients.keyfiles import read_public
from clients.operator.answer import admission_of
from clients.operator.ca import LEAF_HOURS, PartyKind
from clients.operator.drafts import partner_text
from clients.operator.render import notes_on_partner
from gateway.core.control.fold import Control
from gateway.core.control.partner import KEY_EXCHANGES, PartnerAdmission
from gateway.core.suite.numbers import StatementKind

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group)
def partner() -> None:
    """Partners: list, show, admit, suspend, resume, profile."""


@partner.command("list")
def list_partners() -> None:
    """List admitted partners."""

    async def action(desk: Desk) -> None:
        control = desk.chain.control
        admissions = [one.admission for _, one in sorted(control.partners.items())]
        facts = [_facts(control, admission) for admission in admissions]
        rows = [(one.id, one.nation, _state(control, one), _cleared(one)) for one in admissions]
        result({"partners": facts}, aligned(rows) or [("none", "no partner is admitted")])

    at_desk(action)


@partner.command()
@click.argument("party_id", metavar="ID")
def show(party_id: str) -> None:
    """Show a partner's admission as it was signed, and its agreements."""

    async def action(desk: Desk) -> None:
        entry = admission_of(desk.chain, PartyRole.PARTNER, party_id)
        control = desk.chain.control
        admission = PartnerAdmission.parse(entry.body)
        facts, notes = _facts(control, admission), notes_on_partner(admission)
        text = entry.body.decode()
        agreements = [one for one in control.agreements.values() if one.partner_id == party_id]
        listed = [{"id": one.id, "ends": one.ends.isoformat(), "ended": one.id in control.ended} for one in agreements]
        lines = [(str(facts["state"]), f"{party_id}, admitted by control entry {entry.statement.position}")]
        lines += signed_lines(text.rstrip())
        lines += [("note", note) for note in notes]
        lines += [
            ("agreement", f"{one.id} to {one.ends}{' (ended)' * (one.id in control.ended)}") for one in agreements
        ]
        result({**facts, "agreements": listed, "text": text, "notes": notes}, lines)

    at_desk(action)


@partner.command()
@click.argument("bundle", type=_FILE)
@click.option("--id", "party_id", required=True, help="The partner's id, as it enrolled.")
@click.option("--nation", required=True, help="Three letters, like USA.")
@click.option("--clearance", required=True, type=_FILE, help="TOML with one table per policy.")
@click.option("--words", required=True, help="The four words the partner read out.")
@click.option("--root", type=_FILE, help="The root its certificates come from, if not the gateway's only one.")
@click.option(
    "--key-exchange", type=click.Choice(KEY_EXCHANGES), help="What its connections must agree on; default anything."
)
@click.option("--token", type=_FILE, help="TOML of `[token]`: who issues its access tokens; default nobody.")
@reason_option
@yes_option
@wait_option
def admit(
    bundle: Path,
    party_id: str,
    nation: str,
    clearance: Path,
    words: str,
    root: Path | None,
    key_exchange: str | None,
    token: Path | None,
    reason: str,
    yes: bool,
) -> None:
    """Propose to admit the partner that made BUNDLE."""
    enrolled = heard_bundle(bundle, party_id, words)
    cleared = read_public(clearance)
    issuer = read_public(token) if token else None

    async def action(desk: Desk) -> Decided:
        trust_domain, digest = binding_of(desk, root)
        body = partner_text(
            enrolled,
            trust_domain=trust_domain,
            root=digest,
            nation=nation,
            clearance=cleared,
            key_exchange=key_exchange,
            token=issuer,
        )
        return await desk.propose(StatementKind.PARTNER, body, (enrolled.encoded,), reason=reason, yes=yes)

    report([at_desk(action)])


@partner.command()
@click.argument("party_id", metavar="ID")
@reason_option
def suspend(party_id: str, reason: str) -> None:
    """Stop a partner now: one person may, and its live streams end before their next frame."""
    report([suspend_party(PartyKind.PARTNER, party_id, reason)])


@partner.command()
@click.argument("party_id", metavar="ID")
@reason_option
@yes_option
@wait_option
def resume(party_id: str, reason: str, yes: bool) -> None:
    """Propose to take a suspended partner up again: it needs the quorum."""
    report([resume_party(PartyKind.PARTNER, party_id, reason, yes)])


@partner.command()
@click.argument("party_id", metavar="ID")
@click.option("--out", required=True, type=_FILE, help="Where the profile goes.")
@click.option("--hours", type=int, default=LEAF_HOURS, show_default=True, help="Life of the certificate.")
@click.option("--endpoint", default="", metavar="HOST:PORT", help="How the partner reaches the gateway, if otherwise.")
@click.option("--certificate", type=_FILE, help="The partner's certificate, if it was issued elsewhere.")
@keys_option
def profile(party_id: str, out: Path, hours: int, endpoint: str, certificate: Path | None, keys: str) -> None:
    """Write the one file that answers a partner's enrolment, with a fresh certificate."""
    write_profile(PartyRole.PARTNER, party_id, out, hours=hours, endpoint=endpoint, certificate=certificate, keys=keys)


def _facts(control: Control, admission: PartnerAdmission) -> dict[str, object]:
    return {
        "id": admission.id,
        "nation": admission.nation,
        "identity": admission.binding.uri,
        "key_exchange": admission.key_exchange,
        "token": admission.token.issuer if admission.token else None,
        "clearance": {one.policy: one.level for one in admission.clearances},
        "state": _state(control, admission),
    }


def _state(control: Control, admission: PartnerAdmission) -> str:
    return "suspended" if control.is_suspended(f"partner/{admission.id}") else "active"


def _cleared(admission: PartnerAdmission) -> str:
    return ", ".join(f"{one.policy} {one.level}" for one in admission.clearances)
