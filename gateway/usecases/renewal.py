"""The mailbox for renewals: who holds a certificate asks here for the next one, whoever has the authority answers here.

The gateway has no part in what is certified. It takes a request from its own holder only, over a connection made with
the very certificate that is to be followed, and an answer only if it is the certificate that may follow; the authority
and the holder each check for themselves. One request waits for each holder, so nobody can fill the box, and what waits
is gone after a restart: holders ask until they are answered. The gateway's own request lies among the others.
Source: SPEC.md section 12.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway.core.control.binding import Binding
from gateway.core.control.renewal import Renewal, check_renewable, make_renewal, parse_renewal
from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity, fingerprint
from gateway.core.parties.renewed import check_next, check_same_key
from gateway.core.suite.numbers import CLOCK_SKEW_MS, Holder
from gateway.usecases.certificates import KnownCertificate
from gateway.usecases.govern import check_operator
from gateway.usecases.peer import Peer
from gateway.usecases.running import Running

# An authority that has a request before it can answer that one; only then does a newer one take its place.
KEPT_MS = 3_600_000
_log = structlog.get_logger("sluice.renewal")


class Roots(Protocol):
    """The roots that are accepted now, DER by fingerprint, and the one that certifies operators and gateway."""

    @property
    def by_fingerprint(self) -> Mapping[str, bytes]:
        """All of them."""
        ...

    @property
    def own_root(self) -> bytes:
        """The gateway's own."""
        ...


@dataclass(slots=True)
class _Slot:
    """answer: DER of the certificate; empty while the request is open."""

    renewal: Renewal
    answer: bytes = b""


class Mailbox:
    """Requests by holder. install: puts a certificate in the place of the gateway's own, or raises."""

    def __init__(self, running: Running, roots: Callable[[], Roots], install: Callable[[bytes], None]) -> None:
        self._running = running
        self._roots = roots
        self._install = install
        self._slots: dict[str, _Slot] = {}

    def renew(self, peer: Peer, encoded: bytes) -> bytes:
        """The certificate that follows the one in the request, DER; empty while there is none, and then it waits.

        Refuses what is not the peer's own in name, key, certificate and genesis, and `renewal-late`.
        """
        renewal = parse_renewal(encoded)
        is_own = fingerprint(renewal.certificate) == peer.identity.fingerprint
        if renewal.name != f"{peer.role}/{peer.party_id}" or not is_own:
            raise Refused("denied", "the renewal is not the peer's own", at="renewal")
        if abs(self._running.now_ms() - renewal.time_ms) > CLOCK_SKEW_MS:
            raise Refused("renewal-late", "the renewal's time must be close to the gateway's", at="renewal.time")
        root = self._root_for(check_renewable(self._running.control, renewal))
        check_same_key(renewal.certificate, renewal.certificate_request)
        slot = self._slots.get(renewal.name)
        if slot is not None and slot.answer and self._follows(renewal.certificate, slot.answer, root):
            return slot.answer
        self._put(renewal)
        return b""

    def ask_for_own(self, gateway_id: str, certificate: bytes, certificate_request: bytes) -> None:
        """The gateway's own request, signed with its ledger key; both DER. Nothing happens while one is open."""
        renewal = make_renewal(
            self._running.keys.ledger(),
            genesis=self._running.control.genesis,
            holder=Holder.GATEWAY,
            holder_id=gateway_id,
            time_ms=self._running.now_ms(),
            certificate_request=certificate_request,
            certificate=certificate,
        )
        check_renewable(self._running.control, renewal)
        self._put(renewal)

    def waiting(self, peer: Peer) -> list[bytes]:
        """Every open request of a holder that may still have a certificate, by name."""
        check_operator(peer)
        for name in [name for name, slot in self._slots.items() if not self._is_renewable(slot.renewal)]:
            del self._slots[name]
        return [slot.renewal.encoded for _, slot in sorted(self._slots.items()) if not slot.answer]

    def known(self, peer: Peer) -> list[KnownCertificate]:
        """Certificates that were seen in use or handed on since the start, those that expired left out."""
        check_operator(peer)
        return self._running.certificates.listed(self._running.now_ms())

    def of_the_list(self) -> tuple[int, int]:
        """Since when it is kept, UTC milliseconds, and how many certificates found no room in it."""
        return self._running.time.started_at_ms, self._running.certificates.forgotten

    def answer(self, peer: Peer, digest: bytes, certificate: bytes) -> None:
        """Keeps the certificate for the holder who asked, or installs the gateway's own.

        digest: of the request. Refuses `renewal-unknown`, `certificate-revoked` and every certificate that may not
        follow the one in use.
        """
        check_operator(peer)
        slot = next((one for one in self._slots.values() if one.renewal.digest == digest and not one.answer), None)
        if slot is None:
            raise Refused("renewal-unknown", "a renewal must wait for its answer, this one does not", at="renewal")
        renewal = slot.renewal
        control = self._running.control
        root = self._root_for(check_renewable(control, renewal))
        present = Identity.from_certificate(renewal.certificate)
        # It may have been revoked since it was asked for; who has its key would have the next one too.
        control.check_certificate(present.fingerprint, fingerprint(root), present.serial)
        identity = self._check_next(renewal.certificate, certificate, root)
        if renewal.holder is Holder.GATEWAY:
            self._install(certificate)
            del self._slots[renewal.name]
        else:
            slot.answer = certificate
        self._running.certificates.issued(certificate, identity, present.fingerprint, self._running.now_ms())
        _log.info(
            "renewal.answered",
            holder=renewal.name,
            operator=peer.party_id,
            certificate=identity.fingerprint,
            until_ms=identity.not_after_ms,
        )

    def _put(self, renewal: Renewal) -> None:
        slot = self._slots.get(renewal.name)
        if (
            slot is None
            or slot.answer
            or slot.renewal.certificate != renewal.certificate
            or slot.renewal.time_ms + KEPT_MS < renewal.time_ms
        ):
            self._slots[renewal.name] = _Slot(renewal)
            _log.info("renewal.asked", holder=renewal.name, certificate=fingerprint(renewal.certificate))

    def _check_next(self, present: bytes, following: bytes, root: bytes) -> Identity:
        """As `check_next` now; refuses one that is revoked: whoever put it in place would be shut out by it."""
        identity = check_next(present, following, root, self._running.now_ms())
        self._running.control.check_certificate(identity.fingerprint, fingerprint(root), identity.serial)
        return identity

    def _follows(self, present: bytes, following: bytes, root: bytes) -> bool:
        try:
            self._check_next(present, following, root)
        except Refused:
            return False
        return True

    def _root_for(self, binding: Binding | None) -> bytes:
        roots = self._roots()
        root = roots.own_root if binding is None else roots.by_fingerprint.get(binding.root)
        if root is None:
            raise Refused("root-unknown", "the holder is bound to a root this gateway does not have", at="renewal")
        return root

    def _is_renewable(self, renewal: Renewal) -> bool:
        try:
            check_renewable(self._running.control, renewal)
        except Refused:
            return False
        return True
