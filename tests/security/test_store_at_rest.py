"""The store in the hands of someone without its key: nothing can be read, moved, or taken for another store's."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from gateway.adapters.lmdb import LmdbJournals
from gateway.adapters.lmdb.sealing import STORE_PAGE, page_of
from gateway.core.errors import CallerError, Fault
from gateway.ports.journal import Journal
from tests.contract.stores import GENESIS, KEK, LmdbStores, an_append

ROOT = Path(__file__).resolve().parents[2]
RECORDS, CONTROL, LEDGER = Journal.RECORDS, Journal.CONTROL, Journal.LEDGER
CANARY = b"grid 36UVU 1234 5678"
DATABASES = (b"store", b"pages", b"records", b"control", b"ledger")


def a_store(path: Path, entries: int = 5) -> Path:
    """A closed store with that many entries in RECORDS and LEDGER, one canary in each."""
    journals = LmdbJournals.create(path, KEK, GENESIS)
    appends = []
    for i in range(entries):
        appends += [an_append(RECORDS, i, CANARY + b"%d" % i, chained=b"B%d" % i), an_append(LEDGER, i, CANARY)]
    asyncio.run(journals.commit(appends))
    journals.close()
    return path


def edit(path: Path, change: Callable[[lmdb.Transaction[bytes], dict[bytes, object]], None]) -> None:
    """What someone with the files and without the key can do: put any row anywhere."""
    with lmdb.open(str(path), max_dbs=5, lib_version=0) as environment:
        databases = {name: environment.open_db(name) for name in DATABASES}
        with environment.begin(write=True) as txn:
            change(txn, databases)


def key(position: int) -> bytes:
    """The key of an entry."""
    return position.to_bytes(8, "big")


def code_of(call: Callable[[], object]) -> tuple[str, str]:
    """Code and place of the fault that a call raises."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value.code, caught.value.at


def open_and_verify(path: Path) -> None:
    """What a start does."""
    journals = LmdbJournals.open(path, KEK)
    try:
        journals.verify()
    finally:
        journals.close()


def test_no_file_of_the_store_shows_an_entry_or_a_key(tmp_path: Path) -> None:
    """A stolen disk or a lost backup tells where nobody flew."""
    a_store(tmp_path / "store", 300)

    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())

    assert CANARY not in on_disk
    assert CANARY[:8] not in on_disk
    assert KEK not in on_disk
    assert GENESIS not in on_disk


@pytest.mark.must("7.2.1", "7.2.2")
def test_equal_entries_look_different(tmp_path: Path) -> None:
    """A fresh key each, so that a thief cannot tell that one unit reported the same twice."""
    store = a_store(tmp_path / "store", 2)
    rows: list[bytes] = []

    edit(store, lambda txn, dbs: rows.extend(bytes(txn.get(key(i), db=dbs[b"ledger"])) for i in range(2)))

    assert len(rows[0]) == len(rows[1])
    assert rows[0][48:60] != rows[1][48:60]
    assert rows[0][108:] != rows[1][108:]


def test_the_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Sizes and times are no business of others either."""
    store = a_store(tmp_path / "store")

    modes = {stat.S_IMODE(path.stat().st_mode) for path in store.iterdir()}

    assert modes == {0o600}
    assert stat.S_IMODE(store.stat().st_mode) == 0o700


@pytest.mark.must("7.3.2")
def test_another_key_opens_nothing(tmp_path: Path) -> None:
    """A mixed-up key file is said at the start and not found out entry by entry."""
    store = a_store(tmp_path / "store")

    assert code_of(lambda: LmdbJournals.open(store, bytes(32)))[0] == "kek-wrong"


def test_a_store_opens_for_its_own_genesis_only(tmp_path: Path) -> None:
    """Two gateways' stores look alike; one key, one purpose, one genesis."""
    store = a_store(tmp_path / "store")

    assert code_of(lambda: LmdbJournals.open(store, KEK, genesis=bytes(48)))[0] == "store-of-another-genesis"
    journals = LmdbJournals.open(store, KEK, genesis=GENESIS)
    assert journals.genesis == GENESIS
    journals.close()


