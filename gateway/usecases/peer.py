"""Who is at the other end of a connection, as its certificate and CONTROL say, and whether it still may be there.

A connection outlives the moment in which its peer was named: certificates are revoked, a party is bound to another root
or asks for another key exchange, an operator leaves the roster. So whoever serves a call for longer than a moment asks
`check_standing` again whenever CONTROL has moved, and `Accepted.check` whenever the roots are others.
Source: SPEC.md sections 2.5, 2.7 and 12.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.control.standing import Standing
from gateway.core.errors import Refused
from gateway.core.parties.identity import Identity


@dataclass(frozen=True, slots=True)
class Peer:
    """role: `partner`, `source` or `operator`; identity: of the certificate the connection was made with.

    root: fingerprint of the root that issued it. key_exchange: the TLS group the connection agreed on, as TLS names it.
    """

    role: str
    party_id: str
    identity: Identity
    root: str
    key_exchange: str

    def check_standing(self, standing: Standing) -> None:
        """Refuses the peer as it is known by now.

        `certificate-revoked`, `certificate-other-root`, `key-exchange`, `peer-unknown`, `partner-unknown` and
        `source-unknown`. A party that is stopped is known; what it may do is asked elsewhere.
        """
        standing.check_certificate(self.identity.fingerprint, self.root, self.identity.serial)
        if self.role == "operator":
            if self.party_id not in {operator.id for operator in standing.roster.operators}:
                raise Refused("peer-unknown", "an operator must be in the roster in force, this one is not", at="peer")
        elif self.role == "source":
            self._check_root(standing.source(self.party_id).admission.binding.root)
        else:
            admission = standing.partner(self.party_id).admission
            self._check_root(admission.binding.root)
            if admission.key_exchange not in {None, self.key_exchange}:
                raise Refused(
                    "key-exchange",
                    f"the connections of this partner must agree on {admission.key_exchange}, this one did not",
                    at="connection",
                )

    def _check_root(self, bound: str) -> None:
        if self.root != bound:
            raise Refused(
                "certificate-other-root",
                "the certificate must be issued by the root its party is bound to",
                at="certificate",
            )


@dataclass(frozen=True, slots=True)
class Accepted:
    """Fingerprints of the roots that connections may come from now, and the one of them that names operators.

    Nobody passes where there is none: what the machine accepts is not in CONTROL, so somebody has to say it.
    """

    roots: frozenset[str] = frozenset()
    own: str = ""

    def check(self, peer: Peer) -> None:
        """Refuses `root-unknown`."""
        if not self.takes(peer):
            raise Refused(
                "root-unknown", "a certificate must come from a root this gateway has, its root went out", at="peer"
            )

    def takes(self, peer: Peer) -> bool:
        """Whether a connection of this peer may go on."""
        return peer.root in self.roots and (peer.role != "operator" or peer.root == self.own)
