"""A source's side of Publish: what it sends, and what it is told, with its account checked as a source checks it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.core.errors import GatewayError
from gateway.core.ledger.entries import Admitted, RefusedBatch, parse_source_entry, source_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import parse_entries, parse_tick_message
from gateway.core.records.states import UnverifiedBatch
from gateway.core.sealing.parcel import ParcelWriter
from gateway.core.suite.keys import VerifyKey
from gateway.core.suite.numbers import PublishMessage, UpMessage
from gateway.core.suite.octets import Reader, u8, u64
from gateway.core.suite.tree import leaf_hash
from gateway.usecases.peer import Peer
from gateway.usecases.publish import publish
from tests.unit.control.given import kem_key, signing_key
from tests.unit.usecases.house import House
from tests.unit.usecases.town import SOURCE, messages, source_peer


class Sender:
    """A source's side of Publish: what it is told, with its account checked as a source checks it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.ledger = LedgerReader(house.control().genesis, source_account(SOURCE))
        self.ledger_key = signing_key("ledger").public_key
        self.answers: list[tuple[PublishMessage, bytes]] = []
        self.entries: list[object] = []
        self._unsettled: list[bytes] = []
        self.heard = asyncio.Event()
        self.open_side = asyncio.Event()

    def begin(self, **changed: Any) -> bytes:
        """The first message, with fields changed."""
        values = {
            "incarnation": self.ledger.incarnation,
            "next_tick": self.ledger.next_tick,
            "account_size": self.ledger.held.size,
            "dir_no": 0,
        } | changed
        self.ledger.begin_stream()
        numbers = u64(values["next_tick"]) + u64(values["account_size"]) + u64(values["dir_no"])
        return u8(UpMessage.BEGIN) + values["incarnation"] + numbers

    def parcel(
        self, *batches: UnverifiedBatch, source_id: str = SOURCE, genesis: bytes = b"", ingest_key: bytes = b""
    ) -> list[bytes]:
        """A parcel with these batches, closed."""
        writer = ParcelWriter(
            genesis or self._house.control().genesis,
            source_id,
            ingest_key or kem_key("ingest").public_key,
            secrets.token_bytes(16),
            secrets.token_bytes(48),
        )
        items = [writer.seal(batch.encode()) for batch in batches]
        return [u8(UpMessage.PARCEL) + writer.header, *items, writer.close()]

    async def send(self, *items: bytes, peer: Peer | None = None) -> None:
        """One whole call: begin, these messages, and the source's side closed."""
        await publish(self._house.running, peer or source_peer(), messages(self.begin(), *items), self.write)

    async def held_open(self, *items: bytes) -> AsyncIterator[bytes]:
        """Begin and these messages; the side stays open until `open_side` is set."""
        for item in (self.begin(), *items):
            yield item
        await self.open_side.wait()

    async def write(self, message: bytes) -> None:
        """What comes down."""
        kind, body = PublishMessage(message[0]), message[1:]
        if kind is PublishMessage.ENTRIES:
            self._unsettled += parse_entries(body, 16 * 1024)
        elif kind is PublishMessage.TICK:
            key = VerifyKey.parse(self.ledger_key)
            restores = [one.restore for one in self._house.control().restores]
            self.ledger.accept(parse_tick_message(body), [leaf_hash(entry) for entry in self._unsettled], key, restores)
            for entry in self._unsettled:
                self.ledger.settle(entry)
                self.entries.append(parse_source_entry(entry))
            self._unsettled = []
        elif kind is not PublishMessage.DIRECTORY:
            self.answers.append((kind, body))
        self.heard.set()
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until so much was heard."""
        while not condition():
            self.heard.clear()
            await self.heard.wait()

    def fates(self) -> list[tuple[type[object], bytes]]:
        """What the account says of each batch."""
        return [
            (type(entry), entry.batch_digest) for entry in self.entries if isinstance(entry, (Admitted, RefusedBatch))
        ]


def codes(sender: Sender) -> list[int]:
    """The codes of answers that have one."""
    coded = (body for kind, body in sender.answers if kind is not PublishMessage.STORED)
    return [Reader(body[48:], "answer").u16("code") for body in coded]


def refusal_of(error: BaseException) -> str:
    """The code of one of ours inside task groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, GatewayError)
    return error.code


async def refused(sender: Sender, *items: bytes, peer: Peer | None = None) -> str:
    """The code that ends a call."""
    with pytest.raises((GatewayError, BaseExceptionGroup)) as caught:
        await sender.send(*items, peer=peer)
    return refusal_of(caught.value)