def test_the_genesis_of_a_store_cannot_be_changed_without_its_key(tmp_path: Path) -> None:
    """Else a store could be made to answer for another trust."""
    store, other = a_store(tmp_path / "store"), tmp_path / "other"
    LmdbJournals.create(other, bytes(32), bytes(48)).close()
    foreign: dict[str, bytes] = {}
    edit(other, lambda txn, dbs: foreign.update(record=bytes(txn.get(b"record", db=dbs[b"store"]))))

    edit(store, lambda txn, dbs: txn.put(b"record", foreign["record"], db=dbs[b"store"]))

    assert code_of(lambda: LmdbJournals.open(store, KEK))[0] == "kek-wrong"


def move(txn: lmdb.Transaction[bytes], source: object, at: int, target: object, to: int) -> None:
    """Copies a row, chain value and all."""
    txn.put(key(to), bytes(txn.get(key(at), db=source)), db=target)


MIDDLE = ("journal-damaged", "ledger 1")
LAST = ("journal-damaged", "ledger 4")
EDITS: dict[str, tuple[Callable[..., object], tuple[str, str]]] = {
    "an entry replayed at another position": (lambda t, d: move(t, d[b"ledger"], 0, d[b"ledger"], 1), MIDDLE),
    "an entry of another journal": (lambda t, d: move(t, d[b"records"], 1, d[b"ledger"], 1), MIDDLE),
    "an entry removed": (lambda t, d: t.delete(key(1), db=d[b"ledger"]), MIDDLE),
    "an entry cut to its chain value": (lambda t, d: cut(t, d, 48), MIDDLE),
    "an entry cut inside its wrap": (lambda t, d: cut(t, d, 70), MIDDLE),
    "an entry cut by one byte": (lambda t, d: cut(t, d, -1), MIDDLE),
    "an entry of no bytes": (lambda t, d: t.put(key(1), b"", db=d[b"ledger"]), MIDDLE),
    "an entry longer by one byte": (lambda t, d: grow(t, d, b"\x00"), MIDDLE),
    "the last entry changed": (
        lambda t, d: t.put(key(4), bytes(200), db=d[b"ledger"]),
        LAST,
    ),
    "an entry behind a hole": (lambda t, d: move(t, d[b"ledger"], 2, d[b"ledger"], 9), ("journal-damaged", "ledger 5")),
    "a page without its key": (
        lambda t, d: t.delete((3 << 30).to_bytes(4, "big"), db=d[b"pages"]),
        LAST,
    ),
    "a page with the key of another": (
        lambda t, d: t.put(
            (3 << 30).to_bytes(4, "big"), t.get((1 << 30).to_bytes(4, "big"), db=d[b"pages"]), db=d[b"pages"]
        ),
        LAST,
    ),
    "another format version": (lambda t, d: t.put(b"format", b"2", db=d[b"store"]), ("store-format", "")),
    "no format version": (lambda t, d: t.delete(b"format", db=d[b"store"]), ("store-format", "")),
    "no record of the store": (lambda t, d: t.delete(b"record", db=d[b"store"]), ("kek-wrong", "")),
}


def cut(txn: lmdb.Transaction[bytes], databases: dict[bytes, object], end: int) -> None:
    """Keeps the first bytes of LEDGER's middle entry."""
    txn.put(key(1), bytes(txn.get(key(1), db=databases[b"ledger"]))[:end], db=databases[b"ledger"])


def grow(txn: lmdb.Transaction[bytes], databases: dict[bytes, object], more: bytes) -> None:
    """Adds bytes to LEDGER's middle entry."""
    txn.put(key(1), bytes(txn.get(key(1), db=databases[b"ledger"])) + more, db=databases[b"ledger"])


@pytest.mark.must("7.1.3", "7.3.1", "7.3.2")
@pytest.mark.parametrize("what", EDITS)
def test_an_edited_store_is_refused_and_the_place_named(tmp_path: Path, what: str) -> None:
    """Whoever holds the files can put any bytes anywhere; a start must not get past them."""
    change, expected = EDITS[what]
    store = a_store(tmp_path / "store")

    edit(store, change)

    assert code_of(lambda: open_and_verify(store)) == expected


@pytest.mark.must("7.1.3")
def test_every_byte_of_a_row_counts(tmp_path: Path) -> None:
    """Chain value, wrap, ciphertext and tag: no bit of an entry can change unnoticed."""
    store = a_store(tmp_path / "store", 2)
    row: list[bytes] = []
    edit(store, lambda txn, dbs: row.append(bytes(txn.get(key(1), db=dbs[b"records"]))))
    unnoticed = []

    for at in range(len(row[0])):
        changed = bytes([*row[0][:at], row[0][at] ^ 1, *row[0][at + 1 :]])
        edit(store, lambda txn, dbs, changed=changed: txn.put(key(1), changed, db=dbs[b"records"]))
        if code_of(lambda: open_and_verify(store)) != ("journal-damaged", "records 1"):
            unnoticed.append(at)

    assert len(row[0]) == 48 + 60 + 1 + 49 + len(CANARY) + 1 + 16
    assert not unnoticed


