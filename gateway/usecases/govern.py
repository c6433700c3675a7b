"""Governing: operators' statements come in, are checked by the fold, entered, and take effect on every live stream.

The gateway applies what enough operators signed and can make nothing up. Streams decide anew in the very step in which
a statement counts; it is effective when no stream that it touches can write another frame. Source: SPEC.md section 2.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import structlog

from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.roster import Progress, signature_progress
from gateway.core.control.statement import Signatures, SignedStatement
from gateway.core.errors import CallerError, Refused
from gateway.core.ledger.entries import HOUSE, Applied
from gateway.core.suite.numbers import StatementKind
from gateway.ports.journal import Journal
from gateway.usecases.peer import Peer
from gateway.usecases.pending import PendingChange, PendingChanges, check_size
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan
from gateway.usecases.subscription import CUT_SECONDS, Subscription

KIND_STATEMENT = 1
PAGE_ENTRIES = 8
_log = structlog.get_logger("sluice.control")


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
    ended: list[Subscription] = field(default_factory=list)

    def prepare(self, plan: Plan) -> None:
        entry = replace(self.entry, applied_at_ms=max(self.running.now_ms(), self.running.control.clock_ms))
        applied = self.running.control.apply(entry)
        position = plan.append(Journal.CONTROL, KIND_STATEMENT, entry.encode())
        plan.enter(HOUSE, Applied(position, entry.statement.link).encode())
        self.applied = applied

    def committed(self) -> None:
        """INVARIANT: no stream writes a frame between the new state and its own new decision."""
        if self.applied is not None:
            self.running.control = self.applied
            self.ended = self.running.discloser.redecide(self.applied)


class Government:
    """Proposals and approvals, one at a time."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._pending = PendingChanges()
        self._turn = asyncio.Lock()
        self._number = 0

    async def propose(self, peer: Peer, entry: ControlEntry, reason: str) -> Outcome:
        """Enters a statement: applied at once if its signatures are enough and it is next, else pending.

        The same statement again adds its signatures to those that are there, so an answer that was lost can be asked
        for again.
        """
        check_operator(peer)
        if entry.statement.kind is StatementKind.RESTORE:
            raise Refused(
                "restore-running",
                "a RESTORE is for a store that stands still, this gateway runs",
                at="statement.kind",
                do="stop the gateway first",
            )
        async with self._turn:
            self._drop_stale()
            known = self._pending.of_link(entry.statement.link)
            if known is not None:
                return await self._sign(known, peer, entry.signed.signatures, reason)
            check_size(entry)
            self._pending.check_place(entry.statement, self._head())
            if entry.statement.expires_at_ms <= self._running.now_ms():
                raise Refused(
                    "statement-expired", "the statement's time to be applied is over", at="statement.expires_at"
                )
            progress = self._progress(entry)
            self._number += 1
            change_id = f"C-{entry.statement.position}.{self._number}"
            change = PendingChange(change_id, peer.party_id, entry, reason, progress)
            if self._is_next(change):
                return await self._apply(change)
            self._pending.keep(change)
            return Outcome(change_id, False, entry.statement.position, progress)

    async def approve(self, peer: Peer, change_id: str, signatures: Signatures, reason: str) -> Outcome:
        """Adds signatures to a pending change, and applies it if they are enough and it is next."""
        check_operator(peer)
        async with self._turn:
            self._drop_stale()
            change = self._pending.get(change_id)
            if change is None:
                raise CallerError("change-unknown", "a pending change was expected, there is none of that id")
            return await self._sign(change, peer, signatures, reason)

    def changes(self, peer: Peer) -> list[PendingChange]:
        """Pending changes that can still be applied, by position."""
        check_operator(peer)
        self._drop_stale()
        return self._pending.in_order()

    def entries(self, peer: Peer, from_position: int) -> list[bytes]:
        """Up to 8 entries of CONTROL from a position."""
        check_operator(peer)
        return [entry.entry for entry in self._running.journals.read(Journal.CONTROL, from_position, PAGE_ENTRIES)]

    async def _sign(self, change: PendingChange, peer: Peer, signatures: Signatures, reason: str) -> Outcome:
        known = {signature.public_key: signature for signature in (*change.entry.signed.signatures, *signatures)}
        entry = replace(change.entry, signed=SignedStatement(change.statement, tuple(known.values())))
        check_size(entry)
        change = replace(change, entry=entry, progress=self._progress(entry))
        if signatures:
            change = change.approved(peer.party_id, reason)
        if self._is_next(change):
            return await self._apply(change)
        if change.progress.have >= change.progress.need:
            raise Refused(
                "change-not-next",
                f"the change is for position {change.statement.position}, {self._running.control.position} is next",
                at=change.change_id,
                do="approve the changes before it first",
            )
        self._pending.keep(change)
        return Outcome(change.change_id, False, change.statement.position, change.progress)

    def _progress(self, entry: ControlEntry) -> Progress:
        """How far the signatures are. A change that is next is checked whole now, not when the last person signs."""
        control = self._running.control
        if entry.statement.position != control.position:
            return signature_progress(entry.signed, control.roster)
        return control.preview(replace(entry, applied_at_ms=max(self._running.now_ms(), control.clock_ms)))[1]

    def _is_next(self, change: PendingChange) -> bool:
        complete = change.progress.have >= change.progress.need
        return complete and change.statement.position == self._running.control.position

    def _head(self) -> tuple[int, bytes]:
        return self._running.control.position, self._running.control.head

    def _drop_stale(self) -> None:
        self._pending.drop_stale(self._head(), self._running.now_ms())

    async def _apply(self, change: PendingChange) -> Outcome:
        job = _ApplyJob(self._running, change.entry)
        await self._running.sequencer.submit(job, size=change.size)
        self._pending.remove(change.change_id)
        await _all_closed(job.ended)
        statement = change.statement
        _log.info(
            "change.applied",
            position=statement.position,
            kind=statement.kind.name,
            streams_ended=len(job.ended),
            proposer=change.proposer,
            approvers=[operator for operator, _ in change.approvals],
            reasons=[change.reason, *(reason for _, reason in change.approvals)],
        )
        return Outcome(
            change.change_id, True, statement.position, change.progress, self._running.now_ms(), len(job.ended)
        )


async def _all_closed(ended: list[Subscription]) -> None:
    """Waits until the ended streams are gone: they close by themselves, or are cut, and are written to by nobody."""
    try:
        async with asyncio.timeout(2 * CUT_SECONDS):
            for subscription in ended:
                await subscription.closed.wait()
    except TimeoutError:
        _log.warning("change.stream-lingers", streams=sum(not one.closed.is_set() for one in ended))


def check_operator(peer: Peer) -> None:
    """Refuses `denied`."""
    if peer.role != "operator":
        raise Refused("denied", "the peer is no operator")
