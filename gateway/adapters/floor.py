r"""`FloorFile`: the port `Floor` in one small file, which belongs on another disk than the store.

    file = "SLUICE1/floor\0" | suite | incarnation[16] | tick u64 | control_size u64 | H(all before)[48]

The digest tells a torn or edited file from a whole one; it is no signature: whoever can write this file and the store
can put back an older pair. Source: SPEC.md section 7.
"""

from __future__ import annotations

import threading
from pathlib import Path

from gateway.adapters.owner_files import create_owner_file, read_owner_file, replace_owner_file
from gateway.core.errors import CallerError, Fault, Refused
from gateway.core.suite.algorithms import SUITE_BYTE, digest
from gateway.core.suite.numbers import HASH_BYTES, ID_BYTES
from gateway.core.suite.octets import Reader, u64
from gateway.ports.floor import FloorMark

_TAG = b"SLUICE1/floor\x00"
_READ_LIMIT = 4096


def check_raise(present: FloorMark, mark: FloorMark) -> None:
    """Raises `floor-incarnation` or `floor-lowered` unless `mark` may follow `present`."""
    if mark.incarnation != present.incarnation:
        raise Fault(
            "floor-incarnation",
            f"a mark of incarnation {present.incarnation.hex()[:8]} must follow, {mark.incarnation.hex()[:8]} came",
        )
    if mark.tick < present.tick or mark.control_size < present.control_size:
        raise Fault(
            "floor-lowered",
            f"a mark of at least tick {present.tick} and {present.control_size} statements must follow,"
            f" {mark.tick} and {mark.control_size} came",
        )


class FloorFile:
    """The floor of one store. Reads the file each time: what counts is what a restart would find."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    @classmethod
    def create(cls, path: Path, mark: FloorMark) -> FloorFile:
        """A floor where none is yet (`floor-exists`); on the disk when it returns."""
        create_owner_file(path, _encode(mark), "floor")
        return cls(path)

    def read(self) -> FloorMark:
        """The mark last written."""
        return _parse(read_owner_file(self._path, _READ_LIMIT, "floor"), self._path)

    def raise_to(self, mark: FloorMark) -> None:
        """Writes a mark that is not below the present one; two fsyncs, none if it is the present one."""
        encoded = _encode(mark)
        with self._lock:
            present = self.read()
            check_raise(present, mark)
            if mark != present:
                self._replace(encoded)

    def begin(self, mark: FloorMark) -> None:
        """Writes the first mark of an incarnation, whatever was there; two fsyncs."""
        encoded = _encode(mark)
        with self._lock:
            self._replace(encoded)

    def _replace(self, encoded: bytes) -> None:
        try:
            replace_owner_file(self._path, encoded)
        except OSError as error:
            raise Fault(
                "floor-not-written", f"the floor must be written, `{error.strerror}`", at=str(self._path)
            ) from error


def _encode(mark: FloorMark) -> bytes:
    if len(mark.incarnation) != ID_BYTES:
        raise CallerError("floor-mark", f"an incarnation has {ID_BYTES} bytes, {len(mark.incarnation)} came")
    body = _TAG + SUITE_BYTE + mark.incarnation + u64(mark.tick) + u64(mark.control_size)
    return body + digest(body)


def _parse(content: bytes, path: Path) -> FloorMark:
    reader = Reader(content, "floor")
    try:
        reader.tag(_TAG)
        reader.suite()
        mark = FloorMark(reader.take(ID_BYTES, "incarnation"), reader.u64("tick"), reader.u64("control_size"))
        body = content[: reader.offset]
        if reader.take(HASH_BYTES, "digest") != digest(body):
            raise reader.refuse("digest", "the digest of what stands before it")
        reader.done()
    except Refused as error:
        raise Fault(
            "floor-damaged", error.message, at=str(path), do="restore it from what the last tick says"
        ) from error
    return mark
