"""A process that relays messages over mutual TLS and does nothing else: the baseline of `hot_path` and `revoke`.

SIGUSR1 ends every stream; when it was heard is said on stdout, UTC nanoseconds.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
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
    cut = asyncio.Event()

    async def publish(requests: AsyncIterator[bytes], context: Context) -> None:
        async for message in requests:
            for queue in queues:
                queue.put_nowait(message)
            await context.write(b"stored")

    async def follow(request: bytes, context: Context) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queues.append(queue)
        if request:
            await context.write(request)
        while not cut.is_set():
            message = await queue.get()
            if message:
                await context.write(message)

    def end_all() -> None:
        sys.stdout.write(f"cut {time.time_ns()}\n")
        sys.stdout.flush()
        cut.set()
        for queue in queues:
            queue.put_nowait(b"")

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, end_all)

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
