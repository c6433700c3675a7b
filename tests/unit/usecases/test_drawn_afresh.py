"""Laws of randomness: what must be fresh is drawn anew each time, so that nothing repeats and nothing can be linked."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.ledger.book import KIND_TICK, parse_stored_tick
from gateway.core.ledger.entries import source_account
from gateway.core.sealing.frame import SealedFrame, parse_disclosure_entry
from gateway.core.sealing.stream import StreamKeys, StreamOpening
from gateway.core.suite.numbers import StreamMessage
from gateway.ports.journal import Journal
from gateway.usecases.rebuild import entries_of
from tests.unit.control.given import kem_key
from tests.unit.usecases.follower import Follower
from tests.unit.usecases.house import House, a_house
from tests.unit.usecases.sender import Sender
from tests.unit.usecases.town import SOURCE, Origin


class Watching(Follower):
    """A partner that notes what each stream was opened with, and each cursor and audit digest."""

    def __init__(self, house: House) -> None:
        self.drawn: list[tuple[bytes, bytes, bytes]] = []
        self.cursors: list[bytes] = []
        self.audits: list[bytes] = []
        super().__init__(house, "usa/arl", "UA-US-1", "default")

    def _receive(self, kind: StreamMessage, body: bytes) -> None:
        if kind is StreamMessage.OPEN:
            opening, terms = StreamOpening.parse(body), StreamOpening.parse(body).encoded_terms
            first = kem_key(self.partner_id).open(opening.seal_to_partner, terms, "open")
            second = self._ephemeral.open(opening.seal_to_ephemeral, terms, "open")
            self.drawn.append((opening.terms.stream_id, first, second))
        super()._receive(kind, body)

    def _frame(self, body: bytes, keys: StreamKeys) -> int:
        disclosure = parse_disclosure_entry(SealedFrame.parse(body).open_entry(keys))
        self.cursors.append(disclosure.cursor)
        self.audits.append(disclosure.audit)
        return super()._frame(body, keys)


@pytest.mark.must("4.3.1", "4.5.1")
def test_each_stream_has_secrets_and_each_cursor_a_nonce_of_its_own() -> None:
    """The same records to the same partner twice from the start: no name, secret, cursor or digest comes again."""

    async def scenario() -> None:
        async with a_house() as house:
            await house.admit(Origin(house.control().genesis).batch())
            partner = Watching(house)
            for _ in range(2):
                partner.cursor = b""
                partner.open()
                await partner.caught_up()
                await partner.drop()

            (stream_id, first, second), again = partner.drawn
            assert len({stream_id, again[0]}) == 2
            assert len({first, second, again[1], again[2]}) == 4
            assert len({cursor[:12] for cursor in partner.cursors}) == len(partner.cursors) == 2
            assert len(set(partner.audits)) == 2

    asyncio.run(scenario())


@pytest.mark.must("6.1.7")
def test_each_tick_draws_a_seed_and_a_salt_and_each_entry_a_salt() -> None:
    """A path that stayed the same would tell whose account did not grow."""

    async def scenario() -> None:
        async with a_house() as house:
            origin, sender = Origin(house.control().genesis), Sender(house)
            for _ in range(3):
                await sender.send(*sender.parcel(origin.batch()))

            kept = entries_of(house.running.journals, Journal.LEDGER)
            ticks = [parse_stored_tick(entry) for _, kind, entry in kept if kind == KIND_TICK]

            assert len(ticks) >= 3
            assert len({tick.tick_seed for tick in ticks} | {tick.control_salt for tick in ticks}) == 2 * len(ticks)
            assert house.running.book.accounts[source_account(SOURCE)].tree.size == 3
            assert len({entry.salt for entry in sender.entries}) == 3  # type: ignore[attr-defined]  # entries of an account

    asyncio.run(scenario())
