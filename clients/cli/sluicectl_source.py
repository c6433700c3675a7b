"""`sluicectl source`: who sends, and what it may send."""

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
from clients.operator.answer import admission_of
from clients.operator.answers import Condition, Fork
from clients.operator.ca import LEAF_HOURS, PartyKind
from clients.operator.drafts import lift_of_text, source_text
from gateway.core.control.fold import Control
from gateway.core.control.source import SourceAdmission
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import StatementKind

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group)
def source() -> None:
    """Sources: list, show, admit, suspend, resume, profile."""


@source.command("list")
def list_sources() -> None:
    """List admitted sources."""

    async def action(desk: Desk) -> None:
        control = desk.chain.control
        facts = [_facts(control, one.admission) for _, one in sorted(control.sources.items())]
        rows = [(f"{one['id']}", f"{one['state']}", f"{one['scope']}") for one in facts]
        result({"sources": facts}, aligned(rows) or [("none", "no source is admitted")])

    at_desk(action)


@source.command()
@click.argument("party_id", metavar="ID")
def show(party_id: str) -> None:
    """Show a source's admission as it was signed."""

    async def action(desk: Desk) -> None:
        entry = admission_of(desk.chain, PartyRole.SOURCE, party_id)
        facts = _facts(desk.chain.control, SourceAdmission.parse(entry.body))
        text = entry.body.decode()
        lines = [(str(facts["state"]), f"{party_id}, admitted by control entry {entry.statement.position}")]
        result({**facts, "text": text}, lines + signed_lines(text.rstrip()))

    at_desk(action)


@source.command()
@click.argument("bundle", type=_FILE)
@click.option("--id", "party_id", required=True, help="The source's pseudonym, as it enrolled.")
@click.option("--scope", required=True, help="Kinds and modes it may send, like telemetry,tactic//SIMULATED.")
@click.option("--words", required=True, help="The four words the source read out.")
@click.option("--root", type=_FILE, help="The root its certificates come from, if not the gateway's only one.")
@reason_option
@yes_option
@wait_option
def admit(bundle: Path, party_id: str, scope: str, words: str, root: Path | None, reason: str, yes: bool) -> None:
    """Propose to admit the source that made BUNDLE."""
    enrolled = heard_bundle(bundle, party_id, words)

    async def action(desk: Desk) -> Decided:
        trust_domain, digest = binding_of(desk, root)
        body = source_text(enrolled, trust_domain=trust_domain, root=digest, scope=scope)
        return await desk.propose(StatementKind.SOURCE, body, (enrolled.encoded,), reason=reason, yes=yes)

    report([at_desk(action)])


@source.command()
@click.argument("party_id", metavar="ID")
@reason_option
def suspend(party_id: str, reason: str) -> None:
    """Stop a source now: one person may, and nothing more is taken from it."""
    report([suspend_party(PartyKind.SOURCE, party_id, reason)])


@source.command()
@click.argument("party_id", metavar="ID")
@reason_option
@yes_option
@wait_option
def resume(party_id: str, reason: str, yes: bool) -> None:
    """Propose to take a suspended source up again: it needs the quorum."""
    report([resume_party(PartyKind.SOURCE, party_id, reason, yes)])


@source.command()
@click.argument("party_id", metavar="ID")
@click.option("--out", required=True, type=_FILE, help="Where the profile goes.")
@click.option("--hours", type=int, default=LEAF_HOURS, show_default=True, help="Life of the certificate.")
@click.option("--endpoint", default="", metavar="HOST:PORT", help="How the source reaches the gateway, if otherwise.")
@click.option("--certificate", type=_FILE, help="The source's certificate, if it was issued elsewhere.")
@keys_option
def profile(party_id: str, out: Path, hours: int, endpoint: str, certificate: Path | None, keys: str) -> None:
    """Write the one file that answers a source's enrolment, with a fresh certificate."""
    write_profile(PartyRole.SOURCE, party_id, out, hours=hours, endpoint=endpoint, certificate=certificate, keys=keys)


@source.group("fork", cls=Group)
def fork() -> None:
    """Two batches that a source signed with one number: list, lift."""


@fork.command("list")
def list_forks() -> None:
    """List forks that nobody has settled: their sources are held."""

    async def action(desk: Desk) -> None:
        forks = (await desk.governance.condition()).forks
        facts = [{"source": one.source_id, "kept": one.kept.hex(), "refused": one.refused.hex()} for one in forks]
        lines = []
        for one in forks:
            lines += [
                (one.source_id, f"has the number  {one.kept.hex()}"),
                ("", f"was refused     {one.refused.hex()}"),
            ]
        result({"forks": facts}, lines or [("none", "no source is held for a fork")])

    at_desk(action)


@fork.command("lift")
@click.argument("party_id", metavar="ID")
@click.option("--refused", default="", metavar="DIGITS", help="The refused batch's first digits, if there are several.")
@reason_option
@yes_option
@wait_option
def lift_fork(party_id: str, refused: str, reason: str, yes: bool) -> None:
    """Propose to take from a source again: it needs the quorum. The batch that came first stays, the other does not.

    Call the source first: whoever signs two batches with one number has a copy of its key, or was put back.
    """

    async def action(desk: Desk) -> Decided:
        body = lift_of_text(_fork(await desk.governance.condition(), party_id, refused).target, reason)
        return await desk.propose(StatementKind.LIFT, body, (), reason=reason, yes=yes)

    report([at_desk(action)])


def _fork(condition: Condition, party_id: str, refused: str) -> Fork:
    """The one fork that is meant; refuses `fork-unknown` and `fork-ambiguous`."""
    own = [one for one in condition.forks if one.source_id == party_id and one.refused.hex().startswith(refused)]
    if not own:
        raise Refused(
            "fork-unknown", "a source must be held for a fork, this one is not", at=party_id, do="`source fork list`"
        )
    if len(own) > 1:
        raise CallerError(
            "fork-ambiguous", f"one fork must be named, there are {len(own)}", at=party_id, do="--refused"
        )
    return own[0]


def _facts(control: Control, admission: SourceAdmission) -> dict[str, object]:
    return {
        "id": admission.id,
        "identity": admission.binding.uri,
        "scope": admission.scope.text,
        "state": "suspended" if control.is_suspended(f"source/{admission.id}") else "active",
    }
