"""The frames of a MAVLink `.tlog`: an 8-byte big-endian microsecond timestamp before every frame.

A byte sequence is a message only if its timestamp is plausible and its checksum, pymavlink's, holds; an unknown message
has no checksum this reader could verify, and is one only if another frame or the end follows it. A damaged stretch
costs its own bytes and nothing after it. What lies between messages is counted, never guessed at.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

EARLIEST_US = 946_684_800_000_000
LATEST_US = 4_102_444_800_000_000
_MARKER = re.compile(rb"[\xfd\xfe]")

Log = bytes | mmap.mmap


@dataclass(slots=True)
class Gaps:
    """Bytes that are no message: between two messages, and after the last."""

    between: int = 0
    after: int = 0


class Framing:
    """Walks a log. `crc_extras`: checksum seed of every known message number; `crc`: CRC-16/MCRF4XX of bytes."""

    def __init__(self, log: Log, crc_extras: Mapping[int, int], crc: Callable[[bytes], int]) -> None:
        self._log = log
        self._crc_extras = crc_extras
        self._crc = crc
        self.gaps = Gaps()

    def frames(self) -> Iterator[tuple[int, int, bytes]]:
        """(arrival in UTC microseconds, message number, frame) of every message, in the order of the file."""
        log, size, position = self._log, len(self._log), 0
        skipped = 0
        while position + 8 < size:
            arrival_us = self._stamp_at(position)
            found = self._frame_at(position + 8) if arrival_us else None
            if found is not None:
                self.gaps.between += skipped
                skipped = 0
                number, frame = found
                yield arrival_us, number, frame
                position += 8 + len(frame)
                continue
            # The regular expression engine finds the next marker, so that a file of noise costs no loop over its bytes.
            marker = _MARKER.search(log, position + 9)
            resumed = size if marker is None else marker.start() - 8
            skipped += resumed - position
            position = resumed
        self.gaps.after = skipped + size - position

    def _stamp_at(self, start: int) -> int:
        """The timestamp there, or 0 if it is none."""
        arrival_us = int.from_bytes(self._log[start : start + 8], "big")
        return arrival_us if EARLIEST_US <= arrival_us < LATEST_US else 0

    def _frame_at(self, start: int) -> tuple[int, bytes] | None:
        head = self._log[start : start + 10]
        if len(head) >= 6 and head[0] == 0xFE:
            header, number, signature = 6, head[5], 0
        elif len(head) == 10 and head[0] == 0xFD:
            header, number, signature = 10, int.from_bytes(head[7:10], "little"), 13 if head[2] & 1 else 0
        else:
            return None
        stop = header + head[1]
        length = stop + 2 + signature
        frame = self._log[start : start + length]
        if len(frame) != length:
            return None
        seed = self._crc_extras.get(number)
        if seed is None:
            follows = start + length
            leads_on = self._log[follows + 8 : follows + 9] in (b"\xfd", b"\xfe") and self._stamp_at(follows)
            return (number, frame) if leads_on or follows == len(self._log) else None
        checksum = int.from_bytes(frame[stop : stop + 2], "little")
        return (number, frame) if self._crc(frame[1:stop] + bytes((seed,))) == checksum else None
