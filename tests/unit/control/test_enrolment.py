"""Laws of the enrolment bundle and of the words that confirm it."""

from __future__ import annotations

from functools import cache

import pytest

from gateway.core.control.enrolment import Bundle, make_bundle, parse_bundle
from gateway.core.control.words import spoken_words
from gateway.core.errors import Refused
from gateway.core.suite.keys import SIGNATURE_BYTES
from gateway.core.suite.numbers import MAX_REQUEST_BYTES, Role
from gateway.core.suite.octets import lp8, lp16, u8
from tests.unit.control.given import kem_key, octets, signing_key

REQUEST = b"a certificate request in DER"


@cache
def a_partner() -> Bundle:
    """The bundle of a partner."""
    signing, sealing = {Role.PARTNER_SIGN: signing_key("sign")}, {Role.PARTNER_KEM: kem_key("kem").public_key}
    return make_bundle("usa/arl", signing, sealing, REQUEST)


@cache
def a_gateway() -> Bundle:
    """The bundle of a gateway."""
    signing = {Role.GATEWAY_STREAM: signing_key("stream"), Role.GATEWAY_LEDGER: signing_key("ledger")}
    return make_bundle("ua-gw", signing, {Role.GATEWAY_INGEST: kem_key("ingest").public_key}, REQUEST)


def test_a_bundle_proves_possession_of_every_signing_key() -> None:
    """A party cannot enrol a key that belongs to someone else."""
    partner, gateway = parse_bundle(a_partner().encoded), parse_bundle(a_gateway().encoded)
    source = make_bundle("src-3f07", {Role.SOURCE: signing_key("source")}, {}, b"")

    assert partner.subject_id == "usa/arl"
    assert partner.keys == {
        Role.PARTNER_KEM: kem_key("kem").public_key,
        Role.PARTNER_SIGN: signing_key("sign").public_key,
    }
    assert partner.certificate_request == REQUEST
    assert gateway.keys.keys() == {Role.GATEWAY_STREAM, Role.GATEWAY_LEDGER, Role.GATEWAY_INGEST}
    assert source.keys == {Role.SOURCE: signing_key("source").public_key}


@pytest.mark.must("2.10.3")
@pytest.mark.parametrize("place", ["subject", "kem key", "request", "signature"])
def test_a_bundle_changed_on_the_way_is_refused(place: str) -> None:
    """Nobody puts a sealing key of their own beside a partner's signing key."""
    encoded = bytearray(a_partner().encoded)
    at = {"subject": 17, "kem key": 200, "request": len(encoded) - SIGNATURE_BYTES - 3, "signature": len(encoded) - 1}
    encoded[at[place]] ^= 1

    with pytest.raises(Refused) as caught:
        parse_bundle(bytes(encoded))

    assert caught.value.code == "bundle-signature"


@pytest.mark.must("2.10.3")
def test_a_signing_key_of_another_party_cannot_be_enrolled() -> None:
    """The signature must be by the very key in the bundle."""
    unsigned = b"SLUICE1/enrol\x00\x01" + lp8(b"src-1") + u8(1) + u8(Role.SOURCE)
    unsigned += lp16(signing_key("victim").public_key) + lp16(b"")

    with pytest.raises(Refused) as caught:
        parse_bundle(unsigned + signing_key("thief").sign(b"SLUICE1/enrol", unsigned))

    assert caught.value.code == "bundle-signature"


@pytest.mark.must("2.10.2")
def test_a_role_is_enrolled_once() -> None:
    """Of two keys in one role nobody knows which was confirmed by voice."""
    unsigned = b"SLUICE1/enrol\x00\x01" + lp8(b"src-1") + u8(2)
    unsigned += b"".join(u8(Role.SOURCE) + lp16(signing_key(name).public_key) for name in ("one", "two")) + lp16(b"")

    with pytest.raises(Refused) as caught:
        parse_bundle(unsigned + signing_key("two").sign(b"SLUICE1/enrol", unsigned))

    assert caught.value.code == "malformed"


