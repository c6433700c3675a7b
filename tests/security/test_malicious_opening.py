"""Threat: a gateway with all its real keys lies about operators, keys and the stream itself. Each lie has its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.core.control.directory import DirectoryMessage, ShownEndorsement
from gateway.core.control.statement import Signature, encode_signatures
from gateway.core.suite.algorithms import text_digest
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import KeyState, Role, StreamMessage
from gateway.core.suite.octets import lp32, u8
from tests.scripted_gateway import Conversation, Script
from tests.security.listener import ALL, STRANGER, TRACK, Listener
from tests.truth import MINUTE_MS, now_ms

# Opening and order.


async def open_for_another_hello(told: Conversation) -> None:
    """An answer to what somebody else asked."""
    await told.directory()
    await told.open(hello_digest=bytes(48))


async def open_for_another_partner(told: Conversation) -> None:
    """A stream that names another party."""
    await told.directory()
    await told.open(partner_id="gbr/dstl")


async def open_under_another_agreement(told: Conversation) -> None:
    """A stream under a text that the partner never countersigned."""
    await told.directory()
    await told.open(agreement_digest=bytes(48))


async def open_for_ever(told: Conversation) -> None:
    """A stream that would outlive a revocation."""
    await told.directory()
    await told.open(not_after_ms=now_ms() + 21 * MINUTE_MS)


async def open_by_a_stranger(told: Conversation) -> None:
    """The stream's key is named and another signs."""
    await told.directory()
    await told.open(key=STRANGER)


async def open_under_an_unendorsed_key(told: Conversation) -> None:
    """A stream key without an operator's endorsement."""
    await told.directory()
    await told.open(key=STRANGER, stream_key_id=STRANGER.key_id)


async def sealed_to_another(told: Conversation) -> None:
    """A stream that this partner's own key does not open."""
    await told.directory()
    await told.open(kem_key=KemKey.generate().public_key)


async def tick_before_open(told: Conversation) -> None:
    """The ledger of a stream that is not open."""
    await told.directory()
    await told.tick()


async def end_before_a_tick(told: Conversation) -> None:
    """Not even the end comes before the account was shown."""
    await told.directory()
    await told.open()
    await told.end()


async def late_notice(told: Conversation) -> None:
    """A sealed message is left out."""
    await told.begin()
    told.take_seq()
    await told.notice()


async def notice_under_other_keys(told: Conversation) -> None:
    """An injected word."""
    await told.begin()
    told.rekey()
    await told.notice()


async def nonsense(told: Conversation) -> None:
    """A type byte of no message."""
    await told.begin()
    await told.write(b"\x63")


# Operators.


async def directory_by_one(told: Conversation) -> None:
    """One operator alone names keys."""
    await told.directory(told.truth.directory(5, signers=told.truth.stand.operators[:1]))


async def directory_by_strangers(told: Conversation) -> None:
    """Two persons sign whom no roster names."""
    await told.directory(told.truth.directory(5, signers=[STRANGER, SigningKey.generate()]))


async def directory_by_one_and_a_stranger(told: Conversation) -> None:
    """The quorum is of operators, not of signatures."""
    await told.directory(told.truth.directory(5, signers=[told.truth.stand.operators[0], STRANGER]))


async def directory_signed_twice_by_one(told: Conversation) -> None:
    """One person is one person."""
    message = told.truth.directory(5, signers=told.truth.stand.operators[:1])
    once = encode_signatures(message.statements[1].signatures)
    twice = u8(2) + once[1:] * 2
    await told.send(StreamMessage.DIRECTORY, message.encode().replace(lp32(once), lp32(twice)))


async def directory_with_a_bad_half(told: Conversation) -> None:
    """One half of one signature does not verify."""
    message = told.truth.directory(5)
    first, second = message.statements[1].signatures
    bad = Signature(second.public_key, second.signature[:-64] + bytes(64))
    signed = replace(message.statements[1], signatures=(first, bad))
    await told.directory(replace(message, statements=(message.statements[0], signed)))


async def another_genesis(told: Conversation) -> None:
    """Another founding, signed by everyone it names."""
    message = told.truth.directory(5)
    founding = message.statements[0]
    other = replace(founding, statement=replace(founding.statement, proposed_at_ms=1))
    await told.directory(replace(message, statements=(other, message.statements[1])))


async def expired_directory(told: Conversation) -> None:
    """What was true a week ago."""
    issued_ms = now_ms() - 8 * 24 * 60 * MINUTE_MS
    await told.directory(told.truth.directory(5, issued_ms=issued_ms, expires_ms=issued_ms + 7 * 24 * 60 * MINUTE_MS))


async def early_directory(told: Conversation) -> None:
    """What will be true later."""
    issued_ms = now_ms() + 10 * MINUTE_MS
    await told.directory(told.truth.directory(5, issued_ms=issued_ms, expires_ms=issued_ms + MINUTE_MS))


