"""LedgerService on the wire: one reading, slice by slice; who asks is looked at again before each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

from sluice.v1 import ledger_pb2, ledger_pb2_grpc

from gateway.core.errors import CallerError, Refused
from gateway.core.suite.numbers import ID_BYTES
from gateway.core.suite.octets import is_name
from gateway.rpc.boundary import Boundary, Context
from gateway.usecases.peer import Peer
from gateway.usecases.read_accounts import AccountsReading, Asked, BatchIndex, read_accounts
from gateway.usecases.running import Running


class LedgerService(ledger_pb2_grpc.LedgerServiceServicer):
    """Operators only; errors are told whole."""

    def __init__(self, running: Running, boundary: Boundary) -> None:
        self._running = running
        self._boundary = boundary
        self._index = BatchIndex(running.journals)
        self._folding = False

    async def ReadAccounts(  # noqa: N802 - the name is the contract's
        self, request: ledger_pb2.ReadAccountsRequest, context: Context
    ) -> AsyncIterator[ledger_pb2.ReadAccountsResponse]:
        """Every account under the newest tick."""

        async def begin(peer: Peer) -> AccountsReading:
            asked = _asked(request)
            if asked.ended:
                place.enter_context(self._folding_alone())
            return await read_accounts(self._running, self._index, peer, asked)

        async def more(peer: Peer) -> list[bytes] | None:
            return next(slices, None)

        with ExitStack() as place:
            async with self._boundary.lasting(context):
                reading = await self._boundary.run(context, begin, takes_place=False)
                slices, nodes = reading.slices(), reading.ledger_nodes
                while (items := await self._boundary.run(context, more, takes_place=False)) is not None:
                    if items:
                        yield ledger_pb2.ReadAccountsResponse(ledger_nodes=nodes, items=items)
                        nodes = []
                    await asyncio.sleep(0)

    @contextmanager
    def _folding_alone(self) -> Iterator[None]:
        """For one reading of what is over: it holds a whole book of its own. Refuses `busy` to a second one."""
        if self._folding:
            raise Refused("busy", "an incarnation that is over is read by one at a time", at="ended")
        self._folding = True
        try:
            yield
        finally:
            self._folding = False


def _asked(request: ledger_pb2.ReadAccountsRequest) -> Asked:
    """Refuses `malformed`."""
    partner_id, incarnation = request.partner_id, request.incarnation
    if partner_id and not is_name(partner_id):
        raise CallerError("malformed", "a partner is named by its id, or not at all", at="partner_id")
    for named in (incarnation, request.ended):
        if len(named) not in {0, ID_BYTES}:
            raise CallerError("malformed", f"an incarnation has {ID_BYTES} bytes, {len(named)} came")
    return Asked(partner_id, incarnation, request.next_tick, request.ended)
