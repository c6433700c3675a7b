"""Governing: operators' statements come in, are checked by the fold, entered, and take effect on every live stream.

The gateway applies what enough operators signed and can make nothing up. Streams decide anew in the very step in which
a statement counts; it is effective when no stream that it touches can write another frame. Source: SPEC.md section 2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.keystates import key_changes
from gateway.core.control.roster import Progress
from gateway.core.control.statement import Signatures, SignedStatement
from gateway.core.control.stops import fork_of
from gateway.core.control.suspension import Lift
from gateway.core.errors import Fault, GatewayError, Refused
from gateway.core.ledger.entries import HOUSE, Applied, KeyEvent
from gateway.core.suite.numbers import StatementKind
from gateway.ports.journal import Journal
from gateway.ports.pending import PendingStore
from gateway.usecases.condition import Condition, condition
from gateway.usecases.own_keys import look_at_keys
from gateway.usecases.peer import Peer
from gateway.usecases.pending import PendingChange, PendingChanges, check_size
from gateway.usecases.running import Running
from gateway.usecases.sequence import Plan
from gateway.usecases.source_call import SourceCall
from gateway.usecases.subscription import CUT_SECONDS, Subscription

KIND_STATEMENT = 1
PAGE_ENTRIES = 8
_log = structlog.get_logger("sluice.control")
# Statements that say what becomes of the gateway's own keys.
_OF_KEYS = frozenset({StatementKind.DIRECTORY, StatementKind.TAINT, StatementKind.REVOKE, StatementKind.LIFT})


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
    reading: tuple[int, int] = (0, 0)
    ended: list[Subscription | SourceCall] = field(default_factory=list)

    def prepare(self, plan: Plan) -> None:
        entry, self.reading = dated(self.running, self.entry)
        check_fork(self.running, entry)
        applied = self.running.control.apply(entry)
        # Who is cut off leaves its statement in the line, and the turn to the next: two for one place can meet here.
        if plan.position_of_next(Journal.CONTROL) != entry.statement.position:
            raise Refused(
                "stale-change",
                f"the change was written for position {entry.statement.position}, another takes it in this very commit",
                at="statement.position",
                do="propose it again on the present head; signatures start anew",
            )
        position = plan.append(Journal.CONTROL, KIND_STATEMENT, entry.encode())
        plan.enter(HOUSE, Applied(position, entry.statement.link).encode())
        for digest, state in key_changes(self.running.control, applied):
            plan.enter(HOUSE, KeyEvent(digest, state).encode())
        self.applied = applied

    def committed(self) -> None:
        """INVARIANT: no stream writes a frame between the new state and its own new decision."""
        if self.applied is not None:
            self.running.control = self.applied
            if self.entry.statement.kind is StatementKind.TIME:
                self.running.time.confirm(self.reading)
            if self.entry.statement.kind in _OF_KEYS:
                look_at_keys(self.running)
            self.ended = [
                *self.running.discloser.redecide(self.applied),
                *(call for call in self.running.source_calls if not call.look_again()),
            ]


class Government:
    """Proposals, approvals and rejections, one at a time.

    What waits outlasts a restart: whatever an answer called pending is on the disk before the answer leaves.
    """

    def __init__(self, running: Running, store: PendingStore) -> None:
        self._running = running
        self._store = store
        self._pending = self._kept()
        self._turn = asyncio.Lock()
        self._saving = asyncio.Lock()
        # What goes on though its caller hung up; a task that nobody holds may be collected.
        self._underway: set[asyncio.Task[Outcome] | asyncio.Task[None]] = set()
        # Position of a statement that counts, or is about to, and is not effective yet: to operators it still waits.
        self._settling: int | None = None

    async def propose(self, peer: Peer, entry: ControlEntry, reason: str) -> Outcome:
        """Enters a statement: applied at once if its signatures are enough and it is next, else pending.

        The same statement again adds its signatures to those that are there, so an answer that was lost can be asked
        for again.
        """
        if entry.statement.kind is StatementKind.RESTORE:
            raise Refused(
                "restore-running",
                "a RESTORE is for a store that stands still, this gateway runs",
                at="statement.kind",
                do="stop the gateway first",
            )
        async with self._turn:
            self._check(peer)
            self._drop_expired()
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
            change_id = self._pending.next_id(entry.statement.position)
            change = PendingChange(change_id, peer.party_id, entry, reason, progress)
            self._pending.drop_overtaken_like(entry.statement, self._head())
            if self._is_next(change):
                return await self._apply(change)
            await self._keep(change)
            return Outcome(change_id, False, entry.statement.position, progress)

    async def approve(self, peer: Peer, change_id: str, signatures: Signatures, reason: str) -> Outcome:
        """Adds signatures to a pending change, and applies it if they are enough and it is next."""
        async with self._turn:
            self._check(peer)
            self._drop_expired()
            return await self._sign(self._pending.get(change_id), peer, signatures, reason)

    async def reject(self, peer: Peer, change_id: str, reason: str) -> list[str]:
        """Takes a pending change off the list: any operator may, since nothing is in force by it.

        Ids of the changes that were written on it and are overtaken by this.
        """
        async with self._turn:
            self._check(peer)
            self._drop_expired()
            change = self._pending.get(change_id)
            before = self._pending.live(self._head())
            self._pending.remove(change_id)
            await self._save()
            overtaken = sorted(before - self._pending.live(self._head()) - {change_id})
            statement = change.statement
            _log.info(
                "change.rejected",
                change=change_id,
                kind=statement.kind.name,
                link=statement.link.hex(),
                proposer=change.proposer,
                operator=peer.party_id,
                reason=reason,
            )
            return overtaken

    def changes(self, peer: Peer) -> list[PendingChange]:
        """Pending changes by position, with those that were overtaken and have to be proposed again."""
        self._check(peer)
        self._drop_expired()
        return self._pending.in_order()

    def condition(self, peer: Peer) -> Condition:
        """What no statement says of the gateway."""
        self._check(peer)
        return condition(self._running)

    def entries(self, peer: Peer, from_position: int) -> list[bytes]:
        """Up to 8 entries of CONTROL from a position, of those that are effective: who reads one may rely on it."""
        self._check(peer)
        stored = self._running.journals.read(Journal.CONTROL, from_position, PAGE_ENTRIES)
        return [one.entry for one in stored if self._settling is None or one.position < self._settling]

    def _check(self, peer: Peer) -> None:
        """Refuses who is no operator any more: calls wait for their turn, and CONTROL or the roots move meanwhile."""
        check_operator(peer)
        self._running.accepted.check(peer)
        peer.check_standing(self._running.control)

    async def _sign(self, change: PendingChange, peer: Peer, signatures: Signatures, reason: str) -> Outcome:
        if change.change_id not in self._pending.live(self._head()):
            raise Refused(
                "stale-change",
                f"the change was written for position {change.statement.position}, "
                f"{self._running.control.position} is next and another came before",
                at=change.change_id,
                do="propose it again on the present head; signatures start anew",
            )
        before = len(change.entry.signed.signatures)
        known = {signature.public_key: signature for signature in (*change.entry.signed.signatures, *signatures)}
        entry = replace(change.entry, signed=SignedStatement(change.statement, tuple(known.values())))
        check_size(entry)
        change = replace(change, entry=entry, progress=self._progress(entry))
        if signatures:
            carries = len(known) > before
            change = change.approved(peer.party_id, reason, carries=carries)
        if self._is_next(change):
            return await self._apply(change)
        if change.progress.have >= change.progress.need:
            raise Refused(
                "change-not-next",
                f"the change is for position {change.statement.position}, {self._running.control.position} is next",
                at=change.change_id,
                do="approve the changes before it first",
            )
        await self._keep(change)
        return Outcome(change.change_id, False, change.statement.position, change.progress)

    def _progress(self, entry: ControlEntry) -> Progress:
        """How far the signatures are. A change that is next is checked whole now, not when the last person signs."""
        control = self._running.control
        if entry.statement.position != control.position:
            return control.weigh(entry)
        check_fork(self._running, entry)
        return control.preview(dated(self._running, entry)[0])[1]

    def _is_next(self, change: PendingChange) -> bool:
        complete = change.progress.have >= change.progress.need
        return complete and change.statement.position == self._running.control.position

    def _head(self) -> tuple[int, bytes]:
        return self._running.control.position, self._running.control.head

    def _drop_expired(self) -> None:
        self._pending.drop_expired(self._running.now_ms())

    async def _save_after_applying(self) -> None:
        try:
            await self._save()
        except Fault as error:
            # The change counts, and what the list still has of it is left out when it is read.
            _log.warning("changes.not-saved", code=error.code, at=error.at)

    async def _keep(self, change: PendingChange) -> None:
        self._pending.keep(change, self._head())
        await self._save()

    async def _save(self) -> None:
        """Also for a caller that hangs up: two savings never meet in one file, and the last one has the newest list."""
        saving = asyncio.create_task(self._saved(), name="save")
        self._underway.add(saving)
        saving.add_done_callback(self._underway.discard)
        await asyncio.shield(saving)

    async def _saved(self) -> None:
        async with self._saving:
            await asyncio.to_thread(self._store.save, self._pending.encode())

    def _kept(self) -> PendingChanges:
        """What was pending before the restart. A gateway does not stand still for what nobody has decided."""
        control, journals = self._running.control, self._running.journals
        try:
            content = self._store.load()
            kept = PendingChanges.parse(content, control.weigh) if content else PendingChanges()
        except GatewayError as error:
            _log.warning("changes.lost", code=error.code, at=error.at)
            return PendingChanges()
        for change in kept.in_order():
            # The process may have ended between the commit of a change and the writing of this list.
            for entry in journals.read(Journal.CONTROL, change.statement.position, 1):
                if parse_entry(entry.entry).statement.link == change.statement.link:
                    kept.remove(change.change_id)
        return kept

    async def _apply(self, change: PendingChange) -> Outcome:
        """Also for a caller that hangs up: what is applied is taken off the list, and who decided it is logged."""
        applying = asyncio.create_task(self._applied(change), name="apply")
        self._underway.add(applying)
        applying.add_done_callback(self._underway.discard)
        return await asyncio.shield(applying)

    async def _applied(self, change: PendingChange) -> Outcome:
        job = _ApplyJob(self._running, change.entry)
        self._settling = change.statement.position
        try:
            await self._running.sequencer.submit(job, size=change.size)
            try:
                await _all_closed(job.ended)
            finally:
                self._pending.remove(change.change_id)
        finally:
            self._settling = None
        await self._save_after_applying()
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


async def _all_closed(ended: Sequence[Subscription | SourceCall]) -> None:
    """Waits until the ended streams are gone: they close by themselves, or are cut, and are written to by nobody.

    For as long as it takes: a statement is not called effective while anything made before it can still be written.
    """
    try:
        async with asyncio.timeout(2 * CUT_SECONDS):
            await _closed(ended)
    except TimeoutError:
        _log.warning("change.stream-lingers", streams=sum(not one.closed.is_set() for one in ended))
        await _closed(ended)


async def _closed(ended: Sequence[Subscription | SourceCall]) -> None:
    for one in ended:
        await one.closed.wait()


def dated(running: Running, entry: ControlEntry) -> tuple[ControlEntry, tuple[int, int]]:
    """The entry with the time it is applied at, and the clocks' reading; refuses a TIME that says nothing new.

    For all but a TIME that is the trusted now. A TIME is applied at what the wall clock shows, since that is its claim.
    """
    reading = running.time.reading()
    if entry.statement.kind is StatementKind.TIME:
        running.time.check_doubted(reading[0])
        return replace(entry, applied_at_ms=reading[0]), reading
    return replace(entry, applied_at_ms=max(running.now_ms(), running.control.clock_ms)), reading


def check_fork(running: Running, entry: ControlEntry) -> None:
    """Refuses `fork-unknown`: a LIFT that settles in advance what a source has not signed would be a permit to fork."""
    if entry.statement.kind is not StatementKind.LIFT:
        return
    target = Lift.parse(entry.body).target
    if target.startswith("fork/") and not running.lanes.has_fork(fork_of(target)):
        raise Refused("fork-unknown", "a LIFT of a fork names two batches of one number, it does not", at="target")


def check_operator(peer: Peer) -> None:
    """Refuses `denied`."""
    if peer.role != "operator":
        raise Refused("denied", "the peer is no operator")
