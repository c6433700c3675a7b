"""A partner that is a reader of its own, made of the core's parts, and keeps what a partner keeps.

It checks order, sequence numbers, ticks, and that every disclosure is in its account under a tick before its frame.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.core.errors import GatewayError
from gateway.core.ledger.entries import partner_account
from gateway.core.ledger.reader import LedgerReader
from gateway.core.ledger.tick import parse_leaves, parse_tick_message
from gateway.core.records.states import UnverifiedBatch
from gateway.core.sealing.body import parse_body
from gateway.core.sealing.frame import (
    SealedFrame,
    open_end,
    open_notice,
    open_old,
    parse_disclosure_entry,
)
from gateway.core.sealing.stream import Hello, SignedHello, StreamKeys, StreamOpening, kinds_mask
from gateway.core.suite.keys import KemKey, VerifyKey
from gateway.core.suite.numbers import EndReason, RecordKind, StreamMessage
from gateway.usecases.release import follow
from tests.unit.control.given import kem_key, signing_key
from tests.unit.usecases.town import partner_peer

if TYPE_CHECKING:
    from tests.unit.usecases.house import House

Record = tuple[bytes, int]


class Follower:
    """One subscription of a partner. records: (H(B), idx) as they came; ended, notices: what the last stream said."""

    def __init__(self, house: House, partner_id: str, agreement_id: str, name: str) -> None:
        self._house = house
        self.partner_id, self.agreement_id, self.name = partner_id, agreement_id, name
        self.account_id = partner_account(partner_id, agreement_id, name)
        self.ledger = LedgerReader(house.control().genesis, self.account_id)
        self.peer = partner_peer(partner_id)
        self.cursor = b""
        self.presented: list[object] = []
        self.records: list[Record] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._begin()

    def _begin(self) -> None:
        self.kinds: list[StreamMessage] = []
        self.notices: list[EndReason] = []
        self.ended: EndReason | None = None
        self._keys: StreamKeys | None = None
        self._leaves: list[bytes] = []
        self._seq = self._entry_seq = 0
        self.ledger.begin_stream()

    def hello(self, **changed: object) -> SignedHello:
        """The Hello this partner would send now, with fields changed."""
        self._ephemeral = KemKey.from_seeds(secrets.token_bytes(64), 1 + secrets.randbelow(2**300))
        agreement = self._house.control().agreement(self.agreement_id)
        directory = self._house.control().directory
        values: dict[str, object] = {
            "genesis": self._house.control().genesis,
            "partner_id": self.partner_id,
            "agreement_id": self.agreement_id,
            "subscription": self.name,
            "agreement_digest": agreement.digest,
            "sign_key_id": signing_key(self.partner_id).key_id,
            "nonce": secrets.token_bytes(32),
            "time_ms": self._house.now_ms,
            "kinds": kinds_mask((RecordKind.TELEMETRY, RecordKind.TACTIC)),
            "dir_no": directory.newest.dir_no if directory else 0,
            "incarnation": self.ledger.incarnation,
            "next_tick": self.ledger.next_tick,
            "account_size": self.ledger.held.size,
            "cursor": self.cursor,
            "ephemeral_key": self._ephemeral.public_key,
        }
        return SignedHello.sign(Hello(**{**values, **changed}), signing_key(self.partner_id))  # type: ignore[arg-type]  # a test may write any field

    def open(self, signed: SignedHello | None = None) -> asyncio.Task[None]:
        """A stream, served in a task of its own."""
        self._begin()
        hello = signed or self.hello()

        async def serve() -> None:
            await follow(self._house.running, self.peer, hello.encode(), self._write, self.presented)

        self.task = asyncio.create_task(serve())
        self.task.add_done_callback(lambda _: self.changed.set())
        return self.task

    async def refusal(self, signed: SignedHello) -> str:
        """The code with which a Hello is refused."""
        try:
            await self.open(signed)
        except GatewayError as error:
            return error.code
        return ""

    async def drop(self) -> None:
        """The connection breaks."""
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until the stream has shown something; raises what ended it if it ends before."""
        while not condition():
            self.changed.clear()
            if self.task is not None and self.task.done():
                self.task.result()
                assert condition(), "the stream ended"
                return
            await self.changed.wait()

    async def caught_up(self) -> list[Record]:
        """Everything so far, once the gateway says that this is all."""
        await self.until(lambda: bool(self.notices))
        return self.records

    async def received(self, count: int) -> list[Record]:
        """The records, once there are so many."""
        await self.until(lambda: len(self.records) >= count)
        return self.records

    async def _write(self, message: bytes) -> None:
        await self.gate.wait()
        self._receive(StreamMessage(message[0]), message[1:])
        self.changed.set()
        await asyncio.sleep(0)

    def _receive(self, kind: StreamMessage, body: bytes) -> None:
        assert self.ended is None, "nothing comes after the end"
        self.kinds.append(kind)
        if kind is StreamMessage.DIRECTORY:
            assert self.kinds == [kind]
        elif kind is StreamMessage.OPEN:
            assert len(self.kinds) == 2
            self._keys = StreamOpening.parse(body).derive(kem_key(self.partner_id), self._ephemeral)
        elif kind is StreamMessage.LEAVES:
            self._leaves += parse_leaves(body)
        elif kind is StreamMessage.TICK:
            key = VerifyKey.parse(signing_key("ledger").public_key)
            restores = [one.restore for one in self._house.control().restores]
            self.ledger.accept(parse_tick_message(body), self._leaves, key, restores)
            self._leaves = []
        else:
            assert StreamMessage.TICK in self.kinds, "nothing sealed comes before the first tick"
            self._sealed(kind, body)

    def _sealed(self, kind: StreamMessage, body: bytes) -> None:
        assert self._keys is not None
        if kind is StreamMessage.FRAME:
            seq = self._frame(body, self._keys)
        elif kind is StreamMessage.OLD:
            assert StreamMessage.FRAME not in self.kinds
            seq, entry = open_old(self._keys, body)
            self.ledger.settle(entry)
            self.ledger.flush()
        elif kind is StreamMessage.NOTICE:
            seq, reason, _ = open_notice(self._keys, body)
            self.notices.append(reason)
        else:
            seq, self.ended, _ = open_end(self._keys, body)
        assert seq == self._seq
        self._seq += 1

    def _frame(self, body: bytes, keys: StreamKeys) -> int:
        frame = SealedFrame.parse(body)
        entry = frame.open_entry(keys)
        disclosure = parse_disclosure_entry(entry)
        # Logged before sent: refused unless it is the next leaf under a tick that was verified.
        self.ledger.settle(entry)
        self.ledger.flush()
        assert disclosure.seq == self._entry_seq
        self._entry_seq += 1
        shown = [
            (section.signed.digest, view.idx) for section in parse_body(frame.open_body(keys)) for view in section.views
        ]
        assert disclosure.records == len(shown)
        self.records += shown
        self.cursor = disclosure.cursor
        return frame.seq

    def check_account(self) -> None:
        """What this partner holds is the whole account, leaf for leaf."""
        account = self._house.running.book.accounts[self.account_id]
        assert not self.ledger.owed
        assert (self.ledger.held.size, self.ledger.held.root()) == (
            account.tree.size,
            account.tree.root(account.tree.size),
        )


def records_of(*batches: UnverifiedBatch) -> list[Record]:
    """(H(B), idx) of every record, in order."""
    return [(batch.signed.digest, idx) for batch in batches for idx in range(batch.signed.batch.count)]
