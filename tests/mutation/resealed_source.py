"""The same gateway towards a source: entries of its account and the ticks over them, made again as in `resealed`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.core.ledger.entries import source_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import encode_entries, parse_entries, parse_tick, parse_tick_message
from gateway.core.suite.numbers import PublishMessage
from gateway.core.suite.octets import u8
from gateway.core.suite.tree import leaf_hash
from tests.mutation.product_source import ProductConnections, twin_ledger
from tests.mutation.recorded import Item, Kind
from tests.mutation.resealed_ticks import Signing, Ticked
from tests.mutation.walk import Walk

LIMIT = 16 * 1024


@dataclass
class ToldSource:
    """One connection, step by step, and where its source stood when it began."""

    place: int
    source_id: str
    ledger: LedgerReader
    steps: list[Item | Ticked]

    @classmethod
    def of(cls, walk: Walk, connection: int) -> ToldSource:
        """The connection of that number of a source's file, as it was recorded."""
        items = walk.file.items
        begins = [number for number, item in enumerate(items) if item.kind is Kind.CONNECTION]
        place = begins[connection] + 1
        end = begins[connection + 1] if connection + 1 < len(begins) else len(items)
        before = walk.product[place]
        if not isinstance(before, ProductConnections):
            raise TypeError("a source's file is needed")
        steps: list[Item | Ticked] = []
        entries: list[bytes] = []
        for item in items[place:end]:
            if item.octets[0] == PublishMessage.ENTRIES:
                entries += parse_entries(item.octets[1:], LIMIT)
            elif item.octets[0] == PublishMessage.TICK:
                message = parse_tick_message(item.octets[1:])
                steps.append(Ticked(item.now_ms, parse_tick(message.statement), message, entries=entries))
                entries = []
            else:
                steps.append(item)
        return cls(place, walk.file.party, twin_ledger(before._kept["ledger"]), steps)

    @property
    def ticks(self) -> list[Ticked]:
        """The ticks, in order."""
        return [step for step in self.steps if isinstance(step, Ticked)]

    def again(self) -> list[Item]:
        """The connection as its author sends it."""
        signing, items = Signing(self.ledger, source_account(self.source_id)), list[Item]()
        for step in self.steps:
            if isinstance(step, Item):
                items.append(step)
                continue
            shown = step.entries if step.shown is None else step.shown
            message = signing.tick(step, [leaf_hash(entry) for entry in step.entries], step.account)
            if shown:
                items.append(_message(PublishMessage.ENTRIES, encode_entries(shown), step.now_ms))
            items.append(_message(PublishMessage.TICK, message.encode(), step.now_ms))
        return items


def _message(kind: PublishMessage, body: bytes, now_ms: int) -> Item:
    return Item(Kind.MESSAGE, u8(kind) + body, now_ms)


def word(kind: PublishMessage, body: bytes, beside: Item) -> Item:
    """A word of the gateway, at the time of another message."""
    return replace(beside, octets=u8(kind) + body)
