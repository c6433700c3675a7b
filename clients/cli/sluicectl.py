"""`sluicectl`: an operator's command line. Nouns are imported when called."""

from __future__ import annotations

from pathlib import Path

import click

from clients.cli.boundary import Root
from clients.cli.contexts import Named, read_contexts

_ROOMS = {
    "operator": (
        "clients.cli.sluicectl_operator:operator",
        "Operators: init, card, connect, renew; list, propose, adopt, object, lift.",
    ),
    "genesis": ("clients.cli.sluicectl_genesis:genesis", "Found a gateway: make, sign, show. Offline."),
    "ca": ("clients.cli.sluicectl_ca:ca", "Certificates: init, issue, renew, rebind, list, revoke, revoked."),
    "status": ("clients.cli.sluicectl_status:status", "What stands at the gateway, verified."),
    "change": (
        "clients.cli.sluicectl_change:change",
        "Pending changes: list, show, approve, reject, rebase; export, sign, import.",
    ),
    "source": (
        "clients.cli.sluicectl_source:source",
        "Sources: list, show, admit, suspend, resume, profile; fork list, lift.",
    ),
    "partner": ("clients.cli.sluicectl_partner:partner", "Partners: list, show, admit, suspend, resume, profile."),
    "agreement": ("clients.cli.sluicectl_agreement:agreement", "Agreements: list, show, propose, end."),
    "guide": ("clients.cli.sluicectl_guide:guide", "The classification guide: show, check, propose."),
    "vocabulary": ("clients.cli.sluicectl_vocabulary:vocabulary", "Label vocabularies: list, show, propose."),
    "equivalence": ("clients.cli.sluicectl_equivalence:equivalence", "Which level is which elsewhere: list, propose."),
    "hold": ("clients.cli.sluicectl_hold:hold", "Keep a record, a batch or an agreement back: list, place, lift."),
    "lockdown": ("clients.cli.sluicectl_hold:lockdown", "Stop everything, and go on: on, off."),
    "ledger": ("clients.cli.sluicectl_ledger:ledger", "Who got what, proven: who, got, find, prove, export, verify."),
    "key": ("clients.cli.sluicectl_key:key", "Keys of parties and gateway: list, rotate, taint, revoke, lift."),
    "time": ("clients.cli.sluicectl_time:time", "The gateway's clock: show, confirm after a jump."),
    "directory": ("clients.cli.sluicectl_directory:directory", "The directory of trusted keys: show, issue, redate."),
    "restore": ("clients.cli.sluicectl_restore:restore", "A store put back: show, approve, accept, lost, replay."),
    "diff": ("clients.cli.sluicectl_folder:diff", "Compare a folder of configuration with what stands."),
    "apply": ("clients.cli.sluicectl_folder:apply", "Propose what a folder of configuration says and is not there."),
    "context": ("clients.cli.sluicectl_context:context", "Homes by name: list, use, show. Offline."),
    "completion": ("clients.cli.sluicectl_completion:completion", "Print what completes these commands in a shell."),
}


def _names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in read_contexts().by_name if name.startswith(incomplete)]


@click.group(cls=Root, rooms=_ROOMS)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The operator's home.  [default: SLUICE_HOME, or ~/.config/sluice]",
)
@click.option("--context", metavar="NAME", shell_complete=_names, help="A home by its name: `sluicectl context list`.")
@click.pass_context
def sluicectl(ctx: click.Context, home: Path | None, context: str | None) -> None:
    """Operators decide who may do what. Nothing is signed that was not shown; nothing pending is called applied."""
    ctx.obj = Named(home, context)


def main() -> None:
    """The console script."""
    sluicectl.main(prog_name="sluicectl")


if __name__ == "__main__":
    main()
