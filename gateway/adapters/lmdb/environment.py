"""The files of one store: opened by one process, checked before LMDB maps them, grown under a gate, errors translated.

Rules: `sync` and `metasync` are on and there is no switch for them. A second opener is refused. The file's structure is
walked without LMDB first, because LMDB trusts what it maps: a flipped page header would end the process instead of
being named. The map is resized only while no transaction of this process is open; LMDB does not check that itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import lmdb
import lmdb.verify

from gateway.adapters.lmdb.layout import DATABASES, store_unfinished
from gateway.adapters.owner_files import sync_directory
from gateway.core.errors import Fault

DEFAULT_SIZE_LIMIT: Final = 2**44
_READERS: Final = 126
DEFAULT_MAP_BYTES: Final = 2**30
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What a transaction writes besides its rows: copied branch pages, free lists, the rounding of rows to pages.
_SLACK_BYTES: Final = 1024 * 1024
_Made = TypeVar("_Made")


class Environment:
    """An LMDB environment of which this process is the only user, or `read_only`: one that is looked at.

    A look takes no lock and writes nothing, so it is for a store that nobody runs from.
    """

    def __init__(self, path: Path, map_bytes: int, size_limit: int, *, read_only: bool = False) -> None:
        self._path = path
        self._data = path / "data.mdb"
        self._size_limit = _whole_pages(size_limit)
        self._map_bytes = min(_whole_pages(map_bytes), self._size_limit)
        self._gate = threading.Condition()
        self._reading = 0
        self._resizing = False
        self._closed = False
        self._read_only = read_only
        self._lock = None if read_only else _lock(path)
        try:
            self.lmdb = self._open()
        except BaseException:
            self._unlock()
            raise

    @classmethod
    def create(cls, path: Path, map_bytes: int, size_limit: int) -> Environment:
        """In a folder of mode 0700 that is new or empty; otherwise `store-exists`."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError as error:
            if not path.is_dir() or any(path.iterdir()):
                raise Fault(
                    "store-exists", "the store's folder must be new or empty, it is not", at=str(path)
                ) from error
        except OSError as error:
            raise Fault(
                "store-not-made", f"the store's folder must be made, `{error.strerror}`", at=str(path)
            ) from error
        return cls(path, map_bytes, size_limit)

    @classmethod
    def open(cls, path: Path, map_bytes: int, size_limit: int, *, read_only: bool = False) -> Environment:
        """An existing one: `store-missing`, `store-unfinished`, or `store-damaged` if its pages do not fit together."""
        data = path / "data.mdb"
        if not data.is_file():
            raise Fault("store-missing", "a store must be in the folder, there is none", at=str(path))
        if data.stat().st_size == 0:
            raise store_unfinished(str(path))
        return cls(path, map_bytes, size_limit, read_only=read_only)

    def _open(self) -> lmdb.Environment:
        if self._data.exists():
            _check_structure(self._data)
        try:
            return lmdb.open(
                str(self._path),
                map_size=self._map_bytes,
                sync=True,
                metasync=True,
                mode=0o600,
                readonly=self._read_only,
                lock=not self._read_only,
                max_dbs=DATABASES,
                max_readers=_READERS,
                # One engine for ever: a later default would write another file format.
                lib_version=0,
            )
        except lmdb.Error as error:
            raise Fault(
                "store-unreadable", f"LMDB must open the store, it says `{error}`", at=str(self._path)
            ) from error

    def sync_names(self) -> None:
        """Makes the folder and its files survive a power failure, not only what is in the files."""
        sync_directory(self._path)
        sync_directory(self._path.resolve().parent)

    @contextlib.contextmanager
    def reading(self) -> Iterator[lmdb.Transaction[memoryview]]:
        """A snapshot; what it yields lives no longer than the block. Keep blocks short: growth waits for them."""
        self._enter()
        try:
            with self.lmdb.begin(buffers=True) as txn:
                yield txn
        except lmdb.Error as error:
            raise Fault("store-unreadable", f"LMDB must read, it says `{error}`", at=str(self._path)) from error
        finally:
            self._leave()

    def check_open(self) -> None:
        """Raises `store-closed` after `close`."""
        if self._closed:
            raise store_closed()

    def _enter(self) -> None:
        with self._gate:
            while self._resizing or self._reading == _READERS:
                self._gate.wait()
            self.check_open()
            self._reading += 1

    def _leave(self) -> None:
        with self._gate:
            self._reading -= 1
            self._gate.notify_all()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._gate:
            self._resizing = True
            try:
                while self._reading:
                    self._gate.wait()
                yield
            finally:
                self._resizing = False
                self._gate.notify_all()

    def write(self, apply: Callable[[lmdb.Transaction[bytes]], _Made], size: int) -> _Made:
        """Applies and commits one transaction, durable when it returns; only the writer thread calls this.

        `size`: bytes of the rows. `apply` runs again from the start when the map was too small. Raises `store-full`
        or `store-latched`; after either nothing more may be written.
        """
        while True:
            try:
                with self.lmdb.begin(write=True) as txn:
                    return apply(txn)
            except lmdb.MapFullError:
                self._grow(size)
            except lmdb.Error as error:
                raise self._write_fault(error, size) from error

    def _grow(self, size: int) -> None:
        map_bytes = int(self.lmdb.info()["map_size"])
        wanted = min(self._size_limit, 2 * max(map_bytes, size))
        if wanted <= map_bytes:
            raise self._full(f"its limit is {self._size_limit} bytes")
        try:
            # Tried aside first: LMDB gives up the present map before it asks for the next one, and is left with none.
            mmap.mmap(-1, wanted, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()
        except OSError as error:
            raise self._full(f"{wanted} bytes of address space cannot be had") from error
        with self._alone():
            self.lmdb.set_mapsize(wanted)

    def _write_fault(self, error: lmdb.Error, size: int) -> Fault:
        if error.code in _NO_ROOM or (error.code == errno.EIO and self._has_no_room(size)):
            return self._full("the filesystem or a limit has none left")
        return store_latched(f"writing failed, `{error}`")

    def _has_no_room(self, size: int) -> bool:
        # LMDB reports a write that was cut short as an input/output error, which is what a disk does as it fills up.
        needed = size + _SLACK_BYTES
        disk = os.statvfs(self._path)
        soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        room = soft - self._data.stat().st_size if soft != resource.RLIM_INFINITY else needed
        return min(room, disk.f_bavail * disk.f_frsize) < needed

    def _full(self, why: str) -> Fault:
        return Fault(
            "store-full",
            f"the store needs room for the next entries, {why}",
            at=str(self._path),
            do="make room, then start again",
        )

    def close(self) -> None:
        """Waits for the readers, closes the files and lets another process in; again, does nothing."""
        with self._alone():
            if self._closed:
                return
            self._closed = True
            self.lmdb.close()
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)


