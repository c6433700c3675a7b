"""Frames and the other sealed messages: each opens once, in its place, in its stream, as what it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from gateway.core.errors import Refused
from gateway.core.sealing import frame
from gateway.core.sealing.frame import Disclosure, SealedFrame, parse_disclosure_entry
from gateway.core.sealing.stream import StreamKeys
from gateway.core.suite.algorithms import Cipherstate
from gateway.core.suite.numbers import MAX_BODY_BYTES, EndReason
from gateway.core.suite.octets import lp16, lp32, u16, u64
from tests.reference import making

KEYS = StreamKeys(b"t" * 48, Cipherstate(bytes(range(44))))
OTHER_STREAM = StreamKeys(b"u" * 48, Cipherstate(bytes(range(44))))
OTHER_KEY = StreamKeys(b"t" * 48, Cipherstate(bytes(44)))


@given(making.disclosures)
def test_a_disclosure_is_read_back(disclosure: Disclosure) -> None:
    """Every field, and no byte more."""
    assert parse_disclosure_entry(disclosure.encode()) == disclosure
    with pytest.raises(Refused, match="1 more came"):
        parse_disclosure_entry(disclosure.encode() + b"\x00")


@given(making.salts, making.u64s, making.hashes, making.hashes)
def test_what_a_decision_stood_on_is_bound_and_hidden(salt: bytes, position: int, rules: bytes, root: bytes) -> None:
    """An auditor who is shown the parts finds the digest; another part is another digest."""
    made = frame.audit_digest(salt, position, rules, root)

    assert made == frame.audit_digest(salt, position, rules, root)
    assert made != frame.audit_digest(salt, position ^ 1, rules, root)
    assert len(made) == 48


def test_a_frame_opens_to_its_disclosure_and_its_body() -> None:
    """G opens first, the body once the ledger covers G."""
    sealed = SealedFrame.parse(frame.seal_frame(KEYS, 5, b"entry", b"body"))

    assert (sealed.seq, sealed.open_entry(KEYS), sealed.open_body(KEYS)) == (5, b"entry", b"body")


def _code(part: Callable[[StreamKeys], bytes], keys: StreamKeys) -> str:
    try:
        part(keys)
    except Refused as refusal:
        return refusal.code
    return "opened"


def _opens(keys: StreamKeys, message: bytes) -> set[str]:
    sealed = SealedFrame.parse(message)
    codes = {"entry": _code(sealed.open_entry, keys), "body": _code(sealed.open_body, keys)}
    assert set(codes.values()) <= {"opened", "frame-not-authentic"}
    return {part for part, code in codes.items() if code == "opened"}


@pytest.mark.must("5.4.2")
def test_a_frame_of_another_stream_or_key_does_not_open() -> None:
    """The transcript is in every associated data."""
    message = frame.seal_frame(KEYS, 5, b"entry", b"body")

    assert _opens(KEYS, message) == {"entry", "body"}
    assert _opens(OTHER_STREAM, message) == set()
    assert _opens(OTHER_KEY, message) == set()


def test_a_frame_that_claims_another_number_does_not_open() -> None:
    """A frame cannot be moved in its stream."""
    message = frame.seal_frame(KEYS, 5, b"entry", b"body")

    assert _opens(KEYS, u64(6) + message[8:]) == set()


@pytest.mark.must("5.4.2")
def test_a_frame_with_entry_and_body_swapped_or_mixed_does_not_open() -> None:
    """The body of one frame is none of another, and G is no body."""
    first, second = (SealedFrame.parse(frame.seal_frame(KEYS, seq, b"same", b"same")) for seq in (5, 6))
    swapped = u64(5) + lp32(first.sealed_body) + lp32(first.sealed_entry)
    mixed = u64(5) + lp32(first.sealed_entry) + lp32(second.sealed_body)

    assert _opens(KEYS, swapped) == set()
    assert _opens(KEYS, mixed) == {"entry"}


@pytest.mark.must("5.4.2")
@pytest.mark.parametrize("place", [12, 20, -1])
def test_a_frame_with_one_bit_flipped_is_refused(place: int) -> None:
    """Exactly the part that was touched does not open."""
    message = bytearray(frame.seal_frame(KEYS, 5, b"entry", b"body"))
    message[place] ^= 1

    assert len(_opens(KEYS, bytes(message))) == 1


@pytest.mark.parametrize(
    "message",
    [
        b"",
        u64(0) + lp32(b"") + lp32(b"") + b"\x00",
        u64(0) + lp32(bytes(1025)) + lp32(b""),
        u64(0) + lp32(b"") + (MAX_BODY_BYTES + 17).to_bytes(4, "big"),
    ],
    ids=["empty", "trailing", "long entry", "long body"],
)
def test_a_frame_out_of_bounds_is_refused(message: bytes) -> None:
    """Bounds come before any decryption."""
    with pytest.raises(Refused) as refusal:
        SealedFrame.parse(message)
    assert refusal.value.code == "malformed"


Opener = Callable[[StreamKeys, bytes], tuple[object, ...]]
MESSAGES: dict[str, tuple[bytes, Opener, tuple[object, ...]]] = {
    "old": (frame.seal_old(KEYS, 3, b"entry"), frame.open_old, (3, b"entry")),
    "end": (
        frame.seal_end(KEYS, 3, EndReason.CHANGED, "зміна"),
        frame.open_end,
        (3, EndReason.CHANGED, "зміна"),
    ),
    "notice": (
        frame.seal_notice(KEYS, 3, EndReason.CAUGHT_UP, ""),
        frame.open_notice,
        (3, EndReason.CAUGHT_UP, ""),
    ),
}


@pytest.mark.must("5.4.2")
@pytest.mark.parametrize("name", MESSAGES)
def test_a_sealed_message_opens_as_what_it_is_only(name: str) -> None:
    """A notice cannot pass for an end, and none of them moves to another place, stream or key."""
    message, open_it, expected = MESSAGES[name]

    assert open_it(KEYS, message) == expected

    moved = u64(4) + message[8:]
    flipped = message[:-1] + bytes([message[-1] ^ 1])
    tries = [(OTHER_STREAM, message), (OTHER_KEY, message), (KEYS, moved), (KEYS, flipped)]
    tries += [(KEYS, other) for kind, (other, _, _) in MESSAGES.items() if kind != name]
    for keys, came in tries:
        with pytest.raises(Refused) as refusal:
            open_it(keys, came)
        assert refusal.value.code == f"{name}-not-authentic"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_sealed_message_is_consumed_exactly(name: str) -> None:
    """Nothing hides behind it, and not even its number is looked at before that is known."""
    message, open_it, _ = MESSAGES[name]

    assert frame.sequence_of(message, name) == 3
    for came in (message + b"\x00", message[:-1], b""):
        for refuse in (lambda came=came: open_it(KEYS, came), lambda came=came: frame.sequence_of(came, name)):
            with pytest.raises(Refused) as refusal:
                refuse()
            assert refusal.value.code == "malformed"


@pytest.mark.parametrize(
    ("plaintext", "field"),
    [
        (u16(0) + lp16(b""), "reason"),
        (u16(65535) + lp16(b""), "reason"),
        (u16(1) + lp16(b"\xff"), "text"),
        (u16(1) + lp16(bytes(513)), "text"),
        (u16(1) + lp16(b"") + b"\x00", "end"),
    ],
)
def test_an_end_that_says_nothing_known_is_refused(plaintext: bytes, field: str) -> None:
    """Even what opens is read within bounds."""
    sealed = KEYS.cipher.seal(0, plaintext, b"SLUICE1/end\x00" + KEYS.th + u64(0))

    with pytest.raises(Refused, match=f"`{field}` of a end"):
        frame.open_end(KEYS, u64(0) + lp32(sealed))
