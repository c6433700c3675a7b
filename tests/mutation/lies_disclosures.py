"""Lies about whose records they are, and about disclosures: entered, hashed and sealed as if they were true."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.records.batch import SignedBatch
from gateway.core.sealing.body import Section
from gateway.core.suite.keys import SigningKey
from gateway.core.suite.numbers import DataMode, RecordKind
from tests.mutation.lies import AUDIT, CURSOR, LATER, OLDS, lie
from tests.mutation.lies_frames import TRACKS, section_of
from tests.mutation.resealed import Sealed, Told
from tests.mutation.resealed_ticks import gateway_keys

# Sources.


def _forged(told: Told, key: SigningKey | None = None, **changed: object) -> None:
    def forge(section: Section) -> Section:
        batch = replace(section.signed.batch, **changed)
        made = SignedBatch.sign(batch, key or gateway_keys().stream())
        return replace(section, signed=made)

    section_of(told, TRACKS, forge)


@lie("batch-signature")
def signed_by_the_gateway(told: Told) -> None:
    """The source's name and key, the gateway's signature."""
    _forged(told)


@lie("key-not-endorsed")
def under_the_gateways_key(told: Told) -> None:
    """A key that is endorsed, for another purpose."""
    _forged(told, key_id=gateway_keys().stream().key_id)


@lie("key-not-endorsed")
def of_another_source(told: Told) -> None:
    """One source's key under another's name."""
    _forged(told, source_id="src-91c2")


@lie("key-not-endorsed")
def of_an_invented_source(told: Told) -> None:
    """A source that nobody endorsed."""
    _forged(told, source_id="src-0000")


@lie("outside-agreement")
def of_another_mode(told: Told) -> None:
    """A test passed off as real, or the other way round."""
    mode = told.frames[0].sections[TRACKS].signed.batch.data_mode
    _forged(told, data_mode=next(other for other in DataMode if other is not mode))


@lie("outside-agreement")
def of_another_kind(told: Told) -> None:
    """A kind that nobody asked for."""
    _forged(told, kind=RecordKind.DESIGN)


@lie("batch-signature")
def of_another_place_in_its_lane(told: Told) -> None:
    """A number that hides a gap."""
    _forged(told, batch_no=99)


@lie("batch-signature")
def half_a_signature(told: Told) -> None:
    """One half is right."""

    def halved(section: Section) -> Section:
        return replace(section, signed=replace(section.signed, signature=section.signed.signature[:-64] + bytes(64)))

    section_of(told, TRACKS, halved)


@lie("batch-signature", OLDS)
def the_other_half(told: Told) -> None:
    """The other half is right."""

    def halved(section: Section) -> Section:
        return replace(section, signed=replace(section.signed, signature=bytes(4627) + section.signed.signature[4627:]))

    section_of(told, TRACKS, halved)


@lie("proof-malformed")
def spare_node(told: Told) -> None:
    """A proof with a node that nobody needs."""
    section_of(told, TRACKS, lambda one: replace(one, proof=(*one.proof, bytes(48))))


# Disclosures, entered as they are.


def _g(told: Told, **changed: object) -> None:
    told.frames[0].g |= changed


@lie("disclosure-not-ours")
def g_partner(told: Told) -> None:
    """Another partner's disclosure in this account."""
    _g(told, partner_id="gbr/dstl")


@lie("disclosure-not-ours")
def g_agreement(told: Told) -> None:
    """Another agreement's."""
    _g(told, agreement_id="UA-US-2026-022")


@lie("disclosure-not-ours")
def g_subscription(told: Told) -> None:
    """Another subscription's."""
    _g(told, subscription="other")


@lie("disclosure-not-ours")
def g_stream(told: Told) -> None:
    """Another stream's."""
    _g(told, stream_id=bytes(16))


@lie("stream-order")
def g_seq(told: Told) -> None:
    """A disclosure that was left out before it."""
    _g(told, seq=1)


@lie("disclosure-not-ours")
def g_agreement_digest(told: Told) -> None:
    """Under another text of the agreement."""
    _g(told, agreement_digest=bytes(48))


@lie(AUDIT)
def g_audit(told: Told) -> None:
    """Another reason for the decision."""
    _g(told, audit=bytes(48))


@lie("frame-not-as-entered")
def g_records(told: Told) -> None:
    """Fewer records in the ledger than in the frame."""
    _g(told, records=1)


@lie(CURSOR)
def g_cursor(told: Told) -> None:
    """A place that is not the one reached."""
    _g(told, cursor=bytes(38))


@lie("frame-not-as-entered")
def g_view_digest(told: Told) -> None:
    """Something else was entered."""
    _g(told, view_digest=bytes(48))


@lie("disclosure-not-owed")
def another_g_than_entered(told: Told) -> None:
    """The account says one thing, the frame another."""
    frame = told.frames[0]
    frame.raw = replace(frame, g={"audit": bytes(48)}).disclosure()


@lie("disclosure-not-owed", LATER)
def frames_exchanged(told: Told) -> None:
    """The second frame before the first, under ticks that cover both."""
    both_first(told)
    first, second = (told.steps.index(frame) for frame in told.frames[:2])
    told.steps[first], told.steps[second] = told.steps[second], told.steps[first]
    told.frames[0].g, told.frames[1].g = {"seq": 0}, {"seq": 1}


def both_first(told: Told) -> None:
    """The tick of the second frame before the first frame."""
    tick = told.ticks[2]
    told.steps.remove(tick)
    told.steps.insert(told.steps.index(told.frames[0]), tick)


@lie("stream-order", LATER)
def frame_again(told: Told) -> None:
    """The disclosure of the first frame once more, in place of the second."""
    first, second = told.frames[:2]
    second.raw, second.sections = first.disclosure(), list(first.sections)


def copy_of(step: Sealed) -> Sealed:
    """The same message once more, which enters nothing."""
    return replace(step, sections=list(step.sections), was=b"", raw=step.disclosure())
