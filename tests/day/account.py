"""An account as its party holds it, in the words of `day.json`."""

from __future__ import annotations

from typing import Any

from gateway.core.ledger.reader import LedgerReader

Facts = dict[str, Any]


def account(ledger: LedgerReader) -> Facts:
    """Where a reader of one account stands."""
    assert ledger.last is not None
    return {
        "incarnation": ledger.incarnation.hex(),
        "tick": ledger.last.number,
        "place": ledger.place,
        "size": ledger.held.size,
        "root": ledger.held.root().hex(),
        "owed": len(ledger.owed),
    }
