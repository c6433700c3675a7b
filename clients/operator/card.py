r"""An operator's card: the public half of an operator on the way to the other operators and to the authority.

    card = "SLUICE1/operator\0" | suite | lp8(operator_id) | lp16(public key) | lp16(certificate request) | sig

The signature is the operator key's own over all before it: proof of possession, nothing more. So its words are
compared by voice before its key enters a roster. A recovery key has a card too, without a certificate request: it lies
offline and never opens a connection. Parties have enrolment bundles instead (`gateway.core.control.enrolment`); the
tags differ, so neither can be taken for the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.words import spoken_words
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.keys import SIGN_KEY_BYTES, SIGNATURE_BYTES, SigningKey, VerifyKey, key_digest
from gateway.core.suite.numbers import MAX_REQUEST_BYTES
from gateway.core.suite.octets import Reader, lp8, lp16

CONTEXT = b"SLUICE1/operator"
_TAG = CONTEXT + b"\x00"
MAX_CARD_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class OperatorCard:
    """A card whose signature verifies. certificate_request: DER, empty for a recovery key."""

    operator_id: str
    public_key: bytes
    certificate_request: bytes
    encoded: bytes

    @property
    def key_digest(self) -> bytes:
        """48 bytes: how a roster names the key."""
        return key_digest(self.public_key)

    def words(self) -> str:
        """What is read out to compare the card by voice. About a tenth of a second."""
        return "-".join(spoken_words(digest(self.encoded)))


def is_card(encoded: bytes) -> bool:
    """Whether the bytes claim to be a card rather than a bundle."""
    return encoded.startswith(_TAG)


def make_card(operator_id: str, key: SigningKey, certificate_request: bytes) -> OperatorCard:
    """The card of a key."""
    unsigned = b"".join(
        (_TAG, SUITE_BYTE, lp8(operator_id.encode("ascii")), lp16(key.public_key), lp16(certificate_request))
    )
    return parse_card(unsigned + key.sign(CONTEXT, unsigned))


def parse_card(encoded: bytes) -> OperatorCard:
    """The card, verified; refuses `malformed`, `key-malformed` and `card-signature`."""
    reader = Reader(encoded, "card")
    if len(encoded) > MAX_CARD_BYTES:
        raise reader.refuse("size", f"at most {MAX_CARD_BYTES} bytes")
    reader.tag(_TAG)
    reader.suite()
    operator_id = reader.name("operator_id")
    public_key = reader.lp16("public key", SIGN_KEY_BYTES)
    certificate_request = reader.lp16("certificate request", MAX_REQUEST_BYTES)
    unsigned = encoded[: reader.offset]
    signature = reader.take(SIGNATURE_BYTES, "signature")
    reader.done()
    VerifyKey.parse(public_key).verify(CONTEXT, unsigned, signature, "card")
    return OperatorCard(operator_id, public_key, certificate_request, encoded)
