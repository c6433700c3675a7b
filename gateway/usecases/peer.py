"""Who is at the other end of a connection, as its certificate and CONTROL say."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.parties.identity import Identity


@dataclass(frozen=True, slots=True)
class Peer:
    """role: `partner`, `source` or `operator`; identity: of the certificate the connection was made with."""

    role: str
    party_id: str
    identity: Identity
