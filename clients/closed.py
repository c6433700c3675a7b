"""Accounts that a RESTORE closed, as a partner's state and a source's outbox keep them: evidence, never used again."""

from __future__ import annotations

from dataclasses import dataclass

from clients.kept import KeptFile
from gateway.core.ledger.reader import ClosedAccount

CLOSED_SCHEMA = """
CREATE TABLE IF NOT EXISTS closed (incarnation BLOB PRIMARY KEY, ticks INTEGER NOT NULL, ticks_kept INTEGER NOT NULL,
                                   size INTEGER NOT NULL, root BLOB NOT NULL, state BLOB NOT NULL) STRICT
"""


@dataclass(frozen=True, slots=True)
class Closed:
    """An account that is over. incarnation: 16 bytes; ticks: up to the last that was verified; size: entries held.

    ticks_kept: ticks of the incarnation that the gateway's store still had when it was put back.
    """

    incarnation: bytes
    ticks: int
    ticks_kept: int
    size: int

    def facts(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "incarnation": self.incarnation.hex(),
            "ticks": self.ticks,
            "ticks_kept": self.ticks_kept,
            "held": self.size,
        }

    def sentence(self) -> str:
        """For a person."""
        return (
            f"the gateway was put back from a backup: of incarnation {self.incarnation.hex()[:8]} it kept "
            f"{self.ticks_kept} ticks, {self.ticks} were seen here"
        )


def as_closed(account: ClosedAccount) -> Closed:
    """What is said of an account that was just closed."""
    return Closed(account.incarnation, account.last.number + 1, account.ticks_kept, account.size)


def keep_closed(file: KeptFile, account: ClosedAccount) -> None:
    """Keeps it; inside a transaction."""
    values = (
        account.incarnation,
        account.last.number + 1,
        account.ticks_kept,
        account.size,
        account.root,
        account.state,
    )
    file.db.execute("INSERT INTO closed VALUES (?, ?, ?, ?, ?, ?)", values)


def closed_accounts(file: KeptFile) -> list[Closed]:
    """All of them, in the order in which they were closed."""
    rows = file.rows("SELECT incarnation, ticks, ticks_kept, size FROM closed ORDER BY rowid")
    return [Closed(bytes(incarnation), *numbers) for incarnation, *numbers in rows]
