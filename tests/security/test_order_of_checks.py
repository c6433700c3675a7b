"""Threat: one lie, and two readers refuse it for two reasons; whoever compares them cannot tell what was wrong.

Where several checks would fail, the first of the sections' order decides: the number of a sealed message before its
seal, what was entered before what a section says of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.core.records.batch import SignedBatch
from gateway.core.sealing.frame import seal_end, seal_frame, seal_notice, seal_old
from gateway.core.suite.numbers import EndReason, StreamMessage
from gateway.core.suite.octets import u64
from tests.scripted_gateway import Conversation, Script
from tests.security.listener import ABOUT, ALL, STRANGER, TRACK, Listener

SEALED: dict[StreamMessage, Callable[[Conversation], bytes]] = {
    StreamMessage.OLD: lambda told: seal_old(told.keys, 0, b"entry"),
    StreamMessage.FRAME: lambda told: seal_frame(told.keys, 0, b"entry", b"body"),
    StreamMessage.NOTICE: lambda told: seal_notice(told.keys, 0, EndReason.CAUGHT_UP, ""),
    StreamMessage.END: lambda told: seal_end(told.keys, 0, EndReason.LIFETIME, ""),
}


@pytest.mark.must("5.4.1")
@pytest.mark.parametrize("kind", SEALED, ids=lambda kind: kind.name.lower())
def test_a_number_that_is_not_the_next_is_refused_before_anything_is_opened(
    partner: Listener, kind: StreamMessage
) -> None:
    """A message under another number does not open either; that it is not due is what is said."""

    async def renumbered(told: Conversation) -> None:
        await told.begin()
        await told.send(kind, u64(1) + SEALED[kind](told)[8:])

    assert partner.hear(renumbered).code == "stream-order"


def entered_and_sent(entered: int, change: Callable[[Conversation, SignedBatch], SignedBatch]) -> Script:
    """A disclosure of one mask is entered; another view comes, in a section that is wrong in itself as well."""

    async def told_wrongly(told: Conversation) -> None:
        await told.begin()
        disclosure = told.disclosure(told.truth.section(TRACK, (0,), entered))
        told.enter(disclosure)
        await told.tick()
        section = told.truth.section(TRACK, (0,), ALL)
        await told.frame(disclosure, replace(section, signed=change(told, section.signed)))

    return told_wrongly


def forged(_: Conversation, signed: SignedBatch) -> SignedBatch:
    """Another signature over the same statement."""
    return replace(signed, signature=SignedBatch.sign(signed.batch, STRANGER).signature)


@pytest.mark.must("5.5.5", "5.5.10")
@pytest.mark.parametrize(("entered", "code"), [(ABOUT, "frame-not-as-entered"), (ALL, "batch-signature")])
def test_a_frame_is_compared_with_its_disclosure_before_its_sections_are_judged(
    partner: Listener, entered: int, code: str
) -> None:
    """Views that nobody entered are not looked at as records; those that were are, and then the signature fails."""
    assert partner.hear(entered_and_sent(entered, forged)).code == code


async def unasked_and_wide(told: Conversation) -> None:
    """A kind that the Hello does not ask for, and more of it than was entered."""
    tactic = 1
    await told.begin()
    disclosure = told.disclosure(told.truth.section(tactic, (0,), ABOUT))
    told.enter(disclosure)
    await told.tick()
    await told.frame(disclosure, told.truth.section(tactic, (0,), ALL))


def test_what_was_not_entered_is_said_before_what_was_not_asked_for(partner: Listener) -> None:
    """The ledger is the stronger evidence."""
    assert partner.hear(unasked_and_wide, kinds=("telemetry",)).code == "frame-not-as-entered"
