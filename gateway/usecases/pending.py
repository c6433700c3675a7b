"""Pending changes: proposals that need more signatures, or wait behind another; a tree of chains behind the head.

They live in memory: their signers keep the files, and a restart forgets only what was not yet decided. Rival proposals
for one place stand beside each other; whichever is applied first, what was built on another is stale. Each operator may
have so many and no more, so one of them cannot keep the others from proposing; and all of them fit in one answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.core.control.entry import ControlEntry
from gateway.core.control.roster import Progress
from gateway.core.control.statement import Statement
from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES

MAX_PENDING = 64
MAX_PENDING_EACH = 16
# An entry must be readable back in one message, and so must the list of all that are pending.
MAX_CHANGE_BYTES = MAX_MESSAGE_BYTES * 3 // 8
MAX_PENDING_BYTES = MAX_MESSAGE_BYTES * 7 // 8


@dataclass(frozen=True, slots=True)
class PendingChange:
    """proposer: the operator whose connection it came over; progress: as last counted.

    approvals: the others who brought signatures, in order, each with the reason it gave last.
    """

    change_id: str
    proposer: str
    entry: ControlEntry
    reason: str
    progress: Progress
    approvals: tuple[tuple[str, str], ...] = ()

    def approved(self, operator: str, reason: str) -> PendingChange:
        """The same with one more approval; the proposer's own reason stays the first one it gave."""
        if operator == self.proposer:
            return self
        return replace(self, approvals=tuple({**dict(self.approvals), operator: reason}.items()))

    @property
    def statement(self) -> Statement:
        """What was signed."""
        return self.entry.statement

    @property
    def size(self) -> int:
        """Bytes it takes in a list."""
        reasons = (self.reason, *(reason for _, reason in self.approvals))
        return len(self.entry.encode()) + sum(len(reason.encode()) for reason in reasons) + 64


def check_size(entry: ControlEntry) -> None:
    """Refuses `size` for a change that could not be read back."""
    if (size := len(entry.encode())) > MAX_CHANGE_BYTES:
        raise CallerError(
            "size", f"a change with its attachments has at most {MAX_CHANGE_BYTES} bytes, {size} came", at="attachments"
        )


class PendingChanges:
    """By id; `head` is the position and link that CONTROL has now."""

    def __init__(self) -> None:
        self._changes: dict[str, PendingChange] = {}

    def get(self, change_id: str) -> PendingChange | None:
        """The change of that id."""
        return self._changes.get(change_id)

    def of_link(self, link: bytes) -> PendingChange | None:
        """The change with that very statement."""
        return next((change for change in self._changes.values() if change.statement.link == link), None)

    def in_order(self) -> list[PendingChange]:
        """By position."""
        return sorted(self._changes.values(), key=lambda change: change.statement.position)

    def keep(self, change: PendingChange) -> None:
        """Adds or replaces; refuses `changes-full`."""
        others = [other for other in self._changes.values() if other.change_id != change.change_id]
        own = sum(other.proposer == change.proposer for other in others)
        size = change.size + sum(other.size for other in others)
        if len(others) >= MAX_PENDING or own >= MAX_PENDING_EACH or size > MAX_PENDING_BYTES:
            raise Refused(
                "changes-full",
                f"{MAX_PENDING} changes may be pending, {MAX_PENDING_EACH} of one operator, {MAX_PENDING_BYTES} bytes "
                "together",
                do="approve them or let them expire",
            )
        self._changes[change.change_id] = change

    def remove(self, change_id: str) -> None:
        """Once it was applied."""
        self._changes.pop(change_id, None)

    def drop_stale(self, head: tuple[int, bytes], now_ms: int) -> None:
        """Forgets what has expired and what does not lead back to the head."""
        links = {head}
        for change in self.in_order():
            statement = change.statement
            if (statement.position, statement.prev) in links and statement.expires_at_ms > now_ms:
                links.add((statement.position + 1, statement.link))
            else:
                del self._changes[change.change_id]

    def check_place(self, statement: Statement, head: tuple[int, bytes]) -> None:
        """Refuses `stale-change` unless it follows the head or a pending change."""
        links = {head} | {(one.statement.position + 1, one.statement.link) for one in self._changes.values()}
        if (statement.position, statement.prev) not in links:
            raise Refused(
                "stale-change",
                f"the change was written for position {statement.position}, the next is {max(links)[0]}",
                at="statement.prev",
                do="make it again against the present state",
            )
