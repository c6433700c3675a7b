"""Catching up: a stream that lags is served from the journal, a few batches at a time.

It decides what the next batches release, up to the first record that is not due yet or above the quota, and has that
entered; frames follow once their disclosures are durable. At the end of the journal the stream becomes live, unless its
agreement delays: then every record waits its time here. Nothing is skipped: a stream trails, it never jumps.
Source: architecture sections 2 and 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.decision.pace import due_at_ms
from gateway.core.errors import Refused
from gateway.core.records.states import parse_stored_batch, read_admitted_at_ms
from gateway.core.sealing.cursor import Place
from gateway.core.suite.numbers import EndReason
from gateway.ports.journal import Journal
from gateway.usecases.disclose import CatchUpJob
from gateway.usecases.lanes import KIND_ADMITTED
from gateway.usecases.outgoing import OutgoingBatch, Release, framed
from gateway.usecases.running import Running
from gateway.usecases.subscription import Subscription

CATCH_UP_BATCHES = 4
QUOTA_RETRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing more goes now. until_ms: when to look again, None: when something new is stored."""

    reason: EndReason
    until_ms: int | None


async def catch_up(running: Running, subscription: Subscription) -> Pause | None:
    """Enters what the next batches release; None if there may be more at once, or if the stream is live now."""
    agreement, place = subscription.rights.basis.agreement, subscription.place
    stored = running.journals.read(Journal.RECORDS, place.position, CATCH_UP_BATCHES)
    if not stored and agreement.delay_ms:
        return Pause(EndReason.CAUGHT_UP, None)
    now_ms, left = running.now_ms(), running.discloser.left(subscription.rights)
    released: list[Release] = []
    after, pause = place, None
    for item in stored:
        if item.kind == KIND_ADMITTED:
            # Asked first: a stream that delays comes by here again and again, and hashing is the costly part.
            due_ms = due_at_ms(agreement, read_admitted_at_ms(item.entry))
            if now_ms < due_ms:
                pause = Pause(EndReason.CAUGHT_UP, due_ms)
                break
            batch = OutgoingBatch.of_stored(item.position, parse_stored_batch(item.entry))
            from_idx = place.idx if item.position == place.position else 0
            masks, stop_idx = _within(running.discloser.masks(subscription, batch, from_idx), left)
            if not running.time.is_timed():
                # Nothing was released because nothing could be dated: that is no reason to pass it by.
                return None
            left = left if left is None else left - sum(map(bool, masks))
            if any(masks):
                released.append(Release(batch, masks, whole=stop_idx is None))
            if stop_idx is not None:
                after = Place(item.position, stop_idx)
                pause = Pause(EndReason.QUOTA, now_ms + int(QUOTA_RETRY_SECONDS * 1000))
                break
        after = Place(item.position + 1)
        await asyncio.sleep(0)
    if after == place and pause is not None:
        return pause
    may_go_live = pause is None and not agreement.delay_ms
    job = CatchUpJob(running.discloser, subscription, tuple(framed(released)), place, after, may_go_live)
    try:
        await running.sequencer.submit(job)
    except Refused:
        # It ended, or other streams of the agreement used up the quota: the caller looks again.
        return None
    return pause


def _within(masks: Sequence[int], left: int | None) -> tuple[tuple[int, ...], int | None]:
    """The masks that the quota lets go, and the index of the first record that it does not; None if all go."""
    if left is None:
        return tuple(masks), None
    allowed: list[int] = []
    for idx, mask in enumerate(masks):
        if mask and not left:
            return (*allowed, *(0 for _ in masks[idx:])), idx
        left -= bool(mask)
        allowed.append(mask)
    return tuple(allowed), None