@pytest.mark.must("7.3.3")
def test_one_process_at_a_time(tmp_path: Path) -> None:
    """Two writers would each continue the chain their own way."""
    store = a_store(tmp_path / "store")
    first = LmdbJournals.open(store, KEK)
    other_process = (
        "import sys; from pathlib import Path; from gateway.adapters.lmdb import LmdbJournals\n"
        "from gateway.core.errors import Fault\n"
        "try: LmdbJournals.open(Path(sys.argv[1]), bytes(range(32)))\n"
        "except Fault as fault: print(fault.code)"
    )

    second = code_of(lambda: LmdbJournals.open(store, KEK))[0]
    third = subprocess.run(
        [sys.executable, "-c", other_process, str(store)], capture_output=True, text=True, check=True
    )
    first.close()

    assert second == "store-in-use"
    assert third.stdout.strip() == "store-in-use"
    LmdbJournals.open(store, KEK).close()


def test_a_row_planted_at_the_head_is_not_written_over(tmp_path: Path) -> None:
    """Another program in the same files means that nobody knows what is there: the store latches."""
    store = a_store(tmp_path / "store")
    journals = LmdbJournals.open(store, KEK)
    plant = (
        "import sys, lmdb\n"
        "with lmdb.open(sys.argv[1], max_dbs=5, lib_version=0) as environment:\n"
        "    ledger = environment.open_db(b'ledger')\n"
        "    with environment.begin(write=True) as txn: txn.put((5).to_bytes(8, 'big'), b'planted', db=ledger)"
    )
    subprocess.run([sys.executable, "-c", plant, str(store)], check=True)

    codes = [code_of(lambda: asyncio.run(journals.commit([an_append(LEDGER, 5)])))[0] for _ in range(2)]
    read = journals.read(LEDGER, 0)
    journals.close()

    assert codes == ["store-latched", "store-latched"]
    assert len(read) == 5
    assert code_of(lambda: LmdbJournals.open(store, KEK)) == ("journal-damaged", "ledger 5")


def test_a_row_removed_while_the_store_is_open_is_missed(tmp_path: Path) -> None:
    """A reader must not be told that the journal has a shorter middle."""
    store = a_store(tmp_path / "store")
    journals = LmdbJournals.open(store, KEK)
    remove = (
        "import sys, lmdb\n"
        "with lmdb.open(sys.argv[1], max_dbs=5, lib_version=0) as environment:\n"
        "    ledger = environment.open_db(b'ledger')\n"
        "    with environment.begin(write=True) as txn: txn.delete((1).to_bytes(8, 'big'), db=ledger)"
    )
    subprocess.run([sys.executable, "-c", remove, str(store)], check=True)

    read, verified = code_of(lambda: journals.read(LEDGER, 0)), code_of(journals.verify)
    journals.close()

    assert read == ("entry-damaged", "ledger 1")
    assert verified == ("journal-damaged", "ledger 1")


def test_a_page_key_damaged_while_the_store_is_open_ends_the_writing(tmp_path: Path) -> None:
    """An entry sealed under a key that no restart can open would be lost though it was answered."""
    store = a_store(tmp_path / "store")
    journals = LmdbJournals.open(store, KEK)
    for page in range(1, 300):
        journals._layout._keys.keep(page, journals._layout._keys.make(page, bytes(44))[0])
    spoil = (
        "import sys, lmdb\n"
        "with lmdb.open(sys.argv[1], max_dbs=5, lib_version=0) as environment:\n"
        "    pages = environment.open_db(b'pages')\n"
        "    with environment.begin(write=True) as txn: txn.put((3 << 30).to_bytes(4, 'big'), bytes(60), db=pages)"
    )
    subprocess.run([sys.executable, "-c", spoil, str(store)], check=True)

    code = code_of(lambda: asyncio.run(journals.commit([an_append(LEDGER, 5)])))[0]
    journals.close()

    assert code == "store-latched"


