"""The calls an operator makes: read the chain of statements, list what is pending, propose, approve, reject.

Nothing a gateway answers here is believed: entries and changes are bytes for `chain.py` to verify. What it says of a
proposal (applied or pending, when effective) is its answer and is shown as such.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import grpc
from sluice.v1 import govern_pb2, identity_pb2, ledger_pb2

from clients.channel import Line, plain, translated
from clients.connection import Connection, unreachable
from clients.health import read_health
from clients.operator.answers import ChangeState, Condition, Fork, Outcome, PendingChange, ShownCertificate
from clients.renewal import asked
from gateway.core.control.renewal import Renewal
from gateway.core.errors import Refused

CALL_SECONDS = 30.0
READ_SECONDS = 3600.0
MAX_CHANGES = 256
_SERVICE = "/sluice.v1.GovernService/"
_CERTIFICATES = "/sluice.v1.CertificateService/"
_READ_ACCOUNTS = "/sluice.v1.LedgerService/ReadAccounts"


class Governance:
    """An open line to the service; every method raises errors of our tree only.

    An officer reads for as long as it takes, and a connection that is silent meanwhile is closed by the gateway: each
    call asks the line for one that stands.
    """

    def __init__(self, line: Line, endpoint: str) -> None:
        self._line = line
        self._endpoint = endpoint

    async def propose(self, statement: bytes, signatures: bytes, attachments: Sequence[bytes], reason: str) -> Outcome:
        """Hands in a signed statement."""
        call = (await self._line.channel()).unary_unary(
            _SERVICE + "Propose",
            request_serializer=govern_pb2.ProposeRequest.SerializeToString,
            response_deserializer=govern_pb2.ProposeResponse.FromString,
        )
        request = govern_pb2.ProposeRequest(
            statement=statement, signatures=signatures, attachments=attachments, reason=reason
        )
        with _our_errors(self._endpoint):
            return _outcome(await call(request, timeout=CALL_SECONDS))

    async def approve(self, change_id: str, signatures: bytes, reason: str) -> Outcome:
        """Adds signatures to a pending change; the gateway keeps those it has."""
        call = (await self._line.channel()).unary_unary(
            _SERVICE + "Approve",
            request_serializer=govern_pb2.ApproveRequest.SerializeToString,
            response_deserializer=govern_pb2.ApproveResponse.FromString,
        )
        request = govern_pb2.ApproveRequest(change_id=change_id, signatures=signatures, reason=reason)
        with _our_errors(self._endpoint):
            return _outcome(await call(request, timeout=CALL_SECONDS))

    async def reject(self, change_id: str, reason: str) -> tuple[str, ...]:
        """Takes a pending change off the gateway's list; ids of the changes that are overtaken by this."""
        call = (await self._line.channel()).unary_unary(
            _SERVICE + "Reject",
            request_serializer=govern_pb2.RejectRequest.SerializeToString,
            response_deserializer=govern_pb2.RejectResponse.FromString,
        )
        request = govern_pb2.RejectRequest(change_id=change_id, reason=reason)
        with _our_errors(self._endpoint):
            response = await call(request, timeout=CALL_SECONDS)
        return tuple(plain(one) for one in response.overtaken[:MAX_CHANGES])

    async def changes(self) -> tuple[PendingChange, ...]:
        """Pending changes, oldest first; refuses more than an officer could ever read."""
        call = (await self._line.channel()).unary_unary(
            _SERVICE + "ListChanges",
            request_serializer=govern_pb2.ListChangesRequest.SerializeToString,
            response_deserializer=govern_pb2.ListChangesResponse.FromString,
        )
        with _our_errors(self._endpoint):
            response = await call(govern_pb2.ListChangesRequest(), timeout=CALL_SECONDS)
        if len(response.changes) > MAX_CHANGES:
            raise Refused("too-many-changes", f"at most {MAX_CHANGES} changes may be pending", at=self._endpoint)
        return tuple(
            PendingChange(
                plain(change.change_id),
                change.statement,
                change.signatures,
                tuple(change.attachments),
                plain(change.reason),
                change.signatures_need,
            )
            for change in response.changes
        )

    async def renew(self, renewal: Renewal) -> bytes:
        """The next certificate of who asks, DER and not looked at; empty while nobody has answered."""
        return await asked(await self._line.channel(), self._endpoint, renewal)

    async def renewals(self) -> AsyncIterator[bytes]:
        """Requests for certificates that wait for an answer, unverified."""
        call = (await self._line.channel()).unary_stream(
            _CERTIFICATES + "ListRenewals",
            request_serializer=identity_pb2.ListRenewalsRequest.SerializeToString,
            response_deserializer=identity_pb2.ListRenewalsResponse.FromString,
        )
        with _our_errors(self._endpoint):
            async for response in call(identity_pb2.ListRenewalsRequest(), timeout=CALL_SECONDS):
                yield response.renewal

    async def certificates(self) -> AsyncIterator[ShownCertificate]:
        """Certificates that the gateway has seen in use or handed on since it started, unverified."""
        call = (await self._line.channel()).unary_stream(
            _CERTIFICATES + "ListCertificates",
            request_serializer=identity_pb2.ListCertificatesRequest.SerializeToString,
            response_deserializer=identity_pb2.ListCertificatesResponse.FromString,
        )
        with _our_errors(self._endpoint):
            async for one in call(identity_pb2.ListCertificatesRequest(), timeout=CALL_SECONDS):
                yield ShownCertificate(
                    one.certificate,
                    one.first_used_ms,
                    one.last_used_ms,
                    one.issued_ms,
                    one.follows,
                    one.since_ms,
                    one.forgotten,
                )

    async def answer_renewal(self, digest: bytes, certificate: bytes) -> None:
        """Hands in the certificate, DER, that answers a request, which is named by its digest."""
        call = (await self._line.channel()).unary_unary(
            _CERTIFICATES + "AnswerRenewal",
            request_serializer=identity_pb2.AnswerRenewalRequest.SerializeToString,
            response_deserializer=identity_pb2.AnswerRenewalResponse.FromString,
        )
        request = identity_pb2.AnswerRenewalRequest(renewal_digest=digest, certificate=certificate)
        with _our_errors(self._endpoint):
            await call(request, timeout=CALL_SECONDS)

    async def condition(self) -> Condition:
        """What the gateway says of its clocks, of forks and of the keys it uses; unverified."""
        call = (await self._line.channel()).unary_unary(
            _SERVICE + "ReadCondition",
            request_serializer=govern_pb2.ReadConditionRequest.SerializeToString,
            response_deserializer=govern_pb2.ReadConditionResponse.FromString,
        )
        with _our_errors(self._endpoint):
            response = await call(govern_pb2.ReadConditionRequest(), timeout=CALL_SECONDS)
        forks = tuple(Fork(plain(one.source_id), one.kept, one.refused) for one in response.forks[:MAX_CHANGES])
        return Condition(
            response.timed, response.wall_ms, response.now_ms, forks, tuple(response.keys_in_use[:MAX_CHANGES])
        )

    async def health(self) -> str:
        """What the gateway says of itself: `SERVING` or another state."""
        with _our_errors(self._endpoint):
            return await read_health(await self._line.channel())

    async def read_control(self, from_position: int) -> AsyncIterator[bytes]:
        """Control entries from a position to the head, ascending, unverified."""
        call = (await self._line.channel()).unary_stream(
            _SERVICE + "ReadControl",
            request_serializer=govern_pb2.ReadControlRequest.SerializeToString,
            response_deserializer=govern_pb2.ReadControlResponse.FromString,
        )
        with _our_errors(self._endpoint):
            async for response in call(
                govern_pb2.ReadControlRequest(from_position=from_position), timeout=CALL_SECONDS
            ):
                yield response.entry

    async def shown_accounts(
        self, partner_id: str, incarnation: bytes, next_tick: int, ended: bytes = b""
    ) -> AsyncIterator[tuple[list[bytes], list[bytes]]]:
        """(ledger nodes, items with their type byte) of each answer, unverified. partner_id: empty for all."""
        call = (await self._line.channel()).unary_stream(
            _READ_ACCOUNTS,
            request_serializer=ledger_pb2.ReadAccountsRequest.SerializeToString,
            response_deserializer=ledger_pb2.ReadAccountsResponse.FromString,
        )
        request = ledger_pb2.ReadAccountsRequest(
            partner_id=partner_id, incarnation=incarnation, next_tick=next_tick, ended=ended
        )
        with _our_errors(self._endpoint):
            async for response in call(request, timeout=READ_SECONDS):
                yield list(response.ledger_nodes), list(response.items)


@asynccontextmanager
async def open_governance(connection: Connection) -> AsyncIterator[Governance]:
    """Connects, and closes behind the caller."""
    line = Line(connection)
    try:
        await line.channel()
        yield Governance(line, connection.endpoint)
    finally:
        await line.close()


@contextmanager
def _our_errors(endpoint: str) -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        ours = translated(error)
        raise (unreachable(endpoint) if ours.code == "gateway-unreachable" else ours) from error


def _outcome(response: govern_pb2.ProposeResponse | govern_pb2.ApproveResponse) -> Outcome:
    try:
        state = ChangeState(response.state)
    except ValueError as error:
        # Unknown means no: an answer that is not understood must never be read as "applied".
        raise Refused("answer-unknown", "the answer must say APPLIED or PENDING, it says neither") from error
    return Outcome(
        plain(response.change_id),
        state,
        response.position,
        response.signatures_have,
        response.signatures_need,
        response.effective_at_ms,
        response.streams_ended,
    )
