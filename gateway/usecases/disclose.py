"""Deciding and entering what goes out: on the commit that admits a batch, and for streams that catch up.

INVARIANT: a frame exists only with its G in the partner's account, entered in the same commit or before; only the
sequencer calls what changes a subscription. Every released record is entered in its source's account too, unless the
agreement shows sources nothing. Source: architecture sections 2 to 4; SPEC.md sections 5 and 6.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.control.fold import Control
from gateway.core.decision.outcome import View as Released
from gateway.core.decision.plan import Decider
from gateway.core.errors import Refused
from gateway.core.ledger.entries import Disclosed, source_account
from gateway.core.sealing.body import view_digest
from gateway.core.sealing.cursor import Place
from gateway.core.sealing.frame import Disclosure, audit_digest
from gateway.core.sealing.opening import DisclosureOpening, Kept, ShownBatch
from gateway.core.suite.numbers import EndReason
from gateway.ports.keys import Keys
from gateway.usecases.outgoing import Framed, OutgoingBatch, Release, framed
from gateway.usecases.peer import Accepted
from gateway.usecases.quota import Quota
from gateway.usecases.rights import Rights
from gateway.usecases.sequence import Plan
from gateway.usecases.subscription import FrameDraft, Subscription
from gateway.usecases.trusted_time import TrustedTime

_CHANGED_TEXT = "what this stream may carry has changed"


class Discloser:
    """Holds the live streams and decides for them."""

    def __init__(self, keys: Keys, time: TrustedTime, quota: Quota) -> None:
        self._cursor_key = keys.cursor()
        self._time = time
        self._quota = quota
        self._decider = Decider()
        self.subscriptions: dict[tuple[str, str, str], Subscription] = {}

    def masks(self, subscription: Subscription, batch: OutgoingBatch, from_idx: int = 0) -> tuple[int, ...]:
        """What of each record the subscription may have now; 0 is nothing. One dictionary hit per record."""
        rights = subscription.rights
        kind = batch.signed.batch.kind
        if not subscription.binding.kinds >> kind & 1:
            return (0,) * len(batch.views)
        now_ms = self._time.now_ms() if self._time.is_timed() else None
        suspended = batch.signed.batch.source_id in rights.suspended_sources
        unverifiable = not rights.is_verifiable(batch.signed.batch.key_id)
        masks = []
        all_held = rights.held_of(batch.signed.digest, len(batch.views))
        for view, facts, held in zip(batch.views, batch.facts, all_held, strict=True):
            asked = facts
            if suspended or unverifiable or held:
                asked = facts._replace(source_suspended=suspended, unverifiable=unverifiable, held=held)
            outcome = self._decider.plan_for(rights.basis, asked, now_ms)
            masks.append(outcome.mask if isinstance(outcome, Released) and view.idx >= from_idx else 0)
        return tuple(masks)

    def disclose(self, plan: Plan) -> None:
        """Enters what the batches of this commit release to every live stream, in the same commit."""
        if not plan.admissions:
            return
        batches = [
            OutgoingBatch.of_inspected(item.position, item.stored.admitted_at_ms, item.inspected)
            for item in plan.admissions
        ]
        end = Place(batches[-1].position + 1)
        timed = self._time.is_timed()
        for subscription in self.subscriptions.values():
            if not self._disclose_live(plan, subscription, batches, end, timed):
                # It goes on by itself, from its place in the journal.
                subscription.live = False
                plan.after.append(subscription.wake.set)

    def _disclose_live(
        self, plan: Plan, subscription: Subscription, batches: list[OutgoingBatch], end: Place, timed: bool
    ) -> bool:
        if not subscription.live or subscription.is_full or not timed:
            return False
        # A live stream stands at the end of what was stored before this commit: all of it is new to it.
        decided = [(batch, self.masks(subscription, batch)) for batch in batches]
        if not self._time.is_timed():  # it was, a moment ago, and what was decided since is no decision
            return False
        frames = framed([Release(batch, masks) for batch, masks in decided if any(masks)])
        if not self.may_release(subscription.rights, sum(frame.records for frame in frames)):
            return False
        self.enter(plan, subscription, frames, end)
        return True

    def redecide(self, control: Control) -> list[Subscription]:
        """Every stream under a new state of CONTROL: one whose rights changed ends before its next frame."""
        ended = []
        for subscription in self.subscriptions.values():
            if subscription.ending is None and not is_unchanged(subscription, control):
                ended.append(subscription)
        return ended

    def accept(self, accepted: Accepted) -> list[Subscription]:
        """Every stream under other roots: one whose root is not among them ends before its next frame."""
        live = [one for one in self.subscriptions.values() if one.ending is None]
        return [one for one in live if not is_accepted(one, accepted)]

    def may_release(self, rights: Rights, records: int) -> bool:
        """Whether the agreement's quota lets so many more records go this month."""
        return self._quota.allows(rights, records, self._time.now_ms())

    def left(self, rights: Rights) -> int | None:
        """Records that the quota still lets go this month; None is no quota."""
        return self._quota.left(rights, self._time.now_ms())

    def enter(self, plan: Plan, subscription: Subscription, frames: Iterable[Framed], after: Place) -> None:
        """Enters the frames' disclosures; they are queued for the stream once the commit is durable."""
        drafts = []
        for frame in frames:
            entry, opening = self._disclosure(subscription, frame)
            plan.enter(subscription.account_id, entry, opening)
            self._tell_sources(plan, subscription, frame)
            self._quota.count(subscription.rights, frame.records, self._time.now_ms())
            encoded = tuple(section.encoded for section in frame.sections)
            drafts.append(FrameDraft(entry, encoded, frame.records, frame.size))
        # The place moves with the plan, so that a later job of the same commit cannot disclose the same records.
        subscription.place = after
        plan.after.append(lambda: subscription.queue(drafts))

    def _disclosure(self, subscription: Subscription, frame: Framed) -> tuple[bytes, bytes]:
        rights = subscription.rights
        salt = secrets.token_bytes(32)
        position = rights.basis.position
        shown = [(digest, section.shown) for digest, section in zip(frame.batches, frame.sections, strict=True)]
        entry = Disclosure(
            partner_id=subscription.partner_id,
            agreement_id=subscription.agreement_id,
            subscription=subscription.name,
            stream_id=subscription.stream_id,
            seq=subscription.next_seq,
            agreement_digest=rights.agreement_digest,
            audit=audit_digest(salt, position, rights.rules_digest, rights.dir_root),
            records=frame.records,
            cursor=subscription.binding.seal(self._cursor_key, frame.after, secrets.token_bytes(12)),
            view_digest=view_digest(shown),
        ).encode()
        subscription.next_seq += 1
        kept = Kept(
            self._time.now_ms(),
            tuple(ShownBatch(digest, tuple((idx, mask) for idx, _, mask in views)) for digest, views in shown),
        )
        return entry, DisclosureOpening(salt, position, rights.rules_digest, rights.dir_root, kept).encode()

    @staticmethod
    def _tell_sources(plan: Plan, subscription: Subscription, frame: Framed) -> None:
        shown_to_sources = subscription.rights.shown_to_sources
        if shown_to_sources == "none":
            return
        partner = subscription.partner_id if shown_to_sources == "amounts-and-partner" else ""
        salts = secrets.token_bytes(32 * frame.records)
        number = 0
        for digest, source_id, section in zip(frame.batches, frame.sources, frame.sections, strict=True):
            account_id = source_account(source_id)
            for idx, _, mask in section.shown:
                salt = salts[32 * number : 32 * number + 32]
                plan.enter(account_id, Disclosed(salt, digest, idx, mask, partner).encode())
                number += 1


