"""A gateway for `tests.bench.revoke`: the product's own, but a party may have as many calls as the bench has streams.

Says where it listens on stdout; its log, a JSON object a line with microseconds, goes to stderr as always.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import structlog

from gateway.bootstrap import Gateway, load
from gateway.settings import read_settings

CALLS_EACH = 1200


def main() -> None:
    """The command: FOLDER, and the port to listen on."""
    folder, port = Path(sys.argv[1]), sys.argv[2]
    structlog.configure(
        processors=[structlog.processors.TimeStamper("iso"), structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    settings = replace(read_settings(folder), listen=f"127.0.0.1:{port}")
    loaded = load(settings, every_signature=False)

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

        def listening(number: int) -> None:
            sys.stdout.write(f"listening {number}\n")
            sys.stdout.flush()

        await Gateway(settings, loaded, calls_each=CALLS_EACH).serve(stop, listening)

    asyncio.run(run())


if __name__ == "__main__":
    main()
