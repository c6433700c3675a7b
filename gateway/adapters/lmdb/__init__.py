"""The journals in LMDB: one writer thread, readers any number, every commit on the disk before it is answered.

`sealing` is the encryption at rest, `layout` the rows, `environment` the files with their lock, growth and errors,
`writer` the thread that commits, `journals` the port, `copying` a copy of a store that runs. LMDB itself is met in
`layout`, `environment` and `copying` only.
"""

from gateway.adapters.lmdb.copying import copy_store
from gateway.adapters.lmdb.environment import kept_out
from gateway.adapters.lmdb.journals import LmdbJournals

__all__ = ["LmdbJournals", "copy_store", "kept_out"]
