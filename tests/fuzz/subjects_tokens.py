"""Access tokens and the key sets of their issuers: what a stranger writes, read before anybody vouched for it."""

from __future__ import annotations

import json

from gateway.adapters.oidc.keyset import parse_key_set
from gateway.adapters.oidc.signature import SignedToken
from gateway.core.control.token import Claims, parse_object, token_parts
from tests.fuzz.engine import Subject
from tests.fuzz.mutation_texts import Text
from tests.fuzz.subject import Entry, octets_of, worded
from tests.tokens import Issuer, b64

_NOW_MS = 1_800_000_000_000


def _claims() -> tuple[bytes, ...]:
    issuer = Issuer(keys={})
    good = issuer.claims("spiffe://demo.example/gateway/demo", "0a" * 32, _NOW_MS, ceiling="DSK", nbf=_NOW_MS // 1000)
    return json.dumps(good).encode(), json.dumps(good | {"aud": ["a", "b"], "scope": "design"}).encode()


def _tokens() -> tuple[bytes, ...]:
    issuer = Issuer()
    return tuple(issuer.token(claims).encode() for claims in _claims())


def _again(parts: tuple[bytes, bytes], octets: bytes) -> bytes:
    """The signature is not among the parts that are read here; its spelling is judged with theirs."""
    return b".".join([*(b64(part).encode() for part in parts), octets.rpartition(b".")[2]])


SUBJECTS: dict[str, Entry] = {
    "token": Entry((token_parts,), lambda: Subject(_tokens(), lambda octets: token_parts(worded(octets)), _again)),
    "token header": Entry(
        (SignedToken.parse,),
        lambda: Subject(
            _tokens(),
            lambda octets: SignedToken.parse(worded(octets), Issuer(keys={}).trusted()),
            lambda signed, _: octets_of(signed.token),
        ),
    ),
    "token claims": Entry(
        (Claims.parse, parse_object),
        lambda: Subject(
            _claims(), Claims.parse, grammar=lambda examples: Text(examples, ("tactic", "cnf", "x5t#S256"))
        ),
    ),
    "key set of an issuer": Entry(
        (parse_key_set,),
        lambda: Subject((Issuer().key_set(), b'{"keys":[]}'), parse_key_set, grammar=Text),
    ),
}
