"""Threat: a source signs a portion that passes for another, or bytes that are none; the guard was talked past."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.kinds import telemetry
from gateway.core.ledger.receipt import Quarantined
from gateway.core.records.batch import SignedBatch
from gateway.core.records.portion import encode_disclosure, parse_disclosure
from gateway.core.sealing.body import Section
from gateway.core.suite.numbers import RefusalCode
from gateway.core.suite.tree import tree_root
from tests.scripted_gateway import Conversation
from tests.security.listener import ABOUT, ALL, TRACK, Listener
from tests.truth import Truth

WRONG = {
    "the portion of another slot": lambda d: encode_disclosure(d[:32], replace(parse_disclosure(d), slot=5)),
    "a salt and nothing behind it": lambda d: d[:32],
    "a label longer than what is left": lambda d: d[:33] + b"\x01\xff" + d[35:40],
}


def signed_by_the_source(truth: Truth, slot: bytes) -> Section:
    """A track whose vehicle portion is these bytes, committed to and signed as they are."""
    stored = truth.batches[TRACK]
    view = stored.views[0]
    slots = (*view.slots[: telemetry.VEHICLE], slot, *view.slots[telemetry.VEHICLE + 1 :])
    wrong = replace(view, slots=slots)
    batch = replace(stored.signed.batch, count=1, root=tree_root([wrong.leaf()]))
    signed = SignedBatch.sign(batch, truth.stand.profile("src-3f07").signing_key())
    return Section(signed, (wrong.narrowed(ALL & wrong.mask, wrong.commitments()),), ())


@pytest.mark.must("3.1.1", "5.5.15", "5.5.19")
@pytest.mark.parametrize("what", WRONG)
def test_a_portion_that_is_not_one_of_its_slot_is_set_aside_unread(partner: Listener, truth: Truth, what: str) -> None:
    """Everything that proves its origin holds; the record alone is no record, and the stream goes on."""
    section = signed_by_the_source(truth, WRONG[what](truth.batches[TRACK].views[0].slots[telemetry.VEHICLE]))

    async def script(told: Conversation) -> None:
        await told.begin()
        await told.disclose(section)
        await told.disclose(told.truth.section(TRACK, (0,), ABOUT))
        await told.end()

    heard = partner.hear(script)

    assert (len(heard.records), heard.code) == (1, "")
    assert partner.aside() == (Quarantined(section.signed.digest, 0, RefusalCode.MALFORMED),)
