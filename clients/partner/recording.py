"""A stream as it was received, kept to be checked again by anyone with the profile: evidence of what was shown.

A recording holds, per stream, the Hello, the one-time key of the stream, the ledger state the reader had, and every
message with the time it came. Its first directory is asked for whole, and a Hello may name a directory only if the
file itself has led to that one, so a replay trusts nothing that the profile's genesis does not lead to. The one-time
key opens this stream and no other; whoever can read the recording and holds the partner's own key can read the
records, so the file is private (mode 0600) like the records.

    tag | (type u8 | length u32 | item)*     STREAM  1: lp32(hello) | lp32(key) | lp32(ledger state)
                                             MESSAGE 2: UTC milliseconds u64 | message

Other evidence (connections of a source, a control journal, parcels) has items of other types and is refused here.
Source: SPEC.md section 13.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from clients.partner.checks import StreamChecks
from clients.partner.events import OldDisclosure, Records, StreamEvent, TickSeen
from clients.partner.reading import record_reader
from clients.profile import Profile
from clients.trust import trust_from
from gateway.core.errors import CallerError, Fault, Refused
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES, StreamMessage
from gateway.core.suite.octets import Reader, lp32, u8, u64
from gateway.core.suite.tree import leaf_hash

_TAG = b"SLUICE1/recording\x00"
_STREAM = 1
_MESSAGE = 2
_HEAD = 5
_MAX_STATE = 1 << 28
_MAX_ITEM = _MAX_STATE + (1 << 20)


class Recorder:
    """Writes a recording as messages come; raises `recording-exists`, and `recording-failed` when it cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise CallerError(
                "recording-exists", "a recording is never written over, there is one already", at=str(path)
            ) from error
        self._write(_TAG)

    def begin(self, hello: SignedHello, ephemeral_key: KemKey, ledger: LedgerReader) -> None:
        """A stream is about to be opened."""
        parts = (hello.encode(), ephemeral_key.to_pem(), _as_held(ledger, hello))
        self._item(_STREAM, b"".join(lp32(part) for part in parts))

    def message(self, message: bytes, now_ms: int) -> None:
        """A message came."""
        self._item(_MESSAGE, u64(now_ms) + message)

    def _item(self, kind: int, item: bytes) -> None:
        self._write(u8(kind) + lp32(item))

    def _write(self, octets: bytes) -> None:
        left = memoryview(octets)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise Fault(
                "recording-failed", "every message must be recorded, one could not be", at=str(self._path)
            ) from error

    def close(self) -> None:
        """Ends the recording."""
        os.close(self._descriptor)


def _as_held(ledger: LedgerReader, hello: SignedHello) -> bytes:
    """The ledger state as this stream starts from it: what waits for a flush was asked past, so it counts as held."""
    account_id = partner_account(hello.hello.partner_id, hello.hello.agreement_id, hello.hello.subscription)
    twin = LedgerReader.decode(ledger.encode(), hello.hello.genesis, account_id)
    twin.held, twin.owed = ledger.held.copy(), list(ledger.owed)
    twin.flush()
    return twin.encode()