async def no_directory(told: Conversation) -> None:
    """Keys without anybody's word."""
    await told.directory(DirectoryMessage((), ()))


def _with_source(told: Conversation, change: Callable[[ShownEndorsement], ShownEndorsement]) -> DirectoryMessage:
    message = told.truth.directory(5)
    shown = tuple(change(one) if one.endorsement.role is Role.SOURCE else one for one in message.shown)
    return replace(message, shown=shown)


async def endorsement_of_a_stranger(told: Conversation) -> None:
    """A source's key is changed under the operators' own signature."""

    def forge(one: ShownEndorsement) -> ShownEndorsement:
        endorsement = replace(one.endorsement, key_digest=STRANGER.key_digest)
        return replace(one, endorsement=endorsement, material=STRANGER.public_key)

    await told.directory(_with_source(told, forge))


async def key_beside_its_endorsement(told: Conversation) -> None:
    """The endorsement is right and the key beside it is another."""
    await told.directory(_with_source(told, lambda one: replace(one, material=STRANGER.public_key)))


async def another_vocabulary(told: Conversation) -> None:
    """Operators themselves may not change what a label means for a partner that pinned it."""

    def change(one: ShownEndorsement) -> ShownEndorsement:
        if one.endorsement.role is not Role.VOCABULARY or one.endorsement.subject_id != "UKR.1":
            return one
        text = one.material + b"# harmless\n"
        return replace(one, endorsement=replace(one.endorsement, key_digest=text_digest("UKR.1", text)), material=text)

    await told.directory(told.truth.directory(5, change=change))
    await told.open()


async def tainted_source(told: Conversation) -> None:
    """A key that operators said was stolen verifies nothing."""

    def taint(one: ShownEndorsement) -> ShownEndorsement:
        if one.endorsement.role is not Role.SOURCE:
            return one
        return replace(one, endorsement=replace(one.endorsement, state=KeyState.TAINTED))

    await told.directory(told.truth.directory(5, change=taint))
    await told.open()
    await told.tick()
    await told.disclose(told.truth.section())


async def withdrawn_vocabulary(told: Conversation) -> None:
    """The partner has no words to read labels by, and is sent a stream all the same."""

    def taint(one: ShownEndorsement) -> ShownEndorsement:
        if one.endorsement.role is not Role.VOCABULARY:
            return one
        return replace(one, endorsement=replace(one.endorsement, state=KeyState.TAINTED))

    await told.directory(told.truth.directory(5, change=taint))
    await told.open()


LIES: dict[Script, str] = {
    directory_by_one: "signatures-too-few",
    directory_by_strangers: "signer-unknown",
    directory_by_one_and_a_stranger: "signer-unknown",
    directory_signed_twice_by_one: "malformed",
    directory_with_a_bad_half: "statement-signature",
    another_genesis: "statement-genesis",
    expired_directory: "directory-expired",
    early_directory: "directory-early",
    no_directory: "directory-missing",
    endorsement_of_a_stranger: "endorsement-proof",
    key_beside_its_endorsement: "endorsement-mismatch",
    another_vocabulary: "vocabulary-pinned",
    withdrawn_vocabulary: "file-not-endorsed",
    tainted_source: "key-tainted",
    open_for_another_hello: "open-mismatch",
    open_for_another_partner: "open-mismatch",
    open_under_another_agreement: "open-mismatch",
    open_for_ever: "open-dates",
    open_by_a_stranger: "open-signature",
    open_under_an_unendorsed_key: "key-not-endorsed",
    sealed_to_another: "open-not-for-us",
    tick_before_open: "stream-order",
    end_before_a_tick: "stream-order",
    late_notice: "stream-order",
    notice_under_other_keys: "notice-not-authentic",
    nonsense: "stream-order",
}


@pytest.mark.must("4.1.1", "4.4.1", "4.4.2", "4.4.3", "4.4.4", "4.4.5", "4.4.6", "5.4.1", "5.4.2", "5.5.9", "5.5.16")
@pytest.mark.must("4.4.7", "11.9")
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_refused_by_name(partner: Listener, lie: Script) -> None:
    """A gateway that has every key of its own still cannot make a partner believe this."""
    heard = partner.hear(lie)

    assert heard.code == LIES[lie]


async def retired_source(told: Conversation) -> None:
    """What a source signed while its key was active stays true."""

    def retire(one: ShownEndorsement) -> ShownEndorsement:
        if one.endorsement.role is not Role.SOURCE:
            return one
        return replace(one, endorsement=replace(one.endorsement, state=KeyState.RETIRED))

    await told.directory(told.truth.directory(5, change=retire))
    await told.open()
    await told.tick()
    await told.disclose(told.truth.section(TRACK, (0,), ALL))
    await told.end()


@pytest.mark.must("5.5.9")
def test_a_retired_source_is_still_believed(partner: Listener) -> None:
    """Retiring a key takes nothing back."""
    heard = partner.hear(retired_source)

    assert (len(heard.records), heard.code) == (1, "")
