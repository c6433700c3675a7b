"""The second reader with the face that `product` gives the first: `copy`, `take`, and what it holds.

A refused message leaves it as it was, and all its copies share one memory of signatures that verified.
"""

from __future__ import annotations

import copy
import functools
from typing import Self

from tests.mutation.recorded import DAY, File, Item, Kind, file, keys_of, profile_of
from tests.reference.reader import (
    ConnectionReader,
    Ledger,
    Memory,
    ParcelReader,
    Profile,
    Refusal,
    Session,
    StreamReader,
    Trust,
)
from tests.reference.reader.suite import KemKey

Facts = tuple[object, ...]
MEMORY = Memory()


def _trusted(trust: Trust) -> Facts:
    proposed = trust.proposals
    return trust.roster_link, trust.roster, trust.counted, proposed, trust.restores, trust.dir, trust.endorsed


def _ledger(ledger: Ledger) -> Facts:
    last = ledger.last.raw if ledger.last else b""
    return last, ledger.frontier, ledger.place, ledger.held, ledger.owed, ledger.seen


class SecondSession:
    """A file of streams, connections or CONTROL."""

    def __init__(self, name: str) -> None:
        told = DAY["files"][name]
        profile = Profile.parse(profile_of(name).read_bytes(), MEMORY) if told.get("party") else None
        kem = KemKey.parse((keys_of(told["party"]) / "kem.pem").read_bytes()) if told["holds"] == "streams" else None
        self.session = Session(profile, kem, None, MEMORY)

    def copy(self) -> Self:
        """The same file as far as it was read."""
        twin = copy.copy(self)
        twin.session = self.session.copy()
        return twin

    def take(self, item: Item) -> None:
        """The next item."""
        reader = self.session.reader
        if item.waited_ms and isinstance(reader, StreamReader):
            reader.receive(item.octets, item.now_ms, item.waited_ms)
        else:
            self.session.take(item.kind, item.content())

    def _trust(self) -> Trust | None:
        return self.session.reader.trust if self.session.reader else self.session.trust

    def stored(self) -> Facts:
        """What was there before a refused item is there after it."""
        reader, control = self.session.reader, self.session.control
        if reader is None:
            return control.position, control.head, control.applied_at
        return id(reader.trust), id(reader.ledger), len(self.masks()), id(self.session.trust)

    def state(self) -> Facts:
        """Everything that decides on what comes next."""
        reader, trust = self.session.reader, self._trust()
        trusted = _trusted(trust) if trust else ()
        if isinstance(reader, StreamReader):
            phase = (reader.begun, reader.ticked, reader.framed, reader.ended, reader.seq, reader.disclosures)
            opened = (reader.terms.th if reader.terms else b"", reader.keys, reader.listed, reader.hello)
            return *trusted, *_ledger(reader.ledger), *phase, *opened, reader.masks, reader.quarantined
        if isinstance(reader, ConnectionReader):
            return *trusted, *_ledger(reader.ledger), reader.decided, reader.pending, reader.begun
        return *trusted, *self._control()

    def _control(self, *without: str) -> Facts:
        told = vars(self.session.control)
        return tuple(value for name, value in told.items() if name not in {"memory", "counts", *without})

    def outcome(self) -> Facts:
        """What is left of a file when it has been read."""
        reader, trust = self.session.reader, self._trust()
        if reader is None or trust is None:
            proposals = {link: one for link, (one, _) in self.session.control.proposals.items()}
            return *self._control("applied_at", "proposals"), proposals
        told = reader.masks if isinstance(reader, StreamReader) else reader.decided
        return told, reader.ledger.held.root(), *_trusted(trust)

    def masks(self) -> dict[tuple[bytes, int], int]:
        """What was shown of which record, or which batches were decided, or how many statements applied."""
        reader = self.session.reader
        if isinstance(reader, StreamReader):
            return reader.masks
        if isinstance(reader, ConnectionReader):
            return {(name, 0): 1 for name in reader.decided}
        return {(b"", number): 1 for number in range(self.session.control.position)}

    def verified(self) -> frozenset[bytes]:
        """Links of the statements that counted."""
        trust = self._trust()
        return trust.counted if trust else frozenset()


class SecondParcels:
    """Parcels, their batches under the keys that CONTROL endorses."""

    def __init__(self, name: str) -> None:
        self._party = DAY["files"][name]["party"]
        self._trust, self._key = _evening()
        self._parcel: ParcelReader | None = None
        self.batches: tuple[bytes, ...] = ()

    def copy(self) -> Self:
        """The same parcels as far as they were read."""
        twin = copy.copy(self)
        twin._parcel = self._parcel.copy() if self._parcel else None
        return twin

    def take(self, item: Item) -> None:
        """A header, or what a parcel holds."""
        if item.kind is Kind.HEADER:
            parcel = ParcelReader(self._key, self._trust.genesis, self._trust, self._party)
            parcel.take(item.octets)
            self._parcel = parcel
        elif item.kind is Kind.PIECE and self._parcel is not None:
            before = len(self._parcel.batches)
            self._parcel.take(item.octets)
            self.batches += tuple(one.batch.digest for one in self._parcel.batches[before:])
        else:
            raise Refusal("malformed", "item.type")

    def stored(self) -> Facts:
        """The batches."""
        return (self.batches,)

    def state(self) -> Facts:
        """Everything that decides on what comes next."""
        parcel = self._parcel
        return (parcel.parcel_id, len(parcel.batches), parcel.closed, self.batches) if parcel else (self.batches,)

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
def _evening() -> tuple[Trust, KemKey]:
    session = Session(memory=MEMORY)
    for item in file("control.sluice").items:
        session.take(item.kind, item.content())
    ingest = keys_of(DAY["gateway"]["id"]) / "ingest.pem"
    return session.control.trust(), KemKey.parse(ingest.read_bytes())


Second = SecondSession | SecondParcels


def second_of(read: File) -> Second:
    """The second reader at the beginning of a file."""
    return SecondParcels(read.name) if read.holds == "parcels" else SecondSession(read.name)
