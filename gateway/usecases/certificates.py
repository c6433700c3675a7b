"""Which certificates there are, as far as this gateway met them: used for a call that was let in, or handed on by it.

No authority tells a gateway what it issued, so this is no list of everything that could be used. It is kept in memory
since the start and is bounded: a party has so many places and no more, so that none can push out what another uses.
What has expired is dropped. Source: SPEC.md section 12.7.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.core.parties.identity import Identity

MAX_EACH = 8
MAX_KNOWN = 1024


@dataclass(slots=True)
class KnownCertificate:
    """certificate: DER. first_used_ms, last_used_ms, issued_ms: 0 for never; follows: fingerprint, or nothing."""

    certificate: bytes = field(repr=False)
    identity: Identity
    first_used_ms: int = 0
    last_used_ms: int = 0
    issued_ms: int = 0
    follows: str = ""

    @property
    def last_ms(self) -> int:
        """When something was last heard of it."""
        return max(self.last_used_ms, self.issued_ms)


class KnownCertificates:
    """See the module. forgotten: how many found no room."""

    def __init__(self, *, each: int = MAX_EACH, limit: int = MAX_KNOWN) -> None:
        self._each = each
        self._limit = limit
        self._known: dict[str, KnownCertificate] = {}
        self.forgotten = 0

    def used(self, certificate: bytes, identity: Identity, now_ms: int) -> None:
        """A call that was let in came with it, or the gateway itself shows it. certificate: DER."""
        known = self._place(certificate, identity, now_ms)
        known.first_used_ms = known.first_used_ms or now_ms
        known.last_used_ms = now_ms

    def issued(self, certificate: bytes, identity: Identity, follows: str, now_ms: int) -> None:
        """An operator answered a renewal with it. follows: fingerprint of the certificate in use."""
        known = self._place(certificate, identity, now_ms)
        known.issued_ms, known.follows = now_ms, follows

    def listed(self, now_ms: int) -> list[KnownCertificate]:
        """All that have not expired, by identity, the newest last."""
        self._drop_expired(now_ms)
        return sorted(self._known.values(), key=lambda one: (one.identity.uri, one.identity.not_after_ms))

    def _place(self, certificate: bytes, identity: Identity, now_ms: int) -> KnownCertificate:
        known = self._known.get(identity.fingerprint)
        if known is None:
            self._make_room(identity.uri, now_ms)
            known = self._known[identity.fingerprint] = KnownCertificate(certificate, identity)
        return known

    def _make_room(self, uri: str, now_ms: int) -> None:
        own = [one for one in self._known.values() if one.identity.uri == uri]
        if len(own) >= self._each or len(self._known) >= self._limit:
            self._drop_expired(now_ms)
            own = [one for one in own if one.identity.fingerprint in self._known]
        if len(own) >= self._each:
            self._forget(own)
        elif len(self._known) >= self._limit:
            self._forget(list(self._known.values()))

    def _forget(self, among: list[KnownCertificate]) -> None:
        del self._known[min(among, key=lambda one: one.last_ms).identity.fingerprint]
        self.forgotten += 1

    def _drop_expired(self, now_ms: int) -> None:
        for known in [one for one in self._known.values() if one.identity.not_after_ms <= now_ms]:
            del self._known[known.identity.fingerprint]
