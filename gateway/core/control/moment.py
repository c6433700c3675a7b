"""What time it is, as the quorum says: a TIME ends the distrust of a clock that jumped.

    from   = 2026-05-30T12:00:00Z          # UTC, whole seconds
    until  = 2026-05-30T13:00:00Z          # at most a day later
    reason = "compared with the duty officer's clock"

It names a span and not a moment, because collecting signatures takes time: if the gateway's wall clock shows a time of
that span when the statement is applied, the clock is right. It moves no clock. Source: SPEC.md section 2.14.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.suspension import MAX_REASON
from gateway.core.control.texts import read_text
from gateway.core.errors import Refused

MAX_SPAN_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class TrueTime:
    """The parsed text of a TIME. UTC milliseconds; until_ms: the first one that is no longer meant."""

    from_ms: int
    until_ms: int
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> TrueTime:
        """The span in `text`; refuses `text-…`."""
        table = read_text(text, "time", {"from", "until", "reason"})
        span = cls(table.moment_ms("from"), table.moment_ms("until"), table.string("reason", MAX_REASON))
        if not 0 < span.until_ms - span.from_ms <= MAX_SPAN_MS:
            raise table.wrong("until", "later than `from` by at most a day")
        return span

    def check(self, now_ms: int) -> None:
        """Refuses `time-outside` for a clock that shows another time."""
        if not self.from_ms <= now_ms < self.until_ms:
            raise Refused("time-outside", "the wall clock must show a time of the span, it does not", at="time")
