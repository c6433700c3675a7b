"""Which Hellos were seen lately: a Hello counts once, so nobody can open a stream with a copy of one.

Remembered for twice the clock difference that is allowed, because a Hello may be as far ahead as another is behind.
Per partner, and bounded: one partner can neither fill the memory nor take the place of another.
Source: SPEC.md section 4.
"""

from __future__ import annotations

from gateway.core.errors import Refused
from gateway.core.suite.numbers import NONCE_MEMORY_MS

MAX_HELLOS = 1024


class Nonces:
    """Only what a partner signed is remembered here, so there are as many dictionaries as partners at most."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[bytes, int]] = {}

    def remember(self, partner_id: str, nonce: bytes, now_ms: int) -> None:
        """Refuses `hello-replayed`, and `busy` after 1,024 Hellos in four minutes."""
        seen = self._seen.setdefault(partner_id, {})
        # The oldest come first; now never decreases.
        for known in list(seen):
            if now_ms - seen[known] <= NONCE_MEMORY_MS:
                break
            del seen[known]
        if nonce in seen:
            raise Refused("hello-replayed", "the hello was seen before", at="hello.nonce")
        if len(seen) >= MAX_HELLOS:
            raise Refused("busy", f"a partner opens at most {MAX_HELLOS} streams in four minutes", at="hello")
        seen[nonce] = now_ms
