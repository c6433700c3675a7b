"""Texts that operators sign: TOML, and nothing in it that the screen does not show. SPEC.md sections 2.2 to 2.7."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

from .kinds import FREE_SLOTS, MUST_SLOTS
from .octets import IDENTIFIER, Refusal, require

Rule = Callable[[object, str], object]
T = TypeVar("T")

KINDS = {"telemetry": 1, "tactic": 2, "design": 3, "chunk": 4}
MODES = {"REAL": 1, "EXERCISE": 2, "SIMULATED": 3, "TEST": 4}
_HIDDEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f"
    "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ue000-\\uf8ff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff"
    "\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff\\U000f0000-\\U0010ffff]"
)
POLICY = re.compile("[A-Z]{3,8}")
CODE = re.compile("[A-Z][A-Z0-9-]{0,31}")
VALUE = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NATION = re.compile("[A-Z]{3}")
IDENTITY = re.compile(r"spiffe://[a-z0-9][a-z0-9._-]{0,127}(/[A-Za-z0-9._-]+)+")


def read_text(raw: bytes, at: str) -> dict[str, object]:
    """The keys and values of a text, every character of which can be seen (2.2)."""
    try:
        text = raw.decode("utf-8")
        shown = len(raw) <= 65_536 and not _HIDDEN.search(text)
        require(shown and all(len(line) <= 1024 for line in raw.split(b"\n")), "text-malformed", at)
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal("text-malformed", at) from error
    _checkstrings(table, at)
    return table


def _checkstrings(value: object, at: str) -> None:
    if isinstance(value, str):
        require(not _HIDDEN.search(value) and not set("\t\n") & set(value), "text-value", at)
    elif isinstance(value, list):
        for one in value:
            _checkstrings(one, at)
    elif isinstance(value, dict):
        for key, one in value.items():
            _checkstrings(key, at)
            _checkstrings(one, f"{at}.{key}")


def form(pattern: re.Pattern[str]) -> Rule:
    """A string of one form."""

    def rule(value: object, at: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Refusal("text-value", at)
        return value

    return rule


def word(*allowed: str) -> Rule:
    """One of these words."""
    return form(re.compile("|".join(map(re.escape, allowed))))


def whole(low: int, high: int) -> Rule:
    """An integer within its limits, and no `true` for 1."""

    def rule(value: object, at: str) -> int:
        if type(value) is not int or not low <= value <= high:
            raise Refusal("text-value", at)
        return value

    return rule


def day(value: object, at: str) -> datetime.date:
    """A day, not a moment."""
    if type(value) is not datetime.date:
        raise Refusal("text-value", at)
    return value


def second(value: object, at: str) -> int:
    """A moment without a fraction, at the meridian of Greenwich; in milliseconds."""
    moment = value if isinstance(value, datetime.datetime) else datetime.datetime.min
    zone = moment.utcoffset()
    require(zone is not None and not zone and not moment.microsecond, "text-value", at)
    return int(moment.timestamp()) * 1000


def listing(rule: Rule, high: int = 1024, *, once: bool = True) -> Rule:
    """A list of 1 to 1,024 entries, each once."""

    def listed(value: object, at: str) -> tuple[object, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= high:
            raise Refusal("text-value", at)
        entries = tuple(rule(one, at) for one in value)
        require(not once or len(set(entries)) == len(entries), "text-value", at)
        return entries

    return listed


def mapping(key: re.Pattern[str], rule: Rule) -> Rule:
    """A table whose keys are of one form and whose values are under one rule."""

    def mapped(value: object, at: str) -> dict[str, object]:
        if not isinstance(value, dict) or not value:
            raise Refusal("text-value", at)
        require(all(key.fullmatch(name) for name in value), "text-value", at)
        return {name: rule(one, f"{at}.{name}") for name, one in value.items()}

    return mapped


def table(rules: dict[str, Rule], optional: dict[str, Rule] | None = None) -> Rule:
    """A table with exactly these keys, and perhaps the optional ones."""

    def keys(value: object, at: str) -> dict[str, object]:
        if not isinstance(value, dict):
            raise Refusal("text-value", at)
        known = rules | (optional or {})
        for name in value:
            require(name in known, "text-unknown-key", f"{at}.{name}")
        for name in rules:
            require(name in value, "text-missing-key", f"{at}.{name}")
        return {name: known[name](one, f"{at}.{name}") for name, one in value.items()}

    return keys


def rows(value: object, at: str) -> dict[str, Any]:
    """The table that a rule has read."""
    if not isinstance(value, dict):
        raise Refusal("text-value", at)
    return value


def scope(value: object, at: str) -> tuple[frozenset[int], frozenset[int]]:
    """Kinds and modes of a source's scope, in its one spelling; both are empty in the empty scope (2.5)."""
    if not isinstance(value, str):
        raise Refusal("text-value", at)
    if not value:
        return frozenset(), frozenset()
    halves = value.split("//")
    require(len(halves) == 2, "scope", at)
    read = []
    for half, numbers in zip(halves, (KINDS, MODES), strict=True):
        named = [numbers.get(one, 0) for one in half.split(",")]
        require(0 not in named and named == sorted(set(named)), "scope", at)
        read.append(frozenset(named))
    return read[0], read[1]


