"""Governing: operators' statements come in, are checked by the fold, entered, and take effect on every live stream.

The gateway applies what enough operators signed and can make nothing up. Pending changes form a chain behind the head
and live in memory: their signers keep the files, and a restart forgets only what was not yet decided. A change is
effective when no stream that it touches can write another frame. Source: SPEC.md section 2.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.roster import Progress, signature_progress
from gateway.core.control.statement import Signature, SignedStatement
from gateway.core.errors import CallerError, Refused
from gateway.core.ledger.entries import HOUSE, Applied
from gateway.core.suite.numbers import EndReason, StatementKind
from gateway.ports.journal import Journal
from gateway.usecases.peer import Peer
from gateway.usecases.rights import rights_of
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan
from gateway.usecases.subscription import Subscription

KIND_STATEMENT = 1
MAX_PENDING = 64
CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change that needs more signatures, or waits behind another."""

    change_id: str
    entry: ControlEntry
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a proposal or approval. effective_at_ms and streams_ended: 0 while pending."""

    change_id: str
    applied: bool
    position: int
    progress: Progress
    effective_at_ms: int = 0
    streams_ended: int = 0


@dataclass(slots=True)
class _ApplyJob:
    running: Running
    entry: ControlEntry
    applied: Control | None = None

    def prepare(self, plan: Plan) -> None:
        entry = replace(self.entry, applied_at_ms=max(self.running.now_ms(), self.running.control.clock_ms))
        applied = self.running.control.apply(entry)
        position = plan.append(Journal.CONTROL, KIND_STATEMENT, entry.encode())
        plan.enter(HOUSE, Applied(position, entry.statement.link).encode())
        self.applied = applied

    def committed(self) -> None:
        if self.applied is not None:
            self.running.control = self.applied


@dataclass(slots=True)
class Government:
    """Proposals and approvals, one at a time."""

    running: Running
    _pending: dict[str, PendingChange] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _number: int = 0

    async def propose(self, peer: Peer, entry: ControlEntry, reason: str) -> Outcome:
        """Enters a statement: applied at once if its signatures are enough and it is next, else pending."""
        _check_operator(peer)
        async with self._turn:
            statement = entry.statement
            self._check_place(entry)
            self._check_unexpired(statement.expires_at_ms)
            progress = self._progress(entry)
            self._number += 1
            change = PendingChange(f"C-{statement.position}.{self._number}", entry, reason)
            if progress.have >= progress.need and statement.position == self.running.control.position:
                return await self._apply(change, progress)
            if len(self._pending) >= MAX_PENDING:
                raise Refused(
                    "changes-full", f"at most {MAX_PENDING} changes may be pending", do="approve or let expire"
                )
            self._pending[change.change_id] = change
            return Outcome(change.change_id, False, statement.position, progress)

    async def approve(self, peer: Peer, change_id: str, signatures: tuple[Signature, ...]) -> Outcome:
        """Adds signatures to a pending change, and applies it if they are enough and it is next."""
        _check_operator(peer)
        async with self._turn:
            change = self._pending.get(change_id)
            if change is None:
                raise CallerError("change-unknown", f"a pending change was expected, `{change_id}` is none")
            known = {signature.public_key: signature for signature in change.entry.signed.signatures}
            known.update({signature.public_key: signature for signature in signatures})
            entry = replace(change.entry, signed=SignedStatement(change.entry.statement, tuple(known.values())))
            progress = self._progress(entry)
            change = replace(change, entry=entry)
            if progress.have < progress.need:
                self._pending[change_id] = change
                return Outcome(change_id, False, entry.statement.position, progress)
            if entry.statement.position != self.running.control.position:
                raise Refused(
                    "change-not-next",
                    f"the change is for position {entry.statement.position}, {self.running.control.position} is next",
                    at=change_id,
                    do="approve the changes before it first",
                )
            outcome = await self._apply(change, progress)
            self._pending.pop(change_id, None)
            return outcome

    def changes(self, peer: Peer) -> list[tuple[PendingChange, Progress]]:
        """Pending changes that can still be applied, by position."""
        _check_operator(peer)
        self._drop_stale()
        found = sorted(self._pending.values(), key=lambda change: change.entry.statement.position)
        return [(change, self._progress(change.entry)) for change in found]

    def entries(self, peer: Peer, from_position: int) -> list[bytes]:
        """Up to 64 entries of CONTROL from a position."""
        _check_operator(peer)
        return [stored.entry for stored in self.running.journals.read(Journal.CONTROL, from_position, 64)]

    def _progress(self, entry: ControlEntry) -> Progress:
        """How far the signatures are. A change that is next is checked whole now, not when the last person signs."""
        control = self.running.control
        if entry.statement.position != control.position:
            return signature_progress(entry.signed, control.roster)
        return control.preview(replace(entry, applied_at_ms=max(self.running.now_ms(), control.clock_ms)))[1]

    def _check_place(self, entry: ControlEntry) -> None:
        self._drop_stale()
        statement, control = entry.statement, self.running.control
        chain = sorted((change.entry.statement for change in self._pending.values()), key=lambda one: one.position)
        links = {control.position: control.head}
        for one in chain:
            links[one.position + 1] = one.link
        if statement.position not in links or statement.prev != links[statement.position]:
            raise Refused(
                "stale-change",
                f"the change was written for position {statement.position}, the next is {max(links)}",
                at="statement.prev",
                do="make it again against the present state",
            )

    def _check_unexpired(self, expires_at_ms: int) -> None:
        if expires_at_ms <= self.running.now_ms():
            raise Refused("statement-expired", "the statement's time to be applied is over", at="statement.expires_at")

    def _drop_stale(self) -> None:
        control, now_ms = self.running.control, self.running.now_ms()
        links = {control.position: control.head}
        for change in sorted(self._pending.values(), key=lambda one: one.entry.statement.position):
            statement = change.entry.statement
            fits = links.get(statement.position) == statement.prev and statement.expires_at_ms > now_ms
            if fits:
                links[statement.position + 1] = statement.link
            else:
                del self._pending[change.change_id]

    async def _apply(self, change: PendingChange, progress: Progress) -> Outcome:
        job = _ApplyJob(self.running, change.entry)
        await self.running.sequencer.submit(job)
        ended = self._redecide(change.entry.statement.kind)
        await _all_closed(ended)
        position = change.entry.statement.position
        return Outcome(change.change_id, True, position, progress, self.running.now_ms(), len(ended))

    def _redecide(self, kind: StatementKind) -> list[Subscription]:
        """Every live stream decides anew; those whose rights changed end before their next frame."""
        ended = []
        reason = EndReason.SUSPENDED if kind is StatementKind.SUSPEND else EndReason.CHANGED
        for subscription in list(self.running.discloser.subscriptions.values()):
            if not subscription.rights.same_under(self.running.control):
                subscription.end(reason, "what this stream may carry has changed")
                ended.append(subscription)
            else:
                subscription.rights = rights_of(
                    self.running.control, subscription.rights.peer, subscription.agreement_id
                )
        return ended


async def _all_closed(ended: list[Subscription]) -> None:
    """Waits until the ended streams are gone; one whose partner does not read is cut."""
    waiting = [asyncio.ensure_future(subscription.closed.wait()) for subscription in ended]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=CLOSE_SECONDS)
        for subscription, task in zip(ended, waiting, strict=True):
            if task in late and subscription.serving is not None:
                subscription.serving.cancel()
        if late:
            await asyncio.wait(late, timeout=CLOSE_SECONDS)


def _check_operator(peer: Peer) -> None:
    if peer.role != "operator":
        raise Refused("denied", "the peer is no operator")
