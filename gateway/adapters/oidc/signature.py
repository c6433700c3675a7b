"""A token's header and signature: everything that is judged before a claim is read. No clock, no network.

The header is judged against what operators signed, never believed: it chooses neither algorithm nor key, it names one
of those that are there. Extensions are refused by their presence alone. Source: SPEC.md section 12.6; RFC 7515, 9068.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from gateway.adapters.oidc.keyset import MAX_KID_CHARACTERS, IssuerKey
from gateway.core.control.issuer import TokenIssuer
from gateway.core.control.token import parse_object, token_parts
from gateway.core.errors import Refused

_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_BROUGHT = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c"})


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token whose header was judged. key_id: its `kid`."""

    token: str
    algorithm: str
    key_id: str

    @classmethod
    def parse(cls, token: str, issuer: TokenIssuer) -> SignedToken:
        """Refuses `token-malformed`, `token-type`, `token-algorithm` and `token-header`."""
        header = parse_object(token_parts(token)[0], "header")
        kind, algorithm, key_id = header.get("typ"), header.get("alg"), header.get("kid")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise _refused("token-type", "its type must be `at+jwt`")
        if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
            raise _refused("token-algorithm", "its algorithm must be one the partner was admitted with")
        if not _BROUGHT.isdisjoint(header):
            raise _refused("token-header", "its header must bring no key, no address of one and nothing critical")
        if not isinstance(key_id, str) or not 1 <= len(key_id) <= MAX_KID_CHARACTERS:
            raise _refused("token-header", f"its header must name a key by 1 to {MAX_KID_CHARACTERS} characters")
        return cls(token, algorithm, key_id)

    def payload_under(self, keys: Mapping[str, IssuerKey]) -> bytes:
        """The payload, if the key of its `kid` signed it; refuses `token-key` and `token-signature`."""
        key = keys.get(self.key_id)
        if key is None or key.algorithm != self.algorithm:
            raise _refused("token-key", "its key must be in the issuer's set, and be of its algorithm")
        try:
            # Of the library nothing is asked but the signature: dates are judged by the gateway's own clock.
            verified = PyJWS().decode_complete(self.token, key.key, algorithms=[key.algorithm])
        except PyJWTError as error:
            raise _refused("token-signature", "its signature must verify") from error
        payload = verified["payload"]
        if not isinstance(payload, bytes):
            raise _refused("token-signature", "its payload must be attached")
        return payload


def _refused(code: str, expected: str) -> Refused:
    return Refused(code, f"of the access token, {expected}", at="token")
