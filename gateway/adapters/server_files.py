"""The three files of the server's certificate: its key, its own chain, and the roots that it accepts.

The chain is the only one the gateway writes: when its next certificate was issued. All three may be replaced by hand
while it runs; a reader then meets the old or the new whole only if they were moved into place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.owner_files import replace_owner_file
from gateway.core.errors import Fault

# What is public is read by whoever looks after the gateway, who is another user.
_PUBLIC = 0o644


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where they lie."""

    key: Path
    chain: Path
    roots: Path

    def read(self) -> tuple[bytes, bytes, bytes]:
        """PEM of key, chain and roots as they are now; raises OSError."""
        return self.key.read_bytes(), self.chain.read_bytes(), self.roots.read_bytes()

    def write_chain(self, chain_pem: bytes) -> None:
        """Puts a chain in the place of the one there; `certificate-not-written`."""
        try:
            replace_owner_file(self.chain, chain_pem, _PUBLIC)
        except OSError as error:
            raise Fault(
                "certificate-not-written",
                f"the server's certificate must be written, `{error.strerror}`",
                at=str(self.chain),
            ) from error
