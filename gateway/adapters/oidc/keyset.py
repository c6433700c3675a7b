"""A key set as an issuer shows it (RFC 7517), read for the keys that could have signed a token here.

Issuers list keys for other uses beside those for tokens, so what is of no use here is passed over and not refused. Each
key has one algorithm, which its type says and not the token; a key whose private half is shown is everybody's, and of
two keys under one `kid` nobody can say which is meant: neither is taken. Source: SPEC.md section 12.6; RFC 7518, 8725.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from gateway.core.control.token import parse_object
from gateway.core.errors import Refused

MAX_SET_BYTES = 64 * 1024
MAX_KEYS = 64
MAX_KID_CHARACTERS = 128
RSA_BITS = range(2048, 4097)

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key and the one algorithm that it is for."""

    algorithm: str
    key: EllipticCurvePublicKey | RSAPublicKey


def parse_key_set(content: bytes) -> Mapping[str, IssuerKey]:
    """The usable keys of the set by `kid`; refuses `token-keys` for what is no key set."""
    if len(content) > MAX_SET_BYTES:
        raise _no_set(f"{MAX_SET_BYTES} bytes at most")
    try:
        listed = parse_object(content, "key set").get("keys")
    except Refused as error:
        raise _no_set("one JSON object") from error
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise _no_set(f"a list `keys` of {MAX_KEYS} at most")
    members = [member for member in listed if isinstance(member, dict)]
    named = Counter(kid for member in members if isinstance(kid := member.get("kid"), str))
    keys: dict[str, IssuerKey] = {}
    for member in members:
        kid, key = member.get("kid"), _usable(member)
        if isinstance(kid, str) and 1 <= len(kid) <= MAX_KID_CHARACTERS and named[kid] == 1 and key is not None:
            keys[kid] = key
    return keys


def _no_set(expected: str) -> Refused:
    return Refused("token-keys", f"an issuer's key set must be {expected}, something else came", at="token.keys")


def _usable(member: Mapping[str, object]) -> IssuerKey | None:
    operations = member.get("key_ops", ["verify"])
    is_for_signatures = member.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    found = _read(dict(member)) if is_for_signatures and _PRIVATE.isdisjoint(member) else None
    return found if found is not None and member.get("alg", found.algorithm) == found.algorithm else None


def _read(member: dict[str, object]) -> IssuerKey | None:
    try:
        if member.get("kty") == "EC":
            key = ECAlgorithm.from_jwk(member)
            for curve, algorithm in ((SECP256R1, "ES256"), (SECP384R1, "ES384")):
                if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, curve):
                    return IssuerKey(algorithm, key)
        elif member.get("kty") == "RSA":
            rsa = RSAAlgorithm.from_jwk(member)
            if isinstance(rsa, RSAPublicKey) and rsa.key_size in RSA_BITS:
                return IssuerKey("PS256", rsa)
    except (PyJWTError, ValueError, TypeError):
        # A key that does not parse is one that signs nothing here; the others of the set are none the worse.
        return None
    return None
