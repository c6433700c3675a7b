"""The composition root: the only file that knows which adapter fills which port.

`make_gateway` is `sluice init`, `load` opens the store and has every fold rebuilt, which refuses one that is damaged,
rewritten or older than the floor, and `Gateway` runs what was loaded.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from gateway.adapters.backup import BackupFolder, Manifest, check_files, copy_out
from gateway.adapters.clock import SystemClock
from gateway.adapters.floor import FloorFile
from gateway.adapters.keyfiles.kek import create_kek, read_kek
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.adapters.lmdb import LmdbJournals, copy_store, kept_out
from gateway.adapters.oidc import HttpsIssuers
from gateway.adapters.owner_files import create_owner_file, read_owner_file, replace_owner_file, sync_directory
from gateway.adapters.pending import PendingFile
from gateway.adapters.server_files import ServerFiles
from gateway.core.control.enrolment import Bundle
from gateway.core.control.entry import ControlEntry
from gateway.core.control.fold import Control
from gateway.core.control.statement import SignedStatement
from gateway.core.errors import Fault
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
from gateway.core.suite.numbers import EndReason
from gateway.ports.floor import FloorMark
from gateway.ports.journal import Append, Journal
from gateway.rpc.boundary import MAX_CALLS_EACH
from gateway.rpc.server import Server
from gateway.rpc.server_certificate import ServerIdentity
from gateway.settings import FILE, Settings
from gateway.usecases.disclose import Discloser
from gateway.usecases.enrol import gateway_bundle, is_certificate_of, new_tls_key
from gateway.usecases.govern import KIND_STATEMENT
from gateway.usecases.own_keys import keep_keys, look_at_keys
from gateway.usecases.rebuild import Folds, fold, rebuild
from gateway.usecases.release import STOPPING_TEXT
from gateway.usecases.restore import NO_FLOOR, RestoredStore, restore
from gateway.usecases.running import Running
from gateway.usecases.sequence import Sequencer
from gateway.usecases.shown import Shown, shown_by
from gateway.usecases.tick import Ticker
from gateway.usecases.token import TokenDesk
from gateway.usecases.trusted_time import TrustedTime

__all__ = [
    "BackupFolder",
    "FloorMark",
    "Gateway",
    "Loaded",
    "Manifest",
    "check_files",
    "copy_out",
    "copy_store",
    "glance",
    "kept_out",
    "load",
    "look",
    "make_gateway",
    "make_store",
    "mark_of",
    "read_floor",
    "replace_owner_file",
    "restore_store",
    "seal",
    "sync_directory",
]

GRACE_SECONDS = 3.0
SWITCH_SECONDS = 0.0005
MAX_TLS_KEY_BYTES = 16 * 1024
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


def make_next_keys(folder: Path, settings: Settings) -> Bundle:
    """The next set of a gateway's keys beside the present one, and the bundle that operators endorse.

    settings: with paths under `folder`. The gateway may run: it looks for the set when a directory is applied.
    """
    made = KeyFiles(settings.keys).create_next()
    tls_key = new_tls_key()
    create_owner_file(settings.keys / f"tls.{made.number}.key", tls_key, "key")
    bundle = gateway_bundle(settings.gateway_id, made, tls_key)
    (folder / "gateway.enrol").write_bytes(bundle.encoded)
    return bundle


def take_next_certificate(settings: Settings, chain_pem: bytes) -> None:
    """Puts the next TLS key in use with its certificate; refuses `certificate-key` for one of another key.

    A gateway that runs shows it from the next handshake on. Cut off in between, it is done again.
    """
    for path in sorted(settings.keys.glob("tls.*.key")):
        key_pem = read_owner_file(path, MAX_TLS_KEY_BYTES, "key")
        if is_certificate_of(chain_pem, key_pem):
            # The key first: what does not fit together is not taken up by a gateway that runs.
            replace_owner_file(settings.tls_key, key_pem)
            ServerFiles(settings.tls_key, settings.certificate, settings.roots).write_chain(chain_pem)
            path.unlink()
            return
    raise Fault("certificate-key", "the certificate must be of the next TLS key, it is of another", at="--certificate")


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
    """An open store with every fold, rebuilt and checked."""

    journals: LmdbJournals
    keys: KeyFiles
    floor: FloorFile
    folds: Folds
    pending: PendingFile

    @property
    def control(self) -> Control:
        """CONTROL as it stands."""
        return self.folds.control

    @property
    def book(self) -> Book:
        """All accounts."""
        return self.folds.book

    @property
    def ticks(self) -> int:
        """Ticks that were checked."""
        return self.folds.ticks


def load(settings: Settings, *, every_signature: bool, below_floor: bool = False) -> Loaded:
    """Opens the store and rebuilds everything; raises `Fault` on whatever does not add up.

    every_signature: verify each tick's signature and not only the last one's.
    below_floor: also a store that is older than its floor, to look at it; `Gateway` must not run one.
    """
    keys = KeyFiles(settings.keys)
    floor = FloorFile(settings.floor)
    kek = read_kek(settings.kek, settings.store, unsafe_kek_beside_store=settings.unsafe_kek_beside_store)
    journals = LmdbJournals.open(settings.store, kek)
    try:
        journals.verify()
        if below_floor:
            folds = fold(journals, keys, every_signature=every_signature)
        else:
            folds = rebuild(journals, keys, floor, every_signature=every_signature)
        journals.check_genesis(folds.control.genesis)
        return Loaded(journals, keys, floor, folds, PendingFile(settings.store, kek, folds.control.genesis))
    except BaseException:
        journals.close()
        raise


def look(settings: Settings, store: Path, *, every_signature: bool) -> Loaded:
    """A store that nobody runs from, read only and wherever it lies, with every fold; the floor is not asked.

    Raises as `load`, and writes nothing beside the store.
    """
    keys = KeyFiles(settings.keys)
    kek = read_kek(settings.kek, settings.store, unsafe_kek_beside_store=settings.unsafe_kek_beside_store)
    journals = LmdbJournals.open(store, kek, read_only=True)
    try:
        journals.verify()
        folds = fold(journals, keys, every_signature=every_signature)
        journals.check_genesis(folds.control.genesis)
        pending = PendingFile(store, kek, folds.control.genesis)
        return Loaded(journals, keys, FloorFile(settings.floor), folds, pending)
    except BaseException:
        journals.close()
        raise


def glance(settings: Settings) -> Shown:
    """How far the store goes, by its last entries; it must not run. Raises `Fault` if that cannot be seen."""
    kek = read_kek(settings.kek, settings.store, unsafe_kek_beside_store=settings.unsafe_kek_beside_store)
    journals = LmdbJournals.open(settings.store, kek, read_only=True)
    try:
        return shown_by(journals)
    finally:
        journals.close()


def mark_of(settings: Settings) -> FloorMark | None:
    """The floor as it stands; None where there is none, or none that is whole."""
    try:
        return read_floor(settings)
    except Fault as fault:
        if fault.code not in NO_FLOOR:
            raise
        return None


def seal(settings: Settings, shown: Shown) -> None:
    """Makes sure that no gateway starts from a store that was put back and shows no more than this.

    Where the floor has seen no more than the store it is raised by a tick: whether the store was the last to run is for
    the operators to say. Where there is no floor, that alone keeps a gateway from starting.
    """
    mark = mark_of(settings)
    if mark is not None and not shown.is_below(mark):
        FloorFile(settings.floor).raise_to(replace(mark, tick=shown.ticks + 1, control_size=shown.statements))


async def restore_store(settings: Settings, proposed: Sequence[SignedStatement]) -> RestoredStore:
    """Applies a signed RESTORE and what stands behind it to a store that was put back; no process may run from it.

    Refuses and raises as `usecases.restore.restore`, and as `load`.
    """
    kek = read_kek(settings.kek, settings.store, unsafe_kek_beside_store=settings.unsafe_kek_beside_store)
    journals = LmdbJournals.open(settings.store, kek)
    try:
        journals.verify()
        keys, floor = KeyFiles(settings.keys), FloorFile(settings.floor)
        return await restore(journals, keys, floor, proposed, SystemClock().wall_ms())
    finally:
        journals.close()


def _issuers(settings: Settings) -> HttpsIssuers | None:
    """Where keys of issuers of access tokens come from; None where the settings name no roots for them."""
    if settings.token_roots is None:
        return None
    try:
        roots_pem = settings.token_roots.read_bytes()
    except OSError as error:
        raise Fault(
            "token-roots", "the roots of issuers must be a file that can be read", at=str(settings.token_roots)
        ) from error
    return HttpsIssuers.under_roots(roots_pem, SystemClock())


class Gateway:
    """One running gateway: the tasks, the server, and the way down."""

    def __init__(self, settings: Settings, loaded: Loaded, *, calls_each: int = MAX_CALLS_EACH) -> None:
        """Takes over the open store; if anything is missing to run it is closed and the `Fault` raised.

        calls_each: that a party may have open at a time; no setting says another number.
        """
        try:
            self._make(settings, loaded, calls_each)
        except BaseException:
            loaded.journals.close()
            raise

    def _make(self, settings: Settings, loaded: Loaded, calls_each: int) -> None:
        self._settings = settings
        self._journals = loaded.journals
        folds = loaded.folds
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sign")
        time = TrustedTime(SystemClock(), folds.last_tick_ms)
        folds.quota.begin(time.now_ms())
        sequencer = Sequencer(loaded.journals, folds.book)
        discloser = Discloser(loaded.keys, time, folds.quota)
        sequencer.disclose = discloser.disclose
        self._ticker = Ticker(
            sequencer=sequencer,
            book=folds.book,
            key=loaded.keys.ledger,
            time=time,
            floor=loaded.floor,
            control_head=lambda: (self.running.control.position, self.running.control.head),
            pool=self._pool,
        )
        self.running = Running(
            control=folds.control,
            journals=loaded.journals,
            keys=loaded.keys,
            book=folds.book,
            lanes=folds.lanes,
            time=time,
            sequencer=sequencer,
            ticker=self._ticker,
            discloser=discloser,
        )
        look_at_keys(self.running)
        files = ServerFiles(settings.tls_key, settings.certificate, settings.roots)
        self._issuers = _issuers(settings)
        if self._issuers is not None:
            uri = ServerIdentity(*files.read()).identity().uri
            self.running.tokens = TokenDesk(self._issuers, uri)
        self._server = Server(
            self.running,
            loaded.pending,
            gateway_id=settings.gateway_id,
            read=lambda: ServerIdentity(*files.read()),
            write=files.write_chain,
            calls_each=calls_each,
        )

    async def serve(self, stop: asyncio.Event, listening: Callable[[int], None]) -> None:
        """Until `stop` is set, or until store, ledger or floor fail: then the Fault is raised."""
        # Writer and signature threads wait for the interpreter behind the loop's own work; this lets them in sooner.
        sys.setswitchinterval(SWITCH_SECONDS)
        tasks = [
            asyncio.create_task(self.running.sequencer.run(), name="sequencer"),
            asyncio.create_task(self._ticker.run(), name="ticker"),
            asyncio.create_task(self._ticker.keep_floor(), name="floor"),
            asyncio.create_task(self._server.keep_certificate(), name="certificate"),
            asyncio.create_task(keep_keys(self.running), name="keys"),
        ]
        stopping = asyncio.create_task(stop.wait(), name="stop")
        failed = True
        try:
            listening(await self._server.start(self._settings.listen))
            done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            failed = False
        finally:
            await self._stop(tasks, stopping, failed=failed)

    async def _stop(self, tasks: list[asyncio.Task[None]], stopping: asyncio.Task[bool], *, failed: bool) -> None:
        """Streams and connections hear of it, calls end, the last tick covers everything, the floor follows."""
        self.running.stopping.set()
        for subscription in list(self.running.discloser.subscriptions.values()):
            subscription.end(EndReason.SHUTDOWN, STOPPING_TEXT)
        self._ticker.wake_all()
        await self._server.stop(GRACE_SECONDS)
        if not failed:
            self._ticker.finish()
            await asyncio.wait(tasks, timeout=GRACE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, stopping):
            task.cancel()
        ended = await asyncio.gather(*tasks, stopping, return_exceptions=True)
        try:
            if not failed:
                await self._ticker.raise_floor()
                # What fails on the way down is a failure too: whoever runs the process must hear of it.
                for fault in (one for one in ended if isinstance(one, Fault)):
                    raise fault
        finally:
            if self._issuers is not None:
                await self._issuers.close()
            self._pool.shutdown()
            self._journals.close()
            _log.info("gateway.stopped", failed=failed)
