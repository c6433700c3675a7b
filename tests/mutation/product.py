"""The clients and the core as readers that can be kept before an item and asked again.

Each reader is what a party runs: the replay of a partner's recording, the fold of CONTROL, the gateway's parcel reader,
and in `product_source` a source's upload with its outbox. `copy` costs microseconds, so that a change is judged by a
reader that has never seen another one; `take` raises what the product raises. Nothing of the product is replaced: a
copy shares what the product never changes in place, and has its own of all that it does.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import replace
from typing import Self

from clients.partner.checks import StreamChecks
from clients.partner.events import OldDisclosure, Records
from clients.partner.recording import Begun, Replay
from clients.profile import Profile
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.core.control.entry import parse_entry
from gateway.core.control.fold import Control
from gateway.core.control.trust import Trust
from gateway.core.errors import Refused
from gateway.core.records.states import parse_batch_item, verify_batch
from gateway.core.sealing.parcel import ParcelReader, parse_parcel_header
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.algorithms import digest
from gateway.core.suite.keys import KemKey, VerifyKey
from gateway.core.suite.octets import Reader
from tests.day import again
from tests.mutation.product_source import ProductConnections, other_kind, twin_ledger
from tests.mutation.recorded import DAY, File, Item, Kind, folder, keys_of, profile_of

Facts = tuple[object, ...]


class ProductStreams:
    """A partner's recording. handed_up: a digest over all that was given to the partner; aside: codes."""

    def __init__(self, name: str) -> None:
        path = profile_of(name)
        self._replay = Replay(Profile.load(path), path)
        self.handed_up = b""
        self.aside: tuple[str, ...] = ()

    def copy(self) -> Self:
        """An independent reader in the same state."""
        twin, replay = copy.copy(self), copy.copy(self._replay)
        replay._masks, replay._leaves = dict(replay._masks), set(replay._leaves)
        if replay._checks is not None:
            replay._checks = _twin_checks(replay._checks, replay)
        twin._replay = replay
        return twin

    def take(self, item: Item) -> None:
        """The next item, as `Replay.events` takes it."""
        replay = self._replay
        if item.kind is Kind.STREAM:
            replay._checks = replay._begin(_begun(item.octets))
        elif item.kind is Kind.MESSAGE and replay._checks is not None:
            event = replay._checks.receive(item.octets, item.now_ms, item.waited_ms)
            replay._trust = replay._checks.trust
            replay._take(event)
            if isinstance(event, (Records, OldDisclosure)):
                self.handed_up = digest(self.handed_up + repr(event).encode())
            if isinstance(event, Records):
                self.aside += tuple(one.code.name.lower().replace("_", "-") for one in event.quarantined)
        else:
            raise other_kind()

    @property
    def trust(self) -> Trust:
        """What the partner trusts now."""
        return self._replay._trust

    def stored(self) -> Facts:
        """What a partner would find on its disk."""
        checks = self._replay._checks
        return id(self.trust), checks.ledger.encode() if checks else b"", len(self._replay._masks)

    def state(self) -> Facts:
        """Everything that decides on what comes next."""
        checks, replay = self._replay._checks, self._replay
        known = (replay._masks, replay._leaves, self.handed_up)
        if checks is None:
            return *known, self.trust.encode()
        opened, ledger = checks._opened, checks.ledger
        sealed = (opened._keys.th, opened._seq, opened._entry_seq) if opened else ()
        held = (ledger.held.size, ledger.held.nodes(), ledger.owed, ledger.encode())
        return *known, *sealed, *held, checks._phase, checks._leaves, checks._hello.encode(), self.trust.encode()

    def outcome(self) -> Facts:
        """What is left of a file when it has been read: records, masks, account, trust."""
        checks, replay = self._replay._checks, self._replay
        root = checks.ledger.held.root() if checks else b""
        return self.handed_up, replay._masks, root, self.trust.encode()

    def masks(self) -> dict[tuple[bytes, int], int]:
        """What was handed up of which record."""
        return self._replay._masks

    def verified(self) -> frozenset[bytes]:
        """Links of the statements that counted."""
        return self.trust.verified


@functools.lru_cache(maxsize=32)
def _begun(content: bytes) -> Begun:
    reader = Reader(content, "recording")
    hello = SignedHello.parse(reader.lp32("hello", len(content)))
    begun = Begun(hello, KemKey.from_pem(reader.lp32("key", 16_384)), reader.lp32("ledger state", len(content)))
    reader.done()
    return begun