_ID = form(IDENTIFIER)
_LINE = form(re.compile(r".{1,512}"))
KEY = form(re.compile("[0-9a-f]{96}"))
_PARTY = {
    "id": _ID,
    "identity": form(IDENTITY),
    "root": form(re.compile("[0-9a-f]{64}")),
}
_KIND = word("telemetry", "tactic", "design")
_MODE = word(*MODES)
_PORTION = word(*(f"{name}.{slot}" for part in (MUST_SLOTS, FREE_SLOTS) for name in part for slot in part[name]))
_FEE = {
    "design": _ID,
    "basis": word("FLAT", "PER_UNIT"),
    "amount": whole(1, 10**12),
    "currency": form(_NATION),
}


def _clearance(value: object, at: str) -> dict[str, object]:
    named = [name for name in value if CODE.fullmatch(name)] if isinstance(value, dict) else []
    tags = {name: listing(form(VALUE), 256) for name in named}
    return rows(table({"level": form(CODE)}, tags)(value, at), at)


def clearances(value: object, at: str) -> dict[str, object]:
    """The table of a partner's clearances; whatever is wrong in it has one code (2.5)."""
    rows(value, at)
    try:
        read = rows(mapping(POLICY, _clearance)(value, at), at)
        require(len(read) <= 16, "text-value", at)
    except Refusal as refusal:
        raise Refusal("clearance", refusal.at) from refusal
    return read


def _address(value: object, at: str) -> str:
    read = str(form(_HTTPS)(value, at))
    port = read.removeprefix("https://").partition("/")[0].partition(":")[2]
    require(len(read) <= 256 and int(port or 1) <= 65_535, "text-value", at)
    return read


def _fee(value: object, at: str) -> dict[str, object]:
    read = rows(table(_FEE, {"due": day, "declared": word("monthly", "quarterly", "yearly")})(value, at), at)
    due, other = ("due", "declared") if read["basis"] == "FLAT" else ("declared", "due")
    require(other not in read, "agreement-contradiction", at)
    require(due in read, "text-missing-key", at)
    return read


def _sources(value: object, at: str) -> tuple[object, ...] | str:
    read = value if value == "all" else listing(_ID)(value, at)
    return read if isinstance(read, tuple) else "all"


def _revocation(value: object, at: str) -> dict[str, object]:
    """A key, a certificate by its fingerprint, or certificates of a root by their serial numbers."""
    serials = {"serials": listing(form(re.compile("[1-9a-f][0-9a-f]{0,39}")))}
    read = rows(table({"target": form(_REVOKED), "reason": _LINE}, serials)(value, at), at)
    is_root = read["target"].startswith("root/")
    require("serials" in read or not is_root, "text-missing-key", f"{at}.serials")
    require(is_root or "serials" not in read, "text-value", f"{at}.serials")
    return read


