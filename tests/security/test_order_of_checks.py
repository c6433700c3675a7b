"""Threat: one lie, and two readers refuse it for two reasons; whoever compares them cannot tell what was wrong.

Where several checks would fail, the first of the sections' order decides: the number of a sealed message before its
seal, what was entered before what a section says of itself. And each field that names whose something is, alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.core.control.directory import ShownEndorsement
from gateway.core.records.batch import SignedBatch
from gateway.core.sealing.frame import Disclosure, SealedFrame, seal_end, seal_frame, seal_notice, seal_old
from gateway.core.suite.numbers import EndReason, KeyState, Role, StreamMessage
from gateway.core.suite.octets import lp32, u64
from tests.scripted_gateway import Conversation, Script
from tests.security.listener import ABOUT, ALL, STRANGER, TRACK, Listener
from tests.truth import MINUTE_MS, now_ms

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


@pytest.mark.must("1.2.4")
@pytest.mark.parametrize("kind", SEALED, ids=lambda kind: kind.name.lower())
def test_what_is_not_laid_out_as_a_message_is_refused_before_its_number_is_looked_at(
    partner: Listener, kind: StreamMessage
) -> None:
    """Parsing comes first: a byte too many is no message at all, whatever number it carries."""

    async def longer(told: Conversation) -> None:
        await told.begin()
        await told.send(kind, u64(1) + SEALED[kind](told)[8:] + b"\0")

    assert partner.hear(longer).code == "malformed"


@pytest.mark.must("5.4.2")
@pytest.mark.parametrize(("length", "code"), [(1024, "frame-not-authentic"), (1025, "malformed")])
def test_disclosure_and_body_exchanged_are_refused_as_the_first_check_says(
    partner: Listener, length: int, code: str
) -> None:
    """A body that is longer than a disclosure may be does not parse in its place; a shorter one does not open there."""

    async def exchanged(told: Conversation) -> None:
        await told.begin()
        frame = SealedFrame.parse(seal_frame(told.keys, 0, b"entry", bytes(length - 16)))
        await told.send(StreamMessage.FRAME, u64(0) + lp32(frame.sealed_body) + lp32(frame.sealed_entry))

    assert partner.hear(exchanged).code == code


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


@pytest.mark.must("4.4.2")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("genesis", b"\x01" * 48),
        ("partner_id", "gbr/dstl"),
        ("agreement_id", "UA-GB-1"),
        ("subscription", "other"),
        ("hello_digest", b"\x01" * 48),
        ("kem_key_id", b"\x01" * 16),
        ("agreement_digest", b"\x01" * 48),
    ],
)
def test_each_name_in_the_terms_of_a_stream_must_be_the_partners_own(
    partner: Listener, field: str, value: object
) -> None:
    """Signed and sealed as it must be, and for something else than what was asked."""

    async def misnamed(told: Conversation) -> None:
        await told.directory()
        await told.open(**{field: value})

    assert partner.hear(misnamed).code == "open-mismatch"


@pytest.mark.must("5.5.1")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partner_id", "gbr/dstl"),
        ("agreement_id", "UA-GB-1"),
        ("subscription", "other"),
        ("stream_id", b"\x01" * 16),
        ("agreement_digest", b"\x01" * 48),
    ],
)
def test_each_name_in_a_disclosure_must_be_that_of_the_stream(partner: Listener, field: str, value: object) -> None:
    """Entered in this very account, and not about it."""

    async def misnamed(told: Conversation) -> None:
        await told.begin()
        section = told.truth.section()
        disclosure = told.disclosure(section, **{field: value})
        told.enter(disclosure)
        await told.tick()
        await told.frame(disclosure, section)

    assert partner.hear(misnamed).code == "disclosure-not-ours"


@pytest.mark.must("5.4.4")
@pytest.mark.parametrize("field", ["partner_id", "agreement_id", "subscription"])
def test_an_old_disclosure_must_be_of_this_subscription(partner: Listener, field: str) -> None:
    """What was lost on another line is no excuse on this one."""

    async def misnamed(told: Conversation) -> None:
        await told.begin()
        lost = told.disclosure(told.truth.section(), **{"stream_id": b"\x01" * 16, field: "other"})
        told.enter(lost)
        await told.tick()
        await told.old(lost)

    assert partner.hear(misnamed).code == "disclosure-not-ours"


@pytest.mark.must("5.5.2")
def test_the_disclosures_of_a_stream_are_counted_without_a_gap(partner: Listener) -> None:
    """A number left out would be a frame that this partner never hears of."""

    async def skipping(told: Conversation) -> None:
        await told.begin()
        section = told.truth.section()
        disclosure = told.disclosure(section, seq=1)
        told.enter(disclosure)
        await told.tick()
        await told.frame(disclosure, section)

    assert partner.hear(skipping).code == "stream-order"


@pytest.mark.must("5.5.3")
def test_a_disclosure_that_is_held_settles_no_second_leaf(partner: Listener) -> None:
    """The account lists it twice; one frame must not stand for two."""
    lost: list[Disclosure] = []

    async def first(told: Conversation) -> None:
        await told.begin()
        section = told.truth.section(TRACK, (0,), ALL)
        lost.append(told.disclosure(section))
        told.enter(lost[0], lost[0])
        await told.tick()
        await told.frame(lost[0], section)
        await told.end()

    async def second(told: Conversation) -> None:
        await told.begin()
        await told.old(lost[0])

    assert partner.hear(first, second).code == "disclosure-repeated"


@pytest.mark.must("5.5.11")
def test_a_signature_verified_before_counts_no_more_once_the_directory_took_its_key_back(partner: Listener) -> None:
    """The same section, believed a moment ago, under a newer directory."""

    def taint(one: ShownEndorsement) -> ShownEndorsement:
        if one.endorsement.role is not Role.SOURCE:
            return one
        return replace(one, endorsement=replace(one.endorsement, state=KeyState.TAINTED))

    async def believed(told: Conversation) -> None:
        await told.begin()
        await told.disclose(told.truth.section(TRACK, (0,), ABOUT))
        await told.end()

    async def taken_back(told: Conversation) -> None:
        await told.directory(told.truth.directory(5, change=taint))
        await told.open()
        await told.tick()
        await told.disclose(told.truth.section(TRACK, (0,), ALL))

    heard = partner.hear(believed, taken_back)

    assert (len(heard.records), heard.code) == (1, "key-tainted")


@pytest.mark.must("4.2.1")
def test_each_hello_has_a_nonce_and_an_ephemeral_key_of_its_own(partner: Listener) -> None:
    """Or a recorded opening could be shown again, and one stolen key would open every stream."""

    async def ends(told: Conversation) -> None:
        await told.begin()
        await told.end()

    partner.hear(ends, ends, ends)

    asked = [told.hello for told in partner.gateway.hellos]
    assert len(asked) == 3
    assert len({hello.nonce for hello in asked}) == len({hello.ephemeral_key for hello in asked}) == 3


@pytest.mark.must("4.4.3")
@pytest.mark.parametrize(("minutes", "code"), [(-6, "open-dates"), (-4, ""), (19, ""), (21, "open-dates")])
def test_a_stream_ends_within_twenty_minutes_and_has_not_ended_yet(partner: Listener, minutes: int, code: str) -> None:
    """One that is over, or that would outlive a revocation; clocks may differ by five minutes."""

    async def dated(told: Conversation) -> None:
        await told.directory()
        await told.open(not_after_ms=now_ms() + minutes * MINUTE_MS)
        await told.tick()
        await told.end()

    assert partner.hear(dated).code == code
