"""What the port `Journals` promises, sentence by sentence, of every adapter."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.adapters.chain import MAX_ENTRY_BYTES
from gateway.core.errors import CallerError, Fault, GatewayError
from gateway.ports.journal import Append, Journal, Journals
from tests.contract.sentences import Contract
from tests.contract.stores import LmdbStores, MemoryStores, Stores, an_append

CONTRACT = Contract(Journals)
RECORDS, CONTROL, LEDGER = Journal.RECORDS, Journal.CONTROL, Journal.LEDGER
_Answer = TypeVar("_Answer")


def run(work: Coroutine[None, None, _Answer]) -> _Answer:
    """The loop of one test, bounded: a wait that never ends is a failure and not a hang."""
    return asyncio.run(asyncio.wait_for(work, 30))


@pytest.fixture(params=[LmdbStores, MemoryStores], ids=["lmdb", "memory"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """One adapter and what the suite does to it."""
    made: Stores = request.param(tmp_path)
    return made


@pytest.fixture
def journals(stores: Stores) -> Iterator[Journals]:
    """An empty store, closed behind the test."""
    fresh = stores.fresh()
    yield fresh
    fresh.close()


async def outcomes(*commits: Coroutine[None, None, None]) -> list[str]:
    """`done` or the error's code of each, all started together in the order given."""
    ended = await asyncio.gather(*commits, return_exceptions=True)
    return [error.code if isinstance(error, GatewayError) else repr(error or "done") for error in ended]


def entries(journals: Journals, journal: Journal) -> list[bytes]:
    """All entries of a journal."""
    return [stored.entry for stored in journals.read(journal, 0, 10_000)]


@CONTRACT.holds(
    "Durable, ordered, append-only.",
    "when `commit` returns, every entry of the list survives a process or power failure.",
    "Durably appends the list as one; see the class for what it promises and raises.",
)
def test_what_was_committed_is_there_after_a_restart(stores: Stores, journals: Journals) -> None:
    """A process that ends loses nothing it answered for; power failures need more and are tried in tests/security."""
    run(journals.commit([an_append(RECORDS, 0, b"batch", kind=7, chained=b"B"), an_append(LEDGER, 0, b"admitted")]))
    heads = [journals.head(journal) for journal in Journal]

    after = stores.reopened(journals)

    assert [(s.position, s.kind, s.entry) for s in after.read(RECORDS, 0)] == [(0, 7, b"batch")]
    assert entries(after, LEDGER) == [b"admitted"]
    assert [after.head(journal) for journal in Journal] == heads
    after.verify()
    after.close()


@CONTRACT.holds(
    "entries of one list and of successive commits appear in the order given;",
    "one writer applies them one after another in call order.",
    "`commit` may be called from many tasks;",
)
def test_entries_appear_in_the_order_of_the_calls(journals: Journals) -> None:
    """Places in the ledger are promised before the commit returns, so order is the order of the calls."""

    async def work() -> list[str]:
        return await outcomes(
            *(
                journals.commit(
                    [an_append(LEDGER, 2 * i, b"%d first" % i), an_append(LEDGER, 2 * i + 1, b"%d second" % i)]
                )
                for i in range(300)
            )
        )

    ended = run(work())

    assert ended == ["'done'"] * 300
    assert entries(journals, LEDGER) == [b"%d %s" % (i, which) for i in range(300) for which in (b"first", b"second")]


@pytest.mark.must("7.1.1", "7.1.2")
@CONTRACT.holds(
    "if any `expected_position` is not the journal's head (counting earlier appends of the same list),"
    ' `commit` raises `Fault("head-moved")` and nothing is applied.',
    "a list is applied as one or not at all.",
)
def test_a_list_with_one_wrong_expectation_changes_nothing(journals: Journals) -> None:
    """Half a list would be a record without its entry in the account."""
    run(journals.commit([an_append(LEDGER, 0)]))
    heads = [journals.head(journal) for journal in Journal]

    async def work() -> list[str]:
        return await outcomes(
            journals.commit([an_append(RECORDS, 0), an_append(LEDGER, 0)]),
            journals.commit([an_append(RECORDS, 0), an_append(LEDGER, 2)]),
            journals.commit([an_append(RECORDS, 0), an_append(RECORDS, 0), an_append(LEDGER, 1)]),
        )

    ended = run(work())

    assert ended == ["head-moved"] * 3
    assert [journals.head(journal) for journal in Journal] == heads