def _whole_pages(size: int) -> int:
    return size - size % mmap.PAGESIZE


@contextlib.contextmanager
def kept_out(path: Path) -> Iterator[None]:
    """No gateway opens the store at `path` until the block ends, also under another name; `store-in-use` if one has."""
    lock = _lock(path)
    try:
        yield
    finally:
        os.close(lock)


def _lock(path: Path) -> int:
    try:
        descriptor = os.open(path / "store.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Fault("store-unreadable", f"the store's lock must open, `{error.strerror}`", at=str(path)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Fault(
            "store-in-use",
            "one process at a time may open the store, another one has",
            at=str(path),
            do="stop the other `sluice` first",
        ) from error
    return descriptor


def _check_structure(data: Path) -> None:
    try:
        problems = lmdb.verify.verify(str(data), subdir=False)  # type: ignore[no-untyped-call]  # shipped without types
    except lmdb.verify.VerifyError as error:
        problems = [str(error)]
    if problems:
        raise Fault(
            "store-damaged",
            f"the pages of the store must fit together, {len(problems)} do not: {problems[0]}",
            at=str(data),
            do="keep the store as evidence, restore from a backup",
        )


def store_latched(why: str) -> Fault:
    """The error of every commit from the first write or sync error on."""
    return Fault(
        "store-latched",
        f"no commit is taken until the store is opened again and verified: {why}",
        do="stop the gateway, look at the disk, start it again",
    )


def store_closed() -> Fault:
    """The error of every call after `close`."""
    return Fault("store-closed", "the store must be open, it was closed")
