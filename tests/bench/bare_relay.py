"""A process that relays messages over mutual TLS and does nothing else: the baseline of `hot_path`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc

from gateway.rpc.server import OPTIONS
from gateway.settings import read_settings

Context = grpc.aio.ServicerContext[bytes, bytes]


async def run(folder: Path) -> None:
    """Serves until it is ended."""
    settings = read_settings(folder)
    queues: list[asyncio.Queue[bytes]] = []

    async def publish(requests: AsyncIterator[bytes], context: Context) -> None:
        async for message in requests:
            for queue in queues:
                queue.put_nowait(message)
            await context.write(b"stored")

    async def follow(request: bytes, context: Context) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queues.append(queue)
        while True:
            await context.write(await queue.get())

    server = grpc.aio.server(options=OPTIONS)
    handlers = {
        "Publish": grpc.stream_stream_rpc_method_handler(publish),
        "Follow": grpc.unary_stream_rpc_method_handler(follow),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bare.Relay", handlers),))
    pair = (settings.tls_key.read_bytes(), settings.certificate.read_bytes())
    roots = settings.roots.read_bytes()
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair], roots, require_client_auth=True))
    await server.start()
    sys.stdout.write(f"listening {port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
