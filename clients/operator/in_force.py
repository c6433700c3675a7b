"""Certificates as a gateway lists them, and what this home can say of each: whose, of which root, whether it counts.

The gateway tells which ones it met and when; that is its word. Whose a certificate is, which root of this home signed
it and whether it is revoked is read from the certificate and from the chain of statements that was verified here, so a
gateway can leave one out and cannot make one up.

| state | what it means |
|---|---|
| good | its holder may connect with it |
| revoked | taken back in CONTROL |
| ended | it has expired by the clock of this machine |
| left | of a root that its holder is not bound to any more |
| unproved | no root of this home issued it |
| unknown | CONTROL knows nobody of its name |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clients.operator.answers import ShownCertificate
from gateway.core.control.fold import Control
from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity, check_issued_by

MAX_CERTIFICATES = 4096


@dataclass(frozen=True, slots=True)
class InForce:
    """holder: `partner/usa/arl`, or the identity of one whom CONTROL does not know. root: fingerprint, or nothing."""

    shown: ShownCertificate
    identity: Identity
    holder: str
    root: str
    state: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a home judges by. server: the gateway's identity; roots: DER by fingerprint, those of the home."""

    control: Control
    server: str
    roots: Mapping[str, bytes]

    def judged(self, shown: ShownCertificate, now_ms: int) -> InForce:
        """One certificate of the list; refuses `certificate-malformed` and what else is no certificate of a party."""
        identity = Identity.from_certificate(shown.certificate)
        holder, bound = dict(self._holders()).get(identity.uri, ("", ""))
        root = next((name for name, der in self.roots.items() if _is_issued_by(shown.certificate, der)), "")
        if self._is_revoked(identity, root):
            state = "revoked"
        elif identity.not_after_ms <= now_ms:
            state = "ended"
        elif not holder:
            state = "unknown"
        elif not root:
            state = "unproved"
        else:
            state = "left" if bound and bound != root else "good"
        return InForce(shown, identity, holder or identity.uri, root, state)

    def _holders(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Identity, and whose it is under which root; no root for those who are not admitted by a statement."""
        for source in self.control.sources.values():
            binding = source.admission.binding
            yield binding.uri, (f"source/{source.admission.id}", binding.root)
        for partner in self.control.partners.values():
            binding = partner.admission.binding
            yield binding.uri, (f"partner/{partner.admission.id}", binding.root)
        # As at the gateway: no admission takes an operator's name.
        domain = self.server.removeprefix("spiffe://").partition("/")[0]
        for operator in self.control.roster.operators:
            yield f"spiffe://{domain}/operator/{operator.id}", (f"operator/{operator.id}", "")
        yield self.server, ("gateway", "")

    def _is_revoked(self, identity: Identity, root: str) -> bool:
        try:
            self.control.check_certificate(identity.fingerprint, root, identity.serial)
        except Refused:
            return True
        return False


def _is_issued_by(leaf: bytes, root: bytes) -> bool:
    try:
        check_issued_by(leaf, root)
    except Refused:
        return False
    return True
