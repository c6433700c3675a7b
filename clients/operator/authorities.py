"""The authorities of one home, and what each holder of a certificate was answered last.

HOME/ca/
root.pem, root.key    the authority that issues (`home`)
former/ROOT/          the same of one that was replaced: it renews whom it certified, until it is taken out
renewed/              HOLDER.toml: which renewal was answered last; HOLDER.pem: with which certificate
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clients.certificates import der, leaf_of, pem_of
from clients.keyfiles import make_private_directory, read_private, read_public, write_public
from clients.operator.ca import Authority, root_digest
from clients.operator.home import Home
from gateway.core.control.renewal import Renewal
from gateway.core.control.texts import read_text


@dataclass(frozen=True, slots=True)
class Answered:
    """The renewal answered last for a holder. digest: 48 bytes, H of it; certificate: DER."""

    digest: bytes
    time_ms: int
    certificate: bytes


def authorities_of(home: Home) -> tuple[Authority, ...]:
    """The authority of this home, and those it took the place of; none if there is none."""
    if not home.has_authority():
        return ()
    former = sorted((home.path / "ca" / "former").glob("*/root.pem"))
    loaded = (Authority.load(read_public(path), read_private(path.with_suffix(".key"))) for path in former)
    return (home.authority(), *loaded)


def replace_authority(home: Home, authority: Authority) -> None:
    """Puts a new authority in the place of the one here, which goes on for who is still bound to it."""
    folder = home.path / "ca"
    kept = folder / "former" / root_digest(home.authority().root)
    make_private_directory(kept)
    # If the power fails between the two, no authority is here and none is overwritten.
    for name in ("root.pem", "root.key"):
        (folder / name).rename(kept / name)
    home.keep_authority(authority)


def answered(home: Home, holder: str) -> Answered | None:
    """The renewal answered last for `partner/usa/arl`; None if none was."""
    path = _file(home, holder)
    if not path.exists():
        return None
    table = read_text(read_public(path), path.name, {"renewal", "time_ms"})
    certificate = der(leaf_of(read_public(path.with_suffix(".pem"))))
    return Answered(table.hex_bytes("renewal"), table.integer("time_ms", 0, 2**63), certificate)


def keep_answered(home: Home, renewal: Renewal, certificate: bytes) -> None:
    """Keeps which renewal is answered, and with which certificate, DER, before the answer is given."""
    path = _file(home, renewal.name)
    make_private_directory(path.parent)
    # The certificate first: without the text beside it, it was never given.
    write_public(path.with_suffix(".pem"), pem_of(certificate))
    text = f'renewal = "{renewal.digest.hex()}"\ntime_ms = {renewal.time_ms}\n'
    write_public(path, text.encode("ascii"))


def _file(home: Home, holder: str) -> Path:
    # An id has no `+`, so two holders never share a file; it may have dots, which are no suffix.
    return home.path / "ca" / "renewed" / (holder.replace("/", "+") + ".toml")
