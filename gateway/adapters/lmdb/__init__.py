"""The journals in LMDB: one writer thread, readers any number, every commit on the disk before it is answered.

`sealing` is the encryption at rest, `layout` the rows, `environment` the files with their lock, growth and errors,
`writer` the thread that commits, `journals` the port. LMDB itself is met in `layout` and `environment` only.
"""

from gateway.adapters.lmdb.journals import LmdbJournals

__all__ = ["LmdbJournals"]
