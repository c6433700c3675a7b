"""Who is calling: the certificate of the connection against what CONTROL says, checked on every call.

TLS 1.3 only, with the key exchange that the partner's admission asks for; exactly one `spiffe://` URI; for clients;
issued by the root its party is bound to; not revoked; in its dates now, because an open connection outlives its
certificate. What fails is `denied` for the peer and named in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.core.control.fold import Control
from gateway.core.control.partner import PartnerAdmission
from gateway.core.control.source import SourceAdmission
from gateway.core.errors import Fault, Refused
from gateway.core.parties.identity import Identity, check_for_clients, check_issued_by, fingerprint
from gateway.usecases.peer import Accepted, Peer
from gateway.usecases.running import Running

# A party may be issued as many certificates as its authority likes; the memory for them is ours.
MAX_KEPT = 1024


@dataclass(frozen=True, slots=True)
class AcceptedRoots:
    """The roots that certificates may come from, and the gateway's own among them.

    An operator is known by the gateway's own trust domain and root: a partner's authority must not be able to issue a
    certificate with which everything that operators signed can be read.
    """

    by_fingerprint: Mapping[str, bytes]
    own_domain: str
    own_root: bytes

    def accepted(self) -> Accepted:
        """The same as use cases know it."""
        return Accepted(frozenset(self.by_fingerprint), fingerprint(self.own_root))

    @classmethod
    def of_server(cls, roots_pem: bytes, chain_pem: bytes) -> AcceptedRoots:
        """From the accepted roots and the server's own chain; `Fault` if none of the roots issued its leaf."""
        try:
            roots = [root.public_bytes(Encoding.DER) for root in x509.load_pem_x509_certificates(roots_pem)]
            # The library passes over a piece of a certificate: half a file would be fewer roots, and cut off the rest.
            if roots_pem.count(b"-----BEGIN ") != len(roots):
                raise ValueError
            leaf = x509.load_pem_x509_certificate(chain_pem).public_bytes(Encoding.DER)
            identity = Identity.from_certificate(leaf)
        except (ValueError, Refused) as error:
            raise Fault(
                "server-certificate",
                "the server's certificate and the roots must be whole and PEM, and its one identity a `spiffe://` URI",
                at="settings",
                do="put the chain that the operators issued where the settings say",
            ) from error
        for root in roots:
            if _is_issued_by(leaf, root):
                return cls({fingerprint(der): der for der in roots}, identity.trust_domain, root)
        raise Fault(
            "server-certificate",
            "the server's certificate must be issued by one of the roots, it is not",
            at="settings",
            do="use the roots of the authority that issued it",
        )


def _is_issued_by(leaf: bytes, root: bytes) -> bool:
    try:
        check_issued_by(leaf, root)
    except Refused:
        return False
    return True


class Doorkeeper:
    """Names the peer of a call; results are kept per certificate while CONTROL stands still."""

    def __init__(self, running: Running, roots: AcceptedRoots, limit: int = MAX_KEPT) -> None:
        self._running = running
        self._roots = roots
        self._limit = limit
        self._kept: dict[tuple[str, str], Peer] = {}
        self._kept_at = -1

    def accept(self, roots: AcceptedRoots) -> None:
        """From now on these roots count, also for certificates that were identified before."""
        self._roots, self._kept = roots, {}

    def peer_of(self, context: grpc.aio.ServicerContext[object, object]) -> Peer:
        """Raises Refused; never returns a peer it is not sure of."""
        facts = context.auth_context()
        if list(facts.get("ssl_tls_version", ())) != [b"TLSv1.3"]:
            raise Refused("tls-version", "TLS 1.3 was expected, something older came", at="connection")
        pem = list(facts.get("x509_pem_cert", ()))
        if len(pem) != 1:
            raise Refused("certificate-missing", "one client certificate was expected", at="connection")
        try:
            der = x509.load_pem_x509_certificate(pem[0]).public_bytes(Encoding.DER)
        except ValueError as error:
            raise Refused("certificate-malformed", "the client certificate does not parse", at="connection") from error
        control = self._running.control
        if self._kept_at != control.position:
            self._kept, self._kept_at = {}, control.position
        # One certificate may be shown on connections that agreed on different things.
        shown = (fingerprint(der), _key_exchange(facts))
        peer = self._kept.get(shown)
        if peer is None:
            if len(self._kept) >= self._limit:
                self._kept.clear()
            peer = self._kept[shown] = self._identify(control, der, shown[1])
        peer.check_standing(control)
        # An open connection outlives its certificate, so the dates are looked at on every call.
        now_ms = self._running.now_ms()
        peer.identity.check_valid(now_ms)
        self._running.certificates.used(der, peer.identity, now_ms)
        return peer

    def _identify(self, control: Control, der: bytes, key_exchange: str) -> Peer:
        identity = Identity.from_certificate(der)
        check_for_clients(der)
        operators = f"spiffe://{self._roots.own_domain}/operator/"
        if identity.uri.startswith(operators):
            # Whatever was admitted under such a name: an operator must not be shut out by it.
            return self._operator(control, identity, identity.uri.removeprefix(operators), der, key_exchange)
        admissions: list[tuple[str, PartnerAdmission | SourceAdmission]] = [
            *(("partner", partner.admission) for partner in control.partners.values()),
            *(("source", source.admission) for source in control.sources.values()),
        ]
        for role, admission in admissions:
            if admission.binding.uri == identity.uri:
                root = self._roots.by_fingerprint.get(admission.binding.root)
                if root is None:
                    raise Refused("root-unknown", "the party is bound to a root this gateway does not have")
                check_issued_by(der, root)
                return Peer(role, admission.id, identity, admission.binding.root, key_exchange)
        raise _unknown()

    def _operator(self, control: Control, identity: Identity, name: str, der: bytes, key_exchange: str) -> Peer:
        """An operator is named by the roster; what it may do is decided by its signatures, not by its certificate."""
        if name not in {operator.id for operator in control.roster.operators}:
            raise _unknown()
        check_issued_by(der, self._roots.own_root)
        return Peer("operator", name, identity, fingerprint(self._roots.own_root), key_exchange)


def _unknown() -> Refused:
    return Refused("peer-unknown", "the certificate names no party of this gateway", at="connection")


def _key_exchange(facts: Mapping[str, Iterable[bytes]]) -> str:
    """The group that the connection agreed on; nothing where TLS does not say exactly one."""
    groups = list(facts.get("ssl_negotiated_key_exchange_group", ()))
    return groups[0].decode("ascii", "replace") if len(groups) == 1 else ""
