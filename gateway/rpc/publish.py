"""PublishService on the wire: one bytes field each way, handled without protobuf objects."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc

from gateway.rpc.boundary import Boundary, Context
from gateway.rpc.convert import unwrap, wrap
from gateway.usecases.peer import Peer
from gateway.usecases.publish import publish
from gateway.usecases.running import Running

SERVICE = "sluice.v1.PublishService"


def handler(running: Running, boundary: Boundary) -> grpc.GenericRpcHandler[bytes, bytes]:
    """The generic handler with identity serializers."""

    # A real coroutine function: a lambda returning a coroutine is taken for a synchronous handler.
    async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
        async def messages() -> AsyncIterator[bytes]:
            async for encoded in requests:
                yield unwrap(encoded)

        async def write(message: bytes) -> None:
            await context.write(wrap(message))

        async def body(peer: Peer) -> None:
            await publish(running, peer, messages(), write)

        await boundary.run(context, body)

    method = grpc.stream_stream_rpc_method_handler(serve)
    return grpc.method_handlers_generic_handler(SERVICE, {"Publish": method})
