"""The access token of a call: asked for where the agreement requires one, and then only ever narrowing.

What the peer presents is bounded before it is read and is written nowhere: errors name what was expected, never what
came. Every refusal leaves the gateway as the one `denied`. Source: SPEC.md section 12.6.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.control.issuer import TokenIssuer
from gateway.core.control.token import MAX_TOKEN_BYTES, Claims
from gateway.core.decision.facts import TokenFacts
from gateway.core.errors import Refused
from gateway.ports.issuers import TokenIssuers

_SCHEME = "Bearer "
_BEARER = re.compile(rf"{_SCHEME}([A-Za-z0-9._-]{{1,{MAX_TOKEN_BYTES}}})")


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was accepted. issuer: as CONTROL had it then; facts: what the token leaves."""

    issuer: TokenIssuer
    facts: TokenFacts


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """Where tokens are judged. audience: this gateway's own URI, which every token must name."""

    issuers: TokenIssuers
    audience: str

    async def grant(self, issuer: TokenIssuer, presented: Sequence[object], fingerprint: str, now_ms: int) -> Grant:
        """What the one token presented gives; refuses `token-…`.

        presented: every `authorization` of the call. fingerprint: hex SHA-256 of its certificate. now_ms: trusted.
        """
        payload = await self.issuers.payload_of(issuer, _only_token(presented))
        claims = Claims.parse(payload)
        claims.check(issuer, self.audience, fingerprint, now_ms)
        return Grant(issuer, TokenFacts(claims.expires_at_ms, claims.kinds, claims.ceiling))


def _only_token(presented: Sequence[object]) -> str:
    if len(presented) != 1:
        code = "token-twice" if presented else "token-missing"
        raise Refused(code, f"a call must carry one access token, {len(presented)} came", at="token")
    matched = _BEARER.fullmatch(presented[0]) if isinstance(presented[0], str) else None
    if matched is None:
        raise Refused(
            "token-malformed", f"`authorization` must be `Bearer` and a token of {MAX_TOKEN_BYTES} bytes", at="token"
        )
    return matched[1]
