"""`UnsafeMemoryIssuers`: key sets that a test gives, in place of those that issuers show."""

from __future__ import annotations

from gateway.adapters.oidc.keyset import parse_key_set
from gateway.adapters.oidc.signature import SignedToken
from gateway.core.control.issuer import TokenIssuer
from gateway.core.errors import Refused


class UnsafeMemoryIssuers:
    """Address to key set, as bytes; a test changes them at will."""

    def __init__(self, sets: dict[str, bytes]) -> None:
        self.sets = sets

    async def payload_of(self, issuer: TokenIssuer, token: str) -> bytes:
        """As the port says."""
        signed = SignedToken.parse(token, issuer)
        if issuer.keys not in self.sets:
            raise Refused("token-keys", "the issuer's key set must be at hand, it is not", at="token.keys")
        return signed.payload_under(parse_key_set(self.sets[issuer.keys]))
