"""ReleaseService on the wire: Follow with identity serializers, SendReceipt as a plain call."""

from __future__ import annotations

import grpc

from gateway.rpc.boundary import Boundary, Context
from gateway.rpc.convert import unwrap, wrap
from gateway.usecases.peer import Peer
from gateway.usecases.receive import receive_receipt
from gateway.usecases.release import follow
from gateway.usecases.running import Running

SERVICE = "sluice.v1.ReleaseService"


def handler(running: Running, boundary: Boundary) -> grpc.GenericRpcHandler[bytes, bytes]:
    """The generic handler with identity serializers."""

    async def serve(request: bytes, context: Context) -> None:
        presented = [value for name, value in context.invocation_metadata() or () if name == "authorization"]

        async def write(message: bytes) -> None:
            await context.write(wrap(message))

        async def body(peer: Peer) -> None:
            await follow(running, peer, unwrap(request), write, presented)

        await boundary.run(context, body)

    async def send_receipt(request: bytes, context: Context) -> bytes:
        async def body(peer: Peer) -> bytes:
            await receive_receipt(running, peer, unwrap(request))
            return b""

        return await boundary.run(context, body)

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Follow": grpc.unary_stream_rpc_method_handler(serve),
            "SendReceipt": grpc.unary_unary_rpc_method_handler(send_receipt),
        },
    )