@CONTRACT.holds("One list that is refused does not touch the others.")
def test_a_refused_list_leaves_its_neighbours_alone(journals: Journals) -> None:
    """Lists that share one transaction share nothing else."""

    async def work() -> list[str]:
        return await outcomes(
            journals.commit([an_append(LEDGER, 0, b"before")]),
            journals.commit([an_append(LEDGER, 1, b"half"), an_append(LEDGER, 7, b"refused")]),
            journals.commit([an_append(LEDGER, 1, kind=256)]),
            journals.commit([an_append(LEDGER, 1, b"after")]),
        )

    ended = run(work())

    assert ended == ["'done'", "head-moved", "append-malformed", "'done'"]
    assert entries(journals, LEDGER) == [b"before", b"after"]


@CONTRACT.holds(
    'a kind outside u8 or an entry above 16 MiB raises `CallerError("append-malformed")`'
    " and nothing of the list is applied."
)
@pytest.mark.parametrize(
    "malformed",
    [
        an_append(LEDGER, 1, kind=256),
        an_append(LEDGER, 1, kind=-1),
        an_append(LEDGER, 1, bytes(MAX_ENTRY_BYTES + 1)),
    ],
    ids=["kind above", "kind below", "entry too large"],
)
def test_a_list_out_of_bounds_is_refused_whole(journals: Journals, malformed: Append) -> None:
    """What the layout cannot hold must be refused before anything is written."""
    with pytest.raises(CallerError) as caught:
        run(journals.commit([an_append(LEDGER, 0), malformed]))

    assert (caught.value.code, caught.value.at) == ("append-malformed", "ledger 1")
    assert journals.head(LEDGER).size == 0


