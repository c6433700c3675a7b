"""Threat: the store is not the one that ran last. An older one, another one, an edited one, or one without its keys.

An insider with the key of the store can make every chain in it good again; what remains is what was signed, and the
floor outside.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.testing.commands import installed
from clients.testing.served import Served
from gateway.adapters.keyfiles.kek import read_kek
from gateway.adapters.lmdb.journals import LmdbJournals
from gateway.bootstrap import load, read_floor
from gateway.core.errors import Fault
from gateway.core.ledger.book import KIND_ENTRIES, encode_account_entries, parse_account_entries
from gateway.core.suite.numbers import RecordKind
from gateway.ports.journal import Append, Journal
from gateway.settings import FILE
from gateway.usecases.rebuild import entries_of
from tests.loopback import Loopback, a_tactic

Rows = dict[Journal, list[tuple[int, bytes]]]


class Store:
    """A store that ran, twice, with a copy of it as it was after the first time."""

    def __init__(self, root: Path) -> None:
        self.world = Loopback(root)
        self.world.start("usa/arl")
        self.world.publish(RecordKind.TACTIC, a_tactic())
        self.world.stop()
        self.settings = self.world.stand.settings
        self.folder = self.settings.store.parent
        (self.folder / FILE).write_text(self.settings.to_toml())
        self.older = root / "older"
        shutil.copytree(self.settings.store, self.older)
        self.world.serve_again()
        self.world.publish(RecordKind.TACTIC, a_tactic())
        assert self.world.receive(self.world.stand.profile("usa/arl"), root / "state")
        self.world.stop()
        self.newest = root / "newest"
        shutil.copytree(self.settings.store, self.newest)

    def put(self, store: Path) -> None:
        """Somebody puts this store in place."""
        shutil.rmtree(self.settings.store)
        shutil.copytree(store, self.settings.store)

    def kek(self) -> bytes:
        """The key of the store."""
        return read_kek(self.settings.kek, self.settings.store, unsafe_kek_beside_store=True)

    def rewrite(self, edit: Callable[[Rows], None], genesis: bytes | None = None) -> None:
        """An insider writes the store anew with its own key, edited, every chain in order."""
        journals = LmdbJournals.open(self.newest, self.kek())
        rows = {journal: [(kind, entry) for _, kind, entry in entries_of(journals, journal)] for journal in Journal}
        genesis = genesis or journals.genesis
        journals.close()
        edit(rows)
        shutil.rmtree(self.settings.store)
        forged = LmdbJournals.create(self.settings.store, self.kek(), genesis)
        appends = [
            Append(journal, place, kind, entry)
            for journal, entries in rows.items()
            for place, (kind, entry) in enumerate(entries)
        ]
        asyncio.run(forged.commit(appends))
        forged.close()

    def refusal(self) -> str:
        """The code with which a start over what lies there ends."""
        with pytest.raises(Fault) as caught:
            load(self.settings, every_signature=False).journals.close()
        return caught.value.code


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for the whole file."""
    store = Store(tmp_path_factory.mktemp("floor"))
    yield store
    store.world.close()


@pytest.fixture
def store(ran: Store) -> Iterator[Store]:
    """The store as it ran last; whatever a test puts there is taken away again."""
    ran.put(ran.newest)
    yield ran
    ran.put(ran.newest)


def test_the_store_that_ran_last_starts(store: Store) -> None:
    """The refusals below are for what was changed."""
    loaded = load(store.settings, every_signature=True)
    loaded.journals.close()

    mark = read_floor(store.settings)
    assert (mark.tick, mark.control_size) == (loaded.ticks, loaded.control.position)


@pytest.mark.must("7.5.4")
def test_an_older_store_put_back_in_its_place_is_refused(store: Store) -> None:
    """Everything in it is true, and a suspension or a record may be missing from it."""
    store.put(store.older)

    assert store.refusal() == "store-below-floor"


def test_another_gateways_store_is_refused(store: Store, tmp_path: Path) -> None:
    """Whole, and of another genesis; with its own key file beside it, the floor still knows better."""
    other = Loopback(tmp_path)
    shutil.rmtree(store.settings.store)
    shutil.copytree(other.stand.settings.store, store.settings.store)
    without_its_key = store.refusal()
    kek = store.settings.kek.read_bytes()
    store.settings.kek.write_bytes(other.stand.settings.kek.read_bytes())
    try:
        with_its_key = store.refusal()
    finally:
        store.settings.kek.write_bytes(kek)
        other.close()

    assert without_its_key == "kek-wrong"
    assert with_its_key == "store-below-floor"


