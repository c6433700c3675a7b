"""A stream as it was received, kept to be checked again by anyone with the profile: evidence of what was shown.

A recording holds the Hello, the one-time key of the stream, what the reader believed when it began, and every message
with the time it came. The one-time key opens this stream and no other; whoever can read the recording and holds the
partner's own key can read the records, so the file is private (mode 0600) like the records themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clients.keyfiles import read_public
from clients.partner.checks import Ended, Records, StreamChecks, StreamEvent
from clients.partner.reading import record_reader
from clients.profile import Profile
from gateway.core.control.trust import Trust
from gateway.core.errors import CallerError
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.sealing.stream import SignedHello
from gateway.core.suite.keys import KemKey
from gateway.core.suite.numbers import MAX_MESSAGE_BYTES
from gateway.core.suite.octets import Reader, lp32, u8, u64

_TAG = b"SLUICE1/recording\x00"
MAX_RECORDING_BYTES = 1 << 30
_BEGIN = 1
_MESSAGE = 2


class Recorder:
    """Writes a recording as messages come."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._file.write(_TAG)

    def begin(self, hello: SignedHello, ephemeral_key: KemKey, trust: Trust, ledger: LedgerReader) -> None:
        """A stream is about to be opened."""
        parts = (hello.encode(), ephemeral_key.to_pem(), trust.encode(), ledger.encode())
        self._file.write(u8(_BEGIN) + b"".join(lp32(part) for part in parts))
        self._file.flush()

    def message(self, message: bytes, now_ms: int) -> None:
        """A message came."""
        self._file.write(u8(_MESSAGE) + u64(now_ms) + lp32(message))
        self._file.flush()

    def close(self) -> None:
        """Ends the recording."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class RecordedStream:
    """One stream of a recording. messages: (UTC milliseconds, message)."""

    hello: SignedHello
    ephemeral_key: KemKey
    trust: bytes
    ledger: bytes
    messages: tuple[tuple[int, bytes], ...]


def parse_recording(recording: bytes) -> list[RecordedStream]:
    """The streams of a recording; refuses `malformed`. A last item that was cut off while being written is left out."""
    reader = Reader(recording, "recording")
    reader.tag(_TAG)
    begun: list[tuple[SignedHello, KemKey, bytes, bytes]] = []
    messages: list[list[tuple[int, bytes]]] = []
    while reader.left:
        item = reader.u8("item")
        if item == _BEGIN:
            hello = SignedHello.parse(reader.lp32("hello", MAX_MESSAGE_BYTES))
            key = KemKey.from_pem(reader.lp32("key", 16_384))
            begun.append((hello, key, reader.lp32("trust", 1 << 26), reader.lp32("ledger", 1 << 26)))
            messages.append([])
        elif item == _MESSAGE and begun:
            messages[-1].append((reader.u64("time"), reader.lp32("message", MAX_MESSAGE_BYTES)))
        else:
            raise reader.refuse("item", "a begin or a message")
    return [RecordedStream(*start, tuple(came)) for start, came in zip(begun, messages, strict=True)]


def _read(path: Path) -> bytes:
    content = read_public(path, MAX_RECORDING_BYTES)
    if path.stat().st_mode & 0o077:
        raise CallerError("recording-open-to-others", "a recording is readable by its owner only", at=str(path))
    return content


def replay(profile: Profile, path: Path) -> Iterator[StreamEvent]:
    """Runs every check again on a recording, as of the times its messages came; raises what the reader would have."""
    for stream in parse_recording(_read(path)):
        hello = stream.hello.hello
        if hello.partner_id != profile.id or hello.genesis != profile.genesis_link:
            raise CallerError("recording-of-another", "the recording must be of the profile's party", at=str(path))
        agreement = profile.agreement(hello.agreement_id)
        account_id = partner_account(hello.partner_id, hello.agreement_id, hello.subscription)
        held: dict[tuple[bytes, int], int] = {}
        checks = StreamChecks(
            hello=stream.hello,
            ephemeral_key=stream.ephemeral_key,
            kem_key=profile.kem_key(),
            trust=Trust.decode(stream.trust),
            ledger=LedgerReader.decode(stream.ledger, hello.genesis, account_id),
            reader_of=lambda trust, agreement=agreement: record_reader(profile, agreement, trust),  # type: ignore[misc]  # bound now, used before the next turn
            held=lambda batch, idx, held=held: held.get((batch, idx), 0),  # type: ignore[misc]  # the same
            is_entry_held=lambda leaf: False,
        )
        for now_ms, message in stream.messages:
            event = checks.receive(message, now_ms)
            if isinstance(event, Records):
                held.update({(record.batch_digest, record.idx): record.mask for record in event.records})
            if event is not None:
                yield event
            if isinstance(event, Ended):
                break
