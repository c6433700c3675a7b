"""Evidence: what somebody received, kept as it came, checked again item by item. SPEC.md section 13."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

from .accounts import TICK, AccountsReader
from .control import ControlReader
from .ledger import Ledger
from .octets import Cut, Refusal, require
from .origin import ParcelReader
from .profile import Profile
from .source import ConnectionReader
from .stream import Hello, StreamReader
from .suite import KemKey, Memory
from .trust import Trust

OPENING = b"SLUICE1/recording\0"
STREAM, MESSAGE, CONNECTION, CONTROL, PARCEL = range(1, 6)
LAST = 10


def items(file: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each item of a file; a last one that was cut while it was written is passed over."""
    require(file.startswith(OPENING), "malformed", "recording.tag")
    place = len(OPENING)
    while place < len(file):
        require(1 <= file[place] <= LAST, "malformed", "recording.type")
        length = int.from_bytes(file[place + 1 : place + 5], "big")
        if place + 5 + length > len(file) or place + 5 > len(file):
            return
        yield file[place], file[place + 5 : place + 5 + length]
        place += 5 + length


class Session:
    """One file of evidence being read: which reader is at work, and what those before it led to.

    `profile` anchors streams and connections, `kem_key` opens streams, `ingest_key` parcels. A file of CONTROL needs
    none of them; parcels are checked under the keys that the CONTROL entries before them endorse.
    """

    def __init__(
        self,
        profile: Profile | None = None,
        kem_key: KemKey | None = None,
        ingest_key: KemKey | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.memory = memory or Memory()
        self.profile = profile
        self.kem_key = kem_key
        self.ingest_key = ingest_key
        self.trust = profile.trust(self.memory) if profile else None
        self.reader: StreamReader | ConnectionReader | None = None
        self.control = ControlReader(self.memory)
        self.accounts = AccountsReader(self.memory)
        self.masks: dict[tuple[bytes, int], int] = {}
        self.seen: frozenset[bytes] = frozenset()
        self.decided: dict[bytes, tuple[str, bytes, int]] = {}
        self.counts: dict[str, int] = {}

    def copy(self) -> Session:
        """The same file as far as it was read."""
        twin = copy.copy(self)
        twin.reader = self.reader.copy() if self.reader else None
        twin.control, twin.accounts = self.control.copy(), self.accounts.copy()
        return twin

    def take(self, kind: int, item: bytes) -> None:
        """Takes the next item, or nothing of it."""
        rules: dict[int, Callable[[bytes], None]] = {
            STREAM: self._stream,
            MESSAGE: self._message,
            CONNECTION: self._connection,
        }
        rules |= {CONTROL: self._statement, PARCEL: self._parcel}
        for number in range(TICK, LAST + 1):
            rules[number] = lambda one, number=number: self.accounts.take(number, one, self.control)  # type: ignore[misc]
        require(kind in rules, "malformed", "item.type")
        rules[kind](item)

    def totals(self) -> dict[str, int]:
        """What was verified so far."""
        read = dict(self.counts)
        for counts in (self.reader.counts if self.reader else {}, self.control.counts):
            for name, count in counts.items():
                read[name] = read.get(name, 0) + count
        return read

    def _close(self) -> None:
        """What the reader before led to is where the next begins."""
        if self.reader is None:
            return
        self.trust, self.seen = self.reader.trust, self.reader.ledger.seen
        if isinstance(self.reader, StreamReader):
            self.masks = self.reader.masks
        else:
            self.decided = self.reader.decided
        for name, count in self.reader.counts.items():
            self._count(name, count)
        self.reader = None

    def _from(self, dir_no: int) -> Trust:
        """The trust that the items before led to; a `dir_no` above 0 has to be the one of it."""
        held = self.reader.trust if self.reader else self.trust
        if held is None:
            raise Refusal("genesis-malformed", "profile")
        require(dir_no in {0, held.dir_no}, "recording-contradicts", "item.dir_no")
        return held

    def _ledger(self, raw: bytes) -> Ledger:
        ledger = Ledger.parse(raw)
        ledger.seen = self.reader.ledger.seen if self.reader else self.seen
        return ledger

    def _stream(self, item: bytes) -> None:
        cut = Cut(item, "stream item")
        hello, pem = cut.prefixed(4, "hello", 8787, 4700), cut.prefixed(4, "ephemeral", 65_536)
        state = cut.prefixed(4, "ledger state", len(item))
        cut.end()
        if self.profile is None or self.kem_key is None:
            raise Refusal("key-malformed", "profile")
        dir_no = Hello.parse(hello).dir_no
        masks = self.reader.masks if isinstance(self.reader, StreamReader) else self.masks
        reader = StreamReader(
            self.profile.party, self._from(dir_no), self._ledger(state), hello, self.kem_key, KemKey.parse(pem), masks
        )
        self._close()
        self.reader = reader
        self._count("streams")

    def _connection(self, item: bytes) -> None:
        cut = Cut(item, "connection item")
        source_id, begin = cut.identifier("source_id"), cut.prefixed(4, "begin", 64, 1)
        state = cut.prefixed(4, "ledger state", len(item))
        cut.end()
        require(begin[0] == 0, "malformed", "begin.type")
        require(self.profile is None or self.profile.party.id == source_id, "malformed", "connection item.source_id")
        decided = self.reader.decided if isinstance(self.reader, ConnectionReader) else self.decided
        trust = self._from(int.from_bytes(begin[-8:], "big"))
        reader = ConnectionReader(source_id, trust, self._ledger(state), begin[1:], decided)
        self._close()
        self.reader = reader
        self._count("connections")

    def _message(self, item: bytes) -> None:
        cut = Cut(item, "message item")
        now_ms = cut.number(8, "time")
        if self.reader is None:
            raise Refusal("stream-order", "message item")
        self.reader.receive(cut.rest(), now_ms)

    def _parcel(self, item: bytes) -> None:
        if self.ingest_key is None:
            raise Refusal("parcel-not-for-us", "ingest key")
        genesis = self.control.genesis or (self.profile.genesis if self.profile else b"")
        parcel = ParcelReader(self.ingest_key, genesis, self.control.trust() if self.control.dir else None)
        parcel.read(item)
        self._count("parcels")
        self._count("batches", len(parcel.batches))
        self._count("records", sum(one.batch.n for one in parcel.batches))

    def _statement(self, item: bytes) -> None:
        """A statement of CONTROL, and what stood after it for the accounts behind."""
        control, accounts = self.control.copy(), self.accounts.copy()
        control.take(item)
        accounts.follow(control)
        self.control, self.accounts = control, accounts

    def _count(self, name: str, more: int = 1) -> None:
        self.counts = {**self.counts, name: self.counts.get(name, 0) + more}
