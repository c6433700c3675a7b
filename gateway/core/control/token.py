"""An access token, as far as it can be judged without a key: its form, its claims, and whose, when and how much.

    header, payload = token_parts(text)                  # what the issuer's key must have signed, checked elsewhere
    claims = Claims.parse(payload)
    claims.check(issuer, audience, fingerprint, now_ms)  # refuses whatever does not hold now

INVARIANT: nothing here is evidence before the signature over the two parts is. A token only narrows, so what it leaves
out gives nothing, and what is in it and not understood refuses it. JSON that gives a name twice means one thing to one
reader and another to the next, so it is refused. Source: SPEC.md section 12.6; RFC 9068, 8705 section 3.1, 8725.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from gateway.core.control.issuer import TokenIssuer
from gateway.core.errors import Refused
from gateway.core.labels.vocabulary import is_code
from gateway.core.suite.numbers import RecordKind

MAX_TOKEN_BYTES = 4096
MAX_LIFE_S = 3600
MAX_NESTING = 16
MAX_AHEAD_S = 30
MAX_AUDIENCES = 16
MAX_NAME_CHARACTERS = 256

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_KINDS = {kind.name.lower(): kind for kind in (RecordKind.TELEMETRY, RecordKind.TACTIC, RecordKind.DESIGN)}


def token_parts(token: str) -> tuple[bytes, bytes]:
    """Header and payload of a token in compact form, decoded; refuses `token-malformed`. Verifies nothing."""
    matched = _COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN_BYTES else None
    if matched is None:
        raise _malformed(f"three parts in base64url, {MAX_TOKEN_BYTES} bytes at most")
    header, payload, _ = (_decoded(part) for part in matched.groups())
    return header, payload


def parse_object(octets: bytes, structure: str) -> dict[str, object]:
    """The one JSON object that is all of `octets`; refuses `token-malformed`, also for a name that stands twice.

    SPEC 12.6. How deep a parser can go differs between interpreters: the bound is ours, so that all judge alike.
    """
    try:
        found = json.loads(octets.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"one JSON object as its {structure}, in which no name stands twice") from error
    if not isinstance(found, dict):
        raise _malformed(f"a JSON object as its {structure}")
    level: list[object] = [found]
    for _ in range(MAX_NESTING):
        level = [inner for outer in level for inner in _nested(outer)]
    if level:
        raise _malformed(f"at most {MAX_NESTING} objects and lists within one another in its {structure}")
    return found


def _nested(value: object) -> list[object]:
    """The objects and lists directly in an object or a list."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for one in inner if isinstance(one, dict | list)]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. audience: of whom one must be this gateway; confirmation: SHA-256 of a certificate, base64url.

    issued_at_s, expires_at_s, not_before_s: seconds since 1970; kinds: its scope; ceiling: None adds no other.
    """

    issuer: str
    subject: str
    client_id: str
    audience: frozenset[str]
    confirmation: str
    issued_at_s: int
    expires_at_s: int
    not_before_s: int
    kinds: frozenset[RecordKind]
    ceiling: str | None

    @classmethod
    def parse(cls, payload: bytes) -> Claims:
        """The claims in `payload`; refuses `token-malformed`, `token-claims`, `token-binding` and `token-scope`."""
        claims = parse_object(payload, "payload")
        _text(claims, "jti")
        issued_at_s = _seconds(claims, "iat")
        return cls(
            issuer=_text(claims, "iss"),
            subject=_text(claims, "sub"),
            client_id=_text(claims, "client_id"),
            audience=_audience(claims),
            confirmation=_confirmation(claims),
            issued_at_s=issued_at_s,
            expires_at_s=_seconds(claims, "exp"),
            not_before_s=_seconds(claims, "nbf") if "nbf" in claims else issued_at_s,
            kinds=_scope(claims),
            ceiling=_ceiling(claims) if "ceiling" in claims else None,
        )

    @property
    def expires_at_ms(self) -> int:
        """The first millisecond in which it is no longer good."""
        return self.expires_at_s * 1000

    def check(self, issuer: TokenIssuer, audience: str, fingerprint: str, now_ms: int) -> None:
        """Refuses a token that is another's, for another, of another connection, or not of this hour.

        audience: URI of this gateway; fingerprint: hex SHA-256 of the connection's certificate; now_ms: trusted.
        """
        if self.issuer != issuer.issuer:
            raise _refused("token-issuer", "its issuer must be the one the partner was admitted with")
        if self.client_id != issuer.client_id or self.subject != issuer.subject:
            raise _refused("token-client", "its client and subject must be those the partner was admitted with")
        if audience not in self.audience:
            raise _refused("token-audience", "its audience must be this gateway")
        if self.confirmation != _base64url(bytes.fromhex(fingerprint)):
            raise _refused("token-binding", "it must be bound to the certificate of this connection")
        if now_ms >= self.expires_at_ms:
            raise _refused("token-expired", "it must not have expired")
        if max(self.issued_at_s, self.not_before_s) * 1000 > now_ms + MAX_AHEAD_S * 1000:
            raise _refused("token-not-yet-valid", "it must be valid now, not later")
        if not 0 < self.expires_at_s - self.issued_at_s <= MAX_LIFE_S:
            raise _refused("token-life", f"it must live {MAX_LIFE_S} seconds at most")


def _refused(code: str, expected: str) -> Refused:
    return Refused(code, f"of the access token, {expected}", at="token")


def _malformed(expected: str) -> Refused:
    return Refused("token-malformed", f"an access token must have {expected}, something else came", at="token")


def _decoded(part: str) -> bytes:
    try:
        octets = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise _malformed("three parts in base64url") from error
    if _base64url(octets) != part:
        raise _malformed("each part in its one spelling")
    return octets


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError


def _odd(claim: str, expected: str) -> Refused:
    return Refused("token-claims", f"the claim `{claim}` of an access token must be {expected}", at=f"token.{claim}")


def _text(claims: Mapping[str, object], claim: str) -> str:
    value = claims.get(claim)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME_CHARACTERS:
        raise _odd(claim, f"a text of 1 to {MAX_NAME_CHARACTERS} characters")
    return value


def _seconds(claims: Mapping[str, object], claim: str) -> int:
    value = claims.get(claim)
    if type(value) is not int or value < 0:
        raise _odd(claim, "a whole number of seconds")
    return value


def _audience(claims: Mapping[str, object]) -> frozenset[str]:
    value = claims.get("aud")
    listed = value if isinstance(value, list) else [value]
    texts = frozenset(one for one in listed if isinstance(one, str))
    if not 1 <= len(listed) <= MAX_AUDIENCES or len(texts) != len(listed):
        raise _odd("aud", f"a text, or a list of 1 to {MAX_AUDIENCES} different ones")
    return texts


def _confirmation(claims: Mapping[str, object]) -> str:
    value = claims.get("cnf")
    found = value.get("x5t#S256") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(found, str):
        raise _refused("token-binding", "it must be bound to a certificate by `x5t#S256`, and to nothing else")
    return found


def _scope(claims: Mapping[str, object]) -> frozenset[RecordKind]:
    value = claims.get("scope")
    named = value.split(" ") if isinstance(value, str) else []
    kinds = frozenset(_KINDS[name] for name in named if name in _KINDS)
    if not kinds or len(kinds) != len(named):
        raise _refused("token-scope", "its scope must be kinds of records and nothing else, each once")
    return kinds


def _ceiling(claims: Mapping[str, object]) -> str:
    value = claims["ceiling"]
    if not isinstance(value, str) or not is_code(value):
        raise _odd("ceiling", "the code of a level")
    return value
