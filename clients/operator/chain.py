"""The chain of statements as an operator verifies it: folded from the operator's own genesis, entry by entry.

The gateway only hands out bytes. Each applied entry must pass the very checks the gateway makes; the first must be the
genesis of this home; and the chain must contain the head this home has seen before. So a gateway can neither invent a
statement nor take one back unnoticed. Pending changes are laid on top in order, as they would be with enough
signatures; the first that could not be applied ends that part of the chain and is shown with its problem.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clients.operator.answers import PendingChange
from clients.operator.history import History
from clients.operator.home import Home, SeenHead
from clients.operator.kept_chain import KeptChain
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.roster import ONE_SIGNATURE, Progress
from gateway.core.control.statement import SignedStatement, Statement, parse_signatures, parse_statement
from gateway.core.errors import GatewayError, Refused
from gateway.core.suite.numbers import StatementKind

if TYPE_CHECKING:
    from clients.operator.govern import Governance

PROPOSAL_LIFE_MS = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Change:
    """A pending change. progress: counted here, over signatures that verify."""

    change_id: str
    entry: ControlEntry
    reason: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class BrokenChange:
    """A change the gateway lists that could not be applied as things stand. entry: None if it cannot be read."""

    change_id: str
    problem: GatewayError
    entry: ControlEntry | None = None

    @property
    def is_stale(self) -> bool:
        """Whether another change came first: its text may be proposed again."""
        return self.entry is not None and self.problem.code == "stale-change"


@dataclass(frozen=True, slots=True)
class Chain:
    """What was verified. control: after all applied entries; tip: after the pending changes too.

    history: what stood at each position before.
    """

    entries: tuple[ControlEntry, ...]
    control: Control
    pending: tuple[Change, ...]
    broken: tuple[BrokenChange, ...]
    tip: Control
    history: History = field(default_factory=History)

    def change(self, change_id: str) -> Change:
        """The pending change of this id; refuses `change-unknown`, or with its problem if it is broken."""
        for change in self.pending:
            if change.change_id == change_id:
                return change
        for broken in self.broken:
            if broken.change_id == change_id:
                raise broken.problem
        raise Refused(
            "change-unknown", "the change must be pending, it is not", at=change_id, do="`sluicectl change list`"
        )

    def listed(self, change_id: str) -> None:
        """Refuses `change-unknown` unless the gateway lists the change, in whatever state."""
        if change_id not in {one.change_id for one in self.broken}:
            self.change(change_id)

    def stale(self, change_id: str) -> ControlEntry:
        """The entry of a change that another has overtaken; refuses `change-not-stale` and `change-unknown`."""
        found = next((one for one in self.broken if one.change_id == change_id), None)
        if found is None or found.entry is None:
            self.change(change_id)
        if found is None or found.entry is None or not found.is_stale:
            raise Refused(
                "change-not-stale",
                "a change that is written anew must be overtaken by another, it can be approved as it is",
                at=change_id,
                do=f"`sluicectl change approve {shlex.quote(change_id)}`",
            )
        return found.entry

    def texts(self, kind: StatementKind) -> Iterator[ControlEntry]:
        """Applied entries of a kind, newest first."""
        return (entry for entry in reversed(self.entries) if entry.statement.kind is kind)

    def next_statement(self, kind: StatementKind, body: bytes, now_ms: int) -> Statement:
        """The statement that would follow: behind what is pending, or ahead of it if one signature is enough.

        What one person may do is done to stop something now. It takes the next place, and changes that wait for it
        have to be proposed again.
        """
        base = self.control if kind in ONE_SIGNATURE else self.tip
        return statement_on(base, kind, body, now_ms)

    def preview(self, entry: ControlEntry) -> tuple[Control, Progress]:
        """The state after `entry` at its own place; refuses what the gateway would refuse."""
        base = self.control if entry.statement.position == self.control.position else self.tip
        return base.preview(entry)

    def entry(self, signed: SignedStatement, attachments: tuple[bytes, ...], now_ms: int) -> ControlEntry:
        """The entry as it would be applied now. A clock behind the chain's counts as the chain's."""
        return ControlEntry(signed, attachments, max(now_ms, self.control.clock_ms))

    def and_then(self, change: Change, tip: Control) -> Chain:
        """The chain with one more pending change."""
        return Chain(self.entries, self.control, (*self.pending, change), (), tip, self.history)


def statement_on(base: Control, kind: StatementKind, body: bytes, at_ms: int) -> Statement:
    """The unsigned statement that would follow `base`, proposed at `at_ms`."""
    return Statement(
        genesis=base.genesis,
        position=base.position,
        prev=base.head,
        roster=base.roster_link,
        kind=kind,
        body=body,
        proposed_at_ms=at_ms,
        expires_at_ms=at_ms + PROPOSAL_LIFE_MS,
    )


async def read_chain(governance: Governance, home: Home, now_ms: int) -> Chain:
    """Everything the gateway has, verified; keeps the new head in the home.

    Refuses an entry as the fold does, `genesis-differs`, `control-shrank` and `control-forked`.
    """
    folding = Folding(home.genesis().statement.link, home.seen(), home)
    async for encoded in governance.read_control(0):
        folding.take(encoded)
    entries, control = folding.done()
    home.remember(SeenHead(control.position, control.head))
    KeptChain(home.path).keep(entries)
    pending, broken, tip = _lay_on_top(control, await governance.changes(), now_ms)
    return Chain(entries, control, pending, broken, tip, folding.history)


class Folding:
    """Entries as they come, each verified behind the one before. genesis: the link the first must have."""

    def __init__(self, genesis: bytes, seen: SeenHead | None, home: Home) -> None:
        self._genesis, self._seen = genesis, seen
        self._entries: list[ControlEntry] = []
        self._control: Control | None = None
        self._agreed = KeptChain(home.path).agreed()
        self.history = History()

    def take(self, encoded: bytes) -> None:
        """The next entry; refuses it as the fold does, `genesis-differs`, and `control-forked`."""
        entry = parse_entry(encoded)
        if entry.statement.link == self._agreed:
            # This operator agreed to the RESTORE: the head seen before it is of the past that was lost.
            self._seen = None
        seen = self._seen
        self._control = control = self._control.apply(entry) if self._control else self._begin(entry)
        self._entries.append(entry)
        self.history.take(entry, control)
        if seen and control.position == seen.position and control.head != seen.link:
            raise _another_past("control-forked", "the chain must contain the head this home has seen, it has another")

    def done(self) -> tuple[tuple[ControlEntry, ...], Control]:
        """All of them, and what stands after them; refuses `genesis-differs` for none, and `control-shrank`."""
        control, seen = self._control, self._seen
        if control is None:
            raise Refused(
                "genesis-differs", "the chain must begin with this home's genesis, it is empty", at="control 0"
            )
        if seen and control.position < seen.position:
            raise _another_past(
                "control-shrank",
                f"the chain must have the {seen.position} statements this home has seen, it has {control.position}",
            )
        return tuple(self._entries), control

    def _begin(self, entry: ControlEntry) -> Control:
        if entry.statement.link != self._genesis:
            raise Refused(
                "genesis-differs",
                "the chain must begin with this home's genesis, it begins with another",
                at="control 0",
                do="stop and call the other operators",
            )
        return Control.begin(entry)


def _lay_on_top(
    control: Control, changes: tuple[PendingChange, ...], now_ms: int
) -> tuple[tuple[Change, ...], tuple[BrokenChange, ...], Control]:
    pending: list[Change] = []
    broken: list[BrokenChange] = []
    tip = control
    for listed in changes:
        entry: ControlEntry | None = None
        try:
            signed = SignedStatement(parse_statement(listed.statement), parse_signatures(listed.signatures))
            entry = ControlEntry(signed, listed.attachments, max(now_ms, control.clock_ms))
            tip, progress = tip.preview(entry)
        except GatewayError as error:
            broken.append(BrokenChange(listed.change_id, _told(error, listed.change_id, entry, tip), entry))
        else:
            pending.append(Change(listed.change_id, entry, listed.reason, progress))
    return tuple(pending), tuple(broken), tip


def _told(error: GatewayError, change_id: str, entry: ControlEntry | None, tip: Control) -> GatewayError:
    """The problem of a listed change, with the change's own name and the command that helps."""
    if error.code != "stale-change" or entry is None:
        return error
    written = entry.statement.position
    return Refused(
        "stale-change",
        f"a change must be written on what stands; this one was for position {written}, now {tip.position} is next "
        "and another came before",
        at=change_id,
        do=f"`sluicectl change rebase {shlex.quote(change_id)}`: approvals start again",
    )


def _another_past(code: str, message: str) -> Refused:
    return Refused(
        code,
        message,
        at="control",
        do="stop and call the other operators; after a restore that they signed: `sluicectl restore accept FILE`",
    )
