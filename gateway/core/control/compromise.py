"""A key or a certificate in wrong hands, or in none: TAINT and REVOKE take one signature.

    target = "key/4c…"                 # the key digest
    since  = 2026-05-30                # TAINT only: from when others may have had it
    reason = "laptop captured"

    target  = "root/9f…"               # REVOKE only: certificates of this root, by serial number;
    serials = ["0a17…", "3c…"]         # or target = "certificate/d1…", one by its fingerprint
    reason  = "list 17 of the partner's authority"

No key comes back without the quorum, and no certificate at all. After a TAINT nothing that the key signs or opens
counts, and nothing it ever signed is released again. After a REVOKE it signs and opens nothing new; batches it signed
before stay true. `since` is recorded for whoever recalls what went out under the key in the meantime; it leaves nothing
of the past standing, for no reader can tell when a batch was signed. With a revoked certificate nobody is answered;
what the keys of its holder signed stays true.
Source: SPEC.md section 2.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from gateway.core.control.stops import REVOCABLE, read_target
from gateway.core.control.suspension import MAX_REASON
from gateway.core.control.texts import read_text

_SERIAL = re.compile(r"[1-9a-f][0-9a-f]{0,39}")
_SERIALS = "a list of serial numbers in lower-case hexadecimal without leading zeros, each once"


@dataclass(frozen=True, slots=True)
class Taint:
    """The parsed text of a TAINT. key_digest: 48 bytes; since: first day on which others may have had the key."""

    key_digest: bytes
    since: date
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Taint:
        """The taint in `text`; refuses `text-…`."""
        table = read_text(text, "taint", {"target", "since", "reason"})
        target = read_target(table, ("key",))
        return cls(bytes.fromhex(_name(target)), table.date("since"), table.string("reason", MAX_REASON))


@dataclass(frozen=True, slots=True)
class Revocation:
    """The parsed text of a REVOKE.

    target: `key/…`, `certificate/…` or `root/…`; serials: of certificates of that root, in lower-case hexadecimal
    without leading zeros, none for another target.
    """

    target: str
    serials: frozenset[str]
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Revocation:
        """The revocation in `text`; refuses `text-…`."""
        table = read_text(text, "revocation", {"target", "serials", "reason"})
        target = read_target(table, REVOCABLE)
        reason = table.string("reason", MAX_REASON)
        if target.startswith("root/"):
            return cls(target, frozenset(table.listed("serials", is_serial, _SERIALS)), reason)
        if table.has("serials"):
            raise table.wrong("serials", "left out unless the target is a root")
        return cls(target, frozenset(), reason)

    @property
    def name(self) -> str:
        """The digest in the target, in hexadecimal."""
        return _name(self.target)

    @property
    def certificates(self) -> frozenset[str]:
        """What it revokes, each as `Standing.revoked_certificates` has it."""
        return frozenset(f"{self.target}/{serial}" for serial in self.serials) or frozenset({self.target})


def is_serial(text: str) -> bool:
    """Whether it spells a serial number: 1 to 20 bytes in lower-case hexadecimal, without leading zeros."""
    return _SERIAL.fullmatch(text) is not None


def _name(target: str) -> str:
    return target.partition("/")[2]
