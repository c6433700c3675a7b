"""`sluice backup`: a copy of a gateway that runs or stands, looked at before it is called one.

What is printed is what the copy shows, read back from it. `--check` looks at a backup again, whole, as `verify` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from gateway.bootstrap import Manifest
from gateway.cli.copies import check_backup, make_backup
from gateway.cli.main import print_result
from gateway.core.errors import CallerError
from gateway.settings import read_settings

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=_PATH)
@click.option(
    "--to", type=_PATH, metavar="DIR", help="The backup's name; inside a folder that is there it is given one."
)
@click.option("--check", type=_PATH, metavar="BACKUP", help="Check a backup of this gateway, and write nothing.")
@click.option("--with-private-keys", is_flag=True, help="Put the gateway's keys in: whoever has them is the gateway.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backup(folder: Path, to: Path | None, check: Path | None, with_private_keys: bool, as_json: bool) -> None:
    """Copy the gateway in FOLDER, running or not; or check such a copy.

    The key-encryption key and the floor are never in a backup. Keep the key elsewhere: without it a backup is noise.
    """
    settings = read_settings(folder)
    if to is not None and check is None:
        path, manifest = make_backup(folder, settings, to, with_private_keys=with_private_keys)
        _report(as_json, path, manifest, "made")
    elif check is not None and to is None:
        _report(as_json, check, check_backup(settings, check, every_signature=True), "whole")
    else:
        raise CallerError("usage", "one of `--to` and `--check` was expected", at="--to", do="`sluice backup --help`")


def _report(as_json: bool, path: Path, manifest: Manifest, word: str) -> None:
    elsewhere = ["key-encryption key", "floor", *([] if manifest.has_keys else ["private keys"])]
    facts = {
        "backup": str(path),
        "gateway": manifest.gateway,
        "made_at": manifest.made_at,
        "genesis": manifest.genesis,
        "incarnation": manifest.incarnation,
        "ticks": manifest.ticks,
        "statements": manifest.statements,
        "head": manifest.head,
        "batches": manifest.batches,
        "records": manifest.records,
        "files": sorted(manifest.files),
        "private_keys": manifest.has_keys,
        "not_in_it": elsewhere,
    }
    with_keys = "the gateway's private keys are in it: whoever has it is the gateway, keep it as its disk is kept"
    print_result(
        as_json,
        facts,
        [
            (word, f"{path}  gateway {manifest.gateway}, {manifest.made_at}"),
            ("control", f"{manifest.statements} statements, head {manifest.head[:16]}"),
            ("records", f"{manifest.records}, of {manifest.batches} batches"),
            ("ledger", f"{manifest.ticks} ticks of incarnation {manifest.incarnation[:8]}"),
            ("files", ", ".join(sorted(manifest.files))),
            *([("KEYS", with_keys)] if manifest.has_keys else []),
            ("elsewhere", f"keep {', '.join(elsewhere)}: not in a backup"),
        ],
    )
