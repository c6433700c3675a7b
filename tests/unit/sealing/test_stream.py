"""Opening a stream: a signed question, a signed answer, and one key that both ends derive and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from gateway.core.errors import Refused
from gateway.core.sealing.stream import (
    MAX_HELLO_BYTES,
    Hello,
    SignedHello,
    StreamKeys,
    StreamOpening,
    StreamTerms,
    kinds_mask,
    open_stream,
    parse_stream_terms,
)
from gateway.core.suite.keys import KEM_KEY_BYTES, SIGNATURE_BYTES, seal_to
from gateway.core.suite.numbers import RecordKind
from gateway.core.suite.octets import lp16
from tests.reference import making
from tests.reference.recorded import kem_key, signing_key, verify_key

PARTNER, EPHEMERAL = kem_key("partner-kem"), kem_key("ephemeral")
GATEWAY, GATEWAY_PUBLIC = signing_key("gateway-stream"), verify_key("gateway-stream")
SECRETS = bytes(range(96))
HELLO = Hello(
    making.GENESIS, "usa/arl", "UA-US-2026-014", "main", bytes(48), signing_key("partner-sign").key_id, bytes(32),
    1_780_000_000_000, 4, 1, bytes(16), 0, 0, b"", EPHEMERAL.public_key,
)  # fmt: skip


def some_terms() -> StreamTerms:
    """The terms of a stream that answers the hello above."""
    hello = SignedHello.parse(HELLO.encode() + making.NO_SIGNATURE)
    return StreamTerms(
        making.GENESIS, "usa/arl", "UA-US-2026-014", "main", b"stream 16 bytes.", hello.digest, PARTNER.key_id,
        GATEWAY.key_id, bytes(48), 1_780_000_900_000,
    )  # fmt: skip


def an_opening(secrets: bytes = SECRETS) -> tuple[bytes, StreamKeys]:
    """An open message with the keys its writer holds."""
    return open_stream(some_terms(), PARTNER.public_key, EPHEMERAL.public_key, GATEWAY, secrets)


def test_kinds_are_a_mask_by_number() -> None:
    """Bit j is record kind j."""
    assert kinds_mask(()) == 0
    assert kinds_mask((RecordKind.TELEMETRY, RecordKind.TACTIC)) == 0b110


@given(making.hellos)
def test_a_hello_is_read_back(hello: Hello) -> None:
    """Every field, and no byte more."""
    signed = SignedHello.parse(hello.encode() + making.NO_SIGNATURE)

    assert signed.hello == hello
    assert signed.encode() == hello.encode() + making.NO_SIGNATURE
    with pytest.raises(Refused, match="1 more came"):
        SignedHello.parse(hello.encode() + b"\x00" + making.NO_SIGNATURE)


def test_a_hello_is_signed_by_its_partner() -> None:
    """The signature over the agreement's digest is the partner's countersignature."""
    signed = SignedHello.sign(HELLO, signing_key("partner-sign"))

    SignedHello.parse(signed.encode()).check_signature(verify_key("partner-sign"))

    other = replace(HELLO, agreement_digest=b"\x01" * 48)
    for key, statement in ((verify_key("source"), HELLO.encode()), (verify_key("partner-sign"), other.encode())):
        with pytest.raises(Refused) as refusal:
            SignedHello.parse(statement + signed.signature).check_signature(key)
        assert refusal.value.code == "hello-signature"


def test_two_signatures_over_one_hello_have_one_digest() -> None:
    """H(Hello) covers the statement alone, as H(B) does."""
    first, second = (SignedHello.sign(HELLO, signing_key("partner-sign")) for _ in range(2))

    assert first.digest == second.digest
    assert first.signature != second.signature


def test_a_hello_of_the_longest_length_is_read() -> None:
    """A limit is the last value allowed: what is refused then is its content."""
    with pytest.raises(Refused, match="`tag` of a hello"):
        SignedHello.parse(bytes(MAX_HELLO_BYTES))


@pytest.mark.parametrize("length", [0, SIGNATURE_BYTES, MAX_HELLO_BYTES + 1])
def test_a_hello_too_short_or_too_long_is_refused(length: int) -> None:
    """It comes from a stranger, so its size is bounded first."""
    with pytest.raises(Refused) as refusal:
        SignedHello.parse(bytes(length))
    assert (refusal.value.code, refusal.value.at) == ("malformed", "hello")


@pytest.mark.must("4.2.14")
@pytest.mark.parametrize("length", [0, KEM_KEY_BYTES - 1, KEM_KEY_BYTES + 1])
def test_a_hello_has_a_whole_ephemeral_key(length: int) -> None:
    """Whoever asks for a stream has a key to open it with, and that shows before anything is sealed."""
    hello = replace(HELLO, ephemeral_key=bytes(length))

    with pytest.raises(Refused, match="`ephemeral key`") as refusal:
        SignedHello.parse(hello.encode() + making.NO_SIGNATURE)
    assert refusal.value.code == "malformed"


@given(making.terms)
def test_terms_are_read_back(terms: StreamTerms) -> None:
    """Every field, and no byte more."""
    assert parse_stream_terms(terms.encode()) == terms
    with pytest.raises(Refused, match="1 more came"):
        parse_stream_terms(terms.encode() + b"\x00")


def test_both_ends_of_a_stream_derive_the_same_keys() -> None:
    """The transcript names the stream, and what one end seals the other opens."""
    message, writers = an_opening()
    opening = StreamOpening.parse(message)

    opening.check_signature(GATEWAY_PUBLIC)
    readers = opening.derive(PARTNER, EPHEMERAL)

    assert opening.terms == some_terms()
    assert readers.th == writers.th == opening.th
    assert readers.cipher.open(7, writers.cipher.seal(7, b"said", b""), b"", "frame") == b"said"


def test_two_streams_with_the_same_secrets_have_other_keys() -> None:
    """The seals are randomised and in the transcript, so no stream repeats another."""
    (_, first), (_, second) = an_opening(), an_opening()

    assert first.th != second.th
    assert first.cipher.seal(0, b"same", b"") != second.cipher.seal(0, b"same", b"")


@pytest.mark.must("4.4.6")
def test_only_the_partner_with_its_own_hello_can_derive() -> None:
    """The long-term key alone, or the ephemeral key alone, opens nothing."""
    opening = StreamOpening.parse(an_opening()[0])

    for first, second in ((PARTNER, PARTNER), (EPHEMERAL, EPHEMERAL), (EPHEMERAL, PARTNER)):
        with pytest.raises(Refused) as refusal:
            opening.derive(first, second)
        assert refusal.value.code == "open-not-for-us"


@pytest.mark.must("4.4.5")
def test_an_opening_that_was_changed_or_signed_by_another_is_refused() -> None:
    """The signature covers everything before it."""
    message, _ = an_opening()
    at = message.index(b"usa/arl")
    changed = message[:at] + b"usa/arx" + message[at + 7 :]

    for came, key in ((changed, GATEWAY_PUBLIC), (message, verify_key("gateway-ledger"))):
        with pytest.raises(Refused) as refusal:
            StreamOpening.parse(came).check_signature(key)
        assert refusal.value.code == "open-signature"


def test_an_opening_with_anything_missing_or_more_is_refused() -> None:
    """It is consumed exactly."""
    message, _ = an_opening()

    for came in (message[:-1], message + b"\x00", b""):
        with pytest.raises(Refused) as refusal:
            StreamOpening.parse(came)
        assert refusal.value.code == "malformed"


@pytest.mark.parametrize("short", [0, 1])
def test_an_opening_whose_seal_holds_no_48_bytes_is_refused(short: int) -> None:
    """Neither secret may be empty, or one key alone would do."""
    encoded = some_terms().encode()
    seals = [
        seal_to(key.public_key, encoded, b"" if index == short else bytes(48))
        for index, key in enumerate((PARTNER, EPHEMERAL))
    ]

    with pytest.raises(Refused, match="`seal` of a open"):
        StreamOpening.parse(lp16(encoded) + b"".join(lp16(sealed) for sealed in seals) + making.NO_SIGNATURE)
