"""The three files of the server's certificate: its key, its own chain, and the roots that it accepts.

The chain is the only one the gateway writes: when its next certificate was issued. All three may be replaced by hand
while it runs; a reader then meets the old or the new whole only if they were moved into place. They are read on the
loop every second, so a pipe or a device in the place of one, or a file without an end, is refused and never waited for.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.owner_files import replace_owner_file
from gateway.core.errors import Fault

# What is public is read by whoever looks after the gateway, who is another user.
_PUBLIC = 0o644
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where they lie."""

    key: Path
    chain: Path
    roots: Path

    def read(self) -> tuple[bytes, bytes, bytes]:
        """PEM of key, chain and roots as they are now; raises OSError, also for what is no plain file of 1 MiB."""
        return _read(self.key), _read(self.chain), _read(self.roots)

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


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # What was opened is judged, not the name.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(_MAX_BYTES + 1)
            if len(content) <= _MAX_BYTES:
                return content
    finally:
        os.close(descriptor)
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
