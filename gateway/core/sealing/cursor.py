"""The gateway's own note of where a subscription stands, carried by the partner and opaque to it.

Fixed size, random nonce, bound to partner, agreement, subscription, kinds and incarnation: a cursor of anybody or
anything else does not open. Source: SPEC.md section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.core.errors import Refused
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.octets import Reader, lp8, u16, u64

CURSOR_BYTES = 12 + 10 + 16


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The next record to consider: RECORDS position, then index in its batch."""

    position: int
    idx: int = 0


@dataclass(frozen=True, slots=True)
class CursorBinding:
    """Whom and what a cursor is for."""

    partner_id: str
    agreement_id: str
    subscription: str
    kinds: int
    incarnation: bytes

    def _associated(self) -> bytes:
        return b"".join(
            (
                b"SLUICE1/cursor\x00",
                SUITE_BYTE,
                lp8(self.partner_id.encode("ascii")),
                lp8(self.agreement_id.encode("ascii")),
                lp8(self.subscription.encode("ascii")),
                u16(self.kinds),
                self.incarnation,
            )
        )

    def seal(self, key: bytes, place: Place, nonce: bytes) -> bytes:
        """38 bytes; `nonce`: 12 fresh random bytes, `key`: the gateway's cursor key."""
        return nonce + AESGCM(key).encrypt(nonce, u64(place.position) + u16(place.idx), self._associated())

    def open(self, key: bytes, cursor: bytes) -> Place:
        """The place; an empty cursor is the first record. Refuses `cursor-invalid`."""
        if not cursor:
            return Place(0)
        try:
            if len(cursor) != CURSOR_BYTES:
                raise InvalidTag
            note = AESGCM(key).decrypt(cursor[:12], cursor[12:], self._associated())
        except InvalidTag as error:
            raise Refused(
                "cursor-invalid",
                "the cursor is not one this gateway gave for this subscription",
                do="start from an empty cursor",
            ) from error
        reader = Reader(note, "cursor")
        return Place(reader.u64("position"), reader.u16("idx"))
