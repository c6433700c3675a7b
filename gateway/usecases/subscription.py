"""One live stream of one subscription: what it may see, where it stands, and what is entered for it but not sent.

The sequencer alone moves `place` and makes a stream `live`, so a record is disclosed to a stream once. A stream is live
when it stands at the end of RECORDS and its agreement delays nothing: then the commit that admits a batch also enters
its disclosures. One that lags is served from the journal by its own task; the slowest partner never delays publishing.
A stream that was ended and whose partner does not read is cut after two seconds. Source: architecture section 7.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from gateway.core.sealing.cursor import CursorBinding, Place
from gateway.core.suite.numbers import EndReason
from gateway.usecases.rights import Rights

MAX_PENDING_FRAMES = 16
MAX_PENDING_BYTES = 12 * 1024 * 1024
CUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class FrameDraft:
    """A frame whose G is entered: it is sealed only when it is written, so no sequence number seals twice."""

    entry: bytes
    sections: tuple[bytes, ...]
    records: int
    size: int


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a stream must end."""

    reason: EndReason
    text: str


@dataclass(slots=True)
class Subscription:
    """See the module.

    account_id, stream_id: bytes of the format. not_after_ms, end_reason: when time alone ends it, and why.
    old_until: leaves entered for earlier streams. limit: of the task that serves it, to cut it when it must be over.
    """

    partner_id: str
    agreement_id: str
    name: str
    account_id: bytes
    stream_id: bytes
    rights: Rights
    binding: CursorBinding
    place: Place
    not_after_ms: int
    end_reason: EndReason
    old_until: int = 0
    next_seq: int = 0
    live: bool = False
    ending: Ending | None = None
    pending: deque[FrameDraft] = field(default_factory=deque)
    pending_bytes: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    limit: asyncio.Timeout | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> tuple[str, str, str]:
        """One live stream per subscription."""
        return self.partner_id, self.agreement_id, self.name

    @property
    def is_full(self) -> bool:
        """Whether the partner takes frames slower than they come."""
        return len(self.pending) >= MAX_PENDING_FRAMES or self.pending_bytes >= MAX_PENDING_BYTES

    def end(self, reason: EndReason, text: str) -> None:
        """No frame is written after this; what is entered and not sent comes as `old` on the next stream."""
        if self.ending is None:
            self.ending = Ending(reason, text)
            self.live = False
            self.pending.clear()
            self.pending_bytes = 0
            if self.limit is not None:
                self.limit.reschedule(asyncio.get_running_loop().time() + CUT_SECONDS)
            self.wake.set()

    def close(self) -> None:
        """The stream's task is over."""
        self.limit = None
        self.end(EndReason.SHUTDOWN, "")
        self.closed.set()

    def queue(self, drafts: list[FrameDraft]) -> None:
        """Disclosures that are durable now."""
        if self.ending is None:
            self.pending.extend(drafts)
            self.pending_bytes += sum(draft.size for draft in drafts)
        self.wake.set()

    def take(self) -> FrameDraft:
        """The next frame to write."""
        draft = self.pending.popleft()
        self.pending_bytes -= draft.size
        return draft
