"""Admitting: one batch's turn in its lane, judged once more at the moment it is committed.

Between inspection and commit statements may have been applied. What the commit stands on is CONTROL as it is then: a
suspended source is not taken from, and a batch inspected under another guide, other vocabularies or another scope is
inspected again. Any other statement leaves what inspection found as it is.
Source: SPEC.md section 3.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gateway.core.control.fold import Control
from gateway.core.control.scope import Scope
from gateway.core.errors import Refused
from gateway.core.ledger.entries import Admitted, RefusedBatch, source_account
from gateway.core.records.batch import SignedBatch
from gateway.core.records.states import InspectedBatch, StoredBatch, VerifiedBatch
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import PublishMessage, RefusalCode, Role
from gateway.core.suite.octets import u8, u16
from gateway.ports.journal import Journal
from gateway.usecases.inspect import inspecting
from gateway.usecases.lanes import KIND_ADMITTED, KIND_REFUSED, Refusal, RefusedEntry, Verdict
from gateway.usecases.running import Running
from gateway.usecases.sequence import Admission, Plan

_log = structlog.get_logger("sluice.batch")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judged:
    """A verified batch with what inspection found under `control` and `scope`: either of the two."""

    control: Control
    scope: Scope
    verified: VerifiedBatch
    inspected: InspectedBatch | None
    refusal: Refusal | None

    def holds_under(self, control: Control, scope: Scope) -> bool:
        """Whether all that inspection looks at is still the same."""
        before = self.control
        return (before.guide, before.vocabularies, self.scope) == (control.guide, control.vocabularies, scope)


def source_key(control: Control, signed: SignedBatch, now_ms: int) -> tuple[VerifyKey, Scope]:
    """The key that verifies the batch and what it may send; refuses a suspended source, `directory-…` and `key-…`."""
    batch = signed.batch
    if control.is_stopped(f"source/{batch.source_id}"):
        raise Refused("denied", "the source is suspended", at="source")
    found = control.endorsed(Role.SOURCE, batch.source_id, batch.key_id, now_ms)
    return found.signing_key, Scope.parse(found.endorsement.scope)


def drain(steps: Generator[None, None, T]) -> T:
    """What a check gives that yields between slices, in one go."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


class AdmitJob:
    """One batch's turn in its lane: admitted, refused, or told again what became of it. `answer` is set by `prepare`.

    The lane has its say before inspection has, because a batch that came before keeps its first answer and one that is
    ahead consumes nothing.
    """

    def __init__(self, running: Running, judged: Judged) -> None:
        self._running = running
        self._judged = judged
        self._signed = judged.verified.signed
        self._refused: Refusal | None = None
        self.answer = b""

    def prepare(self, plan: Plan) -> None:
        """Judges and appends; refuses `denied` and the like, a refusal of the batch is an answer."""
        signed, lanes, now_ms = self._signed, self._running.lanes, self._running.now_ms()
        _, scope = source_key(self._running.control, signed, now_ms)
        verdict, earlier = lanes.judge(signed)
        if verdict is Verdict.ADMITTED:
            self.answer = _stored(signed)
            self._enter_again(plan, None)
        elif verdict is Verdict.REFUSED and earlier is not None:
            self.answer = _refused(signed, earlier)
            self._enter_again(plan, earlier)
        elif verdict is Verdict.AHEAD:
            self.answer = _waiting(signed, RefusalCode.NUMBER_AHEAD)
        elif lanes.is_held(signed.batch.source_id, self._running.control.settled):
            self.answer = _waiting(signed, RefusalCode.SOURCE_HELD)
        elif verdict is Verdict.FORK:
            self._refuse(plan, Refusal(RefusalCode.FORK), now_ms)
        elif verdict is Verdict.BROKEN:
            self._refuse(plan, Refusal(RefusalCode.CHAIN, at="batch.prev"), now_ms)
        else:
            self._take(plan, self._judged_now(scope), now_ms)

    def _judged_now(self, scope: Scope) -> Judged:
        control, judged = self._running.control, self._judged
        if judged.holds_under(control, scope):
            return judged
        inspected, refusal = drain(inspecting(control, scope, judged.verified))
        return Judged(control, scope, judged.verified, inspected, refusal)

    def _take(self, plan: Plan, judged: Judged, now_ms: int) -> None:
        if judged.inspected is None:
            self._refuse(plan, judged.refusal or Refusal(RefusalCode.MALFORMED), now_ms)
        elif not self._running.lanes.fits(self._signed, _about(judged.inspected)):
            self._refuse(plan, Refusal(RefusalCode.ABOUT_LABELS_DIFFER, at="about"), now_ms)
        else:
            self._admit(plan, judged.inspected, now_ms)

    def _admit(self, plan: Plan, inspected: InspectedBatch, now_ms: int) -> None:
        signed = self._signed
        stored = StoredBatch(signed, now_ms, inspected.verified.views)
        position = plan.append(Journal.RECORDS, KIND_ADMITTED, stored.encode(), signed.statement)
        self._enter(plan, None)
        plan.admissions.append(Admission(position, inspected, stored))
        self._running.lanes.take(signed, None, _about(inspected))
        self.answer = _stored(signed)

    def _refuse(self, plan: Plan, refusal: Refusal, now_ms: int) -> None:
        signed = self._signed
        refused = RefusedEntry(signed, now_ms, refusal)
        plan.append(Journal.RECORDS, KIND_REFUSED, refused.encode(), signed.statement)
        self._enter(plan, refusal)
        self._running.lanes.take(signed, refusal)
        self._refused = refusal
        self.answer = _refused(signed, refusal)

    def _enter(self, plan: Plan, refusal: Refusal | None) -> None:
        signed, batch, salt = self._signed, self._signed.batch, secrets.token_bytes(32)
        entry: Admitted | RefusedBatch = Admitted(salt, batch.lane, batch.batch_no, signed.digest)
        if refusal is not None:
            entry = RefusedBatch(salt, batch.lane, batch.batch_no, signed.digest, refusal.code)
        plan.enter(source_account(batch.source_id), entry.encode())
        if self._running.lanes.ends:
            self._running.lanes.entered.add(signed.digest)

    def _enter_again(self, plan: Plan, refusal: Refusal | None) -> None:
        """A source that never saw the entry's tick would wait for ever: that account is closed."""
        if self._running.lanes.is_due_again(self._signed):
            self._enter(plan, refusal)

    def committed(self) -> None:
        """The caller sends `answer` once `submit` returns; a refusal is what somebody may have to look at."""
        if self._refused is not None:
            _log.warning(
                "batch.refused",
                source=self._signed.batch.source_id,
                batch=self._signed.digest.hex()[:8],
                code=self._refused.code.name,
                record=self._refused.idx,
                slot=self._refused.slot,
            )


def _about(inspected: InspectedBatch) -> bytes:
    # Slot 0 is in every kind's must set.
    return inspected.labels[0][0] or b""


def _stored(signed: SignedBatch) -> bytes:
    return u8(PublishMessage.STORED) + signed.digest


def _waiting(signed: SignedBatch, code: RefusalCode) -> bytes:
    return u8(PublishMessage.WAITING) + signed.digest + u16(code)


def _refused(signed: SignedBatch, refusal: Refusal) -> bytes:
    return u8(PublishMessage.REFUSED) + signed.digest + refusal.encode()
