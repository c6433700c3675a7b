"""Programs whose disk fails at the system call: a process may have its own calls to the kernel answered with errors.

A seccomp filter returns an error number in place of running the call: LMDB, unchanged, meets what a dying disk would
say, at `fdatasync`, at the write of its data pages, or at the last write that makes them valid. It needs no privilege
and cannot be taken back, so each case is a process of its own:

    python -m tests.security.store_children sync-fails FOLDER       # prints one JSON object
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import platform
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.adapters.lmdb import LmdbJournals
from gateway.core.errors import Fault
from gateway.ports.journal import Journal
from tests.contract.stores import GENESIS, KEK, an_append, synchronous_descriptor_of

CALLS = {
    "x86_64": {"fsync": 74, "fdatasync": 75, "pwrite64": 18, "pwritev": 296, "seccomp": 317},
    "aarch64": {"fsync": 82, "fdatasync": 83, "pwrite64": 68, "pwritev": 70, "seccomp": 277},
}
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ANSWER_WITH_ERROR, _ALLOW = 0x0005_0000, 0x7FFF_0000
_CALL_NUMBER, _FIRST_ARGUMENT = 0, 16
_SET_NO_NEW_PRIVILEGES = 38
_FILTER_ALL_THREADS = 1


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def answer_with(error: int, call: str, descriptor: int | None = None) -> None:
    """From now on `call` (on this descriptor, or on any) fails with `error` in every thread of this process."""
    calls = CALLS[platform.machine()]
    steps = [(_LOAD, 0, 0, _CALL_NUMBER)]
    if descriptor is None:
        steps += [(_JUMP_IF_EQUAL, 0, 1, calls[call])]
    else:
        steps += [
            (_JUMP_IF_EQUAL, 0, 3, calls[call]),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_JUMP_IF_EQUAL, 0, 1, descriptor),
        ]
    steps += [(_RETURN, 0, 0, _ANSWER_WITH_ERROR | error), (_RETURN, 0, 0, _ALLOW)]
    program = _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*step) for step in steps)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(
        calls["seccomp"], 1, _FILTER_ALL_THREADS, ctypes.byref(program)
    ):
        raise OSError(ctypes.get_errno(), "the kernel takes no filter")


def the_sync_fails(data: Path) -> None:
    """The sync says EIO: the kernel may have dropped the pages it could not write."""
    answer_with(errno.EIO, "fdatasync")


def the_data_write_fails(data: Path) -> None:
    """The pages themselves cannot be written."""
    answer_with(errno.EIO, "pwritev")
    answer_with(errno.EIO, "pwrite64")


def the_disk_is_full(data: Path) -> None:
    """The filesystem has no block left."""
    answer_with(errno.ENOSPC, "pwritev")
    answer_with(errno.ENOSPC, "pwrite64")


def the_last_write_fails(data: Path) -> None:
    """Data is on the disk, the page that makes it valid is not; LMDB has a descriptor of its own for that one."""
    answer_with(errno.EIO, "pwrite64", synchronous_descriptor_of(data))


def the_file_may_not_grow(data: Path) -> None:
    """A limit of the process: the write is cut short, which LMDB reports as an input/output error."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (data.stat().st_size + 4096, hard))


def no_address_space_is_left(data: Path) -> None:
    """The map cannot be doubled; what is mapped must stay readable."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 64 * 1024 * 1024, hard))


CASES: dict[str, Callable[[Path], None]] = {
    "sync-fails": the_sync_fails,
    "data-write-fails": the_data_write_fails,
    "disk-is-full": the_disk_is_full,
    "last-write-fails": the_last_write_fails,
    "file-may-not-grow": the_file_may_not_grow,
    "no-address-space": no_address_space_is_left,
}


async def _codes(journals: LmdbJournals, first: int, count: int) -> list[str]:
    codes = []
    for position in range(first, first + count):
        try:
            await journals.commit([an_append(Journal.RECORDS, position, b"x" * 200_000)])
            codes.append("done")
        except Fault as fault:
            codes.append(fault.code)
    return codes


def _run(case: str, folder: Path) -> dict[str, object]:
    # The map holds the first five entries and not the ones behind them, so that growth is tried under every failure.
    journals = LmdbJournals.create(folder, KEK, GENESIS, map_bytes=64 * 1024 * 1024)
    said: dict[str, object] = {"before": asyncio.run(_codes(journals, 0, 5))}
    CASES[case](folder / "data.mdb")
    wanted = 400 if case == "no-address-space" else 3
    said["after"] = asyncio.run(_codes(journals, 5, wanted))
    said["head"] = journals.head(Journal.RECORDS).size
    if case != "last-write-fails":
        journals.verify()
        said["read"] = sum(
            len(journals.read(Journal.RECORDS, p, 1)) for p in range(journals.head(Journal.RECORDS).size)
        )
    journals.close()
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_run(sys.argv[1], Path(sys.argv[2]))))
