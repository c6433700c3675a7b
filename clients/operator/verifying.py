"""A file of evidence about accounts, verified by whoever has it and the genesis: no gateway and no home is needed.

Source: SPEC.md section 13.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clients.operator.accounts import Accounts
from clients.operator.history import History
from clients.operator.proving import read_evidence
from gateway.core.control.entry import parse_entry
from gateway.core.control.fold import Control
from gateway.core.errors import Refused
from gateway.core.ledger.evidence import CONTROL


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """What a file holds. genesis: link of its first statement; statements: how many there are."""

    genesis: bytes
    statements: int
    accounts: Accounts


def verify_file(path: Path, genesis: bytes) -> VerifiedFile:
    """Everything in the file, verified from `genesis` on, the link of the founding statement.

    Refuses `genesis-differs`, `evidence-order` for a statement behind the tick, and as `Accounts` does.
    """
    history = History()
    # Of a whole ledger the disclosures would fill the memory, and are found with the gateway's help.
    accounts = Accounts(history, lambda disclosure, opening: not accounts.is_whole)
    for kind, item in read_evidence(path):
        if kind == CONTROL:
            if accounts.tick is not None:
                raise Refused("evidence-order", "statements come before the tick, one came behind", at=str(path))
            entry = parse_entry(item)
            if history.control is None and entry.statement.link != genesis:
                raise Refused(
                    "genesis-differs",
                    "the statements must begin with the genesis that the file is held to, they begin with another",
                    at=str(path),
                )
            history.take(entry, history.control.apply(entry) if history.control else Control.begin(entry))
        else:
            accounts.take(kind, item)
    accounts.finish()
    return VerifiedFile(genesis, history.position, accounts)
