"""Who takes part in the tests of this room: parties, their agreements, an origin with records, peers on connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import cache

from clients.source.batcher import Lane, sign_batch
from clients.source.labelling import Labelling
from gateway.core.kinds import tactic
from gateway.core.parties.identity import Identity
from gateway.core.records.states import RecordInput, UnverifiedBatch
from gateway.core.suite.keys import KemKey, SigningKey
from gateway.core.suite.numbers import DataMode, RecordKind, Role, StatementKind
from gateway.usecases.peer import Peer
from tests.unit.control.given import DAY, NOW, ROOT_OF, kem_key, signing_key
from tests.unit.control.world import GUIDE, UKR, World, agreement_text
from tests.unit.kinds.given import tactic_tables

SOURCE = "src-3f07"
OPEN = {
    "starts": "2026-05-01",
    "sources": '"all"',
    "delay_h": "0",
    "withhold": "None",
    "quota": "None",
    "designs": "None",
    "fees": "None",
    "kinds": '["telemetry", "tactic"]',
    "accounts_shown_to_sources": '"amounts-and-partner"',
}


class HouseKeys:
    """The port `Keys`, of the gateway that the tests' directory endorses."""

    def stream(self) -> SigningKey:
        """Signs the opening of streams."""
        return signing_key("stream")

    def ledger(self) -> SigningKey:
        """Signs ticks."""
        return signing_key("ledger")

    def ingest(self) -> KemKey:
        """Opens parcels."""
        return kem_key("ingest")

    def cursor(self) -> bytes:
        """Seals cursors."""
        return b"c" * 32

    def use(self, is_endorsed: Callable[[Role, bytes], bool]) -> bool:
        """There is one set."""
        return False

    def opener(self, ingest_key_id: bytes) -> KemKey | None:
        """The one key."""
        return self.ingest() if ingest_key_id == self.ingest().key_id else None

    def destroy(self, key_digest: bytes) -> bool:
        """There is nothing to destroy."""
        return False


def terms(partner_id: str = "usa/arl", agreement_id: str = "UA-US-1", **changed: str) -> bytes:
    """An agreement with nothing held back, with keys changed."""
    return agreement_text(**(OPEN | {"id": f'"{agreement_id}"', "to": f'"{partner_id}"'} | changed))


def a_town(*agreements: bytes) -> World:
    """Two sources, two partners, an agreement with each unless others are given, and a directory."""
    world = _parties().copy()
    for text in agreements or (terms(), terms("gbr/dstl", "UA-GB-1")):
        world.apply(StatementKind.AGREEMENT, text)
    world.direct()
    return world


@cache
def _parties() -> World:
    world = World()
    world.apply(StatementKind.VOCABULARY, UKR)
    world.apply(StatementKind.GUIDE, GUIDE)
    world.source(SOURCE)
    world.source("src-91c2", scope="tactic//REAL,SIMULATED")
    world.partner("usa/arl", "USA")
    world.partner("gbr/dstl", "GBR")
    return world


def identity(uri: str, until_ms: int = NOW + 400 * DAY) -> Identity:
    """What a certificate says of its holder."""
    return Identity(uri, uri.split("/")[2], NOW - DAY, until_ms, "00" * 32, "1")


def partner_peer(partner_id: str = "usa/arl", until_ms: int = NOW + 400 * DAY) -> Peer:
    """A partner at the other end."""
    nation, _, name = partner_id.partition("/")
    named = identity(f"spiffe://{nation}.example/partner/{name}", until_ms)
    return Peer("partner", partner_id, named, ROOT_OF[named.trust_domain], "X25519")


def source_peer(source_id: str = SOURCE, until_ms: int = NOW + 400 * DAY) -> Peer:
    """A source at the other end."""
    named = identity(f"spiffe://ua.example/source/{source_id}", until_ms)
    return Peer("source", source_id, named, ROOT_OF[named.trust_domain], "X25519")


def operator_peer(name: str = "officer-1") -> Peer:
    """An operator at the other end."""
    return Peer("operator", name, identity(f"spiffe://ua.example/operator/{name}"), ROOT_OF["ua.example"], "X25519")


@cache
def a_record(number: int = 0) -> RecordInput:
    """A tactic as the guide labels it; each number is another record."""
    tables = tactic_tables()
    tables["about"] = tables["about"] | {"title": {"uk": f"Обхід {number}", "en": f"Flying round {number}"}}
    contents = tactic.from_mapping(tables)
    guide = _parties().control.guide
    assert guide is not None
    return Labelling(guide, RecordKind.TACTIC, DataMode.REAL, {}).label(number, contents)


def raised(number: int) -> RecordInput:
    """The record at a higher level, but for slot 7, which stands higher as it is."""
    record = a_record(number)
    portions = tuple(replace(one, label=b"UKR.1 T//REL GBR,USA") if one.slot != 7 else one for one in record.portions)
    return replace(record, portions=portions)


class Origin:
    """A source with one lane."""

    def __init__(self, genesis: bytes, source_id: str = SOURCE) -> None:
        self.source_id = source_id
        self.key = signing_key(source_id)
        self.lane = Lane.new()
        self._genesis = genesis
        self._records = iter(range(10_000))

    def batch(
        self, records: int | list[RecordInput] = 1, *, mode: DataMode = DataMode.REAL, lane: Lane | None = None
    ) -> UnverifiedBatch:
        """The next batch of the lane; of another lane or place if one is given, and then the own lane stands still."""
        chosen = [a_record(next(self._records)) for _ in range(records)] if isinstance(records, int) else records
        at = lane or self.lane
        unverified = sign_batch(self._genesis, self.source_id, self.key, at, RecordKind.TACTIC, mode, chosen)
        if lane is None:
            self.lane = self.lane.after(unverified.signed)
        return unverified


async def turns(count: int = 20) -> None:
    """Lets everything that can run go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def messages(*items: bytes) -> AsyncIterator[bytes]:
    """What a peer sends before it closes its side."""
    return _messages(iter(items))


async def _messages(items: Iterator[bytes]) -> AsyncIterator[bytes]:
    for item in items:
        yield item