@dataclass(frozen=True, slots=True)
class CatchUpJob:
    """Enters disclosures of stored batches for one stream that lags; makes it live when it reaches the end."""

    discloser: Discloser
    subscription: Subscription
    frames: tuple[Framed, ...]
    expected: Place
    after: Place
    may_go_live: bool

    def prepare(self, plan: Plan) -> None:
        """Refuses `stream-ended` when the stream ended or moved meanwhile, `quota-reached` when others were faster."""
        subscription = self.subscription
        if subscription.ending is not None or subscription.place != self.expected:
            raise Refused("stream-ended", "the stream ended while it caught up")
        if not self.discloser.may_release(subscription.rights, sum(frame.records for frame in self.frames)):
            raise Refused("quota-reached", "the agreement's quota was used up meanwhile", at="agreement")
        self.discloser.enter(plan, subscription, self.frames, self.after)
        if self.may_go_live and self.after.position >= plan.records_size_before:
            subscription.live = True

    def committed(self) -> None:
        """The frames were queued by the plan."""


def is_accepted(subscription: Subscription, accepted: Accepted) -> bool:
    """Whether the stream's certificate comes from a root that counts; otherwise it is ended as one that is revoked."""
    if accepted.takes(subscription.rights.peer):
        return True
    subscription.end(EndReason.CHANGED, _CHANGED_TEXT)
    return False


def is_unchanged(subscription: Subscription, control: Control) -> bool:
    """Whether the stream may go on under `control`; otherwise it is ended, and told why."""
    if subscription.rights.same_under(control):
        subscription.rights = subscription.rights.renewed(control)
        return True
    suspended = control.is_suspended(f"partner/{subscription.partner_id}")
    reason = EndReason.SUSPENDED if suspended else EndReason.CHANGED
    subscription.end(reason, _CHANGED_TEXT)
    return False