@pytest.mark.must("7.3.2")
def test_a_store_of_one_name_with_the_entries_of_another_is_refused(store: Store) -> None:
    """Whoever has the key could put this gateway's past under another's name."""
    store.rewrite(lambda rows: None, genesis=bytes(48))

    assert store.refusal() == "store-of-another-genesis"


def _drop(journal: Journal, place: int) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        del rows[journal][place]

    return edit


def _leave_out_a_disclosure(rows: Rows) -> None:
    """As if one partner had never been shown a record."""
    for place, (kind, entry) in enumerate(rows[Journal.LEDGER]):
        if kind == KIND_ENTRIES and b"SLUICE1/disclose\x00" in entry:
            items = parse_account_entries(entry)
            kept = [item for item in items if not item.entry.startswith(b"SLUICE1/disclose\x00")]
            rows[Journal.LEDGER][place] = (kind, encode_account_entries(kept))
            return
    raise AssertionError("nothing was disclosed")


def _change_a_statement(rows: Rows) -> None:
    """As if operators had signed another ceiling."""
    for place, (kind, entry) in enumerate(rows[Journal.CONTROL]):
        if b'ceiling = "T"' in entry:
            rows[Journal.CONTROL][place] = (kind, entry.replace(b'ceiling = "T"', b'ceiling = "U"'))
            return
    raise AssertionError("no agreement was found")


EDITS: list[tuple[str, Callable[[Rows], None], set[str]]] = [
    ("a batch is gone", _drop(Journal.RECORDS, 0), {"journal-damaged"}),
    ("the last batch is gone", _drop(Journal.RECORDS, -1), {"journal-damaged"}),
    ("a statement is gone", _drop(Journal.CONTROL, 4), {"journal-damaged"}),
    ("a statement says something else", _change_a_statement, {"journal-damaged"}),
    ("a disclosure is left out", _leave_out_a_disclosure, {"ledger-damaged"}),
    ("the last tick is gone", _drop(Journal.LEDGER, -1), {"store-below-floor", "ledger-damaged"}),
]


@pytest.mark.must("7.5.4")
@pytest.mark.parametrize(("what", "edit", "codes"), EDITS, ids=[what for what, _, _ in EDITS])
def test_a_store_rewritten_with_its_own_key_is_named(
    store: Store, what: str, edit: Callable[[Rows], None], codes: set[str]
) -> None:
    """Ticks were signed over what was there, and parties hold them."""
    store.rewrite(edit)

    assert store.refusal() in codes


@pytest.mark.must("7.5.4")
@pytest.mark.parametrize(
    ("name", "code"),
    [("floor", "floor-missing"), ("kek", "kek-missing"), ("store", "store-missing"), ("keys", "key-missing")],
)
def test_a_part_that_is_missing_is_named(store: Store, tmp_path: Path, name: str, code: str) -> None:
    """Without its floor a store cannot be told from an older one, so there is no start without it."""
    path: Path = getattr(store.settings, name)
    path.rename(tmp_path / "away")
    try:
        assert store.refusal() == code
    finally:
        (tmp_path / "away").rename(path)


@pytest.mark.must("7.5.5")
def test_the_process_refuses_as_the_start_does(store: Store) -> None:
    """By name, with a non-zero exit, and it has not listened for a moment."""
    store.put(store.older)
    done = store.world.run(_serve_once(store))

    error = json.loads(done[1].splitlines()[-1])
    assert (done[0], error["code"]) == (1, "store-below-floor")
    assert "listening" not in done[1]


async def _serve_once(store: Store) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(installed("sluice"), "serve", str(store.folder), "--listen", "127.0.0.1:0", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode().strip()


def test_after_kill_minus_nine_it_starts_again_and_knows_everything(store: Store, tmp_path: Path) -> None:
    """In the middle of its work; the floor may be a second behind, never ahead."""
    served = Served(store.folder, tmp_path / "gateway.log")
    served.start()
    store.world.stand.port = served.port
    store.world.publish(RecordKind.TACTIC, a_tactic())
    served.kill()

    served.start()
    records = store.world.receive(store.world.stand.profile("usa/arl"), tmp_path / "state", from_start=True)
    code = served.stop()

    assert code == 0
    assert len(records) == 3
    loaded = load(store.settings, every_signature=True)
    loaded.journals.close()
    assert read_floor(store.settings).tick == loaded.ticks
