"""A wire between clients and gateways that a test can turn: each new connection goes where the test says, or is cut.

It sees ciphertext only. What happens to a gateway between a look at its certificate and the call that follows happens
exactly then, because the call's connection waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

CHUNK = 64 * 1024


class Relay:
    """route: is asked for the port of each connection, by its number from 1, before a byte of it is passed on."""

    def __init__(self, route: Callable[[int], Awaitable[int]]) -> None:
        self._route = route
        self._ends: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.port = 0

    @property
    def endpoint(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Every connection breaks; new ones are taken."""
        for writer in list(self._ends):
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end closes it."""
        self.connections += 1
        self._ends.add(writer)
        try:
            port = await self._route(self.connections)
            with suppress(OSError):
                onward, outward = await asyncio.open_connection("127.0.0.1", port)
                self._ends.add(outward)
                await asyncio.gather(_pass(reader, outward), _pass(onward, writer))
                self._ends.discard(outward)
        finally:
            self._ends.discard(writer)
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relaying(route: Callable[[int], Awaitable[int]]) -> AsyncIterator[Relay]:
    """A relay on loopback."""
    relay = Relay(route)
    server = await asyncio.start_server(relay.carry, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
