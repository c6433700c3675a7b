"""GovernService on the wire: convert, call, convert."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

from sluice.v1 import govern_pb2, govern_pb2_grpc

from gateway.core.control.entry import ControlEntry
from gateway.core.control.statement import (
    SignedStatement,
    encode_signatures,
    parse_signatures,
    parse_statement,
)
from gateway.core.errors import CallerError
from gateway.rpc.boundary import Boundary, Context
from gateway.usecases.govern import Government, Outcome
from gateway.usecases.peer import Peer

MAX_REASON_BYTES = 1024
MAX_ATTACHMENTS = 4

# The contract gives each call its own answer; what became of a change is said in both alike.
_Answer = TypeVar("_Answer", govern_pb2.ProposeResponse, govern_pb2.ApproveResponse)


class GovernService(govern_pb2_grpc.GovernServiceServicer):
    """Operators only; errors are told whole."""

    def __init__(self, government: Government, boundary: Boundary) -> None:
        self._government = government
        self._boundary = boundary

    async def Propose(  # noqa: N802 - the name is the contract's
        self, request: govern_pb2.ProposeRequest, context: Context
    ) -> govern_pb2.ProposeResponse:
        """A statement with its first signatures."""

        async def body(peer: Peer) -> govern_pb2.ProposeResponse:
            _check_bounds(request.reason, len(request.attachments))
            signed = SignedStatement(parse_statement(request.statement), parse_signatures(request.signatures))
            entry = ControlEntry(signed, tuple(request.attachments), 0)
            outcome = await self._government.propose(peer, entry, request.reason)
            return _answer(govern_pb2.ProposeResponse, outcome)

        return await self._boundary.run(context, body)

    async def Approve(  # noqa: N802
        self, request: govern_pb2.ApproveRequest, context: Context
    ) -> govern_pb2.ApproveResponse:
        """More signatures for a pending change."""

        async def body(peer: Peer) -> govern_pb2.ApproveResponse:
            _check_bounds(request.reason, 0)
            signatures = parse_signatures(request.signatures)
            outcome = await self._government.approve(peer, request.change_id, signatures, request.reason)
            return _answer(govern_pb2.ApproveResponse, outcome)

        return await self._boundary.run(context, body)

    async def Reject(  # noqa: N802
        self, request: govern_pb2.RejectRequest, context: Context
    ) -> govern_pb2.RejectResponse:
        """A pending change that is not wanted."""

        async def body(peer: Peer) -> govern_pb2.RejectResponse:
            _check_bounds(request.reason, 0)
            overtaken = await self._government.reject(peer, request.change_id, request.reason)
            return govern_pb2.RejectResponse(change_id=request.change_id, overtaken=overtaken)

        return await self._boundary.run(context, body)

    async def ListChanges(  # noqa: N802
        self, request: govern_pb2.ListChangesRequest, context: Context
    ) -> govern_pb2.ListChangesResponse:
        """Pending changes."""

        async def body(peer: Peer) -> govern_pb2.ListChangesResponse:
            changes = [
                govern_pb2.Change(
                    change_id=change.change_id,
                    statement=change.statement.encode(),
                    signatures=encode_signatures(change.entry.signed.signatures),
                    attachments=change.entry.attachments,
                    reason=change.reason,
                    signatures_need=change.progress.need,
                )
                for change in self._government.changes(peer)
            ]
            return govern_pb2.ListChangesResponse(changes=changes)

        return await self._boundary.run(context, body)

    async def ReadCondition(  # noqa: N802
        self, request: govern_pb2.ReadConditionRequest, context: Context
    ) -> govern_pb2.ReadConditionResponse:
        """What the gateway says of itself."""

        async def body(peer: Peer) -> govern_pb2.ReadConditionResponse:
            found = self._government.condition(peer)
            return govern_pb2.ReadConditionResponse(
                timed=found.is_timed,
                wall_ms=found.wall_ms,
                now_ms=found.now_ms,
                forks=[
                    govern_pb2.Fork(source_id=source, kept=kept, refused=refused)
                    for source, kept, refused in found.forks
                ],
                keys_in_use=found.keys_in_use,
            )

        return await self._boundary.run(context, body)

    async def ReadControl(  # noqa: N802
        self, request: govern_pb2.ReadControlRequest, context: Context
    ) -> AsyncIterator[govern_pb2.ReadControlResponse]:
        """CONTROL from a position to its present end."""

        async def body(peer: Peer) -> list[bytes]:
            return self._government.entries(peer, position)

        position = request.from_position
        async with self._boundary.lasting(context):
            while entries := await self._boundary.run(context, body, takes_place=False):
                for entry in entries:
                    await self._boundary.look_again(context)
                    yield govern_pb2.ReadControlResponse(entry=entry)
                position += len(entries)


def _check_bounds(reason: str, attachments: int) -> None:
    if len(reason.encode()) > MAX_REASON_BYTES or attachments > MAX_ATTACHMENTS:
        raise CallerError("size", f"a reason has {MAX_REASON_BYTES} bytes and a change {MAX_ATTACHMENTS} attachments")


def _answer(kind: type[_Answer], outcome: Outcome) -> _Answer:
    return kind(
        change_id=outcome.change_id,
        state="APPLIED" if outcome.applied else "PENDING",
        position=outcome.position,
        signatures_have=outcome.progress.have,
        signatures_need=outcome.progress.need,
        effective_at_ms=outcome.effective_at_ms,
        streams_ended=outcome.streams_ended,
    )
