"""Threat: a gateway with all its real keys lies to a partner about records and ledger. Each lie is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.control.agreement import Agreement
from gateway.core.records.batch import SignedBatch
from gateway.core.suite.numbers import DataMode, EndReason, StreamMessage
from tests.scripted_gateway import Conversation, Script
from tests.security.listener import ABOUT, ALL, STRANGER, TACTIC, TRACK, Listener
from tests.stand import agreement_text
from tests.truth import Ledger


async def honest(told: Conversation) -> None:
    """A whole stream without a lie."""
    await told.begin()
    await told.disclose(told.truth.section(TRACK, (0, 1), ALL))
    await told.notice()
    await told.end()


async def undelivered(told: Conversation) -> None:
    """A disclosure is entered and its frame never comes; the stream ends in order."""
    await told.begin()
    told.enter(told.disclosure(told.truth.section()))
    await told.tick()
    await told.end()


def test_an_honest_gateway_is_believed(partner: Listener) -> None:
    """Without this, every refusal below could be for another reason."""
    heard = partner.hear(honest)

    assert (len(heard.records), heard.code, heard.reason) == (2, "", EndReason.LIFETIME)
    assert partner.kept() == (1, 0)


# The ledger.


async def rewritten_ledger(told: Conversation) -> None:
    """Another tick stands where one was shown."""
    await told.begin()
    other = told.ledger.fork()
    await told.tick()
    other.draft()
    await told.tick(other)


async def forked_ledger(told: Conversation) -> None:
    """Two ticks of one number, the second on another history."""
    await told.begin()
    other = told.ledger.fork()
    other.enter(told.account_id, told.disclosure(told.truth.section()).encode())
    await told.tick()
    await told.tick(other)


async def smaller_tick(told: Conversation) -> None:
    """A tick again that was shown before."""
    await told.begin()
    leaves, message = told.message()
    await told.send_tick(leaves, message)
    await told.tick()
    await told.send_tick(leaves, message)


async def dropped_owed_leaf(told: Conversation) -> None:
    """A disclosure was listed, and then the account never had it."""
    await told.begin()
    told.enter(told.disclosure(told.truth.section()))
    await told.tick()
    told.ledger.rewrite(told.account_id)
    await told.tick()


async def dropped_held_leaf(told: Conversation) -> None:
    """A disclosure came, and then the account never had it."""
    await told.begin()
    await told.disclose(told.truth.section())
    told.ledger.rewrite(told.account_id)
    await told.tick()


async def replaced_leaf(told: Conversation) -> None:
    """Another disclosure stands where one came."""
    await told.begin()
    await told.disclose(told.truth.section())
    told.ledger.rewrite(told.account_id, told.disclosure(told.truth.section(TACTIC)).encode())
    await told.tick()


async def hidden_leaf(told: Conversation) -> None:
    """The account has a disclosure that the tick does not list."""
    await told.begin()
    told.enter(told.disclosure(told.truth.section()))
    await told.tick(leaves=())


async def anothers_account(told: Conversation) -> None:
    """The tick shows an account that is not under its root."""
    await told.begin()
    await told.tick(salt=bytes(32))


async def unsigned_tick(told: Conversation) -> None:
    """A tick under somebody else's signature."""
    await told.begin()
    other = told.ledger.fork()
    _, wrong = Ledger(told.truth.control.genesis, STRANGER).draft()
    leaves, message = told.message(other)
    await told.send_tick(leaves, replace(message, signature=wrong))


async def unendorsed_tick_key(told: Conversation) -> None:
    """A ledger under a key that no operator endorsed."""
    await told.directory()
    await told.open()
    told.ledger.key = STRANGER
    await told.tick()


async def tick_by_the_stream_key(told: Conversation) -> None:
    """A key that is endorsed, for another purpose."""
    await told.directory()
    await told.open()
    told.ledger.key = told.truth.keys.stream()
    await told.tick()


# Disclosures and frames.


async def skipped_frame(told: Conversation) -> None:
    """Two disclosures are owed, and the second one comes first: the first is withheld."""
    await told.begin()
    section = told.truth.section()
    first, second = told.disclosure(section, audit=b"\x01" * 48), told.disclosure(section, seq=0)
    told.enter(first, second)
    await told.tick()
    await told.frame(second, section)


async def frame_not_entered(told: Conversation) -> None:
    """A frame before, or without, its entry in the ledger."""
    await told.begin()
    section = told.truth.section()
    await told.frame(told.disclosure(section), section)


