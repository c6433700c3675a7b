r"""The chain of statements as this home last verified it, kept for the day on which a gateway comes back without it.

    file = "SLUICE1/kept-chain\0" | suite | (lp32(entry))*

    HOME/gateway/control.kept             what stands, as last verified
    HOME/gateway/lost-NNN-LINK.kept       what stood before a restore: NNN statements, the last of that link
    HOME/gateway/agreed.toml              the RESTORE this operator signed or accepted and has not yet met in a chain

A home believes no gateway that shows another past than the one it has seen. The one exception is a past that begins
with the RESTORE this operator agreed to, and it holds once: what was seen before is set aside then, and never deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.keyfiles import make_private_directory, read_public, write_public
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.texts import read_text
from gateway.core.suite.algorithms import SUITE_BYTE
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.core.suite.octets import Reader, lp32

MAX_KEPT_BYTES = 256 * 1024 * 1024
_TAG = b"SLUICE1/kept-chain\x00"
_LINK_DIGITS = 16


def parse_kept(encoded: bytes) -> tuple[ControlEntry, ...]:
    """The entries of a kept chain; refuses `malformed`. Verifies nothing: they were verified before they were kept."""
    reader = Reader(encoded, "kept chain")
    reader.tag(_TAG)
    reader.suite()
    entries = []
    while reader.left:
        entries.append(parse_entry(reader.lp32("entry", MAX_MESSAGE_BYTES)))
    return tuple(entries)


def encode_kept(entries: Sequence[ControlEntry]) -> bytes:
    """The bytes of the file."""
    return b"".join((_TAG, SUITE_BYTE, *(lp32(entry.encode()) for entry in entries)))


@dataclass(frozen=True, slots=True)
class KeptChain:
    """What one home keeps. home: its path."""

    home: Path

    def entries(self) -> tuple[ControlEntry, ...]:
        """The chain as last verified; empty if none was."""
        path = self._folder / "control.kept"
        return parse_kept(read_public(path, MAX_KEPT_BYTES)) if path.exists() else ()

    def lost(self) -> tuple[tuple[ControlEntry, ...], ...]:
        """Each chain that a restore took the place of, oldest file first."""
        paths = sorted(self._folder.glob("lost-*.kept"), key=lambda path: path.stat().st_mtime_ns)
        return tuple(parse_kept(read_public(path, MAX_KEPT_BYTES)) for path in paths)

    def keep(self, entries: Sequence[ControlEntry]) -> None:
        """Keeps a chain that was verified. One that does not contain the kept one sets that aside: see `agree`."""
        kept = self.entries()
        if len(kept) >= len(entries) and _is_prefix(entries, kept):
            return
        if kept and not _is_prefix(kept, entries):
            last = kept[-1].statement.link.hex()[:_LINK_DIGITS]
            (self._folder / "control.kept").rename(self._folder / f"lost-{len(kept)}-{last}.kept")
        write_public(self._folder / "control.kept", encode_kept(entries))
        agreed = self.agreed()
        if agreed is not None and any(entry.statement.link == agreed for entry in entries):
            (self._folder / "agreed.toml").unlink()

    def agree(self, link: bytes) -> None:
        """Keeps that this operator agreed to the RESTORE of that link: the chain may lead over it, once."""
        make_private_directory(self._folder)
        write_public(self._folder / "agreed.toml", f'restore = "{link.hex()}"\n'.encode("ascii"))

    def agreed(self) -> bytes | None:
        """The link of the RESTORE that was agreed to and not met yet."""
        path = self._folder / "agreed.toml"
        if not path.exists():
            return None
        return read_text(read_public(path), "agreed.toml", {"restore"}).hex_bytes("restore")

    @property
    def _folder(self) -> Path:
        return self.home / "gateway"


def common(one: Sequence[ControlEntry], other: Sequence[ControlEntry]) -> int:
    """How many statements two chains have in common. Each link covers all before it, so they part once."""
    number = min(len(one), len(other))
    while number and one[number - 1].statement.link != other[number - 1].statement.link:
        number -= 1
    return number


def _is_prefix(one: Sequence[ControlEntry], other: Sequence[ControlEntry]) -> bool:
    return common(one, other) == len(one)
