"""An access token as a gateway judges it, from the text of section 12.6 alone."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .octets import Refusal, require
from .texts import CODE

_FORM = re.compile("([A-Za-z0-9_-]+)[.]([A-Za-z0-9_-]+)[.]([A-Za-z0-9_-]+)")
_EC: dict[str, tuple[str, ec.EllipticCurve, hashes.HashAlgorithm, int]] = {
    "ES256": ("P-256", ec.SECP256R1(), hashes.SHA256(), 32),
    "ES384": ("P-384", ec.SECP384R1(), hashes.SHA384(), 48),
}
_HIDDEN = ("crit", "b64", "jku", "jwk", "x5u", "x5c")
_SECRET = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
Leaves = tuple[int, frozenset[str], str | None]


def judge(text: str, table: Mapping[str, Any], key_set: bytes, where: Mapping[str, Any]) -> Leaves:
    """What is left: until when (ms), which kinds, which ceiling; or the refusal of the first thing that is wrong."""
    form = _FORM.fullmatch(text)
    if form is None or len(text) > 4096:
        raise Refusal("token-malformed", "token")
    header, claims, signature = (_octets(part) for part in form.groups())
    top = _object(header)
    kind = top.get("typ")
    require(isinstance(kind, str) and kind.lower() in ("at+jwt", "application/at+jwt"), "token-type", "token")
    require(top.get("alg") in tuple(table["algorithms"]), "token-algorithm", "token")
    require(not any(name in top for name in _HIDDEN), "token-header", "token")
    kid = top.get("kid")
    require(isinstance(kid, str) and 1 <= len(kid) <= 128, "token-header", "token")
    members = [one for one in json.loads(key_set)["keys"] if one.get("kid") == kid]
    require(len(members) == 1 and _serves(members[0], top["alg"]), "token-key", "token")
    require(_holds(members[0], top["alg"], text.rpartition(".")[0].encode(), signature), "token-signature", "token")
    return _claims(_object(claims), table, where)


def _octets(part: str) -> bytes:
    try:
        octets = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise Refusal("token-malformed", "token") from error
    require(base64.urlsafe_b64encode(octets).decode().rstrip("=") == part, "token-malformed", "token")
    return octets


def _object(octets: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len({name for name, _ in pairs}) == len(pairs), "token-malformed", "token")
        return dict(pairs)

    def no_number(_: str) -> NoReturn:
        raise Refusal("token-malformed", "token")

    try:
        found = json.loads(octets.decode(), object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal("token-malformed", "token") from error
    require(isinstance(found, dict) and _depth(found) <= 16, "token-malformed", "token")
    return dict(found)


def _depth(value: Any) -> int:
    """How many objects and lists lie within one another; 17 stands for everything deeper than 16."""
    depth, outer = 0, [value]
    while depth < 17 and (outer := [one for one in outer if isinstance(one, dict | list)]):
        depth += 1
        outer = [inner for one in outer for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _serves(member: dict[str, Any], algorithm: str) -> bool:
    """Whether a member of the set is a public key for this algorithm and nothing else."""
    is_public = not any(name in member for name in _SECRET)
    is_meant = member.get("use", "sig") == "sig" and "verify" in member.get("key_ops", ["verify"])
    kind = ("RSA", None) if algorithm == "PS256" else ("EC", _EC[algorithm][0])
    is_kind = (member.get("kty"), member.get("crv")) == kind
    return is_public and is_meant and is_kind and member.get("alg", algorithm) == algorithm


def _holds(member: dict[str, Any], algorithm: str, signed: bytes, signature: bytes) -> bool:
    try:
        if algorithm == "PS256":
            numbers = rsa.RSAPublicNumbers(_number(member["e"]), _number(member["n"]))
            salted = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            numbers.public_key().verify(signature, signed, salted, hashes.SHA256())
            return 2048 <= numbers.n.bit_length() <= 4096
        _, curve, hashed, width = _EC[algorithm]
        key = ec.EllipticCurvePublicNumbers(_number(member["x"]), _number(member["y"]), curve).public_key()
        r, s = (int.from_bytes(half, "big") for half in (signature[:width], signature[width:]))
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashed))
    except (InvalidSignature, ValueError):
        return False
    return len(signature) == 2 * width


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _claims(claims: dict[str, Any], table: Mapping[str, Any], where: Mapping[str, Any]) -> Leaves:
    for name in ("jti", "iss", "sub", "client_id"):
        value = claims.get(name)
        require(isinstance(value, str) and 1 <= len(value) <= 256, "token-claims", f"token.{name}")
    aud = claims.get("aud")
    heard = aud if isinstance(aud, list) else [aud]
    texts = {one for one in heard if isinstance(one, str)}
    require(1 <= len(heard) <= 16 and len(texts) == len(heard), "token-claims", "token.aud")
    confirmed = claims.get("cnf")
    is_bound = isinstance(confirmed, dict) and set(confirmed) == {"x5t#S256"}
    require(is_bound, "token-binding", "token.cnf")
    issued, ends = (_second(claims, name) for name in ("iat", "exp"))
    begins = _second(claims, "nbf") if "nbf" in claims else issued
    scope = claims.get("scope")
    named = scope.split(" ") if isinstance(scope, str) else []
    kinds = frozenset(named) & {"telemetry", "tactic", "design"}
    require(kinds and len(kinds) == len(named), "token-scope", "token.scope")
    ceiling = claims.get("ceiling")
    if "ceiling" in claims:
        require(isinstance(ceiling, str) and CODE.fullmatch(ceiling), "token-claims", "token.ceiling")
    require(claims["iss"] == table["issuer"], "token-issuer", "token.iss")
    whose = (claims["client_id"], claims["sub"])
    require(whose == (table["client_id"], table["subject"]), "token-client", "token.sub")
    require(where["audience"] in texts, "token-audience", "token.aud")
    shown = base64.urlsafe_b64encode(bytes.fromhex(where["certificate"])).decode().rstrip("=")
    require(claims["cnf"]["x5t#S256"] == shown, "token-binding", "token.cnf")
    now_ms = where["now_ms"]
    require(now_ms < 1000 * ends, "token-expired", "token.exp")
    require(max(issued, begins) * 1000 <= now_ms + 30_000, "token-not-yet-valid", "token.iat")
    require(1 <= ends - issued <= 3600, "token-life", "token.exp")
    return 1000 * ends, kinds, ceiling


def _second(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise Refusal("token-claims", f"token.{name}")
    return value
