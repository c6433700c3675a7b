"""The recorded day as the readers under test take it: items with their bytes, profiles and keys of the parties.

A parcel is cut into the pieces that travel on their own: its header, each batch, the closing item.
"""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from gateway.core.sealing.parcel import read_parcel_header
from gateway.core.suite.numbers import PublishMessage, StreamMessage
from gateway.core.suite.octets import Reader
from tests.day import again
from tests.day.account import Facts
from tests.day.evidence import ItemType, read_items

DAY: Facts = json.loads((again.FOLDER / "day.json").read_text("utf-8"))


class Kind(IntEnum):
    """What an item is: the types of section 13, a PARCEL as its pieces."""

    STREAM = 1
    MESSAGE = 2
    CONNECTION = 3
    CONTROL = 4
    HEADER = 6
    PIECE = 7


@dataclass(frozen=True, slots=True)
class Item:
    """One item. octets: without the time of a MESSAGE; now_ms: that time, 0 elsewhere; waited_ms: only for it."""

    kind: Kind
    octets: bytes
    now_ms: int = 0
    waited_ms: int = 0

    def content(self) -> bytes:
        """As it stands in a file of evidence."""
        return self.now_ms.to_bytes(8, "big") + self.octets if self.kind is Kind.MESSAGE else self.octets


@dataclass(frozen=True, slots=True)
class File:
    """A file of the day. holds: streams, connections, control or parcels; party: whose it is, empty for CONTROL."""

    name: str
    holds: str
    party: str
    items: tuple[Item, ...]

    def title(self, item: Item) -> str:
        """What a person calls an item of this file: `TICK`, `PARCEL header`."""
        if item.kind is Kind.MESSAGE and item.octets:
            return message_name(self.holds, item.octets[0])
        return {Kind.HEADER: "PARCEL header", Kind.PIECE: "PARCEL item"}.get(item.kind, item.kind.name)


def message_name(holds: str, number: int) -> str:
    """Name of a message by its type byte."""
    known: type[StreamMessage] | type[PublishMessage] = StreamMessage if holds == "streams" else PublishMessage
    return known(number).name if number in known.__members__.values() else f"type {number}"


@functools.cache
def folder() -> Path:
    """The day as clients want it; a copy of this process, which goes with it."""
    kept = _kept()
    return again.private_copy(Path(kept.name) / "day")


@functools.cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sluice-day-")


@functools.cache
def file(name: str) -> File:
    """A file of the day, whole."""
    facts = DAY["files"][name]
    found: list[Item] = []
    for item in read_items(again.FOLDER / name):
        if item.type is ItemType.MESSAGE:
            found.append(Item(Kind.MESSAGE, item.content[8:], int.from_bytes(item.content[:8], "big")))
        elif item.type is ItemType.PARCEL:
            found += _pieces(item.content)
        else:
            found.append(Item(Kind(item.type), item.content))
    return File(name, facts["holds"], facts.get("party", ""), tuple(found))


def _pieces(parcel: bytes) -> list[Item]:
    reader = Reader(parcel, "parcel")
    read_parcel_header(reader, parcel)
    found = [Item(Kind.HEADER, parcel[: reader.offset])]
    while reader.left:
        start = reader.offset
        reader.u8("type")
        reader.lp32("ciphertext", 1 << 22)
        found.append(Item(Kind.PIECE, parcel[start : reader.offset]))
    return found


def names(*holds: str) -> list[str]:
    """Names of the files of these kinds, or of all."""
    return [name for name, facts in DAY["files"].items() if not holds or facts["holds"] in holds]


def profile_of(name: str) -> Path:
    """The profile of the party of a file."""
    path: Path = folder() / DAY["parties"][DAY["files"][name]["party"]]["profile"]
    return path


def keys_of(party: str) -> Path:
    """The folder of private keys of a party, the gateway or an operator."""
    told = DAY["gateway"]["keys"] if party == DAY["gateway"]["id"] else DAY["parties"][party]["keys"]
    path: Path = folder() / told
    return path
