"""`sluice verify`: every chain, statement, tick, batch and account of a stopped gateway, from the first entry on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from gateway.bootstrap import load
from gateway.cli.main import print_result
from gateway.core.ledger.entries import account_name
from gateway.ports.journal import Journal
from gateway.settings import read_settings
from gateway.usecases.rebuild import check_batches, entries_of, record_ids
from gateway.usecases.receive import quarantined_of


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--ids", is_flag=True, help="Name every stored record in the JSON object.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(folder: Path, ids: bool, as_json: bool) -> None:
    """Check the gateway in FOLDER; it must be stopped."""
    loaded = load(read_settings(folder), every_signature=True)
    try:
        batches, records, doubled = check_batches(loaded.journals, loaded.control)
        names = record_ids(loaded.journals) if ids else []
        aside = quarantined_of(entries_of(loaded.journals, Journal.LEDGER))
    finally:
        loaded.journals.close()
    accounts = {account_name(account_id): account.tree.size for account_id, account in loaded.book.accounts.items()}
    facts: dict[str, object] = {
        "ok": doubled == 0,
        "genesis": loaded.control.genesis.hex(),
        "statements": loaded.control.position,
        "batches": batches,
        "records": records,
        "doubled": doubled,
        "ticks": loaded.ticks,
        "entries": sum(accounts.values()),
        "accounts": accounts,
        "quarantined": {account_name(account_id): len(records) for account_id, records in aside.items()},
    }
    if ids:
        facts["ids"] = names
    kinds = Counter(name.partition(":")[0] for name in accounts)
    print_result(
        as_json,
        facts,
        [
            ("control", f"{loaded.control.position} statements, every signature verified"),
            ("records", f"{records} in {batches} batches, every signature and root verified, {doubled} doubled"),
            ("ledger", f"{loaded.ticks} ticks verified over {facts['entries']} entries of {len(accounts)} accounts"),
            ("accounts", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))),
            ("aside", f"{sum(map(len, aside.values()))} records that partners say they set aside unread"),
        ],
    )