@pytest.mark.must("7.2.3")
def test_no_entry_is_there_without_the_key_of_its_page(tmp_path: Path) -> None:
    """An entry under a key that only the memory of a dead process knew would be lost though it is there."""
    stores = LmdbStores(tmp_path)
    journals = stores.fresh()
    asyncio.run(journals.commit([an_append(LEDGER, i) for i in range(256)]))
    failing = stores.let_write_fail(journals)
    refused = code_of(lambda: asyncio.run(failing.commit([an_append(LEDGER, 256)])))[0]

    after = stores.reopened(failing)
    size = after.head(LEDGER).size
    asyncio.run(after.commit([an_append(LEDGER, size + i) for i in range(300)]))
    after.close()
    rows: list[bytes] = []
    pages: list[bytes] = []
    edit(tmp_path / "store", lambda txn, dbs: rows.extend(at for at, _ in txn.cursor(dbs[b"ledger"])))
    edit(tmp_path / "store", lambda txn, dbs: pages.extend(at for at, _ in txn.cursor(dbs[b"pages"])))

    assert refused == "store-latched"
    used = {page_of(LEDGER, int.from_bytes(row, "big")) for row in rows}
    assert used == {int.from_bytes(page, "big") for page in pages} - {STORE_PAGE}
    open_and_verify(tmp_path / "store")


def foreign_lmdb(path: Path) -> None:
    """Some other program's environment, with plain values under the names of our databases."""
    with lmdb.open(str(path), lib_version=0) as environment, environment.begin(write=True) as txn:
        for name in DATABASES:
            txn.put(name, b"plain")


def in_the_way(path: Path) -> None:
    """A folder where a file should be."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda path: None, "store-missing"),
        (lambda path: path.mkdir(), "store-missing"),
        (lambda path: path.write_bytes(b"no folder"), "store-missing"),
        (lambda path: (path.mkdir(), (path / "data.mdb").write_bytes(b"")), "store-unfinished"),
        (lambda path: (path.mkdir(), lmdb.open(str(path), lib_version=0).close()), "store-unfinished"),
        (lambda path: (path.mkdir(), (path / "data.mdb").write_bytes(b"no store" * 2_000)), "store-damaged"),
        (lambda path: in_the_way(a_store(path) / "store.lock"), "store-unreadable"),
        (lambda path: in_the_way(a_store(path) / "lock.mdb"), "store-unreadable"),
        (foreign_lmdb, "store-unreadable"),
    ],
    ids=[
        "nothing",
        "an empty folder",
        "a file",
        "cut at the start",
        "cut early",
        "noise",
        "lock",
        "table",
        "another's",
    ],
)
def test_what_is_no_store_is_not_opened(tmp_path: Path, prepare: Callable[[Path], object], code: str) -> None:
    """A wrong path in the settings must not begin a second, empty life."""
    prepare(tmp_path / "store")

    assert code_of(lambda: LmdbJournals.open(tmp_path / "store", KEK))[0] == code


def test_a_store_is_made_only_where_nothing_is(tmp_path: Path) -> None:
    """`init` twice must not cost the first store."""
    store = a_store(tmp_path / "store")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()

    codes = [
        code_of(lambda path=path: LmdbJournals.create(path, KEK, GENESIS))[0]
        for path in (store, tmp_path / "file", tmp_path / "missing" / "store")
    ]

    assert codes == ["store-exists", "store-exists", "store-not-made"]
    open_and_verify(store)
    LmdbJournals.create(tmp_path / "empty", KEK, GENESIS).close()


@pytest.mark.parametrize(("kek", "genesis", "at"), [(bytes(31), GENESIS, "key-encryption key"), (KEK, b"", "genesis")])
def test_a_key_or_genesis_of_another_length_is_refused(tmp_path: Path, kek: bytes, genesis: bytes, at: str) -> None:
    """A short key would be a weak one."""
    with pytest.raises(CallerError) as caught:
        LmdbJournals.create(tmp_path / "store", kek, genesis)

    assert (caught.value.code, caught.value.at) == ("store-argument", at)
    assert not (tmp_path / "store").exists()


def test_no_room_for_an_empty_store_leaves_no_lock_behind(tmp_path: Path) -> None:
    """What failed to be made can be tried again by the same process."""
    with pytest.raises(Fault, match="store-full"):
        LmdbJournals.create(tmp_path / "store", KEK, GENESIS, map_bytes=16_384, size_limit=16_384)

    assert code_of(lambda: LmdbJournals.open(tmp_path / "store", KEK))[0] == "store-unfinished"