def test_an_entry_may_have_every_byte_up_to_the_bound(stores: Stores, journals: Journals) -> None:
    """The bound is a promise to the caller as well; an empty entry and a large one come back as they went in."""
    large = bytes(range(256)) * (MAX_ENTRY_BYTES // 256)
    run(journals.commit([an_append(RECORDS, 0, b"", kind=255), an_append(RECORDS, 1, large, kind=0)]))

    after = stores.reopened(journals)

    assert [(s.kind, s.entry) for s in after.read(RECORDS, 0)] == [(255, b""), (0, large)]
    after.close()


def test_an_empty_list_is_committed_as_nothing(journals: Journals) -> None:
    """A caller with nothing to say need not ask first."""
    run(journals.commit([]))

    assert [journals.head(journal).size for journal in Journal] == [0, 0, 0]


@CONTRACT.holds("a commit whose await is cancelled is applied all the same.")
def test_a_cancelled_commit_is_applied(journals: Journals) -> None:
    """Cancelling tells nobody what is on the disk; a caller that guesses `not` would commit twice."""

    async def work() -> None:
        commit = asyncio.ensure_future(journals.commit([an_append(LEDGER, 0, b"first")]))
        await asyncio.sleep(0)
        commit.cancel()
        await journals.commit([an_append(LEDGER, 1, b"second")])
        assert commit.cancelled()

    run(work())

    assert entries(journals, LEDGER) == [b"first", b"second"]


@pytest.mark.must("7.4.2")
@CONTRACT.holds(
    'after any write or sync error the store latches: that commit and every later one raises `Fault("store-latched")`'
    " until it is opened again, because a failed fsync may have lost what was written.",
)
def test_after_a_write_error_nothing_is_acknowledged_until_a_restart(stores: Stores, journals: Journals) -> None:
    """LMDB itself would carry on after a failed fsync and acknowledge what the disk has lost."""
    run(journals.commit([an_append(LEDGER, 0, b"kept")]))
    failing = stores.let_write_fail(journals)

    async def work() -> list[str]:
        return [
            *await outcomes(failing.commit([an_append(LEDGER, 1, b"lost")]), failing.commit([an_append(LEDGER, 2)])),
            *await outcomes(failing.commit([an_append(LEDGER, 1)])),
            *await outcomes(failing.commit([])),
        ]

    ended = run(work())

    assert ended == ["store-latched"] * 4
    assert failing.head(LEDGER).size == 1
    after = stores.reopened(failing)
    after.verify()
    size = after.head(LEDGER).size
    run(after.commit([an_append(LEDGER, size, b"goes on")]))
    assert entries(after, LEDGER)[0] == b"kept"
    assert entries(after, LEDGER)[-1] == b"goes on"
    after.close()


@pytest.mark.must("7.1.2")
@CONTRACT.holds("A commit that failed so may be found after opening again, whole or not at all.")
def test_a_failed_commit_is_found_whole_or_not_at_all(stores: Stores, journals: Journals) -> None:
    """An error and the write happened: the case everyone forgets."""
    run(journals.commit([an_append(LEDGER, 0)]))
    failing = stores.let_write_fail(journals)
    run(outcomes(failing.commit([an_append(RECORDS, 0), an_append(LEDGER, 1), an_append(LEDGER, 2)])))

    after = stores.reopened(failing)

    found = (after.head(RECORDS).size, after.head(LEDGER).size)
    assert found in {(0, 1), (1, 3)}
    after.verify()
    after.close()


@pytest.mark.must("7.4.2")
@CONTRACT.holds('A full store raises `Fault("store-full")` and latches too.')
def test_a_full_store_says_so_and_keeps_what_it_answered_for(stores: Stores) -> None:
    """No `stored` without room, and a clean start once there is some."""
    small = stores.nearly_full()

    async def work() -> list[str]:
        return [
            code
            for position in range(12)
            for code in await outcomes(small.commit([an_append(RECORDS, position, bytes(1_000_000))]))
        ]

    ended = run(work())

    done = ended.index("store-full")
    assert done >= 1
    assert ended == ["'done'"] * done + ["store-full"] + ["store-latched"] * (11 - done)
    after = stores.reopened(small)
    after.verify()
    assert after.head(RECORDS).size == done
    after.close()


@CONTRACT.holds(
    "`read`, `head` and `verify` may be called at any time, from any thread, latched or not,"
    " and see only committed entries.",
    "`read` never shows an entry beyond `head`.",
    "The journal's end, as last committed.",
)
def test_readers_on_other_threads_see_a_prefix_of_what_is_committed(stores: Stores, journals: Journals) -> None:
    """Streams read while the gateway writes; what they see must be what a restart would find."""
    failures: list[str] = []
    stop = threading.Event()

    def reader() -> None:
        while not stop.is_set():
            before = journals.head(LEDGER).size
            seen = [stored.entry for stored in journals.read(LEDGER, 0, 10_000)]
            after = journals.head(LEDGER).size
            journals.verify()
            if not before <= len(seen) <= after or seen != [b"%d" % i for i in range(len(seen))]:
                failures.append(f"{before} {len(seen)} {after}")

    async def writer() -> None:
        for i in range(0, 200, 2):
            await journals.commit([an_append(LEDGER, i, b"%d" % i), an_append(LEDGER, i + 1, b"%d" % (i + 1))])

    threads = [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    run(writer())
    stop.set()
    for thread in threads:
        thread.join()

    assert not failures
    failing = stores.let_write_fail(journals)
    run(outcomes(failing.commit([an_append(LEDGER, 200)])))
    failing.verify()
    assert len(entries(failing, LEDGER)) == failing.head(LEDGER).size == 200
    failing.close()


@CONTRACT.holds('After an error of the disk `read` and `verify` may raise `Fault("store-unreadable")`.')
def test_a_store_that_cannot_be_read_any_more_says_so(stores: Stores, journals: Journals) -> None:
    """LMDB refuses everything once the write that makes a commit valid has failed; a restart reads again."""
    run(journals.commit([an_append(LEDGER, 0, b"kept")]))
    failing = stores.let_last_write_fail(journals)

    ended = run(outcomes(failing.commit([an_append(LEDGER, 1)])))

    assert ended == ["store-latched"]
    for call in (lambda: failing.read(LEDGER, 0), failing.verify):
        with pytest.raises(Fault, match="store-unreadable"):
            call()
    after = stores.reopened(failing)
    after.verify()
    assert entries(after, LEDGER)[0] == b"kept"
    after.close()


@CONTRACT.holds("At most `limit` entries from `position` (0 or more) on, ascending; empty at the head.")
def test_a_read_gives_the_span_asked_for(journals: Journals) -> None:
    """A reader that lags pages through the journal, and stops where it ends."""
    run(journals.commit([an_append(CONTROL, i, b"%d" % i, kind=i % 256) for i in range(600)]))

    pages = {start: [s.position for s in journals.read(CONTROL, start, 7)] for start in (0, 254, 597, 600, 9_999)}

    assert pages == {
        0: list(range(7)),
        254: list(range(254, 261)),
        597: [597, 598, 599],
        600: [],
        9_999: [],
    }
    assert [(s.kind, s.entry) for s in journals.read(CONTROL, 511, 2)] == [(255, b"511"), (0, b"512")]
    assert len(journals.read(CONTROL, 0)) == 64
    assert journals.read(CONTROL, 5, 0) == []
    with pytest.raises(CallerError, match="position-negative"):
        journals.read(CONTROL, -1)


@pytest.mark.must("7.1.3")
@CONTRACT.holds(
    '`Fault("entry-damaged")` if one does not open or does not match its chain; `at` names journal and position.',
    'Recomputes every chain from the first entry; `Fault("journal-damaged")` names journal and position.',
)
def test_a_damaged_entry_is_named_and_never_shown(stores: Stores, journals: Journals) -> None:
    """What cannot be proved whole is released to nobody."""
    run(journals.commit([an_append(LEDGER, i, b"%d" % i) for i in range(5)]))
    stores.damage(journals, LEDGER, 4)

    with pytest.raises(Fault) as read:
        journals.read(LEDGER, 0)
    with pytest.raises(Fault) as verified:
        journals.verify()

    assert (read.value.code, read.value.at) == ("entry-damaged", "ledger 4")
    assert (verified.value.code, verified.value.at) == ("journal-damaged", "ledger 4")
    assert len(journals.read(LEDGER, 0, 4)) == 4


@CONTRACT.holds("Returns once the journal holds more than `size` entries.")
def test_a_wait_ends_when_the_journal_has_grown_beyond(journals: Journals) -> None:
    """A stream that is caught up costs nothing until there is something to send."""

    async def work() -> list[str]:
        order: list[str] = []

        async def wait(journal: Journal, size: int, name: str) -> None:
            await journals.wait_beyond(journal, size)
            order.append(f"{name} at {journals.head(journal).size}")

        waits = [
            asyncio.ensure_future(wait(*of))
            for of in ((LEDGER, 0, "one"), (LEDGER, 1, "two"), (RECORDS, 0, "other"), (LEDGER, 0, "twin"))
        ]
        await asyncio.sleep(0)
        await journals.commit([an_append(LEDGER, 0)])
        await asyncio.gather(waits[0], waits[3])
        assert not waits[1].done()
        assert not waits[2].done()
        await journals.commit([an_append(LEDGER, 1), an_append(RECORDS, 0)])
        await asyncio.gather(*waits)
        await wait(LEDGER, 1, "late")
        return order

    order = run(work())

    assert order == ["one at 1", "twin at 1", "two at 2", "other at 1", "late at 2"]


def test_a_cancelled_wait_is_forgotten(journals: Journals) -> None:
    """Streams come and go; those that went must not be woken, nor be kept."""

    async def work() -> list[str]:
        wait = asyncio.ensure_future(journals.wait_beyond(LEDGER, 0))
        await asyncio.sleep(0)
        wait.cancel()
        ended = await outcomes(journals.commit([an_append(LEDGER, 0)]))
        assert wait.cancelled()
        return ended

    assert run(work()) == ["'done'"]


@CONTRACT.holds("Raises what `commit` would if none can come any more, because the store latched or was closed.")
def test_a_wait_that_can_never_end_raises(stores: Stores, journals: Journals) -> None:
    """A stream that waits for ever on a dead store would look alive to its partner."""
    failing = stores.let_write_fail(journals)

    async def latched() -> list[str]:
        wait = asyncio.ensure_future(failing.wait_beyond(LEDGER, 0))
        await asyncio.sleep(0)
        await outcomes(failing.commit([an_append(LEDGER, 0)]))
        return await outcomes(wait_for(wait), failing.wait_beyond(RECORDS, 0))

    async def closed() -> list[str]:
        after = stores.reopened(failing)
        wait = asyncio.ensure_future(after.wait_beyond(CONTROL, 0))
        await asyncio.sleep(0)
        after.close()
        return await outcomes(wait_for(wait), after.wait_beyond(CONTROL, 0))

    assert run(latched()) == ["store-latched", "store-latched"]
    assert run(closed()) == ["store-closed", "store-closed"]


async def wait_for(task: asyncio.Future[None]) -> None:
    """The end of a task as a coroutine."""
    await task


@CONTRACT.holds(
    "Finishes queued commits and releases the store; calling it again does nothing.",
    'Afterwards every other call raises `Fault("store-closed")`.',
)
def test_close_finishes_what_is_queued_and_ends_everything_else(stores: Stores, journals: Journals) -> None:
    """A graceful stop loses nothing that a caller still waits for."""

    async def work() -> list[str]:
        commits = [asyncio.ensure_future(journals.commit([an_append(LEDGER, i, b"%d" % i)])) for i in range(20)]
        await asyncio.sleep(0)
        journals.close()
        journals.close()
        return [
            *await outcomes(*map(wait_for, commits)),
            *await outcomes(journals.commit([an_append(LEDGER, 20)]), journals.commit([])),
        ]

    ended = run(work())

    assert ended == ["'done'"] * 20 + ["store-closed"] * 2
    for call in (lambda: journals.head(LEDGER), lambda: journals.read(LEDGER, 0), journals.verify):
        with pytest.raises(Fault, match="store-closed"):
            call()
    after = stores.reopened(journals)
    assert entries(after, LEDGER) == [b"%d" % i for i in range(20)]
    after.close()


def test_the_head_is_the_chain_of_the_format(stores: Stores, journals: Journals) -> None:
    """SPEC.md section 7, computed here from its text: an auditor must come to the same value."""
    listed = [(RECORDS, 4, b"batch 0", b"B0"), (RECORDS, 5, b"batch 1", None), (LEDGER, 6, b"entry", b"")]
    places = [0, 1, 0]
    expected = {journal: bytes(48) for journal in Journal}
    for (journal, kind, entry, chained), position in zip(listed, places, strict=True):
        of_entry = hashlib.sha384(entry if chained is None else chained).digest()
        expected[journal] = hashlib.sha384(
            b"SLUICE1/journal\x00\x01"
            + bytes([journal])
            + position.to_bytes(8, "big")
            + bytes([kind])
            + of_entry
            + expected[journal]
        ).digest()

    run(journals.commit([Append(j, p, k, e, c) for (j, k, e, c), p in zip(listed, places, strict=True)]))

    assert {journal: journals.head(journal).chain for journal in Journal} == expected
    after = stores.reopened(journals)
    assert {journal: after.head(journal).chain for journal in Journal} == expected
    after.close()


def test_every_sentence_of_the_port_is_held() -> None:
    """A promise that no test quotes is a wish."""
    assert CONTRACT.unheld() == []
