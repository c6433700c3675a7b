"""Lies about a stream as a whole: how it is opened, what is said in it, and the life of the store behind it."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.suite.numbers import EndReason, StatementKind, StreamMessage
from tests.mutation.lies import RESTORED, STRANGE, WORDS, lie
from tests.mutation.resealed import Told
from tests.mutation.resealed_ticks import gateway_keys

# The opening.


def _terms(told: Told, **changed: object) -> None:
    told.opening.terms = replace(told.opening.terms, **changed)


@lie("open-mismatch")
def t_genesis(told: Told) -> None:
    """Another gateway's."""
    _terms(told, genesis=STRANGE)


@lie("open-mismatch")
def t_partner(told: Told) -> None:
    """Another partner's."""
    _terms(told, partner_id="gbr/dstl")


@lie("open-mismatch")
def t_agreement(told: Told) -> None:
    """Under another agreement."""
    _terms(told, agreement_id="UA-US-2026-022")


@lie("open-mismatch")
def t_subscription(told: Told) -> None:
    """Of another subscription."""
    _terms(told, subscription="other")


@lie("open-mismatch")
def t_hello(told: Told) -> None:
    """An answer to another Hello."""
    _terms(told, hello_digest=STRANGE)


@lie("open-mismatch")
def t_kem_key(told: Told) -> None:
    """To another key of the partner."""
    _terms(told, kem_key_id=bytes(16))


@lie("open-mismatch")
def t_agreement_digest(told: Told) -> None:
    """Under a text that was not countersigned."""
    _terms(told, agreement_digest=STRANGE)


@lie("disclosure-not-ours")
def t_stream(told: Told) -> None:
    """A stream under whose name nothing was entered."""
    _terms(told, stream_id=bytes(16))


@lie("open-dates")
def t_for_ever(told: Told) -> None:
    """A stream that outlives a revocation."""
    _terms(told, not_after_ms=told.opening.now_ms + 1_200_001)


@lie("open-dates")
def t_over(told: Told) -> None:
    """A stream that has ended."""
    _terms(told, not_after_ms=told.opening.now_ms - 300_000)


@lie("key-not-endorsed")
def t_ledger_key(told: Told) -> None:
    """A key that is endorsed, for ticks."""
    told.opening.key = gateway_keys().ledger()
    _terms(told, stream_key_id=gateway_keys().ledger().key_id)


@lie("open-signature")
def open_by_the_ledger_key(told: Told) -> None:
    """Another key than T names."""
    told.opening.key = gateway_keys().ledger()


@lie("open-not-for-us")
def sealed_to_the_gateway(told: Told) -> None:
    """A stream whose key its partner cannot have."""
    told.opening.kem_key = gateway_keys().ingest().public_key


# Words.


@lie(WORDS)
def reason(told: Told) -> None:
    """Another reason than there is."""
    told.steps[-1].reason = EndReason.FENCED


@lie(WORDS)
def text(told: Told) -> None:
    """Words for a person."""
    told.steps[-1].text = "all is well"


@lie(WORDS)
def notice(told: Told) -> None:
    """Caught up, and more would come."""
    told.steps.insert(-1, replace(told.steps[-1], kind=StreamMessage.NOTICE, reason=EndReason.CAUGHT_UP))


# After a RESTORE.


@lie("ledger-incarnation", RESTORED)
def without_its_restore(told: Told) -> None:
    """A store that was put back, and nobody says so."""
    message = told.directory.message
    told.directory.message = replace(
        message, statements=tuple(one for one in message.statements if one.statement.kind is not StatementKind.RESTORE)
    )


@lie("ledger-incarnation", RESTORED)
def in_a_third_life(told: Told) -> None:
    """A RESTORE that leads elsewhere."""
    for tick in told.ticks:
        tick.tick = replace(tick.tick, incarnation=STRANGE[:16])
