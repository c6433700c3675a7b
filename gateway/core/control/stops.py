"""What a stop names: a party, a key, a certificate, a record, everything; one spelling for stop and lift.

    target = "partner/usa/arl"         # or "source/src-3f07"
    target = "key/" and the 96 hexadecimal digits of a key digest
    target = "certificate/" and the 64 of the SHA-256 of its DER; "root/" and those of a root, serials beside it
    target = "proposal/" and those of a link
    target = "fork/", H(B) of the batch that has the number, "/", H(B) of the other
    target = "record/", H(B), ".", the index; "batch/" and H(B); "agreement/UA-US-2026-014"; or "gateway" alone

A stop takes one signature and only denies; a LIFT takes the quorum and names the very target. A certificate is not
given back: it lives for hours, and its holder is issued another. Source: SPEC.md section 2.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gateway.core.control.texts import Table
from gateway.core.errors import Refused
from gateway.core.suite.octets import is_name

MAX_TARGET = 256
_HASH = re.compile(r"[0-9a-f]{96}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_FORK = re.compile(r"([0-9a-f]{96})/(?!\1)[0-9a-f]{96}")
_RECORD = re.compile(r"[0-9a-f]{96}\.(0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])")

_FAMILIES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "partner": (is_name, "an identifier"),
    "source": (is_name, "an identifier"),
    "proposal": (lambda name: _HASH.fullmatch(name) is not None, "a link"),
    "key": (lambda name: _HASH.fullmatch(name) is not None, "a key digest"),
    "certificate": (lambda name: _FINGERPRINT.fullmatch(name) is not None, "the SHA-256 of its DER"),
    "root": (lambda name: _FINGERPRINT.fullmatch(name) is not None, "the SHA-256 of its DER"),
    "batch": (lambda name: _HASH.fullmatch(name) is not None, "H(B)"),
    "record": (lambda name: _RECORD.fullmatch(name) is not None, "H(B), `.` and an index"),
    "agreement": (is_name, "an identifier"),
    "gateway": (lambda name: False, "nothing behind it"),
    "fork": (lambda name: _FORK.fullmatch(name) is not None, "two H(B) with `/` between"),
}
REVOCABLE = ("key", "certificate", "root")
LIFTABLE = tuple(family for family in _FAMILIES if family not in {"certificate", "root"})
HOLDABLE = ("record", "batch", "agreement")
EVERYTHING = "gateway"


def read_target(table: Table, families: tuple[str, ...]) -> str:
    """The `target` of a text; refuses `text-value` unless it is of one of the families."""
    target = table.string("target", MAX_TARGET)
    family, _, name = target.partition("/")
    if family not in families or not (target == EVERYTHING or _FAMILIES[family][0](name)):
        listed = ", ".join(f"`{family}/` and {_FAMILIES[family][1]}" for family in families)
        raise table.wrong("target", listed)
    return target


def fork_of(target: str) -> tuple[bytes, bytes]:
    """Both H(B) of a target `fork/…`."""
    _, kept, other = target.split("/")
    return bytes.fromhex(kept), bytes.fromhex(other)


def nothing_to_change(why: str) -> Refused:
    """The refusal of a statement that would leave everything as it is; raise what this returns."""
    return Refused("nothing-to-change", f"a statement must change something, {why}", at="statement.body")
