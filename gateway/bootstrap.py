"""The composition root: the only file that knows which adapter fills which port.

`make_store` is `sluice init`, `load` rebuilds every fold from the journals and refuses to start on a store that is
damaged, shorter than the floor or than its own last tick, and `Gateway` runs what was loaded.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.adapters.clock import SystemClock
from gateway.adapters.floor import FloorFile
from gateway.adapters.keyfiles.kek import create_kek, read_kek
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.adapters.lmdb.journals import LmdbJournals
from gateway.adapters.owner_files import create_owner_file
from gateway.core.control.enrolment import Bundle
from gateway.core.control.entry import ControlEntry, parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Fault
from gateway.core.ledger.audit import LedgerAudit
from gateway.core.ledger.book import (
    KIND_ACCOUNT,
    KIND_ENTRIES,
    KIND_INCARNATION,
    AccountEntry,
    Book,
    encode_account,
    encode_account_entries,
)
from gateway.core.ledger.entries import HOUSE, Applied
from gateway.core.ledger.tick import CONTEXT
from gateway.core.records.states import parse_stored_batch
from gateway.core.suite.algorithms import ZERO_HASH
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import EndReason
from gateway.core.suite.tree import tree_root
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal, Journals
from gateway.rpc.server import Server, ServerIdentity
from gateway.settings import FILE, Settings
from gateway.usecases.disclose import Discloser
from gateway.usecases.enrol import gateway_bundle, new_tls_key
from gateway.usecases.govern import KIND_STATEMENT
from gateway.usecases.lanes import KIND_ADMITTED, Lanes
from gateway.usecases.quota import Quota
from gateway.usecases.running import Running
from gateway.usecases.sequence import Sequencer
from gateway.usecases.tick import Ticker
from gateway.usecases.trusted_time import TrustedTime

_PAGE = 64
GRACE_SECONDS = 3.0
_log = structlog.get_logger("sluice.gateway")


def make_gateway(folder: Path, settings: Settings, genesis: SignedStatement, roots_pem: bytes) -> Bundle:
    """A gateway's whole folder, and its bundle for the operators; the settings come last: with them it is whole."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = KeyFiles.create(folder / settings.keys)
    tls_key = new_tls_key()
    create_owner_file(folder / settings.tls_key, tls_key, "key")
    (folder / settings.roots).write_bytes(roots_pem)
    bundle = gateway_bundle(settings.gateway_id, keys, tls_key)
    (folder / "gateway.enrol").write_bytes(bundle.encoded)
    asyncio.run(make_store(settings.under(folder), genesis))
    (folder / FILE).write_text(settings.to_toml(), "utf-8")
    return bundle


def read_floor(settings: Settings) -> FloorMark:
    """The floor as it stands outside the store."""
    return FloorFile(settings.floor).read()