@dataclass(frozen=True, slots=True)
class Begun:
    """A stream of a recording."""

    hello: SignedHello
    ephemeral_key: KemKey
    ledger: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the stream begun before it. offset: of its first byte in the file; now_ms: UTC milliseconds."""

    offset: int
    now_ms: int
    message: bytes

    @property
    def is_frame(self) -> bool:
        """Whether it is a frame."""
        return self.message[:1] == u8(StreamMessage.FRAME)


def read_recording(path: Path) -> Iterator[Begun | Heard]:
    """The items of a recording; refuses `malformed`, and faults as for a key file that others may read.

    A last item that was cut off while it was being written is left out: the writer was killed.
    """
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & 0o077:
            raise Fault(
                "recording-open-to-others",
                f"a recording must be readable by its owner only, the mode is {stat.S_IMODE(mode):04o}",
                at=str(path),
                do=f"`chmod go= {path}`",
            )
        if file.read(len(_TAG)) != _TAG:
            raise Refused("malformed", "a recording must begin with its tag", at=str(path))
        yield from _items(file)


def _items(file: BinaryIO) -> Iterator[Begun | Heard]:
    is_begun, size = False, os.fstat(file.fileno()).st_size
    while len(head := file.read(_HEAD)) == _HEAD:
        reader = Reader(head, "recording")
        kind, length = reader.u8("item"), reader.u32("length")
        if length > _MAX_ITEM or kind not in {_STREAM, _MESSAGE} or (kind == _MESSAGE and not is_begun):
            raise reader.refuse("item", "a stream or a message behind one, within bounds")
        offset = file.tell()
        # Asked of the file before it is read: a reader of files makes room for what it is told to read.
        if length > size - offset:
            return
        reader = Reader(file.read(length), "recording")
        if kind == _STREAM:
            is_begun = True
            hello = SignedHello.parse(reader.lp32("hello", MAX_MESSAGE_BYTES))
            key = KemKey.from_pem(reader.lp32("key", 16_384))
            yield Begun(hello, key, reader.lp32("ledger state", _MAX_STATE))
            reader.done()
        else:
            yield Heard(offset + 8, reader.u64("time"), reader.rest())


class Replay:
    """Every check again, as of the times the messages came; `streams`: how many there were."""

    def __init__(self, profile: Profile, path: Path) -> None:
        self._profile = profile
        self._path = path
        self._kem_key = profile.kem_key()
        self._trust = trust_from(profile)
        self._masks: dict[tuple[bytes, int], int] = {}
        self._leaves: set[bytes] = set()
        self._checks: StreamChecks | None = None
        self.streams = 0

    def events(self) -> Iterator[StreamEvent]:
        """The events of all streams; raises what the reader would have."""
        for item in read_recording(self._path):
            if isinstance(item, Begun):
                self._checks = self._begin(item)
                self.streams += 1
            elif self._checks is not None:
                event = self._checks.receive(item.message, item.now_ms)
                self._trust = self._checks.trust
                self._take(event)
                if event is not None:
                    yield event

    def _begin(self, begun: Begun) -> StreamChecks:
        profile, hello = self._profile, begun.hello.hello
        agreement = profile.agreement(hello.agreement_id)
        if (hello.partner_id, hello.genesis, hello.agreement_digest) != (
            profile.id,
            profile.genesis_link,
            agreement.digest,
        ):
            raise CallerError(
                "recording-of-another", "the recording must be of the profile's party and agreement", at=str(self._path)
            )
        account_id = partner_account(hello.partner_id, hello.agreement_id, hello.subscription)
        ledger = LedgerReader.decode(begun.ledger, hello.genesis, account_id)
        asked = (hello.incarnation, hello.next_tick, hello.account_size)
        reached = self._trust.directory.dir_no if self._trust.directory else 0
        if (ledger.incarnation, ledger.next_tick, ledger.held.size) != asked or hello.dir_no not in {0, reached}:
            raise Refused(
                "recording-contradicts",
                "the hello must ask from the state it stands beside, and from the directory the recording has led to",
                at=str(self._path),
            )
        return StreamChecks(
            hello=begun.hello,
            ephemeral_key=begun.ephemeral_key,
            kem_key=self._kem_key,
            trust=self._trust,
            ledger=ledger,
            reader_of=lambda trust: record_reader(profile, agreement, trust),
            held=lambda batch, idx: self._masks.get((batch, idx), 0),
            is_entry_held=self._leaves.__contains__,
        )

    def _take(self, event: StreamEvent | None) -> None:
        if isinstance(event, Records):
            self._masks.update({(record.batch_digest, record.idx): record.mask for record in event.records})
        if isinstance(event, (Records, OldDisclosure)):
            self._leaves.add(leaf_hash(event.entry))
        if isinstance(event, TickSeen) and event.closed is not None:
            # What is held is a matter of one account, and another one begins.
            self._leaves.clear()
