"""What the issuers of access tokens have signed: their keys come from outside and change without our doing."""

from __future__ import annotations

from typing import Protocol

from gateway.core.control.issuer import TokenIssuer


class TokenIssuers(Protocol):
    """Judges a signature by the key set that the issuer shows now; what was signed is judged elsewhere.

    Trust: a payload is given only where the one key that `kid` names in the set at `issuer.keys` signed it, by one of
    `issuer.algorithms`, which is that key's own. Everything else is refused: `token-malformed`, `token-type`,
    `token-algorithm`, `token-header`, `token-key`, `token-signature`.
    Absence: `token-keys` where no key set is at hand.
    Repeat calls: the same token gives the same payload while the key set stands.
    """

    async def payload_of(self, issuer: TokenIssuer, token: str) -> bytes:
        """The payload of the token, exactly as it was signed."""
        ...
