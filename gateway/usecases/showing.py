"""Showing one party its own account: a tick, the leaves or entries it has not been told of, and no other's.

The same for partners and sources; only what stands for a new leaf differs: a partner is given the hash and later the
frame, a source the entry itself. Source: SPEC.md section 6.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.errors import Refused
from gateway.core.ledger.book import parse_account_entries
from gateway.core.ledger.tick import encode_entries, encode_leaves
from gateway.core.suite.numbers import MAX_TICK_LEAVES
from gateway.ports.journal import Journal
from gateway.usecases.running import Running

# Far below what a message may have: a party that starts anew is shown everything, and the loop serves others meanwhile.
_ENTRIES_BYTES = 256 * 1024


class AccountWindow:
    """What one connection has been told: leaves so far, and the last tick."""

    def __init__(self, running: Running, account_id: bytes, told: int, next_tick: int) -> None:
        self._running = running
        self._account_id = account_id
        self.told = told
        self._next_tick = next_tick

    @classmethod
    def resume(
        cls, running: Running, account_id: bytes, *, incarnation: bytes, next_tick: int, account_size: int
    ) -> AccountWindow:
        """From what the party says it holds; of another incarnation it holds nothing. Refuses `hello-ahead`."""
        if incarnation != running.book.incarnation:
            return cls(running, account_id, 0, 0)
        account = running.book.account_of(account_id)
        if account_size > (account.tree.size if account else 0) or next_tick > running.book.ticks.size:
            raise Refused("hello-ahead", "the party holds more of the ledger than there is")
        return cls(running, account_id, account_size, next_tick)

    @property
    def due(self) -> bool:
        """Whether the latest tick covers leaves this connection has not been told of."""
        return self._running.ticker.covered(self._account_id) > self.told

    @property
    def is_new(self) -> bool:
        """Whether the latest tick covers the account and was not shown on this connection."""
        ticker = self._running.ticker
        return ticker.covered(self._account_id) >= self.told and ticker.number >= self._next_tick

    def tick_with_leaves(self) -> tuple[list[bytes], bytes]:
        """(`leaves` messages, tick message) without type bytes; the window moves to the tick."""
        ticker = self._running.ticker
        before, message = ticker.message(self._account_id, self.told, self._next_tick)
        chunks = [before[i : i + MAX_TICK_LEAVES] for i in range(0, len(before), MAX_TICK_LEAVES)]
        self._moved()
        return [encode_leaves(chunk) for chunk in chunks], message.encode()

    def tick_with_entries(self) -> tuple[Iterator[bytes], bytes]:
        """(`entries` messages, tick message to send after them) without type bytes; the tick lists no leaves.

        What they say is fixed with this call; entries are read as they are sent. The window moves to the tick.
        """
        told, covered = self.told, self._running.ticker.covered(self._account_id)
        _, message = self._running.ticker.message(self._account_id, covered, self._next_tick)
        self._moved()
        return self._messages(told, covered), message.encode()

    def _messages(self, told: int, covered: int) -> Iterator[bytes]:
        chunk: list[bytes] = []
        size = 0
        for entry in self.entries(told, covered):
            if chunk and size + len(entry) > _ENTRIES_BYTES:
                yield encode_entries(chunk)
                chunk, size = [], 0
            chunk.append(entry)
            size += len(entry) + 4
        if chunk:
            yield encode_entries(chunk)

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Entries start..stop of the account, read back from the LEDGER journal as they are asked for."""
        positions = self._running.book.accounts[self._account_id].positions[start:stop]
        read_position, items = -1, []
        for position, index in positions:
            if position != read_position:
                stored = self._running.journals.read(Journal.LEDGER, position, 1)
                items = parse_account_entries(stored[0].entry)
                read_position = position
            yield items[index].entry

    def _moved(self) -> None:
        ticker = self._running.ticker
        self.told = ticker.covered(self._account_id)
        self._next_tick = ticker.number + 1