async def frame_before_its_tick(told: Conversation) -> None:
    """A frame whose disclosure is entered and not yet under a tick."""
    await told.begin()
    section = told.truth.section()
    disclosure = told.disclosure(section)
    told.enter(disclosure)
    await told.frame(disclosure, section)


async def other_body(told: Conversation) -> None:
    """One record was entered, another is sent."""
    await told.begin()
    disclosure = told.disclosure(told.truth.section(TRACK, (0,), ALL))
    told.enter(disclosure)
    await told.tick()
    await told.frame(disclosure, told.truth.section(TRACK, (1,), ALL))


async def widened_mask(told: Conversation) -> None:
    """`about` was entered, the position is sent with it: a leak that the ledger does not know."""
    await told.begin()
    disclosure = told.disclosure(told.truth.section(TRACK, (0,), ABOUT))
    told.enter(disclosure)
    await told.tick()
    await told.frame(disclosure, told.truth.section(TRACK, (0,), ALL))


async def more_than_entered(told: Conversation) -> None:
    """The number of records in the ledger is not that of the frame."""
    await told.begin()
    section = told.truth.section()
    disclosure = told.disclosure(section, records=2)
    told.enter(disclosure)
    await told.tick()
    await told.frame(disclosure, section)


async def _entered_and_sent(told: Conversation, **changed: object) -> None:
    await told.begin()
    section = told.truth.section()
    disclosure = told.disclosure(section, **changed)
    told.enter(disclosure)
    await told.tick()
    await told.frame(disclosure, section)


async def anothers_frame(told: Conversation) -> None:
    """Another partner's disclosure in this partner's account."""
    await _entered_and_sent(told, partner_id="gbr/dstl")


async def another_streams_frame(told: Conversation) -> None:
    """A disclosure of another stream."""
    await _entered_and_sent(told, stream_id=b"\x01" * 16)


async def another_agreements_frame(told: Conversation) -> None:
    """A disclosure under another text of the agreement."""
    await _entered_and_sent(told, agreement_digest=b"\x01" * 48)


async def frame_under_other_keys(told: Conversation) -> None:
    """Sealed for another stream of this very partner."""
    await told.begin()
    section = told.truth.section()
    disclosure = told.disclosure(section)
    told.enter(disclosure)
    await told.tick()
    told.rekey()
    await told.frame(disclosure, section)


async def repeated_frame(told: Conversation) -> None:
    """The same bytes once more."""
    await told.begin()
    section = told.truth.section()
    disclosure = told.disclosure(section)
    told.enter(disclosure)
    await told.tick()
    sealed = await told.frame(disclosure, section)
    await told.send(StreamMessage.FRAME, sealed)


async def repeated_disclosure(told: Conversation) -> None:
    """The same disclosure entered twice and sealed anew."""
    await told.begin()
    section = told.truth.section()
    disclosure = told.disclosure(section)
    told.enter(disclosure, disclosure)
    await told.tick()
    await told.frame(disclosure, section)
    await told.frame(disclosure, section)


async def old_of_this_stream(told: Conversation) -> None:
    """A frame that should have come is passed off as one that was lost."""
    await told.begin()
    disclosure = told.disclosure(told.truth.section())
    told.enter(disclosure)
    await told.tick()
    await told.old(disclosure)


async def old_after_a_frame(told: Conversation) -> None:
    """What was lost earlier is told first, or not at all."""
    await told.begin()
    await told.disclose(told.truth.section())
    lost = told.disclosure(told.truth.section(), stream_id=b"\x01" * 16)
    told.enter(lost)
    await told.tick()
    await told.old(lost)


# Sources.


async def forged_source_key(told: Conversation) -> None:
    """A batch of an admitted source under a key that has no endorsement."""
    await told.begin()
    await told.disclose(told.truth.resigned(STRANGER, TRACK, key_id=STRANGER.key_id))


async def forged_source_signature(told: Conversation) -> None:
    """A batch that names the real key and is signed by another."""
    await told.begin()
    section = told.truth.section()
    signed = section.signed
    forged = SignedBatch.sign(signed.batch, STRANGER)
    await told.disclose(replace(section, signed=replace(forged, statement=signed.statement, digest=signed.digest)))


