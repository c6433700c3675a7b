"""CertificateService on the wire: convert, call, convert. Anyone may ask for its own; operators list and answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sluice.v1 import identity_pb2, identity_pb2_grpc

from gateway.core.errors import CallerError
from gateway.core.suite.numbers import HASH_BYTES, MAX_RENEWAL_BYTES, MAX_REQUEST_BYTES
from gateway.rpc.boundary import Boundary, Context
from gateway.usecases.certificates import KnownCertificate
from gateway.usecases.peer import Peer
from gateway.usecases.renewal import Mailbox


class CertificateService(identity_pb2_grpc.CertificateServiceServicer):
    """boundary: for everyone; operators: for operators, who are told whole errors."""

    def __init__(self, mailbox: Mailbox, boundary: Boundary, operators: Boundary) -> None:
        self._mailbox = mailbox
        self._boundary = boundary
        self._operators = operators

    async def Renew(  # noqa: N802 - the name is the contract's
        self, request: identity_pb2.RenewRequest, context: Context
    ) -> identity_pb2.RenewResponse:
        """The caller's next certificate, or that its request waits."""

        async def body(peer: Peer) -> identity_pb2.RenewResponse:
            _check_size(request.renewal, MAX_RENEWAL_BYTES, "renewal")
            return identity_pb2.RenewResponse(certificate=self._mailbox.renew(peer, request.renewal))

        return await self._boundary.run(context, body)

    async def ListRenewals(  # noqa: N802
        self, request: identity_pb2.ListRenewalsRequest, context: Context
    ) -> AsyncIterator[identity_pb2.ListRenewalsResponse]:
        """Requests that wait."""

        async def body(peer: Peer) -> list[bytes]:
            return self._mailbox.waiting(peer)

        async with self._operators.lasting(context):
            for encoded in await self._operators.run(context, body, takes_place=False):
                await self._operators.look_again(context)
                yield identity_pb2.ListRenewalsResponse(renewal=encoded)

    async def ListCertificates(  # noqa: N802
        self, request: identity_pb2.ListCertificatesRequest, context: Context
    ) -> AsyncIterator[identity_pb2.ListCertificatesResponse]:
        """Certificates that were met."""

        async def body(peer: Peer) -> list[KnownCertificate]:
            return self._mailbox.known(peer)

        async with self._operators.lasting(context):
            known = await self._operators.run(context, body, takes_place=False)
            since_ms, forgotten = self._mailbox.of_the_list()
            for one in known:
                await self._operators.look_again(context)
                yield identity_pb2.ListCertificatesResponse(
                    certificate=one.certificate,
                    first_used_ms=one.first_used_ms,
                    last_used_ms=one.last_used_ms,
                    issued_ms=one.issued_ms,
                    follows=bytes.fromhex(one.follows),
                    since_ms=since_ms,
                    forgotten=forgotten,
                )

    async def AnswerRenewal(  # noqa: N802
        self, request: identity_pb2.AnswerRenewalRequest, context: Context
    ) -> identity_pb2.AnswerRenewalResponse:
        """A certificate for who asked."""

        async def body(peer: Peer) -> identity_pb2.AnswerRenewalResponse:
            _check_size(request.renewal_digest, HASH_BYTES, "renewal_digest")
            _check_size(request.certificate, MAX_REQUEST_BYTES, "certificate")
            self._mailbox.answer(peer, request.renewal_digest, request.certificate)
            return identity_pb2.AnswerRenewalResponse()

        return await self._operators.run(context, body)


def _check_size(field: bytes, limit: int, name: str) -> None:
    if len(field) > limit:
        raise CallerError("size", f"`{name}` has at most {limit} bytes, {len(field)} came", at=name)
