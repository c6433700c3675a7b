"""A key in wrong hands, or in none: TAINT and REVOKE take one signature, and no key comes back without the quorum.

    target = "key/4c…"                 # the key digest
    since  = 2026-05-30                # TAINT only: from when others may have had it
    reason = "laptop captured"

After a TAINT nothing that the key signs or opens counts, and nothing it ever signed is released again. After a REVOKE
it signs and opens nothing new; batches it signed before stay true. `since` is recorded for whoever recalls what went
out under the key in the meantime; it leaves nothing of the past standing, for no reader can tell when a batch was
signed.
Source: SPEC.md section 2.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.core.control.stops import read_target
from gateway.core.control.suspension import MAX_REASON
from gateway.core.control.texts import Table, read_text


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
        return cls(_key_digest(table), table.date("since"), table.string("reason", MAX_REASON))


@dataclass(frozen=True, slots=True)
class Revocation:
    """The parsed text of a REVOKE. key_digest: 48 bytes."""

    key_digest: bytes
    reason: str

    @classmethod
    def parse(cls, text: bytes) -> Revocation:
        """The revocation in `text`; refuses `text-…`."""
        table = read_text(text, "revocation", {"target", "reason"})
        return cls(_key_digest(table), table.string("reason", MAX_REASON))


def _key_digest(table: Table) -> bytes:
    return bytes.fromhex(read_target(table, ("key",)).removeprefix("key/"))
