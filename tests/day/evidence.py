"""Files of section 13 beside those that a partner's own recorder writes: connections, a control journal, parcels.

Written here, because no product writes them in this version; read here item by item, whatever their type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from gateway.core.suite.numbers import ID_BYTES
from gateway.core.suite.octets import Reader, lp8, lp32, u8, u64

TAG = b"SLUICE1/recording\x00"
MAX_ITEM = 1 << 29


class ItemType(IntEnum):
    """What an item of an evidence file is."""

    STREAM = 1
    MESSAGE = 2
    CONNECTION = 3
    CONTROL = 4
    PARCEL = 5


@dataclass(frozen=True, slots=True)
class Item:
    """One item. number: from 0; offset: of its first byte in the file, behind type and length."""

    number: int
    type: ItemType
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """A CONNECTION item. begin: with its type byte; ledger: the state that it asks from."""

    source_id: str
    begin: bytes
    ledger: bytes

    @classmethod
    def parse(cls, content: bytes) -> Connected:
        """Refuses `malformed`."""
        reader = Reader(content, "connection")
        parsed = cls(reader.name("source_id"), reader.lp32("begin", 4096), reader.lp32("ledger state", MAX_ITEM))
        reader.done()
        return parsed

    def encode(self) -> bytes:
        """The item."""
        return lp8(self.source_id.encode("ascii")) + lp32(self.begin) + lp32(self.ledger)

    def asks_from(self) -> tuple[bytes, int, int, int]:
        """Incarnation, next tick, account size and directory number of the begin."""
        reader = Reader(self.begin, "begin")
        reader.u8("type")
        asked = (reader.take(ID_BYTES, "incarnation"), *(reader.u64(name) for name in ("tick", "size", "dir_no")))
        reader.done()
        return asked


class Writer:
    """One file, item by item. name: of the file; count: items so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name
        self.count = 0
        path.write_bytes(TAG)
        path.chmod(0o600)

    def _item(self, kind: ItemType, content: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(u8(kind) + lp32(content))
        self.count += 1

    def connection(self, begun: Connected) -> None:
        """A source begins."""
        self._item(ItemType.CONNECTION, begun.encode())

    def message(self, message: bytes, now_ms: int) -> None:
        """A message came."""
        self._item(ItemType.MESSAGE, u64(now_ms) + message)

    def control(self, entry: bytes) -> None:
        """The journal goes on."""
        self._item(ItemType.CONTROL, entry)

    def parcel(self, parcel: bytes) -> None:
        """A parcel was sent."""
        self._item(ItemType.PARCEL, parcel)


def read_items(path: Path) -> Iterator[Item]:
    """Every item of a whole file; refuses `malformed`."""
    data = path.read_bytes()
    reader = Reader(data, "recording")
    reader.tag(TAG)
    number = 0
    while reader.left:
        kind = ItemType(reader.u8("type"))
        content = reader.lp32("item", MAX_ITEM)
        yield Item(number, kind, reader.offset - len(content), content)
        number += 1


def timed(content: bytes) -> tuple[int, bytes]:
    """UTC milliseconds and the message of a MESSAGE item."""
    reader = Reader(content, "message")
    return reader.u64("time"), reader.rest()
