"""The gateway's keys in files of its own user: `KeyFiles` fills the port `Keys`, `kek` holds the store's key.

Both refuse a file that anyone else could have read or put there.
"""

from gateway.adapters.keyfiles.kek import create_kek, read_kek
from gateway.adapters.keyfiles.keys import KeyFiles

__all__ = ["KeyFiles", "create_kek", "read_kek"]
