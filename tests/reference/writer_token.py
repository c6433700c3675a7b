"""Section 12.6: an issuer's key set, access tokens of it, and what is wrong with each of them.

Signatures are deterministic (RFC 6979), so that all of it repeats byte for byte. The names of what is wrong are for
tests and logs: a peer hears one answer to all of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.reference.writer_octets import Vectors, fixed

TABLE = """[token]
issuer     = "https://idp.usa.example"
keys       = "https://idp.usa.example/jwks"
client_id  = "arl-sluice"
subject    = "service|arl"
algorithms = ["ES256", "ES384"]
"""
AUDIENCE = "spiffe://ua.example/gateway/ua-gw"
NOW = 1_780_000_000
CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm, int]] = {
    "ES256": (ec.SECP256R1(), hashes.SHA256(), 32),
    "ES384": (ec.SECP384R1(), hashes.SHA384(), 48),
}


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class _Key:
    def __init__(self, name: str, algorithm: str) -> None:
        self.name, self.algorithm = name, algorithm
        curve, self._hash, self._width = CURVES[algorithm]
        self._private = ec.derive_private_key(int.from_bytes(fixed(f"token {name}", self._width - 1), "big") + 1, curve)

    def member(self, **more: str) -> dict[str, str]:
        """The public half in a key set."""
        at = self._private.public_key().public_numbers()
        x, y = (_b64(number.to_bytes(self._width, "big")) for number in (at.x, at.y))
        return {"kty": "EC", "crv": f"P-{8 * self._width}", "x": x, "y": y, "kid": self.name} | more

    def sign(self, signed: str) -> str:
        """The token of these two parts."""
        found = self._private.sign(signed.encode(), ec.ECDSA(self._hash, deterministic_signing=True))
        return f"{signed}.{_b64(b''.join(one.to_bytes(self._width, 'big') for one in decode_dss_signature(found)))}"


def write_token(vectors: Vectors) -> None:
    """`token.json`."""
    key, longer, stranger = _Key("one", "ES256"), _Key("two", "ES384"), _Key("another", "ES256")
    fingerprint = fixed("token certificate", 32)
    vectors.octets("token.table", TABLE.encode())
    members = [
        key.member(use="sig", alg="ES256"),
        longer.member(),
        stranger.member(use="enc"),
        {"kty": "oct", "k": "AA"},
    ]
    members += [_Key("twice", "ES256").member(), _Key("twice", "ES384").member()]
    vectors.octets("token.key_set", _json({"keys": members}))
    vectors.value("token.where", {"audience": AUDIENCE, "certificate": fingerprint.hex(), "now_ms": 1000 * NOW + 250})
    claims = {
        "iss": "https://idp.usa.example",
        "sub": "service|arl",
        "client_id": "arl-sluice",
        "aud": AUDIENCE,
        "iat": NOW - 60,
        "exp": NOW + 240,
        "jti": "b0f1",
        "scope": "telemetry tactic",
        "cnf": {"x5t#S256": _b64(fingerprint)},
    }

    def token(*, by: _Key = key, header: dict[str, Any] | bytes | None = None, **changed: Any) -> str:
        if not isinstance(header, bytes):
            members = {"alg": by.algorithm, "typ": "at+jwt", "kid": by.name} | (header or {})
            header = _json({name: one for name, one in members.items() if one is not None})
        said = {name: one for name, one in (claims | changed).items() if one is not None}
        return by.sign(f"{_b64(header)}.{_b64(_json(said))}")

    good = token()
    most = token(by=longer, header={"typ": "application/AT+JWT"}, aud=["https://x.example", AUDIENCE], nbf=NOW + 30)
    for name, text, kinds, ceiling in (
        ("good", good, ["tactic", "telemetry"], None),
        ("good_es384", most, ["tactic", "telemetry"], None),
        ("good_ceiling", token(scope="design", ceiling="DSK", exp=NOW + 1, azp="x"), ["design"], "DSK"),
        ("good_nested", token(x=json.loads("[" * 15 + "]" * 15)), ["tactic", "telemetry"], None),
    ):
        vectors.octets(f"token.{name}", text.encode())
        until = NOW + (1 if ceiling else 240)
        vectors.value(f"token.{name}_leaves", {"until_ms": 1000 * until, "kinds": kinds, "ceiling": ceiling})
    shared = f"{_b64(_json({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'one'}))}.{_b64(_json(claims))}"
    header, payload, signature = good.split(".")
    twice = _b64(_json(claims)[:-1] + b',"iss":"https://idp.usa.example"}')
    wrong = {
        "none": ("token-algorithm", token(header={"alg": "none"})),
        "hs256_over_the_public_key": (
            "token-algorithm",
            f"{shared}.{_b64(hmac.digest(key.member()['x'].encode(), shared.encode(), hashlib.sha256))}",
        ),
        "ps256_that_is_not_named": ("token-algorithm", token(header={"alg": "PS256"})),
        "no_type": ("token-type", token(header={"typ": None})),
        "of_another_type": ("token-type", token(header={"typ": "JWT"})),
        "crit": ("token-header", token(header={"crit": ["exp"]})),
        "a_key_brought": ("token-header", token(by=stranger, header={"jwk": stranger.member()})),
        "no_kid": ("token-header", token(header={"kid": None})),
        "an_unknown_kid": ("token-key", token(header={"kid": "three"})),
        "a_key_for_something_else": ("token-key", token(by=stranger)),
        "a_kid_of_two_keys": ("token-key", token(by=_Key("twice", "ES256"))),
        "a_key_of_another_algorithm": ("token-key", token(by=longer, header={"alg": "ES256"})),
        "a_strangers_signature": ("token-signature", token(by=stranger, header={"kid": "one"})),
        "other_claims": ("token-signature", f"{header}.{_b64(_json(claims | {'scope': 'design'}))}.{signature}"),
        "no_signature": ("token-malformed", f"{header}.{payload}."),
        "padding": ("token-malformed", f"{good}="),
        "bits_to_spare": ("token-malformed", f"{header}.{payload}.AB"),
        "a_header_of_two_kids": (
            "token-malformed",
            token(header=b'{"alg":"ES256","typ":"at+jwt","kid":"two","kid":"one"}'),
        ),
        "claims_with_two_iss": ("token-malformed", key.sign(f"{header}.{twice}")),
        "too_long": ("token-malformed", token(padding="x" * 3000)),
        "claims_nested_too_deep": ("token-malformed", token(x=json.loads("[" * 16 + "]" * 16))),
        "a_header_nested_too_deep": ("token-malformed", token(header={"x": json.loads("[" * 16 + "]" * 16)})),
        "a_number_that_is_none": ("token-malformed", token(x=float("nan"))),
        "another_issuer": ("token-issuer", token(iss="https://idp.gbr.example")),
        "another_client": ("token-client", token(client_id="other")),
        "another_subject": ("token-client", token(sub="arl-sluice")),
        "another_audience": ("token-audience", token(aud="spiffe://ua.example/gateway/other")),
        "no_confirmation": ("token-binding", token(cnf=None)),
        "of_another_certificate": ("token-binding", token(cnf={"x5t#S256": _b64(fixed("token other", 32))})),
        "two_confirmations": ("token-binding", token(cnf=claims["cnf"] | {"jkt": "x"})),  # type: ignore[operator]
        "no_exp": ("token-claims", token(exp=None)),
        "a_fraction_of_a_second": ("token-claims", token(exp=NOW + 0.5)),
        "expired": ("token-expired", token(exp=NOW)),
        "not_yet": ("token-not-yet-valid", token(nbf=NOW + 31)),
        "issued_later": ("token-not-yet-valid", token(iat=NOW + 31)),
        "living_too_long": ("token-life", token(iat=NOW - 3361)),
        "no_jti": ("token-claims", token(jti=None)),
        "no_scope": ("token-scope", token(scope=None)),
        "a_scope_of_something_else": ("token-scope", token(scope="tactic openid")),
        "a_scope_with_two_spaces": ("token-scope", token(scope="tactic  telemetry")),
        "a_ceiling_that_is_no_code": ("token-claims", token(ceiling="top")),
    }
    for name, (code, text) in wrong.items():
        vectors.value(f"token.refused_{name}", {"token": text, "code": code})