async def half_a_signature(told: Conversation) -> None:
    """One half verifies, and the batch was verified whole a moment ago."""
    await told.begin()
    section = told.truth.section()
    await told.disclose(section)
    half = section.signed.signature[:-64] + bytes(64)
    await told.disclose(replace(section, signed=replace(section.signed, signature=half)))


async def anothers_key(told: Conversation) -> None:
    """One source's key under another source's name."""
    await told.begin()
    key = told.truth.stand.profile("src-3f07").signing_key()
    await told.disclose(told.truth.resigned(key, TRACK, source_id="src-91c2"))


async def changed_record(told: Conversation) -> None:
    """The signature is the source's, the record is not."""
    await told.begin()
    section = told.truth.section()
    view = replace(section.views[0], record_id=b"\x01" * 16)
    await told.disclose(replace(section, views=(view,)))


async def spare_proof_node(told: Conversation) -> None:
    """A proof with a node that nobody needs."""
    await told.begin()
    section = told.truth.section()
    await told.disclose(replace(section, proof=(*section.proof, bytes(48))))


async def mode_outside_the_agreement(told: Conversation) -> None:
    """Real records under an agreement on simulated ones, signed by the source itself."""
    await told.begin()
    key = told.truth.stand.profile("src-3f07").signing_key()
    await told.disclose(told.truth.resigned(key, TRACK, data_mode=DataMode.REAL))


LIES: dict[Script, str] = {
    rewritten_ledger: "ledger-forked",
    forked_ledger: "ledger-shrank",
    smaller_tick: "ledger-shrank",
    dropped_owed_leaf: "account-rewritten",
    dropped_held_leaf: "ledger-shrank",
    replaced_leaf: "account-rewritten",
    hidden_leaf: "account-rewritten",
    anothers_account: "account-not-covered",
    unsigned_tick: "tick-signature",
    unendorsed_tick_key: "key-not-endorsed",
    tick_by_the_stream_key: "key-not-endorsed",
    skipped_frame: "disclosure-not-owed",
    frame_not_entered: "disclosure-not-owed",
    frame_before_its_tick: "disclosure-not-owed",
    other_body: "frame-not-as-entered",
    widened_mask: "frame-not-as-entered",
    more_than_entered: "frame-not-as-entered",
    anothers_frame: "disclosure-not-ours",
    another_streams_frame: "disclosure-not-ours",
    another_agreements_frame: "disclosure-not-ours",
    frame_under_other_keys: "frame-not-authentic",
    repeated_frame: "stream-order",
    repeated_disclosure: "stream-order",
    old_of_this_stream: "old-of-this-stream",
    old_after_a_frame: "stream-order",
    forged_source_key: "key-not-endorsed",
    forged_source_signature: "batch-signature",
    half_a_signature: "batch-signature",
    anothers_key: "key-not-endorsed",
    changed_record: "batch-root",
    spare_proof_node: "proof-malformed",
    mode_outside_the_agreement: "outside-agreement",
}


@pytest.mark.must("4.1.3", "5.1.3", "5.4.1", "5.4.2", "5.4.4", "5.5.1", "5.5.4", "5.5.5", "5.5.6", "5.5.8", "5.5.9")
@pytest.mark.must("5.5.10", "5.5.12", "5.5.18", "6.4.1", "6.4.2", "6.4.5", "6.4.7", "6.4.9", "6.4.12")
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_refused_by_name(partner: Listener, lie: Script) -> None:
    """A gateway that has every key of its own still cannot make a partner believe this."""
    heard = partner.hear(lie)

    assert heard.code == LIES[lie]


@pytest.mark.must("5.5.7")
def test_a_kind_that_was_not_asked_for_is_refused(partner: Listener) -> None:
    """The agreement has it, the Hello does not: a sink for tracks is given nothing else."""

    async def unasked(told: Conversation) -> None:
        await told.begin()
        await told.disclose(told.truth.section(TACTIC, (0,), ABOUT))

    assert partner.hear(unasked, kinds=("telemetry",)).code == "outside-agreement"


@pytest.mark.must("5.5.8")
def test_a_source_that_was_not_agreed_on_is_refused(partner: Listener) -> None:
    """Its records are genuine, and not what the partner's agreement is about."""
    text = agreement_text(partner.profile.id, sources='["src-91c2"]')
    partner.profile = replace(partner.profile, agreements=(Agreement.parse(text),))

    async def unagreed(told: Conversation) -> None:
        await told.begin()
        await told.disclose(told.truth.section())

    assert partner.hear(unagreed).code == "outside-agreement"
