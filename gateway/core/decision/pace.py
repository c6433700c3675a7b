"""When a decided view may go, and how many may: delay and quota.

Both come after the decision and outside what is kept of it, because they turn with every record and every month. They
only hold back: a stream trails its cursor by the delay and waits at the quota, and never skips a record.
"""

from __future__ import annotations

from datetime import date

from gateway.core.decision.facts import DAY_MS, EPOCH_DAY, AgreementFacts, day_start_ms


def due_at_ms(agreement: AgreementFacts, admitted_at_ms: int) -> int:
    """The first moment a record admitted at `admitted_at_ms` may leave."""
    return admitted_at_ms + agreement.delay_ms


def month_start_ms(now_ms: int) -> int:
    """UTC milliseconds at which the month of `now_ms` begins: what a quota counts from."""
    return day_start_ms(date.fromordinal(EPOCH_DAY + now_ms // DAY_MS).replace(day=1))


def quota_left(agreement: AgreementFacts, released_this_month: int) -> int | None:
    """Records that may still go this month, never below 0; None is no quota."""
    if agreement.records_per_month is None:
        return None
    return max(0, agreement.records_per_month - released_this_month)
