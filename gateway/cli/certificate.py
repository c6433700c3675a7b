"""What the files of the server's certificate and of its roots say of themselves, for `sluice status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.core.errors import Fault, GatewayError
from gateway.core.parties.identity import Identity
from gateway.core.parties.renewed import renewal_due_ms
from gateway.rpc.peer import AcceptedRoots
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long it is good, and from when the gateway asks for the next one."""

    until: datetime
    renewed_from: datetime

    def told(self, now: datetime) -> str:
        """The same in words."""
        until = f"{self.until:%Y-%m-%d %H:%M} UTC"
        if now >= self.until:
            return f"EXPIRED {until}: put a new one in its place"
        if now >= self.renewed_from:
            return f"valid until {until}, asks for its next one"
        return f"valid until {until}, renews itself from {self.renewed_from:%Y-%m-%d %H:%M} UTC"


def read_lasting(certificate: Path) -> Lasting | None:
    """Of the first certificate of a PEM file; None if none can be read."""
    try:
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
        identity = Identity.from_certificate(leaf.public_bytes(Encoding.DER))
    except (OSError, ValueError, GatewayError):
        return None
    return Lasting(leaf.not_valid_after_utc, datetime.fromtimestamp(renewal_due_ms(identity) / 1000, UTC))


@dataclass(frozen=True, slots=True)
class Trusted:
    """fingerprints: of the roots that the file has, hex; refused: why a gateway takes none of it up, or nothing."""

    fingerprints: tuple[str, ...] = ()
    refused: str = ""

    def told(self) -> str:
        """The same in words."""
        if self.refused:
            return f"NOT TAKEN UP, a gateway that runs goes on with those before: {self.refused}"
        return f"{len(self.fingerprints)} accepted: {', '.join(one[:16] for one in self.fingerprints)}"


def read_trusted(settings: Settings) -> Trusted:
    """Of the roots and the certificate as their files are now."""
    try:
        roots = AcceptedRoots.of_server(settings.roots.read_bytes(), settings.certificate.read_bytes())
    except OSError as error:
        return Trusted(refused=f"{error.filename} cannot be read")
    except Fault as error:
        return Trusted(refused=error.message)
    return Trusted(tuple(sorted(roots.by_fingerprint)))
