"""The writer thread: what shares a commit, what is refused alone, and that everyone is answered whatever happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from gateway.adapters.chain import EMPTY_HEADS, Link
from gateway.adapters.lmdb import writer as writing
from gateway.adapters.lmdb.writer import Writer
from gateway.adapters.tail import Tail
from gateway.core.errors import Fault, GatewayError
from gateway.ports.journal import Journal
from tests.contract.stores import an_append

LEDGER = Journal.LEDGER


class Disk:
    """Stands where LMDB is: holds the writer until it is let go, keeps what came together, fails when told."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self.error: BaseException | None = None
        self.entered = threading.Event()
        self.go = threading.Event()

    def store(self, links: Sequence[Link]) -> None:
        """One transaction."""
        self.entered.set()
        assert self.go.wait(30)
        if self.error is not None:
            raise self.error
        self.groups.append([link.entry for link in links])


def the_writer(disk: Disk) -> Writer:
    """A writer over an empty tail."""
    return Writer(Tail(EMPTY_HEADS), disk.store)


async def codes(futures: Sequence[asyncio.Future[None]]) -> list[str]:
    """How each list ended."""
    ended = await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 30)
    return [error.code if isinstance(error, GatewayError) else "done" for error in ended]


def run_held(disk: Disk, writer: Writer, lists: Sequence[Sequence[tuple[int, bytes]]]) -> list[str]:
    """Submits the first list, and the others while the disk holds it; then lets go."""

    async def work() -> list[str]:
        futures = [writer.submit([an_append(LEDGER, *of) for of in lists[0]])]
        await asyncio.to_thread(disk.entered.wait, 30)
        futures += [writer.submit([an_append(LEDGER, *of) for of in rest]) for rest in lists[1:]]
        disk.go.set()
        return await codes(futures)

    return asyncio.run(work())


def test_lists_that_queued_together_share_one_commit() -> None:
    """One fsync for many: what makes a busy store fast without answering early."""
    disk = Disk()
    writer = the_writer(disk)

    ended = run_held(disk, writer, [[(0, b"a")], [(1, b"b"), (2, b"c")], [(7, b"refused")], [(3, b"d")]])
    writer.close()

    assert ended == ["done", "done", "head-moved", "done"]
    assert disk.groups == [[b"a"], [b"b", b"c", b"d"]]


def test_a_group_ends_where_it_would_grow_too_large() -> None:
    """One commit of everything that waits would make the first wait for the last."""
    disk = Disk()
    writer = the_writer(disk)
    large = bytes(writing._GROUP_BYTES // 2 + 1)
    lists = [[(0, b"a")], [(1, large)], [(2, large)], [(3, b"c")], *[[(4 + i, b"")] for i in range(300)]]

    ended = run_held(disk, writer, lists)
    writer.close()

    assert ended == ["done"] * 304
    assert [len(group) for group in disk.groups] == [1, 2, writing._GROUP_LISTS, 304 - 3 - writing._GROUP_LISTS]


def test_lists_of_one_failed_commit_all_fail() -> None:
    """They share the transaction, so none of them is known to be there; a refused one keeps its own reason."""
    disk = Disk()
    writer = the_writer(disk)
    disk.error = Fault("store-full", "no room")

    ended = run_held(disk, writer, [[(0, b"a")], [(0, b"b")]])
    disk.error = None
    later = run_held(disk, writer, [[(0, b"c")]]) if disk.entered.is_set() else []
    writer.close()

    assert ended == ["store-full", "store-latched"]
    assert later == ["store-latched"]
    assert disk.groups == []


def test_within_a_failed_commit_a_refused_list_keeps_its_reason() -> None:
    """`head-moved` tells its caller to look again, which is what it must do after the restart too."""
    disk = Disk()
    writer = the_writer(disk)

    async def work() -> list[str]:
        first = writer.submit([an_append(LEDGER, 0)])
        await asyncio.to_thread(disk.entered.wait, 30)
        group = [first, writer.submit([an_append(LEDGER, 1)]), writer.submit([an_append(LEDGER, 9)])]
        disk.go.set()
        await first
        return await codes(group)

    original = disk.store

    def fail_second(links: Sequence[Link]) -> None:
        original(links)
        if links[0].position == 1:
            raise Fault("store-latched", "failed")

    writer._store = fail_second

    ended = asyncio.run(work())
    writer.close()

    assert ended == ["done", "store-latched", "head-moved"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_nobody_foresaw_still_answers_everyone() -> None:
    """A thread that dies silently would leave every source waiting for ever."""
    disk = Disk()
    tail = Tail(EMPTY_HEADS)
    writer = Writer(tail, disk.store)
    disk.error = ZeroDivisionError("unforeseen")

    async def work() -> list[str]:
        wait = asyncio.ensure_future(tail.wait_beyond(LEDGER, 0))
        futures = [writer.submit([an_append(LEDGER, 0)])]
        await asyncio.to_thread(disk.entered.wait, 30)
        futures.append(writer.submit([an_append(LEDGER, 1)]))
        disk.go.set()
        ended = await codes([*futures, wait])
        try:
            writer.submit([an_append(LEDGER, 0)])
        except Fault as fault:
            ended.append(fault.code)
        return ended

    ended = asyncio.run(work())
    writer.close()

    assert ended == ["store-latched"] * 4
    with pytest.raises(Fault, match="store-closed"):
        asyncio.run(tail.wait_beyond(LEDGER, 0))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unforeseen_error_before_a_stop_answers_everyone() -> None:
    """The last lists before a stop are owed an answer as well, and the stop itself must come to an end."""
    disk = Disk()
    writer = the_writer(disk)
    disk.error = ZeroDivisionError("unforeseen")

    async def work() -> list[str]:
        futures = [writer.submit([an_append(LEDGER, 0)])]
        await asyncio.to_thread(disk.entered.wait, 30)
        futures.append(writer.submit([an_append(LEDGER, 1)]))
        closing = asyncio.ensure_future(asyncio.to_thread(writer.close))
        await asyncio.sleep(0)
        disk.go.set()  # whichever of the two comes first, nobody may be left without an answer
        await closing
        return await codes(futures)

    assert asyncio.run(work()) == ["store-latched", "store-latched"]


def test_a_loop_that_is_gone_is_not_waited_for() -> None:
    """A caller's loop may end while its commit is on the way; the writer goes on for the others."""
    disk = Disk()
    writer = the_writer(disk)

    async def leave() -> asyncio.Future[None]:
        future = writer.submit([an_append(LEDGER, 0, b"left behind")])
        await asyncio.to_thread(disk.entered.wait, 30)
        return future

    gone = asyncio.run(leave())
    disk.go.set()
    ended = run_held(disk, writer, [[(1, b"next")]])
    writer.close()

    assert not gone.done()
    assert ended == ["done"]
    assert disk.groups == [[b"left behind"], [b"next"]]