_REVOKED = re.compile("key/[0-9a-f]{96}|(certificate|root)/[0-9a-f]{64}")
_BASIS = form(re.compile(".{1,256}"))
_HTTPS = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~/-]*)?")
_SEEN = form(re.compile("[!-~]{1,128}"))
_TOKEN = {"issuer": _address, "keys": _address, "client_id": _SEEN, "subject": _SEEN}
_ISSUER = table({**_TOKEN, "algorithms": listing(word("ES256", "ES384", "PS256"))})
_HELD = (
    rf"batch/[0-9a-f]{{96}}|agreement/{IDENTIFIER.pattern}"
    r"|record/[0-9a-f]{96}\.(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"
)
_NAMED = rf"gateway|{_HELD}|" r"(proposal|key)/[0-9a-f]{96}|fork/(?P<kept>[0-9a-f]{96})/(?!(?P=kept))[0-9a-f]{96}"
_KEY_TARGET = form(re.compile("key/[0-9a-f]{96}"))
# The texts of sections 2.3 to 2.7 by statement kind; VOCABULARY is read in labels.py, GUIDE in control.py.
TEXTS: dict[int, Rule] = {
    3: table({"proposal": KEY}),
    4: table({"proposal": KEY, "reason": _LINE}),
    7: table({**_PARTY, "key": KEY, "scope": scope}),
    8: table(
        {**_PARTY, "nation": form(_NATION), "sign_key": KEY, "kem_key": KEY, "clearance": clearances},
        {"token": _ISSUER, "key_exchange": word("X25519MLKEM768")},
    ),
    9: table(
        {
            "id": _ID,
            "from": _ID,
            "to": _ID,
            "basis": form(re.compile(r".{1,256}")),
            "starts": day,
            "ends": day,
            "kinds": listing(_KIND),
            "modes": listing(_MODE),
            "sources": _sources,
            "ceiling": form(CODE),
            "purpose": word("EVALUATE", "REPLICATE", "MODIFY"),
            "onward": word("no", "ask-origin"),
            "origin": word("hidden", "shown"),
            "delay_h": whole(0, 8784),
            "accounts_shown_to_sources": word("none", "amounts", "amounts-and-partner"),
        },
        {
            "designs": listing(form(VALUE)),
            "withhold": listing(_PORTION),
            "recall_h": whole(1, 8784),
            "quota": table({"records_per_month": whole(1, 10**9)}),
            "fees": listing(_fee, 64, once=False),
            "token": word("required", "ignored"),
        },
    ),
    10: table({"agreement": _ID, "reason": _LINE}),
    13: table(
        {
            "id": _ID,
            "row": listing(
                table({"from": _LINE, "to": _LINE, "basis": _BASIS, "starts": day, "ends": day}),
                256,
                once=False,
            ),
        }
    ),
    16: table({"target": form(re.compile(_HELD)), "reason": _LINE}),
    18: table({"target": word("gateway"), "reason": _LINE}),
    17: table({"target": form(re.compile(f"(partner|source)/{IDENTIFIER.pattern}")), "reason": _LINE}),
    19: table(
        {
            "target": form(re.compile(f"(partner|source)/{IDENTIFIER.pattern}|{_NAMED}")),
            "reason": _LINE,
        }
    ),
    20: table({"target": _KEY_TARGET, "since": day, "reason": _LINE}),
    21: _revocation,
    22: table({"from": second, "until": second, "reason": _LINE}),
}


def body_text(kind: int, raw: bytes, at: str) -> dict[str, object]:
    """The text that is the body of a statement of this kind."""
    return rows(TEXTS[kind](read_text(raw, at), at), at)


def check_agreement(text: dict[str, object], at: str) -> None:
    """Nothing, if the agreement does not contradict itself (2.5)."""
    starts, ends = day(text["starts"], at), day(text["ends"], at)
    require(starts <= ends, "agreement-contradiction", f"{at}.ends")
    modes, kinds = strings(text["modes"]), strings(text["kinds"])
    require("REAL" not in modes or len(modes) == 1, "agreement-contradiction", f"{at}.modes")
    for name in strings(text.get("withhold", ())):
        kind, slot = name.split(".")
        require(kind in kinds and slot in FREE_SLOTS[kind], "agreement-contradiction", f"{at}.withhold")
    designs = strings(text.get("designs", ()))
    fees = text.get("fees", ())
    for fee in fees if isinstance(fees, tuple) else ():
        require(fee["design"] in designs, "agreement-contradiction", f"{at}.fees")


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list that a rule has read."""
    return tuple(str(one) for one in value) if isinstance(value, tuple) else ()
