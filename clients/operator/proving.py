"""Evidence that a third person verifies offline: the statements, one tick, and the entries that something rests on.

Everything that is read is spooled into a file without a name, because what will be needed is known only at the end.
Entries that are not needed are skipped by the hashes over them, and the tick's seed is left out: whoever gets the file
learns how many entries an account has and nothing of what is in the others. Source: SPEC.md section 13.1.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol

from clients.keyfiles import create_beside
from clients.operator.accounts import VerifiedDisclosure
from gateway.core.control.entry import ControlEntry
from gateway.core.errors import CallerError, Refused
from gateway.core.ledger.entries import HOUSE
from gateway.core.ledger.evidence import (
    ACCOUNT,
    BATCH,
    CONTROL,
    ENTRY,
    FILE_TAG,
    SKIPPED,
    TICK,
    Skipped,
    parse_opened_tick,
    parse_shown_account,
    parse_shown_batch,
    parse_shown_entry,
)
from gateway.core.suite.octets import lp32, u8
from gateway.core.suite.tree import GrowingTree, leaf_hash


class Sink(Protocol):
    """Where items go."""

    def write(self, kind: int, item: bytes) -> None:
        """One more item."""
        ...


class EvidenceFile:
    """A file of evidence being written: it gets its name when it is whole and on the disk."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.write(FILE_TAG)

    def write(self, kind: int, item: bytes) -> None:
        """One more item."""
        self._file.write(u8(kind) + lp32(item))

    def write_control(self, entries: Iterable[ControlEntry]) -> None:
        """The statements, from the genesis on."""
        for entry in entries:
            self.write(CONTROL, entry.encode())


@contextmanager
def evidence_file(path: Path) -> Iterator[EvidenceFile]:
    """A new file at `path`, whole or not at all; refuses `file-exists`."""
    if path.exists():
        raise CallerError("file-exists", "evidence is never written over, there is a file already", at=str(path))
    fresh, descriptor = create_beside(path, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield EvidenceFile(file)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except FileExistsError as error:
        raise CallerError("file-exists", "evidence is never written over, there is a file now", at=str(path)) from error
    finally:
        fresh.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Spool:
    """Everything that was read and held, to pick from: in a file of the folder `beside`, 104 bytes a leaf in memory."""

    def __init__(self, beside: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=beside)  # noqa: SIM115 - it lives as long as the spool
        self._tick = b""
        self._heads: dict[bytes, bytes] = {}
        self._trees: dict[bytes, GrowingTree] = {}
        self._entries: dict[bytes, list[tuple[int, int]]] = {}
        self._batches: dict[bytes, tuple[int, int]] = {}
        self._reading = b""

    def close(self) -> None:
        """The end of it."""
        self._file.close()

    def hear(self, kind: int, item: bytes) -> None:
        """An item that holds."""
        if kind == TICK:
            self._tick = item
        elif kind == ACCOUNT:
            self._reading = parse_shown_account(item).account_id
            self._heads[self._reading] = item
            self._trees[self._reading], self._entries[self._reading] = GrowingTree(), []
        elif kind == ENTRY:
            self._trees[self._reading].append(leaf_hash(parse_shown_entry(item).entry))
            self._entries[self._reading].append(self._spooled(item))
        elif kind == BATCH:
            self._batches[parse_shown_batch(item).signed.digest] = self._spooled(item)

    def write(self, sink: Sink, found: Sequence[VerifiedDisclosure]) -> None:
        """What proves these disclosures, and the receipts over them, behind the statements."""
        sink.write(TICK, replace(parse_opened_tick(self._tick), tick_seed=b"").encode())
        receipts = [one.receipt for one in found if one.receipt]
        if receipts:
            self._write_account(sink, HOUSE, {held.index for held in receipts}, set())
        for digest in dict.fromkeys(
            batch.batch_digest for one in found if one.opening.kept for batch in one.opening.kept.shown
        ):
            sink.write(BATCH, self._read(self._batches[digest]))
        for account_id in dict.fromkeys(one.account_id for one in found):
            mine = [one for one in found if one.account_id == account_id]
            sizes = {one.receipt.receipt.size for one in mine if one.receipt}
            self._write_account(sink, account_id, {one.index for one in mine}, sizes)

    def _write_account(self, sink: Sink, account_id: bytes, shown: set[int], sizes: set[int]) -> None:
        """Entries at `shown`; what lies between is skipped, and the account is looked at once at each of `sizes`."""
        tree, at = self._trees[account_id], 0
        sink.write(ACCOUNT, self._heads[account_id])
        for stop in sorted({*shown, *sizes, tree.size}):
            if stop > at:
                sink.write(SKIPPED, Skipped(stop, tuple(tree.range_nodes(at, stop))).encode())
                at = stop
            if stop in shown:
                sink.write(ENTRY, self._read(self._entries[account_id][stop]))
                at = stop + 1

    def _spooled(self, item: bytes) -> tuple[int, int]:
        place = self._file.seek(0, os.SEEK_END)
        self._file.write(item)
        return place, len(item)

    def _read(self, at: tuple[int, int]) -> bytes:
        self._file.seek(at[0])
        return self._file.read(at[1])


def read_evidence(path: Path, limit: int = 1 << 26) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each item of a file; refuses `malformed`, also where it was cut short."""
    with path.open("rb") as file:
        if file.read(len(FILE_TAG)) != FILE_TAG:
            raise Refused("malformed", "a file of evidence begins with its own tag, this one does not", at=str(path))
        while head := file.read(5):
            length = int.from_bytes(head[1:], "big")
            item = file.read(length) if len(head) == 5 and length <= limit else b""
            if len(head) < 5 or len(item) < length:
                raise Refused("malformed", "an item must be there whole and of a size it may have", at=str(path))
            yield head[0], item