async def make_store(settings: Settings, genesis: SignedStatement) -> None:
    """A new store with its first entries, its key-encryption key and its floor; every operator must have signed."""
    now_ms = SystemClock().wall_ms()
    entry = ControlEntry(genesis, (), now_ms)
    control = Control.begin(entry)
    kek = create_kek(settings.kek, settings.store, unsafe_kek_beside_store=settings.unsafe_kek_beside_store)
    journals = LmdbJournals.create(settings.store, kek, control.genesis)
    incarnation = secrets.token_bytes(16)
    applied = encode_account_entries([AccountEntry(HOUSE, Applied(0, control.head).encode())])
    try:
        await journals.commit(
            [
                Append(Journal.CONTROL, 0, KIND_STATEMENT, entry.encode()),
                Append(Journal.LEDGER, 0, KIND_INCARNATION, incarnation),
                Append(Journal.LEDGER, 1, KIND_ACCOUNT, encode_account(HOUSE, 0)),
                Append(Journal.LEDGER, 2, KIND_ENTRIES, applied),
            ]
        )
    finally:
        journals.close()
    FloorFile.create(settings.floor, FloorMark(incarnation, 0, 1))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Every fold, rebuilt and checked. links[i]: head of CONTROL after i statements."""

    journals: LmdbJournals
    keys: KeyFiles
    floor: FloorFile
    control: Control
    links: tuple[bytes, ...]
    book: Book
    lanes: Lanes
    quota: Quota
    last_tick_ms: int
    ticks: int


def load(settings: Settings, *, every_signature: bool) -> Loaded:
    """Opens the store and rebuilds everything; raises `Fault` on whatever does not add up.

    every_signature: verify each tick's signature and not only the last one's.
    """
    keys = KeyFiles(settings.keys)
    floor = FloorFile(settings.floor)
    kek = read_kek(settings.kek, settings.store, unsafe_kek_beside_store=settings.unsafe_kek_beside_store)
    journals = LmdbJournals.open(settings.store, kek)
    try:
        journals.verify()
        return _fold(journals, keys, floor, every_signature)
    except BaseException:
        journals.close()
        raise


def _fold(journals: LmdbJournals, keys: KeyFiles, floor: FloorFile, every_signature: bool) -> Loaded:
    control, links = _fold_control(journals)
    key = VerifyKey.parse(keys.ledger().public_key)
    book, quota, lanes = Book(control.genesis), Quota(), Lanes()

    def link_at(position: int) -> bytes:
        if position >= len(links):
            raise Fault("ledger-damaged", "a tick speaks of statements that are not there", at="LEDGER")
        return links[position]

    audit = LedgerAudit(control.genesis, link_at, key if every_signature else None)
    for position, kind, entry in _entries(journals, Journal.LEDGER):
        book.apply(position, kind, entry)
        quota.apply(kind, entry)
        audit.feed(position, kind, entry)
    for _, kind, entry in _entries(journals, Journal.RECORDS):
        lanes.apply(kind, entry)
    if book.last_tick is not None:
        key.verify(CONTEXT, book.last_tick.statement, book.last_tick.signature, "tick")
    mark = floor.read()
    if mark.incarnation != book.incarnation or mark.tick > book.ticks.size or mark.control_size > control.position:
        raise Fault(
            "store-below-floor",
            f"the store must show at least tick {mark.tick} and {mark.control_size} statements of the incarnation that "
            f"ran last, it shows {book.ticks.size} and {control.position}",
            do="this is an older store or another one; it stays sealed until operators restore",
        )
    last_ms = audit.last.time_ms if audit.last else 0
    return Loaded(journals, keys, floor, control, tuple(links), book, lanes, quota, last_ms, audit.ticks)


def _fold_control(journals: Journals) -> tuple[Control, list[bytes]]:
    control: Control | None = None
    links = [ZERO_HASH]
    for position, kind, raw in _entries(journals, Journal.CONTROL):
        if kind != KIND_STATEMENT:
            raise Fault("journal-damaged", f"control entry kind {kind} is unknown", at=f"CONTROL {position}")
        entry = parse_entry(raw)
        control = Control.begin(entry) if control is None else control.apply(entry)
        links.append(control.head)
    if control is None:
        raise Fault("journal-damaged", "CONTROL must begin with the genesis, it is empty", at="CONTROL")
    return control, links


def _entries(journals: Journals, journal: Journal) -> Iterator[tuple[int, int, bytes]]:
    position = 0
    while page := journals.read(journal, position, _PAGE):
        for stored in page:
            yield stored.position, stored.kind, stored.entry
        position += len(page)


class Gateway:
    """One running gateway: the tasks, the server, and the way down."""

    def __init__(self, settings: Settings, loaded: Loaded) -> None:
        self._settings = settings
        self._loaded = loaded
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sign")
        time = TrustedTime(SystemClock(), loaded.last_tick_ms)
        sequencer = Sequencer(loaded.journals, loaded.book)
        discloser = Discloser(loaded.keys, time, loaded.quota)
        sequencer.disclose = discloser.disclose
        self._ticker = Ticker(
            sequencer=sequencer,
            book=loaded.book,
            key=loaded.keys.ledger(),
            time=time,
            floor=loaded.floor,
            control_head=lambda: (self.running.control.position, self.running.control.head),
            pool=self._pool,
        )
        self.running = Running(
            control=loaded.control,
            journals=loaded.journals,
            keys=loaded.keys,
            book=loaded.book,
            lanes=loaded.lanes,
            time=time,
            sequencer=sequencer,
            ticker=self._ticker,
            discloser=discloser,
        )
        identity = ServerIdentity(
            settings.tls_key.read_bytes(), settings.certificate.read_bytes(), settings.roots.read_bytes()
        )
        self._server = Server(self.running, identity)

    async def serve(self, stop: asyncio.Event, listening: Callable[[int], None]) -> None:
        """Until `stop` is set, or until store, ledger or floor fail: then the Fault is raised."""
        # Writer and signature threads wait for the interpreter behind the loop's own work; this lets them in sooner.
        sys.setswitchinterval(0.0005)
        tasks = [
            asyncio.create_task(self.running.sequencer.run(), name="sequencer"),
            asyncio.create_task(self._ticker.run(), name="ticker"),
            asyncio.create_task(self._ticker.keep_floor(), name="floor"),
        ]
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            listening(await self._server.start(self._settings.listen))
            done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._stop(tasks, stopping)

    async def _stop(self, tasks: list[asyncio.Task[None]], stopping: asyncio.Task[bool]) -> None:
        for subscription in list(self.running.discloser.subscriptions.values()):
            subscription.end(EndReason.SHUTDOWN, "the gateway is stopping; open again")
        await self._server.stop(GRACE_SECONDS)
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
        try:
            await self._ticker.raise_floor()
        finally:
            self._pool.shutdown()
            self._loaded.journals.close()
            _log.info("gateway.stopped")


def check_batches(loaded: Loaded) -> tuple[int, int, int]:
    """(batches, records, doubled) of RECORDS: every batch under its source's key, every record under its root.

    Raises `Refused` or `Fault` at the first that does not verify. A batch admitted twice counts as doubled.
    """
    batches = records = doubled = 0
    seen: set[bytes] = set()
    keys: dict[str, VerifyKey] = {}
    for _, kind, entry in _entries(loaded.journals, Journal.RECORDS):
        if kind != KIND_ADMITTED:
            continue
        stored = parse_stored_batch(entry)
        source_id = stored.signed.batch.source_id
        if source_id not in keys:
            keys[source_id] = VerifyKey.parse(loaded.control.source(source_id).public_key)
        stored.signed.check_signature(keys[source_id])
        if tree_root([view.leaf() for view in stored.views]) != stored.signed.batch.root:
            raise Fault("journal-damaged", "a batch's records do not lead to the root its source signed", at="RECORDS")
        doubled += stored.signed.digest in seen
        seen.add(stored.signed.digest)
        batches, records = batches + 1, records + len(stored.views)
    return batches, records, doubled