SIGN, KEM = lp16(octets("s", 2624)), lp16(octets("k", 1665))
MALFORMED_KEYS = {
    "no keys": u8(0),
    "an unknown role": u8(1) + u8(99) + SIGN,
    "a role twice": u8(2) + u8(Role.SOURCE) + SIGN + u8(Role.SOURCE) + SIGN,
    "roles out of order": u8(2) + u8(Role.PARTNER_SIGN) + SIGN + u8(Role.PARTNER_KEM) + KEM,
    "half a partner": u8(1) + u8(Role.PARTNER_SIGN) + SIGN,
    "half a gateway": u8(2) + u8(Role.GATEWAY_STREAM) + SIGN + u8(Role.GATEWAY_LEDGER) + SIGN,
    "a source that is a partner too": u8(2) + u8(Role.SOURCE) + SIGN + u8(Role.PARTNER_SIGN) + SIGN,
    "a file as a key": u8(1) + u8(Role.VOCABULARY) + SIGN,
    "a sealing key where a signing key belongs": u8(1) + u8(Role.SOURCE) + KEM,
    "a signing key where a sealing key belongs": u8(2) + u8(Role.PARTNER_KEM) + SIGN + u8(Role.PARTNER_SIGN) + SIGN,
}


@pytest.mark.must("2.10.2")
@pytest.mark.parametrize("why", MALFORMED_KEYS)
def test_a_bundle_of_other_keys_than_its_party_needs_is_malformed(why: str) -> None:
    """One key, one purpose: a party enrols what its part asks for and nothing beside."""
    encoded = b"SLUICE1/enrol\x00\x01" + lp8(b"src-1") + MALFORMED_KEYS[why] + lp16(b"") + bytes(2 * SIGNATURE_BYTES)

    with pytest.raises(Refused) as caught:
        parse_bundle(encoded)

    assert caught.value.code == "malformed"


@pytest.mark.parametrize("change", ["cut", "trailing", "too long", "request too long"])
def test_a_bundle_of_another_length_is_malformed(change: str) -> None:
    """A bundle is consumed exactly and within its bounds."""
    encoded = a_partner().encoded
    over = (
        b"SLUICE1/enrol\x00\x01" + lp8(b"src-1") + u8(1) + u8(Role.SOURCE) + SIGN + lp16(bytes(MAX_REQUEST_BYTES + 1))
    )
    changed = {
        "cut": encoded[:-1],
        "trailing": encoded + b"\x00",
        "too long": encoded + bytes(32 * 1024),
        "request too long": over,
    }

    with pytest.raises(Refused) as caught:
        parse_bundle(changed[change])

    assert caught.value.code == "malformed"


def test_the_words_are_of_every_byte_of_the_bundle() -> None:
    """A bundle exchanged on the way says other words."""
    other = make_bundle("usa/arl", {Role.PARTNER_SIGN: signing_key("sign")}, a_kem("other"), REQUEST)

    assert len(a_partner().words()) == 4
    assert a_partner().words() == parse_bundle(a_partner().encoded).words()
    assert a_partner().words() != other.words()


def a_kem(name: str) -> dict[Role, bytes]:
    """The sealing keys of a partner."""
    return {Role.PARTNER_KEM: kem_key(name).public_key}


def test_the_words_of_a_digest_never_change() -> None:
    """Two releases of the product must say the same words on both ends of a telephone."""
    assert spoken_words(b"a" * 48) == ("dancer", "otter", "glove", "chalk")


def test_no_two_words_sound_alike_at_their_start() -> None:
    """Words are read over bad lines by people with accents."""
    from gateway.core.control.words import _WORDS

    assert len(_WORDS) == 256
    assert len({word[:4] for word in _WORDS}) == 256
    assert list(_WORDS) == sorted(_WORDS)
    assert all(word.isalpha() and word.islower() for word in _WORDS)