def _twin_checks(checks: StreamChecks, replay: Replay) -> StreamChecks:
    twin = copy.copy(checks)
    twin.ledger = twin_ledger(checks.ledger)
    twin._leaves = list(checks._leaves)
    twin._held = lambda batch, idx: replay._masks.get((batch, idx), 0)
    twin._is_entry_held = replay._leaves.__contains__
    if checks._opened is not None:
        opened = copy.copy(checks._opened)
        opened._ledger, opened._held, opened._is_entry_held = twin.ledger, twin._held, twin._is_entry_held
        twin._opened = opened
    return twin


class ProductControl:
    """The journal as a gateway folds it."""

    def __init__(self, name: str = "") -> None:
        self.control: Control | None = None

    def copy(self) -> Self:
        """The same state."""
        return copy.copy(self)

    def take(self, item: Item) -> None:
        """The next entry."""
        if item.kind is not Kind.CONTROL:
            raise other_kind()
        entry = parse_entry(item.octets)
        self.control = Control.begin(entry) if self.control is None else self.control.apply(entry)

    def stored(self) -> Facts:
        """An immutable state is the same or another."""
        return (id(self.control),)

    def state(self) -> Facts:
        """Everything."""
        return (self.control,)

    def outcome(self) -> Facts:
        """Everything but what the gateway's clock said."""
        if self.control is None:
            return ()
        opened = {link: replace(one, opened_at_ms=0) for link, one in self.control.proposals.items()}
        return (replace(self.control, clock_ms=0, proposals=opened),)

    def masks(self) -> dict[tuple[bytes, int], int]:
        """No record stands in CONTROL: its statements by number."""
        return {(b"", number): 1 for number in range(self.control.position if self.control else 0)}

    def verified(self) -> frozenset[bytes]:
        """Nothing is passed over in CONTROL."""
        return frozenset()


class ProductParcels:
    """Parcels as a gateway opens them, their batches under the keys that CONTROL admits."""

    def __init__(self, name: str) -> None:
        self._party = DAY["files"][name]["party"]
        self._control, self._key = _evening()
        self._parcel: ParcelReader | None = None
        self._place: Facts = ()
        self.batches: tuple[bytes, ...] = ()

    def copy(self) -> Self:
        """An independent reader in the same state."""
        twin = copy.copy(self)
        twin._parcel = copy.copy(self._parcel)
        return twin

    def take(self, item: Item) -> None:
        """A header, or what a parcel holds."""
        if item.kind is Kind.HEADER:
            header = parse_parcel_header(item.octets)
            if header.genesis != self._control.genesis or header.source_id != self._party:
                raise Refused("parcel-not-for-us", "the parcel is not the source's own", at="parcel")
            self._parcel, self._place = ParcelReader(header, self._key), (header.parcel_id,)
        elif item.kind is Kind.PIECE and self._parcel is not None:
            self._piece(self._parcel, item.octets)
        else:
            raise other_kind()

    def _piece(self, parcel: ParcelReader, octets: bytes) -> None:
        plaintext = parcel.open(octets)
        if plaintext is not None:
            unverified = parse_batch_item(plaintext)
            if unverified.signed.batch.source_id != self._party:
                raise Refused("key-not-endorsed", "the batch is not the source's own", at="batch.source_id")
            key = VerifyKey.parse(self._control.source(self._party).public_key)
            self.batches += (verify_batch(unverified, key, self._control.genesis).signed.digest,)

    def stored(self) -> Facts:
        """The batches."""
        return (self.batches,)

    def state(self) -> Facts:
        """Everything that decides on what comes next."""
        counted = (self._parcel._counter, self._parcel.complete) if self._parcel else ()
        return *self._place, *counted, self.batches

    def outcome(self) -> Facts:
        """The batches."""
        return (self.batches,)

    def masks(self) -> dict[tuple[bytes, int], int]:
        """The batches."""
        return {(name, 0): 1 for name in self.batches}

    def verified(self) -> frozenset[bytes]:
        """Nothing is passed over in a parcel."""
        return frozenset()


@functools.cache
def _evening() -> tuple[Control, KemKey]:
    state, _ = again.control(folder() / "control.sluice")
    return state, KeyFiles(keys_of(DAY["gateway"]["id"])).ingest()


Product = ProductStreams | ProductConnections | ProductControl | ProductParcels


def product_of(file: File) -> Product:
    """The product's reader at the beginning of a file."""
    known: dict[str, type[Product]] = {
        "streams": ProductStreams,
        "connections": ProductConnections,
        "control": ProductControl,
        "parcels": ProductParcels,
    }
    return known[file.holds](file.name)
