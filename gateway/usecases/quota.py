"""Records released this month under each agreement: a fold over the accounts, outside the decision's cache.

A disclosure counts in the month of the tick that covers it, a live one in the month it is entered. A record that is
disclosed again, because its frame never arrived, counts again. At the quota a stream waits; it never skips a record.
"""

from __future__ import annotations

from collections import defaultdict

from gateway.core.decision.pace import month_start_ms, quota_left
from gateway.core.ledger.book import KIND_ENTRIES, KIND_TICK, parse_account_entries, parse_stored_tick
from gateway.core.ledger.tick import parse_tick
from gateway.core.sealing.frame import parse_disclosure_entry
from gateway.usecases.rights import Rights

_DISCLOSE = b"SLUICE1/disclose\x00"


class Quota:
    """Counts per (agreement, month)."""

    def __init__(self) -> None:
        self._released: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._uncovered: defaultdict[str, int] = defaultdict(int)

    def apply(self, kind: int, entry: bytes) -> None:
        """Folds one LEDGER entry in, at start."""
        if kind == KIND_ENTRIES:
            for item in parse_account_entries(entry):
                if item.entry.startswith(_DISCLOSE):
                    disclosure = parse_disclosure_entry(item.entry)
                    self._uncovered[disclosure.agreement_id] += disclosure.records
        elif kind == KIND_TICK:
            month = month_start_ms(parse_tick(parse_stored_tick(entry).statement).time_ms)
            for agreement_id, records in self._uncovered.items():
                self._released[agreement_id, month] += records
            self._uncovered.clear()

    def begin(self, now_ms: int) -> None:
        """What no tick covers yet will be covered this month."""
        for agreement_id, records in self._uncovered.items():
            self._released[agreement_id, month_start_ms(now_ms)] += records
        self._uncovered.clear()

    def left(self, rights: Rights, now_ms: int) -> int | None:
        """Records that may still go this month; None is no quota."""
        agreement = rights.basis.agreement
        return quota_left(agreement, self._released.get((agreement.agreement_id, month_start_ms(now_ms)), 0))

    def allows(self, rights: Rights, records: int, now_ms: int) -> bool:
        """Whether so many more may go now."""
        left = self.left(rights, now_ms)
        return left is None or records <= left

    def count(self, rights: Rights, records: int, now_ms: int) -> None:
        """Counts what is being entered."""
        self._released[rights.basis.agreement.agreement_id, month_start_ms(now_ms)] += records
