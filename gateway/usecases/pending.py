r"""Pending changes: proposals that need more signatures, or wait behind another; a tree of chains behind the head.

Rival proposals for one place stand beside each other; whichever is applied first, what was built on another is
overtaken. It cannot be applied any more, and stays in the list until it expires, is rejected or makes room, so that its
text can be proposed again. Each operator may have so many and no more, so one of them cannot keep the others from
proposing; and all of them fit in one answer. They outlast a restart as

    "SLUICE1/changes\0" | suite | number u64 | count u16 | change*
    change = lp8(id) | lp8(proposer) | lp16(reason) | lp32(entry) | count u16 | (lp8(operator) | lp16(reason))*
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.roster import Progress
from gateway.core.control.statement import Statement
from gateway.core.errors import CallerError, GatewayError, Refused
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.core.suite.octets import Reader, lp8, lp16, lp32, u16, u64

MAX_PENDING = 64
MAX_PENDING_EACH = 16
# An entry must be readable back in one message, and so must the list of all that are pending.
MAX_CHANGE_BYTES = MAX_MESSAGE_BYTES * 3 // 8
MAX_PENDING_BYTES = MAX_MESSAGE_BYTES * 7 // 8
Head = tuple[int, bytes]
_TAG = b"SLUICE1/changes\x00"


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

    def approved(self, operator: str, reason: str, *, carries: bool = False) -> PendingChange:
        """The same with one more approval; the proposer's own reason stays the first one it gave.

        carries: it brought signatures that were not there, so its reason tells of another's.
        """
        if operator == self.proposer and not carries:
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
    """By id; a head is the position and link that CONTROL has now. number: changes there ever were."""

    def __init__(self) -> None:
        self._changes: dict[str, PendingChange] = {}
        self.number = 0

    def next_id(self, position: int) -> str:
        """An id for a change at `position` that no other ever had here."""
        self.number += 1
        return f"C-{position}.{self.number}"

    def get(self, change_id: str) -> PendingChange:
        """The change of that id, overtaken or not; refuses `change-unknown`."""
        change = self._changes.get(change_id)
        if change is None:
            raise CallerError("change-unknown", "a pending change was expected, there is none of that id")
        return change

    def of_link(self, link: bytes) -> PendingChange | None:
        """The change with that very statement."""
        return next((change for change in self._changes.values() if change.statement.link == link), None)

    def in_order(self) -> list[PendingChange]:
        """By position."""
        return sorted(self._changes.values(), key=lambda change: change.statement.position)

    def keep(self, change: PendingChange, head: Head) -> None:
        """Adds or replaces; what was overtaken makes room, the oldest first; refuses `changes-full`."""
        while not self._has_room(change):
            live = self.live(head)
            overtaken = [one.change_id for one in self.in_order() if one.change_id not in live]
            if not overtaken:
                raise Refused(
                    "changes-full",
                    f"{MAX_PENDING} changes may be pending, {MAX_PENDING_EACH} of one operator, {MAX_PENDING_BYTES} "
                    "bytes together",
                    do="approve them, reject them or let them expire",
                )
            del self._changes[overtaken[0]]
        self._changes[change.change_id] = change

    def remove(self, change_id: str) -> None:
        """Once it was applied or rejected."""
        self._changes.pop(change_id, None)

    def drop_expired(self, now_ms: int) -> None:
        """Forgets what its signers let expire."""
        self._changes = {one.change_id: one for one in self._changes.values() if one.statement.expires_at_ms > now_ms}

    def drop_overtaken_like(self, statement: Statement, head: Head) -> None:
        """Forgets what was overtaken and is proposed again by `statement`: the same kind, the same text."""
        live = self.live(head)
        for change in self.in_order():
            again = (change.statement.kind, change.statement.body) == (statement.kind, statement.body)
            if again and change.change_id not in live:
                del self._changes[change.change_id]

    def live(self, head: Head) -> frozenset[str]:
        """Ids of those that lead back to the head."""
        return frozenset(change.change_id for change in self._live(head))

    def check_place(self, statement: Statement, head: Head) -> None:
        """Refuses `stale-change` unless it follows the head or a change that leads back to it."""
        links = {head} | {(one.statement.position + 1, one.statement.link) for one in self._live(head)}
        if (statement.position, statement.prev) not in links:
            raise Refused(
                "stale-change",
                f"the change was written for position {statement.position}, the next is {max(links)[0]}",
                at="statement.prev",
                do="make it again against the present state",
            )

    def encode(self) -> bytes:
        """All of them, to outlast a restart."""
        changes = self.in_order()
        return b"".join((_TAG, SUITE_BYTE, u64(self.number), u16(len(changes)), *map(_encoded, changes)))

    @classmethod
    def parse(cls, content: bytes, weigh: Callable[[ControlEntry], Progress]) -> PendingChanges:
        """What `encode` gave, its signatures counted by `weigh`; refuses `malformed`.

        A change that `weigh` refuses is left out: its signers are no operators any more, and nobody could complete it.
        """
        reader = Reader(content, "pending changes")
        reader.tag(_TAG)
        reader.suite()
        changes = cls()
        changes.number = reader.u64("number")
        for _ in range(reader.u16("count")):
            change = _read(reader, weigh)
            if change is not None:
                changes._changes[change.change_id] = change
        reader.done()
        return changes

    def _live(self, head: Head) -> list[PendingChange]:
        links, live = {head}, []
        for change in self.in_order():
            statement = change.statement
            if (statement.position, statement.prev) in links:
                links.add((statement.position + 1, statement.link))
                live.append(change)
        return live

    def _has_room(self, change: PendingChange) -> bool:
        others = [other for other in self._changes.values() if other.change_id != change.change_id]
        own = sum(other.proposer == change.proposer for other in others)
        size = change.size + sum(other.size for other in others)
        return len(others) < MAX_PENDING and own < MAX_PENDING_EACH and size <= MAX_PENDING_BYTES


def _encoded(change: PendingChange) -> bytes:
    approvals = [lp8(operator.encode()) + lp16(reason.encode()) for operator, reason in change.approvals]
    named = lp8(change.change_id.encode()) + lp8(change.proposer.encode()) + lp16(change.reason.encode())
    return b"".join((named, lp32(change.entry.encode()), u16(len(approvals)), *approvals))


def _read(reader: Reader, weigh: Callable[[ControlEntry], Progress]) -> PendingChange | None:
    change_id, proposer = _text(reader, reader.lp8("id")), _text(reader, reader.lp8("proposer"))
    reason = _text(reader, reader.lp16("reason"))
    entry = parse_entry(reader.lp32("entry", MAX_CHANGE_BYTES))
    approvals = tuple(
        (_text(reader, reader.lp8("operator")), _text(reader, reader.lp16("reason")))
        for _ in range(reader.u16("approvals"))
    )
    try:
        progress = weigh(entry)
    except GatewayError:
        return None
    return PendingChange(change_id, proposer, entry, reason, progress, approvals)


def _text(reader: Reader, encoded: bytes) -> str:
    try:
        return encoded.decode()
    except UnicodeDecodeError as error:
        raise reader.refuse("text", "UTF-8") from error
