"""Who issues a partner's access tokens: the table `[token]` of its admission, which operators sign.

    [token]
    issuer     = "https://idp.usa.example"          # `iss` of every token, to the byte
    keys       = "https://idp.usa.example/jwks"     # where the issuer's public keys are
    client_id  = "arl-sluice"
    subject    = "arl-sluice"
    algorithms = ["ES256"]                          # of ES256, ES384, PS256

Nothing that a token says of itself adds to this: neither where its keys are, nor how it is signed. What is not in the
list of algorithms does not exist here: no shared secrets, no `none`. A URL is `https`, in one spelling, without a user,
a query or a fragment. Source: SPEC.md section 2.5; RFC 9068, RFC 8414, RFC 8725 section 3.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.core.control.texts import Table

ALGORITHMS = ("ES256", "ES384", "PS256")
MAX_URL_CHARACTERS = 256
MAX_PORT = 65_535

_KEYS = frozenset({"issuer", "keys", "client_id", "subject", "algorithms"})
_URL = re.compile(r"https://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?((?:/[A-Za-z0-9._~-]*)*)")
_NAME = re.compile("[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """The parsed table. issuer, keys: URLs; client_id, subject: as the tokens must have them; algorithms: of JWS."""

    issuer: str
    keys: str
    client_id: str
    subject: str
    algorithms: frozenset[str]

    @classmethod
    def read(cls, text: Table) -> TokenIssuer:
        """The issuer in the table `token` of an admission; refuses `text-…`."""
        table = text.table("token", _KEYS)
        return cls(
            issuer=_url(table, "issuer"),
            keys=_url(table, "keys"),
            client_id=_name(table, "client_id"),
            subject=_name(table, "subject"),
            algorithms=frozenset(table.choices("algorithms", ALGORITHMS)),
        )


def https_parts(url: str) -> tuple[str, int, str] | None:
    """Host, port and path of an `https` URL in its one spelling; None for anything else."""
    matched = _URL.fullmatch(url)
    port = int(matched[2] or 443) if matched else 0
    if matched is None or len(url) > MAX_URL_CHARACTERS or port > MAX_PORT:
        return None
    return matched[1], port, matched[3] or "/"


def _url(table: Table, key: str) -> str:
    url = table.string(key, MAX_URL_CHARACTERS)
    if https_parts(url) is None:
        raise table.wrong(key, "a URL `https://host`, perhaps with port and path, in small letters up to the path")
    return url


def _name(table: Table, key: str) -> str:
    name = table.string(key)
    if _NAME.fullmatch(name) is None:
        raise table.wrong(key, "1 to 128 visible ASCII characters without a space")
    return name
